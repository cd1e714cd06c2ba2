package packing_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

var arches = []string{"", "x86_64", "arm64"}

// someInput draws anything that could be asked: a few odd jobs or many alike, types that
// fit and types that do not, prices of zero.
func someInput(t *rapid.T, wild bool) packing.Input {
	var in packing.Input
	amount := func(most int, label string) int64 {
		if wild && rapid.IntRange(0, 19).Draw(t, "wild "+label) == 0 {
			return rapid.SampledFrom([]int64{-1, 0, 1, 1 << 40, 1<<63 - 1}).Draw(t, label)
		}
		return int64(rapid.IntRange(0, most).Draw(t, label))
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "types") {
		size := int64(rapid.SampledFrom([]int{1, 2, 4, 8, 16, 48}).Draw(t, "size"))
		typ := packing.Type{
			Name: fmt.Sprintf("t%d", i),
			Has:  batch.Resources{MilliVCPU: size * 1000, MemoryMiB: size * int64(rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "ratio")) * 1000},
			Arch: rapid.SampledFrom(arches).Draw(t, "arch"), USDPerHour: float64(size) * rapid.Float64Range(0.03, 0.08).Draw(t, "usd"),
			FixedUSD: rapid.SampledFrom([]float64{0, 0, 0.001, 0.1}).Draw(t, "fixed"),
			Max:      rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(t, "max"),
		}
		if rapid.IntRange(0, 3).Draw(t, "gpu type") == 0 {
			typ.Has.GPUs = int64(rapid.SampledFrom([]int{1, 4, 8}).Draw(t, "gpus"))
			typ.USDPerHour += 0.4 * float64(typ.Has.GPUs)
		}
		if wild && rapid.IntRange(0, 9).Draw(t, "odd price") == 0 {
			typ.USDPerHour = rapid.SampledFrom([]float64{0, -1, 1e12}).Draw(t, "price")
		}
		in.Types = append(in.Types, typ)
	}
	for range rapid.IntRange(0, 15).Draw(t, "groups") {
		g := packing.Group{
			Need:  batch.Resources{MilliVCPU: 250 * amount(40, "vcpu"), MemoryMiB: amount(20000, "memory")},
			Count: int(amount(60, "count")),
		}
		if g.Count > 1<<30 {
			g.Count = 1 << 30
		}
		if rapid.IntRange(0, 4).Draw(t, "gpu job") == 0 {
			g.Need.GPUs = amount(9, "gpus of a job")
		}
		if rapid.IntRange(0, 4).Draw(t, "choosy") == 0 {
			g.Arch = rapid.SampledFrom(arches).Draw(t, "arch of a job")
		}
		if rapid.IntRange(0, 6).Draw(t, "names types") == 0 {
			g.Types = []string{"t0", fmt.Sprintf("t%d", rapid.IntRange(0, 12).Draw(t, "type"))}
		}
		in.Groups = append(in.Groups, g)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "rooms") {
		in.Free = append(in.Free, packing.Room{
			ID: fmt.Sprint(i), Has: batch.Resources{MilliVCPU: amount(8000, "room vcpu"), MemoryMiB: amount(30000, "room memory")}, Type: "t0",
		})
	}
	if rapid.IntRange(0, 3).Draw(t, "limited") == 0 {
		in.Limits.Hosts = rapid.IntRange(0, 20).Draw(t, "most hosts")
		in.Limits.MilliVCPU = int64(rapid.IntRange(0, 100).Draw(t, "most vcpus")) * 1000
	}
	in.Budget.Work = 20_000_000
	return in
}

func TestPlansKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInput(t, true)
		for name, plan := range map[string]packing.Plan{"Pack": packing.Pack(in), "FirstFit": packing.FirstFit(in)} {
			for _, v := range violations(in, plan) {
				t.Errorf("%s of %+v: %s", name, in, v)
			}
		}
	})
}

func TestSameInputSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInput(t, true)
		if a, b := packing.Pack(in), packing.Pack(in); !reflect.DeepEqual(visible(a), visible(b)) {
			t.Errorf("two plans for one input:\n%+v\n%+v", a, b)
		}
	})
}

// visible is what a caller sees of a plan.
func visible(p packing.Plan) packing.Plan {
	return packing.Plan{
		Hosts: p.Hosts, OnFree: p.OnFree, Unplaced: p.Unplaced,
		USDPerHour: p.USDPerHour, FixedUSD: p.FixedUSD, LowerBoundUSD: p.LowerBoundUSD,
	}
}

// The bound holds for any packing: FirstFit's is one, made in another way.
func TestBoundHoldsForOtherPackings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInput(t, false)
		in.Limits, in.Free = packing.Limits{}, nil
		for i := range in.Types {
			in.Types[i].Max = 0
		}
		best, first := packing.Pack(in), packing.FirstFit(in)
		if cost := first.USDPerHour + first.FixedUSD; best.LowerBoundUSD > cost+1e-9 {
			t.Errorf("bound %v, first fit costs %v: %+v", best.LowerBoundUSD, cost, in)
		}
		if cost, other := best.USDPerHour+best.FixedUSD, first.USDPerHour+first.FixedUSD; cost > other*(1+1e-9)+1e-9 {
			t.Errorf("Pack costs %v, first fit %v: %+v", cost, other, in)
		}
	})
}

// With more types to choose from a plan costs no more, within what rounding to whole
// hosts may lose.
func TestMoreTypesNeverCostMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInput(t, false)
		in.Limits, in.Free = packing.Limits{}, nil
		for i := range in.Types {
			in.Types[i].Max = 0
		}
		if len(in.Types) < 2 {
			return
		}
		few := in
		few.Types = in.Types[:len(in.Types)-1]
		less := packing.Pack(few)
		for _, u := range less.Unplaced {
			few.Groups[u.Group].Count = 0 // what only the last type holds is not compared
		}
		in.Groups = few.Groups
		less = packing.Pack(few)
		more := packing.Pack(in)
		if a, b := more.USDPerHour+more.FixedUSD, less.USDPerHour+less.FixedUSD; a > b*1.03+1e-9 {
			t.Errorf("%v with all types, %v without the last: %+v", a, b, in)
		}
	})
}
