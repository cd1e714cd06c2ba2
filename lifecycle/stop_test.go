package lifecycle_test

import (
	"errors"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

func TestStopEndsWhatWaitsAndMarksWhatRuns(t *testing.T) {
	type want struct {
		status                batch.Status
		marked                bool
		cancelled, terminated bool
	}
	for name, test := range map[string]struct {
		bring func(s *scene) string
		kind  batch.StopKind
		want  want
	}{
		"cancel what waits for a host":       {func(s *scene) string { return s.submit() }, batch.StopCancel, want{batch.Failed, false, true, false}},
		"terminate what waits for a host":    {func(s *scene) string { return s.submit() }, batch.StopTerminate, want{batch.Failed, false, false, true}},
		"cancel what waits for a job":        {func(s *scene) string { return s.submit(after(s.submit())) }, batch.StopCancel, want{batch.Failed, false, true, false}},
		"terminate what waits for a job":     {func(s *scene) string { return s.submit(after(s.submit())) }, batch.StopTerminate, want{batch.Failed, false, false, true}},
		"cancel what starts":                 {starting, batch.StopCancel, want{batch.Starting, false, false, false}},
		"terminate what starts":              {starting, batch.StopTerminate, want{batch.Starting, true, false, true}},
		"cancel what runs":                   {running, batch.StopCancel, want{batch.Running, false, false, false}},
		"terminate what runs":                {running, batch.StopTerminate, want{batch.Running, true, false, true}},
		"terminate what succeeded":           {succeeded, batch.StopTerminate, want{batch.Succeeded, false, false, false}},
		"cancel a child that waits":          {func(s *scene) string { return s.submit(array(2)) + ":1" }, batch.StopCancel, want{batch.Failed, false, true, false}},
		"cancel a child of a waiting array":  {func(s *scene) string { return s.submit(array(2), after(s.submit())) + ":1" }, batch.StopCancel, want{batch.Failed, false, true, false}},
		"terminate an array of none started": {func(s *scene) string { return s.submit(array(2)) }, batch.StopTerminate, want{batch.Failed, false, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := inMemory(t)
			id := test.bring(s)
			s.stop(test.kind, id)
			j := s.job(id)
			got := want{j.Status, j.Stop != nil && j.Array == nil, j.Cancelled, j.Terminated}
			if got != test.want {
				t.Errorf("it is %+v, want %+v", got, test.want)
			}
			if j.Status == batch.Failed && (j.Reason != "enough" || j.StoppedAt == 0) {
				t.Errorf("it failed because %q at %d, want the reason that was given", j.Reason, j.StoppedAt)
			}
			before := s.job(id)
			s.stop(test.kind, id) // and again
			if again := s.job(id); again.Status != before.Status || again.Reason != before.Reason || again.StoppedAt != before.StoppedAt {
				t.Errorf("stopped again it is %+v, was %+v", again, before)
			}
		})
	}
}

func starting(s *scene) string {
	id := s.submit()
	s.start(id)
	return id
}

func running(s *scene) string {
	id := starting(s)
	s.ends(batch.Running, id)
	return id
}

func succeeded(s *scene) string {
	id := running(s)
	s.ends(batch.Succeeded, id)
	return id
}

func TestStopOfAnUnknownJob(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(2))
	for _, id := range []string{"nothing", "nothing:0", a + ":2", s.submit() + ":0"} {
		if _, err := s.Stop(s.ctx, id, batch.Stop{Kind: batch.StopCancel, Reason: "x"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Stop(%s) = %v, want ErrNotFound", id, err)
		}
	}
}

func TestTheFirstReasonToStopCounts(t *testing.T) {
	s := inMemory(t)
	id := running(s)
	for _, reason := range []string{"first", "second"} {
		_, err := s.Stop(s.ctx, id, batch.Stop{Kind: batch.StopTerminate, Reason: reason})
		s.must(err)
	}
	if got := s.job(id).Stop.Reason; got != "first" {
		t.Errorf("it is stopped because %q, want the first reason", got)
	}
}

func TestStoppingAnArrayStopsItsChildren(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(1200))
	s.start(children(id, 0, 1, 2)...)
	s.ends(batch.Running, id+":1")
	s.ends(batch.Succeeded, id+":2")
	s.stop(batch.StopTerminate, id)
	s.wants(batch.Starting, id+":0")
	s.wants(batch.Running, id+":1")
	s.wants(batch.Succeeded, id+":2")
	s.wants(batch.Failed, id+":3", id+":1199")
	for _, child := range children(id, 0, 1) {
		if j := s.job(child); j.Stop == nil || j.Stop.Reason != "enough" || !j.Terminated {
			t.Errorf("%s has stop %+v, want it asked to stop", child, j.Stop)
		}
	}
	if j := s.job(id + ":3"); j.Reason != "enough" || j.StoppedAt == 0 || !j.Terminated {
		t.Errorf("a child that never started = %+v, want it terminated for the reason given", j)
	}
	s.families(id)
	s.ends(batch.Failed, children(id, 0, 1)...)
	if j := s.job(id); j.Status != batch.Failed || j.Reason != "enough" {
		t.Errorf("the array is %s (%s), want it failed for the reason given", j.Status, j.Reason)
	}
	if got := s.runnable(); len(got) > 0 {
		t.Errorf("%v can still be started", got)
	}
	s.families(id)
}

func TestCancellingAnArrayLetsItsRunningChildrenEnd(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(3))
	s.start(id + ":0")
	s.stop(batch.StopCancel, id)
	s.wants(batch.Starting, id+":0")
	s.wants(batch.Failed, children(id, 1, 2)...)
	s.ends(batch.Succeeded, id+":0")
	s.wants(batch.Failed, id)
	s.families(id)
}

func TestWhoWaitsForAStoppedJobFails(t *testing.T) {
	s := inMemory(t)
	first := s.submit()
	waits := s.submit(after(first))
	s.stop(batch.StopCancel, first)
	s.failedBecause(first, waits)
}

func TestAStoppedChildIsPassedOver(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(4))
	s.stop(batch.StopCancel, id+":1")
	s.runs(batch.Succeeded, children(id, 0, 2, 3)...)
	s.wants(batch.Failed, id)
	if j := s.job(id); j.Reason != lifecycle.ArrayChildFailed {
		t.Errorf("the array failed because %q", j.Reason)
	}
	s.families(id)
}
