package engine

import (
	"context"
	"errors"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// The answer to a call that starts a task can be lost: the task runs, and nobody knows. As a
// rule that is no matter, for its id is its token and the call is made again. But the host may
// have begun to drain meanwhile, or be gone, and then the second call is refused, or not even
// made. That says nothing of the first one: were the job taken back to its queue, its task
// would be stopped as a stray, or run beside the next.
//
// So a job that is refused is taken back only if nobody but the one who placed it has asked
// for its task, and once. Otherwise it is in doubt: it is not sent any more, and the sweep,
// which asks for all tasks at once, finds the task, or misses it. A task that is missed for
// lostAfter since nobody asks for it any more was never started.
//
// What only compute can refuse needs no doubt where compute looks first whether it knows the
// task, as the contract has it (see compute.Tasks.Run). That it takes no more tasks of a host
// that is gone is another matter on ECS, whose lists lag.

// errDrains says that a task was not asked for, since its host takes none any more.
var errDrains = errors.New("no task is started there any more")

// mayAsk reports whether compute may be asked for the task of a job.
func mayAsk(j batch.Job) bool {
	return j.Status == batch.Starting && j.Stop == nil && j.Placement != nil && !j.Placement.InDoubt
}

// saysAll reports whether a refusal says that no earlier call has started the task.
func (e *Engine) saysAll(err error) bool {
	return !errors.Is(err, errDrains) && (!e.ECS || errors.Is(err, compute.ErrNoRoom))
}

// refusedBy takes a job from a host that does not take its task, or notes the doubt.
func (e *Engine) refusedBy(ctx context.Context, f unsent) {
	task := f.job.Placement.Task
	r := e.applyOne(ctx, f.job.ID, func(current batch.Job) (batch.Job, error) {
		// A sweep notes that it misses a task before it asks for it.
		if isCurrent(current, task) && !e.saysAll(f.err) && (f.as != first || current.Placement.MissedAt != 0) {
			return e.doubted(current)
		}
		return e.back(current, task)
	})
	switch {
	case r.Err != nil && !errors.Is(r.Err, errSkip) && ctx.Err() == nil:
		e.Log.Warn("a job whose task was refused was not recorded; the sweep asks again", "job", f.job.ID, "error", r.Err)
	case r.Err == nil && r.After.Placement != nil:
		e.Log.Warn("a task was refused that may run already; looking for it", "job", f.job.ID, "task", task, "error", f.err)
	case r.Err == nil:
		e.Log.Info("placing again", "job", f.job.ID, "error", f.err)
	}
}

// doubted is a job whose task is not asked for any more.
func (e *Engine) doubted(j batch.Job) (batch.Job, error) {
	if j.Status != batch.Starting || j.Placement.InDoubt {
		return j, errSkip
	}
	p := *j.Placement
	p.InDoubt, p.MissedAt = true, batch.MillisOf(e.Now())
	j.Placement = &p
	return j, nil
}

// missStarting deals with a job whose task compute does not show and that may never have been
// asked for. It reports whether it is to be asked for now, and as what.
func (e *Engine) missStarting(ctx context.Context, j batch.Job, asked time.Time) (send bool, as asking) {
	lost, err := e.missTask(ctx, j, asked)
	switch {
	case err != nil:
		return false, again // whoever placed the job must be able to see that others ask
	case !j.Placement.InDoubt && lost:
		return true, missed
	case !j.Placement.InDoubt:
		return true, again
	case lost:
		e.Log.Info("placing again: the task was never started", "job", j.ID, "task", j.Placement.Task)
		e.applyOne(ctx, j.ID, func(current batch.Job) (batch.Job, error) { return e.back(current, j.Placement.Task) })
		e.Kick(j.Queue)
	}
	return false, again
}
