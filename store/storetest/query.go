package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/store"
)

// A set of sort keys whose order by bytes is not the order of anything else.
var byteOrder = []string{"\x01", " ", "!", "#", "-", "/", "0", "00", "01", "1", "10", "2", "A", "Z", "a", "a\x01", "a!", "aa", "b", "~", "\x7f", "ä", "中", "🐎"}

var queryTests = []test{
	{"gives a partition in the byte order of its sort keys", func(b *bench) {
		b.queryOrder("")
	}},
	{"gives nothing of another partition", func(b *bench) {
		mine := b.item("job", "m", "x")
		b.create(mine, b.item("jo", "m", "x"), b.item("job\x01", "m", "x"), b.item("job0", "a", "x"), b.item("joc", "a", "x"))
		q := store.Query{Partition: b.part("job"), Limit: 10}
		b.wantQuery(q, withVersion(mine, 1))
		q.Descending = true
		b.wantQuery(q, withVersion(mine, 1))
	}},
	{"of an absent partition is empty", func(b *bench) {
		b.wantQuery(store.Query{Partition: b.part("none"), Limit: 10})
		b.wantQuery(store.Query{Partition: b.part("none"), Limit: 10, Descending: true})
	}},
	{"keeps to From and Before", func(b *bench) { b.queryBounds("") }},
	{"sees every write that returned", func(b *bench) {
		it := b.item("job", "state", "0")
		b.create(it)
		for v := int64(1); v <= 20; v++ {
			it.Data = fmt.Append(nil, v)
			b.write(store.Put(it, store.IfVersion(v)))
			b.wantQuery(store.Query{Partition: it.Key.Partition, Limit: 1}, withVersion(it, v+1))
		}
		b.write(store.Delete(it.Key, store.Always()))
		b.wantQuery(store.Query{Partition: it.Key.Partition, Limit: 1})
	}},
}

// place puts items at the given sorts, into the items' own keys or an ordering,
// and returns how to query them.
func (b *bench) place(ordering string, sorts []string) (store.Query, map[string]store.Item) {
	b.Helper()
	items := make(map[string]store.Item)
	var all []store.Item
	for i, s := range sorts {
		it := b.item("p", s, s)
		if ordering != "" {
			// The own keys run the other way, so that they cannot be what sorts.
			it = b.item("p", fmt.Sprintf("%04d", len(sorts)-i), s)
			it.Entries = []store.Entry{{Ordering: ordering, Partition: b.part("p"), Sort: s}}
		}
		all = append(all, it)
		items[s] = withVersion(it, 1)
	}
	b.create(all...)
	return store.Query{Ordering: ordering, Partition: b.part("p"), Limit: store.MaxPage}, items
}

// queryOrder holds for the items' own keys and for an ordering alike.
func (b *bench) queryOrder(ordering string) {
	mixed := slices.Clone(byteOrder)
	for i := range mixed {
		j := (i * 7) % len(mixed)
		mixed[i], mixed[j] = mixed[j], mixed[i]
	}
	q, items := b.place(ordering, mixed)
	var up []store.Item
	for _, s := range byteOrder {
		up = append(up, items[s])
	}
	b.wantQuery(q, up...)
	q.Descending = true
	slices.Reverse(up)
	b.wantQuery(q, up...)
}

func (b *bench) queryBounds(ordering string) {
	q, items := b.place(ordering, []string{"a", "b", "b#1", "b#2", "c", "d"})
	tests := []struct {
		from, before string
		want         []string
	}{
		{"", "", []string{"a", "b", "b#1", "b#2", "c", "d"}},
		{"b", "", []string{"b", "b#1", "b#2", "c", "d"}},
		{"", "c", []string{"a", "b", "b#1", "b#2"}},
		{"b", "c", []string{"b", "b#1", "b#2"}},
		{"b#", "b$", []string{"b#1", "b#2"}},
		{"b#1", "b#2", []string{"b#1"}},
		{"bb", "cc", []string{"c"}},
		{"0", "zz", []string{"a", "b", "b#1", "b#2", "c", "d"}},
		{"e", "", nil},
		{"", "a", nil},
		{"b", "b", nil},
		{"c", "b", nil},
	}
	for _, tt := range tests {
		for _, limit := range []int{1, 2, store.MaxPage} {
			q.From, q.Before, q.Limit = tt.from, tt.before, limit
			var want []store.Item
			for _, s := range tt.want {
				want = append(want, items[s])
			}
			q.Descending = false
			b.wantQuery(q, want...)
			q.Descending = true
			slices.Reverse(want)
			b.wantQuery(q, want...)
		}
	}
}

