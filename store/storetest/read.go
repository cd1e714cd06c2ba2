package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/store"
)

var getTests = []test{
	{"returns what was written, every field of it", func(b *bench) {
		it := b.item("job", "state", "\x00\xff any bytes")
		it.Entries = []store.Entry{
			{Ordering: OrderingOne, Partition: b.part("queue"), Sort: "0099"},
			{Ordering: OrderingTwo, Partition: b.part("all"), Sort: "b"},
		}
		it.Expires = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
		b.create(it)
		b.wantStored(it, 1)
	}},
	{"answers ErrNotFound for an absent key", func(b *bench) {
		b.create(b.item("job", "state", "x"))
		b.wantAbsent(b.key("job", "other"))
		b.wantAbsent(b.key("job", "stat"))
		b.wantAbsent(b.key("job", "state2"))
		b.wantAbsent(b.key("jo", "state"))
		b.wantAbsent(b.key("jobs", "state"))
	}},
	{"keeps keys apart that read alike when joined", func(b *bench) {
		items := []store.Item{
			b.item("a", "b/c", "1"), b.item("a/b", "c", "2"), b.item("ab", "c", "3"),
			b.item("a", "bc", "4"), b.item("a#b", "c", "5"), b.item("a", "b#c", "6"),
			b.item("a\x01", "c", "7"), b.item("a", "\x01c", "8"), b.item("ä", "ü", "9"),
		}
		b.create(items...)
		for _, it := range items {
			b.wantStored(it, 1)
		}
	}},
	{"keeps empty data and the largest data", func(b *bench) {
		none, full := b.item("job", "none", ""), b.item("job", "full", "")
		full.Data = []byte(strings.Repeat("0123456789abcdef", store.MaxItemBytes/16))
		b.create(none)
		b.create(full)
		b.wantStored(none, 1)
		b.wantStored(full, 1)
	}},
	{"keeps the longest keys", func(b *bench) {
		it := b.item("", "", "x")
		it.Key.Partition += strings.Repeat("p", store.MaxPartition-len(it.Key.Partition))
		it.Key.Sort = strings.Repeat("s", store.MaxSort)
		b.create(it)
		b.wantStored(it, 1)
		b.wantQuery(store.Query{Partition: it.Key.Partition, Limit: 10}, withVersion(it, 1))
	}},
	{"keeps the longest places in an ordering", func(b *bench) {
		long := b.part(strings.Repeat("p", store.MaxPartition-len(b.part(""))))
		for i, it := range []store.Item{b.item("a", "a", "x"), b.item("a", strings.Repeat("s", store.MaxPlace-100), "x")} {
			ordering := []string{OrderingOne, OrderingTwo}[i]
			sort := strings.Repeat("t", store.MaxPlace-len(it.Key.Partition)-len(it.Key.Sort))
			it.Entries = []store.Entry{{Ordering: ordering, Partition: long, Sort: sort}}
			b.create(it)
			b.wantStored(it, 1)
			b.wantQuery(store.Query{Ordering: ordering, Partition: long, Limit: 10}, withVersion(it, 1))
		}
	}},
	{"keeps many large items of one Write", func(b *bench) {
		var items []store.Item
		var keys []store.Key
		for i := range 8 {
			it := b.item("job", fmt.Sprint(i), strings.Repeat(fmt.Sprint(i), store.MaxItemBytes))
			items, keys = append(items, it), append(keys, it.Key)
		}
		b.create(items...)
		for i := range items {
			items[i].Version = 1
		}
		b.wantBatch(keys, items...)
		b.wantQuery(store.Query{Partition: b.part("job"), Limit: 10}, items...)
	}},
}

var batchGetTests = []test{
	{"returns those that exist and leaves out the others", func(b *bench) {
		one, two := b.item("job", "one", "1"), b.item("other", "two", "2")
		b.create(one, two)
		b.write(store.Put(two, store.IfVersion(1)))
		b.wantBatch([]store.Key{b.key("job", "none"), two.Key, one.Key, b.key("none", "one")},
			withVersion(one, 1), withVersion(two, 2))
	}},
	{"of no keys is empty", func(b *bench) { b.wantBatch(nil) }},
	{"answers a key that is given twice once", func(b *bench) {
		it := b.item("job", "state", "x")
		b.create(it)
		b.wantBatch([]store.Key{it.Key, it.Key}, withVersion(it, 1))
	}},
	{"takes as many keys as the limit allows", func(b *bench) {
		var items, want []store.Item
		var keys []store.Key
		for i := range store.MaxBatchGet {
			it := b.item(fmt.Sprint("job", i), "state", fmt.Sprint(i))
			items, want, keys = append(items, it), append(want, withVersion(it, 1)), append(keys, it.Key)
		}
		b.create(items...)
		b.wantBatch(keys, want...)
	}},
}

// wantBatch compares a BatchGet in the order of keys, since it promises none.
func (b *bench) wantBatch(keys []store.Key, want ...store.Item) {
	b.Helper()
	got, err := b.table.BatchGet(b.ctx, keys)
	b.must(err)
	byKey := func(x, y store.Item) int { return strings.Compare(x.Key.String(), y.Key.String()) }
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if diff := cmp.Diff(plainAll(want), plainAll(got)); diff != "" {
		b.Errorf("BatchGet of %d keys differs (-want +got):\n%s", len(keys), diff)
	}
}
