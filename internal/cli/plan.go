package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// planFlags are those of the plan command.
type planFlags struct {
	jobs, types string
	arch        string
	instances   []string
	timeLimit   time.Duration
	boot        time.Duration
	ecsMemory   bool
	maxVCPUs    float64
	maxHosts    int
}

func (a *App) planCommand() *cobra.Command {
	var f planFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "plan QUEUE | --jobs FILE.csv",
		Short: "Say which hosts a set of jobs needs, and what they cost",
		Long: `Say which hosts a set of jobs needs, what goes onto each, and what they cost, with a
bound that no other choice of hosts can be below. Nothing is launched.

With the name of a queue the server says what it would do now for what waits there: which
jobs start at once, which hosts it launches, when they are ready, and which jobs get none
and why. With a job file no server is asked.

The job file is CSV with a line for each job, or for count equal jobs. Its first line
names the columns: vcpus and memory_mib, and where wanted gpus, count, arch, and types
(the instance types a job may use, parted by spaces). Other columns are ignored, so a
workload file is a job file.

Without --types the types are those of ` + "`packhorse types`" + `: of the current generation, with
the memory that the ECS agent leaves to jobs. A file of types has the columns
instance_type, vcpus, memory_mib, ondemand_usd_per_hour, and where wanted gpus, arch and
max (the number of hosts of the type there may be); all that it says a type has is used.`,
		Args: argsBetween(0, 1, "the name of a queue, or --jobs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if f.jobs != "" {
					return usage("name a queue or give --jobs, not both")
				}
				return a.runPlanQueue(cmd.Context(), args[0], form)
			}
			for _, name := range []string{"max-vcpus", "max-hosts"} {
				if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "0" {
					return usage("--%s 0 would leave every job without a host", name).hint("leave it out for no bound")
				}
			}
			return a.runPlan(cmd.Context(), f, form)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.jobs, "jobs", "", "CSV `file` of the jobs; - is the standard input")
	flags.StringVar(&f.types, "types", "", "CSV `file` of the types to choose from")
	flags.StringSliceVar(&f.instances, "instance-types", nil, "choose from these `types`, families or \"optimal\" of the built-in ones")
	flags.StringVar(&f.arch, "arch", "", "architecture of jobs that name none: x86_64, arm64 or any (default: x86_64, and any with --types)")
	flags.DurationVar(&f.timeLimit, "time-limit", 0, "take about this `time` to plan, and the best plan until then")
	flags.DurationVar(&f.boot, "boot", 0, "count this `time` of each host's price as its cost of starting")
	flags.BoolVar(&f.ecsMemory, "ecs-memory", false, "with --types: take off the memory that the system and the ECS agent keep")
	flags.Float64Var(&f.maxVCPUs, "max-vcpus", 0, "launch at most this many vCPUs")
	flags.IntVar(&f.maxHosts, "max-hosts", 0, "launch at most this many hosts")
	output.add(cmd, asText, asJSON)
	return cmd
}

func (a *App) runPlan(_ context.Context, f planFlags, form string) error {
	if f.jobs == "" {
		return usage("--jobs is missing").hint("name a CSV file with the columns vcpus and memory_mib, or a queue")
	}
	if err := f.check(); err != nil {
		return err
	}
	in, err := a.planInput(f)
	if err != nil {
		return err
	}
	in.Limits = packing.Limits{Hosts: f.maxHosts}
	if f.maxVCPUs > 0 {
		in.Limits.MilliVCPU = max(1, int64(f.maxVCPUs*1000)) // 0 would be no bound
	}
	started := a.Now()
	plan := a.packWithin(in, f.timeLimit)
	seconds := a.Now().Sub(started).Seconds()
	answer := planAnswer(in, plan, f.boot)
	answer.Seconds = seconds
	if form == asJSON {
		return answer.print(a.Out)
	}
	fmt.Fprint(a.Out, a.planText(in, plan, answer))
	return nil
}

// mostLimit bounds --max-vcpus, in vCPUs.
const mostLimit = 1e12

// check refuses flags that make no sense, before a file is read.
func (f *planFlags) check() error {
	switch {
	case f.timeLimit < 0:
		return notBelowZero("time-limit", f.timeLimit)
	case f.boot < 0:
		return notBelowZero("boot", f.boot)
	case !(f.maxVCPUs >= 0 && f.maxVCPUs <= mostLimit):
		return usage("--max-vcpus %g is not a number from 0 to %g", f.maxVCPUs, float64(mostLimit)).hint("leave it out for no bound")
	case f.maxHosts < 0:
		return usage("--max-hosts %d is less than 0", f.maxHosts).hint("leave it out for no bound")
	case f.jobs == "-" && f.types == "-":
		return usage("--jobs and --types cannot both be the standard input").hint("name a file for one of them")
	case f.boot > mostBoot:
		return usage("--boot %s is too long", f.boot).hint("it is the time that a host takes to start, such as 60s")
	}
	return nil
}

// mostBoot bounds --boot.
const mostBoot = 365 * 24 * time.Hour

// lastSteps is the time for each kind of jobs that the steps after a search take, and
// firstFitTime what the plan without any search takes.
const (
	lastSteps    = 1500 // ns
	firstFitTime = 2000 // ns
)

