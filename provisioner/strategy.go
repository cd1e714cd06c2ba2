package provisioner

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Strategy is what an allocation strategy of AWS Batch says of the types that may be
// launched (AWS Batch user guide, "Instance type allocation strategies").
type Strategy int

// The strategies.
const (
	// Cheapest lets the cost decide among all types: BEST_FIT_PROGRESSIVE, and the Spot
	// strategies, with which EC2 makes the last choice out of a list.
	Cheapest Strategy = iota
	// BestFit keeps to the one type that fits what waits best, and waits for it while it
	// cannot be had: BEST_FIT.
	BestFit
	// Ordered takes the first types of the list that hold a job, and further ones for jobs
	// that those do not hold or while they cannot be had: the strategies that AWS names
	// ORDERED and PRIORITIZED.
	Ordered
)

// turn is demand with the offers that may hold it.
type turn struct {
	offers []Offer
	groups []Demand
}

// launchesFor chooses the hosts to launch for groups, and for minvCpus: in which market,
// and by the strategy.
func launchesFor(e Environment, groups []Demand, now time.Time, plan *Plan) {
	p := planned{Environment: e, now: now, plan: plan}
	markets := []turn{{e.Offers, groups}}
	if e.bothMarkets() {
		markets = byMarket(&e, groups)
	}
	for _, m := range markets {
		switch e.Strategy {
		case BestFit:
			p.inTurn(m, bestFit)
		case Ordered:
			p.inTurn(m, ordered)
		default:
			p.grow(m, 0)
		}
	}
	if least := e.MinMilliVCPU - p.launched; least > 0 {
		p.grow(turn{offers: forMinimum(e.Offers)}, least)
	}
}

// planned is a plan that is made step by step: what one launches counts for the next.
type planned struct {
	Environment
	now      time.Time
	plan     *Plan
	launched int64 // thousandths of a vCPU
}

// grow launches what one turn asks for and least asks for, and returns the launches.
func (p *planned) grow(t turn, least int64) []Launch {
	e := p.Environment
	e.Offers, e.MinMilliVCPU, e.MaxMilliVCPU = t.offers, least, e.MaxMilliVCPU-p.launched
	launches := grow(e, t.groups, p.now, p.plan)
	for _, l := range launches {
		o := t.offers[slices.IndexFunc(t.offers, func(o Offer) bool { return o.Type == l.Type })]
		l.Spot = o.Spot
		p.plan.Launches, p.launched = append(p.plan.Launches, l), p.launched+int64(l.Count)*o.Has.MilliVCPU
	}
	return launches
}

// without returns the jobs that launches are not for since maxvCpus are reached.
func without(groups []Demand, launches []Launch) []Demand {
	left := slices.Clone(groups)
	for _, l := range launches {
		for _, m := range l.For {
			take(left, m.Need, m.Count*l.Count)
		}
	}
	return slices.DeleteFunc(left, func(d Demand) bool { return d.Count == 0 })
}

// take takes n jobs of a need from groups.
func take(groups []Demand, need batch.Resources, n int) {
	for i := range groups {
		if d := &groups[i]; d.Need == need {
			some := min(n, d.Count)
			d.Count, n = d.Count-some, n-some
		}
	}
}

// choose gives some of the groups the offers that they may have, and returns the other
// groups; no offers when none holds any of them. Of maxvCpus there are most, of which
// headroom is left.
type choose func(offers []Offer, groups []Demand, headroom, most int64) (t turn, rest []Demand)

// inTurn launches what choose says, again and again with what is left.
func (p *planned) inTurn(m turn, by choose) {
	groups := m.groups
	for range maxShapes {
		t, rest := by(m.offers, groups, p.headroom()-p.launched, p.MaxMilliVCPU)
		if len(t.offers) == 0 {
			return
		}
		if groups = rest; t.offers[0].Short {
			p.plan.WaitsFor = cmp.Or(p.plan.WaitsFor, t.offers[0].Type)
			continue
		}
		before := p.launched
		if launches := p.grow(t, 0); p.launched > before {
			groups = append(groups, without(t.groups, launches)...)
		}
	}
}

// forMinimum are the offers for minvCpus: hosts that stay whatever runs. Where both markets
// are open they are Spot, since one that is taken costs a boot.
func forMinimum(offers []Offer) []Offer {
	usable := slices.DeleteFunc(slices.Clone(offers), func(o Offer) bool { return o.Short })
	if spot := slices.DeleteFunc(slices.Clone(usable), func(o Offer) bool { return !o.Spot }); len(spot) > 0 {
		return spot
	}
	return usable
}

