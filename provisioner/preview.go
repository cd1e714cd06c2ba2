package provisioner

import (
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// Preview is a plan's launches with what a person wants to know of them.
type Preview struct {
	Launches []Launch
	// Waits is how many jobs wait for a host; OnBooting is how many of them hosts take that
	// boot already.
	Waits, OnBooting int
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
	if len(left) == 0 || len(e.Offers) == 0 {
		return p
	}
	p.LowerBoundUSDPerHour = packing.Pack(e.packing(left, packingWork)).LowerBoundUSD
	return p
}
