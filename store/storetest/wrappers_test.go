package storetest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

func job(sort, queue string, n int) store.Item {
	return store.Item{
		Key:     store.Key{Partition: "job", Sort: sort},
		Data:    fmt.Append(nil, n),
		Entries: []store.Entry{{Ordering: "queue", Partition: queue, Sort: sort}},
	}
}

func TestLaggingKeepsThePromises(t *testing.T) {
	seed := uint64(0)
	storetest.Run(t, func(t *testing.T) store.Table {
		seed++
		table := storetest.Lagging(mem.Open(), seed)
		t.Cleanup(func() { table.Close() })
		return table
	})
}

func TestLaggingReallyLags(t *testing.T) {
	ctx := t.Context()
	q := store.Query{Ordering: "queue", Partition: "q", Limit: 10}
	var missedNew, showedOld, showedGone bool
	for seed := range uint64(50) {
		table := storetest.Lagging(mem.Open(), seed)
		it := job("a", "q", 1)
		query := func() []store.Item {
			page, err := table.Query(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			return page.Items
		}
		write := func(op store.Op) {
			if err := table.Write(ctx, op); err != nil {
				t.Fatal(err)
			}
		}
		write(store.Put(it, store.IfAbsent()))
		missedNew = missedNew || len(query()) == 0
		for len(query()) == 0 {
		}
		write(store.Put(it, store.IfVersion(1)))
		showedOld = showedOld || query()[0].Version == 1
		for query()[0].Version == 1 {
		}
		write(store.Delete(it.Key, store.IfVersion(2)))
		showedGone = showedGone || len(query()) == 1
		for len(query()) == 1 {
		}
	}
	if !missedNew || !showedOld || !showedGone {
		t.Errorf("in 50 seeds: missed a new item: %t, showed an old version: %t, showed a deleted item: %t, want all",
			missedNew, showedOld, showedGone)
	}
}

func TestLaggingIsTheSameForTheSameSeed(t *testing.T) {
	run := func(seed uint64) (trace string) {
		table := storetest.Lagging(mem.Open(), seed)
		for i := range 30 {
			if err := table.Write(t.Context(), store.Put(job(fmt.Sprint(i%7), "q", i), store.Condition{Version: int64(i / 7)})); err != nil {
				t.Fatal(err)
			}
			page, err := table.Query(t.Context(), store.Query{Ordering: "queue", Partition: "q", Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				trace += it.Key.Sort + "@" + fmt.Sprint(it.Version) + " "
			}
			trace += "| "
		}
		return trace
	}
	if one, again := run(7), run(7); one != again {
		t.Errorf("seed 7 gave\n%s\nthen\n%s", one, again)
	}
	if one, other := run(7), run(8); one == other {
		t.Errorf("seeds 7 and 8 gave the same: %s", one)
	}
}

func TestLaggingFindsOutWhatALostWriteDid(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.Before, storetest.After} {
		table := storetest.Lagging(storetest.Faulty(mem.Open(), storetest.NthWrite(1, fault)), 1)
		it := job("a", "q", 1)
		if err := table.Write(t.Context(), store.Put(it, store.IfAbsent())); err == nil {
			t.Fatal("Write succeeded, want it to fail")
		}
		shown := 0
		for range 100 {
			page, err := table.Query(t.Context(), store.Query{Ordering: "queue", Partition: "q", Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			shown = len(page.Items)
		}
		if want := map[storetest.Fault]int{storetest.Before: 0, storetest.After: 1}[fault]; shown != want {
			t.Errorf("after a Write that failed (fault %d) the ordering shows %d items, want %d", fault, shown, want)
		}
	}
}

func TestFaultyWithoutFaultsKeepsThePromises(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Table {
		table := storetest.Faulty(mem.Open(), func(storetest.Call) storetest.Fault { return storetest.None })
		t.Cleanup(func() { table.Close() })
		return table
	})
}

func TestFaultyFailsTheChosenCall(t *testing.T) {
	tests := map[string]struct {
		fault  storetest.Fault
		want   error
		stored bool
	}{
		"before": {storetest.Before, store.ErrUnavailable, false},
		"after":  {storetest.After, storetest.ErrLost, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inner := mem.Open()
			table := storetest.Faulty(inner, storetest.NthWrite(2, tt.fault))
			for i := 1; i <= 3; i++ {
				it := job(fmt.Sprint(i), "q", i)
				err := table.Write(t.Context(), store.Put(it, store.IfAbsent()))
				if i != 2 && err != nil || i == 2 && !errors.Is(err, tt.want) {
					t.Errorf("Write %d = %v", i, err)
				}
				_, err = inner.Get(t.Context(), it.Key)
				if stored := err == nil; stored != (i != 2 || tt.stored) {
					t.Errorf("after Write %d the item is stored: %t", i, stored)
				}
			}
			if table.Calls() != 3 {
				t.Errorf("Calls() = %d, want 3", table.Calls())
			}
		})
	}
}
