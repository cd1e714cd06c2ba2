package provisioner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

// bothMarkets offers types On-Demand, and on Spot at three tenths of the price with
// interruptions per hour.
func bothMarkets(perHour float64, list ...provisioner.Offer) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		e.Offers, e.Boot = nil, 6*time.Minute
		for _, o := range list {
			e.Offers = append(e.Offers, o)
			o.Spot, o.Interruptions, o.USDPerHour = true, perHour, 0.3*o.USDPerHour
			e.Offers = append(e.Offers, o)
		}
	}
}

func running(count int, hours float64) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		mean := time.Duration(hours * float64(time.Hour))
		e.Demand = append(e.Demand, provisioner.Demand{Need: size(2, 4), Count: count, Runs: batch.RunTime{Mean: mean}})
	}
}

// inMarkets writes launches with their market.
func inMarkets(p provisioner.Plan) string {
	text := ""
	for _, l := range p.Launches {
		market := "On-Demand"
		if l.Spot {
			market = "Spot"
		}
		text += fmt.Sprintf("%d %s %s;", l.Count, l.Type, market)
	}
	return text
}

// A host of m5.large costs $0.096 an hour On-Demand and $0.0288 on Spot. A job of h hours
// costs 0.096*(0.1+h) On-Demand, the boot of 6 minutes included; on Spot with r
// interruptions an hour it is paid for (e^rh - 1)*(1/r + 0.1) hours and a boot.
func TestSpotOrOnDemand(t *testing.T) {
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want string
	}{
		"5 % a month, ten minutes: $0.0077 against $0.0256": {environment(bothMarkets(0.05/730, large()), running(1, 1./6)), "1 m5.large Spot;"},
		"5 % a month, a day: $0.6947 against $2.3136":       {environment(bothMarkets(0.05/730, large()), running(1, 24)), "1 m5.large Spot;"},
		"one in 2 hours, an hour: $0.0421 against $0.1056":  {environment(bothMarkets(0.5, large()), running(1, 1)), "1 m5.large Spot;"},
		"one in 2 hours, 3 hours: $0.2135 against $0.2976":  {environment(bothMarkets(0.5, large()), running(1, 3)), "1 m5.large Spot;"},
		"one in 2 hours, 5 hours: $0.6792 against $0.4896":  {environment(bothMarkets(0.5, large()), running(1, 5)), "1 m5.large On-Demand;"},
		"a day at that rate does not end on Spot":           {environment(bothMarkets(0.5, large()), running(1, 24)), "1 m5.large On-Demand;"},
		"short jobs and long ones each in their market": {
			environment(bothMarkets(0.5, large()), running(2, 1), running(1, 24)), "2 m5.large Spot;1 m5.large On-Demand;",
		},
		"nothing is known of the run time: the price decides": {
			environment(bothMarkets(0.5, large()), demands(1, size(2, 4))), "1 m5.large Spot;",
		},
		"no Spot to be had: On-Demand": {
			environment(bothMarkets(0, large()), running(1, 1), func(e *provisioner.Environment) { e.Offers = e.Offers[:1] }), "1 m5.large On-Demand;",
		},
		"BEST_FIT keeps to a type in each market": {
			environment(by(provisioner.BestFit), bothMarkets(0.5, large(), xlarge()), running(1, 1), running(1, 24)), "1 m5.large Spot;1 m5.large On-Demand;",
		},
		"minvCpus on Spot: one that is taken costs a boot": {environment(bothMarkets(0.5, large()), bounds(2, 16)), "1 m5.large Spot;"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := inMarkets(provisioner.Make(test.env, now)); got != test.want {
				t.Errorf("the plan launches %q, want %q", got, test.want)
			}
		})
	}
}

// Of two types at the same price, the one that is taken less often.
func TestAmongSpotTypesTheOneThatLasts(t *testing.T) {
	env := environment(bothMarkets(0.2, large()), running(1, 2))
	other := env.Offers[1]
	other.Type, other.Interruptions = "m5a.large", 0.01
	env.Offers = append(env.Offers, other)
	if got := inMarkets(provisioner.Make(env, now)); got != "1 m5a.large Spot;" {
		t.Errorf("the plan launches %q, want the type that is taken less often", got)
	}
}

// A Spot host on its way with room to spare takes a short job, and not a day's.
func TestASpotHostOnItsWayTakesWhatItSuits(t *testing.T) {
	host := booting("a", time.Minute)
	host.Meant, host.USDPerHour, host.Interruptions = []provisioner.Meant{{Need: size(1, 1), Count: 1}}, 0.0288, 0.5
	for hours, want := range map[float64]string{0.5: "", 24: "1 m5.large On-Demand;"} {
		env := environment(bothMarkets(0.5, large()), has(host), running(1, hours))
		if got := inMarkets(provisioner.Make(env, now)); got != want {
			t.Errorf("for a job of %g hours the plan launches %q, want %q", hours, got, want)
		}
	}
}
