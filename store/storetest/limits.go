package storetest

import (
	"fmt"
	"strings"

	"github.com/packhorse-batch/packhorse/store"
)

var limitTests = []test{
	{"of keys hold in every call", func(b *bench) {
		for name, k := range badKeys() {
			_, err := b.table.Get(b.ctx, k)
			b.wantError("Get with "+name, err, store.ErrInvalid)
			_, err = b.table.BatchGet(b.ctx, []store.Key{b.key("job", "state"), k})
			b.wantError("BatchGet with "+name, err, store.ErrInvalid)
			err = b.table.Write(b.ctx, store.Put(store.Item{Key: k}, store.IfAbsent()))
			b.wantError("put with "+name, err, store.ErrInvalid)
			err = b.table.Write(b.ctx, store.Delete(k, store.Always()))
			b.wantError("delete with "+name, err, store.ErrInvalid)
		}
	}},
	{"of a Write are refused, and nothing of it happens", func(b *bench) {
		witness := b.item("job", "witness", "x")
		for name, ops := range b.badWrites() {
			ops = append([]store.Op{store.Put(witness, store.IfAbsent())}, ops...)
			b.wantError("Write of "+name, b.table.Write(b.ctx, ops...), store.ErrInvalid)
			b.wantAbsent(witness.Key)
		}
		b.wantError("Write of nothing", b.table.Write(b.ctx), store.ErrInvalid)
	}},
	{"of BatchGet are refused", func(b *bench) {
		var keys []store.Key
		for i := range store.MaxBatchGet + 1 {
			keys = append(keys, b.key("job", fmt.Sprint(i)))
		}
		_, err := b.table.BatchGet(b.ctx, keys)
		b.wantError(fmt.Sprintf("BatchGet of %d keys", len(keys)), err, store.ErrInvalid)
	}},
	{"of a Query are refused", func(b *bench) {
		it := b.placed("a", "x", "queue", "1")
		b.create(it)
		for _, ordering := range []string{"", OrderingOne} {
			good := store.Query{Ordering: ordering, Partition: b.part("queue"), Limit: 1}
			bad := map[string]func(q *store.Query){
				"limit 0":                   func(q *store.Query) { q.Limit = 0 },
				"limit -1":                  func(q *store.Query) { q.Limit = -1 },
				"a limit above MaxPage":     func(q *store.Query) { q.Limit = store.MaxPage + 1 },
				"no partition":              func(q *store.Query) { q.Partition = "" },
				"a zero byte in partition":  func(q *store.Query) { q.Partition = "a\x00b" },
				"a partition not UTF-8":     func(q *store.Query) { q.Partition = "a\xff" },
				"a partition too long":      func(q *store.Query) { q.Partition = strings.Repeat("p", store.MaxPartition+1) },
				"a From not UTF-8":          func(q *store.Query) { q.From = "a\xff" },
				"a Before with a zero byte": func(q *store.Query) { q.Before = "a\x00" },
				"a Before too long":         func(q *store.Query) { q.Before = strings.Repeat("s", store.MaxSort+1) },
				"an After of its own":       func(q *store.Query) { q.After = "not a Next" },
			}
			for name, spoil := range bad {
				q := good
				spoil(&q)
				_, err := b.table.Query(b.ctx, q)
				b.wantError(fmt.Sprintf("Query of %q with %s", ordering, name), err, store.ErrInvalid)
			}
			good.Limit = store.MaxPage
			if _, err := b.table.Query(b.ctx, good); err != nil {
				b.Errorf("Query of %q with limit MaxPage = %v, want success", ordering, err)
			}
		}
	}},
}

func badKeys() map[string]store.Key {
	return map[string]store.Key{
		"no partition":                {Partition: "", Sort: "s"},
		"no sort":                     {Partition: "p", Sort: ""},
		"a zero byte in partition":    {Partition: "p\x00q", Sort: "s"},
		"a zero byte in sort":         {Partition: "p", Sort: "\x00"},
		"a partition not UTF-8":       {Partition: "p\xff", Sort: "s"},
		"a sort not UTF-8":            {Partition: "p", Sort: "\xc3"},
		"a partition a byte too long": {Partition: strings.Repeat("p", store.MaxPartition+1), Sort: "s"},
		"a sort a byte too long":      {Partition: "p", Sort: strings.Repeat("s", store.MaxSort+1)},
	}
}

func (b *bench) badWrites() map[string][]store.Op {
	put := func(spoil func(it *store.Item)) []store.Op {
		it := b.placed("a", "x", "queue", "1")
		spoil(&it)
		return []store.Op{store.Put(it, store.IfAbsent())}
	}
	entry := func(spoil func(e *store.Entry)) []store.Op {
		return put(func(it *store.Item) { spoil(&it.Entries[0]) })
	}
	it := b.item("job", "a", "x")
	bad := map[string][]store.Op{
		"a put without a condition": {store.Put(it, store.Always())},
		"a negative version":        {store.Put(it, store.IfVersion(-1))},
		"two puts on one key":       {store.Put(it, store.IfAbsent()), store.Put(it, store.IfAbsent())},
		"a put and a delete on one key": {
			store.Put(it, store.IfAbsent()), store.Put(b.item("job", "b", "x"), store.IfAbsent()), store.Delete(it.Key, store.Always()),
		},
		"data a byte too long":          put(func(it *store.Item) { it.Data = make([]byte, store.MaxItemBytes+1) }),
		"two entries in one ordering":   put(func(it *store.Item) { it.Entries = append(it.Entries, it.Entries[0]) }),
		"an entry without ordering":     entry(func(e *store.Entry) { e.Ordering = "" }),
		"an entry without partition":    entry(func(e *store.Entry) { e.Partition = "" }),
		"an entry without sort":         entry(func(e *store.Entry) { e.Sort = "" }),
		"an entry with a zero byte":     entry(func(e *store.Entry) { e.Sort = "a\x00" }),
		"an entry not UTF-8":            entry(func(e *store.Entry) { e.Partition = "\xff" }),
		"an entry's partition too long": entry(func(e *store.Entry) { e.Partition = strings.Repeat("p", store.MaxPartition+1) }),
		"an entry's sort too long":      entry(func(e *store.Entry) { e.Sort = strings.Repeat("s", store.MaxSort+1) }),
		"a place a byte too long": put(func(it *store.Item) {
			it.Entries[0].Sort = strings.Repeat("s", store.MaxPlace+1-len(it.Key.Partition)-len(it.Key.Sort))
		}),
	}
	var many []store.Op
	for i := range store.MaxWrite { // with the witness that is one too many
		many = append(many, store.Delete(b.key("many", fmt.Sprint(i)), store.Always()))
	}
	bad["too many operations"] = many
	var large []store.Op
	for i := range store.MaxWriteBytes/store.MaxItemBytes + 1 {
		it := b.item("large", fmt.Sprint(i), "")
		it.Data = make([]byte, store.MaxItemBytes)
		large = append(large, store.Put(it, store.IfAbsent()))
	}
	bad["too many bytes"] = large
	return bad
}
