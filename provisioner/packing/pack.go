package packing

import (
	"cmp"
	"math"
	"slices"
)

// defaultWork is the search when the budget says nothing, and defaultEach what comes to it
// for each kind of jobs: half a second, and up to two with 100,000 kinds.
const (
	defaultWork = 700_000_000
	defaultEach = 10_000
)

// Pack plans the hosts that hold all jobs for the least money. It is deterministic
// unless Budget.Expired cuts it short.
func Pack(in Input) Plan {
	p, itemOf := newProblem(&in, true)
	m := &meter{left: in.Budget.Work, expired: in.Budget.Expired}
	if m.left <= 0 {
		m.left = defaultWork + int64(min(len(p.items), bestFitJobs))*defaultEach
	}
	s := newSession(&in, p, itemOf)
	s.fillFree()
	stacks, values, ok := s.again(m)
	proofs := []proof{{values: values}}
	if !ok {
		stacks, proofs = p.packWithin(s.left, m)
	}
	exact := false
	if !ok { // a plan made anew keeps the hosts of the one before
		var better []stack
		better, exact = p.exactly(s.left, stacks, proofs[0].values, m)
		if better != nil && p.within(better, in.Limits) {
			stacks = better
		}
	}
	remember := newMemory(&in, s, stacks, proofs[0].values)
	plan := s.plan(stacks, proofs...)
	plan.memory = remember
	if exact && in.Limits == (Limits{}) && len(in.Free) == 0 {
		plan.LowerBoundUSD = plan.USDPerHour + plan.FixedUSD // there is nothing cheaper
	}
	return plan
}

// pack packs left[i] jobs of each item and returns the hosts, and values such that no
// filling of any bin is worth more than its price: together they are the bound.
func (p *problem) pack(left []int64, m *meter) ([]stack, []float64) {
	for i := range p.items {
		p.items[i].demand = left[i]
	}
	// What there is at once: a packing, and a bound by guessed prices.
	proven := p.guessed()
	plain := p.firstFit(left)
	whole := p.covers(plain, left) // types may be limited in number
	if whole && !m.more() {
		return plain, proven
	}
	limit := maxClasses
	if len(p.items) <= limit {
		limit = 0 // all apart
	}
	weight := p.weights()
	coarse := p.classify(limit, weight, m)
	if whole && !m.more() {
		return plain, proven
	}
	e := &emitter{weight: weight, fine: p, coarse: coarse, left: slices.Clone(left), first: make([]int, len(coarse.items))}
	if limit > 0 {
		m.spend(classifyWork * int64(len(p.items)))
	}
	e.exact = true
	for _, members := range coarse.members {
		e.exact = e.exact && len(members) == 1
	}
	demand := make([]int64, len(coarse.items))
	for c := range demand {
		demand[c] = coarse.items[c].demand
	}
	g := &generator{
		p: coarse.problem, sack: newKnapsack(coarse.problem), emit: e, all: left,
		sums: make([]float64, len(demand)), jobs: make([]float64, len(demand)),
	}
	values, unit, bound := coarse.typical(p).resourceValues(demand, m)
	if !e.exact {
		for c := range values {
			values[c] = coarse.value(unit, c)
		}
		bound = 0
	}
	e.sortBy(values)
	if better := p.pieces(unit); p.total(better) > p.total(proven) {
		proven = better
	}
	if whole {
		plain = p.improve(plain, m)
		if p.cost(plain) <= bound*(1+goodEnough) || !m.more() {
			return plain, proven
		}
	}
	tenth, whereof := m.left/10, m.left
	var filled, out []stack
	if !e.exact && !p.quick {
		lent := m.left * 4 / 10
		if len(p.items) > manyKinds {
			lent = m.left * 5 / 10
		}
		step := m.part(lent)
		if filled = p.fillFit(left, coarse, unit, &step); filled != nil {
			filled = p.improve(filled, m)
		}
		m.settle(lent, &step)
	}
	if filled != nil && p.cost(filled) <= p.total(proven)*(1+p.fillGood()) {
		out = filled
	} else {
		share, clear := whereof*3/10, 1.0
		if filled != nil && jobsPerHost(filled) > fewEach {
			share = m.left * 3 / 10
		} else if len(p.items) <= refineItems { // the program for all kinds begins better with its own
			clear = 1.01
		}
		out, values = g.program(demand, values, bound, share, m)
		if filled != nil && p.cost(filled)*clear < p.cost(out) {
			out = filled
		}
	}
	if !e.exact && len(p.items) <= refineItems && jobsPerHost(out) >= someEach &&
		p.cost(out) > p.total(proven)*(1+worthGreed) {
		lent := m.left * 6 / 10
		step := m.part(lent)
		if other := p.fineGreedy(left, unit, &step); other != nil && p.cost(other) < p.cost(out) {
			out = other
		}
		m.settle(lent, &step)
	}
	if !p.quick && !e.exact && len(p.items) > refineItems && jobsPerHost(out) <= fewEach &&
		p.cost(out) > p.total(proven)*(1+worthALook) {
		lent := max(m.left*2/3, 4*tenth)
		step := m.part(lent)
		if finer := p.floors(out, weight, coarse, values, unit, &step); p.total(finer) > p.total(proven) {
			proven = finer
		}
		m.settle(lent, &step)
	}
	if !e.exact && p.cost(out) > p.total(proven)*(1+worthALook) {
		if other := p.simple(out, left, m); other != nil {
			out = other
		}
	}
	if coarse.mean {
		lent := m.left * 9 / 10
		if len(p.items) <= refineItems && jobsPerHost(out) <= mostEach {
			lent = min(lent, max(0, m.left-5*tenth))
		}
		step := m.part(lent)
		out = p.improve(p.rework(out, proven, &step), m)
		m.settle(lent, &step)
	}
	if p.quick {
		return p.cheaper(g, out, plain, whole, m), proven
	}
	if finer := p.refine(coarse, values, unit, m); p.total(finer) > p.total(proven) {
		proven = finer
	}
	if !e.exact && len(p.items) <= refineItems && p.cost(out) > p.total(proven)*(1+worthALook) && jobsPerHost(out) <= mostEach {
		var finer []float64
		if out, finer = p.fine(out, left, p.total(proven), coarse, values, unit, m); p.total(finer) > p.total(proven) {
			proven = finer
		}
	}
	if filled != nil && p.cost(filled) < p.cost(out) {
		out = filled
	}
	return p.cheaper(g, out, plain, whole, m), proven
}

