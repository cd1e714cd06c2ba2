package packing

import (
	"math"
	"slices"
)

const (
	// exactStates bounds in how many ways jobs may be left for the cheapest packing of all to
	// be looked for: all subsets of fifteen different jobs, or a hundred and eighty of each of
	// two kinds.
	exactStates = 1 << 15
	// exactWork bounds that search, and exactEach is the steps that one filling takes. With
	// less than exactLeast it is not begun: a pass has no time for it.
	exactWork  = 100_000_000
	exactLeast = 5_000_000
	exactEach  = 40
)

// exactly returns the cheapest packing of few jobs, found by going through all that may be the
// best; nil if stacks are as cheap. It reports whether it came to an end.
//
// What is left of the jobs is packed in the same way however it came about, so its cost is
// remembered. The first job that is left goes onto a host of each bin, with all fillings to
// which nothing can be added. No packing of what is then left costs less than its jobs are
// worth by values, of which no filling is worth more than its bin costs; that leaves most
// fillings out.
func (p *problem) exactly(left []int64, stacks []stack, values []float64, all *meter) (better []stack, ended bool) {
	if all.left < exactLeast || !p.covers(stacks, left) {
		return nil, false
	}
	x := &exact{p: p, left: left, step: make([]int, len(left)), values: values}
	states := 1
	for i, n := range left {
		x.step[i] = states
		if n >= exactStates || states*int(n+1) > exactStates {
			return nil, false
		}
		states *= int(n + 1)
	}
	for t := range p.bins {
		if p.bins[t].max < math.MaxInt64 {
			return nil, false
		}
	}
	lent := int64(exactWork)
	m := all.part(lent)
	defer func() { all.settle(lent, &m) }()
	x.m, x.usd, x.choice = &m, make([]float64, states), make([]choice, states)
	open := slices.Clone(left)
	// Prices differ by a trifle that tells plans of equal cost apart; it is no reason for
	// another plan.
	cost := p.cost(stacks)
	usd := x.cheapest(states-1, open, cost*(1-1e-9))
	switch {
	case !m.more():
		return nil, false
	case usd >= cost*(1-1e-9):
		return nil, true
	}
	return x.stacks(states - 1), true
}

// exact is a search for the cheapest packing.
type exact struct {
	p      *problem
	left   []int64
	step   []int     // of each item: by how much the number of a state differs when one is gone
	values []float64 // of each item: no filling is worth more than its bin
	m      *meter
	usd    []float64 // what each state costs; where that is not known, minus what it does at least
	choice []choice
}

// choice is the first host for a state.
type choice struct {
	bin  int32
	rest int // the state after it
}

// cheapest is what the open jobs cost, a state of that number, if that is less than limit;
// else something not below limit.
func (x *exact) cheapest(state int, open []int64, limit float64) float64 {
	if state == 0 {
		return 0
	}
	worth := 0.0
	for i, n := range open {
		worth += float64(n) * x.values[i]
	}
	known := x.usd[state]
	if known > 0 {
		return known
	}
	if known = max(worth, -known); known >= limit {
		return known // it was looked for in vain below that
	}
	if !x.m.more() {
		return limit
	}
	first := 0
	for open[first] == 0 {
		first++
	}
	best := limit
	for t := range x.p.bins {
		b := &x.p.bins[t]
		if !x.p.allowed(t, first) || b.price >= best {
			continue
		}
		room := b.room.minus(1, x.p.items[first].need)
		open[first]--
		x.fill(t, first, room, state-x.step[first], open, worth-x.values[first], func(rest int, worth float64) {
			less := best - b.price
			if worth >= less {
				return
			}
			if usd := x.cheapest(rest, open, less); usd < less {
				best, x.choice[state] = b.price+usd, choice{int32(t), rest}
			}
		})
		open[first]++
		if x.m.left <= 0 || x.m.over {
			return limit
		}
	}
	if best < limit {
		x.usd[state] = best
	} else {
		x.usd[state] = -limit
	}
	return best
}

// fill goes through the fillings of a bin from an item on to which nothing can be added, most
// of each item first. open is what is left beside them, rest the number of that state.
func (x *exact) fill(t, from int, room vector, rest int, open []int64, worth float64, found func(rest int, worth float64)) {
	if !x.m.spend(exactEach) {
		return
	}
	i := from
	for i < len(open) && (open[i] == 0 || !x.p.allowed(t, i) || !x.p.items[i].need.fits(room)) {
		i++
	}
	if i == len(open) {
		for k := range open { // one that was left out may still fit
			if open[k] > 0 && x.p.allowed(t, k) && x.p.items[k].need.fits(room) {
				return
			}
		}
		found(rest, worth)
		return
	}
	need, all := x.p.items[i].need, open[i]
	for n := need.times(room, all); n >= 0; n-- {
		open[i] = all - n
		x.fill(t, i+1, room.minus(n, need), rest-int(n)*x.step[i], open, worth-float64(n)*x.values[i], found)
	}
	open[i] = all
}

// stacks is the hosts of the packing that was found.
func (x *exact) stacks(state int) []stack {
	var out []stack
	for state > 0 {
		c := x.choice[state]
		gone := state - c.rest
		st := stack{bin: c.bin, hosts: 1}
		for i := len(x.step) - 1; i >= 0; i-- {
			if n := gone / x.step[i]; n > 0 {
				st.items, st.count = append(st.items, int32(i)), append(st.count, int64(n))
				gone -= n * x.step[i]
			}
		}
		out, state = append(out, st), c.rest
	}
	return out
}
