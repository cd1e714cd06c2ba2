package local

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/imitation"
)

// host is an imitated host, guarded by the backend's lock.
type host struct {
	record
	free batch.Resources
	live int // tasks placed here that have not stopped

	boot, reclaim, patience *time.Timer // nil when not needed
}

func newHost(r record) *host { return &host{record: r, free: r.Has} }

// disarm stops the host's timers.
func (h *host) disarm() {
	for _, timer := range []*time.Timer{h.boot, h.reclaim, h.patience} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// keepGone is how long a host that is gone is remembered, so that a late repetition
// of its launch does not launch it again.
const keepGone = 24 * time.Hour

// Launch makes a host. An instance type that there is not is compute.ErrNoCapacity,
// so that the engine goes on to its next choice. A request without a type registers
// this machine.
func (b *Backend) Launch(ctx context.Context, request compute.HostRequest) (compute.Host, error) {
	if err := ctx.Err(); err != nil {
		return compute.Host{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return compute.Host{}, fmt.Errorf("the backend is closed: %w", compute.ErrUnavailable)
	}
	if h, ok := b.hosts[request.ID]; ok {
		return h.Host, nil
	}
	has, err := b.size(request.Type)
	if err != nil {
		return compute.Host{}, err
	}
	h := newHost(b.plan(request, has))
	if err := b.records.write(h.record); err != nil {
		return compute.Host{}, fmt.Errorf("recording host %s: %w: %w", request.ID, err, compute.ErrUnavailable)
	}
	b.hosts[h.Host.ID] = h
	b.arm(h)
	if h.State == compute.HostReady {
		b.tellHost(h)
	}
	return h.Host, nil
}

// size returns what tasks may use on a host of an instance type.
func (b *Backend) size(instanceType string) (batch.Resources, error) {
	if instanceType == "" {
		return b.o.Machine.Room, nil
	}
	if has, ok := b.o.Types(instanceType); ok {
		return has, nil
	}
	return batch.Resources{}, fmt.Errorf("instance type %q is not known: %w", instanceType, compute.ErrNoCapacity)
}

// plan decides all of a new host's life that is known from the start.
func (b *Backend) plan(request compute.HostRequest, has batch.Resources) record {
	now := b.o.Now()
	r := record{
		JoinsAt: now,
		Host: compute.Host{
			ID:          request.ID,
			Environment: request.Environment,
			Cluster:     request.Cluster,
			Instance:    imitation.Instance(request.ID),
			Type:        request.Type,
			Market:      request.Market,
			Zone:        imitation.Zone(b.o.Region, request.ID),
			PrivateIP:   imitation.PrivateIP(request.ID),
			State:       compute.HostBooting,
			Has:         has,
			LaunchedAt:  now,
			Version:     1,
		},
	}
	if request.Type != "" { // this machine has booted, and nobody takes it away
		r.JoinsAt = now.Add(b.o.BootTime)
		if perHour := b.o.InterruptionsPerHour; request.Market == compute.Spot && perHour > 0 {
			r.ReclaimAt = now.Add(imitation.Lifetime(0, request.ID, perHour))
		}
	}
	if !r.JoinsAt.After(now) {
		r.State, r.ReadyAt = compute.HostReady, now
	}
	return r
}

// arm sets the timers of a host, with mu held: what is overdue comes at once.
func (b *Backend) arm(h *host) {
	now := b.o.Now()
	if h.State == compute.HostBooting {
		h.boot = time.AfterFunc(h.JoinsAt.Sub(now), func() { b.join(h) })
	}
	if !h.ReclaimAt.IsZero() && !h.Ending && h.State != compute.HostGone {
		h.reclaim = time.AfterFunc(h.ReclaimAt.Sub(now), func() { b.takeBack(h) })
	}
}

// join makes a host READY when its boot is over.
func (b *Backend) join(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || h.State != compute.HostBooting {
		return
	}
	h.State, h.ReadyAt = compute.HostReady, b.o.Now()
	b.changed(h)
}

// Why hosts are gone.
const (
	reasonReclaimed  = "Spot interruption: imitated, as the interruption rate asks"
	reasonTerminated = "terminated on request"
)

// takeBack ends a Spot host.
func (b *Backend) takeBack(h *host) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.end(h, reasonReclaimed)
	}
}

// Terminate ends a host. It stays in the list as DRAINING until its tasks have
// really ended, since they hold this machine's CPUs and memory.
func (b *Backend) Terminate(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("the backend is closed: %w", compute.ErrUnavailable)
	}
	if h, ok := b.hosts[id]; ok {
		b.end(h, reasonTerminated)
	}
	return nil
}

// end begins the end of a host, with mu held, unless it has begun before.
func (b *Backend) end(h *host, reason string) {
	if h.Ending || h.State == compute.HostGone {
		return
	}
	h.Ending, h.Reason = true, reason
	h.disarm()
	if h.live > 0 {
		h.State = compute.HostDraining
		b.changed(h)
	}
	b.finishEnd(h)
}

// endPatience is how long a terminated host waits for the end of its tasks. After
// it the host is gone even if the runtime has not told their end.
const endPatience = 5 * time.Minute

// finishEnd makes a host that ends go away, with mu held: at once if nothing runs
// on it, and otherwise when the last of its tasks has stopped (see account).
func (b *Backend) finishEnd(h *host) {
	if h.live == 0 {
		b.gone(h)
		return
	}
	h.patience = time.AfterFunc(endPatience, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.closed && h.State != compute.HostGone {
			b.log.Warn("a terminated host is given up though its tasks have not ended", "host", h.Host.ID, "tasks", h.live)
			b.gone(h)
		}
	})
	b.startKill(h)
}

// gone is the end of a host, with mu held.
func (b *Backend) gone(h *host) {
	h.disarm()
	h.Ending = false
	h.State, h.GoneAt = compute.HostGone, b.o.Now()
	b.changed(h)
	b.dropOld()
}

// changed counts, records and tells a change of a host, with mu held. A record
// that cannot be written costs only what a restart would remember.
func (b *Backend) changed(h *host) {
	h.Version++
	if err := b.records.write(h.record); err != nil {
		b.log.Error("a change of a host cannot be recorded; after a restart the host will be as it was before",
			"host", h.Host.ID, "state", h.State, "err", err)
	}
	b.tellHost(h)
}

func (b *Backend) tellHost(h *host) {
	told := h.Host
	b.feed.put(compute.News{Host: &told})
}

// dropOld forgets hosts that have been gone for long, with mu held.
func (b *Backend) dropOld() {
	now := b.o.Now()
	for id, h := range b.hosts {
		if h.State != compute.HostGone || now.Sub(h.GoneAt) < keepGone {
			continue
		}
		if err := b.records.remove(id); err != nil {
			b.log.Warn("the record of a host that is gone stays", "host", id, "err", err)
			continue
		}
		delete(b.hosts, id)
	}
}

// ListHosts returns the hosts that are not gone, oldest first.
func (b *Backend) ListHosts(ctx context.Context) ([]compute.Host, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []compute.Host
	for _, h := range b.hosts {
		if h.State != compute.HostGone {
			list = append(list, h.Host)
		}
	}
	slices.SortFunc(list, func(a, b compute.Host) int {
		return cmp.Or(a.LaunchedAt.Compare(b.LaunchedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
