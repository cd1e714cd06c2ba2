package packing

import "math"

// ascentSteps is how often the resource prices are moved before columns are generated.
const ascentSteps = 250

// The prices are settled when so many steps have raised the bound by less than this part.
const (
	patience = 25
	settled  = 2e-5
)

// tariff is a price for a unit of each resource, by bin.
type tariff [][dims]float64

// value is what a job of a size is worth: its price where that is least.
func (p *problem) value(u tariff, i int) float64 {
	least := math.Inf(1)
	bins := len(p.bins)
	size := &p.items[i].size
	for t := range u {
		if p.may[i*bins+t] {
			least = min(least, u[t][0]*size[0]+u[t][1]*size[1]+u[t][2]*size[2])
		}
	}
	return least
}

// resourceValues returns a first idea of what a job of each item is worth: its size at
// prices for the resources of each type, at the type where that is least. The prices of
// a type add up to its host's, so no host can hold more than its price in value: what
// all jobs together are worth is a bound already, that of jobs cut into pieces.
//
// The prices rise where the jobs that find a type cheapest need more of one resource
// than of the others, and fall there for the others.
func (p *problem) resourceValues(demand []int64, m *meter) ([]float64, tariff, float64) {
	share := make([][dims]float64, len(p.bins)) // of a type's price, by resource
	for t := range share {
		for r := range dims {
			if p.bins[t].room[r] > 0 {
				share[t][r] = 1
			}
		}
		if p.bins[t].room[2] > 0 {
			share[t][2] = 3
		}
		normalise(&share[t])
	}
	return p.climb(share, 0, ascentSteps, demand, m)
}

// Of a tariff that was right for nearly the same jobs, a few late steps make a new one. No
// resource begins with less than leastShare of the price, or it would not come back.
const (
	lateStep   = 100
	lateSteps  = 50
	leastShare = 0.1
)

// ascend makes a tariff for a demand from one for another.
func (p *problem) ascend(u tariff, demand []int64, m *meter) tariff {
	share := make([][dims]float64, len(p.bins))
	for t := range share {
		for r := range dims {
			if room := float64(p.bins[t].room[r]); room > 0 {
				share[t][r] = max(u[t][r]*room/p.bins[t].price, leastShare)
			}
		}
		normalise(&share[t])
	}
	_, u, _ = p.climb(share, lateStep, lateSteps, demand, m)
	return u
}

// climbWork is the work of so many steps.
func (p *problem) climbWork(steps int) int64 {
	pairs := 0
	for t := range p.fit {
		pairs += len(p.fit[t])
	}
	return int64(steps) * int64(12*pairs+2*(len(p.bins)*len(p.items)-pairs))
}

// climb takes steps from the prices in share, which it changes.
func (p *problem) climb(share [][dims]float64, from, steps int, demand []int64, m *meter) ([]float64, tariff, float64) {
	bins, items := len(p.bins), len(p.items)
	use := make([][dims]float64, bins)
	best := make([]float64, items)
	values := make([]float64, items)
	bestTotal, lastTotal := -1.0, 0.0
	cost := make([]float64, bins)
	work := p.climbWork(1)
	unit, bestUnit := make(tariff, bins), make(tariff, bins)
	for step := from; step < from+steps; step++ {
		if m.spend(work); step > from && !m.more() {
			break
		}
		for t := range unit {
			for r := range dims {
				unit[t][r] = 0
				if room := p.bins[t].room[r]; room > 0 {
					unit[t][r] = p.bins[t].price * share[t][r] / float64(room)
				}
			}
			use[t] = [dims]float64{}
		}
		sharp := 20 + 2*float64(step)
		total := 0.0
		for i := range p.items {
			it := &p.items[i]
			if demand[i] <= 0 {
				continue
			}
			least := math.Inf(1)
			for t := range cost {
				cost[t] = math.Inf(1)
				if p.may[i*bins+t] {
					u := &unit[t]
					cost[t] = u[0]*it.size[0] + u[1]*it.size[1] + u[2]*it.size[2]
					least = min(least, cost[t])
				}
			}
			values[i] = least
			total += least * float64(demand[i])
			// Types that are nearly as cheap get a part of the jobs.
			sum := 0.0
			for t, c := range cost {
				cost[t] = 0
				if c == math.Inf(1) {
					continue
				}
				if over := c - least; over*sharp <= 6*least {
					cost[t] = math.Exp(-sharp * over / max(least, 1e-300))
					sum += cost[t]
				}
			}
			for t, c := range cost {
				if c > 0 {
					part := c / sum * float64(demand[i])
					for r := range dims {
						use[t][r] += part * it.size[r]
					}
				}
			}
		}
		if total > bestTotal {
			bestTotal = total
			copy(best, values)
			copy(bestUnit, unit)
		}
		if (step-from)%patience == 0 {
			if step > from && bestTotal < lastTotal*(1+settled) {
				break
			}
			lastTotal = bestTotal
		}
		rate := 1.2 / math.Sqrt(1+float64(step)/2)
		for t := range share {
			most := 0.0
			for r := range dims {
				if room := p.bins[t].room[r]; room > 0 {
					use[t][r] /= float64(room)
				}
				most = max(most, use[t][r])
			}
			if most == 0 {
				continue
			}
			for r := range dims {
				if share[t][r] > 0 {
					share[t][r] = max(share[t][r]*math.Exp(rate*(use[t][r]/most-1)), 1e-9)
				}
			}
			normalise(&share[t])
		}
	}
	return best, bestUnit, bestTotal
}

func normalise(v *[dims]float64) {
	sum := v[0] + v[1] + v[2]
	for r := range dims {
		if sum > 0 {
			v[r] /= sum
		}
	}
}
