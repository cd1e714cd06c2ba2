package packing_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// violations looks at a plan as somebody would who has only the input and the plan, and
// lists what is wrong with it. It shares no code with the package.
func violations(in packing.Input, p packing.Plan) []string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	placed := make([]int, len(in.Groups))
	onHost := func(where string, has batch.Resources, arch, name string, filling []packing.Fill, hosts int) {
		var used batch.Resources
		for _, f := range filling {
			if f.Group < 0 || f.Group >= len(in.Groups) || f.Count <= 0 {
				complain("%s: fill %+v", where, f)
				continue
			}
			g := in.Groups[f.Group]
			used.MilliVCPU += int64(f.Count) * max(0, g.Need.MilliVCPU)
			used.MemoryMiB += int64(f.Count) * max(0, g.Need.MemoryMiB)
			used.GPUs += int64(f.Count) * max(0, g.Need.GPUs)
			placed[f.Group] += f.Count * hosts
			if arch == "" {
				arch = "x86_64"
			}
			if g.Arch != "" && g.Arch != arch {
				complain("%s: group %d wants %s, the host is %s", where, f.Group, g.Arch, arch)
			}
			if len(g.Types) > 0 && !slices.Contains(g.Types, name) {
				complain("%s: group %d may use %v", where, f.Group, g.Types)
			}
		}
		if used.MilliVCPU > max(0, has.MilliVCPU) || used.MemoryMiB > max(0, has.MemoryMiB) || used.GPUs > max(0, has.GPUs) {
			complain("%s: has %v, jobs need %v", where, has, used)
		}
	}
	var usd, fixed float64
	var vcpu int64
	hosts := 0
	ofType := make([]int, len(in.Types))
	for i, h := range p.Hosts {
		t := in.Types[h.Type]
		if h.Count <= 0 || len(h.Filling) == 0 {
			complain("hosts %d: %d of %s with %v", i, h.Count, t.Name, h.Filling)
		}
		onHost(fmt.Sprintf("hosts %d (%s)", i, t.Name), t.Has, t.Arch, t.Name, h.Filling, h.Count)
		usd += t.USDPerHour * float64(h.Count)
		fixed += t.FixedUSD * float64(h.Count)
		vcpu += t.Has.MilliVCPU * int64(h.Count)
		hosts += h.Count
		ofType[h.Type] += h.Count
	}
	rooms := map[int]bool{}
	for _, r := range p.OnFree {
		free := in.Free[r.Room]
		if rooms[r.Room] {
			complain("room %d is filled twice", r.Room)
		}
		rooms[r.Room] = true
		onHost("room "+free.ID, free.Has, free.Arch, free.Type, r.Filling, 1)
	}
	for _, u := range p.Unplaced {
		if u.Why == "" || u.Count <= 0 {
			complain("unplaced without a reason: %+v", u)
		}
		placed[u.Group] += u.Count
	}
	for g, n := range placed {
		if want := max(0, in.Groups[g].Count); n != want {
			complain("group %d: %d jobs in the plan, %d in the input", g, n, want)
		}
	}
	for t, n := range ofType {
		if limit := in.Types[t].Max; limit > 0 && n > limit {
			complain("%d hosts of %s, at most %d", n, in.Types[t].Name, limit)
		}
	}
	if l := in.Limits.Hosts; l > 0 && hosts > l {
		complain("%d hosts, at most %d", hosts, l)
	}
	if l := in.Limits.MilliVCPU; l > 0 && vcpu > l {
		complain("%d milli vCPU, at most %d", vcpu, l)
	}
	if diff := usd - p.USDPerHour; diff > 1e-6*usd+1e-9 || diff < -1e-6*usd-1e-9 {
		complain("USDPerHour is %v, the hosts cost %v", p.USDPerHour, usd)
	}
	if diff := fixed - p.FixedUSD; diff > 1e-6*fixed+1e-9 || diff < -1e-6*fixed-1e-9 {
		complain("FixedUSD is %v, the hosts cost %v", p.FixedUSD, fixed)
	}
	if p.LowerBoundUSD > usd+fixed+1e-9 {
		complain("bound %v above the cost %v", p.LowerBoundUSD, usd+fixed)
	}
	return wrong
}

func check(t testing.TB, in packing.Input, p packing.Plan) {
	t.Helper()
	for n, v := range violations(in, p) {
		if n == 10 {
			t.Errorf("... and more")
			break
		}
		t.Error(v)
	}
}

// The checker itself must see mistakes.
func TestCheckSeesMistakes(t *testing.T) {
	in := packing.Input{
		Groups: []packing.Group{{Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 100}, Count: 3}},
		Types:  []packing.Type{{Name: "a", Has: batch.Resources{MilliVCPU: 2000, MemoryMiB: 200}, USDPerHour: 1}},
	}
	tests := map[string]struct {
		plan packing.Plan
		ok   bool
	}{
		"right": {packing.Plan{USDPerHour: 2, Hosts: []packing.HostGroup{
			{Count: 1, Filling: []packing.Fill{{Count: 2}}}, {Count: 1, Filling: []packing.Fill{{Count: 1}}}}}, true},
		"too full":         {packing.Plan{USDPerHour: 1, Hosts: []packing.HostGroup{{Count: 1, Filling: []packing.Fill{{Count: 3}}}}}, false},
		"a job is missing": {packing.Plan{USDPerHour: 1, Hosts: []packing.HostGroup{{Count: 1, Filling: []packing.Fill{{Count: 2}}}}}, false},
		"a job twice":      {packing.Plan{USDPerHour: 2, Hosts: []packing.HostGroup{{Count: 2, Filling: []packing.Fill{{Count: 2}}}}}, false},
		"a bound too high": {packing.Plan{USDPerHour: 3, LowerBoundUSD: 4, Hosts: []packing.HostGroup{{Count: 3, Filling: []packing.Fill{{Count: 1}}}}}, false},
	}
	for name, test := range tests {
		if got := violations(in, test.plan); (len(got) == 0) != test.ok {
			t.Errorf("%s: violations %q", name, got)
		}
	}
}
