package engine

import (
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// busy is how long a host is still needed for the jobs that it has.
func (e *Engine) busy(m *member, now time.Time) time.Duration {
	var busy time.Duration
	for _, j := range m.jobs {
		busy += e.expected(j, now).Beyond(busy)
	}
	return busy
}

// usualBoot is how long a host takes from its launch until it takes tasks where no host of
// the environment tells: ECS-optimised images take 30 to 90 s.
const usualBoot = time.Minute

// boot is how long hosts of an environment take from their launch until they are ready:
// the mean of those that are there.
func (t *team) boot() time.Duration {
	if t.booted == 0 {
		return usualBoot
	}
	return t.boots / time.Duration(t.booted)
}

// Hosts of an environment come slowly when one has been on its way for slowBoots times as
// long as usual, or could not be asked for within slowAsk. Then jobs take what room there
// is.
const (
	slowBoots = 3
	slowAsk   = 2 * time.Minute
)

func comeSlowly(t *team, boot time.Duration, now time.Time) bool {
	for _, h := range t.coming {
		since := now.Sub(h.created)
		if h.State == compute.HostLaunching && since > slowAsk ||
			h.State == compute.HostBooting && since > slowBoots*boot+slowAsk {
			return true
		}
	}
	return false
}

// meantFor is how long after it became ready a host waits for the jobs that it was
// launched for.
const meantFor = 2 * time.Minute

// hint tells the scheduler how long a host will be needed anyway, and whom it waits for.
func (e *Engine) hint(to *scheduler.Host, m *member, now time.Time) {
	if to.Free.MilliVCPU > 0 && to.Free.MemoryMiB > 0 { // no job asks about one without room
		to.Busy = e.busy(m, now)
	}
	if len(m.waits) > 0 && len(m.jobs) == 0 && now.Sub(m.ReadyAt.Time()) <= meantFor {
		to.Meant = m.waits
	}
}

// prices are what hosts cost in an environment, in dollars an hour by type.
func (e *Engine) prices(env store.Environment) prices {
	e.offersOf(env)
	return e.offers[env.Name()].prices
}

// arrivalsOver is how far back jobs are looked at that came for a host like one that is
// idle.
const arrivalsOver = 10 * time.Minute

// arrivals is how many jobs an hour came lately that fill a host for the most part. Those
// that have ended already are not counted.
func (w *world) arrivals(h *provisioner.Host, now time.Time) float64 {
	lately := w.roster.starts.lately(now)
	n := 0
	for i := range lately {
		need := &lately[i].need
		if !need.Fits(h.Has) {
			continue
		}
		if 4*need.MilliVCPU >= 3*h.Has.MilliVCPU || 4*need.MemoryMiB >= 3*h.Has.MemoryMiB || h.Has.GPUs > 0 && 4*need.GPUs >= 3*h.Has.GPUs {
			n += lately[i].count
		}
	}
	return float64(n) / arrivalsOver.Hours()
}
