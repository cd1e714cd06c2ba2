package scheduler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// priced is an environment whose hosts cost 0.2 dollars an hour, and that may add those or
// small ones of 1 vCPU for 0.05. Hosts boot for a minute.
func priced(maxVCPUs int64, hosts ...scheduler.Host) scheduler.Environment {
	e := environment("ce", hosts...)
	e.Boot, e.MaxMilliVCPU = time.Minute, maxVCPUs*1000
	e.Shapes = []scheduler.Shape{
		{Type: "small", Has: size(1, 2048), USDPerHour: 0.05}, {Type: "large", Has: size(4, 16384), USDPerHour: 0.2},
	}
	return e
}

// busy is a host with room for 2 vCPUs whose tasks are expected to run on for some time.
func busy(id string, left time.Duration) scheduler.Host {
	h := host(id, 2)
	h.USDPerHour, h.Busy = 0.2, left
	return h
}

func TestAJobTakesTheHostThatItKeepsUpForTheLeastMoney(t *testing.T) {
	hour := batch.RunTime{Mean: time.Hour, Spread: 1}
	runs := func(r batch.RunTime) scheduler.Job {
		j := job("j", 1)
		j.Runs = r
		return j
	}
	meant := busy("meant", 0)
	meant.Meant = []scheduler.Meant{{Need: job("j", 1).Need, Count: 1}}
	unpriced := host("unpriced", 2)

	for name, test := range map[string]struct {
		job  scheduler.Job
		env  scheduler.Environment
		want string // the host; empty: it waits for one of its own
	}{
		"the one that is needed for long anyway":                {runs(hour), priced(64, busy("short", time.Hour), busy("long", 9*time.Hour)), "long"},
		"none that it would keep up for more than its own":      {runs(hour), priced(64, busy("short", time.Hour)), ""},
		"any where none can be added":                           {runs(hour), priced(4, busy("short", time.Hour)), "short"},
		"any where nothing is known of how long it runs":        {runs(batch.RunTime{}), priced(64, busy("short", 0)), "short"},
		"any whose price is not known":                          {runs(hour), priced(64, unpriced), "unpriced"},
		"the one that was launched for it, whatever it costs":   {runs(hour), priced(64, busy("long", 9*time.Hour), meant), "meant"},
		"a short one, any: the boot of its own costs more":      {runs(batch.RunTime{Mean: 10 * time.Second, Spread: 1}), priced(64, busy("idle", 0)), "idle"},
		"a certain end within that of the others costs nothing": {runs(batch.RunTime{Mean: time.Hour}), priced(64, busy("a", time.Hour)), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			d := scheduler.Plan(scheduler.Snapshot{
				Environments: []scheduler.Environment{test.env},
				Queues:       []scheduler.Queue{queue("q", 1, []string{"ce"}, test.job)},
			})
			got := ""
			for _, p := range d.Placements {
				got = p.Host
			}
			if got != test.want {
				t.Errorf("it starts on %q, want %q", got, test.want)
			}
			if got != "" {
				return
			}
			if len(d.Demand) != 1 || d.Demand[0].Count != 1 || d.Demand[0].Runs != test.job.Runs {
				t.Errorf("it waits as demand %+v, want one job with its run time", d.Demand)
			}
			if why := d.Waits[0].Reason.String(); !strings.Contains(why, "a host of its own costs less") {
				t.Errorf("it waits because %q, want that a host of its own costs less", why)
			}
		})
	}
}

// A job that waits for a host of its own in its first environment does not go to the next
// one: that is for when the first is full.
func TestAJobThatWaitsForItsOwnHostStaysInItsEnvironment(t *testing.T) {
	j := job("j", 1)
	j.Runs = batch.RunTime{Mean: time.Hour, Spread: 1}
	second := environment("second", host("free", 4))
	d := scheduler.Plan(scheduler.Snapshot{
		Environments: []scheduler.Environment{priced(64, busy("short", time.Hour)), second},
		Queues:       []scheduler.Queue{queue("q", 1, []string{"ce", "second"}, j)},
	})
	if len(d.Placements) != 0 || len(d.Demand) != 1 || d.Demand[0].Environment != "ce" {
		t.Errorf("it starts as %+v and waits as %+v, want demand in ce", d.Placements, d.Demand)
	}
}

// When more wait than may get a host of their own, the others take the room there is.
func TestJobsTakeRoomWhenNoMoreHostsMayBeAdded(t *testing.T) {
	j := array("j", 5, 1)
	j.Runs = batch.RunTime{Mean: time.Hour, Spread: 1}
	// 4 of 6 vCPUs are there: two more may be added.
	d := scheduler.Plan(scheduler.Snapshot{
		Environments: []scheduler.Environment{priced(6, busy("short", time.Hour))},
		Queues:       []scheduler.Queue{queue("q", 1, []string{"ce"}, j, func() scheduler.Job { k := j; k.ID = "k"; return k }())},
	})
	if len(d.Placements) == 0 {
		t.Errorf("nothing starts although there is room and no more hosts may be added")
	}
}

func TestDemandTellsSinceWhenJobsWait(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second, unknown := array("a", 3, 1), job("b", 1), job("c", 1)
	first.Since, second.Since = at, at.Add(time.Minute)
	d := scheduler.Plan(scheduler.Snapshot{
		Environments: []scheduler.Environment{environment("ce")},
		Queues:       []scheduler.Queue{queue("q", 1, []string{"ce"}, first, second, unknown)},
	})
	want := []scheduler.Since{{At: at, Count: 3}, {At: at.Add(time.Minute), Count: 1}}
	if len(d.Demand) != 1 || d.Demand[0].Count != 5 || !slices.Equal(d.Demand[0].Since, want) {
		t.Errorf("the demand is %+v, want 5 of which 4 are known to wait since %v", d.Demand, want)
	}
}
