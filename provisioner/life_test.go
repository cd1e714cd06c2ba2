package provisioner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

// lasting lets count jobs wait that need so much and run for an hour, with a spread.
func lasting(count int, need batch.Resources, spread float64) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		e.Boot = time.Minute
		e.Demand = append(e.Demand, provisioner.Demand{Need: need, Count: count, Runs: batch.RunTime{Mean: time.Hour, Spread: spread}})
	}
}

func TestHostsAreChosenByWhatTheyCostUntilTheyAreEmpty(t *testing.T) {
	medium := provisioner.Offer{Type: "m7a.medium", Has: size(1, 4), USDPerHour: 0.05796}
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"jobs that end together share the host that is cheapest for each": {
			environment(offers(medium, xlarge()), lasting(4, size(1, 4), 0)), []string{"launch 1 m5.xlarge"},
		},
		"jobs of which one may run for long get hosts of their own": {
			environment(offers(medium, xlarge()), lasting(4, size(1, 4), 1.5)), []string{"launch 4 m7a.medium"},
		},
		"but share where more wait than may run: others will follow": {
			environment(offers(medium, xlarge()), lasting(20, size(1, 4), 1.5)), []string{"launch 4 m5.xlarge"},
		},
		"and share where sharing is all there is": {
			environment(offers(xlarge()), lasting(4, size(1, 4), 1.5)), []string{"launch 1 m5.xlarge"},
		},
		"one job gets the cheapest host that holds it": {
			environment(offers(medium, large(), xlarge()), lasting(1, size(2, 2), 1.5)), []string{"launch 1 m5.large"},
		},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}

// A host knows what it was launched for, so a plan made again while it boots launches
// nothing, whatever else the host could hold.
func TestAPlanMadeAgainLaunchesNothing(t *testing.T) {
	for name, edit := range map[string]func(*provisioner.Environment){
		"long tails":     lasting(7, size(1, 3), 2),
		"no spread":      lasting(7, size(1, 3), 0),
		"nothing known":  demands(7, size(1, 3)),
		"several kinds":  func(e *provisioner.Environment) { lasting(3, size(3, 3), 1)(e); lasting(5, size(1, 1), 1)(e) },
		"more than fits": lasting(40, size(1, 4), 1),
	} {
		t.Run(name, func(t *testing.T) {
			e := environment(offers(large(), xlarge(), compute(), memory()), edit)
			prices := map[string]provisioner.Offer{}
			for _, o := range e.Offers {
				prices[o.Type] = o
			}
			for _, l := range provisioner.Make(e, now).Launches {
				for range l.Count {
					o := prices[l.Type]
					e.Hosts = append(e.Hosts, provisioner.Host{
						ID: l.Type, State: provisioner.Booting, Has: o.Has, CreatedAt: now, USDPerHour: o.USDPerHour,
						Meant: provisioner.ReadMeant(provisioner.WriteMeant(l.For)),
					})
				}
			}
			if again := provisioner.Make(e, now.Add(time.Second)).Launches; len(again) > 0 {
				t.Errorf("a second later it launches %+v more", again)
			}
		})
	}
}

func TestAnIdleHostStaysAsLongAsItIsWorthWhile(t *testing.T) {
	learned := func(e *provisioner.Environment) { e.IdleWindow, e.Boot = 0, time.Minute }
	after := func(arrivals float64, h provisioner.Host) provisioner.Host {
		h.Arrivals = arrivals
		return h
	}
	young := idle("a", 6*time.Second)
	young.CreatedAt = now.Add(-20 * time.Second)
	for name, test := range map[string]struct {
		host provisioner.Host
		want []string
	}{
		"a moment in any case":                             {idle("a", 2*time.Second), []string{"look again in 3s"}},
		"no longer where jobs come seldom":                 {after(30, idle("a", 6*time.Second)), []string{"drain a"}},
		"as long as a boot takes where they come sooner":   {after(90, idle("a", 6*time.Second)), []string{"look again in 54s"}},
		"and then the guess was wrong":                     {after(90, idle("a", 60*time.Second)), []string{"drain a"}},
		"until the minute is over that is paid for anyway": {young, []string{"look again in 40s"}},
	} {
		t.Run(name, func(t *testing.T) { wants(t, environment(learned, has(test.host)), test.want...) })
	}
}

func TestWhatAHostIsMeantForIsReadAsItWasWritten(t *testing.T) {
	list := []provisioner.Meant{{Need: size(4, 8), Count: 2}, {Need: batch.Resources{MilliVCPU: 250, MemoryMiB: 512, GPUs: 1}, Count: 1}}
	if got := provisioner.ReadMeant(provisioner.WriteMeant(list)); !slices.Equal(got, list) {
		t.Errorf("it is read otherwise (-want +got):\n%s", cmp.Diff(list, got))
	}
	if got := provisioner.ReadMeant("2x4000/8192 nonsense 0x1/1/1"); got != nil {
		t.Errorf("what is damaged reads as %+v, want nothing", got)
	}
}

func TestAPreviewHasTheBound(t *testing.T) {
	e := environment(offers(xlarge()), demands(6, size(1, 4)), has(booting("a", time.Second)))
	p := provisioner.PreviewOf(e, now)
	if p.Waits != 6 || p.OnBooting != 4 || len(p.Launches) != 1 || p.LowerBoundUSDPerHour <= 0 || p.LowerBoundUSDPerHour > xlarge().USDPerHour {
		t.Errorf("the preview is %+v, want 6 waiting, 4 of them on the host that boots, one launch and a bound up to its price", p)
	}
}
