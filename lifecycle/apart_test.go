package lifecycle_test

import (
	"context"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// run lets children of job-001 run, by one Apply.
func (s *scene) run(ids ...string) {
	s.t.Helper()
	var updates []lifecycle.Update
	for _, id := range ids {
		updates = append(updates, lifecycle.Update{ID: id, Change: func(j batch.Job) (batch.Job, []store.Op, error) {
			j, err := j.Transition(batch.Running, "", batch.MillisOf(s.now))
			return j, nil, err
		}})
	}
	for i, r := range s.Apply(s.ctx, updates) {
		if r.Err != nil {
			s.t.Errorf("%s does not run: %v", ids[i], r.Err)
		} else if stored := s.job(ids[i]); stored.Status != batch.Running || stored.Version != r.After.Version {
			s.t.Errorf("%s is stored as %s at version %d, want RUNNING at %d", ids[i], stored.Status, stored.Version, r.After.Version)
		}
	}
}

func TestChildrenThatBeginToRunCostNoWriteOfSeveral(t *testing.T) {
	for name, apart := range map[string]bool{"apart": true, "together": false} {
		t.Run(name, func(t *testing.T) {
			largest := 0
			table := storetest.Faulty(mem.Open(), func(c storetest.Call) storetest.Fault {
				largest = max(largest, len(c.Ops))
				return storetest.None
			})
			s := newScene(t, table)
			s.CountApart = apart
			s.submit(array(3))
			s.start(children("job-001", 0, 1, 2)...)
			largest = 0
			s.run(children("job-001", 0, 1)...)
			if want := map[bool]int{true: 1, false: 3}[apart]; largest != want {
				t.Errorf("the largest write has %d operations, want %d", largest, want)
			}
			s.families("job-001")
			s.ends(batch.Succeeded, children("job-001", 0, 1, 2)...)
			s.families("job-001")
		})
	}
}

// A child that another changes just then, so that it no longer merely runs, is changed
// together with its array after all.
func TestAChildThatIsChangedMeanwhileIsLookedAtAgain(t *testing.T) {
	s := inMemory(t)
	s.CountApart = true
	s.submit(array(2))
	s.start(children("job-001", 0, 1)...)
	looks := 0
	r := s.Apply(s.ctx, []lifecycle.Update{
		{ID: "job-001:0", Change: func(j batch.Job) (batch.Job, []store.Op, error) {
			if looks++; looks == 1 {
				s.stop(batch.StopTerminate, "job-001:0")
			}
			to := batch.Running
			if j.Stop != nil {
				to = batch.Failed
			}
			j, err := j.Transition(to, "", batch.MillisOf(s.now))
			return j, nil, err
		}},
		{ID: "job-001:1", Change: func(j batch.Job) (batch.Job, []store.Op, error) {
			j, err := j.Transition(batch.Running, "", batch.MillisOf(s.now))
			return j, nil, err
		}},
	})
	for _, r := range r {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Before.ID, r.Err)
		}
	}
	if got := s.job("job-001:0").Status; got != batch.Failed {
		t.Errorf("the child that was stopped is %s, want FAILED", got)
	}
	s.families("job-001")
}

// A crash between a child and its count leaves it counted as STARTING. All else is
// right, and the array comes to its end.
func TestACrashBeforeAChildIsCountedLosesNoChild(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.Before, storetest.After} {
		for n := 1; ; n++ {
			table := mem.Open()
			s := newScene(t, table)
			s.CountApart = true
			s.submit(array(3))
			s.start(children("job-001", 0, 1, 2)...)
			c := &crash{at: n, fault: fault}
			s.open(storetest.Faulty(table, c.fate))
			s.CountApart = true
			for _, id := range children("job-001", 0, 1) {
				_ = s.move(id, batch.Running)
			}
			s.open(table)
			s.CountApart = true
			if a := s.job("job-001").Array; a.Counts.Starting+a.Counts.Running != 3 {
				t.Errorf("crash at write %d: %+v, want 3 children on hosts", n, a.Counts)
			}
			for _, id := range children("job-001", 0, 1, 2) {
				s.ends(batch.Succeeded, id)
				if a := s.job("job-001").Array; a.Counts.Starting < 0 || a.Counts.Running < 0 {
					t.Errorf("crash at write %d: %+v, want none below zero", n, a.Counts)
				}
			}
			s.families("job-001")
			if !c.over {
				break
			}
		}
	}
}

// Children that run are written before their array is read again, so that whoever writes
// it meanwhile does not make a write of several fail, which costs as if it were made.
func TestAnArrayThatIsWrittenBesideItsChildrenIsNoConflict(t *testing.T) {
	table := &contended{Table: mem.Open()}
	s := newScene(t, table)
	s.CountApart = true
	s.submit(array(4))
	s.start(children("job-001", 0, 1)...)
	s.run("job-001:1")
	table.meanwhile = func() { s.start("job-001:2") }
	for _, r := range s.Apply(s.ctx, []lifecycle.Update{
		{ID: "job-001:0", Change: to(s, batch.Running)}, {ID: "job-001:1", Change: to(s, batch.Succeeded)},
	}) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Before.ID, r.Err)
		}
	}
	if table.meanwhile != nil || table.refused > 0 {
		t.Errorf("written meanwhile: %t, and %d writes were refused, want none", table.meanwhile == nil, table.refused)
	}
	s.families("job-001")
}

// to is a change to a status.
func to(s *scene, status batch.Status) func(batch.Job) (batch.Job, []store.Op, error) {
	return func(j batch.Job) (batch.Job, []store.Op, error) {
		j, err := j.Transition(status, "", batch.MillisOf(s.now))
		return j, nil, err
	}
}

// contended is a table in which something happens just before a child is written by itself,
// and which counts the writes whose condition did not hold.
type contended struct {
	store.Table
	meanwhile func()
	refused   int
}

func (c *contended) Write(ctx context.Context, ops ...store.Op) error {
	if meanwhile := c.meanwhile; meanwhile != nil && len(ops) == 1 && ops[0].Item.Key.Sort == "child#0000000" {
		c.meanwhile = nil
		meanwhile()
	}
	err := c.Table.Write(ctx, ops...)
	if store.IsConflict(err) {
		c.refused++
	}
	return err
}
