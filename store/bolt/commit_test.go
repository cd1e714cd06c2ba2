package bolt_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

func TestWritesThatWaitShareACommit(t *testing.T) {
	table := open(t)
	const writes = 500
	before := table.Commits()
	errs := atOnce(writes, func(i int) error {
		return table.Write(t.Context(), store.Put(numbered(i), store.IfAbsent()))
	})
	for i, err := range errs {
		if err != nil {
			t.Errorf("Write %d = %v", i, err)
		}
	}
	// How many come together is chance, but the disk takes longer than a goroutine
	// needs to queue.
	if commits := table.Commits() - before; commits > writes/4 {
		t.Errorf("%d writes at once took %d commits, want far fewer", writes, commits)
	}
}

func TestAConflictDoesNotFailTheOthersOfItsCommit(t *testing.T) {
	table := open(t)
	const writes = 300
	errs := atOnce(writes, func(i int) error {
		if i%3 == 0 { // all on one key
			return table.Write(t.Context(), store.Put(numbered(0), store.IfAbsent()), store.Put(numbered(1000+i), store.IfAbsent()))
		}
		return table.Write(t.Context(), store.Put(numbered(i), store.IfAbsent()))
	})
	won := 0
	for i, err := range errs {
		_, errBeside := table.Get(t.Context(), numbered(1000+i).Key)
		beside := errBeside == nil
		switch {
		case i%3 != 0 && err != nil:
			t.Errorf("Write %d on a key of its own = %v", i, err)
		case i%3 == 0 && err == nil:
			won++
			if !beside {
				t.Errorf("Write %d won, but only half of it is stored", i)
			}
		case i%3 == 0 && !errors.Is(err, store.ErrConflict):
			t.Errorf("Write %d on the common key = %v, want a conflict", i, err)
		case i%3 == 0 && beside:
			t.Errorf("Write %d lost, but half of it is stored", i)
		}
	}
	if won != 1 {
		t.Errorf("%d writes created one item, want 1", won)
	}
}

func TestAWriteThatOnlyConflictsIsNoCommit(t *testing.T) {
	table := open(t)
	before := table.Commits()
	for range 10 {
		if err := table.Write(t.Context(), store.Put(numbered(1), store.IfVersion(1))); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Write = %v, want a conflict", err)
		}
	}
	if commits := table.Commits() - before; commits != 0 {
		t.Errorf("10 conflicts took %d commits, want none", commits)
	}
}

func TestWhatWasAcknowledgedBeforeCloseIsThereAfterOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "packhorse.db")
	table := openAt(t, path)
	const writers, enough = 16, 20
	written := make([]int, writers)
	var started, ended sync.WaitGroup
	started.Add(writers)
	for w := range writers {
		ended.Go(func() {
			for n := 0; ; n++ {
				err := table.Write(t.Context(), store.Put(numbered(w*100_000+n), store.IfAbsent()))
				if n == enough {
					started.Done()
				}
				if err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("Write = %v, want success or ErrClosed", err)
					}
					return
				}
				written[w] = n + 1
			}
		})
	}
	started.Wait()
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	ended.Wait()
	table = openAt(t, path)
	for w, n := range written {
		for i := range n {
			if _, err := table.Get(t.Context(), numbered(w*100_000+i).Key); err != nil {
				t.Fatalf("item %d of %d of writer %d: %v", i, n, w, err)
			}
		}
		if _, err := table.Get(t.Context(), numbered(w*100_000+n).Key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the write of writer %d that was refused: %v, want ErrNotFound", w, err)
		}
	}
}

// TestAfterAGreatPurge looks at what becomes of many free pages: they are not
// written with each commit, but on Close, and are used again.
func TestAfterAGreatPurge(t *testing.T) {
	const items, listAtMost = 3000, 50
	path := filepath.Join(t.TempDir(), "packhorse.db")
	table := openAt(t, path)
	table.ListAtMost(listAtMost)
	expired := time.Unix(1e9, 0)
	fill := func() {
		t.Helper()
		for from := 0; from < items; from += store.MaxWrite {
			var ops []store.Op
			for n := from; n < from+store.MaxWrite; n++ {
				it := sample(n)
				it.Expires = expired
				ops = append(ops, store.Put(it, store.IfAbsent()))
			}
			if err := table.Write(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
		}
	}
	purge := func(limit, want int) {
		t.Helper()
		n, err := table.Purge(t.Context(), expired.Add(time.Second), limit)
		if err != nil || n != want {
			t.Fatalf("Purge of at most %d = %d, %v, want %d", limit, n, err, want)
		}
	}
	fill()
	purge(1000, 1000)
	purge(10*items, items-1000)
	if free := table.FreePages(); free <= listAtMost {
		t.Fatalf("after the purge %d pages are free, too few for this test", free)
	}
	if err := table.Write(t.Context(), store.Put(numbered(1), store.IfAbsent())); err != nil {
		t.Fatal(err)
	}
	size := fileSize(t, path)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}

	table = openAt(t, path)
	if err := table.Check(); err != nil {
		t.Error(err)
	}
	fill()
	if got := fileSize(t, path); got > size*5/4 {
		t.Errorf("the file grew from %d to %d bytes, though its pages were free", size, got)
	}
	if _, err := table.Get(t.Context(), numbered(1).Key); err != nil {
		t.Error(err)
	}
}

// atOnce runs n calls at once and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = call(i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

func ExampleOpen() {
	table, err := bolt.Open("packhorse.db", bolt.Options{})
	if errors.Is(err, bolt.ErrLocked) {
		fmt.Println(err) // names the file and what to do
		return
	}
	defer table.Close()
}
