package packing

import (
	"cmp"
	"slices"
)

// memory is what a plan keeps for the next one, when most jobs are the same.
type memory struct {
	types  []Type
	p      *problem
	left   []int64 // demand of each item
	stacks []stack
	values []float64 // no filling is worth more than its host costs
}

func newMemory(in *Input, s *session, stacks []stack, values []float64) *memory {
	return &memory{types: slices.Clone(in.Types), p: s.p, left: slices.Clone(s.left), stacks: slices.Clone(stacks), values: values}
}

// remembered is the memory of the plan before, if it was made for the same types.
func (in *Input) remembered() *memory {
	if in.Warm == nil || in.Warm.memory == nil || !slices.Equal(in.Warm.memory.types, in.Types) {
		return nil
	}
	return in.Warm.memory
}

// mostChanged is up to which part of the jobs (by value) a plan is made from the one
// before. Beyond that the search begins anew.
const mostChanged = 0.1

// keepWorth is how much of its price the jobs of a host must be worth for it to stay
// when some of them were gone and others took their place; mendWorth is how much they
// must be worth before.
const (
	keepWorth = 0.97
	mendWorth = 0.5
)

// mostItems is up to how many items are packed by themselves where a plan is made from
// the one before.
const mostItems = 3000

// again makes a plan from the one before: hosts whose jobs are all still there stay as
// they are, the rest is packed by what jobs were worth then. It reports false where
// there is no plan before or too much has changed.
func (s *session) again(m *meter) ([]stack, []float64, bool) {
	old := s.in.remembered()
	if old == nil || !slices.Equal(old.p.permissions, s.p.permissions) {
		return nil, nil, false
	}
	p := s.p
	// Items of then, as items of now.
	now := make([]int32, len(old.p.items))
	values := make([]float64, len(p.items))
	proven := make([]float64, len(p.items))
	for i := range now {
		it := &old.p.items[i]
		now[i] = -1
		if n, ok := p.index[kind{it.need, it.permit}]; ok && n >= 0 {
			now[i] = int32(n)
			values[n] = old.values[i]
			// More of an item than there were may make fillings possible that were not, but
			// not where there were more than any host holds.
			have := min(s.left[n], old.left[i])
			if old.left[i] >= p.mostOnOne(n) {
				have = s.left[n]
			}
			if s.left[n] > 0 {
				proven[n] = old.values[i] * float64(have) / float64(s.left[n])
			}
		}
	}
	left := slices.Clone(s.left)
	kept := make([]stack, 0, len(old.stacks)+16)
	var holes []stack // hosts that have lost jobs
	for o := range old.stacks {
		kept, holes = p.keepStack(&old.stacks[o], now, left, values, kept, holes)
	}
	kept = p.mend(holes, left, values, kept)
	total, open := 0.0, 0.0
	weights := p.weights()
	rest := &problem{bins: p.bins, permits: p.permits}
	var items []int32
	for i, n := range left {
		worth := 0.0
		for r := range dims {
			worth += weights[r] * p.items[i].size[r]
		}
		total += worth * float64(s.left[i])
		open += worth * float64(n)
		if n > 0 {
			it := p.items[i]
			it.demand = n
			rest.items = append(rest.items, it)
			items = append(items, int32(i))
			if values[i] == 0 {
				values[i] = -1 // new: see below
			}
		}
	}
	if open > mostChanged*total {
		return nil, nil, false
	}
	if len(items) > mostItems {
		return nil, nil, false
	}
	if len(items) > 0 {
		rest.prepare()
		worth := make([]float64, len(items))
		demand := make([]int64, len(items))
		members := make([][]int32, len(items))
		for k, i := range items {
			worth[k] = values[i]
			if worth[k] < 0 {
				worth[k], values[i] = rest.homePrice[k], 0
			}
			demand[k] = left[i]
			members[k] = items[k : k+1]
		}
		e := &emitter{fine: p, coarse: &classes{problem: rest, members: members}, exact: true}
		g := &generator{
			p: rest, sack: newKnapsack(rest), emit: e,
			sums: make([]float64, len(items)), jobs: make([]float64, len(items)),
		}
		tries := warmTries
		if len(items) > maxClasses {
			tries = 1
		}
		g.finish(demand, worth, tries, m)
		kept = append(kept, e.out...)
	}
	hosts := make([]int64, len(p.bins))
	for k := range kept {
		if hosts[kept[k].bin] += kept[k].hosts; hosts[kept[k].bin] > p.bins[kept[k].bin].max {
			return nil, nil, false
		}
	}
	return p.improve(kept, m), proven, true
}

