package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/simulator"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/report"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// simulateFlags are the flags of simulate, as they are typed.
type simulateFlags struct {
	policy, types, report, output string
	compare                       []string
	seed                          uint64
	seedGiven                     bool
}

func simulateCommand() *cobra.Command {
	var f simulateFlags
	c := &cobra.Command{
		Use:   "simulate WORKLOAD",
		Short: "Say what a fleet would cost for a workload, and how long its jobs would wait",
		Long: `Say what a fleet would cost for a workload, and how long its jobs would wait.

The workload is run by the real engine, over imitated hosts and on a virtual clock: days
of jobs in seconds. It is a CSV file (job_id,arrival_s,duration_s,vcpus,memory_mib,gpus
and, where wanted, queue,definition,share,priority,depends_on), a log in the Standard Workload Format
(.swf), or the trace.txt of a Nextflow run.

The policy is a YAML file: instance types, market, strategy, boot times, billing, Spot,
the limits of AWS's APIs. What it does not say has a default. --compare puts several side
by side: the names of strategies (` + strings.Join(policy.Strategies, ", ") + `;
short: ours, one, ffd, bfp), each under the policy otherwise, or policy files.

The same workload, policy and seed give the same answer, byte for byte.`,
		Example: `  packhorse simulate docs/samples/variants.csv --policy docs/samples/on-demand.yaml
  packhorse simulate trace.txt --compare ours,best-fit-progressive --report trace.html
  packhorse simulate jobs.csv --policy spot.yaml --seed 7 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.seedGiven = cmd.Flags().Changed("seed")
			return runSimulate(cmd, args[0], f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `file` (YAML)")
	flags.StringVar(&f.types, "types", "", "CSV `file` with instance types and prices, in place of the policy's")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` that all chance is drawn from")
	flags.StringSliceVar(&f.compare, "compare", nil, "`policies` to put side by side: strategies or policy files")
	flags.StringVar(&f.report, "report", "", "write a page with plots to an HTML `file`")
	flags.StringVarP(&f.output, "output", "o", "text", "form of the answer: text, json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// A simulation makes much garbage and holds little. simulateGarbage is how much the heap
// may grow between two collections, in percent, and simulateBytes and simulateBytesPerJob
// from where on they come more often: a million jobs stay near a gigabyte.
const (
	simulateGarbage     = 400
	simulateBytes       = 512 << 20
	simulateBytesPerJob = 512
)

func runSimulate(cmd *cobra.Command, path string, f simulateFlags) error {
	if f.output != "text" && f.output != "json" {
		return &cli.Error{Message: fmt.Sprintf("--output %q is not one of text, json", f.output), Exit: cli.ExitUsage}
	}
	policies, err := f.policies()
	if err != nil {
		return readError(err)
	}
	jobs, err := workload.Open(path)
	if err != nil {
		return readError(err)
	}
	abandon, err := f.writable(path) // before the work, not after it
	if err != nil {
		return err
	}
	written := false
	defer func() {
		if !written {
			abandon()
		}
	}()
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer debug.SetGCPercent(debug.SetGCPercent(simulateGarbage))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(simulateBytes + simulateBytesPerJob*int64(len(jobs.Jobs))))
	results := make([]*simulator.Result, len(policies))
	for i, p := range policies {
		if results[i], err = simulateOne(ctx, cmd.ErrOrStderr(), jobs, p); err != nil {
			var unfit *simulator.UnfitError
			if errors.As(err, &unfit) {
				return &cli.Error{Message: err.Error(), Exit: cli.ExitUsage, Err: err}
			}
			return err
		}
	}
	if f.report != "" {
		if err := writeReport(f.report, results); err != nil {
			return err
		}
		written = true
	}
	if f.output == "json" {
		return report.JSON(cmd.OutOrStdout(), results)
	}
	return report.Terminal(cmd.OutOrStdout(), results, isTerminal(cmd.OutOrStdout()) && os.Getenv("NO_COLOR") == "")
}

// policies are those that are asked for.
func (f *simulateFlags) policies() ([]policy.Policy, error) {
	base, err := f.open(f.policy)
	if err != nil {
		return nil, err
	}
	if len(f.compare) == 0 {
		return []policy.Policy{base}, nil
	}
	var all []policy.Policy
	for _, name := range f.compare {
		name = strings.TrimSpace(name)
		if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
			p, err := f.open(name)
			if err != nil {
				return nil, err
			}
			if p.Name == "" {
				p.Name = strings.TrimSuffix(filepath.Base(name), ext)
			}
			all = append(all, p)
			continue
		}
		strategy, ok := policy.Strategy(name)
		if !ok {
			return nil, &cli.Error{Message: fmt.Sprintf("--compare: there is no strategy %q", name), Exit: cli.ExitUsage,
				Next: "use " + strings.Join(policy.Strategies, ", ") + ", or a policy file that ends in .yaml"}
		}
		p := base
		p.Name, p.Strategy = "", strategy
		all = append(all, p)
	}
	named := map[string]bool{}
	for i := range all {
		title := all[i].Title()
		if named[title] {
			return nil, &cli.Error{Message: fmt.Sprintf("--compare: two policies are called %q", title), Exit: cli.ExitUsage,
				Next: "name each once; a policy file gets another name by its key name"}
		}
		named[title] = true
	}
	return all, nil
}

// open reads a policy, the default one where path is empty, and applies the other flags.
func (f *simulateFlags) open(path string) (p policy.Policy, err error) {
	if path != "" {
		p, err = policy.Open(path)
	} else {
		p, err = policy.Read("the default policy", nil)
	}
	if err == nil && f.types != "" {
		err = p.OpenTypes(f.types)
	}
	if f.seedGiven {
		p.Seed = f.seed
	}
	return p, err
}

// simulateOne runs one policy, with a progress bar on a terminal.
func simulateOne(ctx context.Context, progress io.Writer, jobs *workload.Workload, p policy.Policy) (*simulator.Result, error) {
	c := simulator.Config{Workload: jobs, Policy: p}
	if isTerminal(progress) {
		bar := progressbar.NewOptions(len(jobs.Jobs), progressbar.OptionSetWriter(progress),
			progressbar.OptionSetDescription(p.Title()), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("jobs"), progressbar.OptionClearOnFinish())
		defer bar.Close()
		c.Progress = func(ended int) { _ = bar.Set(ended) } // what cannot be shown is not missed
	}
	return simulator.Run(ctx, c)
}

func isTerminal(w io.Writer) bool {
	if s, ok := w.(cli.Stream); ok {
		return s.Terminal
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// writable fails when a report cannot be written, or would take the place of what is read.
// abandon removes the empty file that it may leave where there was none.
func (f *simulateFlags) writable(workload string) (abandon func(), err error) {
	abandon = func() {}
	if f.report == "" {
		return abandon, nil
	}
	there, err := os.Stat(f.report)
	for _, input := range append([]string{workload, f.policy, f.types}, f.compare...) {
		if read, failed := os.Stat(input); err == nil && failed == nil && os.SameFile(there, read) {
			return abandon, &cli.Error{Message: fmt.Sprintf("--report %s would overwrite an input of the simulation", f.report),
				Next: "give the report a file of its own", Exit: cli.ExitUsage}
		}
	}
	page, opened := os.OpenFile(f.report, os.O_CREATE|os.O_WRONLY, 0o644)
	if opened != nil {
		return abandon, &cli.Error{Message: opened.Error(), Next: "give --report a file in a folder that you may write to", Exit: cli.ExitUsage, Err: opened}
	}
	if errors.Is(err, fs.ErrNotExist) {
		abandon = func() { _ = os.Remove(f.report) }
	}
	return abandon, page.Close()
}

func writeReport(path string, results []*simulator.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := report.HTML(f, results); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// readError tells of an input file that is wrong: it is the command line's fault. What such
// an error says ends with the next step, which has a line of its own here.
func readError(err error) error {
	var told *cli.Error
	if errors.As(err, &told) {
		return err
	}
	var jobs *workload.Error
	var keys *policy.Error
	var types *policy.TypesError
	next := ""
	switch {
	case errors.As(err, &jobs):
		next = jobs.Next
	case errors.As(err, &keys):
		next = keys.Next
	case errors.As(err, &types):
		next = types.Next
	}
	return &cli.Error{Message: strings.TrimSuffix(err.Error(), "; "+next), Next: next, Exit: cli.ExitUsage, Err: err}
}
