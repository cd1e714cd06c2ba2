package simulator

import (
	"math"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
	"github.com/packhorse-batch/packhorse/simulator/policy"
)

// boundByPrices is the method of bound.
const boundByPrices = "resource prices: the dearest prices of a vCPU, a MiB and a GPU at which no type is worth more than it costs, times what the jobs use; no boot, no idle time"

// bound is what no fleet of the policy's types can go below, whenever jobs run and
// wherever they are placed.
//
// Give a vCPU, a MiB and a GPU a price each such that no type has more than its price's
// worth. Then at every moment the jobs that run on a host are worth at most what it
// costs, and so all jobs together, each for its duration, cost at least their worth. The
// bound takes the prices at which that worth is largest: a linear program with three
// variables. It leaves out boot and idle time, and that jobs do not fill hosts exactly.
func (b *books) bound() Bounded {
	if b.policy.Market == policy.Fargate {
		var usd float64
		for i := range b.jobs {
			usd += b.fargateUSDPerHour(b.jobs[i].need) * b.billed(b.w.Jobs[i].Duration).Hours()
		}
		return Bounded{usd, "the price of each job's size on Fargate for its duration"}
	}
	var work [resources]float64 // resource hours
	for i := range b.jobs {
		hours := b.w.Jobs[i].Duration.Hours()
		for k, amount := range amounts(b.jobs[i].need) {
			work[k] += amount * hours
		}
	}
	price := dearestPrices(b.onSale(), work)
	var usd float64
	for k := range work {
		usd += price[k] * work[k]
	}
	if more := b.boundByFillings(); more > usd {
		return Bounded{more, boundByJobs}
	}
	return Bounded{usd, boundByPrices}
}

// boundByJobs is the method of boundByFillings.
const boundByJobs = "job prices: the dearest hourly price of each size of job at which no filling of any type is worth more than the type costs, times how long such jobs run; no boot, no idle time"

const (
	// unitsOfWork is into how many pieces of equal time the work of a workload is cut.
	unitsOfWork = 4_000_000
	// workPerJob and mostWork bound the search for the bound; see packing.Budget. With many
	// sizes of jobs it would take long, and hosts fill so well that resource prices do.
	workPerJob = 50_000
	mostWork   = 20_000_000
	manySizes  = 150
	leastWork  = 1_000_000
)

// boundByFillings is a bound that sees how jobs fill hosts: each size of job has a price
// of its own, such that whatever a host of a type can hold at once is worth at most what it
// costs. Then at every moment the jobs on a host are worth at most its price, and all jobs
// together, each for its duration, at most the cost.
//
// The prices are those with which package packing proves how good its plans are. It is
// given the work as jobs of one unit of time; what is left of a unit is left out, and so
// are sizes of which there are fewer units than jobs, since there packing may count on
// there being no more of them.
func (b *books) boundByFillings() float64 {
	type sum struct {
		time time.Duration
		jobs int64
	}
	sums := map[batch.Resources]*sum{}
	var order []batch.Resources
	var total time.Duration
	for i := range b.jobs {
		s := sums[b.jobs[i].need]
		if s == nil {
			s = &sum{}
			sums[b.jobs[i].need] = s
			order = append(order, b.jobs[i].need)
		}
		s.time += b.w.Jobs[i].Duration
		s.jobs++
		total += b.w.Jobs[i].Duration
	}
	unit := max(time.Millisecond, total/unitsOfWork)
	in := packing.Input{Budget: packing.Budget{Work: min(mostWork, workPerJob*int64(len(b.jobs)))}}
	if len(order) > manySizes {
		in.Budget.Work = min(in.Budget.Work, leastWork)
	}
	for _, need := range order {
		if n := int64(sums[need].time / unit); n >= sums[need].jobs {
			in.Groups = append(in.Groups, packing.Group{Need: need, Count: int(n)})
		}
	}
	if len(in.Groups) == 0 {
		return 0
	}
	onSale := b.onSale()
	for i := range onSale {
		t := &onSale[i]
		in.Types = append(in.Types, packing.Type{Name: t.name, Has: t.has, USDPerHour: t.usd})
	}
	plan := packing.Pack(in)
	return plan.LowerBoundUSD * unit.Hours()
}

// onSale are the types that jobs may run on. A size of Fargate is one that holds just it:
// whatever else is true of it, it costs no less.
func (b *books) onSale() []fleetType {
	if b.policy.Environments == "" {
		return b.types.real
	}
	list := slices.Clone(b.types.real)
	seen := map[batch.Resources]bool{}
	for i := range b.jobs {
		need := b.jobs[i].need
		if size, ok := fargateSize(b.policy, need); ok && size == need && !seen[need] {
			seen[need] = true
			list = append(list, fleetType{name: "Fargate " + need.String(), has: need, usd: b.fargateUSDPerHour(need)})
		}
	}
	return list
}

const resources = 3

