package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// bench is records over a table in memory.
type bench struct {
	*testing.T
	*store.Records
	ctx context.Context
}

func open(t *testing.T) *bench { return over(t, mem.Open()) }

func over(t *testing.T, table store.Table) *bench {
	return &bench{t, store.New(table, store.Options{TaskLookup: true}), t.Context()}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) write(ops ...store.Op) {
	b.Helper()
	b.must(b.Write(b.ctx, ops...))
}

// runnable is a job of queue "q" made at a moment.
func runnable(id string, created batch.Millis, edits ...func(*batch.Job)) batch.Job {
	j := batch.Job{ID: id, Name: "j", Queue: "q", Status: batch.Runnable, CreatedAt: created, Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 64}}
	for _, edit := range edits {
		edit(&j)
	}
	return j
}

func in(status batch.Status) func(*batch.Job) {
	return func(j *batch.Job) {
		if j.Status = status; batch.Live(status) {
			j.Attempts = 1
			j.Placement = &batch.Placement{Environment: "ce", Cluster: "c", Host: "h", Task: batch.TaskID(j.ID, 1)}
		}
	}
}

func ids(jobs []batch.Job) []string {
	list := []string{}
	for _, j := range jobs {
		list = append(list, j.ID)
	}
	return list
}

func (b *bench) wants(what string, got []string, want ...string) {
	b.Helper()
	if !slices.Equal(got, want) {
		b.Errorf("%s = %q, want %q", what, got, want)
	}
}

