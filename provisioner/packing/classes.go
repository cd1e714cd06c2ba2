package packing

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
)

// Items that are nearly alike are planned as one class, as large as the largest of
// them: the work of column generation grows with the square of what it tells apart.
// Whatever is planned for a class then holds for each of its items, and what room that
// leaves on a host is filled up when the real jobs are put there (see emit).

// maxClasses is how many classes there are at most. It bounds memory and time of the
// linear program.
const maxClasses = 200

// negligible is the part of the whole value that may be lost by joining items.
const negligible = 0.0005

// tooMuch is the part of the whole value that joining items may lose before classes take
// the mean size of their jobs.
const tooMuch = 0.003

// meanNeed is the mean of what the jobs of items need, rounded up.
func (p *problem) meanNeed(items []int32) vector {
	var sum [dims]float64
	jobs := 0.0
	for _, i := range items {
		n := float64(p.items[i].demand)
		jobs += n
		for r := range dims {
			sum[r] += n * p.items[i].size[r]
		}
	}
	var need vector
	for r := range dims {
		need[r] = int64(math.Ceil(sum[r] / max(jobs, 1)))
	}
	return need
}

// classes is a coarser problem.
type classes struct {
	*problem
	members [][]int32 // items of the fine problem, by class
	// mean says that a class has the mean size of its jobs, not the largest: where all
	// would be taken for as large as the largest, much would be paid for nothing.
	mean bool
}

// cluster is a class in the making.
type cluster struct {
	items  []int32
	need   vector
	excess float64 // what is lost by taking all of its jobs for as large as the largest
}

type clusters []cluster

func (c clusters) Len() int           { return len(c) }
func (c clusters) Less(i, j int) bool { return c[i].excess > c[j].excess }
func (c clusters) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }

// Push is for container/heap.
func (c *clusters) Push(x any) { *c = append(*c, x.(cluster)) }

// Pop is for container/heap.
func (c *clusters) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// classify joins items, at most limit classes: from one class for each GPU count and
// permit on, the one that loses the most is split where that saves the most. weight
// tells what a unit of each resource is worth, roughly.
func (p *problem) classify(limit int, weight [dims]float64, m *meter) *classes {
	if limit == 0 {
		return p.singly()
	}
	worth := func(v vector) float64 {
		return weight[0]*float64(v[0]) + weight[1]*float64(v[1]) + weight[2]*float64(v[2])
	}
	total := 0.0
	type gpuKind struct {
		permit int
		gpus   int64
	}
	kinds := map[gpuKind]int{}
	var all clusters
	for i := range p.items {
		it := &p.items[i]
		total += worth(it.need) * float64(it.demand)
		k := gpuKind{it.permit, it.need[2]}
		at, ok := kinds[k]
		if !ok {
			at = len(all)
			kinds[k] = at
			all = append(all, cluster{})
		}
		all[at].items = append(all[at].items, int32(i))
	}
	finish := func(c *cluster) {
		c.need, c.excess = vector{}, 0
		for _, i := range c.items {
			for r := range dims {
				c.need[r] = max(c.need[r], p.items[i].need[r])
			}
		}
		for _, i := range c.items {
			c.excess += (worth(c.need) - worth(p.items[i].need)) * float64(p.items[i].demand)
		}
		fits := false
		for t := range p.bins {
			if p.permits[p.items[c.items[0]].permit][t] && c.need.fits(p.bins[t].room) {
				fits = true
				break
			}
		}
		if !fits {
			c.excess = total // no type holds the largest of both: split first
		}
	}
	lost := 0.0
	for c := range all {
		finish(&all[c])
		lost += all[c].excess
	}
	heap.Init(&all)
	for len(all) < 4*limit && m.more() && (len(all) < limit && lost > negligible*total || all[0].excess >= total) {
		c := heap.Pop(&all).(cluster)
		if c.excess <= 0 || len(c.items) < 2 {
			heap.Push(&all, c)
			break
		}
		a, b := p.split(c, weight)
		finish(&a)
		finish(&b)
		lost += a.excess + b.excess - c.excess
		heap.Push(&all, a)
		heap.Push(&all, b)
	}
	slices.SortFunc(all, func(a, b cluster) int { return cmp.Compare(slices.Min(a.items), slices.Min(b.items)) })

	out := &classes{problem: &problem{bins: p.bins, permits: p.permits}, mean: lost > tooMuch*total}
	for _, c := range all {
		if out.mean {
			c.need = p.meanNeed(c.items)
		}
		it := item{need: c.need, permit: p.items[c.items[0]].permit}
		for r := range dims {
			it.size[r] = float64(c.need[r])
		}
		for _, i := range c.items {
			it.demand += p.items[i].demand
		}
		// The largest first: that is how they are taken.
		slices.SortFunc(c.items, func(a, b int32) int {
			return cmp.Or(-cmp.Compare(worth(p.items[a].need), worth(p.items[b].need)), cmp.Compare(a, b))
		})
		out.items = append(out.items, it)
		out.members = append(out.members, c.items)
	}
	out.prepare()
	return out
}

