package packing

import (
	"cmp"
	"math"
	"slices"
)

// openHosts is how many hosts with room FirstFit looks at for each kind of job. Of more
// than that the oldest are taken for full.
const openHosts = 48

// fewerOpenHosts is the same with more than joinedKinds kinds of jobs: there is always one
// that fits what a host has left, and no time.
const fewerOpenHosts = 16

// FirstFit is a plan from one look at each job: the largest first, each onto the first
// host with room, or onto a new one of the type that is the cheapest for such jobs
// alone. It takes milliseconds for any number of jobs. Its bound is what the jobs would
// cost in pieces at prices that are guessed.
func FirstFit(in Input) Plan {
	p, itemOf := newProblem(&in, len(in.Groups) <= joinedKinds)
	s := newSession(&in, p, itemOf)
	s.fillFree()
	for i := range p.items {
		p.items[i].demand = s.left[i]
	}
	return s.plan(p.firstFit(s.left), proof{values: p.guessed()})
}

// joinedKinds is up to how many groups FirstFit looks for equal ones among them.
const joinedKinds = 10_000

// openStack is hosts with the same jobs and room for more.
type openStack struct {
	stack
	room vector
}

// shared gives out room for fillings, many of which are made at a time.
type shared struct {
	items []int32
	count []int64
}

// usualKinds is how many kinds of jobs a filling has room for at first.
const usualKinds = 4

func (s *shared) filling() filling {
	if len(s.items) < usualKinds {
		s.items, s.count = make([]int32, 512*usualKinds), make([]int64, 512*usualKinds)
	}
	f := filling{s.items[:0:usualKinds], s.count[:0:usualKinds]}
	s.items, s.count = s.items[usualKinds:], s.count[usualKinds:]
	return f
}

// gathered is how many items are fetched at a time: they lie all about, and the processor
// can wait for many at once.
const gathered = 64

func (p *problem) firstFit(left []int64) []stack {
	w := p.weights()
	order := p.bySize(left, func(size *[dims]float64) float64 { return w[0]*size[0] + w[1]*size[1] + w[2]*size[2] })
	done := make([]stack, 0, 1024+len(order))
	most := openHosts
	if len(order) > joinedKinds {
		most = fewerOpenHosts
	}
	open := make([]openStack, 0, openHosts+8)
	rooms := make([]vector, 0, openHosts+8) // of open, side by side: they are looked at the most
	var slab shared
	launched := make([]int64, len(p.bins))
	var next [gathered]item
	for n, i := range order {
		if n%gathered == 0 {
			for k, i := range order[n:min(n+gathered, len(order))] {
				next[k] = p.items[i]
			}
		}
		it := &next[n%gathered]
		need := it.need
		d := left[i]
		for o := 0; o < len(rooms) && d > 0; o++ {
			if !need.fits(rooms[o]) || !p.permits[it.permit][open[o].bin] {
				continue
			}
			each := need.times(rooms[o], d)
			n := min(open[o].hosts, d/each)
			if n < open[o].hosts { // the others stay as they are
				rest := open[o]
				rest.hosts -= n
				rest.items, rest.count = slices.Clone(rest.items), slices.Clone(rest.count)
				open = slices.Insert(open, o+1, rest)
				rooms = slices.Insert(rooms, o+1, rooms[o])
			}
			open[o].hosts = n
			open[o].items = append(open[o].items, i)
			open[o].count = append(open[o].count, each)
			rooms[o] = rooms[o].minus(each, need)
			d -= n * each
		}
		for d > 0 {
			t := p.cheapestFor(it, d, launched)
			if t < 0 {
				break
			}
			b := &p.bins[t]
			each := need.times(b.room, d)
			n := min(d/each, b.max-launched[t])
			f := slab.filling()
			f.items, f.count = append(f.items, i), append(f.count, each)
			launched[t] += n
			d -= n * each
			open = append(open, openStack{stack: stack{bin: int32(t), hosts: n, filling: f}})
			rooms = append(rooms, b.room.minus(each, need))
		}
		if over := len(open) - most; over > 0 {
			for _, o := range open[:over] {
				done = append(done, o.stack)
			}
			open = append(open[:0], open[over:]...)
			rooms = append(rooms[:0], rooms[over:]...)
		}
	}
	for _, o := range open {
		done = append(done, o.stack)
	}
	for s := range done {
		done[s].sort()
	}
	return done
}

// cheapestFor returns the bin that costs the least for each of d jobs of an item, the
// largest of those that cost the same; -1 if none may be had.
func (p *problem) cheapestFor(it *item, d int64, launched []int64) int {
	best, bestEach := -1, 0.0
	for t := range p.bins {
		b := &p.bins[t]
		if !p.permits[it.permit][t] || launched[t] >= b.max {
			continue
		}
		if d == 1 && best >= 0 && b.price > bestEach*(1+1e-4) {
			break // bins are in the order of their prices
		}
		n := it.need.times(b.room, d)
		if n == 0 {
			continue
		}
		each := b.price / float64(n)
		if best < 0 || each < bestEach*(1-1e-4) || each < bestEach*(1+1e-4) && b.price > p.bins[best].price {
			best, bestEach = t, each
		}
	}
	return best
}

// bySize lists the items with jobs left, the largest first by a measure above 0, of which a
// float32 is exact enough: so the order is one of numbers, which is quickly sorted.
func (p *problem) bySize(left []int64, measure func(size *[dims]float64) float64) []int32 {
	keys := make([]uint64, 0, len(p.items))
	for i := range p.items {
		if left[i] > 0 {
			bits := math.Float32bits(float32(measure(&p.items[i].size)))
			keys = append(keys, uint64(^bits)<<32|uint64(i))
		}
	}
	slices.Sort(keys)
	order := make([]int32, len(keys))
	for n, k := range keys {
		order[n] = int32(uint32(k))
	}
	return order
}

// guessed is pieces by guess, for many items at once: each price of a bin is the same
// multiple of the weights, so that a job is cheapest on the first bin in the order of those
// multiples that holds it.
func (p *problem) guessed() []float64 {
	w, u := p.weights(), p.guess()
	times := func(t int) float64 { // its prices over the weights
		for r := range dims {
			if u[t][r] > 0 {
				return u[t][r] / w[r]
			}
		}
		return 0
	}
	order := make([]int, len(p.bins))
	for t := range order {
		order[t] = t
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(times(a), times(b)) })
	values := make([]float64, len(p.items))
	for i := range p.items {
		it := &p.items[i]
		if it.demand <= 0 {
			continue
		}
		for _, t := range order {
			if p.allowed(t, i) {
				values[i] = (u[t][0]*it.size[0] + u[t][1]*it.size[1] + u[t][2]*it.size[2]) * (1 - 1e-9)
				break
			}
		}
	}
	return values
}
