package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// queueDeleted is the statusReason of jobs that end with their queue.
const queueDeleted = "JobQueue deleted"

// FinishDeletes removes the queues and environments that are being deleted and are
// empty by now, and goes on emptying the others. The engine's sweep calls it. One
// that cannot be finished does not hold up the rest; the error names each.
func (c *Control) FinishDeletes(ctx context.Context) error {
	queues, err := c.cfg.Records.Queues(ctx)
	errs := []error{err}
	for _, q := range queues {
		if q.Detail.Status == types.JQStatusDeleting {
			if err := c.finishQueue(ctx, q.Name()); err != nil {
				errs = append(errs, fmt.Errorf("delete job queue %s: %w", q.Name(), err))
			}
		}
	}
	envs, err := c.cfg.Records.Environments(ctx)
	errs = append(errs, err)
	for _, e := range envs {
		if e.Detail.Status == types.CEStatusDeleting {
			if err := c.finishEnvironment(ctx, e.Name()); err != nil {
				errs = append(errs, fmt.Errorf("delete compute environment %s: %w", e.Name(), err))
			}
		}
	}
	return errors.Join(errs...)
}

// finishQueue ends the jobs of a queue that is being deleted, and removes it when none
// remain.
func (c *Control) finishQueue(ctx context.Context, name string) error {
	if c.cfg.EndJobs != nil {
		remaining, err := c.cfg.EndJobs(ctx, name, queueDeleted)
		if err != nil || remaining {
			return err
		}
	}
	if used, err := c.inUse(ctx, KindQueue, name); err != nil || used {
		return err
	}
	queue, err := c.cfg.Records.Queue(ctx, name)
	switch {
	case store.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case queue.Detail.Status != types.JQStatusDeleting || c.now() < queue.DeletedAt.Add(c.cfg.OrderingLag):
		return nil
	}
	ops, err := c.cfg.Records.RetireQueue(ctx, queue, c.cfg.Now())
	if err == nil {
		err = c.cfg.Records.Write(ctx, ops...)
	}
	return gone(err)
}

// finishEnvironment removes an environment that is being deleted, when it has no hosts.
func (c *Control) finishEnvironment(ctx context.Context, name string) error {
	if used, err := c.inUse(ctx, KindEnvironment, name); err != nil || used {
		return err
	}
	env, err := c.cfg.Records.Environment(ctx, name)
	switch {
	case store.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case env.Detail.Status != types.CEStatusDeleting:
		return nil
	}
	if c.cfg.RemoveEnvironment != nil {
		if err := c.cfg.RemoveEnvironment(ctx, env); err != nil {
			return err // the next sweep tries again
		}
	}
	return gone(c.cfg.Records.Write(ctx, c.cfg.Records.DeleteEnvironment(env)))
}

// gone takes a conflict for done: two sweeps met, or the next one will see why.
func gone(err error) error {
	if store.IsConflict(err) {
		return nil
	}
	return err
}

// inUse reports whether something of a queue or an environment is left.
func (c *Control) inUse(ctx context.Context, kind, name string) (bool, error) {
	if c.cfg.InUse != nil {
		return c.cfg.InUse(ctx, kind, name)
	}
	if kind == KindEnvironment {
		hosts, err := c.cfg.Records.Hosts(ctx, name)
		return len(hosts) > 0, err
	}
	return c.hasJobs(ctx, name)
}

// hasJobs reports whether a queue has jobs that have not ended. The parent of an
// array is listed until its last child has ended.
func (c *Control) hasJobs(ctx context.Context, queue string) (bool, error) {
	for _, phase := range []store.Phase{store.Waiting, store.Ready, store.Live} {
		page, err := c.cfg.Records.ListJobs(ctx, queue, phase, store.ListRange{Limit: 1})
		if err != nil {
			return false, err
		}
		for _, job := range page.Jobs {
			if !batch.Final(job.Status) {
				return true, nil
			}
		}
	}
	return false, nil
}
