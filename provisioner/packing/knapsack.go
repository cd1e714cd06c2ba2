package packing

import (
	"cmp"
	"slices"
)

// A filling says how many of each item are on one host.
type filling struct {
	items []int32 // rising
	count []int64
}

// knapsack fills one host of a bin so that the values of what is on it add up to the
// most: the pricing problem of column generation, and the step of every greedy packing.
//
// It works with a price for each resource of the host (lambda, in dollars for the
// whole of it). Whatever they are,
//
//	sum of lambda + sum over items of demand * max(0, value - lambda * size/room)
//
// is at least the best value: the bound of Lagrange. The prices that make it least
// also tell the best filling if jobs could be cut into pieces; rounding that down and
// searching for what fills the gap is nearly always the best filling there is. Where
// it matters, branch and bound makes sure.
type knapsack struct {
	p      *problem
	order  [][]int32 // by bin: items by efficiency, from one call to the next
	corner []corner  // by bin: where the bound was least at the last call

	// Of the call: the items that matter, by value per lambda-priced size. What is kept
	// for each is in arrays side by side.
	bin   int
	n     int
	item  []int32
	need  []vector
	size  [][dims]float64 // as parts of the room
	value []float64
	soft  []float64 // value, but no two quite alike
	limit []int64   // most that may be taken

	// Of a part of the search: base is taken already, left is the part of the room that
	// remains, open is how many more may be taken of each.
	base []int64
	open []int64
	left [dims]float64
	// What minimise found for it.
	at     [dims]float64 // lambda
	pos    corner
	edges  [dims][dims]float64
	gain   []float64 // value less lambda-priced size
	spread float64   // gains below are zero but for rounding
	breaks []crease

	rest   []float64 // rest[j]: what items j and later may add to the bound at most
	count  []int64
	best   []int64 // the best filling found
	found  float64 // its value
	target float64 // only better ones are looked for
	trial  []int64
	nodes  int // what is left of the search
	spent  int // steps of all searches of the call
	table  *ceiling
	ruled  bool      // the table is that of this call
	listed bool      // most is that of this call, and of all fillings above its target
	most   []float64 // by item: the most that a filling with it is worth
	finds  []find
	pull   []float64 // gain at the root of the call
	root   float64   // bound there
	cut    bool      // a search ended before it had seen everything
}

func newKnapsack(p *problem) *knapsack {
	n := len(p.items)
	k := &knapsack{
		p: p, order: make([][]int32, len(p.bins)), corner: make([]corner, len(p.bins)),
		item: make([]int32, n), need: make([]vector, n), size: make([][dims]float64, n), value: make([]float64, n), soft: make([]float64, n),
		limit: make([]int64, n), base: make([]int64, n), open: make([]int64, n), gain: make([]float64, n), breaks: make([]crease, n),
		pull: make([]float64, n), most: make([]float64, n), rest: make([]float64, n+1), count: make([]int64, n), best: make([]int64, n), trial: make([]int64, n),
	}
	for t := range p.bins {
		k.order[t] = slices.Clone(p.fit[t])
		k.corner[t] = origin
	}
	return k
}

// load takes in bin t, the values and what is left of the demand, and returns the bound
// of Lagrange.
func (k *knapsack) load(t int, values []float64, demand []int64, m *meter) float64 {
	p := k.p
	k.bin = t
	room := p.bins[t].room
	var inverse [dims]float64
	for r := range dims {
		if room[r] > 0 {
			inverse[r] = 1 / float64(room[r])
		}
	}
	n := 0
	for _, i := range k.order[t] {
		if demand[i] <= 0 || values[i] <= 0 {
			continue
		}
		it := &p.items[i]
		limit := it.need.times(room, demand[i])
		k.item[n], k.need[n], k.value[n], k.limit[n], k.open[n], k.base[n] = i, it.need, values[i], limit, limit, 0
		// A trifle, different for each item, so that no more than three creases meet.
		k.soft[n] = values[i] * (1 + 1e-6*float64(uint32(i+1)*2654435761>>8)/(1<<24))
		k.size[n] = [dims]float64{it.size[0] * inverse[0], it.size[1] * inverse[1], it.size[2] * inverse[2]}
		n++
	}
	k.n = n
	k.left = [dims]float64{1, 1, 1}
	m.spend(int64(2*len(k.order[t]) + 8*n))
	k.findCorner()
	bound := k.minimise(m)
	for e, j := range k.pos {
		k.corner[t][e] = j
		if j >= 0 {
			k.corner[t][e] = k.item[j]
		}
	}
	k.sortByEfficiency()
	k.findCorner() // its items have moved
	return bound
}

// findCorner looks up where the items of the bin's corner are. One that is gone makes
// the corner useless.
func (k *knapsack) findCorner() {
	for e, c := range k.corner[k.bin] {
		k.pos[e] = c
		if c < 0 {
			continue
		}
		at := slices.Index(k.item[:k.n], c)
		if at < 0 {
			k.pos = origin
			return
		}
		k.pos[e] = int32(at)
	}
}

