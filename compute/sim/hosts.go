package sim

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

// host is an imitated host and what runs on it.
type host struct {
	compute.Host
	seq    uint64
	goneAt time.Time
	free   batch.Resources
	tasks  map[*task]struct{} // not stopped
}

// Launch makes a host. A type that there is not is compute.ErrNoCapacity too, so
// that the engine goes on to its next choice.
func (b *Backend) Launch(ctx context.Context, request compute.HostRequest) (compute.Host, error) {
	lost, err := b.begin(ctx, "Launch")
	if err != nil {
		return compute.Host{}, err
	}
	defer b.mu.Unlock()
	h, err := b.launch(request)
	if err != nil {
		b.ledger.noCapacity++
	}
	if err = cmp.Or(lost, err); err != nil {
		return compute.Host{}, err
	}
	return h.Host, nil
}

func (b *Backend) launch(request compute.HostRequest) (*host, error) {
	if h, ok := b.hosts[request.ID]; ok {
		return h, nil
	}
	now := b.cfg.Now()
	has, err := b.size(request.Type)
	if err != nil {
		return nil, err
	}
	pool := Pool{request.Type, request.Market}
	if err := b.takeCapacity(pool, now); err != nil {
		return nil, err
	}
	b.made++
	h := &host{
		seq:   b.made,
		free:  has,
		tasks: map[*task]struct{}{},
		Host: compute.Host{
			ID:          request.ID,
			Environment: request.Environment,
			Cluster:     request.Cluster,
			Instance:    imitation.Instance(request.ID),
			Type:        request.Type,
			Market:      request.Market,
			Zone:        imitation.Zone(b.cfg.Region, request.ID),
			PrivateIP:   imitation.PrivateIP(request.ID),
			State:       compute.HostBooting,
			Has:         has,
			LaunchedAt:  now,
			Version:     1,
		},
	}
	b.hosts[h.ID] = h
	b.ledger.launched(pool)
	b.foresee(h)
	return h, nil
}

// size returns what tasks may use on a host of an instance type.
func (b *Backend) size(instanceType string) (batch.Resources, error) {
	switch {
	case instanceType == "" && b.cfg.Machine != nil:
		return b.cfg.Machine.Room, nil
	case instanceType == "" || b.cfg.Types == nil:
		return defaultHost, nil
	}
	if has, ok := b.cfg.Types(instanceType); ok {
		return has, nil
	}
	return batch.Resources{}, fmt.Errorf("instance type %q is not known: %w", instanceType, compute.ErrNoCapacity)
}

// takeCapacity fails if the pool has no host left to give.
func (b *Backend) takeCapacity(pool Pool, now time.Time) error {
	if b.cfg.Capacity == nil || pool.Type == "" {
		return nil
	}
	limit := b.cfg.Capacity(pool, now)
	if up := b.ledger.up[pool]; limit >= 0 && up >= limit {
		return fmt.Errorf("%s %s: %d hosts are up, which is all there is: %w", pool.Market, pool.Type, up, compute.ErrNoCapacity)
	}
	return nil
}

// foresee decides what becomes of a new host, with mu held: when it joins, and,
// on Spot, when it is taken away.
func (b *Backend) foresee(h *host) {
	boot := b.chance.draw(b.bootTime(h.Type), "boot-time", h.ID)
	never := b.cfg.Faults.NeverJoins
	switch {
	case h.Type == "":
		b.joinHost(h, h.LaunchedAt) // a machine that is registered has booted long ago
	case never > 0 && b.chance.stream("never-joins", h.ID).Float64() < never:
	case boot == 0:
		b.joinHost(h, h.LaunchedAt)
	default:
		b.schedule(event{at: h.LaunchedAt.Add(boot), kind: hostJoins, host: h})
	}
	if h.Market != compute.Spot || b.cfg.InterruptionsPerHour <= 0 {
		return
	}
	b.foreseeReclaim(h, h.LaunchedAt.Add(imitation.Lifetime(b.cfg.Seed, h.ID, b.cfg.InterruptionsPerHour)))
}

