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

// launchesFor chooses the hosts to launch for groups, and for minvCpus, by the strategy.
// waitsFor names the type that is waited for, if one is.
func launchesFor(e Environment, groups []Demand, now time.Time) (launches []Launch, waitsFor string) {
	var turns []turn
	switch e.Strategy {
	case BestFit:
		turns, waitsFor = bestFit(&e, groups)
	case Ordered:
		turns = ordered(&e, groups)
	default:
		return grow(e, groups, now), ""
	}
	return inTurn(e, turns, now), waitsFor
}

// inTurn plans one turn after the other: what one launches counts for the next.
func inTurn(e Environment, turns []turn, now time.Time) []Launch {
	usable := slices.DeleteFunc(slices.Clone(e.Offers), func(o Offer) bool { return o.Short })
	var launches []Launch
	least := e.MinMilliVCPU
	for i := range len(turns) + 1 {
		part, groups := e, []Demand(nil)
		part.Offers, part.MinMilliVCPU = usable, least // the last time: what minvCpus lack
		if i < len(turns) {
			part.Offers, part.MinMilliVCPU, groups = turns[i].offers, 0, turns[i].groups
		}
		for _, l := range grow(part, groups, now) {
			at := slices.IndexFunc(part.Offers, func(o Offer) bool { return o.Type == l.Type })
			has := int64(l.Count) * part.Offers[at].Has.MilliVCPU
			e.MaxMilliVCPU, least = e.MaxMilliVCPU-has, least-has
			launches = append(launches, l)
		}
	}
	return launches
}

// headroom is how many thousandths of a vCPU may be added.
func (e *Environment) headroom() int64 {
	left := e.MaxMilliVCPU
	for i := range e.Hosts {
		left -= e.Hosts[i].Has.MilliVCPU
	}
	return left
}

// bestFit gives groups one type: of those that hold the most of the jobs, the one whose
// hosts for them cost the least. Jobs that it does not hold get one of their own. Jobs
// whose type cannot be had get none: they wait for it.
func bestFit(e *Environment, groups []Demand) (turns []turn, waitsFor string) {
	headroom := e.headroom()
	for len(groups) > 0 {
		var best *fitting
		for i := range e.Offers {
			o := &e.Offers[i]
			if o.Has.MilliVCPU <= 0 || o.Has.MilliVCPU > headroom {
				continue
			}
			if f := fit(o, groups); f.jobs > 0 && (best == nil || f.better(best)) {
				best = f
			}
		}
		if best == nil {
			return turns, waitsFor
		}
		held := turn{offers: []Offer{*best.offer}}
		var rest []Demand
		for _, d := range groups {
			if best.offer.fits(d) {
				held.groups = append(held.groups, d)
			} else {
				rest = append(rest, d)
			}
		}
		if groups = rest; best.offer.Short {
			waitsFor = cmp.Or(waitsFor, best.offer.Type)
			continue
		}
		turns = append(turns, held)
	}
	return turns, waitsFor
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

// ordered gives each group the first offers in the list that hold it.
func ordered(e *Environment, groups []Demand) []turn {
	headroom := e.headroom()
	byRank := map[int]*turn{}
	var ranks []int
	for _, d := range groups {
		first := -1
		for i := range e.Offers {
			if o := &e.Offers[i]; o.fits(d) && o.Has.MilliVCPU <= headroom && (first < 0 || o.Rank < first) {
				first = o.Rank
			}
		}
		if first < 0 {
			continue
		}
		if byRank[first] == nil {
			byRank[first] = &turn{}
			ranks = append(ranks, first)
			for _, o := range e.Offers {
				if o.Rank == first {
					byRank[first].offers = append(byRank[first].offers, o)
				}
			}
		}
		byRank[first].groups = append(byRank[first].groups, d)
	}
	slices.Sort(ranks)
	turns := make([]turn, 0, len(ranks))
	for _, rank := range ranks {
		turns = append(turns, *byRank[rank])
	}
	return turns
}
