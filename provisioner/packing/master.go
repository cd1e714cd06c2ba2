package packing

import "math"

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
// covered, for the least money. It is solved by the revised simplex method with the
// inverse of the basis kept in full: there are a few hundred rows at most.
type master struct {
	m       int
	demand  []float64
	cols    []column
	basis   []int     // column by row; -1: none yet
	inverse []float64 // m by m, row after row
	x       []float64 // how often the basic columns are taken
	dual    []float64 // by item: what one more job would cost
	inBasis []bool    // by column
	pivots  int
	w       []float64 // scratch
	row     []float64
}

// tiny is what counts as zero among coefficients of about 1.
const tiny = 1e-9

// newMaster starts from one column for each row, by itself: first[i] is for row i.
func newMaster(demand []float64, first []column) *master {
	m := len(demand)
	lp := &master{
		m: m, demand: make([]float64, m), cols: first, basis: make([]int, m), inverse: make([]float64, m*m),
		x: make([]float64, m), dual: make([]float64, m), inBasis: make([]bool, m, 4*m), w: make([]float64, m), row: make([]float64, m),
	}
	for i := range m {
		// A trifle more of each, all different, keeps the steps of the method from being of
		// length 0.
		lp.demand[i] = demand[i] * (1 + 1e-7*float64((i*7919)%101)/101)
		n := first[i].n[0]
		lp.basis[i], lp.inBasis[i] = i, true
		lp.inverse[i*m+i] = 1 / n
		lp.x[i] = lp.demand[i] / n
		lp.dual[i] = first[i].price / n
	}
	return lp
}

func (lp *master) add(c column) int {
	lp.cols = append(lp.cols, c)
	lp.inBasis = append(lp.inBasis, false)
	return len(lp.cols) - 1
}

// enter brings a column into the basis. It returns how many steps that took; 0 where
// there is nothing to gain.
func (lp *master) enter(c int) int {
	col := &lp.cols[c]
	saving := col.worth(lp.dual) - col.price
	if saving <= 1e-9*col.price {
		return 0
	}
	m := lp.m
	for i := range m {
		sum := 0.0
		line := lp.inverse[i*m : i*m+m]
		for k, r := range col.rows {
			sum += line[r] * col.n[k]
		}
		lp.w[i] = sum
	}
	steps := 2 * m * len(col.rows)
	steps += lp.pivot(c, -saving)
	return steps
}

// shed brings the surplus of a row into the basis: more of item r than asked for.
func (lp *master) shed(r int) int {
	m := lp.m
	for i := range m {
		lp.w[i] = -lp.inverse[i*m+r]
	}
	return m + lp.pivot(-2-r, lp.dual[r])
}

// pivot exchanges the column whose coefficients are in w for the one that reaches zero
// first; reduced is its reduced cost, below 0.
func (lp *master) pivot(c int, reduced float64) int {
	m := lp.m
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
		return 0
	}
	least = max(least, 0)
	lp.pivots++
	out := lp.basis[leave]
	if out >= 0 {
		lp.inBasis[out] = false
	}
	lp.basis[leave] = c
	if c >= 0 {
		lp.inBasis[c] = true
	}
	pivotLine := lp.inverse[leave*m : leave*m+m]
	scale := 1 / lp.w[leave]
	for j := range pivotLine {
		pivotLine[j] *= scale
	}
	steps := 2 * m
	for i, w := range lp.w {
		if i == leave || math.Abs(w) <= 1e-13 {
			continue
		}
		line := lp.inverse[i*m : i*m+m]
		line = line[:len(pivotLine)]
		for j, v := range pivotLine {
			line[j] -= w * v
		}
		lp.x[i] = max(0, lp.x[i]-w*least)
		steps += m
	}
	lp.x[leave] = least
	for j, v := range pivotLine {
		lp.dual[j] += reduced * v
	}
	return steps
}

// price fills values with the duals, none below 0, and returns what the program costs.
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
	for m.more() {
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
