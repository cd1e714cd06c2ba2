package provisioner

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

const (
	// maxShapes bounds the choices of one plan; what is left then waits for the next pass.
	maxShapes = 1000
	// packingWork is how much work a plan may spend on packing: some milliseconds.
	packingWork = 4_000_000
	// maxDearer bounds the types looked at for a few jobs: those that cost at most so many
	// times what the cheapest type does that holds the first of them.
	maxDearer = 8
)

// grower chooses the hosts to launch.
type grower struct {
	*Environment
	headroom int64 // thousandths of a vCPU that may be added
	staying  int64 // what counts for minvCpus
	// overdue is how many jobs of each group want a host now. The others may have room on
	// hosts that are launched for these.
	overdue  []int
	launches []Launch
}

// grow chooses the hosts to launch for groups, and for minvCpus.
func grow(e Environment, groups []Demand, now time.Time, p *Plan) {
	g := grower{Environment: &e, headroom: e.MaxMilliVCPU}
	for i := range e.Hosts {
		h := &e.Hosts[i]
		g.headroom -= h.Has.MilliVCPU
		if !leaving(&e, h, now) {
			g.staying += h.Has.MilliVCPU
		}
	}
	groups = slices.Clone(groups)
	refilled := g.refilled(groups)
	if refilled {
		g.overdue = counts(groups)
	} else {
		g.overdue = e.overdue(groups, now, p)
	}
	if slices.ContainsFunc(g.overdue, func(n int) bool { return n > 0 }) {
		if jobs(groups) > 1 {
			g.pack(groups, !refilled)
		}
		g.alike(groups) // and what packing left
	}
	for range maxShapes {
		missing := e.MinMilliVCPU - g.staying
		if missing <= 0 {
			break
		}
		o := cheapestPerVCPU(e.Offers, missing, g.headroom)
		if o == nil {
			break
		}
		g.launch(o, int(max(1, min(missing, g.headroom)/o.Has.MilliVCPU)), nil)
	}
	p.Launches = g.launches
}

func counts(groups []Demand) []int {
	list := make([]int, len(groups))
	for i := range groups {
		list[i] = groups[i].Count
	}
	return list
}

// take takes jobs of a group that a host is launched for.
func (g *grower) take(groups []Demand, i, n int) {
	groups[i].Count -= n
	g.overdue[i] = max(0, g.overdue[i]-n)
}

func jobs(groups []Demand) int {
	n := 0
	for _, g := range groups {
		n += g.Count
	}
	return n
}

// launch adds hosts to the plan.
func (g *grower) launch(o *Offer, n int, meant []Meant) {
	g.headroom -= int64(n) * o.Has.MilliVCPU
	g.staying += int64(n) * o.Has.MilliVCPU
	if last := len(g.launches) - 1; last >= 0 && g.launches[last].Type == o.Type && slices.Equal(g.launches[last].For, meant) {
		g.launches[last].Count += n
		return
	}
	g.launches = append(g.launches, Launch{Type: o.Type, Count: n, For: meant})
}

// refilled reports whether room that becomes free on a new host will be taken again by
// what waits: then it does not matter when its jobs end. So it is where more waits than may
// run at once, and where nothing is known of how long jobs run.
func (g *grower) refilled(groups []Demand) bool {
	var waiting int64
	known := false
	for _, d := range groups {
		waiting += int64(d.Count) * d.Need.MilliVCPU
		known = known || d.Runs.Known()
	}
	return g.More || !known || waiting > g.headroom
}

// pack launches what holds groups for the least dollars an hour, the boot included. With
// ending, only the hosts that stay cheaper until their last job ends than a host for each
// job; what is on the others is left in groups.
func (g *grower) pack(groups []Demand, ending bool) {
	room := slices.ContainsFunc(groups, func(d Demand) bool {
		return slices.ContainsFunc(g.Offers, func(o Offer) bool { return g.holds(&o, d) })
	})
	if !room {
		return
	}
	in := g.packing(groups, packingWork)
	in.Limits = packing.Limits{MilliVCPU: g.headroom}
	for i := range in.Types {
		in.Types[i].FixedUSD = in.Types[i].USDPerHour * g.paidBoot().Hours()
	}
	plan := packing.Pack(in)
	for _, h := range plan.Hosts {
		o := &g.Offers[h.Type]
		meant := make([]Meant, len(h.Filling))
		var busy time.Duration
		var alone float64
		wanted := 0
		for i, f := range h.Filling {
			d := groups[f.Group]
			meant[i] = Meant{d.Need, f.Count}
			alone += float64(f.Count) * g.alone(d)
			wanted = max(wanted, (g.overdue[f.Group]+f.Count-1)/f.Count)
			for range f.Count {
				busy += d.Runs.Beyond(busy)
			}
		}
		if ending && o.price()*(g.paidBoot()+busy).Hours() > alone*(1+tie) {
			continue
		}
		n := min(h.Count, wanted)
		if n == 0 {
			continue
		}
		for _, f := range h.Filling {
			g.take(groups, f.Group, f.Count*n)
		}
		g.launch(o, n, meant)
	}
}

