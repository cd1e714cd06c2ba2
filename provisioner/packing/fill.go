package packing

import "math"

// roundDown adds to k.base the solution of the linear relaxation, rounded down. Items
// that are worth more than their lambda-priced size are all in; those at the corner
// fill up the rest together. split is the item that is cut the most, or -1.
func (k *knapsack) roundDown(room vector, worth float64) (_ vector, _ float64, split int) {
	for j := range k.n {
		if k.open[j] == 0 || k.gain[j]+k.soft[j]-k.value[j] <= 10*k.spread || held(k.pos, int32(j)) {
			continue
		}
		c := k.need[j].times(room, k.open[j])
		k.base[j] += c
		k.open[j] -= c
		room = room.minus(c, k.need[j])
		worth += float64(c) * k.value[j]
	}
	// The amounts of the corner's items: their sizes add up to what is left, but for
	// resources without a price.
	left := k.part(room)
	split = -1
	most := 1e-6
	for e, j := range k.pos {
		if j < 0 {
			continue
		}
		amount := 0.0
		for r := range dims {
			amount += k.edges[e][r] * left[r]
		}
		amount = min(max(0, amount), float64(k.open[j]))
		whole := math.Floor(amount + 1e-7)
		if cut := min(amount-whole, whole+1-amount); cut > most {
			most, split = cut, int(j)
		}
		c := k.need[j].times(room, min(int64(whole), k.open[j]))
		k.base[j] += c
		k.open[j] -= c
		room = room.minus(c, k.need[j])
		worth += float64(c) * k.value[j]
	}
	return room, worth, split
}

// part is room as parts of the whole.
func (k *knapsack) part(room vector) (left [dims]float64) {
	for r := range dims {
		if full := k.p.bins[k.bin].room[r]; full > 0 {
			left[r] = float64(room[r]) / float64(full)
		}
	}
	return left
}

// completeNodes bounds the search for what fills up a host that is nearly full.
const completeNodes = 150

// complete searches for the best additions to k.base within k.open.
func (k *knapsack) complete(room vector, worth float64) {
	k.rest[k.n] = 0
	part := k.part(room)
	left := k.at[0]*part[0] + k.at[1]*part[1] + k.at[2]*part[2]
	for j := k.n - 1; j >= 0; j-- {
		k.rest[j] = k.rest[j+1] + max(0, k.gain[j])*float64(k.open[j])
		k.count[j] = k.base[j]
	}
	k.nodes, k.cut = completeNodes, false
	k.search(0, worth, room, left)
	k.spent += completeNodes - k.nodes + k.n
}

// search goes through the items from at on; left is what the room that is left is worth
// in lambda.
func (k *knapsack) search(at int, value float64, room vector, left float64) {
	if value > k.target {
		k.target, k.found = value*(1+1e-9), value
		copy(k.best[:k.n], k.count[:k.n])
	}
	for ; at < k.n; at++ {
		if k.open[at] == 0 {
			continue
		}
		if k.nodes--; k.nodes <= 0 {
			k.cut = true
			return
		}
		if value+left+k.rest[at] <= k.target {
			return
		}
		c := k.need[at].times(room, k.open[at])
		if c == 0 {
			continue
		}
		s := &k.size[at]
		each := k.at[0]*s[0] + k.at[1]*s[1] + k.at[2]*s[2]
		base := k.base[at]
		if loss := each - k.value[at]; loss > 0 {
			// Too many of it leave no hope: the bound falls by loss with each.
			if hope := (value + left + k.rest[at+1] - k.target) / loss; hope < float64(c) {
				c = int64(max(0, hope))
			}
		}
		for ; c > 0; c-- {
			if k.nodes--; k.nodes <= 0 {
				k.cut = true
				k.count[at] = base
				return
			}
			k.count[at] = base + c
			f := float64(c)
			if value+f*k.value[at]+left-f*each+k.rest[at+1] > k.target {
				k.search(at+1, value+f*k.value[at], room.minus(c, k.need[at]), left-f*each)
				if k.cut {
					k.count[at] = base
					return
				}
			} else if k.value[at] >= each {
				break // fewer of it bound even lower
			}
		}
		k.count[at] = base
	}
}

// polish looks for a better filling near the best one: without one of the jobs on it,
// what would fill up the host?
func (k *knapsack) polish(bound float64) {
	for range 2 {
		before := k.found
		copy(k.trial[:k.n], k.best[:k.n])
		for j := range k.n {
			if k.trial[j] == 0 || k.found >= bound*(1-1e-6) {
				continue
			}
			room, worth := k.p.bins[k.bin].room, 0.0
			for i := range k.n {
				c := k.trial[i]
				if i == j {
					c--
				}
				k.base[i], k.open[i] = c, k.limit[i]-c
				if c > 0 {
					room = room.minus(c, k.need[i])
					worth += float64(c) * k.value[i]
				}
			}
			k.complete(room, worth)
		}
		if k.found <= before*(1+1e-9) {
			return
		}
	}
}
