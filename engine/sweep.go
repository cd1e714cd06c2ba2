package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// Bounds of one sweep.
const (
	sweepPage  = 500  // records read at a time
	purgeLimit = 2000 // jobs removed for each queue
)

// Sweep asks compute what is really there and sets records and compute right where
// they differ; it finishes deletions and removes what is out of date. The first sweeps
// also look at all jobs that wait for others, since a crash may have come between an
// end and what follows from it; later ones do when something could not be settled.
// It may run at any time.
func (e *Engine) Sweep(ctx context.Context) {
	e.compare(ctx)
	e.settleWaiting(ctx)
}

// compare is Sweep but for the jobs that wait for others.
func (e *Engine) compare(ctx context.Context) {
	if e.follower != nil {
		e.follower.Reread() // what passes keep in memory too
	}
	e.step(ctx, "hosts", e.sweepHosts(ctx))
	e.step(ctx, "tasks", e.sweepTasks(ctx))
	e.step(ctx, "deleted queues", e.sweepDeleted(ctx))
	if e.FinishDeletes != nil {
		e.step(ctx, "deletions", e.FinishDeletes(ctx))
	}
	e.step(ctx, "purge", e.purge(ctx))
}

// looksForCause is how many looks at the waiting jobs a cause leads to, a minute apart:
// the ordering that lists them may lag behind at the first.
const looksForCause = 2

// settleWaiting is the part of a sweep that may look at all jobs that wait for others,
// if there is cause to.
func (e *Engine) settleWaiting(ctx context.Context) {
	e.step(ctx, "shares", e.forgetShares(ctx))
	if e.Lifecycle.Unsettled() {
		e.looks.Store(looksForCause)
	}
	if e.looks.Load() == 0 {
		return
	}
	err := e.sweepWaiting(ctx)
	if err == nil {
		e.looks.Add(-1)
	}
	e.step(ctx, "waiting jobs", err)
}

func (e *Engine) step(ctx context.Context, name string, err error) {
	if err != nil && ctx.Err() == nil {
		e.Log.Warn("the sweep could not finish; the next one goes on", "step", name, "error", err)
	}
}

// sweepTasks compares the tasks that compute knows with the jobs that are live.
func (e *Engine) sweepTasks(ctx context.Context) error {
	// Jobs first: a task that starts in between is then news, not a stray.
	queues, err := e.Records.Queues(ctx)
	if err != nil {
		return err
	}
	var live []batch.Job
	for _, q := range queues {
		jobs, err := e.Records.LiveJobs(ctx, q.Name())
		if err != nil {
			return err
		}
		live = append(live, jobs...)
	}
	known := e.outbox.busy() // not known yet, perhaps, but about to be
	asked := e.Now()         // the list may take a while, and tells of no later moment
	tasks, err := e.Compute.ListTasks(ctx)
	if err != nil {
		return err
	}
	var news []compute.News
	for i := range tasks {
		known[tasks[i].ID] = true
		news = append(news, compute.News{Task: &tasks[i]})
	}
	e.observe(ctx, news, listed)
	var missing []string
	for _, j := range live {
		if j.Placement != nil && !known[j.Placement.Task] {
			missing = append(missing, j.ID)
		}
	}
	return e.findMissing(ctx, missing, known, asked)
}

// findMissing looks at live jobs whose task compute did not know when it was asked.
func (e *Engine) findMissing(ctx context.Context, ids []string, known map[string]bool, asked time.Time) error {
	// As they are now: the ordering may show a state that is long over, and a task
	// that ended and was forgotten must not be started again.
	current, err := e.Records.Jobs(ctx, ids)
	if err != nil {
		return err
	}
	send := map[asking][]batch.Job{}
	for _, id := range ids {
		j := current[id]
		if !batch.Live(j.Status) || j.Placement == nil || known[j.Placement.Task] {
			continue
		}
		if j.Status == batch.Starting && j.Stop == nil {
			if now, as := e.missStarting(ctx, j, asked); now {
				send[as] = append(send[as], j) // recorded, but perhaps never asked for
			}
			continue
		}
		if lost, _ := e.missTask(ctx, j, asked); !lost {
			continue
		}
		lost := compute.TaskStatus{
			ID: j.Placement.Task, JobID: j.ID, State: compute.TaskStopped, StopCode: compute.StopHostLost, StoppedAt: e.Now(),
		}
		if j.Status == batch.Starting {
			lost.StopCode, lost.Reason = compute.StopUser, j.Stop.Reason
		}
		e.Observe(ctx, []compute.News{{Task: &lost}})
	}
	for _, as := range []asking{again, missed} {
		e.send(ctx, send[as], as)
	}
	return nil
}

