package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

var today = time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)

// family writes a job that was made and ended so long ago, with all that can belong
// to one.
func (b *bench) family(id string, status batch.Status, created, stopped time.Duration) {
	b.Helper()
	job := runnable(id, batch.MillisOf(today.Add(-created)), in(status))
	job.Placement = nil
	if batch.Final(status) {
		job.StoppedAt = batch.MillisOf(today.Add(-stopped))
	}
	b.write(b.PutJob(job), b.PutSpec(id, store.Spec{Definition: "d:1"}), b.PutAttempt(id, batch.Attempt{Number: 1}),
		b.PutEdge(store.Edge{On: id, Waiter: "w"}), b.PutEdge(store.Edge{On: id + ":3", Waiter: "w"}))
	for i := range 150 { // more than one write deletes
		b.write(b.PutJob(runnable(batch.ChildID(id, i), 5, in(batch.Succeeded))), b.PutAttempt(batch.ChildID(id, i), batch.Attempt{Number: 1}))
	}
}

// left counts what is stored of a job.
func (b *bench) left(id string) int {
	b.Helper()
	n := 0
	for _, partition := range []string{"job#" + id, "waits#" + id} {
		page, err := b.Table().Query(b.ctx, store.Query{Partition: partition, Limit: store.MaxPage})
		b.must(err)
		n += len(page.Items)
	}
	return n
}

const day = 24 * time.Hour

func TestJobsThatEndedAWeekAgoArePurgedWithAllThatBelongsToThem(t *testing.T) {
	b := open(t)
	b.family("succeeded", batch.Succeeded, 9*day, 8*day)
	b.family("failed", batch.Failed, 9*day, 7*day+time.Second)
	b.family("ended-lately", batch.Succeeded, 30*day, 6*day)
	b.family("runs", batch.Running, 30*day, 0)
	b.family("waits", batch.Pending, 30*day, 0)
	gone, err := b.PurgeJobs(b.ctx, "q", today, 100)
	b.must(err)
	b.wants("purged", gone, "succeeded", "failed")
	for id, want := range map[string]int{"succeeded": 0, "failed": 0, "ended-lately": 305, "runs": 305, "waits": 305} {
		if n := b.left(id); n != want {
			t.Errorf("%d records of %s are left, want %d", n, id, want)
		}
	}
	if gone, err := b.PurgeJobs(b.ctx, "other", today, 100); len(gone) > 0 || err != nil {
		t.Errorf("purged of another queue: %v, %v", gone, err)
	}
}

func TestPurgeTakesTheOldestFirstAndNoMoreThanItMay(t *testing.T) {
	b := open(t)
	for i := range 5 {
		for _, status := range []batch.Status{batch.Succeeded, batch.Failed} {
			job := runnable(fmt.Sprintf("%s-%d", status, i), batch.Millis(100-i), in(status))
			job.StoppedAt = 200
			b.write(b.PutJob(job))
		}
	}
	purge := func(limit int) []string {
		gone, err := b.PurgeJobs(b.ctx, "q", today, limit)
		b.must(err)
		return gone
	}
	b.wants("of one", purge(1), "SUCCEEDED-4")
	b.wants("of exactly those that succeeded", purge(4), "SUCCEEDED-3", "SUCCEEDED-2", "SUCCEEDED-1", "SUCCEEDED-0")
	b.wants("of more", purge(3), "FAILED-4", "FAILED-3", "FAILED-2")
	b.wants("of what is left", purge(100), "FAILED-1", "FAILED-0")
	b.wants("of nothing", purge(100))
}

// A purge that fails at any of its calls is gone on with by the next.
func TestAPurgeThatIsCutShortIsFinishedByTheNext(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.Before, storetest.After} {
		for n := 1; ; n++ {
			table := mem.Open()
			b := over(t, table)
			b.family("old", batch.Succeeded, 9*day, 8*day)
			b.family("older", batch.Failed, 10*day, 8*day)
			faulty := storetest.Faulty(table, storetest.Nth(n, fault))
			if _, err := store.New(faulty, store.Options{}).PurgeJobs(b.ctx, "q", today, 100); err == nil && faulty.Calls() >= n {
				t.Fatalf("PurgeJobs succeeded although call %d failed", n)
			}
			_, err := b.PurgeJobs(b.ctx, "q", today, 100)
			b.must(err)
			if old, older := b.left("old"), b.left("older"); old+older > 0 {
				t.Fatalf("%d and %d records are left after call %d failed and another purge", old, older, n)
			}
			if faulty.Calls() < n {
				break
			}
		}
	}
}