// program solves the linear program for classes and turns it into hosts for all jobs. It
// returns them with what a job of each class is worth. With classes of several kinds it may
// spend share; the rest is for what comes after.
func (g *generator) program(demand []int64, values []float64, bound float64, share int64, all *meter) ([]stack, []float64) {
	e, p := g.emit, g.emit.fine
	lent := all.left
	if !e.exact {
		lent = min(lent*8/10, share)
	}
	stage, stageLent := all.part(lent), lent
	m := &stage
	e.m = m
	lent = m.left * 6 / 10
	first := m.part(lent)
	var rel *relaxation
	if large := g.p.largest(); !e.exact && large != nil {
		// Large hosts first: they lose the least when real jobs take the place of classes.
		big := &generator{p: large, sack: newKnapsack(large), emit: e, sums: g.sums, jobs: g.jobs}
		rel = big.relax(demand, values, 0, bound, &first)
		m.settle(lent, &first)
		big.dive(demand, values, rel, fewLarge*large.dearest(), m)
		values, rel = rel.value, nil
	} else {
		rel = g.relax(demand, values, 0, bound, &first)
		m.settle(lent, &first)
		values = rel.value
	}
	g.dive(demand, values, rel, 0, m)
	if !e.exact { // what was larger than its class
		e.out = append(e.out, p.firstFit(e.left)...)
	}
	all.settle(stageLent, &stage)
	if !e.exact {
		all.spend(emitWork * int64(len(e.out)))
	}
	return p.improve(e.out, all), values
}

// fillGood is how far above its bound a packing that was made host by host may be for the
// program for classes to be left out: with very many kinds there is no time for both.
func (p *problem) fillGood() float64 {
	if len(p.items) > manyKinds {
		return 0.006
	}
	return 0.0015
}

// manyKinds is from where on the kinds of jobs are very many.
const manyKinds = 20_000

// rest returns hosts for what a packing has left out.
func (p *problem) rest(stacks []stack, left []int64) []stack {
	if p.covers(stacks, left) {
		return nil
	}
	open := slices.Clone(left)
	for s := range stacks {
		for k, i := range stacks[s].items {
			open[i] -= stacks[s].count[k] * stacks[s].hosts
		}
	}
	return p.firstFit(open)
}

