package packing

import (
	"math"
	"slices"
)

// relaxation is what column generation leaves: how often to take each column, what a
// job of each item is worth, and a bound.
type relaxation struct {
	rows  []int32 // items that are rows
	cols  []column
	x     []float64 // by column
	value []float64 // by item
	bound float64
}

// generator solves the linear program over all fillings. Columns are made as they are
// needed: those whose jobs are worth more, at the present duals, than their host costs.
type generator struct {
	p                  *problem
	sack               *knapsack
	pool               []column // in items, from one call to the next
	emit               *emitter
	best               []stack   // the best packing of the whole demand by greed
	ratios, sums, jobs []float64 // scratch
	all                []int64   // jobs of each item of the fine problem
	begin              []stack   // packing that the next solution begins with
	effort             int       // where the search for columns begins
	several            int       // how many fillings of a type are taken in a round beside the best
}

// rounds bounds the rounds of one solution: they are over long before.
const rounds = 400

// solve does so for what is left of the demand. values is where to begin: what jobs are
// worth by an earlier solution, or nil.
func (g *generator) solve(demand []int64, center []float64, bound float64, m *meter, tolerance float64) *relaxation {
	p := g.p
	rel := &relaxation{bound: bound, value: make([]float64, len(p.items))}
	rowOf := make([]int32, len(p.items))
	for i := range rowOf {
		rowOf[i] = -1
		if demand[i] > 0 {
			rowOf[i] = int32(len(rel.rows))
			rel.rows = append(rel.rows, int32(i))
		}
	}
	if len(rel.rows) == 0 {
		return rel
	}
	need := make([]float64, len(rel.rows))
	first := make([]column, len(rel.rows))
	for r, i := range rel.rows {
		need[r] = float64(demand[i])
		best := column{}
		for t := range p.bins {
			if !p.allowed(t, int(i)) {
				continue
			}
			n := float64(p.items[i].need.times(p.bins[t].room, demand[i]))
			if len(best.n) == 0 || p.bins[t].price/n < best.price/best.n[0] {
				best = column{bin: int32(t), price: p.bins[t].price, rows: []int32{int32(r)}, n: []float64{n}}
			}
		}
		first[r] = best
	}
	m.spend(int64(len(rel.rows) * len(p.bins) * 4))
	lp := newMaster(need, first)
	if g.begin != nil {
		var hosts []column
		var times []float64
		for s := range g.begin {
			col := p.asColumn(&g.begin[s])
			if col, ok := localColumn(&col, rowOf, demand); ok {
				hosts = append(hosts, col)
				times = append(times, float64(g.begin[s].hosts))
			}
		}
		lp.begin(hosts, times)
		g.begin = nil
	}
	for c := range g.pool {
		if col, ok := localColumn(&g.pool[c], rowOf, demand); ok {
			lp.add(col)
		}
	}
	lp.optimise(m)

	tolerate := 1 + tolerance
	// Columns are priced at values between the best known ones (center) and the duals of
	// the master, which jump about while columns are few: smoothing, after Wentges 1997.
	effort := g.effort
	pull := 0.9
	mixed := make([]float64, len(p.items))
	dual := make([]float64, len(p.items))
	repaired := make([]float64, len(p.items)) // mixed, but no filling is worth more than its host
	for range rounds {
		for r, i := range rel.rows {
			dual[i] = max(0, lp.dual[r])
			mixed[i] = pull*center[i] + (1-pull)*dual[i]
		}
		added, useful := 0, 0
		whole := true
		copy(repaired, mixed)
		for t := range p.bins {
			if !m.more() {
				whole = false
				break
			}
			price := p.bins[t].price
			target := price * tolerate
			if pull > 0 && effort == 0 {
				target = price * 0.98
			}
			found, upper := g.sack.solve(t, mixed, demand, target, branchSteps[effort], m)
			if upper > price {
				g.sack.repair(price, target, upper, repaired)
			}
			if found == 0 {
				continue
			}
			// Is it worth its price to the master?
			real := 0.0
			for j := range g.sack.n {
				if c := g.sack.best[j]; c > 0 {
					real += float64(c) * dual[g.sack.item[j]]
				}
			}
			if real <= price*tolerate {
				continue
			}
			useful++
			f := g.sack.taken()
			col := column{bin: int32(t), price: price, rows: f.items, n: make([]float64, len(f.items))}
			for k, c := range f.count {
				col.n[k] = float64(c)
			}
			g.pool = append(g.pool, col)
			local, _ := localColumn(&col, rowOf, demand)
			lp.add(local)
			added++
			if g.several > 0 {
				added += g.others(lp, t, mixed, dual, demand, rowOf, tolerate, m)
			}
		}
		total := 0.0
		for _, i := range rel.rows {
			total += repaired[i] * float64(demand[i])
		}
		if whole && total > rel.bound {
			if total > rel.bound*(1+1e-4) {
				pull = max(pull, 0.7)
			}
			rel.bound = total
			copy(center, repaired)
		}
		if lp.cost() <= rel.bound*tolerate || !m.more() {
			break
		}
		if added > 0 {
			lp.optimise(m)
			continue
		}
		switch {
		case pull > 0.3:
			pull -= 0.2
		case pull > 0:
			pull = 0
		case effort+1 < len(branchSteps) && !(p.quick && effort > 0):
			effort++
			pull = 0.7
		default:
			effort = -1
		}
		if effort < 0 {
			break
		}
	}
	for r, i := range rel.rows {
		rel.value[i] = max(0, lp.dual[r])
	}
	rel.cols = lp.cols
	rel.x = make([]float64, len(lp.cols))
	for i, c := range lp.basis {
		if c >= 0 {
			rel.x[c] = lp.x[i]
		}
	}
	for c := range rel.cols { // back from rows to items
		col := &rel.cols[c]
		items := make([]int32, len(col.rows))
		for k, r := range col.rows {
			items[k] = rel.rows[r]
		}
		col.rows = items
	}
	return rel
}

