package packing

import (
	"math"
	"slices"
)

// floorClasses is how many classes the bound is made with where there are more kinds of
// jobs than can be told apart.
const floorClasses = 600

// floorColumns bounds the fillings of a packing that the linear program for it begins with.
const floorColumns = 4000

// floors makes values for very many kinds of jobs, such that no filling is worth more than
// its host: those of a coarser problem in which the jobs of a class are all as small as
// the smallest of them in each resource. Whatever a host holds it holds of the smaller
// ones too, so values that hold for them hold for the real ones.
func (p *problem) floors(out []stack, weight [dims]float64, c *classes, values []float64, u tariff, m *meter) []float64 {
	m.spend(classifyWork * int64(len(p.items)))
	fine := p.classify(floorClasses, weight, m)
	low := &problem{bins: p.bins, permits: p.permits, items: slices.Clone(fine.items)}
	center := make([]float64, len(low.items))
	classOf := make([]int32, len(p.items))
	coarseOf := make([]int32, len(p.items))
	for k, members := range c.members {
		for _, i := range members {
			coarseOf[i] = int32(k)
		}
	}
	demand := make([]int64, len(low.items))
	for k, members := range fine.members {
		need := vector{math.MaxInt64, math.MaxInt64, math.MaxInt64}
		sum, jobs := 0.0, 0.0
		for _, i := range members {
			classOf[i] = int32(k)
			for r := range dims {
				need[r] = min(need[r], p.items[i].need[r])
			}
			of := coarseOf[i]
			v := values[of]
			if full := c.value(u, int(of)); full > 0 {
				v *= p.worth(u, int(i)) / full
			}
			sum += v * float64(p.items[i].demand)
			jobs += float64(p.items[i].demand)
		}
		it := &low.items[k]
		it.need = need
		it.size = [dims]float64{float64(need[0]), float64(need[1]), float64(need[2])}
		it.demand = 0
		for _, i := range members {
			it.demand += p.items[i].demand
		}
		demand[k] = it.demand
		center[k] = sum / max(jobs, 1)
	}
	low.prepare()
	g := &generator{p: low, sack: newKnapsack(low), several: 6}
	if jobsPerHost(out) <= fewEach {
		g.effort = 1
	}
	step := max(1, len(out)/floorColumns)
	for s := 0; s < len(out); s += step {
		st := stack{bin: out[s].bin, hosts: 1, filling: filling{count: slices.Clone(out[s].count)}}
		for _, i := range out[s].items {
			st.items = append(st.items, classOf[i])
		}
		st.sort()
		st.join()
		g.pool = append(g.pool, low.asColumn(&st))
	}
	lent := m.left * 3 / 4 // the rest is for the proof
	part := m.part(lent)
	g.solve(demand, center, 0, &part, 1e-3)
	m.settle(lent, &part)
	g.bound(center, demand, boundBranches, m)
	proven := make([]float64, len(p.items))
	for i := range proven {
		proven[i] = center[classOf[i]]
	}
	return proven
}
