package packing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// job is count jobs of so many vCPUs and GiB.
func job(count int, vcpus, gib float64) packing.Group {
	return packing.Group{Count: count, Need: batch.Resources{MilliVCPU: int64(vcpus * 1000), MemoryMiB: int64(gib * 1024)}}
}

// host is a type of so many vCPUs and GiB.
func host(name string, vcpus, gib, usd float64) packing.Type {
	return packing.Type{Name: name, USDPerHour: usd, Has: batch.Resources{MilliVCPU: int64(vcpus * 1000), MemoryMiB: int64(gib * 1024)}}
}

func gpus(n int64, g packing.Group) packing.Group { g.Need.GPUs = n; return g }

// lines writes a plan so that a person can check it: hosts with the jobs on each, then
// the price and the bound.
func lines(in packing.Input, p packing.Plan) []string {
	var out []string
	filling := func(fill []packing.Fill) string {
		var parts []string
		for _, f := range fill {
			parts = append(parts, fmt.Sprintf("%d of (%s)", f.Count, in.Groups[f.Group].Need))
		}
		return strings.Join(parts, " + ")
	}
	for _, r := range p.OnFree {
		out = append(out, fmt.Sprintf("room %s: %s", in.Free[r.Room].ID, filling(r.Filling)))
	}
	for _, h := range p.Hosts {
		out = append(out, fmt.Sprintf("%d %s: %s", h.Count, in.Types[h.Type].Name, filling(h.Filling)))
	}
	for _, u := range p.Unplaced {
		out = append(out, fmt.Sprintf("%d left: %s", u.Count, u.Why))
	}
	return append(out, fmt.Sprintf("$%.2f, bound $%.2f", p.USDPerHour, p.LowerBoundUSD))
}

func TestPlansAPersonCanCheck(t *testing.T) {
	small, large := host("small", 2, 8, 0.10), host("large", 16, 64, 0.80)
	lean := host("lean", 16, 32, 0.64)
	tests := map[string]struct {
		in   packing.Input
		want []string
	}{
		"one job, the smallest host that holds it": {
			packing.Input{Groups: []packing.Group{job(1, 1, 4)}, Types: []packing.Type{large, small}},
			[]string{"1 small: 1 of (1 vCPU, 4096 MiB)", "$0.10, bound $0.10"},
		},
		"what needs memory and what needs vCPUs share a host": {
			// 8 jobs of 1 vCPU and 7 GiB, and 8 of 1 vCPU and 1 GiB: 16 vCPUs and 64 GiB.
			packing.Input{Groups: []packing.Group{job(8, 1, 7), job(8, 1, 1)}, Types: []packing.Type{host("only", 16, 64, 0.8)}},
			[]string{"1 only: 8 of (1 vCPU, 7168 MiB) + 8 of (1 vCPU, 1024 MiB)", "$0.80, bound $0.80"},
		},
		"hosts with little memory for jobs with little": {
			packing.Input{Groups: []packing.Group{job(16, 1, 2)}, Types: []packing.Type{large, lean}},
			[]string{"1 lean: 16 of (1 vCPU, 2048 MiB)", "$0.64, bound $0.64"},
		},
		"a type that costs more for less is never chosen": {
			packing.Input{Groups: []packing.Group{job(2, 2, 8)}, Types: []packing.Type{host("dear", 2, 8, 0.2), small}},
			[]string{"2 small: 1 of (2 vCPU, 8192 MiB)", "$0.20, bound $0.20"},
		},
		"GPUs only for those that need them": {
			packing.Input{
				Groups: []packing.Group{gpus(1, job(2, 4, 8)), job(4, 2, 8)},
				Types:  []packing.Type{small, {Name: "gpu", USDPerHour: 1, Has: batch.Resources{MilliVCPU: 4000, MemoryMiB: 16384, GPUs: 1}}},
			},
			[]string{"2 gpu: 1 of (4 vCPU, 8192 MiB, 1 GPU)", "4 small: 1 of (2 vCPU, 8192 MiB)", "$2.40, bound $2.40"},
		},
		"room that is there costs nothing": {
			packing.Input{
				Groups: []packing.Group{job(3, 2, 8)}, Types: []packing.Type{small},
				Free: []packing.Room{{ID: "i-1", Has: batch.Resources{MilliVCPU: 5000, MemoryMiB: 40000}}},
			},
			[]string{"room i-1: 2 of (2 vCPU, 8192 MiB)", "1 small: 1 of (2 vCPU, 8192 MiB)", "$0.10, bound $0.10"},
		},
		"maxvCpus": {
			packing.Input{
				Groups: []packing.Group{job(3, 2, 8)}, Types: []packing.Type{small}, Limits: packing.Limits{MilliVCPU: 5000},
			},
			[]string{"2 small: 1 of (2 vCPU, 8192 MiB)", "1 left: the limit of 5000 milli vCPU is reached", "$0.20, bound $0.20"},
		},
		"only so many of a type": {
			packing.Input{
				Groups: []packing.Group{job(3, 2, 8)},
				Types:  []packing.Type{{Name: "few", USDPerHour: 0.05, Has: small.Has, Max: 2}, small},
			},
			[]string{"1 small: 1 of (2 vCPU, 8192 MiB)", "2 few: 1 of (2 vCPU, 8192 MiB)", "$0.20, bound $0.20"},
		},
		"a job larger than every type": {
			packing.Input{Groups: []packing.Group{job(5, 20, 60)}, Types: []packing.Type{small, large}},
			[]string{"5 left: it needs 20 vCPU, 61440 MiB, more than any type has; the nearest is large with 16 vCPU, 65536 MiB", "$0.00, bound $0.00"},
		},
		"no types at all": {
			packing.Input{Groups: []packing.Group{job(1, 1, 1)}},
			[]string{"1 left: there are no types to choose from", "$0.00, bound $0.00"},
		},
		"no type of its architecture": {
			packing.Input{Groups: []packing.Group{{Need: job(1, 1, 1).Need, Count: 1, Arch: "arm64"}}, Types: []packing.Type{small}},
			[]string{"1 left: no type has the architecture arm64", "$0.00, bound $0.00"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := packing.Pack(test.in)
			check(t, test.in, p)
			if diff := cmp.Diff(test.want, lines(test.in, p)); diff != "" {
				t.Errorf("plan, wanted (-) and got (+):\n%s", diff)
			}
			first := packing.FirstFit(test.in)
			check(t, test.in, first)
		})
	}
}

