package packing

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
)

// bestOfAll tries every filling.
func bestOfAll(p *problem, t int, values []float64, demand []int64) float64 {
	var try func(i int, room vector) float64
	try = func(i int, room vector) float64 {
		if i == len(p.items) {
			return 0
		}
		best := try(i+1, room)
		if !p.allowed(t, i) {
			return best
		}
		need := p.items[i].need
		for c := int64(1); c <= demand[i] && need.fits(room); c++ {
			room = room.minus(1, need)
			best = max(best, float64(c)*values[i]+try(i+1, room))
		}
		return best
	}
	return try(0, p.bins[t].room)
}

func TestKnapsackAgainstAllFillings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Types: []Type{{Name: "t", USDPerHour: 1, Has: batch.Resources{
			MilliVCPU: int64(rapid.IntRange(1, 12).Draw(t, "vcpus")), MemoryMiB: int64(rapid.IntRange(1, 30).Draw(t, "memory")),
			GPUs: int64(rapid.IntRange(0, 2).Draw(t, "gpus")),
		}}}}
		for range rapid.IntRange(1, 5).Draw(t, "kinds") {
			in.Groups = append(in.Groups, Group{Count: rapid.IntRange(1, 4).Draw(t, "count"), Need: batch.Resources{
				MilliVCPU: int64(rapid.IntRange(0, 6).Draw(t, "vcpu")), MemoryMiB: int64(rapid.IntRange(0, 12).Draw(t, "mib")),
				GPUs: int64(rapid.IntRange(0, 1).Draw(t, "gpu")),
			}})
		}
		p, _ := newProblem(&in, true)
		p.prepare()
		values, demand := make([]float64, len(p.items)), make([]int64, len(p.items))
		for i := range p.items {
			values[i] = rapid.Float64Range(0, 1).Draw(t, "value")
			demand[i] = p.items[i].demand
		}
		if len(p.items) == 0 {
			return
		}
		want := bestOfAll(p, 0, values, demand)
		k := newKnapsack(p)
		found, bound := k.solve(0, values, demand, 0, 1000, &meter{left: 1 << 40})
		if found > want*(1+1e-9)+1e-12 || bound < want*(1-1e-9)-1e-12 {
			t.Fatalf("found %v, best %v, bound %v: %+v worth %v", found, want, bound, in, values)
		}
		if found < want*(1-1e-5)-1e-9 {
			t.Errorf("found %v, best %v: %+v worth %v", found, want, in, values)
		}
		// The filling is one, and worth what is said.
		room, sum := p.bins[0].room, 0.0
		f := k.taken()
		for n, i := range f.items {
			if f.count[n] > demand[i] {
				t.Errorf("%d of item %d, there are %d", f.count[n], i, demand[i])
			}
			room = room.minus(f.count[n], p.items[i].need)
			sum += float64(f.count[n]) * values[i]
		}
		if room[0] < 0 || room[1] < 0 || room[2] < 0 || math.Abs(sum-found) > 1e-9 {
			t.Errorf("filling %+v leaves %v and is worth %v, said %v", f, room, sum, found)
		}
	})
}

// Two items of 3 and 2 jobs, columns that take 2 of the first, 2 of the second, or one
// of each for less: the program takes the mixture as far as it goes.
func TestMasterOfASmallProgram(t *testing.T) {
	lp := newMaster([]float64{3, 2}, []column{
		{price: 2, rows: []int32{0}, n: []float64{2}}, {price: 2, rows: []int32{1}, n: []float64{2}},
	})
	lp.add(column{price: 1.5, rows: []int32{0, 1}, n: []float64{1, 1}})
	lp.optimise(&meter{left: 1 << 30})
	// 2 mixtures for 3.0, and half a host for the third job of the first kind: 1.0.
	if got := lp.cost(); math.Abs(got-4) > 1e-5 {
		t.Errorf("cost %v, want 4; duals %v", got, lp.dual)
	}
	if worth := 3*lp.dual[0] + 2*lp.dual[1]; math.Abs(worth-4) > 1e-5 {
		t.Errorf("the duals %v add up to %v, want 4", lp.dual, worth)
	}
}

