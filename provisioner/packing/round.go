package packing

import (
	"cmp"
	"slices"
)

// dive turns the solution of the linear program into whole hosts, part by part: the
// whole parts of it, then the columns that are nearly whole; and solves the program
// again for what is left, until jobs worth no more than stop are left. demand is what is to be
// packed. Where stop is 0 all of it is.
func (g *generator) dive(demand []int64, values []float64, rel *relaxation, stop float64, m *meter) {
	for turn := range diveTurns {
		if !g.emit.exact && !m.more() {
			return // what is left is put anywhere
		}
		if rel == nil {
			lent := m.left
			if !g.emit.exact { // what comes of it has to be put on hosts, too
				lent = lent * 6 / 10
			}
			part := m.part(lent)
			rel = g.relax(demand, values, turn, 0, &part)
			m.settle(lent, &part)
		}
		if len(rel.rows) == 0 {
			return
		}
		values = rel.value
		taken := g.take(demand, rel)
		rel = nil
		left := 0.0
		for i, d := range demand {
			left += float64(d) * values[i]
		}
		if left <= stop {
			return
		}
		if taken == 0 || !m.more() {
			break
		}
	}
	if stop == 0 && (g.emit.exact || m.more()) {
		g.finish(demand, values, finishTries, m)
	}
}

// diveTurns bounds how often the linear program is solved again.
const diveTurns = 12

// take moves hosts from the relaxation to out and returns their number.
func (g *generator) take(demand []int64, rel *relaxation) int64 {
	p := g.p
	type part struct {
		c    int
		frac float64
	}
	var parts []part
	var hosts int64
	total, fractions := 0.0, 0.0
	put := func(c int, n int64) bool {
		col := &rel.cols[c]
		s := stack{bin: col.bin, hosts: n}
		for k, i := range col.rows {
			if a := min(int64(col.n[k]), demand[i]/n); a > 0 {
				s.items = append(s.items, i)
				s.count = append(s.count, a)
			}
		}
		if len(s.items) == 0 {
			return false
		}
		worth := 0.0
		for k, i := range s.items {
			worth += rel.value[i] * float64(s.count[k])
		}
		if worth < 0.99*p.bins[s.bin].price {
			return false
		}
		s.sort()
		hosts += n
		g.emit.put(s, demand)
		return true
	}
	for c, x := range rel.x {
		if x <= 0 {
			continue
		}
		whole := int64(x + 1e-5)
		if whole > 0 {
			put(c, whole)
		}
		if frac := x - float64(whole); frac > 1e-5 {
			parts = append(parts, part{c, frac})
			fractions += frac * rel.cols[c].price
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return -cmp.Compare(a.frac, b.frac) })
	for _, q := range parts {
		if total > 0.3*fractions || hosts > 0 && q.frac < 0.3 {
			break
		}
		if put(q.c, 1) {
			total += rel.cols[q.c].price
		}
	}
	return hosts
}

// relax solves the linear program for a demand, from packings that greed finds.
func (g *generator) relax(demand []int64, values []float64, turn int, bound float64, m *meter) *relaxation {
	w := slices.Clone(values)
	left := make([]int64, len(demand))
	rows := 0
	for _, d := range demand {
		if d > 0 {
			rows++
		}
	}
	runs := min(max(rows/24, 5), 15)
	if turn > 0 {
		runs = 3
	}
	for run := range runs {
		if run > 0 && !m.more() {
			break
		}
		copy(left, demand)
		st := g.greedy(left, w, 0.995, nil, m)
		g.keep(st, turn == 0)
		if g.p.cost(st) <= bound*(1+goodEnough) {
			break
		}
		g.correct(st, w, 0.5)
	}
	return g.solve(demand, slices.Clone(values), bound, m, 1e-3)
}

// keep remembers the columns of a packing, and itself if it is of the whole demand and
// the best so far.
func (g *generator) keep(st []stack, whole bool) {
	if whole && (g.best == nil || g.p.cost(st) < g.p.cost(g.best)) {
		g.best = st
	}
	for i := range st {
		g.pool = append(g.pool, g.p.asColumn(&st[i]))
	}
}

// goodEnough is how far above what is known to be the least a packing may be, as a part
// of it, for the search to end.
const goodEnough = 1e-4

// leastWorth is the part of what a job costs alone that it is worth at least where all
// must find a place.
const leastWorth = 1e-3

// finishTries is how many packings of the rest are tried.
const finishTries = 12

// finish packs the rest by greed, with several tries.
func (g *generator) finish(demand []int64, values []float64, tries int, m *meter) {
	w := slices.Clone(values)
	for i := range w { // what is worth nothing would be left out
		w[i] = max(w[i], leastWorth*g.p.homePrice[i])
	}
	left := make([]int64, len(demand))
	var best []stack
	bestCost, worth := 0.0, 0.0
	for i, d := range demand {
		worth += values[i] * float64(d)
	}
	for try := range tries {
		if try > 0 && !m.more() {
			break
		}
		copy(left, demand)
		st := g.greedy(left, w, 0.9999, nil, m)
		if c := g.p.cost(st); try == 0 || c < bestCost {
			best, bestCost = st, c
		}
		if bestCost <= worth*(1+goodEnough) {
			break
		}
		g.correct(st, w, 0.5)
	}
	for _, s := range best {
		g.emit.put(s, demand)
	}
}
