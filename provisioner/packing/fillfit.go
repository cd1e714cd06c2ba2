package packing

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Where all jobs differ there is nearly always one that is just as large as what a host has
// left. Planning for classes of jobs loses that; packing job by job, as bestFit does, does
// not look for it. So hosts are filled one after the other: with the dearest job that is
// left, on a type for which it is cheap by a tariff, and then each time with the job that
// leaves the least of all resources alike (after the norm-based greedy of Panigrahy et al.,
// "Heuristics for Vector Bin Packing", 2011, with the tariff's prices as weights). Jobs for
// which the type is dear count as if they were smaller, so that each type keeps to its own.

const (
	// fillParts is how often the tariff is made anew for what is left, if that takes no more
	// than a part of the time: what one type takes too much of has become dear by then.
	fillParts     = 24
	fillPartsLeft = 4
	// fillNear is how much dearer than on the best type the first job of a host may be.
	fillNear = 1.005
	// fillTries bounds the types that are tried for a host, and fillEnough is the worth of
	// jobs, in parts of the price, with which none further is; fillUsual is the same in parts
	// of what the last usualHosts were worth.
	fillTries  = 4
	fillEnough = 0.996
	fillUsual  = 0.999
	usualHosts = 50
	// fillLooks bounds the jobs that are looked at for each that is taken, and shelfLooks
	// those on one shelf.
	fillLooks  = 200
	shelfLooks = 8
	// fillWork is the steps for each job taken, and fillMean how often each is with the hosts
	// that are tried.
	fillWork = 2500
	fillMean = 2
	// mostPools is up to how many kinds of permits and GPU counts jobs may have.
	mostPools = 24
)

// pool is jobs with the same permit and number of GPUs, on shelves by what they need.
type pool struct {
	permit int
	gpus   int64
	jobs   shelves
}

// filler fills hosts from pools.
type filler struct {
	p       *problem
	coarse  *classes
	mean    *problem // the classes with the mean size of their jobs
	unit    tariff
	left    []int64   // jobs of each item that are in the pools
	value   []float64 // of each item, by the tariff
	pools   []pool
	poolOf  []int32        // by item
	place   []int32        // of each item on its shelf
	upper   [2][64]float64 // what a job on a level of vCPU or memory needs at most
	total   float64        // value of what is left
	launch  []int64        // hosts of each bin
	usual   float64        // worth of the last hosts, in parts of their price
	balance float64        // see fillBalances
}

// newFiller puts jobs into pools; nil if those would be too many.
func (p *problem) newFiller(left []int64, coarse *classes, unit tariff) *filler {
	f := &filler{
		p: p, coarse: coarse, mean: coarse.typical(p), unit: unit, left: slices.Clone(left),
		value: make([]float64, len(p.items)), poolOf: make([]int32, len(p.items)), place: make([]int32, len(p.items)), launch: make([]int64, len(p.bins)), usual: 1,
	}
	largest := [2]float64{1, 1}
	for i := range p.items {
		for r := range largest {
			largest[r] = max(largest[r], p.items[i].size[r])
		}
	}
	type kind struct {
		permit int
		gpus   int64
	}
	at := map[kind]int{}
	for i := range p.items {
		if left[i] == 0 {
			continue
		}
		it := &p.items[i]
		k := kind{it.permit, it.need[2]}
		n, ok := at[k]
		if !ok {
			if n = len(f.pools); n == mostPools {
				return nil
			}
			at[k] = n
			f.pools = append(f.pools, pool{permit: k.permit, gpus: k.gpus})
			f.pools[n].jobs.most = largest
		}
		f.poolOf[i] = int32(n)
		f.put(int32(i))
	}
	for r := range f.upper {
		for level := range 63 {
			f.upper[r][level] = largest[r] * (math.Pow(33, float64(level+1)/63) - 1) / 32
		}
		f.upper[r][63] = largest[r]
	}
	f.appraise()
	return f
}

// fillCheap is up to how much dearer than on the best type the mean job of a class is on
// others for its jobs to be appraised there too.
const fillCheap = 1.05

// appraise gives what is left its values.
func (f *filler) appraise() {
	f.total = 0
	var near []int
	for c, members := range f.coarse.members {
		near = near[:0]
		worth := f.mean.worth(f.unit, c) * fillCheap
		for t := range f.unit {
			if f.mean.allowed(t, c) && f.cost(t, &f.mean.items[c].size) <= worth {
				near = append(near, t)
			}
		}
		for _, i := range members {
			if f.left[i] == 0 {
				continue
			}
			least := math.Inf(1)
			for _, t := range near {
				if f.p.items[i].need.fits(f.p.bins[t].room) {
					least = min(least, f.cost(t, &f.p.items[i].size))
				}
			}
			if math.IsInf(least, 1) {
				least = f.p.worth(f.unit, int(i))
			}
			f.value[i] = least
			f.total += least * float64(f.left[i])
		}
	}
}