// split parts a cluster in two along vCPUs or memory, where the least is lost after.
func (p *problem) split(c cluster, weight [dims]float64) (cluster, cluster) {
	best, bestSaved, bestAt := 0, -1.0, 0
	for r := range 2 {
		slices.SortFunc(c.items, func(a, b int32) int {
			return cmp.Or(cmp.Compare(p.items[a].need[r], p.items[b].need[r]), cmp.Compare(p.items[a].need[1-r], p.items[b].need[1-r]), cmp.Compare(a, b))
		})
		jobs := 0.0
		other := 0.0 // the largest of the other resource so far
		for n, i := range c.items[:len(c.items)-1] {
			jobs += float64(p.items[i].demand)
			other = max(other, p.items[i].size[1-r])
			next := c.items[n+1]
			if p.items[i].need[r] == p.items[next].need[r] {
				continue
			}
			saved := jobs * (weight[r]*float64(c.need[r]-p.items[i].need[r]) + weight[1-r]*(float64(c.need[1-r])-other))
			if saved > bestSaved {
				best, bestSaved, bestAt = r, saved, n+1
			}
		}
	}
	if best == 0 {
		slices.SortFunc(c.items, func(a, b int32) int {
			return cmp.Or(cmp.Compare(p.items[a].need[0], p.items[b].need[0]), cmp.Compare(p.items[a].need[1], p.items[b].need[1]), cmp.Compare(a, b))
		})
	}
	if bestSaved < 0 {
		bestAt = len(c.items) / 2
	}
	return cluster{items: slices.Clone(c.items[:bestAt])}, cluster{items: slices.Clone(c.items[bestAt:])}
}

// singly makes each item a class.
func (p *problem) singly() *classes {
	out := &classes{problem: &problem{bins: p.bins, permits: p.permits, items: p.items}, members: make([][]int32, len(p.items))}
	ids := make([]int32, len(p.items))
	for i := range ids {
		ids[i] = int32(i)
		out.members[i] = ids[i : i+1]
	}
	out.prepare()
	return out
}

// typical is the same classes with the mean size of their jobs, for prices; fine is the
// problem of the items.
func (c *classes) typical(fine *problem) *problem {
	out := *c.problem
	out.items = slices.Clone(c.items)
	for k, members := range c.members {
		if len(members) == 1 {
			continue
		}
		var sum [dims]float64
		jobs := 0.0
		for _, i := range members {
			n := float64(fine.items[i].demand)
			jobs += n
			for r := range dims {
				sum[r] += n * fine.items[i].size[r]
			}
		}
		for r := range dims {
			if jobs > 0 {
				out.items[k].size[r] = sum[r] / jobs
			}
		}
	}
	return &out
}
