package storetest

import (
	"errors"
	"fmt"

	"github.com/packhorse-batch/packhorse/store"
)

var writeTests = []test{
	{"makes a new item version 1 and each write one more", func(b *bench) {
		it := b.item("job", "state", "a")
		it.Version = 77 // is ignored
		b.create(it)
		for v := int64(1); v <= 5; v++ {
			b.wantStored(it, v)
			it.Data = fmt.Append(nil, "data ", v)
			b.write(store.Put(it, store.IfVersion(v)))
		}
		b.wantStored(it, 6)
	}},
	{"replaces data, entries and expiry altogether", func(b *bench) {
		it := b.placed("a", "old", "queue", "1")
		it.Expires = inAnHour()
		b.create(it)
		it.Data, it.Entries, it.Expires = []byte("new"), nil, never
		b.write(store.Put(it, store.IfVersion(1)))
		b.wantStored(it, 2)
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10})
	}},
	{"does what many operations say, all at once", func(b *bench) {
		b.create(b.item("job", "changed", "old"), b.item("job", "deleted", "x"), b.item("job", "gone", "x"))
		b.write(
			store.Put(b.item("job", "new", "n"), store.IfAbsent()),
			store.Put(b.item("job", "changed", "c"), store.IfVersion(1)),
			store.Delete(b.key("job", "deleted"), store.IfVersion(1)),
			store.Delete(b.key("job", "gone"), store.Always()),
			store.Delete(b.key("job", "never"), store.Always()),
			store.Delete(b.key("job", "neither"), store.IfAbsent()), // only checks
		)
		b.wantStored(b.item("job", "new", "n"), 1)
		b.wantStored(b.item("job", "changed", "c"), 2)
		for _, s := range []string{"deleted", "gone", "never", "neither"} {
			b.wantAbsent(b.key("job", s))
		}
	}},
	{"takes as many operations as the limit allows", func(b *bench) {
		var items []store.Item
		for i := range store.MaxWrite {
			items = append(items, b.item(fmt.Sprint("job", i%7), fmt.Sprint(i), "x"))
		}
		b.create(items...)
		for _, it := range items {
			b.wantStored(it, 1)
		}
	}},
	{"starts at version 1 again after a delete", func(b *bench) {
		it := b.item("job", "state", "a")
		b.create(it)
		b.write(store.Put(it, store.IfVersion(1)))
		b.write(store.Delete(it.Key, store.IfVersion(2)))
		b.wantAbsent(it.Key)
		b.create(it)
		b.wantStored(it, 1)
	}},
}

