package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/bench/foresight"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// foreseen reports what a workload costs those who know all arrivals and run times of it
// beforehand: with each job begun as it arrives, and with each as much as its run time later.
func foreseen(b *bench, data, name string, bound float64) error {
	w, err := workload.Open(filepath.Join(data, "workloads", name+".csv"))
	if err != nil {
		return err
	}
	p, err := benchPolicy(data, "bench-types.csv", policy.Packhorse, time.Minute)
	if err != nil {
		return err
	}
	var jobs []foresight.Job
	for _, j := range w.Jobs[:min(len(w.Jobs), b.n(len(w.Jobs)))] {
		jobs = append(jobs, foresight.Job{Arrival: j.Arrival, Duration: j.Duration, Need: j.Need})
	}
	var types []foresight.Type
	for _, t := range p.Types {
		types = append(types, foresight.Type{
			Has:        batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.MemoryMiB), GPUs: int64(t.GPUs)},
			USDPerHour: t.OnDemandUSDPerHour,
		})
	}
	for _, rules := range []foresight.Rules{{}, {Late: 1}} {
		rules.Boot = p.Boot.Typical
		usd, err := foresight.USD(jobs, types, rules)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		figure := "  all known beforehand, jobs begin as they arrive"
		if rules.Late > 0 {
			figure = "  all known beforehand, jobs begin up to their run time later"
		}
		b.report(figure, fmt.Sprintf("%.3f x ($%.2f)", usd/bound, usd), "", true)
	}
	return nil
}
