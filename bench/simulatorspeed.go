package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/simulator"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// simulationSpeed measures jobs per minute on one core, collections of garbage included, on
// each workload there is and on a dense one, with our policy and a plain one: where jobs come
// thick and fast, and where a pass is made for nearly each of them.
func simulationSpeed(ctx context.Context, b *bench, data string) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	files, err := filepath.Glob(filepath.Join(data, "workloads", "*.csv"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	workloads := []func() (*workload.Workload, error){func() (*workload.Workload, error) { return dense(b.n(denseJobs)), nil }}
	for _, file := range files {
		workloads = append(workloads, func() (*workload.Workload, error) { return workload.Open(file) })
	}
	for _, open := range workloads {
		for _, strategy := range []string{policy.Packhorse, policy.FirstFit} {
			w, err := open()
			if err != nil {
				return err
			}
			w.Jobs = w.Jobs[:min(len(w.Jobs), b.n(len(w.Jobs)))]
			if err := speedOf(ctx, b, data, w, strategy); err != nil {
				return err
			}
		}
	}
	return nil
}

// speedOf measures one simulation: CPU time counts, by which a busy machine changes little;
// the wall clock is told beside it.
func speedOf(ctx context.Context, b *bench, data string, w *workload.Workload, strategy string) error {
	idle := time.Minute
	if strategy == policy.Packhorse {
		idle = 0 // the rule that learns
	}
	p, err := benchPolicy(data, "bench-types.csv", strategy, idle)
	if err != nil {
		return err
	}
	runtime.GC() // what came before is not this one's
	begin, wall := processTime(), time.Now()
	r, err := simulator.Run(ctx, simulator.Config{Workload: w, Policy: p})
	if err != nil {
		return err
	}
	rate := float64(r.Jobs) / (processTime() - begin).Minutes()
	clock := float64(r.Jobs) / time.Since(wall).Minutes()
	b.report(fmt.Sprintf("%s, %s: %d jobs, %d at once", strings.TrimSuffix(w.Name, ".csv"), strategy, r.Jobs, r.PeakTasks),
		fmt.Sprintf("%.0f jobs/CPU min, %.0f clock", rate, clock), fmt.Sprintf(">= %d", minSimulated), rate >= minSimulated)
	return nil
}

// processTime is what this process has taken of all cores: a shared machine does not change it
// much.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// denseJobs is how many jobs the dense workload has.
const denseJobs = 100_000

// dense is n jobs that come three a second, of a few sizes and three minutes in the mean.
func dense(n int) *workload.Workload {
	draw := rand.New(rand.NewPCG(1, 1))
	w := &workload.Workload{Name: "three jobs a second", Jobs: make([]workload.Job, n)}
	at := 0.0
	for i := range w.Jobs {
		at += draw.ExpFloat64() / 3
		vcpus := int64(1) << draw.IntN(3)
		w.Jobs[i] = workload.Job{
			ID: fmt.Sprint("j", i), Queue: workload.DefaultQueue,
			Arrival: time.Duration(at) * time.Second, Duration: time.Duration(10+draw.ExpFloat64()*170) * time.Second,
			Need: batch.Resources{MilliVCPU: vcpus * 1000, MemoryMiB: vcpus * 1000 * (1 + draw.Int64N(4))},
		}
	}
	return w
}
