package lifecycle

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// A gated array is one whose children wait for other children: for the one before
// (SEQUENTIAL) or for those of the same index in other arrays (N_TO_N). A child of
// it gets its record when it is released, or when it fails unreleased.

// gate is what holds back the children of one array.
type gate struct {
	sequential bool
	arrays     []string // N_TO_N: the parents of the children waited for
}

// gateOf reads from what was submitted what holds an array's children back.
func gateOf(spec store.Spec) gate {
	var g gate
	for _, d := range spec.Request.DependsOn {
		switch d.Type {
		case types.ArrayJobDependencySequential:
			if d.JobId == nil || *d.JobId == "" {
				g.sequential = true
			}
		case types.ArrayJobDependencyNToN:
			if d.JobId != nil {
				g.arrays = append(g.arrays, *d.JobId)
			}
		}
	}
	return g
}

// settleChildren handles the end of children of one array.
func (l *Lifecycle) settleChildren(ctx context.Context, parentID string, indexes []int) []batch.Job {
	var ended []batch.Job
	parent, err := l.Records.Job(ctx, parentID)
	l.later(err)
	if err != nil || parent.Array == nil {
		return nil
	}
	if parent.Array.Mode == batch.ArraySequential {
		following := make([]int, 0, len(indexes))
		for _, i := range indexes {
			following = append(following, i+1)
		}
		ended = append(ended, l.tryChildren(ctx, parentID, following)...)
	}
	edges, err := l.Records.Waiters(ctx, parentID)
	if err != nil {
		l.later(err)
		return ended
	}
	for _, e := range edges {
		if e.Mode == batch.ArrayNToN {
			ended = append(ended, l.tryChildren(ctx, e.Waiter, indexes)...)
		}
	}
	return ended
}

// tryChildren looks at children of a gated array that have no record yet, and
// releases or fails those whose gate has opened or broken.
func (l *Lifecycle) tryChildren(ctx context.Context, parentID string, indexes []int) []batch.Job {
	parent, err := l.Records.Job(ctx, parentID)
	l.later(err)
	if err != nil || batch.Final(parent.Status) || parent.Array == nil ||
		parent.Array.Closed != "" || parent.WaitsFor > 0 {
		return nil
	}
	spec, err := l.Records.Spec(ctx, parentID)
	if err != nil {
		l.later(err)
		return nil
	}
	g := gateOf(spec)
	verdicts, err := l.judge(ctx, parent, g, indexes)
	if err != nil {
		l.later(err)
		return nil
	}
	var updates []Update
	for _, v := range verdicts {
		if v.failedOn != "" && g.sequential && l.nothingElse(ctx, parentID, v.index) {
			// Nothing behind it can run any more.
			reason := dependentFailed(v.failedOn)
			return append(l.applyChildren(ctx, updates), l.change(ctx, parentID, func(j batch.Job) (batch.Job, []store.Op, error) {
				if j.Array.Closed != "" || batch.Final(j.Status) {
					return j, nil, ErrSkip
				}
				return l.Close(j, reason), nil, nil
			})...)
		}
		updates = append(updates, l.opening(parentID, v))
	}
	return l.applyChildren(ctx, updates)
}

// nothingElse reports whether all children below an index have records: the others
// are then those that can only fail with it. A child that was stopped before its turn
// has children below it that may still run.
func (l *Lifecycle) nothingElse(ctx context.Context, parentID string, index int) bool {
	for from := 0; from < index; {
		children, err := l.Records.Children(ctx, parentID, from, min(gatedPage, index-from))
		l.later(err)
		if err != nil || len(children) == 0 {
			return false
		}
		for _, c := range children {
			if _, i, _ := batch.SplitChild(c.ID); i != from {
				return false
			}
			from++
		}
	}
	return true
}

func dependentFailed(on string) string { return DependentJobFailed + ": " + on }

// applyChildren applies updates of children and returns those that ended.
func (l *Lifecycle) applyChildren(ctx context.Context, updates []Update) []batch.Job {
	if len(updates) == 0 {
		return nil
	}
	var ended []batch.Job
	for _, r := range l.apply(ctx, updates) {
		switch {
		case r.Err != nil:
			l.later(r.Err)
		case batch.Final(r.After.Status):
			ended = append(ended, r.After)
		case r.After.Status == batch.Runnable:
			l.wake(r.After.Queue)
		}
	}
	return ended
}

