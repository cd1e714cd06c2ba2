package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

// Sizes at which the write rate is measured, in jobs. A file with the largest is
// made once per run of the benchmarks, in about a minute.
var sizes = []int{1_000, 1_000_000}

const jobsOfLargest = 1_000_000

// submit is what SubmitJob writes: the job's specification, its state, and the
// token that finds it again when the call is repeated. About 700 bytes of data,
// two entries, one expiry.
func submit(n int, id string) []store.Op {
	data := func(kind string, size int) []byte {
		s := fmt.Sprintf(`{"id":%q,"kind":%q,"n":%d,"pad":"`, id, kind, n)
		return []byte(s + strings.Repeat("x", max(0, size-2-len(s))) + `"}`)
	}
	partition := "job#" + id
	spec := store.Item{Key: store.Key{Partition: partition, Sort: "spec"}, Data: data("spec", 350)}
	state := store.Item{
		Key:  store.Key{Partition: partition, Sort: "state"},
		Data: data("state", 300),
		Entries: []store.Entry{
			{Ordering: "queue", Partition: "default#RUNNABLE", Sort: fmt.Sprintf("%04d#%s", 9999-n%3, id)},
			{Ordering: "list", Partition: "default", Sort: id},
		},
	}
	token := store.Item{
		Key:     store.Key{Partition: "token#" + uuid.NewString(), Sort: "token"},
		Data:    data("token", 50),
		Expires: time.Now().Add(24 * time.Hour),
	}
	return []store.Op{store.Put(spec, store.IfAbsent()), store.Put(state, store.IfAbsent()), store.Put(token, store.IfAbsent())}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// fillTable submits jobs and returns their ids.
func fillTable(tb testing.TB, table *bolt.Table, jobs int) []string {
	tb.Helper()
	const callers, perWrite = 16, 30
	ids := make([]string, jobs)
	for i := range ids {
		ids[i] = newID()
	}
	var next atomic.Int64
	inParallel(tb, callers, func() error {
		for {
			from := int(next.Add(perWrite)) - perWrite
			if from >= jobs {
				return nil
			}
			var ops []store.Op
			for i := from; i < min(from+perWrite, jobs); i++ {
				ops = append(ops, submit(i, ids[i])...)
			}
			if err := table.Write(context.Background(), ops...); err != nil {
				return err
			}
		}
	})
	return ids
}

func inParallel(tb testing.TB, n int, run func() error) {
	tb.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := run(); err != nil {
				tb.Error(err)
			}
		})
	}
	wg.Wait()
}

// filled is a file with a number of jobs, made once.
type filled struct {
	path string
	ids  []string
}

var (
	filledFiles   = map[int]filled{}
	filledFolder  string
	filledFolders sync.Once
)

// openFilled opens a table that holds jobs. Benchmarks of one size share it, so
// it grows; by little, against the largest.
func openFilled(tb testing.TB, jobs int) (*bolt.Table, []string) {
	tb.Helper()
	filledFolders.Do(func() {
		dir, err := os.MkdirTemp("", "packhorse-bench")
		if err != nil {
			tb.Fatal(err)
		}
		filledFolder = dir
	})
	f, ok := filledFiles[jobs]
	if !ok {
		f.path = filepath.Join(filledFolder, fmt.Sprint(jobs, ".db"))
		table, err := bolt.Open(f.path, bolt.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		start := time.Now()
		f.ids = fillTable(tb, table, jobs)
		if err := table.Close(); err != nil {
			tb.Fatal(err)
		}
		info, err := os.Stat(f.path)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Logf("%d jobs: filled in %v, %d MiB", jobs, time.Since(start).Round(time.Millisecond), info.Size()>>20)
		filledFiles[jobs] = f
	}
	return openAt(tb, f.path), f.ids
}

// spread runs b.N calls on a number of goroutines and reports their rate.
func spread(b *testing.B, callers int, call func(rng *rand.Rand) error) {
	b.ResetTimer()
	start := time.Now()
	var next atomic.Int64
	inParallel(b, callers, func() error {
		rng := rand.New(rand.NewPCG(uint64(next.Add(1)), 1))
		for next.Add(1) <= int64(b.N+callers) {
			if err := call(rng); err != nil {
				return err
			}
		}
		return nil
	})
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "writes/s")
}

