package packing

// brancher is an exact search by branch and bound: the item that the linear relaxation
// cuts is taken at least once more, or at most as often as fits.
type brancher struct {
	k    *knapsack
	left int // nodes
	m    *meter
	low  []int64
	high []int64
}

// branch returns a bound on what may be reached from here.
func (b *brancher) branch(room vector, worth float64) float64 {
	k := b.k
	k.left = k.part(room)
	for j := range k.n {
		k.base[j] = b.low[j]
		k.open[j] = k.need[j].times(room, b.high[j]-b.low[j])
	}
	bound := worth + k.minimise(b.m)
	if bound <= k.target {
		return bound
	}
	if b.left--; b.left <= 0 {
		return bound
	}
	roomAfter, worthAfter, split := k.roundDown(room, worth)
	var whole int64
	if split >= 0 {
		whole = k.base[split]
	}
	k.complete(roomAfter, worthAfter)
	if bound <= k.target {
		return bound
	}
	if split < 0 {
		return bound // it is reached, but for rounding
	}
	reached := 0.0
	// More of it first: large items are what makes the difference.
	low, high := b.low[split], b.high[split]
	if more := whole + 1 - low; k.need[split].times(room, more) == more {
		b.low[split] = whole + 1
		reached = b.branch(room.minus(more, k.need[split]), worth+float64(more)*k.value[split])
		b.low[split] = low
	}
	b.high[split] = whole
	reached = max(reached, b.branch(room, worth))
	b.high[split] = high
	return min(bound, reached)
}
