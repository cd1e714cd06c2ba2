package provisioner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

// waits lets a job of 2 vCPUs wait that runs for 30 minutes in the mean, since some time.
// Its own host is an m5.large for 0.096 dollars: at 0.048 an hour of waiting it may wait
// two boots.
func waits(since time.Duration) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		e.Boot, e.WaitUSDPerHour = time.Minute, 0.048
		e.Demand = append(e.Demand, provisioner.Demand{
			Need: size(2, 4), Count: 1, Runs: batch.RunTime{Mean: 30 * time.Minute, Spread: 1},
			Since: []provisioner.Since{{At: now.Add(-since), Count: 1}},
		})
	}
}

// fullHosts are n hosts of 4 vCPUs with two tasks of 2, which are expected to go on.
func fullHosts(n int, left time.Duration) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		e.MaxMilliVCPU = 1_000_000
		for range n {
			e.Hosts = append(e.Hosts, provisioner.Host{
				ID: "full", State: provisioner.Ready, Has: size(4, 16), Tasks: 2, CreatedAt: now.Add(-time.Hour),
			})
		}
		task := provisioner.Running{Need: size(2, 8), Left: left}
		e.Running = func(int) []provisioner.Running { return []provisioner.Running{task, task} }
	}
}

func TestAJobWaitsForRoomThatOthersLeaveBeforeAHostIsLaunched(t *testing.T) {
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"where much room is expected to become free": {
			environment(fullHosts(10, time.Minute), waits(0)), []string{"look again in 2m0s"},
		},
		"no longer than its waiting is worth the boot": {
			environment(fullHosts(10, time.Minute), waits(2*time.Minute)), []string{"launch 1 m5.large"},
		},
		"not where its waiting costs more": {
			environment(fullHosts(10, time.Minute), waits(0), func(e *provisioner.Environment) { e.WaitUSDPerHour = 1000 }), []string{"launch 1 m5.large"},
		},
		"not where tasks go on for long": {
			environment(fullHosts(10, time.Hour), waits(0)), []string{"launch 1 m5.large"},
		},
		"not where few hosts run": {
			environment(fullHosts(3, time.Minute), waits(0)), []string{"launch 1 m5.large"},
		},
		"not where nothing is known of how long it runs": {
			environment(fullHosts(10, time.Minute), waits(0), func(e *provisioner.Environment) { e.Demand[0].Runs = batch.RunTime{} }), []string{"launch 1 m5.large"},
		},
		"not where it is not known since when it waits": {
			environment(fullHosts(10, time.Minute), waits(0), func(e *provisioner.Environment) { e.Demand[0].Since = nil }), []string{"launch 1 m5.large"},
		},
		"at most a fifth of its run time": {
			environment(fullHosts(100, time.Minute), waits(0), func(e *provisioner.Environment) { e.Demand[0].Runs.Mean = 5 * time.Minute }), []string{"look again in 1m0s"},
		},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}

// A host that is launched for one that waited long enough may as well take others: they run
// for the same time, so that they end together.
func TestWhatWaitsForRoomKeepsOthersCompany(t *testing.T) {
	e := environment(offers(xlarge()), fullHosts(20, time.Minute), waits(time.Hour), waits(0))
	e.Demand[1].Need, e.Demand[1].Runs.Spread = size(2, 3), 0
	e.Demand[0].Runs.Spread = 0
	wants(t, e, "launch 1 m5.xlarge", "look again in 4m0s")
	p := provisioner.Make(e, now)
	want := []provisioner.Meant{{Need: size(2, 4), Count: 1}, {Need: size(2, 3), Count: 1}}
	if !slices.Equal(p.Launches[0].For, want) {
		t.Errorf("the host is for others (-want +got):\n%s", cmp.Diff(want, p.Launches[0].For))
	}
}

func TestAPlanSaysForWhichJobsRoomIsExpected(t *testing.T) {
	p := provisioner.Make(environment(fullHosts(10, time.Minute), waits(30*time.Second)), now)
	want := []provisioner.Waiting{{Need: size(2, 4), Count: 1, Until: now.Add(90 * time.Second)}}
	if !slices.Equal(p.Waiting, want) {
		t.Errorf("it says otherwise (-want +got):\n%s", cmp.Diff(want, p.Waiting))
	}
}

func TestAPreviewSaysWhichJobsWaitForRoom(t *testing.T) {
	later := now.Add(90 * time.Second)
	one := provisioner.Waiting{Need: size(2, 4), Count: 1, Until: later}
	fresh := demands(1, batch.Resources{MilliVCPU: 4000, MemoryMiB: 8192})
	for name, test := range map[string]struct {
		edits []func(*provisioner.Environment)
		want  []provisioner.Waiting
		bound bool // there is one, of the jobs that do not wait for room
	}{
		"and is no bound for them":       {nil, []provisioner.Waiting{one}, false},
		"beside one that gets a host":    {[]func(*provisioner.Environment){fresh}, []provisioner.Waiting{one}, true},
		"once where each type is tried":  {[]func(*provisioner.Environment){fresh, by(provisioner.BestFit)}, []provisioner.Waiting{one}, true},
		"of another architecture apart":  {[]func(*provisioner.Environment){func(e *provisioner.Environment) { e.Demand[0].Arch = "x86_64" }}, []provisioner.Waiting{{Need: one.Need, Arch: "x86_64", Count: 1, Until: later}}, false},
		"not one that waited for enough": {[]func(*provisioner.Environment){func(e *provisioner.Environment) { e.Demand[0].Since[0].At = now.Add(-time.Hour) }}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := environment(append([]func(*provisioner.Environment){fullHosts(10, time.Minute), waits(30 * time.Second)}, test.edits...)...)
			p := provisioner.PreviewOf(e, now)
			if !slices.Equal(p.ForRoom, test.want) || p.LowerBoundUSDPerHour > 0 != test.bound {
				t.Errorf("the preview is %+v with bound %v, want bound: %v (-want +got):\n%s", p, p.LowerBoundUSDPerHour, test.bound, cmp.Diff(test.want, p.ForRoom))
			}
		})
	}
}

func TestAPreviewDoesNotCountWhatAHostTakesAlong(t *testing.T) {
	e := environment(offers(xlarge()), fullHosts(20, time.Minute), waits(time.Hour), waits(0))
	e.Demand[1].Need, e.Demand[1].Runs.Spread = size(2, 3), 0
	e.Demand[0].Runs.Spread = 0
	if p := provisioner.PreviewOf(e, now); len(p.ForRoom) > 0 || len(p.Launches) != 1 {
		t.Errorf("the preview is %+v, want one host for both jobs, and none that waits", p)
	}
}