// sweepHosts compares the hosts that compute knows with the records of hosts.
func (e *Engine) sweepHosts(ctx context.Context) error {
	envs, err := e.Records.Environments(ctx)
	if err != nil {
		return err
	}
	records := map[string]store.Host{}
	for _, env := range envs {
		hosts, err := e.Records.Hosts(ctx, env.Name())
		if err != nil {
			return err
		}
		for _, h := range hosts {
			records[h.ID] = h
		}
	}
	asked := e.Now()
	hosts, err := e.Compute.ListHosts(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, h := range hosts {
		there[h.ID] = true
		if known, ok := records[h.ID]; ok {
			if err := e.seeHost(ctx, known); err != nil {
				return err
			}
			if h.State == compute.HostGone || joined(known, h, e.Now()) != known {
				e.observeHost(ctx, h)
			}
			continue
		}
		// It may have been launched since the records were read, by a pass in another process.
		if _, err := e.Records.Host(ctx, h.Environment, h.ID); !store.IsNotFound(err) {
			if err != nil {
				return err
			}
			continue
		}
		e.Log.Warn("ending a host that no record knows", "host", h.Instance, "environment", h.Environment)
		if err := e.Compute.Terminate(ctx, h.ID); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(records)) {
		h := records[id]
		if there[id] || h.State == compute.HostLaunching {
			continue
		}
		lost, err := e.missHost(ctx, h, asked)
		if err != nil {
			return err
		}
		if lost {
			e.observeHost(ctx, compute.Host{
				ID: h.ID, Environment: h.Environment, State: compute.HostGone, Reason: "compute does not know it any more",
			})
		}
	}
	return nil
}

// sweepWaiting looks at the jobs that wait for others: an end may have been recorded
// without what follows from it.
func (e *Engine) sweepWaiting(ctx context.Context) error {
	queues, err := e.Records.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		in := store.ListRange{Limit: sweepPage}
		for {
			page, err := e.Records.ListJobs(ctx, q.Name(), store.Waiting, in)
			if err != nil {
				return err
			}
			for _, j := range page.Jobs {
				array := j.Array != nil && (j.Array.Mode != batch.ArrayPlain || j.Stop != nil)
				if j.WaitsFor == 0 && !array {
					continue
				}
				if err := e.Lifecycle.Resolve(ctx, j.ID); err != nil && !store.IsNotFound(err) {
					return err
				}
			}
			if in.After = page.Next; in.After == "" {
				break
			}
		}
	}
	return nil
}

// sweepDeleted ends the jobs of queues that are being deleted.
func (e *Engine) sweepDeleted(ctx context.Context) error {
	queues, err := e.Records.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		if q.Detail.Status == types.JQStatusDeleting {
			if _, err := e.EndJobs(ctx, q.Name(), lifecycle.QueueDeletedReason); err != nil {
				return err
			}
		}
	}
	return nil
}

// EndJobs terminates the jobs of a queue and reports whether some are still alive:
// those whose tasks are being stopped.
func (e *Engine) EndJobs(ctx context.Context, queue, reason string) (remaining bool, err error) {
	stop := batch.Stop{Kind: batch.StopTerminate, Reason: reason, At: batch.MillisOf(e.Now())}
	for _, phase := range []store.Phase{store.Waiting, store.Ready, store.Live, store.LiveChild} {
		in := store.ListRange{Limit: sweepPage}
		for {
			page, err := e.Records.ListJobs(ctx, queue, phase, in)
			if err != nil {
				return true, err
			}
			for _, j := range page.Jobs {
				if j.Stop == nil {
					if _, err := e.Lifecycle.Stop(ctx, j.ID, stop); err != nil && !store.IsNotFound(err) {
						return true, err
					}
				}
				remaining = remaining || batch.Live(j.Status)
			}
			if in.After = page.Next; in.After == "" {
				break
			}
		}
	}
	e.Kick(queue)
	return remaining, nil
}

// purge removes jobs that ended long ago, and what the table itself has expired.
func (e *Engine) purge(ctx context.Context) error {
	queues, err := e.Records.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		if _, err := e.Records.PurgeJobs(ctx, q.Name(), e.Now(), purgeLimit); err != nil {
			return err
		}
	}
	if err := e.purgeFormer(ctx); err != nil {
		return err
	}
	if p, ok := e.Records.Table().(store.Purger); ok {
		_, err = p.Purge(ctx, e.Now(), purgeLimit)
	}
	return err
}

// straysFor is how long after a queue is gone jobs of it may appear: a submission looks at
// its queue, perhaps at what it kept of it, and then writes, and the ordering that lists
// its job may lag. An hour is longer than any request lives.
const straysFor = time.Hour

// purgeFormer removes jobs of queues that were deleted, and forgets those that have
// none left. Jobs that came while their queue went are ended first: no pass looks at them.
func (e *Engine) purgeFormer(ctx context.Context) error {
	former, err := e.Records.FormerQueues(ctx)
	if err != nil {
		return err
	}
	for _, q := range former {
		young := e.Now().Before(q.RetiredAt.Time().Add(straysFor))
		if young {
			if err := e.endStrays(ctx, q.Name); err != nil {
				return err
			}
		}
		gone, err := e.Records.PurgeJobs(ctx, q.Name, e.Now(), purgeLimit)
		if err != nil {
			return err
		}
		left := young || len(gone) > 0
		for _, phase := range []store.Phase{store.Done, store.Broken} {
			if left {
				break
			}
			page, err := e.Records.ListJobs(ctx, q.Name, phase, store.ListRange{Limit: 1})
			if err != nil {
				return err
			}
			left = len(page.Jobs) > 0 || page.Next != "" // a page may be short
		}
		if !left {
			if err := e.Records.Write(ctx, e.Records.ForgetQueue(q.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// endStrays ends the jobs of a queue that is gone, unless one of its name was made anew,
// which has them now.
func (e *Engine) endStrays(ctx context.Context, queue string) error {
	_, err := e.Records.Queue(ctx, queue)
	if !store.IsNotFound(err) {
		return err
	}
	_, err = e.EndJobs(ctx, queue, lifecycle.QueueDeletedReason)
	return err
}
