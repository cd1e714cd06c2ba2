package engine

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/store"
)

// forgetEvery is how often shares are looked through for those to forget.
const forgetEvery = 30 * time.Minute

// forgetShares removes the shares of fair-share queues that are no longer active: they
// have no job that has not ended, and their use has faded. A share that a job is
// submitted to meanwhile stays, since the submission has written its record.
func (e *Engine) forgetShares(ctx context.Context) error {
	now := e.Now()
	if now.Before(e.forgetNext) {
		return nil
	}
	e.forgetNext = now.Add(forgetEvery)
	queues, err := e.Records.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		if !q.FairShare() {
			continue
		}
		if err := e.forgetSharesOf(ctx, q, now); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) forgetSharesOf(ctx context.Context, q store.Queue, now time.Time) error {
	p, err := e.policy(ctx, q)
	if err != nil {
		return err
	}
	known, err := e.Records.Shares(ctx, q.Name())
	if err != nil {
		return err
	}
	idle := map[string]store.Share{}
	for _, s := range known {
		if s.Active(now) || decayed(s.Usage, now.Sub(s.AsOf.Time()), p.window) >= idleUse {
			continue
		}
		runnable, err := e.Records.Front(ctx, q.Name(), s.ID, 1)
		if err != nil {
			return err
		}
		if len(runnable) == 0 {
			idle[s.ID] = s
		}
	}
	if err := e.dropBusy(ctx, q.Name(), idle); err != nil {
		return err
	}
	for _, s := range idle {
		if err := ignoreConflict(e.Records.Write(ctx, e.Records.DeleteShare(s))); err != nil {
			return err
		}
	}
	return nil
}

// dropBusy removes from shares those that have a job on a host, or one that waits for
// other jobs. Arrays are among the latter until their last child has ended.
func (e *Engine) dropBusy(ctx context.Context, queue string, shares map[string]store.Share) error {
	for _, phase := range []store.Phase{store.Live, store.Waiting} {
		for in := (store.ListRange{Limit: sweepPage}); len(shares) > 0; {
			page, err := e.Records.ListJobs(ctx, queue, phase, in)
			if err != nil {
				return err
			}
			for _, j := range page.Jobs {
				delete(shares, j.Share)
			}
			if in.After = page.Next; in.After == "" {
				break
			}
		}
	}
	return nil
}
