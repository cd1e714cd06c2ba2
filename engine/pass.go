package engine

import (
	"context"
	"errors"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// Outcome is what a pass leaves behind.
type Outcome struct {
	// Again says that another pass would find more to do at once.
	Again bool
	// Next is when a pass is due by time alone; zero if never.
	Next time.Time
	// Placed and Launched count what was started.
	Placed, Launched int
}

// due notes that a pass is needed at t.
func (o *Outcome) due(t time.Time) {
	if !t.IsZero() && (o.Next.IsZero() || t.Before(o.Next)) {
		o.Next = t
	}
}

// Pass looks at everything once: it stops what is to be stopped, starts what may
// start, and launches, drains and ends hosts. An error means that it could not
// look; whatever it had begun is finished by the next pass.
func (e *Engine) Pass(ctx context.Context) (Outcome, error) {
	var out Outcome
	now := e.Now()
	e.hearAgain(ctx, now)
	if len(e.unheard.news) > 0 {
		out.due(e.unheard.again)
	}
	w, err := e.load(ctx, now)
	if err != nil {
		return out, err
	}
	e.stopDue(ctx, w, now, &out)
	e.resend(ctx, now, &out)
	e.forgive(now, &out)
	decision, err := e.decide(ctx, w, now)
	if err != nil {
		return out, err
	}
	placed, failed, err := e.place(ctx, w, decision.Placements)
	out.Placed = placed
	out.Again = placed > 0 && w.more || failed
	if err != nil {
		e.Log.Warn("placements were not recorded; trying again", "error", err, "in", retryEvery)
		out.due(now.Add(retryEvery))
	}
	if err := e.provision(ctx, w, decision, now, &out); err != nil {
		return out, err
	}
	w.saying(&decision)
	e.explain(ctx, w, decision, now, &out)
	e.finishDeletes(ctx, w)
	e.saveRuns(ctx, now)
	return out, nil
}

// finishDeletes removes what is being deleted when the pass has seen it empty. What
// cannot be removed yet is left to the next pass or sweep.
func (e *Engine) finishDeletes(ctx context.Context, w *world) {
	if e.FinishDeletes == nil || !w.emptied() {
		return
	}
	e.step(ctx, "deletions", e.FinishDeletes(ctx))
}

// decide plans with as many jobs of each queue as there may be room for. When none
// of them can start although more wait behind, it looks further: those in front may
// fit nowhere.
func (e *Engine) decide(ctx context.Context, w *world, now time.Time) (scheduler.Decision, error) {
	if err := e.loadFronts(ctx, w, e.frontFor(w)); err != nil {
		return scheduler.Decision{}, err
	}
	// Read after the jobs: one that was submitted when an environment had been disabled
	// must not meet it as it was before.
	envs, err := e.Records.ViewEnvironments(ctx)
	if err != nil {
		return scheduler.Decision{}, err
	}
	w.envs = envs
	if len(w.jobs) == 0 {
		return scheduler.Decision{}, nil // nothing waits
	}
	d := scheduler.Plan(e.snapshot(w, now))
	if len(d.Placements) > 0 || !w.more || !stuck(d) {
		return d, nil
	}
	if err := e.loadFronts(ctx, w, func(store.Queue) int { return front }); err != nil {
		return scheduler.Decision{}, err
	}
	return scheduler.Plan(e.snapshot(w, now)), nil
}

// stuck reports whether a queue's front waits for something that time will not bring:
// jobs that fit no environment.
func stuck(d scheduler.Decision) bool {
	for _, wait := range d.Waits {
		switch wait.Reason.Token {
		case scheduler.TokenRequirement, scheduler.TokenMaxResource, scheduler.TokenInvalid:
			return true
		}
	}
	return false
}

// stopDue asks compute to end tasks whose job is to stop or is out of time. Asking
// again is harmless, so that every pass may do it.
func (e *Engine) stopDue(ctx context.Context, w *world, now time.Time, out *Outcome) {
	jobs, next := w.roster.toStop(now)
	if next > 0 {
		out.due(next.Time())
	}
	for _, j := range jobs {
		stop := j.Stop
		if stop == nil {
			stop = e.timeOut(ctx, j.Job, now, out)
		}
		if stop != nil {
			if err := e.Compute.Stop(ctx, j.Placement.Task, stop.Reason); err != nil {
				e.Log.Warn("a task could not be stopped; trying again", "job", j.ID, "error", err)
				out.due(now.Add(retryEvery))
			}
		}
	}
}

// timeOut records that a job's attempt is out of time, and returns the request to
// stop it, nil if the job has moved on.
func (e *Engine) timeOut(ctx context.Context, j batch.Job, now time.Time, out *Outcome) *batch.Stop {
	stop := batch.Stop{Kind: batch.StopTimeout, Reason: timedOut, At: batch.MillisOf(now)}
	result := e.applyOne(ctx, j.ID, func(current batch.Job) (batch.Job, error) {
		if current.Placement == nil || current.Placement.Task != j.Placement.Task || current.Stop != nil {
			return current, errSkip
		}
		current.Stop = &stop
		return current, nil
	})
	switch {
	case errors.Is(result.Err, errSkip):
		return result.After.Stop
	case result.Err != nil:
		// What is not recorded is not done: its end would look like a failure.
		out.due(now.Add(retryEvery))
		return nil
	}
	return &stop
}