// cost is what a size costs on a bin.
func (f *filler) cost(t int, size *[dims]float64) float64 {
	u := &f.unit[t]
	return u[0]*size[0] + u[1]*size[1] + u[2]*size[2]
}

// settle makes the tariff anew for what is left.
func (f *filler) settle(m *meter) {
	demand := make([]int64, len(f.mean.items))
	for c, members := range f.coarse.members {
		for _, i := range members {
			demand[c] += f.left[i]
		}
	}
	f.unit = f.mean.ascend(f.unit, demand, m)
	f.appraise()
}

// vessel is a host that is being filled.
type vessel struct {
	stack
	room    vector
	part    [dims]float64 // 1 / its whole room
	share   [dims]float64 // of its price, by resource
	idle    [dims]float64 // 0, or much for a resource that costs nothing
	price   float64
	worth   float64 // of the jobs on it
	balance float64 // see fillBalances
}

func (f *filler) open(t int) vessel {
	b := &f.p.bins[t]
	h := vessel{stack: stack{bin: int32(t), hosts: 1}, room: b.room, price: b.price, balance: f.balance}
	for r := range dims {
		h.part[r] = 1 / max(1, float64(b.room[r]))
		if h.share[r] = f.unit[t][r] * float64(b.room[r]) / b.price; h.share[r] < priced {
			h.share[r], h.idle[r] = 0, 1e9
		}
	}
	return h
}

// priced is the part of a host's price from which on a resource counts.
const priced = 1e-6

// loss is what is lost, in parts of the price, where such parts of the resources are left:
// what they cost, and more for what has no counterpart in the other resources.
func (h *vessel) loss(free *[dims]float64) float64 {
	least := min(free[0]+h.idle[0], free[1]+h.idle[1], free[2]+h.idle[2])
	sum := 0.0
	for r := range dims {
		if h.idle[r] == 0 {
			over := free[r] - least
			sum += h.share[r] * (free[r] + h.balance*over*over/(free[r]+least+1e-9))
		}
	}
	return sum
}

// next is the job that leaves the least on a host, or -1 if none fits. Shelves are gone
// through from those of jobs as large as the room downwards.
func (f *filler) next(h *vessel) int32 {
	best, least := int32(-1), math.Inf(1)
	var room, free [dims]float64
	for r := range dims {
		room[r] = float64(h.room[r]) * h.part[r]
	}
	for n := range f.pools {
		q := &f.pools[n]
		if !f.p.permits[q.permit][h.bin] || q.gpus > h.room[2] {
			continue
		}
		top, right := q.jobs.corner(h.room)
		if top < 0 || right < 0 {
			continue
		}
		free[2] = room[2] - float64(q.gpus)*h.part[2]
		looks := fillLooks
		for slack := 0; slack <= top+right && looks > 0; slack++ {
			hope := false
			for a := max(0, top-slack); a <= min(top, top+right-slack) && looks > 0; a++ {
				b := top + right - slack - a
				bound := h.share[0]*max(0, room[0]-f.upper[0][a]*h.part[0]) + h.share[1]*max(0, room[1]-f.upper[1][b]*h.part[1]) + h.share[2]*free[2]
				if bound >= least {
					continue
				}
				hope = true
				if q.jobs.some[a]>>b&1 == 0 {
					continue
				}
				list := q.jobs.hosts[a][b]
				for look := range min(len(list), shelfLooks) {
					i := list[len(list)-1-look]
					it := &f.p.items[i]
					looks--
					if it.need[0] > h.room[0] || it.need[1] > h.room[1] {
						continue
					}
					free[0], free[1] = room[0]-it.size[0]*h.part[0], room[1]-it.size[1]*h.part[1]
					dearer := f.cost(int(h.bin), &it.size) - f.value[i]
					if loss := h.loss(&free) + dearer/h.price; loss < least {
						best, least = i, loss
					}
				}
			}
			if !hope {
				break // those that follow are smaller still
			}
		}
	}
	return best
}

// corner is the highest level of each resource at which there may be something that fits
// into room; -1 if there is none.
func (s *shelves) corner(room vector) (a, b int) {
	a = s.level(0, room[0])
	for a >= 0 && s.some[a] == 0 {
		a--
	}
	var columns uint64
	for row := range a + 1 {
		columns |= s.some[row]
	}
	columns &= ^uint64(0) >> (63 - s.level(1, room[1]))
	return a, 63 - bits.LeadingZeros64(columns)
}

// add puts a job onto a host.
func (f *filler) add(h *vessel, i int32) {
	it := &f.p.items[i]
	h.room = h.room.minus(1, it.need)
	h.worth += f.value[i]
	if last := len(h.items) - 1; last >= 0 && h.items[last] == i {
		h.count[last]++
	} else {
		h.items, h.count = append(h.items, i), append(h.count, 1)
	}
	f.draw(i, 1)
}

// put puts an item into its pool.
func (f *filler) put(i int32) {
	s, need := &f.pools[f.poolOf[i]].jobs, f.p.items[i].need
	a, b := s.level(0, need[0]), s.level(1, need[1])
	f.place[i] = int32(len(s.hosts[a][b]))
	s.hosts[a][b] = append(s.hosts[a][b], i)
	s.some[a] |= 1 << b
}

