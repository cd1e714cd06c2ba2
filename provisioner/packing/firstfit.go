package packing

import (
	"cmp"
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
	return s.plan(p.firstFit(s.left), p.pieces(p.guess()))
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
const usualKinds = 8

func (s *shared) filling() filling {
	if len(s.items) < usualKinds {
		s.items, s.count = make([]int32, 512*usualKinds), make([]int64, 512*usualKinds)
	}
	f := filling{s.items[:0:usualKinds], s.count[:0:usualKinds]}
	s.items, s.count = s.items[usualKinds:], s.count[usualKinds:]
	return f
}

func (p *problem) firstFit(left []int64) []stack {
	w := p.weights()
	type sized struct {
		worth float64
		item  int32
	}
	order := make([]sized, 0, len(p.items))
	for i := range p.items {
		if left[i] > 0 {
			need := &p.items[i].need
			order = append(order, sized{w[0]*float64(need[0]) + w[1]*float64(need[1]) + w[2]*float64(need[2]), int32(i)})
		}
	}
	slices.SortFunc(order, func(a, b sized) int {
		if a.worth != b.worth {
			return -cmp.Compare(a.worth, b.worth)
		}
		return int(a.item - b.item)
	})
	done := make([]stack, 0, 1024)
	most := openHosts
	if len(order) > joinedKinds {
		most = fewerOpenHosts
	}
	open := make([]openStack, 0, openHosts+8)
	rooms := make([]vector, 0, openHosts+8) // of open, side by side: they are looked at the most
	var slab shared
	launched := make([]int64, len(p.bins))
	for _, o := range order {
		i := o.item
		it := &p.items[i]
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