// others adds more fillings of bin t than the best one, of other jobs.
func (g *generator) others(lp *master, t int, mixed, dual []float64, demand []int64, rowOf []int32, tolerate float64, m *meter) int {
	price := g.p.bins[t].price
	added := 0
	put := func(f filling) {
		col := column{bin: int32(t), price: price, rows: f.items, n: make([]float64, len(f.items))}
		worth := 0.0
		for k, c := range f.count {
			col.n[k] = float64(c)
			worth += float64(c) * dual[f.items[k]]
		}
		if worth <= price*tolerate {
			return
		}
		g.pool = append(g.pool, col)
		local, _ := localColumn(&col, rowOf, demand)
		lp.add(local)
		added++
	}
	if len(g.sack.finds) > 0 {
		for n, f := range g.sack.apart(g.several + 1) {
			if n > 0 { // the first one is there already
				put(f.filling)
			}
		}
		return added
	}
	left := slices.Clone(demand)
	for range g.several {
		for j := range g.sack.n {
			left[g.sack.item[j]] -= g.sack.best[j]
		}
		if found, _ := g.sack.solve(t, mixed, left, price*0.98, 0, m); found == 0 {
			break
		}
		put(g.sack.taken())
	}
	return added
}

// localColumn is a column in rows, with no more of an item than there is.
func localColumn(col *column, rowOf []int32, demand []int64) (column, bool) {
	out := column{bin: col.bin, price: col.price, rows: make([]int32, 0, len(col.rows)), n: make([]float64, 0, len(col.rows))}
	for k, i := range col.rows {
		if r := rowOf[i]; r >= 0 {
			out.rows = append(out.rows, r)
			out.n = append(out.n, min(col.n[k], float64(demand[i])))
		}
	}
	return out, len(out.rows) > 0
}

// bound makes, from values that are nearly right, values at which no filling of any bin is worth more than its price:
// then nothing can be cheaper than what all jobs together are worth. Where a bin still
// has a filling that is worth more, or the search (of at most branches nodes) cannot
// exclude it, the values of jobs that fit it are lowered, in the way that costs least.
// values is changed.
func (g *generator) bound(value []float64, demand []int64, branches int, m *meter) {
	const slack = 1e-5
	for t := range g.p.bins {
		price := g.p.bins[t].price
		if !m.more() {
			branches = 0 // what cannot be excluded is lowered
		}
		_, b := g.sack.solve(t, value, demand, price*(1+slack), branches, m)
		if b <= price*(1+slack) {
			continue
		}
		repaired := slices.Clone(value)
		g.sack.repair(price, price*(1+slack), b, repaired)
		lowered := slices.Clone(value)
		g.lower(t, lowered, demand, b)
		loss := 0.0
		for i := range value {
			loss += (lowered[i] - repaired[i]) * float64(demand[i])
		}
		if loss > 0 {
			repaired = lowered
		}
		copy(value, repaired)
	}
	for i := range value {
		value[i] *= (1 - 1e-9) / (1 + slack)
	}
}

// lower makes values such that no filling of bin t, for which the knapsack was solved
// last with the bound b, is worth more than its price.
func (g *generator) lower(t int, value []float64, demand []int64, b float64) {
	price := g.p.bins[t].price
	k := g.sack
	k.load(t, value, demand, &meter{})
	sum := k.at[0] + k.at[1] + k.at[2]
	// Either all values by the same factor, or each to what its size costs at prices
	// for the resources that add up to the host's: of the lambda that are too much, all
	// alike or one of them is lowered.
	var trials [2 + dims][dims]float64
	losses := [2 + dims]float64{}
	for c := range trials {
		l := k.at
		switch {
		case c == 0:
			for j := range k.n {
				losses[c] += (1 - price/b) * k.value[j] * float64(demand[k.item[j]])
			}
			continue
		case c == 1:
			for r := range dims {
				l[r] *= price / max(sum, 1e-300)
			}
		default:
			if l[c-2] += price - sum; l[c-2] < 0 {
				losses[c] = math.Inf(1)
				continue
			}
		}
		trials[c] = l
		for j := range k.n {
			s := &k.size[j]
			losses[c] += max(0, k.value[j]-l[0]*s[0]-l[1]*s[1]-l[2]*s[2]) * float64(demand[k.item[j]])
		}
	}
	best := 0
	for c := range losses {
		if losses[c] < losses[best] {
			best = c
		}
	}
	for j := range k.n {
		s, l := &k.size[j], &trials[best]
		i := k.item[j]
		if best == 0 {
			value[i] *= price / b
		} else {
			value[i] = min(value[i], l[0]*s[0]+l[1]*s[1]+l[2]*s[2])
		}
	}
}

// branchSteps are how far the exact search may go while columns are generated: further
// when there is nothing left to find with less.
var branchSteps = [...]int{0, 12, 60, 1000}
