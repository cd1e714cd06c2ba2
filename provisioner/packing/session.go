package packing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// session turns items back into the groups of an input, and a packing into a plan.
type session struct {
	in     *Input
	p      *problem
	itemOf []int
	first  []int32 // of each item: where its groups begin in order
	order  []int32 // groups by item
	left   []int64 // jobs of each item that have no place yet
	unused []int   // jobs of each group that have no place yet
	free   []RoomFill
	slab   []Fill // see fills
}

func newSession(in *Input, p *problem, itemOf []int) *session {
	s := &session{
		in: in, p: p, itemOf: itemOf, left: make([]int64, len(p.items)), unused: make([]int, len(in.Groups)),
		first: make([]int32, len(p.items)+1), order: make([]int32, len(in.Groups)),
	}
	for n, i := range itemOf {
		s.unused[n] = max(0, in.Groups[n].Count)
		if i >= 0 {
			s.first[i+1]++
		}
	}
	for i := range p.items {
		s.first[i+1] += s.first[i]
	}
	at := slices.Clone(s.first)
	for n, i := range itemOf {
		if i >= 0 {
			s.order[at[i]] = int32(n)
			at[i]++
		}
	}
	for i := range p.items {
		s.left[i] = p.items[i].demand
	}
	return s
}

// fillFree puts jobs into what runs already: there they cost nothing. The jobs that
// would cost the most elsewhere go first.
func (s *session) fillFree() {
	if len(s.in.Free) == 0 {
		return
	}
	order := make([]int, 0, len(s.in.Groups))
	value := make([]float64, len(s.in.Groups))
	w := s.p.weights()
	for n := range s.in.Groups {
		if s.unused[n] == 0 {
			continue
		}
		need := vectorOf(s.in.Groups[n].Need)
		value[n] = w[0]*float64(need[0]) + w[1]*float64(need[1]) + float64(need[2])
		order = append(order, n)
	}
	slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(value[a], value[b]) })
	for r := range s.in.Free {
		free := &s.in.Free[r]
		room := roomOf(free.Has)
		var fill []Fill
		for _, n := range order {
			g := &s.in.Groups[n]
			if s.unused[n] == 0 || !permissionOf(g).allows(free.Type, free.Arch) {
				continue
			}
			need := vectorOf(g.Need)
			c := need.times(room, int64(s.unused[n]))
			if c == 0 {
				continue
			}
			room = room.minus(c, need)
			s.unused[n] -= int(c)
			if i := s.itemOf[n]; i >= 0 {
				s.left[i] -= c
			}
			fill = append(fill, Fill{n, int(c)})
		}
		if fill != nil {
			slices.SortFunc(fill, func(a, b Fill) int { return a.Group - b.Group })
			s.free = append(s.free, RoomFill{r, fill})
		}
	}
}

// plan makes the answer of a packing: within the limits, in groups, the dearest hosts
// first, with reasons for what is left, and the best of the bounds.
func (s *session) plan(stacks []stack, proofs ...proof) Plan {
	pl := Plan{OnFree: s.free}
	stacks = s.cut(stacks)
	s.p.inOrder(stacks)
	pl.Hosts = make([]HostGroup, 0, len(stacks))
	for i := range stacks {
		s.place(&pl, &stacks[i])
	}
	for n, c := range s.unused {
		if c > 0 {
			pl.Unplaced = append(pl.Unplaced, Unplaced{n, c, s.why(n)})
		}
	}
	for _, h := range pl.Hosts {
		t := &s.in.Types[h.Type]
		pl.USDPerHour += t.USDPerHour * float64(h.Count)
		pl.FixedUSD += t.FixedUSD * float64(h.Count)
	}
	// Prices in the problem are a trifle above the real ones.
	bound := 0.0
	for n := range proofs {
		bound = max(bound, proofs[n].bound(stacks))
	}
	bound = bound*(1-2*perHost) - cheapest*float64(pl.HostCount())
	pl.LowerBoundUSD = max(0, min(bound, pl.USDPerHour+pl.FixedUSD))
	return pl
}

// mostSorted is up to how many hosts of a plan are brought into the order of what is on
// them. More stay in the order in which they were made.
const mostSorted = 20_000

