package packing

import (
	"cmp"
	"slices"
)

// fewJobs is up to how many jobs on a host it is searched with a table of what they may be
// worth at most. With more the table is too coarse, and the linear relaxation is close.
const fewJobs = 16

// seekNodes is how many steps of the search one branch of the budget stands for.
const seekNodes = 200

// mostFinds bounds how many fillings of one search are kept.
const mostFinds = 400

// find is a filling worth more than was asked for.
type find struct {
	worth float64
	filling
}

// few reports whether the filling found has few jobs.
func (k *knapsack) few() bool {
	jobs := int64(0)
	for _, c := range k.best[:k.n] {
		jobs += c
	}
	return jobs <= fewJobs
}

// exact goes through all fillings that are worth more than target, as far as nodes go. It
// returns a bound on what any is worth, leaves the best of them in k.best, those that are
// the best for one of their jobs in k.finds, and for each job the most that a filling
// with it is worth in k.most: that is all of them if k.cut is false.
func (k *knapsack) exact(nodes int, target float64, m *meter) float64 {
	room := k.p.bins[k.bin].room
	all := k.n
	defer func() { k.n = all }()
	k.n = k.hopeful(target)
	copy(k.open[:k.n], k.limit[:k.n])
	clear(k.base[:k.n])
	k.left = [dims]float64{1, 1, 1}
	k.minimise(m)
	if k.table == nil {
		k.table = &ceiling{}
	}
	m.spend(int64(k.table.build(k)))
	k.ruled = true
	k.finds = k.finds[:0]
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
		k.listed = true
		bound = min(bound, max(k.target, k.found))
	}
	return bound
}

// hopeful moves the items that may be in a filling worth more than target to the front, in
// their order, and returns their number. The others would cost more room than they bring.
func (k *knapsack) hopeful(target float64) int {
	n := 0
	for j := range k.n {
		k.most[j] = 0
		if k.root+min(0, k.pull[j]) <= target {
			continue
		}
		k.swap(j, n)
		n++
	}
	k.pos = origin
	return n
}

// swap exchanges two items.
func (k *knapsack) swap(a, b int) {
	if a == b {
		return
	}
	k.item[a], k.item[b] = k.item[b], k.item[a]
	k.size[a], k.size[b] = k.size[b], k.size[a]
	k.need[a], k.need[b] = k.need[b], k.need[a]
	k.value[a], k.value[b] = k.value[b], k.value[a]
	k.soft[a], k.soft[b] = k.soft[b], k.soft[a]
	k.limit[a], k.limit[b] = k.limit[b], k.limit[a]
	k.open[a], k.open[b] = k.open[b], k.open[a]
	k.gain[a], k.gain[b] = k.gain[b], k.gain[a]
	k.pull[a], k.pull[b] = k.pull[b], k.pull[a]
	k.best[a], k.best[b] = k.best[b], k.best[a]
}

// seek goes through the items from at on; left is what the room that is left is worth in
// lambda.
func (k *knapsack) seek(at int, value float64, room vector, left float64) {
	if value > k.target {
		k.note(value)
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
			if k.nodes--; k.nodes <= 0 {
				k.cut = true
				return
			}
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

// note takes down the filling in k.count.
func (k *knapsack) note(value float64) {
	if value > k.found {
		k.found = value
		copy(k.best[:k.n], k.count[:k.n])
		clear(k.best[k.n:]) // of items that are not looked at
	}
	leads := false
	for j := range k.n {
		if k.count[j] > 0 && value > k.most[j] {
			k.most[j], leads = value, true
		}
	}
	k.nodes -= 1 + k.n/32
	if !leads || len(k.finds) >= mostFinds {
		return
	}
	f := find{worth: value}
	for j := range k.n {
		if k.count[j] > 0 {
			f.items = append(f.items, k.item[j])
			f.count = append(f.count, k.count[j])
		}
	}
	f.sort()
	k.finds = append(k.finds, f)
}

// apart returns up to n of the fillings found that have no job in common, the best first.
func (k *knapsack) apart(n int) []find {
	slices.SortStableFunc(k.finds, func(a, b find) int { return -cmp.Compare(a.worth, b.worth) })
	used := map[int32]bool{}
	var out []find
	for _, f := range k.finds {
		free := true
		for _, i := range f.items {
			free = free && !used[i]
		}
		if !free {
			continue
		}
		for _, i := range f.items {
			used[i] = true
		}
		if out = append(out, f); len(out) == n {
			break
		}
	}
	return out
}