// warmTries is how many packings of what changed are tried.
const warmTries = 3

// mostOnOne is how many jobs of an item one host of any type holds at most.
func (p *problem) mostOnOne(i int) int64 {
	most := int64(0)
	for t := range p.bins {
		if p.permits[p.items[i].permit][t] {
			most = max(most, p.items[i].need.times(p.bins[t].room, 1<<60))
		}
	}
	return most
}

// keepStack takes over hosts whose jobs are still there, and among holes those that have
// lost some.
func (p *problem) keepStack(s *stack, now []int32, left []int64, values []float64, kept, holes []stack) (_, _ []stack) {
	out := stack{bin: s.bin}
	for hosts := s.hosts; hosts > 0; {
		out.items, out.count = out.items[:0], out.count[:0]
		out.hosts = hosts
		worth := 0.0
		for k, old := range s.items {
			i := now[old]
			if i < 0 || left[i] == 0 {
				continue
			}
			c := min(s.count[k], left[i])
			out.items = append(out.items, i)
			out.count = append(out.count, c)
			out.hosts = min(out.hosts, left[i]/c)
			worth += float64(c) * values[i]
		}
		full := slices.Equal(out.count, s.count)
		if len(out.items) == 0 || !full && worth < mendWorth*p.bins[s.bin].price {
			return kept, holes
		}
		for k, i := range out.items {
			left[i] -= out.count[k] * out.hosts
		}
		hosts -= out.hosts
		keep := stack{bin: s.bin, hosts: out.hosts, filling: filling{items: slices.Clone(out.items), count: slices.Clone(out.count)}}
		keep.sort()
		if full {
			kept = append(kept, keep)
		} else {
			holes = append(holes, keep)
		}
	}
	return kept, holes
}

// mendItems and mendHosts bound what is tried to fill holes.
const (
	mendItems = 300
	mendHosts = 3000
)

// mend puts jobs that have no place, the dearest first, where others are gone. Hosts
// that are still not worth their price are given up: their jobs are packed anew.
func (p *problem) mend(holes []stack, left []int64, values []float64, kept []stack) []stack {
	var items []int32
	for i, n := range left {
		if n > 0 {
			items = append(items, int32(i))
		}
	}
	w := p.weights()
	size := func(i int32) float64 {
		s := &p.items[i].size
		return w[0]*s[0] + w[1]*s[1] + s[2]
	}
	slices.SortStableFunc(items, func(a, b int32) int { return -cmp.Compare(size(a), size(b)) })
	for h := range holes {
		s := &holes[h]
		if h < mendHosts && s.hosts == 1 {
			room := p.bins[s.bin].room
			used := p.used(s)
			room = room.minus(1, used)
			tried := 0
			for _, i := range items {
				if left[i] == 0 || !p.permits[p.items[i].permit][s.bin] {
					continue
				}
				if tried++; tried > mendItems {
					break
				}
				if n := p.items[i].need.times(room, left[i]); n > 0 {
					room = room.minus(n, p.items[i].need)
					left[i] -= n
					s.items = append(s.items, i)
					s.count = append(s.count, n)
				}
			}
			s.sort()
			s.join()
		}
		worth := 0.0
		for k, i := range s.items {
			v := values[i]
			if v == 0 {
				v = size(i) // new
			}
			worth += v * float64(s.count[k])
		}
		if worth >= keepWorth*p.bins[s.bin].price {
			kept = append(kept, *s)
			continue
		}
		for k, i := range s.items {
			left[i] += s.count[k] * s.hosts
		}
	}
	return kept
}