// opening is the update that gives a child its record.
func (l *Lifecycle) opening(parentID string, v verdict) Update {
	return Update{ID: batch.ChildID(parentID, v.index), Change: func(j batch.Job) (batch.Job, []store.Op, error) {
		if j.Version != 0 || j.Status != batch.Pending {
			return j, nil, ErrSkip // another was here first
		}
		now := batch.MillisOf(l.Now())
		if v.failedOn != "" {
			j, err := j.Transition(batch.Failed, dependentFailed(v.failedOn), now)
			return j, nil, err
		}
		j, err := j.Transition(batch.Runnable, "", now)
		return j, nil, err
	}}
}

// verdict is what a gate says of one child: released, or failed because of failedOn.
type verdict struct {
	index    int
	failedOn string
}

// judge returns verdicts on those children whose gate has opened or broken.
func (l *Lifecycle) judge(ctx context.Context, parent batch.Job, g gate, indexes []int) ([]verdict, error) {
	var ids []string
	for _, i := range indexes {
		if i >= parent.Array.Size {
			continue
		}
		ids = append(ids, batch.ChildID(parent.ID, i))
		if g.sequential && i > 0 {
			ids = append(ids, batch.ChildID(parent.ID, i-1))
		}
		for _, a := range g.arrays {
			ids = append(ids, batch.ChildID(a, i))
		}
	}
	ids = append(ids, g.arrays...)
	known, err := l.Records.Jobs(ctx, unique(ids))
	if err != nil {
		return nil, err
	}
	statusOf := func(array string, index int) batch.Status {
		if child, ok := known[batch.ChildID(array, index)]; ok {
			return child.Status
		}
		if owner, ok := known[array]; ok && owner.Array != nil && array != parent.ID {
			return owner.UnstartedStatus()
		}
		return batch.Pending
	}
	var verdicts []verdict
	for _, i := range indexes {
		if _, has := known[batch.ChildID(parent.ID, i)]; has || i >= parent.Array.Size {
			continue
		}
		open, failedOn := true, ""
		check := func(array string, index int) {
			switch statusOf(array, index) {
			case batch.Succeeded:
			case batch.Failed:
				failedOn = batch.ChildID(array, index)
			default:
				open = false
			}
		}
		if g.sequential && i > 0 {
			check(parent.ID, i-1)
		}
		for _, a := range g.arrays {
			check(a, i)
		}
		if open || failedOn != "" {
			verdicts = append(verdicts, verdict{i, failedOn})
		}
	}
	return verdicts, nil
}

// gatedPage is how many children are looked at together by resolveGated.
const gatedPage = 1000

// resolveGated looks at all children of a gated array that have no record.
func (l *Lifecycle) resolveGated(ctx context.Context, parentID string) []batch.Job {
	parent, err := l.Records.Job(ctx, parentID)
	l.later(err)
	if err != nil || parent.Array == nil || parent.Array.Unstarted == 0 {
		return nil
	}
	spec, err := l.Records.Spec(ctx, parentID)
	if err != nil {
		l.later(err)
		return nil
	}
	if g := gateOf(spec); g.sequential && len(g.arrays) == 0 {
		next, err := l.behindRecords(ctx, parent)
		l.later(err)
		return l.tryChildren(ctx, parentID, next)
	}
	var ended []batch.Job
	indexes := make([]int, 0, gatedPage)
	for from := 0; from < parent.Array.Size && ctx.Err() == nil; from += gatedPage {
		indexes = indexes[:0]
		for i := from; i < min(from+gatedPage, parent.Array.Size); i++ {
			indexes = append(indexes, i)
		}
		ended = append(ended, l.tryChildren(ctx, parentID, indexes)...)
	}
	return ended
}

// behindRecords returns the indexes of the children without a record that come first
// or right behind one that has a record: in a sequence no others can be judged.
func (l *Lifecycle) behindRecords(ctx context.Context, parent batch.Job) ([]int, error) {
	var next []int
	at := 0 // all below were looked at
	for at < parent.Array.Size {
		children, err := l.Records.Children(ctx, parent.ID, at, gatedPage)
		if err != nil {
			return nil, err
		}
		for _, c := range children {
			_, i, _ := batch.SplitChild(c.ID)
			if i > at {
				next = append(next, at)
			}
			at = i + 1
		}
		if len(children) < gatedPage {
			break
		}
	}
	if at < parent.Array.Size {
		next = append(next, at)
	}
	return next, nil
}

func unique(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	out := ids[:0]
	for _, id := range ids {
		if _, dup := seen[id]; !dup {
			seen[id] = struct{}{}
			out = append(out, id)
		}
	}
	return out
}
