package packing

import (
	"cmp"
	"math"
	"slices"
)

// packWithin packs with no more hosts of a type than there may be: what a plan has too
// many of, those worth the least, is packed again without the type. values are as in
// pack.
func (p *problem) packWithin(left []int64, m *meter) ([]stack, []float64) {
	stacks, values := p.pack(left, m)
	bins := p
	for range len(p.bins) {
		hosts := make([]int64, len(p.bins))
		for s := range stacks {
			hosts[stacks[s].bin] += stacks[s].hosts
		}
		over := false
		for t, n := range hosts {
			over = over || n > p.bins[t].max
		}
		if !over {
			break
		}
		bins = bins.without(hosts)
		again := make([]int64, len(p.items))
		stacks = p.giveBack(stacks, hosts, values, again)
		some := false
		for i := range again {
			if again[i] > 0 && !bins.placeable(i) {
				again[i] = 0 // stays unplaced
			}
			some = some || again[i] > 0
		}
		if !some {
			break
		}
		more, _ := bins.pack(again, m)
		stacks = append(stacks, more...)
	}
	return stacks, values
}

// without is the problem without bins of which there are enough.
func (p *problem) without(hosts []int64) *problem {
	out := &problem{starts: p.starts, items: slices.Clone(p.items), bins: p.bins, permits: make([][]bool, len(p.permits))}
	for k, row := range p.permits {
		out.permits[k] = slices.Clone(row)
		for t, n := range hosts {
			if n >= p.bins[t].max {
				out.permits[k][t] = false
			}
		}
	}
	return out
}

func (p *problem) placeable(i int) bool {
	for t := range p.bins {
		if p.allowed(t, i) {
			return true
		}
	}
	return false
}

// giveBack takes the hosts that are too many out of stacks, and puts their jobs into
// again.
func (p *problem) giveBack(stacks []stack, hosts []int64, values []float64, again []int64) []stack {
	worth := func(s *stack) float64 {
		sum := 0.0
		for k, i := range s.items {
			sum += values[i] * float64(s.count[k])
		}
		return sum
	}
	slices.SortStableFunc(stacks, func(a, b stack) int { return cmp.Compare(worth(&a), worth(&b)) })
	kept := stacks[:0]
	for _, s := range stacks {
		if over := hosts[s.bin] - p.bins[s.bin].max; over > 0 {
			n := min(over, s.hosts)
			hosts[s.bin] -= n
			s.hosts -= n
			for k, i := range s.items {
				again[i] += n * s.count[k]
			}
		}
		if s.hosts > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

// cut leaves out the hosts that are beyond the limits of a plan. Those with the most
// value for what is limited stay.
func (s *session) cut(stacks []stack) []stack {
	l := s.in.Limits
	if l.Hosts <= 0 && l.MilliVCPU <= 0 {
		return stacks
	}
	hosts, vcpu := int64(math.MaxInt64), int64(math.MaxInt64)
	if l.Hosts > 0 {
		hosts = int64(l.Hosts)
	}
	if l.MilliVCPU > 0 {
		vcpu = l.MilliVCPU
	}
	price := func(st *stack) float64 { return s.p.bins[st.bin].price }
	slices.SortStableFunc(stacks, func(a, b stack) int { return -cmp.Compare(price(&a), price(&b)) })
	kept := stacks[:0]
	for _, st := range stacks {
		n := min(st.hosts, hosts)
		if size := s.p.bins[st.bin].room[0]; size > 0 {
			n = min(n, vcpu/size)
		}
		if n <= 0 {
			continue
		}
		st.hosts = n
		hosts -= n
		vcpu -= n * s.p.bins[st.bin].room[0]
		kept = append(kept, st)
	}
	return kept
}