// Where starting a host costs something, jobs go onto fewer and larger hosts.
func TestAStartThatCostsMakesHostsLarger(t *testing.T) {
	in := packing.Input{
		Groups: []packing.Group{job(64, 1, 4)},
		Types:  []packing.Type{host("m.large", 2, 8, 0.1), host("m.4xlarge", 16, 64, 0.8), host("m.16xlarge", 64, 256, 3.2)},
	}
	for i := range in.Types {
		in.Types[i].FixedUSD = in.Types[i].USDPerHour / 60
	}
	p := packing.Pack(in)
	check(t, in, p)
	if want := []string{"1 m.16xlarge: 64 of (1 vCPU, 4096 MiB)", "$3.20, bound $3.20"}; p.HostCount() != 1 {
		t.Errorf("plan = %q, want %q", lines(in, p), want)
	}
	// A fixed part that large hosts do not pay more of decides by price.
	for i := range in.Types {
		in.Types[i].FixedUSD = 0.05
	}
	if p = packing.Pack(in); p.HostCount() != 1 || p.FixedUSD != 0.05 {
		t.Errorf("with 5 cents for each start: %q", lines(in, p))
	}
}

// manyJobs is a mix that takes large hosts: a few hundred kinds of jobs.
func manyJobs(n int) packing.Input {
	in := packing.Input{Types: []packing.Type{
		host("c.4xlarge", 16, 32, 0.612), host("m.4xlarge", 16, 64, 0.688), host("r.4xlarge", 16, 128, 0.904),
		host("c.24xlarge", 96, 192, 3.672), host("m.24xlarge", 96, 384, 4.128), host("r.24xlarge", 96, 768, 5.424),
	}}
	for i := range n {
		v := 1 + i*7%13
		in.Groups = append(in.Groups, job(1+i*31%40, float64(v), float64(v*(1+i*5%11))*0.7))
	}
	return in
}

