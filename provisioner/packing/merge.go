package packing

import (
	"cmp"
	"math"
	"slices"
)

// merge puts what is on several hosts of a bin onto one larger host that costs no more
// than they do together: with many families price and size grow alike, and a host less
// is a start less to wait and pay for. It is done where starting a host costs something.
func (p *problem) merge(stacks []stack) []stack {
	for range mergeRounds {
		before := len(stacks)
		merged := false
		for t := range p.bins {
			if p.bins[t].max < math.MaxInt64 {
				continue
			}
			into, k := p.larger(t)
			if k < 2 {
				continue
			}
			var did bool
			stacks, did = p.mergeBin(stacks, int32(t), int32(into), k)
			merged = merged || did
		}
		if !merged || len(stacks) > 4*before {
			break
		}
	}
	return stacks
}

// mergeRounds bounds how often hosts are merged: what came out may go into larger ones.
const mergeRounds = 6

// larger returns the bin that holds the most hosts of bin t for no more than they cost,
// and how many.
func (p *problem) larger(t int) (best int, hosts int64) {
	if p.wherever == nil {
		p.wherever = p.columns()
	}
	from := &p.bins[t]
	for b := range p.bins {
		to := &p.bins[b]
		if to.max < math.MaxInt64 || to.price <= from.price {
			continue
		}
		k := from.room.times(to.room, 1<<20)
		if k > hosts && to.price < from.price*float64(k) && within(p.wherever[t], p.wherever[b]) {
			best, hosts = b, k
		}
	}
	return best, hosts
}

// mergeBin takes k hosts of bin t at a time.
func (p *problem) mergeBin(stacks []stack, t, into int32, k int64) ([]stack, bool) {
	var singles []stack
	out := stacks[:0]
	var more []stack
	for _, s := range stacks {
		if s.bin != t {
			out = append(out, s)
			continue
		}
		if n := s.hosts / k; n > 0 {
			joined := stack{bin: into, hosts: n, filling: filling{items: slices.Clone(s.items), count: slices.Clone(s.count)}}
			for c := range joined.count {
				joined.count[c] *= k
			}
			more = append(more, joined)
			s.hosts -= n * k
		}
		if s.hosts > 0 {
			singles = append(singles, s)
		}
	}
	// Those that differ, in their order.
	var open stack
	filled := int64(0)
	slices.SortStableFunc(singles, func(a, b stack) int { return slices.Compare(a.items, b.items) })
	total := int64(0)
	for _, s := range singles {
		total += s.hosts
	}
	bundles := total / k
	for _, s := range singles {
		for bundles > 0 && s.hosts > 0 {
			n := min(k-filled, s.hosts)
			for c, i := range s.items {
				open.items = append(open.items, i)
				open.count = append(open.count, s.count[c]*n)
			}
			s.hosts -= n
			if filled += n; filled == k {
				open.bin, open.hosts = into, 1
				open.sort()
				open.join()
				more = append(more, open)
				open, filled = stack{}, 0
				bundles--
			}
		}
		if s.hosts > 0 {
			out = append(out, s)
		}
	}
	out = append(out, more...)
	slices.SortStableFunc(out, func(a, b stack) int { return cmp.Compare(a.bin, b.bin) })
	return out, len(more) > 0
}
