package lifecycle_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// submitAny submits a plain job or an array that waits for any of the earlier ones.
func submitAny(t *rapid.T, s *scene) string {
	var edits []func(*awsbatch.SubmitJobInput)
	size := rapid.SampledFrom([]int{0, 0, 2, 3, 5}).Draw(t, "size")
	if size > 0 {
		edits = append(edits, array(size))
		if rapid.IntRange(0, 3).Draw(t, "in sequence") == 0 {
			edits = append(edits, inSequence)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "dependencies") {
		if s.made == 0 {
			break
		}
		on := fmt.Sprintf("job-%03d", rapid.IntRange(1, s.made).Draw(t, "on"))
		other := s.job(on)
		switch {
		case other.Array != nil && size > 0 && other.Array.Size == size && rapid.Bool().Draw(t, "N_TO_N"):
			edits = append(edits, beside(on))
		case other.Array != nil && rapid.Bool().Draw(t, "a child"):
			edits = append(edits, after(batch.ChildID(on, rapid.IntRange(0, other.Array.Size-1).Draw(t, "index"))))
		default:
			edits = append(edits, after(on))
		}
	}
	return s.submit(edits...)
}

// live lists the jobs that were started and have not ended.
func (s *scene) live() []string {
	s.t.Helper()
	jobs, err := s.Records.LiveJobs(s.ctx, "q")
	s.must(err)
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	slices.Sort(ids)
	return ids
}

// Any jobs in any order, started, ended and stopped at any time: at every moment counts
// add up and nobody waits for what has ended; in the end all have ended, and no job
// ran before what it depends on had succeeded.
func TestAnyGraphOfJobsComesToItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newScene(t, mem.Open())
		var all []string
		anyOf := func(ids []string, label string) string { return rapid.SampledFrom(ids).Draw(t, label) }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2:
				if len(all) < 12 {
					all = append(all, submitAny(t, s))
				}
			case 3, 4, 5:
				if ids := s.runnable(); len(ids) > 0 {
					s.startChecked(anyOf(ids, "starts"))
				}
			case 6, 7:
				if ids := s.live(); len(ids) > 0 {
					s.ends(rapid.SampledFrom([]batch.Status{batch.Succeeded, batch.Succeeded, batch.Failed, batch.Runnable}).Draw(t, "ends"),
						anyOf(ids, "which"))
				}
			case 8:
				if len(all) > 0 {
					id := anyOf(all, "stopped")
					if a := s.job(id).Array; a != nil && rapid.Bool().Draw(t, "a child of it") {
						id = batch.ChildID(id, rapid.IntRange(0, a.Size-1).Draw(t, "index"))
					}
					s.stop(rapid.SampledFrom([]batch.StopKind{batch.StopCancel, batch.StopTerminate}).Draw(t, "kind"), id)
				}
			case 9:
				for _, id := range all { // at any time, and without effect
					s.must(s.Resolve(s.ctx, id))
				}
			}
			s.settled()
		}
		const most = 1000
		for range most {
			for _, id := range s.runnable() {
				s.startChecked(id)
			}
			live := s.live()
			for _, id := range live {
				s.ends(batch.Succeeded, id)
			}
			if len(live) == 0 {
				break
			}
		}
		s.settled()
		for _, id := range all {
			if j := s.job(id); !batch.Final(j.Status) {
				t.Errorf("%s is still %s", id, j.Status)
			}
		}
	})
}

// startChecked starts a job, whose dependencies must all have succeeded.
func (s *scene) startChecked(id string) {
	s.t.Helper()
	family, index, child := batch.SplitChild(id)
	if !child {
		family = id
	}
	spec, err := s.Records.Spec(s.ctx, family)
	s.must(err)
	whole, gate := waitsFor(family, index, spec)
	for _, on := range slices.Concat(whole, gate) {
		if status := s.job(on).Status; status != batch.Succeeded {
			s.t.Errorf("%s may be started while %s is %s", id, on, status)
		}
	}
	s.start(id)
}