// No filling of any part of a host is worth more than the table says.
func TestCeilingIsAboveAllFillings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		has := batch.Resources{
			MilliVCPU: int64(rapid.IntRange(1, 40).Draw(t, "vcpus")), MemoryMiB: int64(rapid.IntRange(1, 90).Draw(t, "memory")),
			GPUs: int64(rapid.SampledFrom([]int{0, 1, 3, 20}).Draw(t, "gpus")),
		}
		in := Input{Types: []Type{{Name: "t", USDPerHour: 1, Has: has}}}
		for range rapid.IntRange(1, 5).Draw(t, "kinds") {
			in.Groups = append(in.Groups, Group{Count: rapid.IntRange(1, 4).Draw(t, "count"), Need: batch.Resources{
				MilliVCPU: int64(rapid.IntRange(0, 25).Draw(t, "vcpu")), MemoryMiB: int64(rapid.IntRange(0, 50).Draw(t, "mib")),
				GPUs: int64(rapid.IntRange(0, 2).Draw(t, "gpu")),
			}})
		}
		p, _ := newProblem(&in, true)
		if len(p.items) == 0 {
			return
		}
		p.prepare()
		values, demand := make([]float64, len(p.items)), make([]int64, len(p.items))
		for i := range p.items {
			values[i] = rapid.Float64Range(0.01, 1).Draw(t, "value")
			demand[i] = p.items[i].demand
		}
		k := newKnapsack(p)
		k.load(0, values, demand, &meter{left: 1 << 40})
		var c ceiling
		c.build(k)
		for _, part := range []int64{1, 2, 3} {
			room := vector{has.MilliVCPU / part, has.MemoryMiB / part, has.GPUs / part}
			small := *p
			small.bins = []bin{{room: room, price: 1}}
			if best, above := bestOfAll(&small, 0, values, demand), c.above(room); above < best*(1-1e-9) {
				t.Errorf("in %v of %v a filling is worth %v, the table says at most %v: %+v worth %v", room, has, best, above, in.Groups, values)
			}
		}
	})
}

// Values that were repaired leave no filling worth more than its host.
func TestRepairLowersAllFillings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Types: []Type{{Name: "t", USDPerHour: 1, Has: batch.Resources{
			MilliVCPU: int64(rapid.IntRange(1, 12).Draw(t, "vcpus")), MemoryMiB: int64(rapid.IntRange(1, 30).Draw(t, "memory")),
		}}}}
		for range rapid.IntRange(1, 6).Draw(t, "kinds") {
			in.Groups = append(in.Groups, Group{Count: rapid.IntRange(1, 3).Draw(t, "count"), Need: batch.Resources{
				MilliVCPU: int64(rapid.IntRange(0, 6).Draw(t, "vcpu")), MemoryMiB: int64(rapid.IntRange(0, 12).Draw(t, "mib")),
			}})
		}
		p, _ := newProblem(&in, true)
		if len(p.items) == 0 {
			return
		}
		p.prepare()
		values, demand := make([]float64, len(p.items)), make([]int64, len(p.items))
		for i := range p.items {
			values[i] = rapid.Float64Range(0.01, 1).Draw(t, "value")
			demand[i] = p.items[i].demand
		}
		price := p.bins[0].price
		g := &generator{p: p, sack: newKnapsack(p)}
		branches := rapid.SampledFrom([]int{0, 1, 50}).Draw(t, "branches")
		g.bound(values, demand, branches, &meter{left: 1 << 40})
		if best := bestOfAll(p, 0, values, demand); best > price*(1+1e-9) {
			t.Errorf("with %d branches a filling is worth %v, its host costs %v: %+v worth %v", branches, best, price, in.Groups, values)
		}
	})
}