var orderingTests = []test{
	{"gives its partition in the byte order of its sort keys", func(b *bench) { b.queryOrder(OrderingOne) }},
	{"keeps to From and Before", func(b *bench) { b.queryBounds(OrderingOne) }},
	{"orders ties by the items' keys", func(b *bench) {
		var want []store.Item
		for _, p := range []string{"p", "p\x01", "p!", "q"} {
			for _, s := range []string{"a", "a!", "b"} {
				it := b.item(p, s, p+s)
				it.Entries = []store.Entry{{Ordering: OrderingOne, Partition: b.part("ties"), Sort: "same"}}
				want = append(want, it)
			}
		}
		for i := range want { // written in another order
			b.create(want[(i*5)%len(want)])
		}
		for i := range want {
			want[i].Version = 1
		}
		for _, limit := range []int{1, 5, 12, 100} {
			q := store.Query{Ordering: OrderingOne, Partition: b.part("ties"), Limit: limit}
			slices.SortFunc(want, compareItemKeys)
			b.wantQuery(q, want...)
			q.Descending = true
			slices.Reverse(want)
			b.wantQuery(q, want...)
		}
	}},
	{"keeps apart what other orderings hold", func(b *bench) {
		it := b.item("job", "state", "x")
		it.Entries = []store.Entry{{Ordering: OrderingTwo, Partition: b.part("p"), Sort: "s"}}
		b.create(it)
		b.wantQuery(store.Query{Ordering: OrderingTwo, Partition: b.part("p"), Limit: 10}, withVersion(it, 1))
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("p"), Limit: 10})
		b.wantQuery(store.Query{Partition: b.part("p"), Limit: 10})
	}},
	{"shows an item in each ordering that it stands in", func(b *bench) {
		it := b.item("job", "state", "x")
		it.Entries = []store.Entry{
			{Ordering: OrderingOne, Partition: b.part("one"), Sort: "1"},
			{Ordering: OrderingTwo, Partition: b.part("two"), Sort: "2"},
		}
		b.create(it)
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("one"), Limit: 10}, withVersion(it, 1))
		b.wantQuery(store.Query{Ordering: OrderingTwo, Partition: b.part("two"), Limit: 10}, withVersion(it, 1))
	}},
	{"follows an item that moves", func(b *bench) {
		at := func(partition, sort string) store.Query {
			return store.Query{Ordering: OrderingOne, Partition: b.part(partition), From: sort, Limit: 10}
		}
		it := b.placed("a", "1", "RUNNABLE", "5")
		b.create(it)
		b.wantQuery(at("RUNNABLE", ""), withVersion(it, 1))

		it = b.placed("a", "2", "RUNNABLE", "3") // within its partition
		b.write(store.Put(it, store.IfVersion(1)))
		b.wantQuery(at("RUNNABLE", ""), withVersion(it, 2))
		b.wantQuery(at("RUNNABLE", "4"))

		it = b.placed("a", "3", "RUNNING", "3") // to another partition
		b.write(store.Put(it, store.IfVersion(2)))
		b.wantQuery(at("RUNNABLE", ""))
		b.wantQuery(at("RUNNING", ""), withVersion(it, 3))

		it.Entries[0].Ordering = OrderingTwo // to another ordering
		b.write(store.Put(it, store.IfVersion(3)))
		b.wantQuery(at("RUNNING", ""))
		b.wantQuery(store.Query{Ordering: OrderingTwo, Partition: b.part("RUNNING"), Limit: 10}, withVersion(it, 4))

		it.Entries = nil // out of all
		b.write(store.Put(it, store.IfVersion(4)))
		b.wantQuery(store.Query{Ordering: OrderingTwo, Partition: b.part("RUNNING"), Limit: 10})
		b.wantStored(it, 5)
	}},
	{"shows what changed in an item that stays in place", func(b *bench) {
		it := b.placed("a", "1", "queue", "5")
		b.create(it)
		it.Data, it.Expires = []byte("2"), inAnHour()
		b.write(store.Put(it, store.IfVersion(1)))
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10}, withVersion(it, 2))
	}},
	{"loses a deleted item", func(b *bench) {
		it, stays := b.placed("a", "1", "queue", "5"), b.placed("b", "1", "queue", "5")
		b.create(it, stays)
		b.write(store.Delete(it.Key, store.IfVersion(1)))
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10}, withVersion(stays, 1))
	}},
	{"never shows what was never written", func(b *bench) {
		// Each version of the item says where it stands; whatever a query shows
		// must be one of them, however late.
		at := func(v int64) store.Item { return b.placed("a", fmt.Sprint(v), "queue", fmt.Sprintf("%04d", v%5)) }
		b.create(at(1))
		q := store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10}
		for v := int64(2); v <= 30; v++ {
			b.write(store.Put(at(v), store.IfVersion(v-1)))
			for _, got := range b.all(q) {
				if got.Version < 1 || got.Version > v {
					b.Errorf("after version %d was written an ordering shows version %d", v, got.Version)
				} else if diff := cmp.Diff(plain(withVersion(at(got.Version), got.Version)), plain(got)); diff != "" {
					b.Errorf("an ordering shows version %d as it never was (-want +got):\n%s", got.Version, diff)
				}
			}
		}
		b.wantQuery(q, withVersion(at(30), 30))
	}},
}

