package provisioner

import (
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// Preview is a plan's launches with what a person wants to know of them.
type Preview struct {
	Launches []Launch
	// Waits is how many jobs wait for a host; OnBooting is how many of them hosts take that
	// boot already.
	Waits, OnBooting int
	// ForRoom is those for which no host is launched yet, since room is expected for them.
	ForRoom []Waiting
	// LowerBoundUSDPerHour is what no hosts for the others can cost less than.
	LowerBoundUSDPerHour float64
	// WaitsFor is the type that is waited for; see Plan.
	WaitsFor string
}

// PreviewOf makes the plan of an environment as Make does, and finds the bound.
func PreviewOf(e Environment, now time.Time) Preview {
	plan := Make(e, now)
	p := Preview{Launches: plan.Launches, Waits: jobs(e.Demand), WaitsFor: plan.WaitsFor}
	left := unmet(e)
	p.OnBooting = p.Waits - jobs(left)
	p.ForRoom = plan.forRoom(left)
	for _, w := range p.ForRoom {
		takeLike(left, w, w.Count)
	}
	left = slices.DeleteFunc(left, func(d Demand) bool { return d.Count == 0 })
	if len(left) == 0 || len(e.Offers) == 0 {
		return p
	}
	p.LowerBoundUSDPerHour = packing.Pack(e.packing(left, packingWork)).LowerBoundUSD
	return p
}

// forRoom is which of the jobs that wait for room still do after the launches: a host that
// is launched for others may take some of them along. Jobs that a strategy looked at
// several times, each time with other types, wait until the earliest.
func (p *Plan) forRoom(left []Demand) []Waiting {
	left = slices.Clone(left)
	for _, l := range p.Launches {
		for _, m := range l.For {
			take(left, m.Need, m.Count*l.Count)
		}
	}
	waiting := slices.Clone(p.Waiting)
	slices.SortStableFunc(waiting, func(a, b Waiting) int { return a.Until.Compare(b.Until) })
	var list []Waiting
	for _, w := range waiting {
		if w.Count = takeLike(left, w, w.Count); w.Count > 0 {
			list = append(list, w)
		}
	}
	return list
}

// takeLike takes up to n jobs like those of w from groups, and returns how many there were.
func takeLike(groups []Demand, w Waiting, n int) int {
	taken := 0
	for i := range groups {
		if d := &groups[i]; d.Need == w.Need && d.Arch == w.Arch {
			some := min(n-taken, d.Count)
			d.Count, taken = d.Count-some, taken+some
		}
	}
	return taken
}