// packing is groups and offers as packing takes them.
func (e *Environment) packing(groups []Demand, work int64) packing.Input {
	in := packing.Input{Budget: packing.Budget{Work: work}}
	for _, d := range groups {
		in.Groups = append(in.Groups, packing.Group{Need: d.Need, Arch: d.Arch, Count: d.Count})
	}
	for i := range e.Offers {
		o := &e.Offers[i]
		in.Types = append(in.Types, packing.Type{Name: o.Type, Has: o.Has, Arch: o.Arch, USDPerHour: o.price()})
	}
	return in
}

// tie is how much two prices may differ, as a fraction, and still count as equal.
const tie = 1e-9

// price is what an offer costs an hour; where nobody knows, larger ones cost more.
func (o *Offer) price() float64 {
	const unknown = 1e-6 // for a thousandth of a vCPU
	if o.USDPerHour <= 0 {
		return unknown * float64(max(1, o.Has.MilliVCPU))
	}
	return o.USDPerHour
}

// leastBilled is the least time that EC2 bills a Linux instance for (EC2 user guide,
// "On-Demand Instances": per second, with a minimum of 60 seconds).
const leastBilled = time.Minute

// paidBoot is what is paid of a host beside the time that its jobs run.
func (e *Environment) paidBoot() time.Duration { return max(leastBilled/4, e.Boot) }

// alone is what a host of its own costs a job, boot and all; without end if none may be
// added for it or nothing is known of how long it runs.
func (e *Environment) alone(d Demand) float64 {
	if !d.Runs.Known() {
		return math.Inf(1)
	}
	return e.ownHost(d) * (e.paidBoot() + d.Runs.Mean).Hours()
}

// ownHost is what the cheapest host that holds a job costs an hour; without end if there is
// none.
func (e *Environment) ownHost(d Demand) float64 {
	least := math.Inf(1)
	for i := range e.Offers {
		if o := &e.Offers[i]; d.Need.Fits(o.Has) && archFits(d.Arch, o.Arch) && o.Has.MilliVCPU <= e.MaxMilliVCPU {
			least = min(least, o.price())
		}
	}
	return least
}

// filling is what a host of an offer would be launched for.
type filling struct {
	offer *Offer
	taken []int // of each group
	// ratio is what the host costs until its last job ends, as a fraction of what a host
	// for each of its jobs would.
	ratio float64
}

// alike launches host after host for groups, the dearest job first, each of the type that
// costs the least of what its jobs would cost alone, with those jobs that keep it up no
// longer than pays.
func (g *grower) alike(groups []Demand) {
	alone := make(map[int]float64, len(groups))
	for i, d := range groups {
		alone[i] = g.alone(d)
	}
	order := make([]int, len(groups))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(alone[b], alone[a]) })
	for range maxShapes {
		order = slices.DeleteFunc(order, func(i int) bool { return groups[i].Count == 0 })
		first := slices.IndexFunc(order, func(i int) bool { return g.overdue[i] > 0 })
		if first < 0 {
			return
		}
		i := order[first]
		others := slices.Delete(slices.Clone(order), first, first+1)
		best := g.fillings(groups, slices.Insert(others, 0, i), alone)
		if best.offer == nil {
			order = slices.Delete(order, first, first+1) // nothing that may be added holds it
			continue
		}
		n := min(int(g.headroom/best.offer.Has.MilliVCPU), (g.overdue[i]+best.taken[i]-1)/best.taken[i])
		var meant []Meant
		for _, k := range order {
			if t := best.taken[k]; t > 0 {
				n = min(n, groups[k].Count/t)
				meant = append(meant, Meant{groups[k].Need, t})
			}
		}
		g.launch(best.offer, n, meant)
		for k, t := range best.taken {
			g.take(groups, k, n*t)
		}
	}
}

// fillings returns the best filling that holds the first group of order.
func (g *grower) fillings(groups []Demand, order []int, alone map[int]float64) filling {
	var best filling
	first := groups[order[0]]
	least := math.Inf(1)
	for i := range g.Offers {
		if o := &g.Offers[i]; g.holds(o, first) {
			least = min(least, o.price())
		}
	}
	for i := range g.Offers {
		o := &g.Offers[i]
		if !g.holds(o, first) || o.price() > maxDearer*least {
			continue
		}
		room, busy, worth := o.Has, time.Duration(0), 0.0
		taken := make([]int, len(groups))
		for _, k := range order {
			d := groups[k]
			for taken[k] < d.Count && d.Need.Fits(room) && archFits(d.Arch, o.Arch) {
				beyond := d.Runs.Beyond(busy)
				if busy > 0 && o.price()*beyond.Hours() > alone[k] {
					break
				}
				busy += beyond
				worth += alone[k]
				taken[k]++
				room = room.Sub(d.Need)
			}
		}
		ratio := o.price() * (g.paidBoot() + busy).Hours() / worth
		if best.offer == nil || ratio < best.ratio*(1-tie) || ratio < best.ratio*(1+tie) && o.price() < best.offer.price() {
			best = filling{o, taken, ratio}
		}
	}
	return best
}

// holds reports whether a host of an offer may be added and holds a job.
func (g *grower) holds(o *Offer, d Demand) bool {
	return o.Has.MilliVCPU > 0 && o.Has.MilliVCPU <= g.headroom && d.Need.Fits(o.Has) && archFits(d.Arch, o.Arch)
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
