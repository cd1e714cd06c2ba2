package packing

import "math"

// ceiling is a table of what the items of a knapsack may be worth at most in any part of
// its room, by a coarser measure: sizes are counted in cells, rounded down in a way that
// keeps every filling a filling (see cellsOf). Where a host holds few jobs it is far
// stricter than the linear relaxation, which would put 2.9 jobs of a third and a bit on
// each host; where it holds many, rounding makes it useless.
type ceiling struct {
	room   vector
	steps  vector // cells of the whole room and one more; 0 for what is not counted
	stride [dims]int
	worth  []float64 // by cells of vCPU, memory and GPUs

	// The same along one line, more finely: sizes priced by lambda.
	lambda [dims]float64
	line   []float64
	free   float64 // worth of what takes no cell of the line
}

// planeSteps and lineSteps are how finely sizes are counted. Many divisors make jobs of
// just above a half, a third, a quarter of a host count as what they are.
const (
	planeSteps = 48
	gpuSteps   = 17 // more GPUs on a host than 16 are counted in this many steps
	lineSteps  = 960
)

// cellsOf is an amount of a whole room in cells: the largest number below steps times the
// amount. Amounts that add up to the room at most then have at most steps-1 cells
// together, since each number is below what it stands for.
func cellsOf(amount, room, steps int64) int64 {
	if amount <= 0 || steps == 0 {
		return 0
	}
	hi := amount / room * steps
	return hi + (amount%room*steps+room-1)/room - 1
}

// build makes the table for the items that k has loaded, and returns the steps it took.
func (c *ceiling) build(k *knapsack) int {
	c.room = k.p.bins[k.bin].room
	size := 1
	for r := range dims {
		c.steps[r], c.stride[r] = 0, 0
		needed := false
		for j := range k.n {
			needed = needed || k.need[j][r] > 0
		}
		if !needed || c.room[r] == 0 {
			continue
		}
		c.steps[r] = planeSteps
		if r == 2 {
			c.steps[r] = min(c.room[r]+1, gpuSteps)
		}
	}
	for r := dims - 1; r >= 0; r-- {
		if c.steps[r] > 0 {
			c.stride[r] = size
			size *= int(c.steps[r])
		}
	}
	if cap(c.worth) < size {
		c.worth = make([]float64, size)
	}
	c.worth = c.worth[:size]
	clear(c.worth)
	if c.line == nil {
		c.line = make([]float64, lineSteps)
	}
	clear(c.line)
	c.free = 0
	sum := k.at[0] + k.at[1] + k.at[2]
	for r := range dims {
		c.lambda[r] = k.at[r] / max(sum, 1e-300)
	}
	work := size + lineSteps
	for j := range k.n {
		var cells vector
		for r := range dims {
			cells[r] = cellsOf(k.need[j][r], c.room[r], c.steps[r])
		}
		plenty := k.need[j].times(c.room, 1<<50) <= k.limit[j]
		c.add(cells, k.value[j], k.limit[j], plenty)
		work += size
		s := &k.size[j]
		c.addLine(lineCells(c.lambda[0]*s[0]+c.lambda[1]*s[1]+c.lambda[2]*s[2]), k.value[j], k.limit[j])
		work += lineSteps
	}
	return work
}

// add brings an item into the table: as often as fits if it is plenty, else limit times.
func (c *ceiling) add(cells vector, value float64, limit int64, plenty bool) {
	if cells == (vector{}) {
		for n := range c.worth {
			c.worth[n] += value * float64(limit)
		}
		return
	}
	if plenty && limit > 1 {
		c.pass(cells, value, true)
		return
	}
	for part := int64(1); limit > 0; part *= 2 {
		n := min(part, limit)
		limit -= n
		c.pass(vector{n * cells[0], n * cells[1], n * cells[2]}, float64(n)*value, false)
	}
}

// pass considers one more of an item everywhere, or again any number of it.
func (c *ceiling) pass(cells vector, value float64, again bool) {
	var most [dims]int // last cell of each resource
	for r := range dims {
		if c.steps[r] > 0 {
			most[r] = int(c.steps[r]) - 1
		}
		if cells[r] > int64(most[r]) {
			return
		}
	}
	back := int(cells[0])*c.stride[0] + int(cells[1])*c.stride[1] + int(cells[2])*c.stride[2]
	// The innermost resource that is counted has stride 1; the others are outer loops.
	for a := range most[0] - int(cells[0]) + 1 {
		for b := range most[1] - int(cells[1]) + 1 {
			from := (int(cells[0])+a)*c.stride[0] + (int(cells[1])+b)*c.stride[1]
			if !again {
				from = (most[0]-a)*c.stride[0] + (most[1]-b)*c.stride[1]
			}
			first, last := from+int(cells[2])*c.stride[2], from+most[2]*c.stride[2]
			if again {
				for n := first; n <= last; n++ {
					c.worth[n] = max(c.worth[n], c.worth[n-back]+value)
				}
				continue
			}
			for n := last; n >= first; n-- {
				c.worth[n] = max(c.worth[n], c.worth[n-back]+value)
			}
		}
	}
}

// lineCells is a part of the line in cells. The trifle keeps rounding on the safe side.
func lineCells(part float64) int {
	return max(0, int(math.Ceil(part*lineSteps*(1-1e-9)))-1)
}

func (c *ceiling) addLine(cells int, value float64, limit int64) {
	if cells == 0 {
		c.free += value * float64(limit)
		return
	}
	if limit > int64(lineSteps/cells) {
		for n := cells; n < lineSteps; n++ {
			c.line[n] = max(c.line[n], c.line[n-cells]+value)
		}
		return
	}
	for part := int64(1); limit > 0; part *= 2 {
		times := min(part, limit)
		limit -= times
		back, more := cells*int(times), value*float64(times)
		for n := lineSteps - 1; n >= back; n-- {
			c.line[n] = max(c.line[n], c.line[n-back]+more)
		}
	}
}

// above is what items may be worth at most in a part of the room.
func (c *ceiling) above(left vector) float64 {
	at := 0
	part := 0.0
	for r := range dims {
		if left[r] < 0 {
			return 0
		}
		if c.steps[r] > 0 {
			at += c.stride[r] * int(cellsOf(left[r], c.room[r], c.steps[r]))
		}
		if c.room[r] > 0 {
			part += c.lambda[r] * float64(left[r]) / float64(c.room[r])
		}
	}
	line := c.line[min(lineSteps-1, lineCells(part*(1+2e-9)))]
	return min(c.worth[at], line+c.free)
}
