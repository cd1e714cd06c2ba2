package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

// A host goes in two steps, so that no job is lost with it although two passes may be under
// way at once, each with what it loaded before the other wrote:
//
//   - One pass records that the host drains. Whoever starts a task looks at the host's
//     record after the job's was written, and takes the job back if the host drains.
//   - A later pass ends the host, if no job is recorded on it and, where compute can be
//     asked, none runs there or is about to.

// drain tells compute that a host takes no more tasks, where it wants to know. That the
// record says so is what counts: nothing is placed there any more.
func (e *Engine) drain(ctx context.Context, h store.Host) {
	d, ok := e.Compute.(compute.Drainer)
	if !ok {
		return
	}
	if err := d.Drain(ctx, h.ID); err != nil {
		e.Log.Warn("a host that drains could not be told so", "host", h.Instance, "error", err)
	}
}

// drained reports whether a host that drains, and on which no job is recorded, may be ended
// now. (One that must go whatever runs on it is not asked about.)
func (e *Engine) drained(ctx context.Context, h store.Host, now time.Time, out *Outcome) bool {
	d, ok := e.Compute.(compute.Drainer)
	if !ok || h.State != compute.HostDraining {
		return true
	}
	empty, err := d.Drained(ctx, h.ID)
	if err != nil {
		e.Log.Warn("whether a host is empty could not be asked; trying again", "host", h.Instance, "error", err, "in", retryEvery)
	}
	if err != nil || !empty {
		out.due(now.Add(retryEvery))
		return false
	}
	return true
}

// stillReady refuses to start a task on a host that has begun to drain since its job was
// placed there.
func (e *Engine) stillReady(ctx context.Context, p batch.Placement) error {
	if _, ok := e.Compute.(compute.Drainer); !ok || p.Host == "" {
		return nil
	}
	h, err := e.Records.Host(ctx, p.Environment, p.Host)
	switch {
	case store.IsNotFound(err):
		return fmt.Errorf("host %s: %w: %w", p.Host, errDrains, compute.ErrHostGone)
	case err != nil:
		return err
	case h.State != compute.HostReady:
		return fmt.Errorf("host %s is %s: %w: %w", h.Instance, h.State, errDrains, compute.ErrNoRoom)
	}
	return nil
}
