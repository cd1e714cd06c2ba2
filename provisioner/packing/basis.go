package packing

import (
	"math"
	"slices"
)

// basis keeps the inverse of the columns in the basis of a linear program as a product of
// etas: matrices that differ from the unit matrix in one column. A filling has few kinds
// of jobs, so a column has few entries, and so have the etas; with a thousand rows that
// is a thousand times less to go through than the inverse in full. Every so many
// exchanges the product is made anew from the columns, which also removes what rounding
// has added up to.
type basis struct {
	m       int
	etas    []eta
	at      []int32 // rows of the entries of all etas
	value   []float64
	fresh   int // etas of the last making anew
	entries int // and their entries

	work []float64
}

// eta is a column of the product: its pivot, and entries from..to in at and value.
type eta struct {
	row      int32
	from, to int32
	pivot    float64
}

// tooOld is after how many exchanges the product is made anew.
const tooOld = 80

func newBasis(m int) *basis {
	return &basis{m: m, work: make([]float64, m)}
}

// old reports whether it is time to make the product anew.
func (b *basis) old() bool {
	return len(b.etas) > b.fresh+tooOld || len(b.at) > 3*b.entries+20*b.m
}

// solve turns w into the amounts of the basic columns that make up w.
func (b *basis) solve(w []float64) {
	for e := range b.etas {
		et := &b.etas[e]
		t := w[et.row]
		if t == 0 {
			continue
		}
		t /= et.pivot
		w[et.row] = t
		for k := et.from; k < et.to; k++ {
			w[b.at[k]] -= b.value[k] * t
		}
	}
}

// price turns y, what each basic column is worth, into what each row is.
func (b *basis) price(y []float64) {
	for e := len(b.etas) - 1; e >= 0; e-- {
		et := &b.etas[e]
		sum := y[et.row]
		for k := et.from; k < et.to; k++ {
			sum -= b.value[k] * y[b.at[k]]
		}
		y[et.row] = sum / et.pivot
	}
}

// exchange puts a column, solved as w, into the place of row.
func (b *basis) exchange(row int, w []float64) {
	e := eta{row: int32(row), from: int32(len(b.at)), pivot: w[row]}
	for i, v := range w {
		if i != row && math.Abs(v) > 1e-12 {
			b.at = append(b.at, int32(i))
			b.value = append(b.value, v)
		}
	}
	e.to = int32(len(b.at))
	b.etas = append(b.etas, e)
}

// entries are the rows and numbers of a column.
type entries struct {
	rows []int32
	n    []float64
}

// rebuild makes the product from columns, and returns which column is at which row; ok is
// false if they do not make up a basis.
func (b *basis) rebuild(columns []entries) (place []int32, ok bool) {
	m := b.m
	b.etas, b.at, b.value = b.etas[:0], b.at[:0], b.value[:0]
	place = make([]int32, m)
	for r := range place {
		place[r] = -1
	}
	done := make([]bool, m)
	inRow := make([]int32, m) // columns that are not placed, by row
	start := make([]int32, m+1)
	for c := range columns {
		for _, r := range columns[c].rows {
			inRow[r]++
		}
	}
	for r := range m {
		start[r+1] = start[r] + inRow[r]
	}
	byRow := make([]int32, start[m])
	fill := slices.Clone(start[:m])
	for c := range columns {
		for _, r := range columns[c].rows {
			byRow[fill[r]] = int32(c)
			fill[r]++
		}
	}
	// Rows that one column alone has: what is placed there is in nobody's way.
	var queue []int32
	for r := range m {
		if inRow[r] == 1 {
			queue = append(queue, int32(r))
		}
	}
	for len(queue) > 0 {
		r := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if inRow[r] != 1 || place[r] >= 0 {
			continue
		}
		for _, c := range byRow[start[r]:start[r+1]] {
			if done[c] {
				continue
			}
			done[c] = true
			place[r] = c
			e := eta{row: r, from: int32(len(b.at))}
			for k, o := range columns[c].rows {
				inRow[o]--
				if o == r {
					e.pivot = columns[c].n[k]
					continue
				}
				b.at = append(b.at, o)
				b.value = append(b.value, columns[c].n[k])
				if inRow[o] == 1 && place[o] < 0 {
					queue = append(queue, o)
				}
			}
			e.to = int32(len(b.at))
			b.etas = append(b.etas, e)
			break
		}
	}
	// The others, those with the fewest entries first.
	var rest []int32
	for c := range columns {
		if !done[c] {
			rest = append(rest, int32(c))
		}
	}
	slices.SortStableFunc(rest, func(x, y int32) int { return len(columns[x].rows) - len(columns[y].rows) })
	w := b.work
	for _, c := range rest {
		clear(w)
		for k, r := range columns[c].rows {
			w[r] = columns[c].n[k]
		}
		b.solve(w)
		largest := 0.0
		for r, v := range w {
			if place[r] < 0 {
				largest = max(largest, math.Abs(v))
			}
		}
		if largest < 1e-9 {
			return place, false
		}
		best := -1
		for r, v := range w {
			if place[r] < 0 && math.Abs(v) >= 0.1*largest && (best < 0 || inRow[r] < inRow[best]) {
				best = r
			}
		}
		place[best] = c
		for _, r := range columns[c].rows {
			inRow[r]--
		}
		b.exchange(best, w)
	}
	b.fresh, b.entries = len(b.etas), len(b.at)
	return place, true
}
