package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/simulator/policy"
)

func TestRead(t *testing.T) {
	text := `
name: nights
strategy: ffd
market: spot
types: [m6i, c6i.large]
usable_memory: advertised
max_vcpus: 512
idle: 90
wait_usd_per_hour: 0.5
boot: {median: 50s, p95: 80s}
start: {from: 1s, to: 3s}
billing: {minimum: 30s}
spot: {price_factor: 0.4, interruptions_per_hour: 0.1, notice: 0s}
api: {launches_per_second: 2, run_task_per_second: 20}
pass_every: 500ms
seed: 42
`
	p, err := policy.Read("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if p.Title() != "nights" || p.Strategy != policy.FirstFit || p.Market != policy.Spot || !p.Advertised || p.MaxVCPUs != 512 ||
		p.Idle != 90*time.Second || p.Minimum != 30*time.Second || p.Spot.PriceFactor != 0.4 || p.Spot.Notice != 0 ||
		p.API.RunTaskPerSecond != 20 || p.PassEvery != 500*time.Millisecond || p.Seed != 42 || p.WaitUSDPerHour != 0.5 {
		t.Errorf("Read() = %+v", p)
	}
	if p.Boot.Typical != 50*time.Second || p.Start.Typical != 2*time.Second || len(p.Types) < 5 {
		t.Errorf("Boot = %s, Start = %s, %d types; want 50s, 2s and the sizes of m6i", p.Boot.Text, p.Start.Text, len(p.Types))
	}
	if got, want := p.USDPerHour(&p.Types[0]), 0.4*p.Types[0].OnDemandUSDPerHour; got != want {
		t.Errorf("USDPerHour(%s) = %f, want %f", p.Types[0].Name, got, want)
	}
}

func TestAnEmptyPolicyIsTheDefault(t *testing.T) {
	p, err := policy.Read("p.yaml", nil)
	if err != nil || p.Title() != policy.Packhorse || p.Boot.Typical != time.Minute || len(p.Types) == 0 {
		t.Errorf("Read() = %s with %d types, %v", p.Title(), len(p.Types), err)
	}
}

func TestTheIdleRuleIsTheStrategysUnlessOneIsGiven(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration // 0: Packhorse's own rule, and no time with a host for each job
	}{
		{"strategy: packhorse", 0},
		{"{strategy: packhorse, idle: learned}", 0},
		{"{strategy: packhorse, idle: 20s}", 20 * time.Second},
		{"strategy: ffd", time.Minute},
		{"{strategy: ffd, idle: 0s}", 0},
		{"{strategy: packhorse, idle: 0s}", time.Millisecond}, // 0 is the engine's own rule
		{"{strategy: one-per-job, idle: 20s}", 0},
	} {
		p, err := policy.Read("p.yaml", []byte(test.text))
		if got := p.IdleWindow(); err != nil || got != test.want {
			t.Errorf("%s: a host without tasks stays %s (%v), want %s", test.text, got, err, test.want)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	tests := map[string]string{
		"strategy: best":     "p.yaml, strategy: ",
		"market: moon":       "p.yaml, market: ",
		"environments: best": "p.yaml, environments: ",
		"{market: fargate, environments: soonest}": "p.yaml, environments: ",
		"idle: soon":                         "p.yaml, idle: ",
		"wait_usd_per_hour: 0":               "p.yaml, wait_usd_per_hour: ",
		"idle: -1s":                          "p.yaml, idle: ",
		"idle_window: 1s":                    "p.yaml: ",
		"max_vcpus: 0":                       "p.yaml, max_vcpus: ",
		"boot: {from: 3s, to: 1s}":           "p.yaml, boot: ",
		"boot: {median: 3s}":                 "p.yaml, boot: ",
		"boot: {mean: 3s}":                   "p.yaml, boot: ",
		"spot: {price_factor: -1}":           "p.yaml, spot.price_factor: ",
		"api: {launches_per_second: -1}":     "p.yaml, api.launches_per_second: ",
		"types: [m99]":                       "p.yaml, types: ",
		"types: []":                          "p.yaml, types: ",
		"usable_memory: all":                 "p.yaml, usable_memory: ",
		"pass_every: 0s":                     "p.yaml, pass_every: ",
		"name: [":                            "p.yaml: ",
		"name: [x]":                          "p.yaml, name: array is no value for it; write a word",
		`name: "a\nb"`:                       "p.yaml, name: ",
		"Market: spot":                       `p.yaml: there is no key "Market"; the keys are name, strategy, `,
		"spot: {notise: 2m}":                 `p.yaml: there is no key "spot.notise"; the keys of spot are price_factor, `,
		"billing: 60s":                       "p.yaml, billing: it has no keys; write billing: {minimum: ...}",
		"- spot":                             "p.yaml: it has no keys; ",
		"market: spot\n---\nname: x":         "p.yaml: there are several documents in it; ",
		`max_vcpus: "512"`:                   "p.yaml, max_vcpus: string is no value for it; write a number, without quotes",
		"max_vcpus: 2.5":                     "p.yaml, max_vcpus: it has a fraction; ",
		"max_vcpus: .nan":                    "p.yaml: NaN is no number to count with; ",
		"seed: -1":                           "p.yaml, seed: number -1 is no value for it; write a whole number from 0",
		"boot: [1s]":                         `p.yaml, boot: ["1s"] is not a duration such as 90s; `,
		"boot: 20m":                          "p.yaml, boot: 20m0s is out of range; ",
		"boot: {b: 1s, a: 2s}":               `p.yaml, boot: there is no "a"; `,
		"billing: {minimum: soon}":           `p.yaml, billing.minimum: "soon" is not a duration such as 90s; `,
		"spot: {notice: 2h}":                 "p.yaml, spot.notice: ",
		"spot: {price_factor: 0}":            "p.yaml, spot.price_factor: ",
		"spot: {interruptions_per_hour: 61}": "p.yaml, spot.interruptions_per_hour: ",
		"api: {launches_per_second: 1e-9}":   "p.yaml, api.launches_per_second: ",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			_, err := policy.Read("p.yaml", []byte(text))
			var wrong *policy.Error
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) || wrong.Next == "" {
				t.Errorf("Read(%q) = %v, want an error that begins with %q and says what to do", text, err, want)
			}
		})
	}
}