// packWithin plans in about the time that limit gives; 0: as long as it takes. Where that is
// too little for any search the answer is the first fit.
func (a *App) packWithin(in packing.Input, limit time.Duration) packing.Plan {
	if limit <= 0 {
		return packing.Pack(in)
	}
	kinds := len(in.Groups)
	if limit <= time.Duration(kinds*firstFitTime) {
		return packing.FirstFit(in)
	}
	end := a.Now().Add(limit - time.Duration(kinds*lastSteps))
	in.Budget.Expired = func() bool { return !a.Now().Before(end) }
	return packing.Pack(in)
}

// planInput reads the files.
func (a *App) planInput(f planFlags) (packing.Input, error) {
	var in packing.Input
	var err error
	arch := f.arch
	if f.types != "" {
		if len(f.instances) > 0 {
			return in, usage("--types and --instance-types exclude each other")
		}
		if in.Types, err = readFile(a, f.types, readTypes); err != nil {
			return in, err
		}
		if f.ecsMemory {
			for i := range in.Types {
				has := &in.Types[i].Has
				has.MemoryMiB = int64(catalog.ECSMemory(int((has.MilliVCPU+999)/1000), int(has.MemoryMiB)))
			}
		}
	} else {
		arch = firstOf(arch, catalog.X86)
		if in.Types, err = builtInTypes(f.instances); err != nil {
			return in, err
		}
	}
	switch arch {
	case "any":
		arch = ""
	case "", catalog.X86, catalog.ARM:
	default:
		return in, usage("--arch %s is none of x86_64, arm64, any", quote(arch))
	}
	for i := range in.Types {
		in.Types[i].FixedUSD = in.Types[i].USDPerHour * f.boot.Hours()
	}
	in.Groups, err = readFile(a, f.jobs, func(path string, from io.Reader) ([]packing.Group, error) {
		return readJobs(path, from, arch)
	})
	return in, err
}

// builtInTypes are the types of the catalog that a plan chooses from by itself, or those
// that are named.
func builtInTypes(names []string) ([]packing.Type, error) {
	all := catalog.Default().All()
	if len(names) > 0 {
		var unknown []string
		if all, unknown = catalog.Default().Expand(names); len(unknown) > 0 {
			return nil, usage("there is no instance type or family %s", quote(unknown[0])).hint("`packhorse types` lists them")
		}
	}
	var types []packing.Type
	for _, t := range all {
		if len(names) == 0 && !t.ByDefault() {
			continue
		}
		types = append(types, packing.Type{
			Name: t.Name, Arch: t.Arch, USDPerHour: t.OnDemandUSDPerHour,
			Has: batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB), GPUs: int64(t.GPUs)},
		})
	}
	return types, nil
}

// planJSON is a plan as it is printed with -o json.
type planJSON struct {
	USDPerHour           float64        `json:"usd_per_hour"`
	LowerBoundUSDPerHour float64        `json:"lower_bound_usd_per_hour"`
	StartUSD             float64        `json:"start_usd,omitempty"` // what --boot adds, once
	Seconds              float64        `json:"seconds"`
	Hosts                []hostsJSON    `json:"hosts"`
	Unplaced             []unplacedJSON `json:"unplaced"`
}

// hostsJSON is hosts of a type with the same jobs on each.
type hostsJSON struct {
	Type  string     `json:"type"`
	Count int        `json:"count"`
	Jobs  []jobsJSON `json:"jobs"` // on each one host
}

// jobsJSON is equal jobs.
type jobsJSON struct {
	VCPUs     json.Number `json:"vcpus"`
	MemoryMiB int64       `json:"memory_mib"`
	GPUs      int64       `json:"gpus"`
	Count     int         `json:"count"`
}

// unplacedJSON is equal jobs that no host was found for.
type unplacedJSON struct {
	jobsJSON
	Reason string `json:"reason"`
}

func planAnswer(in packing.Input, p packing.Plan, boot time.Duration) planJSON {
	out := planJSON{
		USDPerHour: p.USDPerHour, StartUSD: p.FixedUSD, Hosts: []hostsJSON{}, Unplaced: []unplacedJSON{},
		// The start is a part of the price, the same for all types.
		LowerBoundUSDPerHour: p.LowerBoundUSD / (1 + boot.Hours()),
	}
	jobs := func(g packing.Group, n int) jobsJSON {
		return jobsJSON{json.Number(g.Need.VCPUs()), g.Need.MemoryMiB, g.Need.GPUs, n}
	}
	for _, h := range p.Hosts {
		host := hostsJSON{Type: in.Types[h.Type].Name, Count: h.Count}
		for _, f := range h.Filling {
			host.Jobs = append(host.Jobs, jobs(in.Groups[f.Group], f.Count))
		}
		out.Hosts = append(out.Hosts, host)
	}
	for _, u := range p.Unplaced {
		out.Unplaced = append(out.Unplaced, unplacedJSON{jobs(in.Groups[u.Group], u.Count), u.Why})
	}
	return out
}

func (p *planJSON) print(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "    ")
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		return fmt.Errorf("write the plan as JSON: %w", err)
	}
	return nil
}
