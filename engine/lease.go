package engine

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxLeaseTries bounds how often the lease is read again because another wrote it.
const maxLeaseTries = 20

// Alone runs work unless another holds the lease of domain: that one is then asked to run
// its work once more, and Alone returns false. So whatever made the caller want a pass is
// seen by a pass that begins later. holder names the caller; ttl is how long it may take,
// after which another takes over: two at once are a waste, and no fault.
func (e *Engine) Alone(ctx context.Context, domain, holder string, ttl time.Duration, work func(context.Context) error) (ran bool, err error) {
	lease, held, err := e.takeLease(ctx, domain, holder, ttl)
	if err != nil || !held {
		return false, err
	}
	for {
		if err := work(ctx); err != nil {
			_, _ = e.freeLease(ctx, lease, true) // the error counts; the lease ends by itself
			return true, err
		}
		again, err := e.freeLease(ctx, lease, false)
		if err != nil || again == nil {
			return true, err
		}
		lease = *again
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
	}
}

// takeLease takes the lease, or leaves word with its holder.
func (e *Engine) takeLease(ctx context.Context, domain, holder string, ttl time.Duration) (lease store.Lease, held bool, err error) {
	for range maxLeaseTries {
		lease, err = e.Records.Lease(ctx, domain)
		if err != nil {
			return lease, false, err
		}
		now := e.Now()
		mine := !lease.Held(now)
		if mine {
			lease.Holder, lease.Until, lease.Wanted = holder, batch.MillisOf(now.Add(ttl)), 0
			lease.Fence++
		} else {
			lease.Wanted++
		}
		err = e.Records.Write(ctx, e.Records.PutLease(lease))
		if err == nil {
			lease.Version++
			return lease, mine, nil
		}
		if !store.IsConflict(err) {
			return lease, false, err
		}
	}
	return lease, false, err
}

// freeLease gives the lease back. When someone has asked for another pass since it was
// taken, and anyhow is false, it is kept: again is the lease as it is then.
func (e *Engine) freeLease(ctx context.Context, held store.Lease, anyhow bool) (again *store.Lease, err error) {
	for range maxLeaseTries {
		var lease store.Lease
		if lease, err = e.Records.Lease(ctx, held.Domain); err != nil {
			return nil, err
		}
		if lease.Fence != held.Fence {
			return nil, nil // it ran out, and another has it
		}
		keep := lease.Wanted > 0 && !anyhow
		if lease.Wanted = 0; !keep {
			lease.Holder, lease.Until = "", 0
		}
		err = e.Records.Write(ctx, e.Records.PutLease(lease))
		if err == nil {
			lease.Version++
			if keep {
				return &lease, nil
			}
			return nil, nil
		}
		if !store.IsConflict(err) {
			return nil, err
		}
	}
	return nil, err
}