func TestNearTheBound(t *testing.T) {
	tests := map[string]struct {
		in   packing.Input
		most float64
	}{
		"a hundred kinds":                {manyJobs(100), 1.005},
		"more kinds than are told apart": {manyJobs(900), 1.03},
		"one type":                       {packing.Input{Groups: manyJobs(60).Groups, Types: manyJobs(1).Types[4:5]}, 1.012},
		"bound by memory":                {packing.Input{Groups: []packing.Group{job(1000, 1, 20), job(1000, 1, 33)}, Types: manyJobs(1).Types}, 1.01},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := packing.Pack(test.in)
			check(t, test.in, p)
			if ratio := p.USDPerHour / p.LowerBoundUSD; !(ratio <= test.most) {
				t.Errorf("%.2f dollars, bound %.2f: ratio %.4f, want at most %v", p.USDPerHour, p.LowerBoundUSD, ratio, test.most)
			}
		})
	}
}

// A search that is cut off at once still gives a whole plan.
func TestNoTime(t *testing.T) {
	in := manyJobs(300)
	in.Budget.Expired = func() bool { return true }
	p := packing.Pack(in)
	check(t, in, p)
	if len(p.Unplaced) > 0 {
		t.Errorf("without time %d kinds of jobs have no place: %+v", len(p.Unplaced), p.Unplaced[0])
	}
}

// More work never makes a plan worse by much, and the same work gives the same plan.
func TestWorkIsCounted(t *testing.T) {
	in := manyJobs(150)
	in.Budget.Work = 3_000_000
	short := packing.Pack(in)
	check(t, in, short)
	if again := packing.Pack(in); !slices.Equal(lines(in, short), lines(in, again)) {
		t.Errorf("the same work, two plans: %q and %q", lines(in, short), lines(in, again))
	}
	in.Budget.Work = 0
	if long := packing.Pack(in); long.USDPerHour > short.USDPerHour*1.002 {
		t.Errorf("with more work %v dollars, with less %v", long.USDPerHour, short.USDPerHour)
	}
}

func TestPlanAgain(t *testing.T) {
	in := manyJobs(120)
	first := packing.Pack(in)
	changes := map[string]func(*packing.Input){
		"nothing":              func(*packing.Input) {},
		"some jobs are gone":   func(in *packing.Input) { in.Groups[3].Count -= 2; in.Groups[7].Count = 0 },
		"some jobs more":       func(in *packing.Input) { in.Groups[11].Count += 4 },
		"a new kind":           func(in *packing.Input) { in.Groups = append(in.Groups, job(3, 2.5, 9)) },
		"groups in disorder":   func(in *packing.Input) { slices.Reverse(in.Groups) },
		"all jobs are others":  func(in *packing.Input) { in.Groups = []packing.Group{job(500, 3, 1)} },
		"no jobs":              func(in *packing.Input) { in.Groups = nil },
		"a type is gone":       func(in *packing.Input) { in.Types = in.Types[1:] },
		"a type became dearer": func(in *packing.Input) { in.Types[4].USDPerHour *= 2 },
		"a limit":              func(in *packing.Input) { in.Limits.Hosts = 5 },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			next := in
			next.Groups, next.Types = slices.Clone(in.Groups), slices.Clone(in.Types)
			change(&next)
			next.Warm = &first
			again := packing.Pack(next)
			check(t, next, again)
			next.Warm = nil
			if anew := packing.Pack(next); again.USDPerHour > anew.USDPerHour*1.02 {
				t.Errorf("from the plan before %v dollars, anew %v", again.USDPerHour, anew.USDPerHour)
			}
		})
	}
}

// A handful of jobs is planned in the middle of a decision, so it must be quick.
func BenchmarkHandful(b *testing.B) {
	in := packing.Input{Groups: []packing.Group{job(3, 1, 2), job(2, 4, 8), job(1, 2, 16)}, Types: manyJobs(1).Types}
	b.ReportAllocs()
	for b.Loop() {
		packing.Pack(in)
	}
}
