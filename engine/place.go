package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
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
// could not be recorded and the snapshot was not right any more.
func (e *Engine) place(ctx context.Context, w *world, placements []scheduler.Placement) (placed int, failed bool) {
	if len(placements) == 0 {
		return 0, false
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
		if parent := w.jobs[p.Job]; parent.Array != nil {
			indexes, ok := children[p.Job]
			if !ok {
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
		updates = append(updates, lifecycle.Update{ID: id, Dispatch: dispatch, Change: e.starting(where)})
	}
	var started []batch.Job
	for _, r := range e.Lifecycle.Apply(ctx, updates) {
		switch {
		case r.Err == nil:
			started = append(started, r.After)
		case !errors.Is(r.Err, errSkip):
			failed = failed || ctx.Err() == nil && (store.IsConflict(r.Err) || store.IsNotFound(r.Err))
			e.Log.Debug("a placement was not recorded", "error", r.Err)
		default:
			failed = true
		}
	}
	e.send(ctx, started)
	return len(started), failed
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

// maxSenders bounds how many tasks are handed to compute at once.
const maxSenders = 32

// send starts the tasks of jobs that were recorded as STARTING. It may be called
// again for the same jobs: the task's id is the token.
func (e *Engine) send(ctx context.Context, jobs []batch.Job) {
	var group errgroup.Group
	group.SetLimit(cmp.Or(e.Senders, maxSenders))
	results := make([]error, len(jobs))
	for i, j := range jobs {
		group.Go(func() error {
			results[i] = e.sendOne(ctx, j)
			return nil
		})
	}
	_ = group.Wait() // its functions answer in results
	for i, err := range results {
		if err != nil && ctx.Err() == nil {
			e.unsendable(ctx, jobs[i], err)
		}
	}
}

func (e *Engine) sendOne(ctx context.Context, j batch.Job) error {
	task, err := e.task(ctx, j)
	if err != nil {
		return err
	}
	return e.Compute.Run(ctx, task)
}

// unsendable handles a task that compute did not take.
func (e *Engine) unsendable(ctx context.Context, j batch.Job, err error) {
	var invalid *batch.Error
	switch {
	case errors.Is(err, compute.ErrNoRoom), errors.Is(err, compute.ErrHostGone):
		// It was not started: the same attempt goes to another host.
		e.Log.Info("placing again", "job", j.ID, "error", err)
		e.applyOne(ctx, j.ID, func(current batch.Job) (batch.Job, error) {
			if !isCurrent(current, j.Placement.Task) || current.Status != batch.Starting {
				return current, errSkip
			}
			back, err := current.Transition(batch.Runnable, "", batch.MillisOf(e.Now()))
			back.Placement, back.Retried = nil, true
			back.Attempts--
			return back, err
		})
		e.Kick(j.Queue)
	case errors.As(err, &invalid):
		// The task cannot be made at all: the attempt has failed before it began.
		now := e.Now()
		e.Observe(ctx, []compute.News{{Task: &compute.TaskStatus{
			ID: j.Placement.Task, JobID: j.ID, Attempt: j.Attempts, State: compute.TaskStopped,
			StopCode: compute.StopFailedToStart, StoppedAt: now, Reason: lifecycle.TaskFailedToStart,
			Containers: []compute.ContainerStatus{{Name: batch.DefaultContainer, Reason: invalid.Error()}},
		}}})
	default:
		e.Log.Warn("compute did not take a task; trying again", "job", j.ID, "error", err, "in", retryEvery)
		e.unsent[j.ID] = j
	}
}

// isCurrent reports whether a task is that of a job's current attempt.
func isCurrent(j batch.Job, task string) bool {
	return j.Placement != nil && j.Placement.Task == task
}

// resend offers tasks again that compute did not take.
func (e *Engine) resend(ctx context.Context, now time.Time, out *Outcome) {
	if len(e.unsent) == 0 {
		return
	}
	jobs := make([]batch.Job, 0, len(e.unsent))
	for _, id := range slices.Sorted(maps.Keys(e.unsent)) {
		j := e.unsent[id]
		delete(e.unsent, id)
		current, err := e.Records.Job(ctx, id)
		if err == nil && isCurrent(current, j.Placement.Task) && current.Status == batch.Starting {
			jobs = append(jobs, current)
		}
	}
	e.send(ctx, jobs)
	if len(e.unsent) > 0 {
		out.due(now.Add(retryEvery))
	}
}
