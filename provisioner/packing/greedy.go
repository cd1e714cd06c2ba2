package packing

// stack is equal hosts.
type stack struct {
	bin int32
	filling
	hosts int64
}

// greedy packs what is left of the demand host by host: each time the bin and the
// filling worth the most for its price, by values, as often as it repeats. What a bin
// can be worth only falls while jobs go, so most bins need no second look each time.
//
// Where the clock ends the search some of the demand is left. A ratio of enough is taken without a look at the other bins. It appends to out.
func (g *generator) greedy(demand []int64, values []float64, enough float64, out []stack, m *meter) []stack {
	p := g.p
	last := g.ratios
	if last == nil {
		last = make([]float64, len(p.bins))
		g.ratios = last
	}
	for t := range last {
		last[t] = 2
	}
	left := int64(0)
	for _, d := range demand {
		left += d
	}
	for left > 0 && (len(out) < greedyUnasked || m.more()) {
		best, bestRatio := -1, 0.0
		current := -1 // whose filling is in the knapsack
		for {
			t := -1
			for b := range last {
				if last[b] > bestRatio && b != best && (t < 0 || last[b] > last[t] || last[b] == last[t] && p.bins[b].price > p.bins[t].price) {
					t = b
				}
			}
			if t < 0 {
				break
			}
			found, _ := g.sack.solve(t, values, demand, 0, 0, m)
			ratio := found / p.bins[t].price
			last[t], current = ratio, t
			if ratio > bestRatio {
				best, bestRatio = t, ratio
			}
			if bestRatio >= enough {
				break
			}
		}
		if best < 0 {
			return out
		}
		if current != best {
			g.sack.solve(best, values, demand, 0, 0, m)
		}
		s := stack{bin: int32(best), filling: g.sack.taken(), hosts: 1 << 62}
		for k, i := range s.items {
			s.hosts = min(s.hosts, demand[i]/s.count[k])
		}
		for k, i := range s.items {
			demand[i] -= s.hosts * s.count[k]
			left -= s.hosts * s.count[k]
		}
		out = append(out, s)
	}
	return out
}

// greedyUnasked is how many kinds of hosts greedy finds before it asks the clock: without
// any a rest of a few jobs would be left out too often.
const greedyUnasked = 10

func (p *problem) cost(stacks []stack) float64 {
	sum := 0.0
	for i := range stacks {
		sum += p.bins[stacks[i].bin].price * float64(stacks[i].hosts)
	}
	return sum
}

// correct moves the values towards what the jobs cost in a packing: those on hosts that
// are worth less than their price become dearer, and are so packed earlier the next
// time. (Sequential value correction, after Mukhacheva 2000.)
func (g *generator) correct(stacks []stack, values []float64, weight float64) {
	p := g.p
	for i := range g.sums {
		g.sums[i], g.jobs[i] = 0, 0
	}
	for s := range stacks {
		st := &stacks[s]
		worth := 0.0
		for k, i := range st.items {
			worth += values[i] * float64(st.count[k])
		}
		if worth <= 0 {
			continue
		}
		dear := p.bins[st.bin].price / worth
		for k, i := range st.items {
			n := float64(st.count[k] * st.hosts)
			g.sums[i] += n * dear
			g.jobs[i] += n
		}
	}
	for i := range values {
		if g.jobs[i] > 0 {
			values[i] *= 1 - weight + weight*g.sums[i]/g.jobs[i]
		}
	}
}

// asColumn makes a column of a stack.
func (p *problem) asColumn(s *stack) column {
	n := make([]float64, len(s.count))
	for k, c := range s.count {
		n[k] = float64(c)
	}
	return column{bin: s.bin, price: p.bins[s.bin].price, rows: s.items, n: n}
}
