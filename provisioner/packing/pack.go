package packing

import (
	"cmp"
	"math"
	"slices"
)

// defaultWork is the search when the budget says nothing: about half a second.
const defaultWork = 500_000_000

// Pack plans the hosts that hold all jobs for the least money. It is deterministic
// unless Budget.Expired cuts it short.
func Pack(in Input) Plan {
	p, itemOf := newProblem(&in)
	m := &meter{left: in.Budget.Work, expired: in.Budget.Expired}
	if m.left <= 0 {
		m.left = defaultWork
	}
	s := newSession(&in, p, itemOf)
	s.fillFree()
	stacks, bound := p.pack(s.left, in.Warm, m)
	return s.plan(stacks, bound)
}

// pack packs the items' jobs, left of them, and returns the hosts and a bound.
func (p *problem) pack(left []int64, warm *Plan, m *meter) ([]stack, float64) {
	for i := range p.items {
		p.items[i].demand = left[i]
	}
	limit := maxClasses
	if len(p.items) <= limit {
		limit = 0 // all apart
	}
	coarse := p.classify(limit, p.weights())
	e := &emitter{fine: p, coarse: coarse, left: slices.Clone(left), first: make([]int, len(coarse.items))}
	e.exact = true
	for _, members := range coarse.members {
		e.exact = e.exact && len(members) == 1
	}
	demand := make([]int64, len(coarse.items))
	for c := range demand {
		demand[c] = coarse.items[c].demand
	}
	g := &generator{
		p: coarse.problem, sack: newKnapsack(coarse.problem), emit: e,
		sums: make([]float64, len(demand)), jobs: make([]float64, len(demand)),
	}
	values, unit, bound := coarse.resourceValues(demand, m)
	e.sortBy(values)
	if !e.exact {
		bound = p.pieces(unit)
	}
	lent := m.left * 6 / 10
	first := m.part(lent)
	rel := g.relax(demand, values, 0, bound, &first)
	m.settle(lent, &first)
	if e.exact {
		bound = max(bound, g.bound(slices.Clone(rel.value), demand, boundBranches, m))
	} else {
		bound = max(bound, p.refine(coarse, rel.value, unit, m))
	}
	g.dive(demand, values, rel, m)
	return e.out, bound
}

// boundBranches bounds the exact search in each bin when the bound is made.
const boundBranches = 60

// weights returns about what a unit of each resource costs: what a plane through the
// types' prices says, of those without GPUs where there are some.
func (p *problem) weights() [dims]float64 {
	var plain []bin
	for _, b := range p.bins {
		if b.room[2] == 0 {
			plain = append(plain, b)
		}
	}
	if len(plain) == 0 {
		plain = p.bins
	}
	// Least squares of the relative error, for vCPUs and memory.
	var a00, a01, a11, b0, b1 float64
	for _, b := range plain {
		x, y := float64(b.room[0])/b.price, float64(b.room[1])/b.price
		a00, a01, a11 = a00+x*x, a01+x*y, a11+y*y
		b0, b1 = b0+x, b1+y
	}
	w := [dims]float64{}
	if det := a00*a11 - a01*a01; det > 1e-6*a00*a11 {
		w[0], w[1] = (b0*a11-b1*a01)/det, (a00*b1-a01*b0)/det
	}
	if w[0] <= 0 || w[1] <= 0 {
		w = [dims]float64{}
		if a00 > 0 {
			w[0] = b0 / a00 / 2
		}
		if a11 > 0 {
			w[1] = b1 / a11 / 2
		}
	}
	w[2] = 1
	return w
}

// pieces is the bound for jobs that may be cut, by a tariff whose resources add up to
// no more than each bin's price.
func (p *problem) pieces(u tariff) float64 {
	total := 0.0
	for i := range p.items {
		if p.items[i].demand > 0 {
			total += p.worth(u, i) * float64(p.items[i].demand)
		}
	}
	return total * (1 - 1e-9)
}

// worth is value for items that were not prepared.
func (p *problem) worth(u tariff, i int) float64 {
	least := math.Inf(1)
	size := &p.items[i].size
	for t := range u {
		if p.allowed(t, i) {
			least = min(least, u[t][0]*size[0]+u[t][1]*size[1]+u[t][2]*size[2])
		}
	}
	return least
}

// refineItems is up to how many items the bound is made for each by itself.
const refineItems = 1000

// refine makes a bound for the items from the values of their classes.
func (p *problem) refine(c *classes, values []float64, u tariff, m *meter) float64 {
	if len(p.items) > refineItems {
		return 0
	}
	p.prepare()
	fine := make([]float64, len(p.items))
	demand := make([]int64, len(p.items))
	for k, members := range c.members {
		full := p.valueOfSize(u, k, c)
		for _, i := range members {
			demand[i] = p.items[i].demand
			fine[i] = values[k]
			if full > 0 {
				fine[i] *= min(1, p.worth(u, int(i))/full)
			}
		}
	}
	g := &generator{p: p, sack: newKnapsack(p)}
	return g.bound(fine, demand, boundBranches, m)
}

func (p *problem) valueOfSize(u tariff, k int, c *classes) float64 { return c.value(u, k) }

func (e *emitter) sortBy(values []float64) {
	e.order = make([]int32, len(values))
	for c := range e.order {
		e.order[c] = int32(c)
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return -cmp.Compare(values[a], values[b]) })
}
