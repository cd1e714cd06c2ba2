package provisioner

import (
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Make plans one environment as of now.
func Make(e Environment, now time.Time) Plan {
	var p Plan
	groups := unmet(e)
	if e.Active && !e.Ending {
		p.Launches = grow(e, groups, now)
	}
	shrink(e, inTheWay(e, groups), now, &p)
	return p
}

// unmet returns the demand that hosts on their way will not take, largest first.
func unmet(e Environment) []Demand {
	groups := slices.Clone(e.Demand)
	slices.SortStableFunc(groups, func(a, b Demand) int {
		switch {
		case size(a.Need) > size(b.Need):
			return -1
		case size(a.Need) < size(b.Need):
			return 1
		}
		return 0
	})
	for _, h := range e.Hosts {
		if h.State == Booting {
			fill(groups, h.Has, h.Arch)
		}
	}
	return slices.DeleteFunc(groups, func(g Demand) bool { return g.Count == 0 })
}

// memoryPerVCPU weighs memory against vCPUs where jobs are ordered by size: the
// 4 GiB per vCPU of the general-purpose families.
const memoryPerVCPU = 4096

// gpuWeight makes jobs with GPUs come first: they fit the fewest hosts.
const gpuWeight = 1000

// size orders jobs; larger ones are placed first.
func size(r batch.Resources) float64 {
	return max(float64(r.MilliVCPU)/1000, float64(r.MemoryMiB)/memoryPerVCPU) + gpuWeight*float64(r.GPUs)
}

func archFits(want, has string) bool {
	if has == "" {
		has = "x86_64"
	}
	return want == "" || want == has
}

// fill takes from groups, in their order, what fits into room; it returns how many
// of each.
func fill(groups []Demand, room batch.Resources, arch string) []int {
	taken := pattern(groups, room, arch)
	for i, n := range taken {
		groups[i].Count -= n
	}
	return taken
}

// pattern is what one host of a size takes of groups.
func pattern(groups []Demand, room batch.Resources, arch string) []int {
	taken := make([]int, len(groups))
	for i, g := range groups {
		if !archFits(g.Arch, arch) {
			continue
		}
		n := g.Count
		for _, bound := range [][2]int64{
			{room.MilliVCPU, g.Need.MilliVCPU}, {room.MemoryMiB, g.Need.MemoryMiB}, {room.GPUs, g.Need.GPUs},
		} {
			if bound[1] > 0 {
				n = min(n, int(bound[0]/bound[1]))
			}
		}
		taken[i] = n
		room.MilliVCPU -= int64(n) * g.Need.MilliVCPU
		room.MemoryMiB -= int64(n) * g.Need.MemoryMiB
		room.GPUs -= int64(n) * g.Need.GPUs
	}
	return taken
}

// maxShapes bounds the choices of one plan; what is left then waits for the next pass.
const maxShapes = 1000

// grow chooses the hosts to launch.
func grow(e Environment, groups []Demand, now time.Time) []Launch {
	headroom := e.MaxMilliVCPU
	var staying int64 // what counts for minvCpus
	for _, h := range e.Hosts {
		headroom -= h.Has.MilliVCPU
		if !leaving(e, h, now) {
			staying += h.Has.MilliVCPU
		}
	}
	// In this order the hosts, while they boot, are counted on for what they were chosen
	// for (see unmet): with another it could seem that something is left.
	var launches []Launch
	launch := func(o Offer, n int) {
		if last := len(launches) - 1; last >= 0 && launches[last].Type == o.Type {
			launches[last].Count += n
		} else {
			launches = append(launches, Launch{o.Type, n})
		}
		headroom -= int64(n) * o.Has.MilliVCPU
		staying += int64(n) * o.Has.MilliVCPU
	}
	groups = slices.Clone(groups)
	for range maxShapes {
		groups = slices.DeleteFunc(groups, func(g Demand) bool { return g.Count == 0 })
		if len(groups) == 0 {
			break
		}
		offer, taken := choose(e.Offers, groups, headroom)
		if offer == nil {
			groups = groups[1:] // nothing that may be added holds it
			continue
		}
		n := int(headroom / offer.Has.MilliVCPU)
		for i, t := range taken {
			if t > 0 {
				n = min(n, groups[i].Count/t)
			}
		}
		launch(*offer, n)
		for i, t := range taken {
			groups[i].Count -= n * t
		}
	}
	for range maxShapes {
		missing := e.MinMilliVCPU - staying
		if missing <= 0 {
			break
		}
		o := cheapestPerVCPU(e.Offers, missing, headroom)
		if o == nil {
			break
		}
		launch(*o, int(max(1, min(missing, headroom)/o.Has.MilliVCPU)))
	}
	return launches
}

// outdated reports whether a host is of a make that an update replaced.
func outdated(e Environment, h Host) bool { return h.CreatedAt.Before(e.ReplaceBefore) }

// overdue reports whether a host should have been ready long ago.
func overdue(e Environment, h Host, now time.Time) bool {
	return h.State == Booting && e.BootWindow > 0 && !now.Before(h.CreatedAt.Add(e.BootWindow))
}

// leaving reports whether a host goes or is about to go.
func leaving(e Environment, h Host, now time.Time) bool {
	return h.State == Draining || outdated(e, h) || overdue(e, h, now)
}

// choose returns the offer that takes the most of groups for its price, among those
// that hold the first group and fit under headroom, and what it takes.
func choose(offers []Offer, groups []Demand, headroom int64) (*Offer, []int) {
	var best *Offer
	var bestTaken []int
	var bestValue float64
	for i := range offers {
		o := &offers[i]
		if o.Has.MilliVCPU > headroom || !groups[0].Need.Fits(o.Has) || !archFits(groups[0].Arch, o.Arch) {
			continue
		}
		taken := pattern(groups, o.Has, o.Arch)
		var packed float64
		for j, n := range taken {
			packed += float64(n) * size(groups[j].Need)
		}
		value := packed / max(o.USDPerHour, 1e-6)
		if best == nil || value > bestValue*(1+1e-9) {
			best, bestTaken, bestValue = o, taken, value
		}
	}
	return best, bestTaken
}

// cheapestPerVCPU returns the offer for minvCpus: the cheapest per vCPU among those
// that do not go beyond what is missing, or the smallest if all do.
func cheapestPerVCPU(offers []Offer, missing, headroom int64) *Offer {
	var best, smallest *Offer
	for i := range offers {
		o := &offers[i]
		if o.Has.MilliVCPU > headroom || o.Has.MilliVCPU <= 0 {
			continue
		}
		if smallest == nil || o.Has.MilliVCPU < smallest.Has.MilliVCPU {
			smallest = o
		}
		if o.Has.MilliVCPU <= missing && (best == nil ||
			o.USDPerHour/float64(o.Has.MilliVCPU) < best.USDPerHour/float64(best.Has.MilliVCPU)) {
			best = o
		}
	}
	if best == nil {
		return smallest
	}
	return best
}

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
	for _, h := range e.Hosts {
		if h.State != Draining { // what drains makes room soon
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
		for _, h := range byIdleness(e.Hosts) {
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

// byIdleness orders hosts: the longest idle first, those that have tasks or whose idle
// time is not known last.
func byIdleness(hosts []Host) []Host {
	hosts = slices.Clone(hosts)
	slices.SortStableFunc(hosts, func(a, b Host) int {
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

// shrink drains hosts whose idle window is over, or that are in the way, and ends those
// that are drained and those that do not come.
func shrink(e Environment, inTheWay map[string]bool, now time.Time, p *Plan) {
	var staying int64
	for _, h := range e.Hosts {
		if !leaving(e, h, now) {
			staying += h.Has.MilliVCPU
		}
	}
	for _, h := range byIdleness(e.Hosts) {
		switch outdated := outdated(e, h); {
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
			over := h.IdleSince.Add(e.IdleWindow)
			if h.IdleSince.IsZero() {
				over = now.Add(e.IdleWindow)
			}
			if now.Before(over) && !inTheWay[h.ID] {
				p.due(over)
				continue
			}
			p.Drain = append(p.Drain, h.ID)
			staying -= h.Has.MilliVCPU
		}
	}
}

// boot looks at a host that is on its way.
func (p *Plan) boot(e Environment, h Host, now time.Time) {
	switch {
	case outdated(e, h), e.Ending, overdue(e, h, now):
		p.Terminate = append(p.Terminate, h.ID)
	case e.BootWindow > 0:
		p.due(h.CreatedAt.Add(e.BootWindow))
	}
}
