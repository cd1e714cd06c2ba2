package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/store"
)

var modelTests = []test{
	{"agrees with a map after any calls", func(b *bench) {
		run := 0
		rapid.Check(b.T, func(rt *rapid.T) {
			run++ // shrinking runs again, on the same table, in partitions of its own
			m := &model{
				bench:   &bench{b.T, b.ctx, b.table, fmt.Sprintf("%s%d#", b.prefix, run)},
				rt:      rt,
				stored:  map[store.Key]store.Item{},
				history: map[store.Key][]store.Item{},
			}
			rt.Repeat(map[string]func(*rapid.T){
				"write":    m.write,
				"get":      m.get,
				"batchget": m.batchGet,
				"query":    m.query,
				"purge":    m.purge,
				"":         func(*rapid.T) {},
			})
			m.compareOrderings()
		})
	}},
}

// model is what a table should do, in its simplest form.
type model struct {
	*bench
	rt      *rapid.T
	stored  map[store.Key]store.Item
	history map[store.Key][]store.Item // everything ever written: what an ordering may show
}

var (
	modelPartitions = []string{"p", "p!", "q"}
	modelSorts      = []string{"a", "a!", "b", "c"}
	modelOrderings  = []string{OrderingOne, OrderingTwo}
)

func (m *model) drawKey(rt *rapid.T) store.Key {
	return m.key(rapid.SampledFrom(modelPartitions).Draw(rt, "partition"), rapid.SampledFrom(modelSorts).Draw(rt, "sort"))
}

func (m *model) drawItem(rt *rapid.T, k store.Key) store.Item {
	it := store.Item{Key: k, Data: []byte(rapid.StringN(0, 8, 32).Draw(rt, "data"))}
	for _, o := range modelOrderings {
		if rapid.Bool().Draw(rt, "stands in "+o) {
			it.Entries = append(it.Entries, store.Entry{
				Ordering:  o,
				Partition: m.part(rapid.SampledFrom(modelPartitions).Draw(rt, "in partition")),
				Sort:      rapid.SampledFrom(modelSorts).Draw(rt, "at sort"),
			})
		}
	}
	if rapid.IntRange(0, 3).Draw(rt, "expires") == 0 {
		it.Expires = longAgo.Add(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "in")) * time.Second)
	}
	return it
}

func (m *model) drawCondition(rt *rapid.T, k store.Key, remove bool) store.Condition {
	switch n := rapid.IntRange(0, 9).Draw(rt, "condition"); {
	case n == 0:
		return store.IfVersion(rapid.Int64Range(1, 5).Draw(rt, "version"))
	case n == 1:
		return store.IfAbsent()
	case n <= 3 && remove:
		return store.Always()
	}
	return store.Condition{Version: m.stored[k].Version} // holds
}

func (m *model) write(rt *rapid.T) {
	var ops []store.Op
	used := map[store.Key]bool{}
	for range rapid.IntRange(1, 4).Draw(rt, "operations") {
		k := m.drawKey(rt)
		if used[k] {
			continue
		}
		used[k] = true
		if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
			ops = append(ops, store.Delete(k, m.drawCondition(rt, k, true)))
		} else {
			ops = append(ops, store.Put(m.drawItem(rt, k), m.drawCondition(rt, k, false)))
		}
	}
	conflicting := map[int]bool{}
	for i, op := range ops {
		if !op.If.Any && op.If.Version != m.stored[op.Item.Key].Version {
			conflicting[i] = true
		}
	}
	err := m.table.Write(m.ctx, ops...)
	if len(conflicting) > 0 {
		var c *store.ConflictError
		if !errors.As(err, &c) || !conflicting[c.Index] || c.Key != ops[c.Index].Item.Key {
			rt.Fatalf("Write = %v, want a conflict in one of the operations %v", err, slices.Sorted(maps.Keys(conflicting)))
		}
		return
	}
	if err != nil {
		rt.Fatalf("Write = %v, want success", err)
	}
	for _, op := range ops {
		if op.Delete {
			delete(m.stored, op.Item.Key)
			continue
		}
		it := withVersion(op.Item, op.If.Version+1)
		m.stored[op.Item.Key] = it
		m.history[op.Item.Key] = append(m.history[op.Item.Key], it)
	}
}