func TestAJobAndWhatBelongsToItAreKept(t *testing.T) {
	b := open(t)
	for _, id := range []string{"j1", "j1:0", "j1:999999"} {
		job := runnable(id, 5)
		attempts := []batch.Attempt{{Number: 1, StoppedAt: 7, StatusReason: "a"}, {Number: 2, StoppedAt: 8, StatusReason: "b"}, {Number: 10, StoppedAt: 9}}
		b.write(b.PutJob(job))
		for _, i := range []int{2, 0, 1} {
			b.write(b.PutAttempt(id, attempts[i]))
		}
		job.Version = 1
		got, err := b.Job(b.ctx, id)
		if diff := cmp.Diff(job, got); diff != "" || err != nil {
			t.Errorf("Job(%s): %v (-want +got)\n%s", id, err, diff)
		}
		all, err := b.Attempts(b.ctx, id)
		if diff := cmp.Diff(attempts, all); diff != "" || err != nil {
			t.Errorf("Attempts(%s): %v (-want +got)\n%s", id, err, diff)
		}
	}
	spec := store.Spec{Request: &awsbatch.SubmitJobInput{JobName: new("j")}, Definition: "d:1", Tags: map[string]string{"k": "v"}}
	b.write(b.PutSpec("j1", spec))
	got, err := b.Spec(b.ctx, "j1")
	if err != nil || *got.Request.JobName != "j" || got.Definition != "d:1" || got.Tags["k"] != "v" || got.Version != 1 {
		t.Errorf("Spec = %+v, %v", got, err)
	}
	for what, err := range map[string]error{
		"Job": second(b.Job(b.ctx, "j2")), "a child": second(b.Job(b.ctx, "j1:1")), "Spec": second(b.Spec(b.ctx, "j2")),
	} {
		if !store.IsNotFound(err) {
			t.Errorf("%s of what is not there = %v, want ErrNotFound", what, err)
		}
	}
	known, err := b.Jobs(b.ctx, []string{"j1:0", "nobody", "j1", "j1:0", "j1:7"})
	if err != nil || len(known) != 2 || known["j1"].ID != "j1" || known["j1:0"].ID != "j1:0" {
		t.Errorf("Jobs = %v, %v; want the two that are there", known, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAJobIsWrittenAtTheVersionItWasReadAt(t *testing.T) {
	b := open(t)
	b.write(b.PutJob(runnable("j1", 5)))
	if err := b.Write(b.ctx, b.PutJob(runnable("j1", 5))); !store.IsConflict(err) {
		t.Errorf("writing a new job of the same id = %v, want ErrConflict", err)
	}
	one, err := b.Job(b.ctx, "j1")
	b.must(err)
	b.write(b.PutJob(one))
	if err := b.Write(b.ctx, b.PutJob(one)); !store.IsConflict(err) {
		t.Errorf("writing at an old version = %v, want ErrConflict", err)
	}
}

func TestMoreJobsThanOneBatchGetTakes(t *testing.T) {
	b := open(t)
	var all []string
	for i := range 250 {
		id := fmt.Sprintf("j%03d", i)
		all = append(all, id)
		b.write(b.PutJob(runnable(id, 5)))
	}
	known, err := b.Jobs(b.ctx, all)
	if err != nil || len(known) != 250 {
		t.Errorf("Jobs returns %d, %v; want 250", len(known), err)
	}
}

func TestEachStatusIsListedInItsPhase(t *testing.T) {
	phases := map[batch.Status]store.Phase{
		batch.Submitted: store.Waiting, batch.Pending: store.Waiting, batch.Runnable: store.Ready,
		batch.Starting: store.Live, batch.Running: store.Live, batch.Succeeded: store.Done, batch.Failed: store.Broken,
	}
	for status, want := range phases {
		b := open(t)
		b.write(b.PutJob(runnable("j1", 5, in(status))), b.PutJob(runnable("a:0", 5, in(status))))
		for _, phase := range []store.Phase{store.Waiting, store.Ready, store.Live, store.Done, store.Broken, store.LiveChild} {
			page, err := b.ListJobs(b.ctx, "q", phase, store.ListRange{Limit: 10})
			b.must(err)
			switch {
			case phase == want:
				b.wants(fmt.Sprintf("%s jobs in phase %s", status, phase), ids(page.Jobs), "j1")
			case phase == store.LiveChild && batch.Live(status):
				b.wants(fmt.Sprintf("%s children", status), ids(page.Jobs), "a:0")
			default:
				b.wants(fmt.Sprintf("%s jobs in phase %s", status, phase), ids(page.Jobs))
			}
		}
		live, err := b.LiveJobs(b.ctx, "q")
		b.must(err)
		if batch.Live(status) {
			b.wants("live jobs", ids(live), "j1", "a:0")
		} else {
			b.wants("live jobs", ids(live))
		}
	}
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	b := open(t)
	for i, created := range []batch.Millis{1_000_000_000_000, 999_999_999_999, 2_000_000_000_000, 1_500_000_000_000} {
		b.write(b.PutJob(runnable(fmt.Sprint("j", i), created)))
	}
	b.write(b.PutJob(runnable("same-b", 1_500_000_000_000)), b.PutJob(runnable("other", 1, func(j *batch.Job) { j.Queue = "q2" })))
	for what, test := range map[string]struct {
		in   store.ListRange
		want []string
	}{
		"all":                      {store.ListRange{}, []string{"j2", "same-b", "j3", "j0", "j1"}},
		"from a moment":            {store.ListRange{From: 1_000_000_000_000}, []string{"j2", "same-b", "j3", "j0"}},
		"before a moment":          {store.ListRange{Before: 1_500_000_000_000}, []string{"j0", "j1"}},
		"behind a job":             {store.ListRange{Before: 1_500_000_000_000, BeforeID: "same-b"}, []string{"j3", "j0", "j1"}},
		"between two moments":      {store.ListRange{From: 1_000_000_000_000, Before: 2_000_000_000_000}, []string{"same-b", "j3", "j0"}},
		"nothing lies between":     {store.ListRange{From: 3_000_000_000_000}, nil},
		"behind one that is older": {store.ListRange{Before: 1_000_000_000_000, BeforeID: "a"}, []string{"j1"}},
	} {
		for limit := 1; limit <= 6; limit++ { // in pages of each size
			test.in.Limit, test.in.After = limit, ""
			var got []string
			for {
				page, err := b.ListJobs(b.ctx, "q", store.Ready, test.in)
				b.must(err)
				got = append(got, ids(page.Jobs)...)
				if test.in.After = page.Next; page.Next == "" {
					break
				}
			}
			b.wants(fmt.Sprintf("%s in pages of %d", what, limit), got, test.want...)
		}
	}
}

func TestTheFrontOfAQueueIsInTheOrderOfDispatch(t *testing.T) {
	b := open(t)
	priority := func(p int32) func(*batch.Job) { return func(j *batch.Job) { j.Priority = p } }
	retried := func(j *batch.Job) { j.Retried = true }
	share := func(id string) func(*batch.Job) { return func(j *batch.Job) { j.Share = id } }
	array := func(edits ...func(*batch.Job)) func(*batch.Job) {
		return func(j *batch.Job) {
			j.Status, j.Array = batch.Pending, &batch.Array{Size: 3, Unstarted: 3}
			for _, edit := range edits {
				edit(j)
			}
		}
	}
	for _, j := range []batch.Job{
		runnable("old", 10), runnable("young", 30), runnable("array", 20, array()),
		runnable("important", 40, priority(9999)), runnable("less", 5, priority(1)),
		runnable("again", 50, retried), runnable("again-first", 60, retried, priority(3)),
		runnable("a:7", 15, retried), // a child that failed and may try again
		runnable("of-a-share", 1, share("red")),
		// and those that may not start:
		runnable("waits", 1, in(batch.Pending)), runnable("runs", 1, in(batch.Running)), runnable("ended", 1, in(batch.Failed)),
		runnable("array-waits", 1, array(func(j *batch.Job) { j.WaitsFor = 1 })),
		runnable("array-gated", 1, array(func(j *batch.Job) { j.Array.Mode = batch.ArraySequential })),
		runnable("array-closed", 1, array(func(j *batch.Job) { j.Array.Closed = "enough" })),
		runnable("array-stopped", 1, array(func(j *batch.Job) { j.Stop = &batch.Stop{Reason: "enough"} })),
		runnable("array-started", 1, array(func(j *batch.Job) { j.Array.Unstarted = 0 })),
		runnable("array-ended", 1, array(func(j *batch.Job) { j.Status = batch.Failed })),
	} {
		b.write(b.PutJob(j))
	}
	front := func(share string, limit int) []string {
		jobs, err := b.Front(b.ctx, "q", share, limit)
		b.must(err)
		list := []string{}
		for _, j := range jobs {
			list = append(list, j.ID)
		}
		return list
	}
	b.wants("the front", front("", 100), "again-first", "a:7", "again", "important", "less", "old", "array", "young")
	b.wants("the first three", front("", 3), "again-first", "a:7", "again")
	b.wants("the front of a share", front("red", 100), "of-a-share")
	b.wants("the front of a share without jobs", front("blue", 100))
}

func TestAFrontOfSeveralPages(t *testing.T) {
	b := open(t)
	for i := range 2500 {
		b.write(b.PutJob(runnable(fmt.Sprintf("j%04d", i), batch.Millis(i))))
	}
	for _, limit := range []int{999, 1000, 1001, 2500, 5000} {
		jobs, err := b.Front(b.ctx, "q", "", limit)
		if err != nil || len(jobs) != min(limit, 2500) || jobs[len(jobs)-1].ID != fmt.Sprintf("j%04d", len(jobs)-1) {
			t.Errorf("Front of %d has %d jobs, %v", limit, len(jobs), err)
		}
	}
}

func TestChildrenAreListedByIndex(t *testing.T) {
	b := open(t)
	for _, i := range []int{10, 2, 0, 999_999, 100, 9} {
		b.write(b.PutJob(runnable(batch.ChildID("a", i), 5)))
	}
	b.write(b.PutJob(runnable("a", 5)), b.PutSpec("a", store.Spec{Definition: "d:1"}), b.PutAttempt("a:2", batch.Attempt{Number: 1}))
	children := func(from, limit int) []string {
		jobs, err := b.Children(b.ctx, "a", from, limit)
		b.must(err)
		return ids(jobs)
	}
	b.wants("all children", children(0, 0), "a:0", "a:2", "a:9", "a:10", "a:100", "a:999999")
	b.wants("from 3", children(3, 2), "a:9", "a:10")
	b.wants("from the last", children(999_999, 5), "a:999999")
	b.wants("of nobody", func() []string { jobs, _ := b.Children(b.ctx, "b", 0, 5); return ids(jobs) }())
}

func TestAJobIsFoundByItsTask(t *testing.T) {
	b := open(t)
	b.write(b.PutJob(runnable("j1", 5, in(batch.Running))), b.PutJob(runnable("a:3", 5, in(batch.Starting))))
	last := runnable("j2", 5, in(batch.Failed))
	last.Last = &batch.Attempt{Number: 2, Placement: batch.Placement{Task: batch.TaskID("j2", 2)}}
	b.write(b.PutJob(last))
	for _, job := range []struct {
		id      string
		attempt int
	}{{"j1", 1}, {"a:3", 1}, {"j2", 2}} {
		got, err := b.JobOfTask(b.ctx, batch.TaskID(job.id, job.attempt))
		if err != nil || got.ID != job.id {
			t.Errorf("JobOfTask of attempt %d of %s = %s, %v", job.attempt, job.id, got.ID, err)
		}
	}
	for _, task := range []string{"", "unknown", batch.TaskID("j2", 1)} {
		if _, err := b.JobOfTask(b.ctx, task); !store.IsNotFound(err) {
			t.Errorf("JobOfTask(%q) = %v, want ErrNotFound", task, err)
		}
	}
	without := store.New(mem.Open(), store.Options{})
	b.must(without.Write(b.ctx, without.PutJob(runnable("j1", 5, in(batch.Running)))))
	if _, err := without.JobOfTask(b.ctx, batch.TaskID("j1", 1)); !store.IsNotFound(err) {
		t.Errorf("JobOfTask where tasks are not kept = %v, want ErrNotFound", err)
	}
}

func TestASubmissionIsRememberedForAnHour(t *testing.T) {
	b := open(t)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b.write(b.PutOnce("call-1", "j1", now))
	if err := b.Write(b.ctx, b.PutOnce("call-1", "j2", now), b.PutJob(runnable("j2", 5))); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same call again = %v, want ErrConflict", err)
	}
	if id, err := b.Once(b.ctx, "call-1"); id != "j1" || err != nil {
		t.Errorf("Once = %q, %v; want j1", id, err)
	}
	if _, err := b.Job(b.ctx, "j2"); !store.IsNotFound(err) {
		t.Errorf("the second job of the call = %v, want none", err)
	}
	purger := b.Table().(store.Purger)
	for age, want := range map[time.Duration]int{time.Hour: 0, time.Hour + 2*time.Second: 1} {
		if n, err := purger.Purge(b.ctx, now.Add(age), 10); n != want || err != nil {
			t.Errorf("%d are forgotten after %s, %v; want %d", n, age, err, want)
		}
	}
}