// Requests and passes change the children of one array at once.
func TestChangesAtOnceAllCount(t *testing.T) {
	s := inMemory(t)
	s.Writers = 0
	const size, workers = 300, 6
	a := s.submit(array(size))
	b := s.submit(array(size), beside(a))
	last := s.submit(after(a, b))
	var wait sync.WaitGroup
	run := func(parent string, worker int) {
		for i := worker; i < size; i += workers {
			id := batch.ChildID(parent, i)
			for _, to := range []batch.Status{batch.Starting, batch.Running, batch.Succeeded} {
				const tries = 1000 // a child of b waits for its counterpart, and for its turn among the writers
				for range tries {
					err := s.move(id, to)
					if err == nil || batch.Final(s.job(id).Status) {
						break
					}
					if !refused(err) && !store.IsConflict(err) {
						t.Errorf("%s to %s: %v", id, to, err)
						return
					}
				}
			}
		}
	}
	for w := range workers {
		wait.Go(func() { run(a, w); run(b, w) })
	}
	wait.Go(func() {
		for i := 7; i < size; i += 40 {
			_, err := s.Stop(s.ctx, batch.ChildID(a, i), batch.Stop{Kind: batch.StopCancel, Reason: "enough"})
			if err != nil && !store.IsConflict(err) {
				t.Errorf("Stop: %v", err)
			}
		}
	})
	wait.Wait()
	s.families(a, b)
	for _, id := range append(s.live(), s.runnable()...) {
		t.Errorf("%s is still %s", id, s.job(id).Status)
	}
	for i := range size {
		one, two := s.job(batch.ChildID(a, i)), s.job(batch.ChildID(b, i))
		if one.Status != two.Status {
			t.Errorf("child %d is %s, its counterpart %s", i, one.Status, two.Status)
		}
	}
	if a, b, j := s.job(a), s.job(b), s.job(last); !batch.Final(a.Status) || !batch.Final(b.Status) || !batch.Final(j.Status) && a.Status == batch.Failed {
		t.Errorf("the arrays are %s and %s, who waits for them is %s", a.Status, b.Status, j.Status)
	}
}

// Two updates of one job at once: one wins, the other sees what it did.
func TestOneOfTwoUpdatesWins(t *testing.T) {
	s := inMemory(t)
	id := s.submit()
	const racers = 8
	started := make(chan bool, racers)
	var wait sync.WaitGroup
	for range racers {
		wait.Go(func() { started <- s.move(id, batch.Starting) == nil })
	}
	wait.Wait()
	close(started)
	wins := 0
	for ok := range started {
		if ok {
			wins++
		}
	}
	if wins != 1 {
		t.Errorf("%d of %d starts of one job succeeded", wins, racers)
	}
}

// What Apply answers stands in the order of the updates, whatever becomes of each.
func TestResultsStandInTheOrderOfTheUpdates(t *testing.T) {
	s := inMemory(t)
	one, a, two := s.submit(), s.submit(array(100)), s.submit()
	start := func(j batch.Job) (batch.Job, []store.Op, error) {
		j, err := j.Transition(batch.Starting, "", 1)
		return j, nil, err
	}
	updates := []lifecycle.Update{{ID: two, Change: start}, {ID: "nobody", Change: start}}
	for i := range 100 {
		updates = append(updates, lifecycle.Update{ID: batch.ChildID(a, i), Change: start, Dispatch: true})
	}
	updates = append(updates, lifecycle.Update{ID: a + ":100", Change: start}, lifecycle.Update{ID: one, Change: start},
		lifecycle.Update{ID: a, Change: func(j batch.Job) (batch.Job, []store.Op, error) { return j, nil, lifecycle.ErrSkip }})
	for i, r := range s.Apply(s.ctx, updates) {
		id := updates[i].ID
		switch id {
		case "nobody", a + ":100":
			if !store.IsNotFound(r.Err) {
				t.Errorf("the result for %s is %v, want ErrNotFound", id, r.Err)
			}
		case a:
			if r.Err != lifecycle.ErrSkip || r.After.ID != a {
				t.Errorf("the result for %s is %v of %s, want ErrSkip", id, r.Err, r.After.ID)
			}
		default:
			if r.Err != nil || r.After.ID != id || r.Before.Status != batch.Runnable || r.After.Status != batch.Starting {
				t.Errorf("the result for %s is %v: %s from %s to %s", id, r.Err, r.After.ID, r.Before.Status, r.After.Status)
			}
			if stored := s.job(id); stored.Version != r.After.Version {
				t.Errorf("%s has version %d, the result says %d", id, stored.Version, r.After.Version)
			}
		}
	}
	s.families(a)
}
