package packing

import "math"

// A corner of the bound of Lagrange as a function of lambda: where three of its creases
// meet. Each is an item whose value equals its lambda-priced size (>= 0), or the end of
// the range, lambda[r] = 0, as -1-r.
type corner [dims]int32

var origin = corner{-1, -2, -3}

// cornerSteps bounds the walk from corner to corner; a handful is usual.
const cornerSteps = 40

// minimise walks down the bound of Lagrange, for the room k.left and the amounts k.open,
// from corner to corner along its creases until none leads down: there it is as low as
// the linear relaxation of the knapsack. The bound is convex, so that is its minimum.
// It leaves lambda in k.at, the corner in k.pos, and returns the bound.
func (k *knapsack) minimise(m *meter) float64 {
	pos := k.pos
	lambda, edges, ok := k.solveCorner(pos)
	if !ok {
		pos = origin
		lambda, edges, _ = k.solveCorner(pos)
	}
	k.gains(lambda)
	for range cornerSteps {
		m.spend(int64(12 * k.n))
		moved := false
		// The steepest of the edges that lead down.
		bestSlope, bestEdge, bestSign := -1e-9, -1, 1.0
		for e := range dims {
			for _, sign := range [2]float64{1, -1} {
				if pos[e] < 0 && sign < 0 {
					continue // lambda stays at or above 0
				}
				d := edges[e]
				for r := range dims {
					d[r] *= sign
				}
				slope := k.slope(d)
				if length := math.Abs(d[0]) + math.Abs(d[1]) + math.Abs(d[2]); slope/length < bestSlope {
					bestSlope, bestEdge, bestSign = slope/length, e, sign
				}
			}
		}
		if bestEdge >= 0 {
			d := edges[bestEdge]
			for r := range dims {
				d[r] *= bestSign
			}
			if hit, ok := k.line(d, k.slope(d), lambda, pos); ok {
				next := pos
				next[bestEdge] = hit
				if l, ed, ok := k.solveCorner(next); ok {
					pos, lambda, edges, moved = next, l, ed, true
					k.gains(lambda)
				}
			}
		}
		if !moved {
			break
		}
	}
	k.pos, k.edges, k.at = pos, edges, lambda
	bound := 0.0
	for r := range dims {
		bound += lambda[r] * k.left[r]
	}
	for j := range k.n {
		s := &k.size[j]
		k.gain[j] = k.value[j] - lambda[0]*s[0] - lambda[1]*s[1] - lambda[2]*s[2]
		if k.gain[j] > 0 {
			bound += k.gain[j] * float64(k.open[j])
		}
	}
	return bound
}

func (k *knapsack) gains(lambda [dims]float64) {
	for j := range k.n {
		s := &k.size[j]
		k.gain[j] = k.soft[j] - lambda[0]*s[0] - lambda[1]*s[1] - lambda[2]*s[2]
	}
	k.spread = 1e-13 * (lambda[0] + lambda[1] + lambda[2])
}

// slope is how fast the bound rises from the corner into direction d.
func (k *knapsack) slope(d [dims]float64) float64 {
	slope := d[0]*k.left[0] + d[1]*k.left[1] + d[2]*k.left[2]
	for j := range k.n {
		g := k.gain[j]
		if g < -k.spread {
			continue
		}
		s := &k.size[j]
		rise := (d[0]*s[0] + d[1]*s[1] + d[2]*s[2]) * float64(k.open[j])
		if g > k.spread || rise < 0 {
			slope -= rise
		}
	}
	return slope
}

// line goes along d until the bound no longer falls, and returns the crease there.
func (k *knapsack) line(d [dims]float64, slope float64, lambda [dims]float64, pos corner) (int32, bool) {
	limit, hit := math.Inf(1), int32(-4)
	for r := range dims {
		if d[r] < -1e-15 {
			if t := lambda[r] / -d[r]; t < limit && !held(pos, int32(-1-r)) {
				limit, hit = t, int32(-1-r)
			}
		}
	}
	n := 0
	for j := range k.n {
		s := &k.size[j]
		rise := d[0]*s[0] + d[1]*s[1] + d[2]*s[2]
		g := k.gain[j]
		// Along d the gain falls by rise: a crease lies where it changes its sign.
		if rise > 1e-15 && g > k.spread || rise < -1e-15 && g < -k.spread {
			if t := g / rise; t < limit {
				k.breaks[n] = crease{t, math.Abs(rise) * float64(k.open[j]), int32(j)}
				n++
			}
		}
	}
	// Creases in their order, from a heap: few are passed.
	heap := k.breaks[:n]
	for i := n/2 - 1; i >= 0; i-- {
		siftDown(heap, i)
	}
	for len(heap) > 0 {
		first := heap[0]
		slope += first.bend
		if slope >= -1e-12 {
			return first.item, true
		}
		heap[0] = heap[len(heap)-1]
		heap = heap[:len(heap)-1]
		siftDown(heap, 0)
	}
	return hit, hit != -4
}

func held(pos corner, c int32) bool { return pos[0] == c || pos[1] == c || pos[2] == c }

// crease is where a line along the bound bends, and by how much.
type crease struct {
	at, bend float64
	item     int32
}

func siftDown(heap []crease, root int) {
	for {
		child := 2*root + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child+1].at < heap[child].at {
			child++
		}
		if heap[root].at <= heap[child].at {
			return
		}
		heap[root], heap[child] = heap[child], heap[root]
		root = child
	}
}

// solveCorner returns lambda at a corner, and the directions of its three creases:
// along edges[e] all of the corner's conditions hold but the one at e, whose item
// becomes dearer than it is worth, or whose lambda rises.
func (k *knapsack) solveCorner(pos corner) (lambda [dims]float64, edges [dims][dims]float64, ok bool) {
	var a [dims][dims]float64
	var b [dims]float64
	for e, c := range pos {
		if c < 0 {
			a[e][-1-c] = 1
		} else {
			a[e] = k.size[c]
			b[e] = k.soft[c]
		}
	}
	det := a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) - a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) + a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0])
	scale := 1.0
	for e := range dims {
		scale *= a[e][0] + a[e][1] + a[e][2]
	}
	if math.Abs(det) <= 1e-9*scale || det == 0 {
		return lambda, edges, false
	}
	inverse := [dims][dims]float64{ // columns are the edges
		{a[1][1]*a[2][2] - a[1][2]*a[2][1], a[0][2]*a[2][1] - a[0][1]*a[2][2], a[0][1]*a[1][2] - a[0][2]*a[1][1]},
		{a[1][2]*a[2][0] - a[1][0]*a[2][2], a[0][0]*a[2][2] - a[0][2]*a[2][0], a[0][2]*a[1][0] - a[0][0]*a[1][2]},
		{a[1][0]*a[2][1] - a[1][1]*a[2][0], a[0][1]*a[2][0] - a[0][0]*a[2][1], a[0][0]*a[1][1] - a[0][1]*a[1][0]},
	}
	for r := range dims {
		for e := range dims {
			v := inverse[r][e] / det
			edges[e][r] = v
			lambda[r] += v * b[e]
		}
		if lambda[r] < 0 {
			if lambda[r] < -1e-9 {
				return lambda, edges, false
			}
			lambda[r] = 0
		}
	}
	return lambda, edges, true
}