// bootTime is how long hosts of a type boot.
func (b *Backend) bootTime(instanceType string) Dist {
	if b.cfg.TypeBootTime != nil {
		if own := b.cfg.TypeBootTime(instanceType); own != nil {
			return own
		}
	}
	return b.cfg.BootTime
}

// foreseeReclaim schedules a host's reclaim and the notice before it.
func (b *Backend) foreseeReclaim(h *host, end time.Time) {
	if notice := b.cfg.InterruptionNotice; notice > 0 {
		at := end.Add(-notice)
		if at.Before(h.LaunchedAt) {
			at = h.LaunchedAt
		}
		b.schedule(event{at: at, kind: hostNoticed, host: h})
	}
	b.schedule(event{at: end, kind: hostReclaim, host: h})
}

// Interrupt reclaims a host as Spot does, now or after the notice. A host that is
// unknown or gone is left alone.
func (b *Backend) Interrupt(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.hosts[id]; ok && h.State != compute.HostGone {
		b.foreseeReclaim(h, b.cfg.Now().Add(b.cfg.InterruptionNotice))
	}
}

func (b *Backend) joinHost(h *host, at time.Time) {
	h.State, h.ReadyAt = compute.HostReady, at
	if at.After(h.LaunchedAt) {
		h.Version++
	}
	b.tellHost(h, at)
}

func (b *Backend) noticeHost(h *host, at time.Time) {
	if h.State == compute.HostDraining {
		return
	}
	h.State, h.Reason = compute.HostDraining, reasonReclaimed
	h.Version++
	b.tellHost(h, at)
}

// Why hosts are gone.
const (
	reasonReclaimed  = "Spot interruption: EC2 took the instance back"
	reasonTerminated = "terminated on request"
)

func (b *Backend) reclaimHost(h *host, at time.Time) {
	b.ledger.interrupted++
	b.loseHost(h, reasonReclaimed, at)
}

// loseHost ends a host, with mu held: first what runs on it is lost, then the host
// is gone.
func (b *Backend) loseHost(h *host, reason string, at time.Time) {
	lost := make([]*task, 0, len(h.tasks))
	for t := range h.tasks {
		lost = append(lost, t)
	}
	slices.SortFunc(lost, func(a, b *task) int { return cmp.Compare(a.seq, b.seq) })
	for _, t := range lost {
		b.loseTask(t, imitation.LostReason(h.Instance), at)
	}
	h.State, h.Reason, h.goneAt = compute.HostGone, reason, at
	h.Version++
	b.ledger.gone(Pool{h.Type, h.Market})
	b.tellHost(h, at)
}

func (b *Backend) tellHost(h *host, at time.Time) {
	told := h.Host
	b.tell(at, compute.News{Host: &told})
	b.nudge(at)
}

// ListHosts returns the hosts that are not gone, in the order of their launch.
func (b *Backend) ListHosts(ctx context.Context) ([]compute.Host, error) {
	lost, err := b.begin(ctx, "ListHosts")
	if err != nil {
		return nil, err
	}
	defer b.mu.Unlock()
	if lost != nil {
		return nil, lost
	}
	var there []*host // far fewer than ever were
	for _, h := range b.hosts {
		if h.State != compute.HostGone {
			there = append(there, h)
		}
	}
	slices.SortFunc(there, bySeq)
	var list []compute.Host
	for _, h := range there {
		list = append(list, h.Host)
	}
	return list, nil
}

func bySeq(a, b *host) int { return cmp.Compare(a.seq, b.seq) }

// inOrder returns all hosts that ever were, in the order of their launch, with mu
// held.
func (b *Backend) inOrder() []*host {
	all := make([]*host, 0, len(b.hosts))
	for _, h := range b.hosts {
		all = append(all, h)
	}
	slices.SortFunc(all, bySeq)
	return all
}

// Terminate ends a host at once.
func (b *Backend) Terminate(ctx context.Context, id string) error {
	lost, err := b.begin(ctx, "Terminate")
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	if h, ok := b.hosts[id]; ok && h.State != compute.HostGone {
		b.loseHost(h, reasonTerminated, b.cfg.Now())
	}
	return lost
}