// draw takes n jobs of an item, and the item out of its pool when none is left.
func (f *filler) draw(i int32, n int64) {
	if f.left[i] -= n; f.left[i] > 0 {
		return
	}
	s, need := &f.pools[f.poolOf[i]].jobs, f.p.items[i].need
	a, b := s.level(0, need[0]), s.level(1, need[1])
	list := s.hosts[a][b]
	last := len(list) - 1
	f.place[list[last]] = f.place[i]
	list[f.place[i]] = list[last]
	if s.hosts[a][b] = list[:last]; last == 0 {
		s.some[a] &^= 1 << b
	}
}

// empty puts the jobs of a host back.
func (f *filler) empty(h *vessel) {
	for k, i := range h.items {
		if f.left[i] == 0 {
			f.put(i)
		}
		f.left[i] += h.count[k]
	}
}

// fill fills a host of bin t that has a job first.
func (f *filler) fill(t int, first int32, m *meter) vessel {
	h := f.open(t)
	for i := first; i >= 0; i = f.next(&h) {
		f.add(&h, i)
		m.spend(fillWork)
	}
	return h
}

// best is the host that is worth the most for its price of those with a job: of bins for
// which the job is cheap, the largest first, but none that costs more than all that is left
// is worth. No more than most are tried.
func (f *filler) best(first int32, most int, m *meter) (best vessel, ok bool) {
	size := &f.p.items[first].size
	tries := 0
	last := -1
	for t := len(f.p.bins) - 1; t >= 0; t-- { // they are in the order of their prices
		if f.launch[t] >= f.p.bins[t].max || !f.p.allowed(t, int(first)) {
			continue
		}
		last = t
		if f.cost(t, size) > f.value[first]*fillNear || f.p.bins[t].price > f.total {
			continue
		}
		h := f.fill(t, first, m)
		f.empty(&h)
		if !ok || h.worth*best.price > best.worth*h.price {
			best, ok = h, true
		}
		if tries++; tries >= most || best.worth >= best.price*min(fillEnough, f.usual*fillUsual) {
			return best, true
		}
	}
	if !ok && last >= 0 {
		best, ok = f.fill(last, first, m), true
		f.empty(&best)
	}
	return best, ok
}

// fillFit packs jobs by a tariff; nil if they are too many, there was no time, or types are
// limited so that not all have a place. coarse has their classes.
func (p *problem) fillFit(left []int64, coarse *classes, unit tariff, m *meter) []stack {
	var best []stack
	enough := m.left / 2
	for _, balance := range fillBalances {
		if best != nil && (m.left < enough || len(p.items) > manyKinds || jobsPerHost(best) <= fewEach) {
			break
		}
		if out := p.fillBy(balance, left, coarse, unit, m); p.covers(out, left) && (best == nil || p.cost(out) < p.cost(best)) {
			best = out
		}
	}
	return best
}

// fillBalances weigh what is left of one resource and not of the others. Which is best
// depends on the jobs; the first is tried always, the others where there is time and hosts
// hold so many jobs that it may matter.
var fillBalances = [...]float64{1.5, 3, 0.8}

// fillBy is fillFit with one balance. What the meter does not suffice for is packed by
// firstFit.
func (p *problem) fillBy(balance float64, left []int64, coarse *classes, unit tariff, m *meter) []stack {
	jobs := int64(0)
	for _, n := range left {
		if jobs += n; jobs > bestFitJobs || fillMean*fillWork*jobs > m.left {
			return nil
		}
	}
	f := p.newFiller(left, coarse, unit)
	if f == nil {
		return nil
	}
	f.balance = balance
	order := make([]int32, 0, len(p.items))
	for i, n := range left {
		if n > 0 {
			order = append(order, int32(i))
		}
	}
	value := slices.Clone(f.value)
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(-cmp.Compare(value[a], value[b]), cmp.Compare(a, b)) })
	all, lent := f.total, float64(m.left)
	part := f.total / min(fillParts, 1+lent/fillPartsLeft/float64(f.mean.climbWork(lateSteps)))
	until := f.total - part
	var out []stack
	for _, first := range order {
		for f.left[first] > 0 {
			if !m.more() {
				if f.total > all/2 {
					return nil
				}
				return append(out, p.firstFit(f.left)...)
			}
			most := fillTries
			if float64(m.left)*all < f.total*lent { // more time has gone than jobs
				most = 1
			}
			h, ok := f.best(first, most, m)
			if !ok {
				break
			}
			for k, i := range h.items {
				f.draw(i, h.count[k])
			}
			f.launch[h.bin]++
			f.usual += (h.worth/h.price - f.usual) / usualHosts
			h.sort()
			h.join()
			out = append(out, h.stack)
			if f.total -= h.worth; f.total < until {
				until -= part
				f.settle(m)
			}
		}
	}
	return out
}
