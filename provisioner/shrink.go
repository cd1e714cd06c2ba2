package provisioner

import (
	"cmp"
	"slices"
	"time"
)

// due notes that the plan may change at t.
func (p *Plan) due(t time.Time) {
	if p.Next.IsZero() || t.Before(p.Next) {
		p.Next = t
	}
}

// inTheWay returns hosts without tasks that take the vCPUs under maxvCpus which a host
// for a waiting job would need, and cannot hold that job themselves: the longest idle
// first, and no more than make room. When all of them together would not, none.
func inTheWay(e Environment, groups []Demand) map[string]bool {
	headroom := e.MaxMilliVCPU
	for i := range e.Hosts {
		if h := &e.Hosts[i]; h.State != Draining { // what drains makes room soon
			headroom -= h.Has.MilliVCPU
		}
	}
	for _, g := range groups {
		least := int64(-1) // what the smallest host takes that holds the job
		for _, o := range e.Offers {
			if g.Need.Fits(o.Has) && archFits(g.Arch, o.Arch) && (least < 0 || o.Has.MilliVCPU < least) {
				least = o.Has.MilliVCPU
			}
		}
		if least < 0 || least > e.MaxMilliVCPU {
			continue
		}
		if least <= headroom {
			return nil // there is room, or will be
		}
		ways := map[string]bool{}
		free := headroom
		for _, h := range byIdleness(pointers(e.Hosts)) {
			if free >= least {
				break
			}
			if h.State == Ready && h.Tasks == 0 && !(g.Need.Fits(h.Has) && archFits(g.Arch, h.Arch)) {
				ways[h.ID] = true
				free += h.Has.MilliVCPU
			}
		}
		if free >= least {
			return ways
		}
	}
	return nil
}

func pointers(hosts []Host) []*Host {
	list := make([]*Host, len(hosts))
	for i := range hosts {
		list[i] = &hosts[i]
	}
	return list
}

// byIdleness orders hosts: the longest idle first, those that have tasks or whose idle
// time is not known last.
func byIdleness(hosts []*Host) []*Host {
	slices.SortStableFunc(hosts, func(a, b *Host) int {
		if a.IdleSince.IsZero() != b.IdleSince.IsZero() {
			if a.IdleSince.IsZero() {
				return 1
			}
			return -1
		}
		return a.IdleSince.Compare(b.IdleSince)
	})
	return hosts
}

// byWorth orders hosts by what is saved when they go: the dearest for each vCPU first, then
// the longest idle. Those of which nobody knows the price come last.
func byWorth(hosts []*Host) []*Host {
	hosts = byIdleness(hosts)
	// A float32 is exact enough, and the sizes of a family are equal in it.
	each := func(h *Host) float32 { return float32(h.USDPerHour / float64(max(1, h.Has.MilliVCPU))) }
	slices.SortStableFunc(hosts, func(a, b *Host) int { return cmp.Compare(each(b), each(a)) })
	return hosts
}

// shrink drains hosts whose idle window is over, or that are in the way, and ends those
// that are drained and those that do not come.
func shrink(e Environment, inTheWay map[string]bool, now time.Time, p *Plan) {
	var staying int64
	var looked []*Host
	for i := range e.Hosts {
		h := &e.Hosts[i]
		if !leaving(&e, h, now) {
			staying += h.Has.MilliVCPU
		}
		if h.State != Ready || h.Tasks == 0 || e.Ending || outdated(&e, h) {
			looked = append(looked, h)
		}
	}
	for _, h := range byWorth(looked) {
		switch outdated := outdated(&e, h); {
		case h.State == Draining && h.Tasks == 0:
			p.Terminate = append(p.Terminate, h.ID)
		case h.State == Draining && outdated && !now.Before(e.ReplaceBy):
			p.Terminate = append(p.Terminate, h.ID)
		case h.State == Draining && outdated:
			p.due(e.ReplaceBy)
		case h.State == Draining:
		case h.State == Booting:
			p.boot(e, h, now)
		case outdated, e.Ending:
			p.Drain = append(p.Drain, h.ID)
		case h.Tasks > 0, staying-h.Has.MilliVCPU < e.MinMilliVCPU:
		default:
			since := h.IdleSince
			if since.IsZero() {
				since = now
			}
			// It goes, now or when its window is over: a cheaper host stays for minvCpus in
			// its place, even one that has been idle for longer.
			staying -= h.Has.MilliVCPU
			over := e.stays(h, since)
			if now.Before(over) && !inTheWay[h.ID] {
				p.due(over)
				continue
			}
			p.Drain = append(p.Drain, h.ID)
		}
	}
}

// leastIdle is how long a host without tasks stays in any case: jobs that end together
// make room one after the other, and those that follow them are submitted a moment later.
const leastIdle = 5 * time.Second

// stays is until when a host without tasks is kept that has had none since.
//
// Without a fixed window it is kept as long as its keep is expected to cost less than its
// return, which is the boot of another: jobs that come at a rate a come after 1/a in the
// mean, so it is worth to wait where that is less than the boot takes, and then no longer
// than the boot, for by then the guess was wrong. The first minute is paid for anyway.
func (e *Environment) stays(h *Host, since time.Time) time.Time {
	if e.IdleWindow > 0 {
		return since.Add(e.IdleWindow)
	}
	window := leastIdle
	if h.Arrivals*e.Boot.Hours() >= 1 {
		window = max(window, e.Boot)
	}
	over := since.Add(window)
	if paid := h.CreatedAt.Add(leastBilled); paid.After(over) {
		return paid
	}
	return over
}

// boot looks at a host that is on its way.
func (p *Plan) boot(e Environment, h *Host, now time.Time) {
	switch {
	case outdated(&e, h), e.Ending, overdue(&e, h, now):
		p.Terminate = append(p.Terminate, h.ID)
	case e.BootWindow > 0:
		p.due(h.CreatedAt.Add(e.BootWindow))
	}
}
