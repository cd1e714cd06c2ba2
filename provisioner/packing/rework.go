package packing

import (
	"cmp"
	"slices"
)

const (
	reworkPasses = 3
	reworkItems  = 80         // kinds of jobs packed anew at a time
	reworkStep   = 60_000_000 // work for them at most
	reworkSlack  = 0.004      // part of the price of hosts below which there is nothing to gain
)

// rework packs some hosts anew, as a problem of their own in which all kinds of jobs are
// told apart: first those that are worth the least for their price, by values, then in
// other mixtures. It is for packings that were planned by classes.
func (p *problem) rework(stacks []stack, values []float64, m *meter) []stack {
	for pass := range reworkPasses {
		key := func(n int) float64 {
			s := &stacks[n]
			if pass == 0 {
				return p.slack(s, values) / p.bins[s.bin].price
			}
			return float64(uint32((n+1)*(2*pass+1)) * 2654435761 >> 3)
		}
		type ranked struct {
			key float64
			at  int
		}
		order := make([]ranked, len(stacks))
		for n := range order {
			order[n] = ranked{key(n), n}
		}
		slices.SortFunc(order, func(a, b ranked) int { return cmp.Or(-cmp.Compare(a.key, b.key), cmp.Compare(a.at, b.at)) })
		gone := make([]bool, len(stacks))
		var fresh []stack
		for next := 0; next < len(order) && m.more(); {
			var chunk []int
			kinds := 0
			price, slack := 0.0, 0.0
			for ; next < len(order) && kinds < reworkItems; next++ {
				s := &stacks[order[next].at]
				chunk = append(chunk, order[next].at)
				kinds += len(s.items)
				price += p.bins[s.bin].price * float64(s.hosts)
				slack += p.slack(s, values) * float64(s.hosts)
			}
			if slack < reworkSlack*price {
				if pass == 0 {
					break
				}
				continue
			}
			better := p.anew(stacks, chunk, m)
			if better == nil {
				continue
			}
			for _, n := range chunk {
				gone[n] = true
			}
			fresh = append(fresh, better...)
		}
		if !m.more() || len(fresh) == 0 && pass > 0 {
			return p.replaced(stacks, gone, fresh)
		}
		stacks = p.replaced(stacks, gone, fresh)
	}
	return stacks
}

func (p *problem) replaced(stacks []stack, gone []bool, fresh []stack) []stack {
	var out []stack
	for n := range stacks {
		if !gone[n] {
			out = append(out, stacks[n])
		}
	}
	return append(out, fresh...)
}

// slack is what a host costs more than its jobs are worth.
func (p *problem) slack(s *stack, values []float64) float64 {
	worth := 0.0
	for k, i := range s.items {
		worth += values[i] * float64(s.count[k])
	}
	return p.bins[s.bin].price - worth
}

// anew packs the jobs of a chunk of hosts by themselves; nil if that is no cheaper.
func (p *problem) anew(stacks []stack, chunk []int, m *meter) []stack {
	sub := &problem{bins: p.bins, permits: p.permits, starts: p.starts, quick: true}
	at := map[int32]int32{}
	var items []int32
	var left []int64
	cost := 0.0
	for _, n := range chunk {
		s := &stacks[n]
		cost += p.bins[s.bin].price * float64(s.hosts)
		for k, i := range s.items {
			to, ok := at[i]
			if !ok {
				to = int32(len(items))
				at[i] = to
				items = append(items, i)
				sub.items = append(sub.items, p.items[i])
				left = append(left, 0)
			}
			left[to] += s.count[k] * s.hosts
		}
	}
	if len(items) > maxClasses {
		return nil
	}
	lent := min(m.left, reworkStep)
	part := m.part(lent)
	out, _ := sub.pack(left, &part)
	m.settle(lent, &part)
	p.keepScraps(out, items)
	if sub.cost(out) >= cost*(1-1e-6) {
		return nil
	}
	for s := range out {
		for k, i := range out[s].items {
			out[s].items[k] = items[i]
		}
		out[s].sort()
	}
	return out
}

// mostScraps bounds how many fillings are kept.
const mostScraps = 20_000

// keepScraps remembers the fillings of a part of a packing, which may be of use elsewhere.
func (p *problem) keepScraps(stacks []stack, items []int32) {
	for s := range stacks {
		if len(p.scraps) >= mostScraps {
			return
		}
		st := stack{bin: stacks[s].bin, hosts: 1, filling: filling{count: slices.Clone(stacks[s].count)}}
		for _, i := range stacks[s].items {
			st.items = append(st.items, items[i])
		}
		st.sort()
		p.scraps = append(p.scraps, st)
	}
}
