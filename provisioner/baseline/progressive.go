package baseline

import (
	"time"

	"github.com/packhorse-batch/packhorse/provisioner"
)

// BestFitProgressive plans as the allocation strategy BEST_FIT_PROGRESSIVE of AWS Batch
// is documented (AWS Batch user guide, "Instance type allocation strategies"): it selects
// instance types that are large enough for the jobs in the queue, prefers those with a
// lower cost for each unit vCPU, and turns to further types when one cannot be had.
//
// AWS does not document how jobs are grouped for that, which size is taken of several
// with the same cost per vCPU, or how many hosts are launched at once. Here, in favour of
// the strategy: each size of job gets the types that are large enough for it, the largest
// first, and jobs fill what the larger ones leave; of the sizes with the least cost per
// vCPU it takes the largest that the jobs which wait would fill, and else the smallest
// that holds one. maxvCpus is kept; AWS may exceed it by one instance. Types that could
// not be had lately are not on offer.
func BestFitProgressive(e provisioner.Environment, now time.Time) provisioner.Plan {
	return plan(e, now, func(s *space, offers []provisioner.Offer, d provisioner.Demand, waiting int64) *provisioner.Offer {
		var best *provisioner.Offer
		var bestPer float64
		for i := range offers {
			o := &offers[i]
			if !s.holds(o, d) || o.Has.MilliVCPU <= 0 {
				continue
			}
			per := o.USDPerHour / float64(o.Has.MilliVCPU)
			if best == nil || per < bestPer*(1-priceTie) || per < bestPer*(1+priceTie) && rather(o, best, waiting) {
				best, bestPer = o, per
			}
		}
		return best
	})
}

// rather reports whether a size suits what waits better than another of the same cost
// per vCPU.
func rather(o, than *provisioner.Offer, waiting int64) bool {
	filled, thanFilled := o.Has.MilliVCPU <= waiting, than.Has.MilliVCPU <= waiting
	if filled != thanFilled {
		return filled
	}
	if filled {
		return o.Has.MilliVCPU > than.Has.MilliVCPU
	}
	return o.Has.MilliVCPU < than.Has.MilliVCPU
}