// sortByEfficiency orders the items by value per lambda-priced size.
func (k *knapsack) sortByEfficiency() {
	n := k.n
	eff := k.rest // borrowed
	for j := range n {
		eff[j] = k.value[j] / max(k.value[j]-k.gain[j], 1e-15)
	}
	swap := func(a, b int) {
		eff[a], eff[b] = eff[b], eff[a]
		k.swap(a, b)
	}
	after := func(a, b int) bool { return eff[a] < eff[b] || eff[a] == eff[b] && k.item[a] > k.item[b] }
	// The order of the last call is nearly right: insert. If it is not, sort.
	moves := 0
	for a := 1; a < n && moves <= 2*n; a++ {
		for b := a; b > 0 && after(b-1, b); b-- {
			swap(b, b-1)
			moves++
		}
	}
	if moves == 0 {
		return
	}
	if moves > 2*n {
		k.arrange(eff)
		moves += 4 * n
	}
	k.spent += moves
	// Remember the order. Those that were left out this time keep their places.
	order := k.order[k.bin]
	if n == len(order) {
		copy(order, k.item[:n])
		return
	}
	at := 0
	in := 0
	for _, i := range k.item[:n] {
		k.breaks[in].item = i
		in++
	}
	slices.SortFunc(k.breaks[:n], func(a, b crease) int { return int(a.item - b.item) })
	for o, i := range order {
		if _, ok := slices.BinarySearchFunc(k.breaks[:n], i, func(c crease, i int32) int { return int(c.item - i) }); ok {
			order[o] = k.item[at]
			at++
		}
	}
}

// arrange sorts the items by key, the largest first.
func (k *knapsack) arrange(key []float64) {
	n := k.n
	for j := range n {
		k.breaks[j] = crease{at: key[j], item: int32(j)}
	}
	slices.SortFunc(k.breaks[:n], func(a, b crease) int {
		if a.at != b.at {
			return -cmp.Compare(a.at, b.at)
		}
		return int(k.item[a.item] - k.item[b.item])
	})
	for j := range n { // what belongs here has been moved where to's were exchanged
		from := int(k.breaks[j].item)
		for from < j {
			from = int(k.breaks[from].item)
		}
		k.breaks[j].item = int32(from)
		k.swap(j, from)
	}
}

// solve looks for a filling of bin t worth more than target; branches bounds the exact
// search. It returns the value of the best filling found, which is in k.best, and a
// bound: no filling is worth more than the larger of the bound and target. Where the
// bound is not above target there is nothing to find, and found is 0.
func (k *knapsack) solve(t int, values []float64, demand []int64, target float64, branches int, m *meter) (found, bound float64) {
	k.spent = 0
	bound = k.load(t, values, demand, m)
	k.found, k.target = 0, 0
	k.root, k.ruled, k.listed = bound, false, false
	k.finds = k.finds[:0]
	copy(k.pull[:k.n], k.gain[:k.n])
	clear(k.best[:k.n])
	if k.n == 0 || bound <= target {
		return 0, bound
	}
	room, worth, split := k.roundDown(k.p.bins[t].room, 0)
	k.complete(room, worth)
	if k.found < bound*(1-1e-6) {
		k.polish(bound)
	}
	if branches > 0 && k.found < bound*(1-1e-6) && bound > target && k.few() {
		bound = min(bound, k.exact(branches*seekNodes+100*k.n, target, m))
		m.spend(int64(8 * k.spent))
		return k.found, bound
	}
	if branches > 0 && split >= 0 && k.found < bound*(1-1e-6) && bound > target {
		k.target = max(k.target, target)
		copy(k.trial[:k.n], k.limit[:k.n])
		b := brancher{k: k, left: branches, m: m, low: make([]int64, k.n), high: k.trial}
		bound = max(k.found, b.branch(k.p.bins[t].room, 0))
	}
	m.spend(int64(8*k.spent + 20*k.n))
	return k.found, bound
}

// repair lowers values, by item, so that no filling of the bin of the last solve is worth
// more than price. Each job is lowered as far as the most that any filling with it may be
// worth, at most upper, is above the price: so all fillings with it come down to it.
// target is what was looked for: there may be fillings worth that much.
func (k *knapsack) repair(price, target, upper float64, values []float64) {
	room := k.p.bins[k.bin].room
	upper = max(upper, target)
	for j := range k.n {
		most := min(upper, k.root+min(0, k.pull[j]))
		if most <= price {
			continue
		}
		if k.listed {
			most = min(most, max(k.most[j], target))
		} else if k.ruled {
			most = min(most, k.value[j]+k.table.above(room.minus(1, k.need[j])))
		}
		if most > price {
			i := k.item[j]
			values[i] = min(values[i], k.value[j]*price/most)
		}
	}
}

// taken returns the filling that the last call found.
func (k *knapsack) taken() filling {
	var f filling
	for j := range k.n {
		if k.best[j] > 0 {
			f.items = append(f.items, k.item[j])
			f.count = append(f.count, k.best[j])
		}
	}
	f.sort()
	return f
}

func (f *filling) sort() {
	for a := 1; a < len(f.items); a++ {
		for b := a; b > 0 && f.items[b] < f.items[b-1]; b-- {
			f.items[b], f.items[b-1] = f.items[b-1], f.items[b]
			f.count[b], f.count[b-1] = f.count[b-1], f.count[b]
		}
	}
}
