package packing

import "slices"

// worthALook is how far above its bound a packing that was planned by classes may be
// before the linear program is solved for all kinds of jobs.
const worthALook = 0.004

// fineGreedy packs by what jobs would be worth if they could be cut into pieces, with all kinds
// of jobs told apart: where a host holds many jobs, that fills hosts as well as can be.
func (p *problem) fineGreedy(left []int64, u tariff, m *meter) []stack {
	p.prepare()
	g := &generator{p: p, sack: newKnapsack(p), sums: make([]float64, len(p.items)), jobs: make([]float64, len(p.items))}
	w := p.pieces(u)
	demand := make([]int64, len(left))
	var best []stack
	for try := range fineTries {
		if try > 0 && !m.more() {
			break
		}
		copy(demand, left)
		st := g.greedy(demand, w, 0.999, nil, m)
		if !p.covers(st, left) {
			break
		}
		g.correct(st, w, 0.5)
		if better := p.improve(cloneStacks(st), m); best == nil || p.cost(better) < p.cost(best) {
			best = better
		}
	}
	return best
}

// fine solves the linear program with all kinds of jobs told apart, from a packing that was
// planned by classes and the values that came with it: most of what it needs is there. It
// returns the better packing, and values such that no filling is worth more than its host.
func (p *problem) fine(out []stack, left []int64, bound float64, c *classes, values []float64, u tariff, m *meter) ([]stack, []float64) {
	single := p.singly()
	e := &emitter{fine: p, coarse: single, exact: true}
	g := &generator{
		p: p, sack: newKnapsack(p), emit: e, several: 6,
		sums: make([]float64, len(p.items)), jobs: make([]float64, len(p.items)),
	}
	center := p.spread(c, values, u)
	demand := slices.Clone(left)
	for s := range out {
		g.pool = append(g.pool, p.asColumn(&out[s]))
	}
	for s := range p.scraps {
		g.pool = append(g.pool, p.asColumn(&p.scraps[s]))
	}
	g.pool = g.pool[:0]
	copy(demand, left)
	for s := range out {
		g.pool = append(g.pool, p.asColumn(&out[s]))
	}
	for s := range p.scraps {
		g.pool = append(g.pool, p.asColumn(&p.scraps[s]))
	}
	g.begin = out
	if jobsPerHost(out) <= fewEach {
		g.effort = 1
	}
	lent := m.left * 7 / 10
	part := m.part(lent)
	rel := g.solve(demand, center, bound, &part, 1e-3)
	m.settle(lent, &part)
	proven := slices.Clone(center)
	g.bound(proven, left, boundBranches, m)
	g.dive(demand, rel.value, rel, 0, m)
	if better := p.improve(append(e.out, p.rest(e.out, left)...), m); p.cost(better) < p.cost(out) {
		out = better
	}
	return out, proven
}

// fewEach is how many jobs a host has on average where the search for columns begins with
// an exact one.
const fewEach = 6

// mostEach is how many jobs a host has on average where fillings are too many for a linear
// program with thousands of rows; someEach is where filling hosts by what jobs are worth in
// pieces is tried.
const (
	mostEach = 12
	someEach = 3
)

// worthGreed is how far above its bound a packing by classes is where fineGreedy is tried.
const worthGreed = 0.01

// fineTries is how often fineGreedy packs.
const fineTries = 3

func jobsPerHost(stacks []stack) int64 {
	hosts, jobs := int64(0), int64(0)
	for s := range stacks {
		hosts += stacks[s].hosts
		for _, c := range stacks[s].count {
			jobs += c * stacks[s].hosts
		}
	}
	return jobs / max(hosts, 1)
}

func cloneStacks(stacks []stack) []stack {
	out := slices.Clone(stacks)
	for s := range out {
		out[s].items, out[s].count = slices.Clone(out[s].items), slices.Clone(out[s].count)
	}
	return out
}
