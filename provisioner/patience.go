package provisioner

import (
	"math"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Jobs that run on hosts of others save what a host of their own costs to boot. So where
// jobs end all the time, those that wait are let wait a little for the room that they
// leave, before a host is launched.
const (
	// WaitUSDPerHour is what an hour of a job's waiting counts, in dollars, where nobody
	// says otherwise. A job whose own host would cost as much an hour waits for one boot
	// at most, one whose host costs twice that for two.
	WaitUSDPerHour = 0.05
	// maxBoots bounds the wait, in boots of a host.
	maxBoots = 4
	// maxLater bounds the wait as a part of the job's expected run time.
	maxLater = 0.2
	// enoughRoom is how many times as much room must be expected to become free within
	// that time as jobs of the kind wait: others want it too, and jobs run on. Of 2, 4 and
	// 6, which were tried, it is the one at which the median job of the workloads of
	// docs/benchmarks.md waits no longer than half a minute beyond a boot.
	enoughRoom = 6
)

// Since is jobs that wait since the same moment.
type Since struct {
	At    time.Time
	Count int
}

// Running is a task on a host, and how long it is expected to go on.
type Running struct {
	Need batch.Resources
	Left time.Duration
}

// Waiting is jobs for which no host is launched yet since room is expected for them.
type Waiting struct {
	Need  batch.Resources
	Arch  string
	Count int
	// Until is when a host is launched for the first of them.
	Until time.Time
}

// patience is how long a job is let wait for room: no longer than its waiting is worth the
// boot of a host that it may save.
func (e *Environment) patience(d Demand) time.Duration {
	usd := e.ownHost(d)
	if !d.Runs.Known() || e.WaitUSDPerHour <= 0 || e.Running == nil || math.IsInf(usd, 1) {
		return 0
	}
	boots := min(maxBoots, usd/e.WaitUSDPerHour)
	return min(time.Duration(maxLater*float64(d.Runs.Mean)), time.Duration(boots*float64(e.Boot)))
}

// overdue tells how many jobs of each group want a host now, and notes in p which others
// wait for room. Those that wait longest are the first to be served by what boots.
func (e *Environment) overdue(groups []Demand, now time.Time, p *Plan) []int {
	counts := make([]int, len(groups))
	for i, d := range groups {
		counts[i] = d.Count
		within := e.patience(d)
		if within <= 0 || d.Count == 0 {
			continue
		}
		patient, until := 0, time.Time{}
		for k := len(d.Since) - 1; k >= 0 && patient < d.Count; k-- {
			over := d.Since[k].At.Add(within)
			if now.Before(over) {
				patient += min(d.Since[k].Count, d.Count-patient)
				if until.IsZero() || over.Before(until) {
					until = over
				}
			}
		}
		if patient == 0 || !e.roomWithin(d, within, enoughRoom*float64(d.Count)) {
			continue
		}
		counts[i] = d.Count - patient
		if p.Waiting == nil {
			p.Waiting = make([]Waiting, 0, len(groups)-i)
		}
		p.Waiting = append(p.Waiting, Waiting{Need: d.Need, Arch: d.Arch, Count: patient, Until: until})
		p.due(until)
	}
	return counts
}

// roomWithin reports whether room for a job is expected to become free within a time on as
// many hosts as enough. What counts for each is the chance that one task ends whose room is
// enough, together with what is free beside it. Ends are taken as exponential.
func (e *Environment) roomWithin(d Demand, within time.Duration, enough float64) bool {
	// Mostly there is plenty, and the bound says so at a fraction of the work.
	return e.leaveRoom(d, within, enough, endsAtLeast) || e.leaveRoom(d, within, enough, ends)
}

// ends is the chance that a task ends within a time that is expected to go on for left.
func ends(within, left float64) float64 { return 1 - math.Exp(-within/left) }

// endsAtLeast is a bound of it from below: e^x is 1+x at least.
func endsAtLeast(within, left float64) float64 { return within / (within + left) }

func (e *Environment) leaveRoom(d Demand, within time.Duration, enough float64, chance func(within, left float64) float64) bool {
	sum := 0.0
	for i := range e.Hosts {
		h := &e.Hosts[i]
		if sum+float64(len(e.Hosts)-i) < enough {
			return false // not even if all the others leave room
		}
		if h.State != Ready || h.Tasks == 0 || !d.Need.Fits(h.Has) || !archFits(d.Arch, h.Arch) {
			continue
		}
		tasks := e.Running(i)
		free := h.Has
		for k := range tasks {
			free = free.Sub(tasks[k].Need)
		}
		first := never // when the first task ends whose room is enough
		for k := range tasks {
			if r := &tasks[k]; r.Left < first && d.Need.Fits(free.Add(r.Need)) {
				first = r.Left
			}
		}
		if first == never {
			continue
		}
		if sum += chance(float64(within), float64(max(time.Second, first))); sum >= enough {
			return true
		}
	}
	return false
}

const never = time.Duration(math.MaxInt64)
