// Package mem keeps a store.Table in memory: for tests and for the simulator.
//
// Items live in one ordered tree, each secondary ordering in another, all behind
// one lock. Orderings do not lag here; storetest.Lagging makes them.
package mem

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Table is a store.Table and a store.Purger. Make it with Open.
type Table struct {
	mu        sync.RWMutex
	closed    bool
	items     *tree
	expiring  *tree // the items that expire, the earliest first
	orderings []*ordering
	numbers   map[string]int // name of an ordering -> its index in orderings
	squeezer  squeezer
}

type tree = btree.BTreeG[*record]

// ordering is one secondary ordering, by partition, sort and the item's key.
type ordering struct {
	name string
	tree *tree
}

var (
	_ store.Table  = (*Table)(nil)
	_ store.Purger = (*Table)(nil)
)

// Open returns an empty table.
func Open() *Table {
	return &Table{
		items:    newTree(compareKeys),
		expiring: newTree(compareExpiry),
		numbers:  make(map[string]int),
	}
}

func newTree(compare func(a, b *record) int) *tree {
	less := func(a, b *record) bool { return compare(a, b) < 0 }
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

func compareExpiry(a, b *record) int {
	ea, _ := a.expiry()
	eb, _ := b.expiry()
	switch {
	case ea < eb:
		return -1
	case ea > eb:
		return 1
	}
	return compareKeys(a, b)
}

// number returns the number of an ordering and makes it when it is new.
func (t *Table) number(name string) int {
	if n, ok := t.numbers[name]; ok {
		return n
	}
	n := len(t.orderings)
	t.orderings = append(t.orderings, &ordering{name, newTree(func(a, b *record) int {
		pa, _ := a.placeIn(n)
		pb, _ := b.placeIn(n)
		if c := bytes.Compare(pa.partition, pb.partition); c != 0 {
			return c
		}
		if c := bytes.Compare(pa.sort, pb.sort); c != 0 {
			return c
		}
		return compareKeys(a, b)
	})})
	t.numbers[name] = n
	return n
}

func (t *Table) item(r *record) store.Item {
	return r.item(func(n int) string { return t.orderings[n].name }, &t.squeezer)
}

// keyOnly is a record to search with.
func keyOnly(k store.Key) *record {
	return pack(&store.Item{Key: k}, 0, nil, nil)
}

// Get returns the item under key.
func (t *Table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if err := ctx.Err(); err != nil {
		return store.Item{}, err
	}
	if err := rules.CheckKey(key); err != nil {
		return store.Item{}, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return store.Item{}, store.ErrClosed
	}
	r, ok := t.items.Get(keyOnly(key))
	if !ok {
		return store.Item{}, store.ErrNotFound
	}
	return t.item(r), nil
}

// BatchGet returns the items that exist among keys.
func (t *Table) BatchGet(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := rules.CheckBatchGet(keys); err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return nil, store.ErrClosed
	}
	items := make([]store.Item, 0, len(keys))
	seen := make(map[store.Key]bool, len(keys))
	for _, k := range keys {
		if seen[k] {
			continue
		}
		seen[k] = true
		if r, ok := t.items.Get(keyOnly(k)); ok {
			items = append(items, t.item(r))
		}
	}
	return items, nil
}

// Write applies all operations or none.
func (t *Table) Write(ctx context.Context, ops ...store.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := rules.CheckWrite(ops); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return store.ErrClosed
	}
	for i := range ops {
		if !t.holds(&ops[i]) {
			return &store.ConflictError{Index: i, Key: ops[i].Item.Key}
		}
	}
	for i := range ops {
		if op := &ops[i]; op.Delete {
			t.remove(op.Item.Key)
		} else {
			t.put(pack(&op.Item, op.If.Version+1, t.number, &t.squeezer))
		}
	}
	return nil
}

// holds reports whether what is stored is what op expects.
func (t *Table) holds(op *store.Op) bool {
	if op.If.Any {
		return true
	}
	r, ok := t.items.Get(keyOnly(op.Item.Key))
	if !ok {
		return op.If.Version == 0
	}
	return r.version() == op.If.Version
}

func (t *Table) put(r *record) {
	if old, replaced := t.items.Set(r); replaced {
		t.forget(old)
	}
	r.places(func(n int, _ place) bool {
		t.orderings[n].tree.Set(r)
		return true
	})
	if _, expires := r.expiry(); expires {
		t.expiring.Set(r)
	}
}

func (t *Table) remove(k store.Key) {
	if old, existed := t.items.Delete(keyOnly(k)); existed {
		t.forget(old)
	}
}

// forget takes a record that is no longer stored out of the other trees.
func (t *Table) forget(old *record) {
	old.places(func(n int, _ place) bool {
		t.orderings[n].tree.Delete(old)
		return true
	})
	if _, expires := old.expiry(); expires {
		t.expiring.Delete(old)
	}
}

// Purge removes up to limit items that expired before now.
func (t *Table) Purge(ctx context.Context, now time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := rules.CheckPurge(limit); err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, store.ErrClosed
	}
	for n := range limit {
		r, ok := t.expiring.Min()
		if !ok {
			return n, nil
		}
		if seconds, _ := r.expiry(); !time.Unix(seconds, 0).Before(now) {
			return n, nil
		}
		t.items.Delete(r)
		t.forget(r)
	}
	return limit, nil
}

// Close drops everything.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.items, t.expiring, t.orderings, t.numbers, t.squeezer = nil, nil, nil, nil, squeezer{}
	return nil
}
