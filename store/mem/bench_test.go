package mem_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// jobItems are the two records of a queued job: a specification and a state, each
// of about 300 bytes with one entry.
func jobItems(n int) []store.Op {
	id := uuid.Must(uuid.NewV7()).String()
	data := func(kind string) []byte {
		s := fmt.Sprintf(`{"id":%q,"kind":%q,"n":%d,"queue":"arn:aws:batch:eu-west-1:123456789012:job-queue/default","priority":%d,"pad":"`, id, kind, n, n%100)
		return []byte(s + strings.Repeat("x", 298-len(s)) + `"}`)
	}
	item := func(kind, ordering, partition string) store.Op {
		return store.Put(store.Item{
			Key:     store.Key{Partition: "job#" + id, Sort: kind},
			Data:    data(kind),
			Entries: []store.Entry{{Ordering: ordering, Partition: partition, Sort: fmt.Sprintf("%04d#%s", 9999-n%100, id)}},
		}, store.IfAbsent())
	}
	return []store.Op{item("spec", "list", "default"), item("state", "queue", "default#RUNNABLE")}
}

// BenchmarkMillionJobs fills a table with a million jobs and reports what they
// take. Run it with -benchtime 1x.
func BenchmarkMillionJobs(b *testing.B) {
	for b.Loop() {
		table := mem.Open()
		before := liveHeap()
		for n := range 1_000_000 {
			if err := table.Write(b.Context(), jobItems(n)...); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(liveHeap()-before)/(1<<20), "MiB")
		runtime.KeepAlive(table)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkSubmit(b *testing.B) {
	table := mem.Open()
	for n := 0; b.Loop(); n++ {
		if err := table.Write(b.Context(), jobItems(n)...); err != nil {
			b.Fatal(err)
		}
	}
}

func filled(b *testing.B, jobs int) (*mem.Table, []store.Key) {
	table := mem.Open()
	keys := make([]store.Key, jobs)
	for n := range jobs {
		ops := jobItems(n)
		keys[n] = ops[1].Item.Key
		if err := table.Write(b.Context(), ops...); err != nil {
			b.Fatal(err)
		}
	}
	return table, keys
}

func BenchmarkGet(b *testing.B) {
	table, keys := filled(b, 100_000)
	for n := 0; b.Loop(); n++ {
		if _, err := table.Get(b.Context(), keys[n*7919%len(keys)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPage reads a thousand items of an ordering.
func BenchmarkPage(b *testing.B) {
	table, _ := filled(b, 100_000)
	for b.Loop() {
		page, err := table.Query(b.Context(), store.Query{Ordering: "queue", Partition: "default#RUNNABLE", Limit: store.MaxPage})
		if err != nil || len(page.Items) != store.MaxPage {
			b.Fatal(len(page.Items), err)
		}
	}
}
