package packing_test

import (
	"cmp"
	"math"
	"slices"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// The simple ways to pack that a plan is compared with, as anybody would write them in an
// afternoon. They share no code with the package.

// openHost is a host that is being filled.
type openHost struct {
	typ  int
	left batch.Resources
	used batch.Resources
}

// size is how large a job is beside the largest amounts that any type has.
func size(v, largest batch.Resources) float64 {
	part := func(a, b int64) float64 { return float64(a) / float64(max(b, 1)) }
	return max(part(v.MilliVCPU, largest.MilliVCPU), part(v.MemoryMiB, largest.MemoryMiB), part(v.GPUs, largest.GPUs))
}

// decreasing lists each job, the largest first.
func decreasing(in packing.Input, largest batch.Resources) []batch.Resources {
	var jobs []batch.Resources
	for _, g := range in.Groups {
		for range g.Count {
			jobs = append(jobs, g.Need)
		}
	}
	slices.SortStableFunc(jobs, func(a, b batch.Resources) int {
		return cmp.Or(-cmp.Compare(a.GPUs, b.GPUs), -cmp.Compare(size(a, largest), size(b, largest)))
	})
	return jobs
}

// baseline packs by one rule: where a job goes (the first host with room, or the fullest),
// and what is opened for one that fits nowhere. Then each host becomes the cheapest type
// that holds what is on it. ok is false if a job fits no type.
func baseline(in packing.Input, bestFit bool, open func(need batch.Resources) int) (usd float64, ok bool) {
	var largest batch.Resources
	for _, t := range in.Types {
		largest.MilliVCPU = max(largest.MilliVCPU, t.Has.MilliVCPU)
		largest.MemoryMiB = max(largest.MemoryMiB, t.Has.MemoryMiB)
		largest.GPUs = max(largest.GPUs, t.Has.GPUs)
	}
	var hosts []openHost
	for _, need := range decreasing(in, largest) {
		at, tightest := -1, math.Inf(1)
		for h := range hosts {
			if !need.Fits(hosts[h].left) {
				continue
			}
			if !bestFit {
				at = h
				break
			}
			if room := size(hosts[h].left.Sub(need), largest); room < tightest {
				at, tightest = h, room
			}
		}
		if at < 0 {
			t := open(need)
			if t < 0 {
				return 0, false
			}
			hosts = append(hosts, openHost{typ: t, left: in.Types[t].Has})
			at = len(hosts) - 1
		}
		hosts[at].left = hosts[at].left.Sub(need)
		hosts[at].used = hosts[at].used.Add(need)
	}
	for _, h := range hosts {
		least := in.Types[h.typ].USDPerHour + in.Types[h.typ].FixedUSD
		for _, t := range in.Types {
			if h.used.Fits(t.Has) {
				least = min(least, t.USDPerHour+t.FixedUSD)
			}
		}
		usd += least
	}
	return usd, true
}

// mostTries bounds the types that are tried as the only one.
const mostTries = 8

// bestBaseline is the cheapest of first-fit decreasing and best-fit decreasing: with the
// type that is cheapest for each of such jobs alone, with the cheapest that holds one, and
// with each one type for everything that it holds.
func bestBaseline(in packing.Input) (name string, usd float64) {
	usd = math.Inf(1)
	cheapestEach := func(need batch.Resources) int {
		best, least := -1, math.Inf(1)
		for t := range in.Types {
			has := in.Types[t].Has
			if !need.Fits(has) {
				continue
			}
			n := int64(1 << 40)
			for _, r := range [][2]int64{{need.MilliVCPU, has.MilliVCPU}, {need.MemoryMiB, has.MemoryMiB}, {need.GPUs, has.GPUs}} {
				if r[0] > 0 {
					n = min(n, r[1]/r[0])
				}
			}
			if each := (in.Types[t].USDPerHour + in.Types[t].FixedUSD) / float64(n); each < least {
				best, least = t, each
			}
		}
		return best
	}
	try := func(rule string, open func(batch.Resources) int) {
		for _, bestFit := range []bool{false, true} {
			if got, ok := baseline(in, bestFit, open); ok && got < usd {
				name, usd = map[bool]string{false: "first", true: "best"}[bestFit]+" fit, "+rule, got
			}
		}
	}
	try("cheapest each", cheapestEach)
	tries := 0
	for t := range in.Types {
		if tries++; tries > mostTries {
			break
		}
		try(in.Types[t].Name, func(need batch.Resources) int {
			if need.Fits(in.Types[t].Has) {
				return t
			}
			return cheapestEach(need)
		})
	}
	return name, usd
}
