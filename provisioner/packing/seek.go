package packing

// fewJobs is up to how many jobs on a host it is searched with a table of what they may be
// worth at most. With more the table is too coarse, and the linear relaxation is close.
const fewJobs = 16

// seekNodes is how many steps of the search one branch of the budget stands for.
const seekNodes = 200

// few reports whether the filling found has few jobs.
func (k *knapsack) few() bool {
	jobs := int64(0)
	for _, c := range k.best[:k.n] {
		jobs += c
	}
	return jobs <= fewJobs
}

// exact searches all fillings that may be worth more than target, as far as nodes go, and
// returns a bound on what any is worth.
func (k *knapsack) exact(nodes int, target float64, m *meter) float64 {
	room := k.p.bins[k.bin].room
	copy(k.open[:k.n], k.limit[:k.n])
	clear(k.base[:k.n])
	k.left = [dims]float64{1, 1, 1}
	k.minimise(m)
	if k.table == nil {
		k.table = &ceiling{}
	}
	m.spend(int64(k.table.build(k)))
	bound := k.table.above(room)
	if bound <= target {
		return bound
	}
	k.rest[k.n] = 0
	for j := k.n - 1; j >= 0; j-- {
		k.rest[j] = k.rest[j+1] + max(0, k.gain[j])*float64(k.open[j])
		k.count[j] = 0
	}
	k.target = target
	k.nodes, k.cut = nodes, false
	k.seek(0, 0, room, k.at[0]+k.at[1]+k.at[2])
	k.spent += nodes - k.nodes
	if !k.cut {
		bound = min(bound, max(k.target, k.found))
	}
	return bound
}

// seek goes through the items from at on; left is what the room that is left is worth in
// lambda.
func (k *knapsack) seek(at int, value float64, room vector, left float64) {
	if value > k.target {
		k.target, k.found = value*(1+1e-9), value
		copy(k.best[:k.n], k.count[:k.n])
	}
	for ; at < k.n; at++ {
		if value+left+k.rest[at] <= k.target {
			return
		}
		if k.nodes--; k.nodes <= 0 {
			k.cut = true
			return
		}
		s := &k.size[at]
		each := k.at[0]*s[0] + k.at[1]*s[1] + k.at[2]*s[2]
		for c := k.need[at].times(room, k.limit[at]); c > 0; c-- {
			f := float64(c)
			worth := value + f*k.value[at]
			if worth+left-f*each+k.rest[at+1] <= k.target {
				if k.value[at] >= each {
					break // fewer of it bound even lower
				}
				continue
			}
			after := room.minus(c, k.need[at])
			if worth+k.table.above(after) <= k.target {
				continue
			}
			k.count[at] = c
			k.seek(at+1, worth, after, left-f*each)
			k.count[at] = 0
			if k.cut {
				return
			}
		}
	}
}
