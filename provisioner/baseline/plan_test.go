package baseline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/baseline"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func size(vcpus, gib int64) batch.Resources {
	return batch.Resources{MilliVCPU: vcpus * 1000, MemoryMiB: gib * 1024}
}

// The general family costs 0.10 for 2 vCPUs and 8 GiB, and in proportion; the compute
// family has half the memory and costs less.
var offers = []provisioner.Offer{
	{Type: "c.large", Has: size(2, 4), USDPerHour: 0.08},
	{Type: "m.large", Has: size(2, 8), USDPerHour: 0.10},
	{Type: "m.xlarge", Has: size(4, 16), USDPerHour: 0.20},
	{Type: "m.8xlarge", Has: size(32, 128), USDPerHour: 1.60},
}

// waiting is an active environment in which jobs wait.
func waiting(demand ...provisioner.Demand) provisioner.Environment {
	return provisioner.Environment{
		Name: "ce", Active: true, MaxMilliVCPU: 64_000, Offers: offers, Demand: demand,
		IdleWindow: time.Minute, BootWindow: 15 * time.Minute,
	}
}

func jobs(n int, need batch.Resources) provisioner.Demand {
	return provisioner.Demand{Need: need, Count: n}
}

func launches(p provisioner.Plan) string {
	text := ""
	for _, l := range p.Launches {
		text += fmt.Sprintf("%d %s ", l.Count, l.Type)
	}
	return text
}

func TestWhatEachLaunches(t *testing.T) {
	tests := map[string]struct {
		env              provisioner.Environment
		one, ffd, better string // one host per job, first-fit decreasing, best-fit progressive
	}{
		"nothing":       {waiting(), "", "", ""},
		"one small job": {waiting(jobs(1, size(1, 1))), "1 c.large ", "1 c.large ", "1 c.large "},
		"two share a host": {
			waiting(jobs(2, size(1, 2))), "2 c.large ", "1 c.large ", "1 c.large ",
		},
		"memory counts for a packing, not for a price per vCPU": {
			waiting(jobs(4, size(1, 4))), "4 c.large ", "2 m.large ", "4 c.large ",
		},
		"many large ones": {waiting(jobs(8, size(4, 8))), "8 m.xlarge ", "8 m.xlarge ", "1 m.8xlarge "},
		"never above maxvCpus": {
			waiting(jobs(100, size(4, 16))), "16 m.xlarge ", "16 m.xlarge ", "2 m.8xlarge ",
		},
		"none holds it": {waiting(jobs(1, size(64, 1))), "", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, policy := range []struct {
				name, want string
				plan       func(provisioner.Environment, time.Time) provisioner.Plan
			}{
				{"OnePerJob", test.one, baseline.OnePerJob},
				{"FirstFitDecreasing", test.ffd, baseline.FirstFitDecreasing},
				{"BestFitProgressive", test.better, baseline.BestFitProgressive},
			} {
				if got := launches(policy.plan(test.env, now)); got != policy.want {
					t.Errorf("%s launches %q, want %q", policy.name, got, policy.want)
				}
			}
		})
	}
}

func TestHostsGoWhenTheyAreIdle(t *testing.T) {
	e := waiting()
	e.Hosts = []provisioner.Host{
		{ID: "idle", State: provisioner.Ready, Has: size(2, 8), IdleSince: now.Add(-time.Minute)},
		{ID: "soon", State: provisioner.Ready, Has: size(2, 8), IdleSince: now.Add(-20 * time.Second)},
		{ID: "busy", State: provisioner.Ready, Has: size(2, 8), Tasks: 1},
		{ID: "drained", State: provisioner.Draining, Has: size(2, 8)},
		{ID: "late", State: provisioner.Booting, Has: size(2, 8), CreatedAt: now.Add(-time.Hour)},
	}
	want := provisioner.Plan{Drain: []string{"idle"}, Terminate: []string{"drained", "late"}, Next: now.Add(40 * time.Second)}
	slices.Sort(want.Terminate)
	got := baseline.FirstFitDecreasing(e, now)
	slices.Sort(got.Terminate)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the plan differs (-want +got):\n%s", diff)
	}
}

// Whatever waits: the launches hold it, stay under maxvCpus, and are not made again once
// they boot.
func TestAnyPlan(t *testing.T) {
	plans := map[string]func(provisioner.Environment, time.Time) provisioner.Plan{
		"OnePerJob": baseline.OnePerJob, "FirstFitDecreasing": baseline.FirstFitDecreasing, "BestFitProgressive": baseline.BestFitProgressive,
	}
	rapid.Check(t, func(t *rapid.T) {
		e := waiting()
		e.MaxMilliVCPU = rapid.Int64Range(0, 200).Draw(t, "maxvCpus") * 1000
		seen := map[batch.Resources]bool{}
		for range rapid.IntRange(0, 5).Draw(t, "groups") {
			d := jobs(rapid.IntRange(1, 40).Draw(t, "count"), size(rapid.Int64Range(1, 40).Draw(t, "vcpus"), rapid.Int64Range(1, 64).Draw(t, "gib")))
			if !seen[d.Need] {
				seen[d.Need] = true
				e.Demand = append(e.Demand, d)
			}
		}
		for name, plan := range plans {
			p := plan(e, now)
			var launched int64
			next := e
			next.Hosts = nil
			for _, l := range p.Launches {
				at := slices.IndexFunc(offers, func(o provisioner.Offer) bool { return o.Type == l.Type })
				if at < 0 || l.Count <= 0 {
					t.Fatalf("%s launches %+v", name, l)
				}
				launched += int64(l.Count) * offers[at].Has.MilliVCPU
				for range l.Count {
					next.Hosts = append(next.Hosts, provisioner.Host{
						ID: fmt.Sprint(len(next.Hosts)), State: provisioner.Booting, Has: offers[at].Has, CreatedAt: now,
					})
				}
			}
			if launched > e.MaxMilliVCPU {
				t.Fatalf("%s launches %d thousandths of a vCPU, maxvCpus is %d", name, launched, e.MaxMilliVCPU)
			}
			if again := plan(next, now); len(again.Launches) > 0 {
				t.Fatalf("%s launches %v for %v, and then %v as well", name, p.Launches, e.Demand, again.Launches)
			}
		}
	})
}