var conflictTests = []test{
	{"decides each condition by what is stored", func(b *bench) {
		put := func(c store.Condition) func(k store.Key) store.Op {
			return func(k store.Key) store.Op { return store.Put(store.Item{Key: k, Data: []byte("new")}, c) }
		}
		del := func(c store.Condition) func(k store.Key) store.Op {
			return func(k store.Key) store.Op { return store.Delete(k, c) }
		}
		tests := []struct {
			name   string
			stored int64 // version before; 0 is absent
			op     func(store.Key) store.Op
			want   int64 // version after; -1 is a conflict
		}{
			{"put IfAbsent on nothing", 0, put(store.IfAbsent()), 1},
			{"put IfAbsent on an item", 1, put(store.IfAbsent()), -1},
			{"put IfVersion on nothing", 0, put(store.IfVersion(1)), -1},
			{"put IfVersion on it", 2, put(store.IfVersion(2)), 3},
			{"put IfVersion on an older", 1, put(store.IfVersion(2)), -1},
			{"put IfVersion on a newer", 3, put(store.IfVersion(2)), -1},
			{"delete IfAbsent on nothing", 0, del(store.IfAbsent()), 0},
			{"delete IfAbsent on an item", 1, del(store.IfAbsent()), -1},
			{"delete IfVersion on nothing", 0, del(store.IfVersion(1)), -1},
			{"delete IfVersion on it", 2, del(store.IfVersion(2)), 0},
			{"delete IfVersion on an older", 1, del(store.IfVersion(2)), -1},
			{"delete IfVersion on a newer", 3, del(store.IfVersion(2)), -1},
			{"delete Always on nothing", 0, del(store.Always()), 0},
			{"delete Always on an item", 2, del(store.Always()), 0},
		}
		for i, tt := range tests {
			old := b.item("job", fmt.Sprint(i), "old")
			b.bring(old, tt.stored)
			err := b.table.Write(b.ctx, tt.op(old.Key))
			switch {
			case tt.want == -1:
				b.wantConflict(tt.name, err, 0, old.Key)
				if tt.stored == 0 {
					b.wantAbsent(old.Key)
				} else {
					b.wantStored(old, tt.stored)
				}
			case err != nil:
				b.Errorf("%s = %v, want success", tt.name, err)
			case tt.want == 0:
				b.wantAbsent(old.Key)
			default:
				old.Data = []byte("new")
				b.wantStored(old, tt.want)
			}
		}
	}},
	{"anywhere in a Write keeps all of it from happening", func(b *bench) {
		conflicts := []struct {
			name   string
			stored int64
			op     func(store.Item) store.Op
		}{
			{"a put of an existing item", 1, func(it store.Item) store.Op { return store.Put(it, store.IfAbsent()) }},
			{"a put at a stale version", 2, func(it store.Item) store.Op { return store.Put(it, store.IfVersion(1)) }},
			{"a put at a version of nothing", 0, func(it store.Item) store.Op { return store.Put(it, store.IfVersion(1)) }},
			{"a delete at a stale version", 2, func(it store.Item) store.Op { return store.Delete(it.Key, store.IfVersion(1)) }},
			{"a delete of what should be absent", 1, func(it store.Item) store.Op { return store.Delete(it.Key, store.IfAbsent()) }},
		}
		for i, c := range conflicts {
			for position := range 4 {
				b.conflictAt(fmt.Sprintf("%d-%d", i, position), c.name, c.stored, c.op, position)
			}
		}
	}},
	{"of several operations names one of them", func(b *bench) {
		b.create(b.item("job", "a", "x"), b.item("job", "b", "x"))
		ops := []store.Op{
			store.Put(b.item("job", "new", "x"), store.IfAbsent()),
			store.Put(b.item("job", "a", "x"), store.IfVersion(9)),
			store.Delete(b.key("job", "b"), store.IfVersion(9)),
		}
		conflict := b.conflict("two conflicts", b.table.Write(b.ctx, ops...))
		if conflict != nil && (conflict.Index != 1 && conflict.Index != 2 || conflict.Key != ops[conflict.Index].Item.Key) {
			b.Errorf("two conflicts: error names operation %d on %s, want 1 or 2 and its key", conflict.Index, conflict.Key)
		}
		b.wantAbsent(b.key("job", "new"))
	}},
	{"leaves the orderings as they were", func(b *bench) {
		it := b.placed("a", "old", "queue", "1")
		b.create(it)
		moved := b.placed("a", "new", "queue", "2")
		err := b.table.Write(b.ctx, store.Put(moved, store.IfVersion(1)), store.Put(b.item("job", "x", "x"), store.IfVersion(1)))
		b.wantConflict("a move beside a conflict", err, 1, b.key("job", "x"))
		b.wantStored(it, 1)
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10}, withVersion(it, 1))
	}},
}

// bring writes item until it has that version; 0 leaves it absent.
func (b *bench) bring(item store.Item, version int64) {
	b.Helper()
	for v := range version {
		b.write(store.Put(item, store.Condition{Version: v}))
	}
}

// conflictAt makes a Write of four operations of which the one at position
// conflicts, and looks that nothing of it happened.
func (b *bench) conflictAt(name, what string, stored int64, op func(store.Item) store.Op, position int) {
	b.Helper()
	culprit := b.item(name, "culprit", "old")
	b.bring(culprit, stored)
	changed, deleted, absent := b.item(name, "changed", "old"), b.item(name, "deleted", "old"), b.item(name, "new", "x")
	b.create(changed, deleted)
	update := changed
	update.Data = []byte("new")
	ops := []store.Op{
		store.Put(update, store.IfVersion(1)),
		store.Delete(deleted.Key, store.IfVersion(1)),
		store.Put(absent, store.IfAbsent()),
	}
	ops = append(ops[:position:position], append([]store.Op{op(culprit)}, ops[position:]...)...)

	b.wantConflict(fmt.Sprintf("%s as operation %d", what, position), b.table.Write(b.ctx, ops...), position, culprit.Key)
	b.wantStored(changed, 1)
	b.wantStored(deleted, 1)
	b.wantAbsent(absent.Key)
	if stored > 0 {
		b.wantStored(culprit, stored)
	} else {
		b.wantAbsent(culprit.Key)
	}
}

// conflict returns the ConflictError of err, or fails.
func (b *bench) conflict(call string, err error) *store.ConflictError {
	b.Helper()
	var conflict *store.ConflictError
	if !errors.As(err, &conflict) {
		b.Errorf("%s = %v, want a *ConflictError", call, err)
		return nil
	}
	b.wantError(call, err, store.ErrConflict)
	return conflict
}

func (b *bench) wantConflict(call string, err error, index int, key store.Key) {
	b.Helper()
	if c := b.conflict(call, err); c != nil && (c.Index != index || c.Key != key) {
		b.Errorf("%s: the error names operation %d on %s, want %d on %s", call, c.Index, c.Key, index, key)
	}
}
