package scheduler_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// Room on a Spot host costs what the job has to do again there, at the price of a host of
// its own: of r interruptions an hour, (e^rt - 1)/r - t hours of a job of t.
func TestRoomOnASpotHostCostsWhatIsDoneAgain(t *testing.T) {
	spot := busy("spot", 1000*time.Hour)
	spot.Interruptions = 0.5
	onDemand := busy("on-demand", 1000*time.Hour)
	runs := func(hours float64) scheduler.Job {
		j := job("j", 1)
		j.Runs = batch.RunTime{Mean: time.Duration(hours * float64(time.Hour))}
		return j
	}
	for name, test := range map[string]struct {
		job  scheduler.Job
		env  scheduler.Environment
		want string // the host; empty: it waits for one of its own
	}{
		"an hour: 0.3 hours again, less than a host of its own": {runs(1), priced(64, spot), "spot"},
		"4 hours: 8.8 hours again, more than a host of its own": {runs(4), priced(64, spot), ""},
		"where no host can be added, any room":                  {runs(4), priced(4, spot), "spot"},
		"rather a host that nobody takes":                       {runs(1), priced(64, spot, onDemand), "on-demand"},
	} {
		t.Run(name, func(t *testing.T) {
			wantHost(t, test.env, test.job, test.want)
		})
	}
}

// A host of its own is of the type that costs the job less, interruptions included: with
// small hosts on Spot at $0.02 an hour, room that costs $0.03 an hour is dear for a short
// job, and not for a long one, which would buy On-Demand for $0.05.
func TestAHostOfItsOwnIsWhatCostsTheJobLess(t *testing.T) {
	env := priced(64, busy("h", 0))
	env.Hosts[0].USDPerHour = 0.03
	small := env.Shapes[0]
	small.USDPerHour, small.Interruptions = 0.02, 0.5
	env.Shapes = append(env.Shapes, small)
	short, long := job("j", 1), job("j", 1)
	short.Runs, long.Runs = batch.RunTime{Mean: time.Hour}, batch.RunTime{Mean: 5 * time.Hour}
	wantHost(t, env, short, "")
	wantHost(t, env, long, "h")
}

// wantHost checks where a job goes; empty: it waits.
func wantHost(t *testing.T, env scheduler.Environment, j scheduler.Job, want string) {
	t.Helper()
	d := scheduler.Plan(on(env, j))
	got := ""
	if len(d.Placements) > 0 {
		got = d.Placements[0].Host
	}
	if got != want {
		t.Errorf("a job of %s goes to %q, want %q", j.Runs.Mean, got, want)
	}
}