func (m *model) get(rt *rapid.T) {
	k := m.drawKey(rt)
	got, err := m.table.Get(m.ctx, k)
	want, exists := m.stored[k]
	if !exists {
		if !errors.Is(err, store.ErrNotFound) {
			rt.Fatalf("Get(%s) = %+v, %v, want ErrNotFound", k, got, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("Get(%s) = %v, want version %d", k, err, want.Version)
	}
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
		rt.Fatalf("Get(%s) differs (-want +got):\n%s", k, diff)
	}
}

func (m *model) batchGet(rt *rapid.T) {
	var keys []store.Key
	var want []store.Item
	for range rapid.IntRange(0, 5).Draw(rt, "keys") {
		k := m.drawKey(rt)
		if it, ok := m.stored[k]; ok && !slices.Contains(keys, k) {
			want = append(want, it)
		}
		keys = append(keys, k)
	}
	got, err := m.table.BatchGet(m.ctx, keys)
	if err != nil {
		rt.Fatalf("BatchGet(%v) = %v", keys, err)
	}
	slices.SortFunc(got, compareItemKeys)
	slices.SortFunc(want, compareItemKeys)
	if diff := cmp.Diff(plainAll(want), plainAll(got)); diff != "" {
		rt.Fatalf("BatchGet(%v) differs (-want +got):\n%s", keys, diff)
	}
}

// query compares a query by key; one of an ordering must only show what once was.
func (m *model) query(rt *rapid.T) {
	bound := rapid.SampledFrom(append([]string{"", "a\x01", "zz"}, modelSorts...))
	q := store.Query{
		Ordering:   rapid.SampledFrom([]string{"", OrderingOne, OrderingTwo}).Draw(rt, "ordering"),
		Partition:  m.part(rapid.SampledFrom(modelPartitions).Draw(rt, "partition")),
		From:       bound.Draw(rt, "from"),
		Before:     bound.Draw(rt, "before"),
		Descending: rapid.Bool().Draw(rt, "descending"),
		Limit:      rapid.IntRange(1, 5).Draw(rt, "limit"),
	}
	got := m.all(q)
	if q.Ordering == "" {
		if diff := cmp.Diff(plainAll(m.answer(q)), plainAll(got)); diff != "" {
			rt.Fatalf("Query(%+v) differs (-want +got):\n%s", q, diff)
		}
		return
	}
	for _, it := range got {
		once := slices.ContainsFunc(m.history[it.Key], func(h store.Item) bool { return cmp.Equal(plain(h), plain(it)) })
		if !once {
			rt.Fatalf("Query(%+v) shows what was never written: %+v", q, plain(it))
		}
		if e, in := entryIn(it, q.Ordering); !in || e.Partition != q.Partition || e.Sort < q.From || q.Before != "" && e.Sort >= q.Before {
			rt.Fatalf("Query(%+v) shows an item that stands elsewhere: %+v", q, plain(it))
		}
	}
}

func (m *model) purge(rt *rapid.T) {
	p, ok := m.table.(store.Purger)
	if !ok {
		return
	}
	now := longAgo.Add(time.Duration(rapid.IntRange(-6, 6).Draw(rt, "now")) * time.Second)
	const enough = 1000 // earlier runs may have left some
	if _, err := p.Purge(m.ctx, now, enough); err != nil {
		rt.Fatalf("Purge = %v", err)
	}
	maps.DeleteFunc(m.stored, func(_ store.Key, it store.Item) bool {
		return !it.Expires.IsZero() && it.Expires.Before(now)
	})
}

// answer is what a query gives when nothing lags.
func (m *model) answer(q store.Query) []store.Item {
	type found struct {
		sort string
		item store.Item
	}
	var all []found
	for _, it := range m.stored {
		e := store.Entry{Partition: it.Key.Partition, Sort: it.Key.Sort}
		if q.Ordering != "" {
			var in bool
			if e, in = entryIn(it, q.Ordering); !in {
				continue
			}
		}
		if e.Partition == q.Partition && e.Sort >= q.From && (q.Before == "" || e.Sort < q.Before) {
			all = append(all, found{e.Sort, it})
		}
	}
	slices.SortFunc(all, func(x, y found) int {
		if c := strings.Compare(x.sort, y.sort); c != 0 {
			return c
		}
		return compareItemKeys(x.item, y.item)
	})
	if q.Descending {
		slices.Reverse(all)
	}
	var items []store.Item
	for _, f := range all {
		items = append(items, f.item)
	}
	return items
}

// compareOrderings waits until all orderings show exactly what is stored.
func (m *model) compareOrderings() {
	for _, o := range modelOrderings {
		for _, p := range modelPartitions {
			q := store.Query{Ordering: o, Partition: m.part(p), Limit: 3}
			complaint := m.eventually(func() string { return cmp.Diff(plainAll(m.answer(q)), plainAll(m.all(q))) })
			if complaint != "" {
				m.rt.Fatalf("Query(%+v) differs still after %v (-want +got):\n%s", q, lagBound, complaint)
			}
		}
	}
}

func entryIn(it store.Item, ordering string) (store.Entry, bool) {
	for _, e := range it.Entries {
		if e.Ordering == ordering {
			return e, true
		}
	}
	return store.Entry{}, false
}
