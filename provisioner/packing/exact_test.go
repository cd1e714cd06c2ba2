package packing_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// Few jobs are packed for the least money that there is, and the bound says so.
func TestFewJobsArePackedAsCheaplyAsCanBe(t *testing.T) {
	draw := rand.New(rand.NewPCG(7, 7))
	for n := range 300 {
		var in packing.Input
		for i := range 2 + draw.IntN(4) {
			size := int64(1) << draw.IntN(5)
			in.Types = append(in.Types, packing.Type{
				Name:       fmt.Sprint("t", i),
				Has:        batch.Resources{MilliVCPU: size * 1000, MemoryMiB: size * (1 << draw.IntN(4)) * 1000, GPUs: draw.Int64N(2) * draw.Int64N(3)},
				USDPerHour: float64(size) * (0.03 + 0.05*draw.Float64()), FixedUSD: 0.1 * float64(draw.IntN(2)),
			})
		}
		for range 1 + draw.IntN(4) {
			g := packing.Group{Need: batch.Resources{MilliVCPU: 250 * draw.Int64N(20), MemoryMiB: draw.Int64N(9000)}, Count: 1 + draw.IntN(2)}
			if draw.IntN(4) == 0 {
				g.Need.GPUs = 1
			}
			if draw.IntN(4) == 0 {
				g.Types = []string{"t0"}
			}
			in.Groups = append(in.Groups, g)
		}
		plan := packing.Pack(in)
		var jobs []packing.Group
		for i, g := range in.Groups {
			for _, u := range plan.Unplaced {
				if u.Group == i {
					g.Count -= u.Count
				}
			}
			for range g.Count {
				jobs = append(jobs, g)
			}
		}
		got, want := plan.USDPerHour+plan.FixedUSD, cheapest(in.Types, jobs)
		if math.Abs(got-want) > 1e-6 || math.Abs(plan.LowerBoundUSD-want) > 1e-6 {
			t.Errorf("%d: %.4f dollars, bound %.4f; want %.4f: %+v", n, got, plan.LowerBoundUSD, want, in)
		}
	}
}

// A type more does not make a plan dearer: here one that holds all jobs with GPUs but the
// last.
func TestATypeMoreDoesNotLeadAstray(t *testing.T) {
	types := []packing.Type{
		{Name: "gpu", Has: batch.Resources{MilliVCPU: 4000, MemoryMiB: 32_000, GPUs: 1}, USDPerHour: 0.72},
		{Name: "small-gpu", Has: batch.Resources{MilliVCPU: 1000, MemoryMiB: 1000, GPUs: 1}, USDPerHour: 0.48},
		{Name: "small", Has: batch.Resources{MilliVCPU: 1000, MemoryMiB: 1000}, USDPerHour: 0.08},
		{Name: "large", Has: batch.Resources{MilliVCPU: 8000, MemoryMiB: 8000}, USDPerHour: 0.64},
	}
	in := packing.Input{Types: types, Groups: []packing.Group{
		{Need: batch.Resources{MilliVCPU: 2250}, Types: []string{"gpu"}, Count: 2},
		{Need: batch.Resources{GPUs: 1}, Count: 3},
		{Need: batch.Resources{MemoryMiB: 1}, Types: []string{"gpu"}, Count: 1},
		{Need: batch.Resources{MemoryMiB: 20_000}, Count: 2},
	}}
	plan := packing.Pack(in)
	if want := 2*0.72 + 0.48; math.Abs(plan.USDPerHour-want) > 1e-9 {
		t.Errorf("%.2f dollars an hour, want %.2f", plan.USDPerHour, want)
	}
}

// cheapest is what jobs cost at the least: the first one joins each host that there is, or
// gets one of its own.
func cheapest(types []packing.Type, jobs []packing.Group) float64 {
	type host struct {
		free batch.Resources
		typ  int
	}
	var hosts []host
	best := math.Inf(1)
	var place func(k int, usd float64)
	place = func(k int, usd float64) {
		if usd >= best {
			return
		}
		if k == len(jobs) {
			best = usd
			return
		}
		j := &jobs[k]
		may := func(t int) bool { return len(j.Types) == 0 || j.Types[0] == types[t].Name }
		for i := range hosts {
			if h := hosts[i]; may(h.typ) && j.Need.Fits(h.free) {
				hosts[i].free = h.free.Sub(j.Need)
				place(k+1, usd)
				hosts[i] = h
			}
		}
		for t := range types {
			if may(t) && j.Need.Fits(types[t].Has) {
				hosts = append(hosts, host{types[t].Has.Sub(j.Need), t})
				place(k+1, usd+types[t].USDPerHour+types[t].FixedUSD)
				hosts = hosts[:len(hosts)-1]
			}
		}
	}
	place(0, 0)
	return best
}