func TestTypesOfAFile(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "types.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p := policy.Default()
	err := p.OpenTypes(write("instance_type,vcpus,memory_mib,gpus,ondemand_usd_per_hour,instantiate_delay_s,run_worker_delay_s,colour\n" +
		"p3.2xlarge,8,62464,1,3.06,22,51,red\n"))
	if err != nil || len(p.Types) != 1 || p.Types[0].Boot != 73*time.Second || p.Types[0].GPUs != 1 || p.TypesFrom != "types.csv" {
		t.Errorf("OpenTypes() = %v, Types = %+v; want one with a boot of 73 s", err, p.Types)
	}
	header := "instance_type,vcpus,memory_mib,ondemand_usd_per_hour\n"
	for text, want := range map[string]string{
		"":                                  "types.csv, line 1: ",
		"instance_type,vcpus\n":             "types.csv, line 1, column memory_mib: ",
		header:                              "types.csv, line 1: ",
		header + "m5,2,8,0.1\n":             "types.csv, line 2, column instance_type: ",
		header + "m5.x,two,8,0.1\n":         "types.csv, line 2, column vcpus: ",
		header + "m5.x,2,8,0\n":             "types.csv, line 2, column ondemand_usd_per_hour: ",
		header + "m5.x,2,8,1\nm5.x,2,8,1\n": "types.csv, line 3, column instance_type: ",
		header + "m5.x,2,8\n":               "types.csv, line 2: ",
		header + "m5.x,2.5,8,1\n":           "types.csv, line 2, column vcpus: 2.5 has a fraction; ",
		strings.TrimSpace(header) + ",vcpus\nm5.x,2,8,1,2\n":          "types.csv, line 1, column vcpus: the column is there twice; ",
		strings.TrimSpace(header) + ",ecs_memory_mib\nm5.x,2,8,1,9\n": "types.csv, line 2, column ecs_memory_mib: ",
		strings.TrimSpace(header) + ",boot_s\nm5.x,2,8,1,3600\n":      "types.csv, line 2, column boot_s: ",
	} {
		var wrong *policy.TypesError
		if err := p.OpenTypes(write(text)); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("OpenTypes(%q) = %v, want an error that begins with %q", text, err, want)
		}
	}
}
