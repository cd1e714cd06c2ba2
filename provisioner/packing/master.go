package packing

import (
	"math"
	"slices"
)

// column is a filling of one host of a bin: a variable of the master program.
type column struct {
	bin   int32
	price float64
	rows  []int32 // items, rising
	n     []float64
}

func (c *column) worth(values []float64) float64 {
	sum := 0.0
	for k, r := range c.rows {
		sum += c.n[k] * values[r]
	}
	return sum
}

// master is the linear program over columns: take each so often that every item is
// covered, for the least money. It is solved by the revised simplex method.
type master struct {
	m       int
	demand  []float64
	cols    []column
	basis   []int // column by row; -2-r: the surplus of row r
	inverse *basis
	x       []float64 // how often the basic columns are taken
	dual    []float64 // by item: what one more job would cost
	inBasis []bool    // by column
	w, row  []float64 // scratch
	failed  bool      // rounding has made the basis useless
}

// tiny is what counts as zero among coefficients of about 1.
const tiny = 1e-9

// newMaster starts from one column for each row, by itself: first[i] is for row i.
func newMaster(demand []float64, first []column) *master {
	m := len(demand)
	lp := &master{
		m: m, demand: make([]float64, m), cols: first, basis: make([]int, m), inverse: newBasis(m),
		x: make([]float64, m), dual: make([]float64, m), inBasis: make([]bool, m, 4*m), w: make([]float64, m), row: make([]float64, m),
	}
	for i := range m {
		// A trifle more of each, all different, keeps the steps of the method from being of
		// length 0.
		lp.demand[i] = demand[i] * (1 + 1e-7*float64((i*7919)%101)/101)
		lp.basis[i], lp.inBasis[i] = i, true
	}
	lp.anew()
	return lp
}

// begin puts the hosts of a packing, as columns, into the basis, each for a row that it
// alone covers: the program then begins with what the packing costs.
func (lp *master) begin(hosts []column, times []float64) {
	for h := range hosts {
		for k, r := range hosts[h].rows {
			if lp.basis[r] == int(r) && lp.cols[lp.basis[r]].n[0] > 0 && hosts[h].n[k]*times[h] >= lp.demand[r]*(1-1e-6) {
				c := lp.add(hosts[h])
				lp.inBasis[lp.basis[r]], lp.inBasis[c] = false, true
				lp.basis[r] = c
				break
			}
		}
	}
	lp.anew()
}

func (lp *master) add(c column) int {
	lp.cols = append(lp.cols, c)
	lp.inBasis = append(lp.inBasis, false)
	return len(lp.cols) - 1
}

// anew makes the inverse, the amounts and the duals from the columns of the basis. It
// returns how many steps that took.
func (lp *master) anew() int {
	columns := make([]entries, lp.m)
	for i, c := range lp.basis {
		if c >= 0 {
			columns[i] = entries{lp.cols[c].rows, lp.cols[c].n}
		} else {
			columns[i] = entries{[]int32{int32(-2 - c)}, []float64{-1}}
		}
	}
	place, ok := lp.inverse.rebuild(columns)
	if !ok {
		lp.failed = true
		return lp.m
	}
	old := slices.Clone(lp.basis)
	for r, c := range place {
		lp.basis[r] = old[c]
	}
	copy(lp.x, lp.demand)
	lp.inverse.solve(lp.x)
	for r := range lp.x {
		lp.x[r] = max(0, lp.x[r])
		lp.dual[r] = 0
		if c := lp.basis[r]; c >= 0 {
			lp.dual[r] = lp.cols[c].price
		}
	}
	lp.inverse.price(lp.dual)
	return 150*lp.m + 10*len(lp.inverse.at)
}

// enter brings a column into the basis. It returns how many steps that took; 0 where
// there is nothing to gain.
func (lp *master) enter(c int) int {
	col := &lp.cols[c]
	saving := col.worth(lp.dual) - col.price
	if saving <= 1e-9*col.price || lp.failed {
		return 0
	}
	clear(lp.w)
	for k, r := range col.rows {
		lp.w[r] = col.n[k]
	}
	return lp.pivot(c, -saving)
}

// shed brings the surplus of a row into the basis: more of item r than asked for.
func (lp *master) shed(r int) int {
	clear(lp.w)
	lp.w[r] = -1
	return lp.pivot(-2-r, lp.dual[r])
}

// pivot exchanges the column whose entries are in w for the one that reaches zero first;
// reduced is its reduced cost, below 0.
func (lp *master) pivot(c int, reduced float64) int {
	m := lp.m
	lp.inverse.solve(lp.w)
	leave, least := -1, math.Inf(1)
	for i, w := range lp.w {
		if w <= tiny {
			continue
		}
		t := lp.x[i] / w
		if t < least-1e-12 || t < least+1e-12 && leave >= 0 && w > lp.w[leave] {
			leave, least = i, t
		}
	}
	if leave < 0 {
		return m
	}
	least = max(least, 0)
	out := lp.basis[leave]
	if out >= 0 {
		lp.inBasis[out] = false
	}
	lp.basis[leave] = c
	if c >= 0 {
		lp.inBasis[c] = true
	}
	for i, w := range lp.w {
		if w != 0 {
			lp.x[i] = max(0, lp.x[i]-w*least)
		}
	}
	lp.x[leave] = least
	lp.inverse.exchange(leave, lp.w)
	steps := 6*m + 2*len(lp.inverse.at) + 4*len(lp.inverse.etas)
	if lp.inverse.old() {
		return steps + lp.anew()
	}
	clear(lp.row)
	lp.row[leave] = 1
	lp.inverse.price(lp.row)
	for j, v := range lp.row {
		lp.dual[j] += reduced * v
	}
	return steps
}

// cost is what the program costs.
func (lp *master) cost() float64 {
	sum := 0.0
	for i, c := range lp.basis {
		if c >= 0 {
			sum += lp.cols[c].price * lp.x[i]
		}
	}
	return sum
}

// optimise brings in columns that are there already, until none would help or the
// meter is empty.
func (lp *master) optimise(m *meter) {
	const batch = 8 // candidates of one look at all columns
	type candidate struct {
		c    int
		gain float64
	}
	var best [batch]candidate
	for m.more() && !lp.failed {
		n := 0
		worst := 0.0
		steps := 0
		for c := range lp.cols {
			if lp.inBasis[c] {
				continue
			}
			col := &lp.cols[c]
			gain := col.worth(lp.dual)/col.price - 1
			steps += 4 + 2*len(col.rows)
			if gain <= 1e-7 || n == batch && gain <= worst {
				continue
			}
			at := n
			if n < batch {
				n++
			} else {
				at = batch - 1
			}
			for ; at > 0 && best[at-1].gain < gain; at-- {
				best[at] = best[at-1]
			}
			best[at] = candidate{c, gain}
			worst = best[n-1].gain
		}
		surplus, lowest := -1, -1e-7
		for r, d := range lp.dual {
			if scaled := d * lp.demand[r]; scaled < lowest {
				surplus, lowest = r, scaled
			}
		}
		if n == 0 && surplus < 0 {
			return
		}
		if surplus >= 0 {
			steps += lp.shed(surplus)
		}
		for _, b := range best[:n] {
			steps += lp.enter(b.c)
		}
		m.spend(int64(steps))
	}
}
