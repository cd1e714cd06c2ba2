package lifecycle

import (
	"context"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// settle carries what follows from jobs that have ended, until nothing follows. It
// answers no error: what it could not do now, the sweep does later (Resolve).
func (l *Lifecycle) settle(ctx context.Context, ended []batch.Job) {
	for len(ended) > 0 && ctx.Err() == nil {
		families := map[string][]int{}
		var parents []string // of families, in order
		var more []batch.Job
		for _, job := range ended {
			if parent, index, ok := batch.SplitChild(job.ID); ok {
				if families[parent] == nil {
					parents = append(parents, parent)
				}
				families[parent] = append(families[parent], index)
			}
			more = append(more, l.settleJob(ctx, job)...)
		}
		for _, parent := range parents {
			more = append(more, l.settleChildren(ctx, parent, families[parent])...)
		}
		ended = more
	}
	if len(ended) > 0 {
		l.later(ctx.Err())
	}
}

// settleJob handles those that wait for one job, be it a plain one, a whole array or
// a single child, and returns the jobs that ended by it.
func (l *Lifecycle) settleJob(ctx context.Context, job batch.Job) []batch.Job {
	edges, err := l.Records.Waiters(ctx, job.ID)
	if err != nil {
		l.later(err)
		return nil
	}
	var ended []batch.Job
	for _, e := range edges {
		if e.Mode == batch.ArrayNToN {
			continue // its children follow one by one
		}
		ended = append(ended, l.cut(ctx, e.Waiter, []store.Edge{e}, map[string]batch.Job{job.ID: job})...)
	}
	if job.Array != nil {
		ended = append(ended, l.settleClosed(ctx, job)...)
	}
	return ended
}

// closed reports whether a change closed an array that goes on: children ended that
// have no record.
func closed(r Result) bool {
	return r.After.Array != nil && r.After.Array.Closed != "" && r.Before.Array != nil && r.Before.Array.Closed == ""
}

// settleClosed handles those that wait for children of an array that ended without
// ever having had a record.
func (l *Lifecycle) settleClosed(ctx context.Context, parent batch.Job) []batch.Job {
	if parent.Array.Unstarted == 0 {
		return nil
	}
	edges, err := l.Records.Waiters(ctx, parent.ID)
	l.later(err)
	var ended []batch.Job
	for _, e := range edges {
		if e.Mode == batch.ArrayNToN {
			ended = append(ended, l.resolveGated(ctx, e.Waiter)...)
		}
	}
	edges, err = l.Records.ChildWaiters(ctx, parent.ID)
	l.later(err)
	on := make([]string, len(edges))
	for i, e := range edges {
		on[i] = e.On
	}
	children, err := l.Describe(ctx, on)
	l.later(err)
	for _, e := range edges {
		if batch.Final(children[e.On].Status) {
			ended = append(ended, l.cut(ctx, e.Waiter, []store.Edge{e}, children)...)
		}
	}
	return ended
}

// edgesPerWrite bounds the edges cut in one write.
const edgesPerWrite = 90

// cut takes edges away because what they wait for has ended, and returns the
// waiter if it ended by it.
func (l *Lifecycle) cut(ctx context.Context, waiter string, edges []store.Edge, on map[string]batch.Job) []batch.Job {
	return l.change(ctx, waiter, func(j batch.Job) (batch.Job, []store.Op, error) {
		if batch.Final(j.Status) {
			return j, nil, ErrSkip
		}
		var ops []store.Op
		for _, e := range edges {
			ops = append(ops, l.Records.CutEdge(e))
			if on[e.On].Status == batch.Failed {
				j, err := l.failWaiting(j, e.On)
				return j, ops, err
			}
		}
		return l.release(j, len(edges)), ops, nil
	})
}

// release counts n dependencies as ended, and lets the job go when none is left.
func (l *Lifecycle) release(j batch.Job, n int) batch.Job {
	unstarted := j.Status
	if j.Array != nil {
		unstarted = j.UnstartedStatus()
	}
	j.WaitsFor = max(0, j.WaitsFor-n)
	if j.WaitsFor > 0 {
		return j
	}
	if j.Array != nil {
		array := *j.Array
		j.Array = &array
		array.Counts.Move(unstarted, j.UnstartedStatus(), array.Unstarted)
		return j
	}
	if next, err := j.Transition(batch.Runnable, "", batch.MillisOf(l.Now())); err == nil {
		return next
	}
	return j
}

// failWaiting fails a job because one that it depends on failed.
func (l *Lifecycle) failWaiting(j batch.Job, on string) (batch.Job, error) {
	reason := dependentFailed(on)
	if j.Array != nil {
		return l.Close(j, reason), nil
	}
	return j.Transition(batch.Failed, reason, batch.MillisOf(l.Now()))
}

// Close fails the children of an array that have no record, and ends the array if
// none other is left.
func (l *Lifecycle) Close(parent batch.Job, reason string) batch.Job {
	if parent.Array.Closed != "" {
		return parent
	}
	array := *parent.Array
	array.Counts.Move(parent.UnstartedStatus(), batch.Failed, array.Unstarted)
	array.Closed, array.ClosedAt = reason, batch.MillisOf(l.Now())
	parent.Array = &array
	l.endArray(&parent)
	return parent
}

// change applies fn to one job, wakes its queue, and returns it if it ended.
func (l *Lifecycle) change(ctx context.Context, id string, fn func(batch.Job) (batch.Job, []store.Op, error)) []batch.Job {
	r := l.apply(ctx, []Update{{ID: id, Change: fn}})[0]
	if r.Err != nil {
		l.later(r.Err)
		return nil
	}
	if batch.Final(r.After.Status) { // by this: changes leave alone what has ended
		return []batch.Job{r.After}
	}
	if closed(r) {
		return l.settleClosed(ctx, r.After)
	}
	if r.After.WaitsFor == 0 {
		l.wake(r.After.Queue)
		if r.After.Array != nil && r.After.Array.Mode != batch.ArrayPlain {
			return l.resolveGated(ctx, id)
		}
	}
	return nil
}