func compareItemKeys(x, y store.Item) int {
	if x.Key.Partition != y.Key.Partition {
		if x.Key.Partition < y.Key.Partition {
			return -1
		}
		return 1
	}
	switch {
	case x.Key.Sort < y.Key.Sort:
		return -1
	case x.Key.Sort > y.Key.Sort:
		return 1
	}
	return 0
}

var pageTests = both([]orderedTest{
	{"joins to the whole at every limit", func(b *bench, ordering string) {
		var sorts []string
		for i := range 25 {
			sorts = append(sorts, fmt.Sprintf("%03d", i))
		}
		q, items := b.place(ordering, sorts)
		var want []store.Item
		for _, s := range sorts {
			want = append(want, items[s])
		}
		for _, limit := range []int{1, 2, 3, 7, 24, 25, 26, store.MaxPage} {
			q.Limit, q.Descending = limit, false
			b.wantQuery(q, want...)
			q.Descending = true
			slices.Reverse(want)
			b.wantQuery(q, want...)
			slices.Reverse(want)
		}
	}},
	{"has no Next when nothing follows", func(b *bench, ordering string) {
		q, _ := b.place(ordering, []string{"a", "b", "c"})
		b.settle(q, 3)
		for _, descending := range []bool{false, true} {
			q.Descending = descending
			for _, limit := range []int{1, 3, 4} {
				q.Limit, q.After = limit, ""
				seen := 0
				for range 3 {
					page, err := b.table.Query(b.ctx, q)
					b.must(err)
					seen += len(page.Items)
					q.After = page.Next
					if seen == 3 {
						break
					}
				}
				if seen != 3 || q.After != "" {
					b.Errorf("Query(%+v): %d of 3 items seen, Next %q, want all and none", q, seen, q.After)
				}
			}
		}
	}},
	{"continues where it was though items come and go", func(b *bench, ordering string) {
		for _, descending := range []bool{false, true} {
			b.Run(fmt.Sprintf("descending=%t", descending), func(t *testing.T) {
				sub := newBench(t, b.table)
				sub.pageAmidChange(ordering, descending)
			})
		}
	}},
	{"continues behind an item that is deleted", func(b *bench, ordering string) {
		q, items := b.place(ordering, []string{"a", "b", "c", "d"})
		b.settle(q, 4)
		q.Limit = 2
		page, err := b.table.Query(b.ctx, q)
		b.must(err)
		if len(page.Items) == 0 || page.Next == "" {
			b.Fatalf("first page = %d items, Next %q, want some and a Next", len(page.Items), page.Next)
		}
		last := page.Items[len(page.Items)-1]
		b.write(store.Delete(last.Key, store.Always()))
		q.After = page.Next
		var want []store.Item
		for _, s := range []string{"a", "b", "c", "d"}[len(page.Items):] {
			want = append(want, items[s])
		}
		b.wantQuery(q, want...)
	}},
	{"can be asked for twice", func(b *bench, ordering string) {
		q, _ := b.place(ordering, []string{"a", "b", "c", "d", "e"})
		b.settle(q, 5)
		q.Limit = 2
		first, err := b.table.Query(b.ctx, q)
		b.must(err)
		q.After = first.Next
		once, again := b.all(q), b.all(q)
		if diff := cmp.Diff(plainAll(once), plainAll(again)); diff != "" || len(once)+len(first.Items) != 5 {
			b.Errorf("the pages behind one Next differ (-first +second):\n%s", diff)
		}
	}},
})