// headroom is how many thousandths of a vCPU may be added.
func (e *Environment) headroom() int64 {
	left := e.MaxMilliVCPU
	for i := range e.Hosts {
		left -= e.Hosts[i].Has.MilliVCPU
	}
	return left
}

// bestFit chooses the one type: of those that hold the most of the jobs, the one whose
// hosts for them cost the least. Jobs that it does not hold are left, and get one of their
// own. Where maxvCpus leave too little for it, it is the best one for which they do.
func bestFit(offers []Offer, groups []Demand, headroom, most int64) (t turn, rest []Demand) {
	best := bestOf(offers, groups, func(o *Offer) bool { return o.Has.MilliVCPU <= most })
	if best != nil && !best.offer.Short && best.offer.Has.MilliVCPU > headroom {
		best = bestOf(offers, groups, func(o *Offer) bool { return o.Has.MilliVCPU <= headroom && !o.Short })
	}
	if best == nil {
		return t, nil
	}
	t.offers = []Offer{*best.offer}
	for _, d := range groups {
		if best.offer.fits(d) {
			t.groups = append(t.groups, d)
		} else {
			rest = append(rest, d)
		}
	}
	return t, rest
}

// bestOf returns how the best of the usable offers fits groups; nil if none holds a job.
func bestOf(offers []Offer, groups []Demand, usable func(*Offer) bool) *fitting {
	var best *fitting
	for i := range offers {
		o := &offers[i]
		if o.Has.MilliVCPU <= 0 || !usable(o) {
			continue
		}
		if f := fit(o, groups); f.jobs > 0 && (best == nil || f.better(best)) {
			best = f
		}
	}
	return best
}

// fitting is how a type fits groups of jobs.
type fitting struct {
	offer *Offer
	jobs  int     // that it holds
	usd   float64 // an hour, of the hosts that hold them
}

// fit counts the hosts of a type that groups need, each group filling hosts with its own
// kind; what is left over of the last hosts is used by the next group.
func fit(o *Offer, groups []Demand) *fitting {
	f := &fitting{offer: o}
	var hosts float64
	for _, d := range groups {
		if !o.fits(d) {
			continue
		}
		hosts += float64(d.Count) / float64(times(d.Need, o.Has))
		f.jobs += d.Count
	}
	const nearly = 1e-9 // what sums of fractions leave
	f.usd = math.Ceil(hosts-nearly) * o.price()
	return f
}

// times is how many jobs of a need a host holds, at least 1 of one that fits.
func times(need, has batch.Resources) int64 {
	n := int64(math.MaxInt64)
	for _, r := range [...][2]int64{{need.MilliVCPU, has.MilliVCPU}, {need.MemoryMiB, has.MemoryMiB}, {need.GPUs, has.GPUs}} {
		if r[0] > 0 {
			n = min(n, r[1]/r[0])
		}
	}
	return n
}

// better orders fittings: more jobs, then fewer dollars, then the smaller host.
func (f *fitting) better(than *fitting) bool {
	return cmp.Or(
		cmp.Compare(than.jobs, f.jobs), compareUSD(f.usd, than.usd),
		compareUSD(f.offer.price(), than.offer.price()), cmp.Compare(f.offer.Type, than.offer.Type),
	) < 0
}

// compareUSD compares prices; those that differ by a tie are equal.
func compareUSD(a, b float64) int {
	if a > b*(1-tie) && a < b*(1+tie) {
		return 0
	}
	return cmp.Compare(a, b)
}

// fits reports whether a host of the offer holds a job.
func (o *Offer) fits(d Demand) bool { return d.Need.Fits(o.Has) && archFits(d.Arch, o.Arch) }

// ordered chooses the offers that come first in the list of those that hold a job, for the
// jobs of which the same come first.
func ordered(offers []Offer, groups []Demand, headroom, _ int64) (t turn, rest []Demand) {
	usable := func(o *Offer, d Demand) bool { return o.fits(d) && o.Has.MilliVCPU <= headroom && o.Has.MilliVCPU > 0 }
	first := math.MaxInt
	for _, d := range groups {
		for i := range offers {
			if o := &offers[i]; o.Rank < first && usable(o, d) {
				first = o.Rank
			}
		}
	}
	for _, o := range offers {
		if o.Rank == first {
			t.offers = append(t.offers, o)
		}
	}
	for _, d := range groups {
		if slices.ContainsFunc(t.offers, func(o Offer) bool { return usable(&o, d) }) {
			t.groups = append(t.groups, d)
		} else {
			rest = append(rest, d)
		}
	}
	return t, rest
}
