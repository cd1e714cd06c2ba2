package store_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// Orderings that lag show jobs as they were at some moment, and all of them in the end;
// a job itself is always read as it is.
func TestListsOverOrderingsThatLag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := storetest.Lagging(mem.Open(), rapid.Uint64().Draw(t, "seed"))
		records := store.New(table, store.Options{})
		ctx := t.Context()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		now := map[string]batch.Job{}
		ever := map[string][]batch.Status{} // by id, one for each version
		statuses := batch.Statuses()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			id := fmt.Sprint("j", rapid.IntRange(0, 4).Draw(t, "job"))
			j, known := now[id]
			if !known {
				j = runnable(id, 5)
			}
			j.Status = rapid.SampledFrom(statuses).Draw(t, "status")
			must(records.Write(ctx, records.PutJob(j)))
			j.Version++
			now[id], ever[id] = j, append(ever[id], j.Status)
			got, err := records.Job(ctx, id)
			if err != nil || got.Status != j.Status || got.Version != j.Version {
				t.Fatalf("Job(%s) = %s at version %d, %v; want %s at %d", id, got.Status, got.Version, err, j.Status, j.Version)
			}
			for _, s := range statuses {
				page, err := records.ListJobs(ctx, "q", store.PhaseOf(s), store.ListRange{Limit: 100})
				must(err)
				for _, seen := range page.Jobs {
					if int(seen.Version) > len(ever[seen.ID]) || ever[seen.ID][seen.Version-1] != seen.Status {
						t.Fatalf("%s is listed as %s at version %d, which it never was: %v", seen.ID, seen.Status, seen.Version, ever[seen.ID])
					}
					if store.PhaseOf(seen.Status) != store.PhaseOf(s) {
						t.Fatalf("%s, which is %s, is listed among the %s", seen.ID, seen.Status, store.PhaseOf(s))
					}
				}
			}
		}
		const enough = 20 // queries after which all shows
		for range enough {
			_, err := records.Front(ctx, "q", "", 100)
			must(err)
		}
		var listed []string
		for _, phase := range []store.Phase{store.Waiting, store.Ready, store.Live, store.Done, store.Broken} {
			page, err := records.ListJobs(ctx, "q", phase, store.ListRange{Limit: 100})
			must(err)
			for _, j := range page.Jobs {
				listed = append(listed, j.ID)
				if j.Version != now[j.ID].Version {
					t.Fatalf("%s is still listed at version %d, it has %d", j.ID, j.Version, now[j.ID].Version)
				}
			}
		}
		if slices.Sort(listed); len(listed) != len(now) || len(slices.Compact(listed)) != len(now) {
			t.Fatalf("%v are listed, there are %d jobs", listed, len(now))
		}
	})
}