// BenchmarkSubmit: the aim is 3,000 per second from 16 callers, with room for
// client and server on the same two cores, and no less than 80 % of the small
// table's rate at a million jobs.
func BenchmarkSubmit(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("jobs=%d", size), func(b *testing.B) {
			table, _ := openFilled(b, size)
			var n atomic.Int64
			spread(b, 16, func(*rand.Rand) error {
				i := int(n.Add(1))
				return table.Write(b.Context(), submit(i, newID())...)
			})
			reportResident(b)
		})
	}
}

// BenchmarkUpdate rewrites states at random: the aim is 20,000 per second from
// many goroutines.
func BenchmarkUpdate(b *testing.B) {
	for _, size := range sizes {
		for _, callers := range []int{16, 512} {
			b.Run(fmt.Sprintf("jobs=%d/callers=%d", size, callers), func(b *testing.B) {
				table, ids := openFilled(b, size)
				spread(b, callers, func(rng *rand.Rand) error {
					for {
						it, err := table.Get(b.Context(), store.Key{Partition: "job#" + ids[rng.IntN(len(ids))], Sort: "state"})
						if err != nil {
							return err
						}
						err = table.Write(b.Context(), store.Put(it, store.IfVersion(it.Version)))
						if _, conflict := err.(*store.ConflictError); !conflict {
							return err
						}
					}
				})
				reportResident(b)
			})
		}
	}
}

// BenchmarkSmallItems is the lease and counter traffic: items of their own, that
// are few and change all the time.
func BenchmarkSmallItems(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("jobs=%d", size), func(b *testing.B) {
			table, _ := openFilled(b, size)
			var n atomic.Int64
			run := newID()
			spread(b, 512, func(*rand.Rand) error {
				it := store.Item{Key: store.Key{Partition: "small#" + run, Sort: fmt.Sprint(n.Add(1))}, Data: []byte("some forty bytes of a small record here")}
				return table.Write(b.Context(), store.Put(it, store.IfAbsent()))
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	table, ids := openFilled(b, jobsOfLargest)
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if _, err := table.Get(b.Context(), store.Key{Partition: "job#" + ids[rng.IntN(len(ids))], Sort: "state"}); err != nil {
			b.Fatal(err)
		}
	}
	reportResident(b)
}

// BenchmarkPage reads a thousand jobs off the front of a queue.
func BenchmarkPage(b *testing.B) {
	table, _ := openFilled(b, jobsOfLargest)
	for b.Loop() {
		page, err := table.Query(b.Context(), store.Query{Ordering: "queue", Partition: "default#RUNNABLE", Limit: store.MaxPage})
		if err != nil || len(page.Items) != store.MaxPage {
			b.Fatal(len(page.Items), err)
		}
	}
	reportResident(b)
}

// BenchmarkOpen opens a million jobs and reads the first one; the aim is well
// under five seconds.
func BenchmarkOpen(b *testing.B) {
	table, _ := openFilled(b, jobsOfLargest)
	table.Close()
	path := filledFiles[jobsOfLargest].path
	for b.Loop() {
		table, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := table.Query(b.Context(), store.Query{Ordering: "queue", Partition: "default#RUNNABLE", Limit: 1}); err != nil {
			b.Fatal(err)
		}
		if err := table.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// reportResident reports the most memory that this process ever had resident.
func reportResident(b *testing.B) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(status), "\n") {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			b.ReportMetric(kib/1024, "peak-MiB")
		}
	}
}
