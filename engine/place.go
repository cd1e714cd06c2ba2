package engine

import (
	"context"
	"errors"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

var errSkip = lifecycle.ErrSkip

const timedOut = lifecycle.TimedOut

// applyOne changes one job.
func (e *Engine) applyOne(ctx context.Context, id string, change func(batch.Job) (batch.Job, error)) lifecycle.Result {
	return e.Lifecycle.Apply(ctx, []lifecycle.Update{{ID: id, Change: func(j batch.Job) (batch.Job, []store.Op, error) {
		j, err := change(j)
		return j, nil, err
	}}})[0]
}

// place records placements, then starts what was recorded. failed says that some
// could not be recorded since the snapshot was not right any more; err is why others
// could not.
func (e *Engine) place(ctx context.Context, w *world, placements []scheduler.Placement) (placed int, failed bool, err error) {
	if len(placements) == 0 {
		return 0, false, nil
	}
	clusters := map[string]string{}
	for _, env := range w.envs {
		clusters[env.Name()] = env.Cluster()
	}
	children := map[string][]int{} // array -> indexes to start, in order
	counts := map[string]int{}
	for _, p := range placements {
		counts[p.Job]++
	}
	updates := make([]lifecycle.Update, 0, len(placements))
	for _, p := range placements {
		id, dispatch := p.Job, false
		if parent := *w.jobs[p.Job]; parent.Array != nil {
			indexes, ok := children[p.Job]
			if !ok {
				// As it is now: the ordering that showed it may lag.
				if current, err := e.Records.Job(ctx, p.Job); err == nil && current.Array != nil {
					parent = current
				}
				indexes = e.nextChildren(ctx, parent, counts[p.Job])
			}
			if len(indexes) == 0 {
				failed = true
				children[p.Job] = indexes
				continue
			}
			id, dispatch = batch.ChildID(p.Job, indexes[0]), true
			children[p.Job] = indexes[1:]
		}
		where := batch.Placement{Environment: p.Environment, Cluster: clusters[p.Environment], Host: p.Host}
		if h := w.roster.hosts[p.Host]; h != nil {
			where.HostRef = h.Ref
		}
		updates = append(updates, lifecycle.Update{ID: id, Dispatch: dispatch, Change: e.starting(where)})
	}
	var started []batch.Job
	for i, r := range e.Lifecycle.Apply(ctx, updates) {
		e.recent.note(updates[i].ID, r.After.Version)
		switch {
		case r.Err == nil:
			started = append(started, r.After)
		case errors.Is(r.Err, errSkip), store.IsConflict(r.Err), store.IsNotFound(r.Err):
			failed = true
		case ctx.Err() == nil:
			err = r.Err
		}
	}
	e.send(ctx, started, first)
	return len(started), failed, err
}

// starting is the change that places a job: RUNNABLE -> STARTING with a new attempt.
func (e *Engine) starting(where batch.Placement) func(batch.Job) (batch.Job, []store.Op, error) {
	return func(j batch.Job) (batch.Job, []store.Op, error) {
		if j.Status != batch.Runnable || j.Stop != nil {
			return j, nil, errSkip
		}
		next, err := j.Transition(batch.Starting, "", batch.MillisOf(e.Now()))
		if err != nil {
			return j, nil, err
		}
		next.Attempts++
		next.StartedAt = 0
		p := where
		p.Task = batch.TaskID(j.ID, next.Attempts)
		next.Placement = &p
		return next, nil, nil
	}
}

// nextChildren returns the indexes of up to n children of a plain array that have
// not started. A child at or above Next has a record only if it was stopped by
// itself.
func (e *Engine) nextChildren(ctx context.Context, parent batch.Job, n int) []int {
	a := parent.Array
	indexes := make([]int, 0, n)
	if a.Unstarted == a.Size-a.Next {
		for i := a.Next; i < min(a.Next+n, a.Size); i++ {
			indexes = append(indexes, i)
		}
		return indexes
	}
	for from := a.Next; from < a.Size && len(indexes) < n; from += front {
		records, err := e.Records.Children(ctx, parent.ID, from, front)
		if err != nil {
			return indexes
		}
		taken := map[int]bool{}
		for _, r := range records {
			_, i, _ := batch.SplitChild(r.ID)
			taken[i] = true
		}
		for i := from; i < min(from+front, a.Size) && len(indexes) < n; i++ {
			if !taken[i] {
				indexes = append(indexes, i)
			}
		}
	}
	return indexes
}

// isCurrent reports whether a task is that of a job's current attempt.
func isCurrent(j batch.Job, task string) bool {
	return j.Placement != nil && j.Placement.Task == task
}
