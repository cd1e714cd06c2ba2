package baseline

import (
	"cmp"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner"
)

// choice picks the type of the next host for jobs of d, of which d.Count have no room;
// nil when no type that may be added holds one. waiting is how many thousandths of a vCPU
// all jobs without room need.
type choice func(s *space, offers []provisioner.Offer, d provisioner.Demand, waiting int64) *provisioner.Offer

// maxLaunches bounds the hosts of one plan; what is left waits for the next pass.
const maxLaunches = 100_000

// plan fills hosts with what waits, the largest first, and adds hosts as choose says.
func plan(e provisioner.Environment, now time.Time, choose choice) provisioner.Plan {
	var p provisioner.Plan
	if e.Active && !e.Ending {
		s := newSpace(e)
		demand := decreasing(e.Demand)
		var waiting int64
		for _, d := range demand {
			waiting += int64(d.Count) * d.Need.MilliVCPU
		}
		launched := 0
		for _, d := range demand {
			left := s.place(d)
			waiting -= int64(d.Count-left) * d.Need.MilliVCPU
			for left > 0 && launched < maxLaunches {
				d.Count = left
				o := choose(s, e.Offers, d, waiting)
				if o == nil {
					break
				}
				s.launch(o)
				launched++
				before := left
				left = s.place(d)
				waiting -= int64(before-left) * d.Need.MilliVCPU
			}
			waiting -= int64(left) * d.Need.MilliVCPU
		}
		p.Launches = s.launches
	}
	shrink(e, now, &p)
	return p
}

// OnePerJob plans a host for each job, of the cheapest type that holds it. What is left
// of the room on such a host is not for others while the plan is made, but the scheduler
// may put another job there: a simulation that wants none gives types cut to the jobs.
func OnePerJob(e provisioner.Environment, now time.Time) provisioner.Plan {
	var p provisioner.Plan
	if e.Active && !e.Ending {
		s := newSpace(e)
		for _, d := range decreasing(e.Demand) {
			o := cheapest(s, e.Offers, d)
			if o == nil {
				continue
			}
			// Hosts of that type that boot were launched for such jobs.
			left := d.Count
			for i := range s.rooms {
				if r := &s.rooms[i]; left > 0 && r.free == o.Has && r.arch == o.Arch {
					*r = room{}
					left--
				}
			}
			left = min(left, maxLaunches, int(s.headroom/max(1, o.Has.MilliVCPU)))
			if left > 0 {
				s.headroom -= int64(left) * o.Has.MilliVCPU
				p.Launches = append(p.Launches, provisioner.Launch{Type: o.Type, Spot: o.Spot, Count: left})
			}
		}
	}
	shrink(e, now, &p)
	return p
}

// cheapest returns the offer of the least price that holds d; of equal ones the smallest.
func cheapest(s *space, offers []provisioner.Offer, d provisioner.Demand) *provisioner.Offer {
	var best *provisioner.Offer
	for i := range offers {
		o := &offers[i]
		if s.holds(o, d) && (best == nil || cmp.Or(cmp.Compare(o.USDPerHour, best.USDPerHour), cmp.Compare(size(o.Has), size(best.Has))) < 0) {
			best = o
		}
	}
	return best
}

// FirstFitDecreasing plans by first-fit decreasing: the largest job first, each into the
// first host with room. Where there is none it adds a host of the type with the least
// price for each of the equal jobs that wait and fit on it; of equal ones the cheaper.
func FirstFitDecreasing(e provisioner.Environment, now time.Time) provisioner.Plan {
	return plan(e, now, func(s *space, offers []provisioner.Offer, d provisioner.Demand, _ int64) *provisioner.Offer {
		var best *provisioner.Offer
		var bestEach float64
		for i := range offers {
			o := &offers[i]
			if !s.holds(o, d) {
				continue
			}
			each := o.USDPerHour / float64(min(d.Count, times(d.Need, o.Has)))
			if best == nil || each < bestEach*(1-priceTie) || each < bestEach*(1+priceTie) && o.USDPerHour < best.USDPerHour {
				best, bestEach = o, each
			}
		}
		return best
	})
}

// priceTie is how much two prices may differ, as a fraction, and still count as equal.
const priceTie = 1e-9