func amounts(r batch.Resources) [resources]float64 {
	return [resources]float64{vcpus(r), float64(r.MemoryMiB), float64(r.GPUs)}
}

// dearestPrices returns prices of resources, none negative, that make work worth most
// while no type is worth more than its price.
//
// It solves the program over a few types, adds the type that is most underpriced at that
// solution, and so on: each optimum of three variables lies where three of the bounds
// meet, and few types ever matter.
func dearestPrices(types []fleetType, work [resources]float64) [resources]float64 {
	// Rows are bounds: row[0..2] times prices <= row[3].
	var rows [][resources + 1]float64
	for k := range resources {
		var floor [resources + 1]float64
		floor[k] = -1 // not negative
		rows = append(rows, floor)
	}
	row := func(t *fleetType) [resources + 1]float64 {
		a := amounts(t.has)
		return [resources + 1]float64{a[0], a[1], a[2], t.usd}
	}
	// Each resource alone must be worth no more than the type that has most of it for its
	// price: so the first program has an end.
	for k := range resources {
		best, most := -1, 0.0
		for i := range types {
			if per := amounts(types[i].has)[k] / types[i].usd; per > most {
				best, most = i, per
			}
		}
		if best >= 0 {
			rows = append(rows, row(&types[best]))
		} else {
			var nothing [resources + 1]float64
			nothing[k] = 1
			rows = append(rows, nothing) // no type has any: its price does not matter
		}
	}
	const maxRounds = 200
	var price [resources]float64
	for range maxRounds {
		price = bestVertex(rows, work)
		worst, by := -1, 1e-12
		for i := range types {
			a := amounts(types[i].has)
			over := price[0]*a[0] + price[1]*a[1] + price[2]*a[2] - types[i].usd
			if over/types[i].usd > by {
				worst, by = i, over/types[i].usd
			}
		}
		if worst < 0 {
			break
		}
		rows = append(rows, row(&types[worst]))
	}
	// Whatever rounding left, the prices are made to hold for every type.
	scale := 1.0
	for i := range types {
		a := amounts(types[i].has)
		if worth := price[0]*a[0] + price[1]*a[1] + price[2]*a[2]; worth > types[i].usd {
			scale = min(scale, types[i].usd/worth)
		}
	}
	for k := range price {
		price[k] = max(0, price[k]) * scale
	}
	return price
}

// bestVertex returns the point within all rows at which work is worth most.
func bestVertex(rows [][resources + 1]float64, work [resources]float64) [resources]float64 {
	var best [resources]float64
	most := math.Inf(-1)
	for i := range rows {
		for j := range i {
			for k := range j {
				p, ok := meet(&rows[i], &rows[j], &rows[k])
				if !ok || !within(p, rows) {
					continue
				}
				if worth := p[0]*work[0] + p[1]*work[1] + p[2]*work[2]; worth > most {
					best, most = p, worth
				}
			}
		}
	}
	return best
}

// meet solves three rows as equations, by Cramer's rule.
func meet(a, b, c *[resources + 1]float64) (p [resources]float64, ok bool) {
	det := func(x, y, z int) float64 {
		return a[x]*(b[y]*c[z]-b[z]*c[y]) - a[y]*(b[x]*c[z]-b[z]*c[x]) + a[z]*(b[x]*c[y]-b[y]*c[x])
	}
	d := det(0, 1, 2)
	if d == 0 {
		return p, false
	}
	return [resources]float64{det(3, 1, 2) / d, det(0, 3, 2) / d, det(0, 1, 3) / d}, true
}

// within reports whether prices keep all rows, but for rounding.
func within(p [resources]float64, rows [][resources + 1]float64) bool {
	for i := range rows {
		r := &rows[i]
		left := p[0]*r[0] + p[1]*r[1] + p[2]*r[2]
		size := math.Abs(p[0]*r[0]) + math.Abs(p[1]*r[1]) + math.Abs(p[2]*r[2]) + math.Abs(r[3])
		if left > r[3]+1e-9*size {
			return false
		}
	}
	return true
}

// onePerJob is what it costs to give each job a host of its own, of the cheapest type
// that holds it, from its launch to the job's end.
func (b *books) onePerJob() float64 {
	cheapest := map[batch.Resources]int{}
	var usd float64
	for i := range b.jobs {
		need := b.jobs[i].need
		if b.policy.Market == policy.Fargate {
			usd += b.fargateUSDPerHour(need) * b.billed(b.policy.Boot.Typical+b.policy.Start.Typical+b.w.Jobs[i].Duration).Hours()
			continue
		}
		at, known := cheapest[need]
		if !known {
			at = cheapestFor(b.types.real, need)
			cheapest[need] = at
		}
		t := &b.types.real[at]
		boot := b.policy.Boot.Typical
		if t.boot > 0 {
			boot = t.boot
		}
		usd += t.usd * b.billed(boot+b.policy.Start.Typical+b.w.Jobs[i].Duration).Hours()
	}
	return usd
}