// inOrder sorts a packing: the dearest hosts first, then by what is on them.
func (p *problem) inOrder(stacks []stack) {
	byBin := func(a, b stack) int {
		if a.bin == b.bin {
			return 0
		}
		return cmp.Or(-cmp.Compare(p.bins[a.bin].price, p.bins[b.bin].price), cmp.Compare(a.bin, b.bin))
	}
	if len(stacks) <= mostSorted {
		slices.SortFunc(stacks, func(a, b stack) int {
			if c := byBin(a, b); c != 0 {
				return c
			}
			return cmp.Or(slices.Compare(a.items, b.items), slices.Compare(a.count, b.count), cmp.Compare(a.hosts, b.hosts))
		})
		return
	}
	// By counting.
	bins := make([]stack, len(p.bins))
	for t := range bins {
		bins[t].bin = int32(t)
	}
	slices.SortFunc(bins, byBin)
	count := make([]int, len(p.bins))
	for s := range stacks {
		count[stacks[s].bin]++
	}
	at, next := make([]int, len(p.bins)), 0
	for _, b := range bins {
		at[b.bin] = next
		next += count[b.bin]
	}
	sorted := make([]stack, len(stacks))
	for _, s := range stacks {
		sorted[at[s.bin]] = s
		at[s.bin]++
	}
	copy(stacks, sorted)
}

// place adds hosts to the plan, with jobs of the groups in their order.
func (s *session) place(pl *Plan, st *stack) {
	hosts := st.hosts
	for hosts > 0 {
		// As many hosts as have the same jobs of the same groups.
		n := hosts
		fill := s.fills(len(st.items))
		for k, i := range st.items {
			want := st.count[k]
			spread := false
			for _, group := range s.order[s.first[i]:s.first[i+1]] {
				have := int64(s.unused[group])
				if have == 0 {
					continue
				}
				if have >= want {
					if !spread {
						n = min(n, have/want)
					}
					fill = append(fill, Fill{int(group), int(want)})
					want = 0
				} else {
					fill = append(fill, Fill{int(group), int(have)})
					want -= have
					n, spread = 1, true
				}
				if want == 0 {
					break
				}
			}
			if spread {
				n = 1
			}
		}
		for _, f := range fill {
			s.unused[f.Group] -= f.Count * int(n)
		}
		slices.SortFunc(fill, func(a, b Fill) int { return a.Group - b.Group })
		pl.add(HostGroup{Type: s.p.bins[st.bin].typ, Count: int(n), Filling: fill})
		hosts -= n
	}
}

// fills gives out room for n fills, many at a time.
func (s *session) fills(n int) []Fill {
	const together = 4096
	if len(s.slab) < n {
		s.slab = make([]Fill, max(n, together))
	}
	out := s.slab[:0:n]
	s.slab = s.slab[n:]
	return out
}

func (pl *Plan) add(h HostGroup) {
	if last := len(pl.Hosts) - 1; last >= 0 && pl.Hosts[last].Type == h.Type && slices.Equal(pl.Hosts[last].Filling, h.Filling) {
		pl.Hosts[last].Count += h.Count
		return
	}
	pl.Hosts = append(pl.Hosts, h)
}

// why says what keeps a group from a host.
func (s *session) why(n int) string {
	g := &s.in.Groups[n]
	if s.itemOf[n] >= 0 {
		return s.limitReached()
	}
	need := vectorOf(g.Need)
	permit := permissionOf(g)
	best, bestLack := -1, math.Inf(1)
	for t := range s.in.Types {
		typ := &s.in.Types[t]
		if !permit.allows(typ.Name, typ.Arch) {
			continue
		}
		room := roomOf(typ.Has)
		lack := 0.0
		for r := range dims {
			if need[r] > room[r] {
				lack += 1 + math.Log(float64(need[r])/float64(max(room[r], 1)))
				if room[r] == 0 {
					lack += 10 // none at all is further away than too few
				}
			}
		}
		if lack < bestLack || lack == bestLack && best >= 0 && typ.USDPerHour < s.in.Types[best].USDPerHour {
			best, bestLack = t, lack
		}
	}
	switch {
	case best < 0 && len(s.in.Types) == 0:
		return "there are no types to choose from"
	case best < 0 && len(g.Types) > 0:
		return fmt.Sprintf("none of the types that it may use (%s) is offered for its architecture", permit.types)
	case best < 0:
		return fmt.Sprintf("no type has the architecture %s", g.Arch)
	}
	typ := &s.in.Types[best]
	return fmt.Sprintf("it needs %s, more than any type has; the nearest is %s with %s", g.Need, typ.Name, typ.Has)
}

func (s *session) limitReached() string {
	switch l := s.in.Limits; {
	case l.Hosts > 0 && l.MilliVCPU > 0:
		return fmt.Sprintf("the limit of %d hosts or %d milli vCPU is reached", l.Hosts, l.MilliVCPU)
	case l.Hosts > 0:
		return fmt.Sprintf("the limit of %d hosts is reached", l.Hosts)
	case l.MilliVCPU > 0:
		return fmt.Sprintf("the limit of %d milli vCPU is reached", l.MilliVCPU)
	}
	return "the number of hosts that its types may have is reached"
}