// orderedTest is a promise that holds for queries by key and by an ordering.
type orderedTest struct {
	promise string
	run     func(b *bench, ordering string)
}

func both(tests []orderedTest) []test {
	var all []test
	for _, tt := range tests {
		all = append(all,
			test{tt.promise + ", by key", func(b *bench) { tt.run(b, "") }},
			test{tt.promise + ", by ordering", func(b *bench) { tt.run(b, OrderingOne) }})
	}
	return all
}

// settle waits until a query sees n items, and sees them repeatedly: what has
// arrived is what a test of paging may count on.
func (b *bench) settle(q store.Query, n int) {
	b.Helper()
	const agreeing = 3
	times := 0
	complaint := b.eventually(func() string {
		if got := len(b.all(q)); got != n {
			times = 0
			return fmt.Sprintf("Query(%+v) shows %d items, want %d", q, got, n)
		}
		if times++; times < agreeing {
			return "not yet settled"
		}
		return ""
	})
	if complaint != "" {
		b.Fatal(complaint)
	}
}

// pageAmidChange pages through items of which every third stays; between two
// pages the others vanish and new ones come. Those that stay are seen once each.
func (b *bench) pageAmidChange(ordering string, descending bool) {
	var sorts []string
	for i := range 30 {
		sorts = append(sorts, fmt.Sprintf("%03d", i))
	}
	q, items := b.place(ordering, sorts)
	b.settle(q, len(sorts))

	q.Limit, q.Descending = 4, descending
	seen := map[string]int{}
	for turn := 0; ; turn++ {
		page, err := b.table.Query(b.ctx, q)
		b.must(err)
		for _, it := range page.Items {
			seen[string(it.Data)]++
		}
		if page.Next == "" {
			break
		}
		if turn > maxPages {
			b.Fatalf("Query(%+v) never ends", q)
		}
		q.After = page.Next
		// Something of the past and something of the future goes, something comes.
		for i := turn; i < len(sorts); i += 10 {
			if i%3 != 0 {
				b.write(store.Delete(items[sorts[i]].Key, store.Always()))
			}
			extra := fmt.Sprintf("%03d+%d", i, turn)
			it := b.item("p", extra, extra)
			if ordering != "" {
				it.Entries = []store.Entry{{Ordering: ordering, Partition: b.part("p"), Sort: extra}}
			}
			b.create(it)
		}
	}
	for i, s := range sorts {
		if i%3 == 0 && seen[s] != 1 {
			b.Errorf("item %s, which was there throughout, was seen %d times, want once", s, seen[s])
		}
	}
	for s, n := range seen {
		if n > 1 {
			b.Errorf("item %s was seen %d times", s, n)
		}
	}
}
