package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/simulator/policy"
)

// Whatever bytes come, they are read or refused, with the file and the next step.
func FuzzRead(f *testing.F) {
	f.Add("")
	f.Add("name: nights\nstrategy: ffd\nmarket: spot\ntypes: [m6i, c6i.large]\nusable_memory: advertised\nmax_vcpus: 512\nidle: 60s\n" +
		"boot: {median: 55s, p95: 90s}\nstart: {from: 1, to: 2s}\nbilling: {minimum: 60s}\nspot: {price_factor: 0.35, interruptions_per_hour: 0.03, notice: 2m}\n" +
		"api: {launches_per_second: 5, run_task_per_second: 20}\npass_every: 1s\nseed: 1\n")
	f.Add("environments: cheapest\nwait_usd_per_hour: 0.05\nidle: learned\n")
	f.Add("a: &a [*a]\n---\nMarket: .nan\nboot: {from: null, from: -1e400}\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := policy.Read("p.yaml", []byte(text))
		if err != nil {
			var wrong *policy.Error
			var types *policy.TypesError
			if errors.As(err, &wrong) && (wrong.File != "p.yaml" || wrong.Problem == "" || wrong.Next == "") {
				t.Fatalf("Read(%q) = %v, want an error with the file and the next step", text, err)
			}
			if !errors.As(err, &wrong) && !errors.As(err, &types) {
				t.Fatalf("Read(%q) = %T %v", text, err, err)
			}
			return
		}
		if _, known := policy.Strategy(p.Strategy); !known || len(p.Types) == 0 || p.MaxVCPUs < 1 || p.PassEvery <= 0 || p.Minimum < 0 ||
			p.Boot.Typical < 0 || p.Boot.Typical > 15*time.Minute || p.Spot.PriceFactor <= 0 {
			t.Fatalf("Read(%q) = %+v", text, p)
		}
	})
}
