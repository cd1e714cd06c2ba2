package packing_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// leastCost tries every packing of a few jobs, with no more hosts of a type than there may
// be, and returns what the cheapest costs; infinite if there is none.
func leastCost(jobs []batch.Resources, types []packing.Type) float64 {
	type open struct {
		of   int
		left batch.Resources
	}
	best := math.Inf(1)
	var hosts []open
	used := make([]int, len(types))
	var place func(n int, cost float64)
	place = func(n int, cost float64) {
		if cost >= best {
			return
		}
		if n == len(jobs) {
			best = cost
			return
		}
		for h := range hosts {
			if left := hosts[h].left; jobs[n].Fits(left) {
				hosts[h].left = left.Sub(jobs[n])
				place(n+1, cost)
				hosts[h].left = left
			}
		}
		for t, typ := range types {
			if !jobs[n].Fits(typ.Has) || typ.Max > 0 && used[t] == typ.Max {
				continue
			}
			used[t]++
			hosts = append(hosts, open{t, typ.Has.Sub(jobs[n])})
			place(n+1, cost+typ.USDPerHour+typ.FixedUSD)
			hosts = hosts[:len(hosts)-1]
			used[t]--
		}
	}
	place(0, 0)
	return best
}

// Whatever is limited, no packing at all costs less than the bound.
func TestBoundHoldsForEveryPackingWithinLimits(t *testing.T) {
	above := 0 // bounds that a bound without limits could not reach
	rapid.Check(t, func(t *rapid.T) {
		var in packing.Input
		for i := range rapid.IntRange(1, 4).Draw(t, "types") {
			in.Types = append(in.Types, packing.Type{
				Name: fmt.Sprintf("t%d", i), Max: rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(t, "max"),
				Has:        batch.Resources{MilliVCPU: int64(rapid.IntRange(1, 8).Draw(t, "vcpu")), MemoryMiB: int64(rapid.IntRange(1, 8).Draw(t, "memory"))},
				USDPerHour: rapid.Float64Range(0.1, 1).Draw(t, "usd"), FixedUSD: rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "fixed"),
			})
		}
		for range rapid.IntRange(1, 3).Draw(t, "groups") {
			in.Groups = append(in.Groups, packing.Group{
				Need:  batch.Resources{MilliVCPU: int64(rapid.IntRange(0, 6).Draw(t, "job's vCPU")), MemoryMiB: int64(rapid.IntRange(0, 6).Draw(t, "job's memory"))},
				Count: rapid.IntRange(1, 2).Draw(t, "count"),
			})
		}
		p := packing.Pack(in)
		for _, v := range violations(in, p) {
			t.Errorf("%+v: %s", in, v)
		}
		placed := make([]int, len(in.Groups))
		for _, h := range p.Hosts {
			for _, f := range h.Filling {
				placed[f.Group] += h.Count * f.Count
			}
		}
		var jobs []batch.Resources
		free := in // the same without limits
		free.Groups, free.Types = nil, nil
		for g, n := range placed {
			free.Groups = append(free.Groups, packing.Group{Need: in.Groups[g].Need, Count: n})
			for range n {
				jobs = append(jobs, in.Groups[g].Need)
			}
		}
		for _, typ := range in.Types {
			typ.Max = 0
			free.Types = append(free.Types, typ)
		}
		if least := leastCost(jobs, in.Types); p.LowerBoundUSD > least+1e-9 {
			t.Errorf("the bound is %v, and a packing costs %v: %+v", p.LowerBoundUSD, least, in)
		}
		if p.LowerBoundUSD > leastCost(jobs, free.Types)+1e-9 {
			above++
		}
	})
	if above == 0 {
		t.Error("no bound takes the limits in")
	}
}

// Where the cheap hosts are few the bound is that of the others for the rest.
func TestTheBoundKnowsHowManyHostsThereMayBe(t *testing.T) {
	few := func(n int) packing.Type { h := host("few", 16, 64, 0.4); h.Max = n; return h }
	many := host("many", 16, 64, 0.8)
	for name, test := range map[string]struct {
		in   packing.Input
		most float64 // cost over the bound
	}{
		"one kind of jobs":  {packing.Input{Groups: []packing.Group{job(400, 4, 16)}, Types: []packing.Type{few(20), many}}, 1.001},
		"hundreds of kinds": {packing.Input{Groups: manyJobs(300).Groups, Types: append(manyJobs(1).Types, func() packing.Type { t := host("spare", 96, 384, 2); t.Max = 30; return t }())}, 1.02},
		"none is reached":   {packing.Input{Groups: []packing.Group{job(40, 4, 16)}, Types: []packing.Type{few(20), many}}, 1.001},
		"nothing else":      {packing.Input{Groups: []packing.Group{job(40, 4, 16)}, Types: []packing.Type{few(5)}}, 1.001},
	} {
		t.Run(name, func(t *testing.T) {
			p := packing.Pack(test.in)
			check(t, test.in, p)
			if ratio := p.USDPerHour / p.LowerBoundUSD; !(ratio <= test.most) {
				t.Errorf("%.4f dollars, bound %.4f: ratio %.4f, want at most %v", p.USDPerHour, p.LowerBoundUSD, ratio, test.most)
			}
		})
	}
}
