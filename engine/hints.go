package engine

import (
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// keepBusy counts a job to the time that its host is still needed.
func (e *Engine) keepBusy(w *world, j *batch.Job, now time.Time) {
	r := e.runTime(j.Queue, j.Definition)
	if !r.Known() {
		return
	}
	if j.StartedAt > 0 {
		r.Mean = r.Left(now.Sub(j.StartedAt.Time()))
	}
	h := j.Placement.Host
	w.busy[h] += r.Beyond(w.busy[h])
}

// usualBoot is how long a host takes from its launch until it takes tasks where no host of
// the environment tells: ECS-optimised images take 30 to 90 s.
const usualBoot = time.Minute

// bootTime is how long hosts of an environment take from their launch until they are ready:
// the mean of those that are there.
func bootTime(hosts []store.Host) time.Duration {
	var sum time.Duration
	n := 0
	for i := range hosts {
		if h := &hosts[i]; h.ReadyAt > h.CreatedAt {
			sum += h.ReadyAt.Time().Sub(h.CreatedAt.Time())
			n++
		}
	}
	if n == 0 {
		return usualBoot
	}
	return sum / time.Duration(n)
}

// Hosts of an environment come slowly when one has been on its way for slowBoots times as
// long as usual, or could not be asked for within slowAsk. Then jobs take what room there
// is.
const (
	slowBoots = 3
	slowAsk   = 2 * time.Minute
)

func comeSlowly(hosts []store.Host, boot time.Duration, now time.Time) bool {
	for i := range hosts {
		h := &hosts[i]
		since := now.Sub(h.CreatedAt.Time())
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
func hint(to *scheduler.Host, w *world, h *store.Host, now time.Time) {
	to.Busy = w.busy[h.ID]
	if h.For == "" || w.tasks[h.ID] > 0 || now.Sub(h.ReadyAt.Time()) > meantFor {
		return
	}
	for _, m := range provisioner.ReadMeant(h.For) {
		to.Meant = append(to.Meant, scheduler.Meant{Need: m.Need, Count: m.Count})
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
func (w *world) arrivals(h *store.Host, now time.Time) float64 {
	n := 0
	for i := range w.live {
		j := &w.live[i]
		if j.StartedAt == 0 || j.Placement == nil || now.Sub(j.StartedAt.Time()) > arrivalsOver || !j.Need.Fits(h.Has) {
			continue
		}
		if 4*j.Need.MilliVCPU >= 3*h.Has.MilliVCPU || 4*j.Need.MemoryMiB >= 3*h.Has.MemoryMiB || h.Has.GPUs > 0 && 4*j.Need.GPUs >= 3*h.Has.GPUs {
			n++
		}
	}
	return float64(n) / arrivalsOver.Hours()
}
