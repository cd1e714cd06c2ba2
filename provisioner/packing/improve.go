package packing

import (
	"cmp"
	"slices"
)

// improve goes over a packing once more: a host goes onto the cheapest type that holds
// what is on it, and one whose jobs find room on others is not launched. The steps are
// bounded, so of very large packings only the cheapest hosts are looked at.
func (p *problem) improve(stacks []stack, m *meter) []stack {
	for s := range stacks {
		p.downsize(&stacks[s])
	}
	if m.more() {
		stacks = p.absorb(stacks, m)
	}
	if p.starts {
		stacks = p.merge(stacks)
	}
	return stacks
}

func (p *problem) used(s *stack) vector {
	var v vector
	for k, i := range s.items {
		v = v.minus(-s.count[k], p.items[i].need)
	}
	return v
}

func (p *problem) holds(t int, s *stack) bool {
	for _, i := range s.items {
		if !p.permits[p.items[i].permit][t] {
			return false
		}
	}
	return true
}

func (p *problem) downsize(s *stack) {
	used := p.used(s)
	for t := range p.bins {
		if b := &p.bins[t]; b.max > 1<<60 && b.price < p.bins[s.bin].price && used.fits(b.room) && p.holds(t, s) {
			s.bin = int32(t)
		}
	}
}

const (
	absorbHosts  = 300       // hosts that are tried
	absorbStacks = 4000      // hosts that are looked at for room, one of each kind
	absorbWork   = 3_000_000 // steps
)

// absorb tries to empty hosts, those that cost the least first.
func (p *problem) absorb(stacks []stack, m *meter) []stack {
	if len(stacks) < 2 {
		return stacks
	}
	slices.SortStableFunc(stacks, func(a, b stack) int { return cmp.Compare(p.bins[a.bin].price, p.bins[b.bin].price) })
	rooms := make([]vector, len(stacks))
	for s := range stacks {
		u := p.used(&stacks[s])
		rooms[s] = p.bins[stacks[s].bin].room.minus(1, u)
	}
	work := absorbWork
	type move struct {
		to, item int
		count    int64
	}
	tries := 0
	for s := 0; s < len(stacks) && tries < absorbHosts && work > 0 && m.left > 0; s++ {
		for stacks[s].hosts > 0 && tries < absorbHosts && work > 0 {
			tries++
			// Where could each job go? Rooms change as they fill; a stack gives one host.
			var moves []move
			taken := map[int]vector{}
			all := true
			for k, i := range stacks[s].items {
				need, want := p.items[i].need, stacks[s].count[k]
				for o := len(stacks) - 1; o >= 0 && want > 0 && o >= len(stacks)-absorbStacks; o-- {
					work--
					if o == s || stacks[o].hosts == 0 || !p.permits[p.items[i].permit][stacks[o].bin] || !need.fits(rooms[o]) {
						continue
					}
					room := rooms[o].minus(1, taken[o])
					if n := need.times(room, want); n > 0 {
						v := taken[o]
						taken[o] = v.minus(-n, need)
						moves = append(moves, move{o, int(i), n})
						want -= n
					}
				}
				if want > 0 {
					all = false
					break
				}
			}
			if !all {
				break
			}
			m.spend(int64(10 * len(moves)))
			stacks[s].hosts--
			into := map[int]int{} // stack: the one host split off it
			for _, mv := range moves {
				o := mv.to
				if stacks[o].hosts > 1 {
					if _, ok := into[o]; !ok {
						one := stacks[o]
						one.items, one.count, one.hosts = slices.Clone(one.items), slices.Clone(one.count), 1
						stacks[o].hosts--
						into[o] = len(stacks)
						stacks = append(stacks, one)
						rooms = append(rooms, rooms[o])
					}
				}
				if to, ok := into[o]; ok {
					o = to
				}
				st := &stacks[o]
				st.items = append(st.items, int32(mv.item))
				st.count = append(st.count, mv.count)
				st.sort()
				st.join()
				rooms[o] = rooms[o].minus(mv.count, p.items[mv.item].need)
			}
		}
	}
	return slices.DeleteFunc(stacks, func(s stack) bool { return s.hosts == 0 })
}
