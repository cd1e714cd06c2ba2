package simulator

import (
	"context"
	"fmt"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/compute"
)

const (
	// sweepEvery is how often the engine's sweep runs, in virtual time. Nothing is lost
	// here, so it finds nothing but shares to forget; it need not run each minute.
	sweepEvery = time.Hour
	// kept is how long a job stays recorded after its end, and purgeLimit how many go at
	// once. A million jobs would be a million records otherwise.
	kept       = time.Hour
	purgeLimit = 5000
	// patience is how long after the last arrival nothing may start or end while jobs wait,
	// before the simulation is given up: longer than any policy's delays together.
	patience = 7 * 24 * time.Hour
	// progressEvery is how many ends lie between two reports of progress.
	progressEvery = 500
)

// drive moves the clock from event to event until all is over.
//
// Whatever happens in compute is told to the engine at its moment. Passes follow each
// other at least Policy.PassEvery apart, as they do in an account, where a pass takes
// about that long.
func (r *run) drive(ctx context.Context) error {
	var due, lastTurn, sweep time.Time
	detach, err := r.sim.Attach(ctx, func(news []compute.News) {
		r.books.hear(r.at(), news)
		r.Engine.Take(news)
	})
	if err != nil {
		return err
	}
	defer detach()
	pending, fresh, told := false, false, 0
	for !r.over() {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, ok := r.nextEvent(due, pending, lastTurn)
		if !ok {
			return r.stuck(ctx)
		}
		if next.After(r.now) {
			r.now = next
		}
		if at, ok := r.sim.NextEvent(); ok && !at.After(r.now) {
			r.sim.Advance(r.now)
			pending = true
		}
		arrived, err := r.arrivals(ctx)
		if err != nil {
			return err
		}
		fresh = fresh || arrived > 0 || !due.IsZero() && !due.After(r.now)
		pending = pending || fresh
		if r.now.Before(sweep) && (!pending || r.now.Sub(lastTurn) < r.Policy.PassEvery) {
			continue
		}
		if !r.now.Before(sweep) {
			if err := r.tidy(ctx); err != nil {
				return err
			}
			sweep = r.now.Add(sweepEvery)
		}
		due = r.turn(ctx, fresh)
		lastTurn, pending, fresh = r.now, false, false
		if r.afterTurn != nil {
			if err := r.afterTurn(r); err != nil {
				return fmt.Errorf("%s after the first arrival: %w", r.at(), err)
			}
		}
		if r.Progress != nil && r.books.ended-told >= progressEvery {
			told = r.books.ended
			r.Progress(told)
		}
		since := max(r.books.lastChange, r.Workload.Span())
		if r.at()-since > patience && r.books.running == 0 && r.arrived == len(r.Workload.Jobs) {
			return r.stuck(ctx)
		}
	}
	if r.Progress != nil {
		r.Progress(r.books.ended)
	}
	return ctx.Err()
}

// turn lets the engine do all that is to be done now. Unless something came that is not
// news, it makes a pass only if the news calls for one.
func (r *run) turn(ctx context.Context, fresh bool) time.Time {
	if fresh {
		return r.Engine.Turn(ctx)
	}
	return r.Engine.TurnOnNews(ctx)
}

// nextEvent is when something happens next.
func (r *run) nextEvent(due time.Time, pending bool, lastTurn time.Time) (next time.Time, ok bool) {
	earliest := func(t time.Time) {
		if !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	if r.arrived < len(r.Workload.Jobs) {
		earliest(epoch.Add(r.Workload.Jobs[r.arrived].Arrival))
	}
	if at, any := r.sim.NextEvent(); any {
		earliest(at)
	}
	if !due.IsZero() {
		// A pass may not follow the last one at once, even when it is due.
		if early := lastTurn.Add(r.Policy.PassEvery); due.Before(early) {
			due = early
		}
		earliest(due)
	}
	if pending {
		earliest(lastTurn.Add(r.Policy.PassEvery))
	}
	return next, ok
}

// over reports whether all jobs have ended and all hosts are gone.
func (r *run) over() bool {
	return r.arrived == len(r.Workload.Jobs) && r.books.ended == len(r.Workload.Jobs) && r.books.up == 0
}

// tidy sweeps, and removes the records of jobs that ended a while ago.
func (r *run) tidy(ctx context.Context) error {
	r.Engine.Sweep(ctx)
	for _, q := range r.books.queueNames {
		for {
			gone, err := r.Records.PurgeJobs(ctx, q, r.now.Add(retention-kept), purgeLimit)
			if err != nil {
				return err
			}
			if len(gone) < purgeLimit {
				break
			}
		}
	}
	return nil
}

// stuck is the error of jobs that wait for what will not come.
func (r *run) stuck(ctx context.Context) error {
	for i := range r.Workload.Jobs[:r.arrived] {
		if b := &r.books.jobs[i]; b.ended || b.lives {
			continue
		}
		why := "no reason is known"
		out, err := r.DescribeJobs(ctx, &awsbatch.DescribeJobsInput{Jobs: []string{jobID(i)}})
		if err == nil && len(out.Jobs) == 1 {
			why = string(out.Jobs[0].Status)
			if out.Jobs[0].StatusReason != nil {
				why += ": " + *out.Jobs[0].StatusReason
			}
		}
		return fmt.Errorf("job %q and %d others wait for ever (%s); look at max_vcpus and the types of the policy",
			r.Workload.Jobs[i].ID, len(r.Workload.Jobs)-r.books.ended-1, why)
	}
	return fmt.Errorf("%d hosts stay although no job is left; minvCpus or the idle rule of the policy keeps them", r.books.up)
}
