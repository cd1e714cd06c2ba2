// Command bench measures Packhorse on this machine, and prints each figure beside
// its bar and as a ratio against something measured in the same run: the disk's own
// sync, plain docker run, the same work with little queued. Absolute figures of a
// shared machine drift; ratios hold.
//
// Without arguments it measures everything; arguments name what to measure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measure is one thing that can be measured.
type measure struct {
	name string
	what string
	run  func(ctx context.Context, b *bench) error
}

var measures = []measure{
	{"submit", "SubmitJob through the Go SDK, durable", submitRate},
	{"array", "an array of 10,000 against a single job", arrayLatency},
	{"engine", "submit to SUCCEEDED over imitated compute, by depth of the queue", engineRate},
	{"million", "1,000,000 queued jobs: memory and start", million},
	{"units", "units of DynamoDB for each job, and what they cost", unitsPerJob},
	{"functions", "the Lambda functions over DynamoDB Local: cold start and SubmitJob", functions},
	{"account", "a thousand jobs through the functions on an imitated EC2 and ECS: passes and calls", accountCalls},
	{"docker", "SubmitJob to RUNNING against plain docker run", dockerLatency},
	{"process", "1,000 plain processes", processRate},
	{"idle", "CPU of an idle server", idleCPU},
	{"simulator", "the simulator's speed, and policies over whole workloads", simulations},
	{"packing", "cost of the hosts for real workloads, against the bound and simpler ways", packingCost},
}

// bench is one run.
type bench struct {
	binary string // packhorse
	dir    string // scratch
	scale  float64
	rows   []row
}

// row is one figure.
type row struct{ figure, value, bar, verdict string }

// report notes a figure with its bar; ok says whether it holds.
func (b *bench) report(figure, value, bar string, ok bool) {
	verdict := "ok"
	switch {
	case bar == "":
		verdict = ""
	case !ok:
		verdict = "SHORT"
	}
	b.rows = append(b.rows, row{figure, value, bar, verdict})
	fmt.Printf("%-62s %-26s %-20s %s\n", figure, value, bar, verdict)
}

// n scales a count.
func (b *bench) n(count int) int { return max(16, int(float64(count)*b.scale)) }

func main() {
	binary := flag.String("binary", "bin/packhorse", "the packhorse `binary` to measure")
	scale := flag.Float64("scale", 1, "`factor` on the amount of work, below 1 for a quick look")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this process to a `file`")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *binary, *scale, flag.Args())
	pprof.StopCPUProfile()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, scale float64, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(measures, func(m measure) bool { return m.name == name }) {
			return fmt.Errorf("there is no measure %q; there are %s", name, known())
		}
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w; build it with make build", err)
	}
	dir, err := os.MkdirTemp("", "packhorse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{binary: binary, dir: dir, scale: scale}
	fmt.Println(machine())
	fmt.Printf("%-62s %-26s %-20s\n", "figure", "measured", "bar")
	for _, m := range measures {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		fmt.Printf("\n# %s: %s\n", m.name, m.what)
		start := time.Now()
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Printf("# %s took %s\n", m.name, time.Since(start).Round(100*time.Millisecond))
	}
	return nil
}

func known() string {
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}
