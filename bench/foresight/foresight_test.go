package foresight_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/bench/foresight"
)

const hour = time.Hour

func cpus(n int64) batch.Resources { return batch.Resources{MilliVCPU: n * 1000, MemoryMiB: n * 4096} }

// A vCPU costs 5 cents an hour; twelve on one host four.
var types = []foresight.Type{
	{Has: cpus(1), USDPerHour: 0.05}, {Has: cpus(4), USDPerHour: 0.2}, {Has: cpus(12), USDPerHour: 0.48},
}

func TestUSD(t *testing.T) {
	job := func(vcpus int64, arrival, duration time.Duration) foresight.Job {
		return foresight.Job{Arrival: arrival, Duration: duration, Need: cpus(vcpus)}
	}
	for name, test := range map[string]struct {
		jobs  []foresight.Job
		rules foresight.Rules
		want  float64
	}{
		"none":                      {want: 0},
		"one: the cheapest for it":  {jobs: []foresight.Job{job(1, 0, hour)}, want: 0.05},
		"its boot is paid":          {jobs: []foresight.Job{job(1, 0, hour)}, rules: foresight.Rules{Boot: hour}, want: 0.10},
		"a host that is full":       {jobs: []foresight.Job{job(6, 0, hour), job(6, 0, hour)}, want: 0.48},
		"one that will be full":     {jobs: []foresight.Job{job(6, 0, 10*hour), job(6, 0, 5*hour), job(6, 5*hour, 5*hour)}, want: 4.8},
		"none is kept for the last": {jobs: []foresight.Job{job(4, 0, hour), job(4, 0, hour), job(4, 0, 10*hour)}, want: 0.2 + 0.2 + 2},
		"two after each other":      {jobs: []foresight.Job{job(12, 0, hour), job(12, 30*time.Minute, hour)}, want: 0.96},
		"two after each other, the boot saved": {
			jobs:  []foresight.Job{job(12, 0, hour), job(12, 30*time.Minute, hour)},
			rules: foresight.Rules{Boot: hour, Late: 0.5}, want: 3 * 0.48,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := foresight.USD(test.jobs, types, test.rules)
			if err != nil || math.Abs(got-test.want) > 1e-9 {
				t.Errorf("%.4f dollars, %v; want %.4f", got, err, test.want)
			}
		})
	}
}

func TestAJobThatNoTypeHoldsIsAnError(t *testing.T) {
	if usd, err := foresight.USD([]foresight.Job{{Duration: hour, Need: cpus(13)}}, types, foresight.Rules{}); err == nil {
		t.Errorf("%.2f dollars for a job that no type holds", usd)
	}
}

// Whatever the workload, the hosts cost no more than one for each job, and no less than all
// that runs at the best price for a vCPU.
func TestTheCostLiesBetweenTheBoundAndAHostForEachJob(t *testing.T) {
	for seed := range uint64(50) {
		chance := rand.New(rand.NewPCG(seed, 1))
		var jobs []foresight.Job
		bound, alone := 0.0, 0.0
		const boot = time.Minute
		for range 100 {
			n := 1 + chance.Int64N(12)
			j := foresight.Job{Need: cpus(n), Arrival: time.Duration(chance.Int64N(int64(10 * hour))), Duration: time.Duration(chance.Int64N(int64(5 * hour)))}
			jobs = append(jobs, j)
			own := 0.48
			if n == 1 {
				own = 0.05
			} else if n <= 4 {
				own = 0.2
			}
			bound, alone = bound+0.04*float64(n)*j.Duration.Hours(), alone+own*(boot+j.Duration).Hours()
		}
		at, err := foresight.USD(jobs, types, foresight.Rules{Boot: boot})
		if err != nil || at < bound || at > alone*(1+1e-9) {
			t.Errorf("seed %d: %.2f dollars, %v; want %.2f to %.2f", seed, at, err, bound, alone)
		}
		late, err := foresight.USD(jobs, types, foresight.Rules{Boot: boot, Late: 1})
		if err != nil || late < bound || late > alone*(1+1e-9) {
			t.Errorf("seed %d, jobs may be late: %.2f dollars, %v; want %.2f to %.2f", seed, late, err, bound, alone)
		}
	}
}
