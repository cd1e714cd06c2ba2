package storetest

import (
	"bytes"

	"github.com/packhorse-batch/packhorse/store"
)

var sharingTests = []test{
	{"does not happen with what is passed in", func(b *bench) {
		it := b.placed("a", "as written", "queue", "1")
		want := b.placed("a", "as written", "queue", "1")
		b.create(it)
		spoil(&it)
		b.wantStored(want, 1)
		b.wantQuery(store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 1}, withVersion(want, 1))
	}},
	{"does not happen with what is handed out", func(b *bench) {
		want := b.placed("a", "as written", "queue", "1")
		b.create(want)
		byKey := store.Query{Partition: want.Key.Partition, Limit: 1}
		byOrdering := store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 1}
		b.settle(byOrdering, 1)

		got, err := b.table.Get(b.ctx, want.Key)
		b.must(err)
		spoil(&got)
		batch, err := b.table.BatchGet(b.ctx, []store.Key{want.Key})
		b.must(err)
		spoil(&batch[0])
		for _, q := range []store.Query{byKey, byOrdering} {
			page, err := b.table.Query(b.ctx, q)
			b.must(err)
			spoil(&page.Items[0])
		}

		b.wantStored(want, 1)
		b.wantBatch([]store.Key{want.Key}, withVersion(want, 1))
		b.wantQuery(byKey, withVersion(want, 1))
		b.wantQuery(byOrdering, withVersion(want, 1))
	}},
	{"does not happen between two answers", func(b *bench) {
		b.create(b.item("job", "state", "as written"))
		one, two := b.get(b.key("job", "state")), b.get(b.key("job", "state"))
		spoil(one)
		if !bytes.Equal(two.Data, []byte("as written")) {
			b.Errorf("changing one answer changed another to %q", two.Data)
		}
	}},
	{"does not reach the neighbour when Data is appended to", func(b *bench) {
		b.create(b.item("job", "a", "first"), b.item("job", "b", "second"))
		page, err := b.table.Query(b.ctx, store.Query{Partition: b.part("job"), Limit: 10})
		b.must(err)
		_ = append(page.Items[0].Data, bytes.Repeat([]byte("x"), 1000)...)
		if !bytes.Equal(page.Items[1].Data, []byte("second")) {
			b.Errorf("appending to one item's Data changed the next item's to %q", page.Items[1].Data)
		}
		b.wantStored(b.item("job", "b", "second"), 1)
	}},
}

// spoil overwrites all of an item that could be shared.
func spoil(it *store.Item) {
	for i := range it.Data {
		it.Data[i] = '!'
	}
	for i := range it.Entries {
		it.Entries[i] = store.Entry{Ordering: "!", Partition: "!", Sort: "!"}
	}
}
