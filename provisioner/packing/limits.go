package packing

import (
	"cmp"
	"math"
	"slices"
)

// packWithin packs with no more hosts of a type than there may be: what a plan has too
// many of, those worth the least, is packed again without the type. With each set of types
// that are left comes a proof of what no packing can be below.
func (p *problem) packWithin(left []int64, m *meter) ([]stack, []proof) {
	lent := m.left
	if p.limited() {
		lent = lent * 6 / 10 // the rest is for what has to be packed again
	}
	first := m.part(lent)
	stacks, values := p.pack(left, &first)
	m.settle(lent, &first)
	proofs := []proof{{values: values}}
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
		if len(proofs) < mostProofs && p.proofWork() < m.left {
			proofs = append(proofs, p.proofBeyond(bins, left, m))
		}
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
		if !m.more() {
			stacks = append(stacks, p.remaining(stacks).firstFit(again)...)
			break
		}
		more, _ := bins.pack(again, m)
		stacks = append(stacks, more...)
	}
	return stacks, proofs
}

// limited reports whether there may be only so many hosts of some type.
func (p *problem) limited() bool {
	return slices.ContainsFunc(p.bins, func(b bin) bool { return b.max < math.MaxInt64 })
}

// proof is a bound: values such that no filling of any bin is worth more than its price and
// its toll. Whatever packing there is, its hosts cost what its jobs are worth at least, less
// the tolls of its hosts; and of a bin with a toll there are no more than its limit. Together
// with the values the tolls are a dual of the linear program with a row for each limit.
type proof struct {
	values []float64
	tolls  float64 // of as many hosts as there may be
}

// mostProofs bounds the proofs of one plan.
const mostProofs = 3

// proofWork is about the work of finding the tolls of all limited bins.
func (p *problem) proofWork() int64 {
	const each = 400 // steps for an item
	bins := 0
	for t := range p.bins {
		if p.bins[t].max < math.MaxInt64 {
			bins++
		}
	}
	return int64(bins) * int64(len(p.items)) * each
}

// bound is what no packing of the jobs on hosts can be below.
func (f *proof) bound(stacks []stack) float64 {
	sum := -f.tolls
	for s := range stacks {
		for k, i := range stacks[s].items {
			sum += f.values[i] * float64(stacks[s].count[k]) * float64(stacks[s].hosts)
		}
	}
	return sum
}

// proofBeyond makes the proof that counts where there are too few hosts of some types: jobs
// are worth what they cost on the others, bins, and hosts of those types, which would be
// worth more than their price, have the difference as their toll.
func (p *problem) proofBeyond(bins *problem, left []int64, m *meter) proof {
	open := slices.Clone(left)
	for i := range open {
		if open[i] > 0 && !bins.placeable(i) {
			open[i] = 0
		}
	}
	lent := m.left / 2
	part := m.part(lent)
	_, values := (&problem{items: slices.Clone(bins.items), bins: bins.bins, permits: bins.permits, starts: bins.starts}).pack(open, &part)
	m.settle(lent, &part)
	f := proof{values: slices.Clone(values)}
	for i := range p.items {
		p.items[i].demand = left[i]
	}
	p.prepare()
	for i := range open {
		if open[i] < left[i] { // only the limited ones hold it
			f.values[i] = p.homePrice[i]
		}
	}
	k := newKnapsack(p)
	for t := range p.bins {
		b := &p.bins[t]
		if b.max == math.MaxInt64 {
			continue
		}
		branches := boundBranches
		if !m.more() {
			branches = 0
		}
		_, most := k.solve(t, f.values, left, b.price, branches, m)
		if toll := most*(1+1e-9) - b.price; toll > 0 {
			f.tolls += toll * float64(b.max)
		}
	}
	return f
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

// remaining is the problem with as many hosts as a packing leaves.
func (p *problem) remaining(stacks []stack) *problem {
	out := &problem{starts: p.starts, items: p.items, bins: slices.Clone(p.bins), permits: p.permits}
	for s := range stacks {
		if b := &out.bins[stacks[s].bin]; b.max < math.MaxInt64 {
			b.max = max(0, b.max-stacks[s].hosts)
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

// within reports whether a packing keeps to the limits.
func (p *problem) within(stacks []stack, l Limits) bool {
	var hosts, vcpu int64
	for i := range stacks {
		hosts += stacks[i].hosts
		vcpu += stacks[i].hosts * p.bins[stacks[i].bin].room[0]
	}
	return (l.Hosts <= 0 || hosts <= int64(l.Hosts)) && (l.MilliVCPU <= 0 || vcpu <= l.MilliVCPU)
}
