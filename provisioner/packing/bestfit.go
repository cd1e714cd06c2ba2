package packing

import (
	"math"
	"math/bits"
	"slices"
)

// bestFitJobs is up to how many jobs are packed one by one.
const bestFitJobs = 200_000

// bestFitWork is the steps for one of them.
const bestFitWork = 1500

// bestFitLooks is how many hosts of a shelf are tried where not all of them need fit.
const bestFitLooks = 6

// shelves hold hosts by the room that is left on them, in levels of vCPU and memory that
// grow by a twelfth or less, so that one with just enough room is found at once.
type shelves struct {
	most  [2]float64 // the most vCPU and memory that any bin has
	hosts [64][64][]int32
	some  [64]uint64 // by level of vCPU: levels of memory where there are hosts
}

// level is the shelf of an amount of resource r.
func (s *shelves) level(r int, n int64) int {
	return min(63, int(63/math.Log2(33)*math.Log2(1+32*float64(n)/s.most[r])))
}

func (s *shelves) put(h int32, room vector) {
	a, b := s.level(0, room[0]), s.level(1, room[1])
	s.hosts[a][b] = append(s.hosts[a][b], h)
	s.some[a] |= 1 << b
}

func (s *shelves) take(a, b, n int) {
	list := s.hosts[a][b]
	list = slices.Delete(list, n, n+1)
	s.hosts[a][b] = list
	if len(list) == 0 {
		s.some[a] &^= 1 << b
	}
}

// find takes a host for which fits is true off the tightest shelf there is; -1 if none.
func (s *shelves) find(need vector, fits func(h int32) bool) int32 {
	a0, b0 := s.level(0, need[0]), s.level(1, need[1])
	for slack := 0; slack < 2*64; slack++ {
		none := true
		for a := a0; a < 64 && a-a0 <= slack; a++ {
			b := b0 + slack - (a - a0)
			if b > 63 {
				continue
			}
			none = false
			if s.some[a]>>b&1 == 0 {
				continue
			}
			list := s.hosts[a][b]
			for look := range min(len(list), bestFitLooks) {
				if n := len(list) - 1 - look; fits(list[n]) {
					h := list[n]
					s.take(a, b, n)
					return h
				}
			}
		}
		if none {
			break
		}
	}
	return -1
}

// roomy reports whether any shelf at or above the levels has hosts.
func (s *shelves) roomy(need vector) bool {
	b0 := s.level(1, need[1])
	for a := s.level(0, need[0]); a < 64; a++ {
		if bits.LeadingZeros64(s.some[a]>>b0) < 64 {
			return true
		}
	}
	return false
}

// bestFit packs job by job, the largest first, each onto the host that it leaves the least
// room on, or onto a new one: of bin only, if it holds the job, else of the one that is
// the cheapest for such jobs alone. only is -1 for that one always.
func (p *problem) bestFit(left []int64, only int, m *meter) []stack {
	var open [2]shelves // without and with GPUs left
	var largest [dims]float64
	for t := range p.bins {
		for r := range dims {
			largest[r] = max(largest[r], float64(p.bins[t].room[r]), 1)
		}
	}
	copy(open[0].most[:], largest[:2])
	open[1].most = open[0].most
	order := p.bySize(left, func(size *[dims]float64) float64 {
		return max(size[0]/largest[0], size[1]/largest[1], size[2])
	})
	var hosts []openStack
	launched := make([]int64, len(p.bins))
	for n, i := range order {
		if n%1024 == 0 && !m.more() {
			break // without all jobs it is of no use
		}
		it := &p.items[i]
		permit := p.permits[it.permit]
		for n := left[i]; n > 0; {
			h := int32(-1)
			fits := func(h int32) bool { return it.need.fits(hosts[h].room) && permit[hosts[h].bin] }
			if it.need[2] == 0 && open[0].roomy(it.need) {
				h = open[0].find(it.need, fits)
			}
			if h < 0 && open[1].roomy(it.need) {
				h = open[1].find(it.need, fits)
			}
			if h < 0 {
				t := only
				if t < 0 || !permit[t] || !it.need.fits(p.bins[t].room) || launched[t] >= p.bins[t].max {
					t = p.cheapestFor(it, n, launched)
				}
				if t < 0 {
					break
				}
				launched[t]++
				h = int32(len(hosts))
				hosts = append(hosts, openStack{stack{bin: int32(t), hosts: 1}, p.bins[t].room})
			}
			st := &hosts[h]
			c := it.need.times(st.room, n)
			st.items, st.count = append(st.items, i), append(st.count, c)
			st.room = st.room.minus(c, it.need)
			n -= c
			open[min(1, st.room[2])].put(h, st.room)
		}
	}
	out := make([]stack, len(hosts))
	for h := range hosts {
		out[h] = hosts[h].stack
		out[h].sort()
	}
	return out
}

// simple is the cheapest of some packings by bestFit: with the cheapest bin for each job,
// and with each of the bins that plan uses the most. nil if none is cheaper than plan, or
// there are too many jobs.
func (p *problem) simple(plan []stack, left []int64, m *meter) []stack {
	jobs := int64(0)
	for _, n := range left {
		if jobs += n; jobs > bestFitJobs {
			return nil
		}
	}
	spent := make([]float64, len(p.bins))
	for s := range plan {
		spent[plan[s].bin] += p.bins[plan[s].bin].price * float64(plan[s].hosts)
	}
	only := []int{-1}
	for range 3 {
		most := 0
		for t := range spent {
			if spent[t] > spent[most] {
				most = t
			}
		}
		if spent[most] > 0 {
			only = append(only, most)
		}
		spent[most] = 0
	}
	var best []stack
	cost := p.cost(plan)
	for _, t := range only {
		if !m.more() || jobs*bestFitWork > m.left*3/4 {
			break
		}
		m.spend(jobs * bestFitWork)
		st := p.improve(p.bestFit(left, t, m), m)
		if c := p.cost(st); c < cost*(1-1e-9) && p.covers(st, left) {
			best, cost = st, c
		}
	}
	return best
}