// cheaper returns the cheapest of the packing that was made with care and of plain ones:
// where there are few jobs, those may be as good or better.
func (p *problem) cheaper(g *generator, out, plain []stack, whole bool, m *meter) []stack {
	if g.emit.exact && g.best != nil && p.cost(g.best) < p.cost(out)*(1-1e-9) {
		out = p.improve(g.best, m)
	}
	if whole {
		if out = append(out, p.rest(out, g.all)...); p.cost(plain) < p.cost(out)*(1-1e-9) {
			out = plain
		}
	}
	return out
}

// classifyWork and emitWork are the steps that joining one item and filling one host with
// real jobs take.
const (
	classifyWork = 4000
	emitWork     = 2000
)

// covers reports whether all jobs are in a packing.
func (p *problem) covers(stacks []stack, left []int64) bool {
	jobs := int64(0)
	for _, n := range left {
		jobs += n
	}
	for s := range stacks {
		for _, n := range stacks[s].count {
			jobs -= n * stacks[s].hosts
		}
	}
	return jobs == 0
}

// fewLarge is how many large hosts' worth of jobs is left to hosts of all sizes.
const fewLarge = 6

// dearest is the price of the dearest bin.
func (p *problem) dearest() float64 {
	most := 0.0
	for t := range p.bins {
		most = max(most, p.bins[t].price)
	}
	return most
}

// largest is the problem without bins of which several are no cheaper than a larger one
// that holds as much; nil if there are none.
func (p *problem) largest() *problem {
	out := &problem{items: p.items, bins: p.bins, permits: make([][]bool, len(p.permits))}
	for k, row := range p.permits {
		out.permits[k] = slices.Clone(row)
	}
	some := false
	for t := range p.bins {
		if p.bins[t].max < math.MaxInt64 {
			continue
		}
		if _, k := p.larger(t); k >= 2 {
			some = true
			for row := range out.permits {
				out.permits[row][t] = false
			}
		}
	}
	if !some {
		return nil
	}
	out.prepare()
	return out
}

// boundBranches bounds the exact search in each bin when the bound is made.
const boundBranches = 2000

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

// pieces are values by a tariff whose resources add up to no more than each bin's price:
// jobs are worth what they would cost if they could be cut into pieces.
func (p *problem) pieces(u tariff) []float64 {
	values := make([]float64, len(p.items))
	for i := range p.items {
		if p.items[i].demand > 0 {
			values[i] = p.worth(u, i) * (1 - 1e-9)
		}
	}
	return values
}

// guess is a tariff made at once: each bin's price is parted among its resources by their
// weights.
func (p *problem) guess() tariff {
	w := p.weights()
	u := make(tariff, len(p.bins))
	for t := range u {
		b := &p.bins[t]
		sum := 0.0
		for r := range dims {
			sum += w[r] * float64(b.room[r])
		}
		for r := range dims {
			if b.room[r] > 0 && sum > 0 {
				u[t][r] = b.price * w[r] / sum
			}
		}
	}
	return u
}

// total is what all jobs together are worth.
func (p *problem) total(values []float64) float64 {
	sum := 0.0
	for i, v := range values {
		sum += v * float64(p.items[i].demand)
	}
	return sum
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
const refineItems = 1500

// refine makes values for the items, such that no filling is worth more than its host
// costs, from nearly right ones for their classes.
func (p *problem) refine(c *classes, values []float64, u tariff, m *meter) []float64 {
	if len(p.items) > refineItems {
		return nil
	}
	p.prepare()
	fine := p.spread(c, values, u)
	demand := make([]int64, len(p.items))
	for i := range demand {
		demand[i] = p.items[i].demand
	}
	g := &generator{p: p, sack: newKnapsack(p)}
	g.bound(fine, demand, boundBranches, m)
	return fine
}

// spread gives each item a value by that of its class and its size.
func (p *problem) spread(c *classes, values []float64, u tariff) []float64 {
	fine := make([]float64, len(p.items))
	for k, members := range c.members {
		full := c.value(u, k)
		for _, i := range members {
			fine[i] = values[k]
			if full > 0 {
				fine[i] *= p.worth(u, int(i)) / full
			}
		}
	}
	return fine
}

func (e *emitter) sortBy(values []float64) {
	e.order = make([]int32, len(values))
	for c := range e.order {
		e.order[c] = int32(c)
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return -cmp.Compare(values[a], values[b]) })
}
