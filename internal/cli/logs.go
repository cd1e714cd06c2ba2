package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

type logsFlags struct {
	follow, timestamps        bool
	attempt, since, container string
	tail                      int
}

// maxTail is as many lines as one page of GetLogEvents holds.
const maxTail = 10_000

func (a *App) logsCommand() *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs JOB",
		Short: "Print the log of a job",
		Long: `Print the log of a job's latest attempt. With --follow, wait for the log to begin,
print it as it grows, go on with further attempts, and end when the job ends.

The log is read from the group that the job's logConfiguration names, else from
` + defaultGroup + `.`,
		Example: `  packhorse logs -f 3f2a8c1e
  packhorse logs 3f2a8c1e:4 --attempt 1 --tail 50`,
		Args:              argsBetween(1, 1, "the id of a job"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.runLogs(cmd.Context(), &f, args[0]) },
	}
	fl := cmd.Flags()
	fl.BoolVarP(&f.follow, "follow", "f", false, "print the log as it grows")
	fl.StringVar(&f.attempt, "attempt", "", "a number from 1, or all (default: the latest)")
	fl.StringVar(&f.since, "since", "", "leave out older lines: 10m, 2026-05-01T10:00")
	fl.StringVar(&f.container, "container", "", "only this container of a job of several")
	fl.IntVar(&f.tail, "tail", 0, "begin with the last N lines")
	fl.BoolVarP(&f.timestamps, "timestamps", "t", false, "put the time before each line")
	return cmd
}

func (a *App) runLogs(ctx context.Context, f *logsFlags, ref string) error {
	since, err := a.parseWhen("since", f.since)
	if err != nil {
		return err
	}
	if f.tail < 0 || f.tail > maxTail {
		return usage("--tail %d is not between 0 and %d", f.tail, maxTail)
	}
	wanted := 0 // the latest
	if f.attempt != "" && f.attempt != "all" {
		if wanted, err = strconv.Atoi(f.attempt); err != nil || wanted < 1 {
			return usage("--attempt %s is neither a number from 1 nor all", quote(f.attempt))
		}
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	j, err := a.job(ctx, c, ref)
	if err != nil {
		return err
	}
	if err := hasLog(j); err != nil {
		return err
	}
	if err := hasContainer(j, f.container); err != nil {
		return err
	}

	log := follower{
		app: a, c: c, since: since, tail: f.tail, timestamps: f.timestamps, container: f.container,
		print: func(line string) { fmt.Fprintln(a.Out, line) },
		note:  func(line string) { fmt.Fprintln(a.Err, a.Err.paint(dim, line)) },
	}
	switch {
	case f.attempt == "all":
		log.first = 1
	case wanted > 0:
		log.first, log.last = wanted, wanted
	default:
		for _, s := range streamsOf(j) {
			log.first = max(log.first, s.attempt)
		}
	}
	if !f.follow {
		if wanted > 0 && wanted > attemptsOf(j) {
			return failure("job %s has had %s, not %d", aws.ToString(j.JobId), plural(attemptsOf(j), "attempt"), wanted)
		}
		lines, err := log.read(ctx, j)
		if err == nil && lines == 0 {
			fmt.Fprintln(a.Err, noLogYet(j))
		}
		return err
	}
	return a.followLog(ctx, c, aws.ToString(j.JobId), &log)
}

// followLog prints the log of a job until it has ended.
func (a *App) followLog(ctx context.Context, c *client, id string, log *follower) error {
	patience := a.newPatience()
	told := ""
	for settle := 0; ; {
		found, err := c.jobsByID(ctx, id)
		j, ok := found[id]
		if err == nil && !ok {
			return jobNotFound(id)
		}
		if err == nil {
			_, err = log.read(ctx, j)
		}
		if err != nil {
			if err := patience.lost(err); err != nil {
				return err
			}
		} else {
			patience.found()
			over := ended(j.Status) || log.last > 0 && log.last <= len(j.Attempts)
			if over && (!c.target.logsComeLate() || settle == settlePolls || len(streamsOf(j)) == 0) {
				return nil
			}
			if over {
				settle++
			}
			if waits := waitsFor(j); waits != "" && waits != told {
				fmt.Fprintln(a.Err, a.Err.paint(dim, waits))
				told = waits
			}
		}
		if err := a.Pause(ctx, c.poll()); err != nil {
			return err
		}
	}
}

// waitsFor says why there is no log of a job yet; empty when it runs or has ended.
func waitsFor(j types.JobDetail) string {
	if ended(j.Status) || j.Status == types.JobStatusRunning {
		return ""
	}
	if reason := aws.ToString(j.StatusReason); reason != "" {
		return fmt.Sprintf("The job is %s: %s", j.Status, reason)
	}
	return fmt.Sprintf("The job is %s.", j.Status)
}

func noLogYet(j types.JobDetail) string {
	if waits := waitsFor(j); waits != "" {
		return waits
	}
	return fmt.Sprintf("The log is empty; the job is %s.", j.Status)
}

// attemptsOf counts the attempts of a job, the one under way included.
func attemptsOf(j types.JobDetail) int {
	n := len(j.Attempts)
	for _, s := range streamsOf(j) {
		n = max(n, s.attempt)
	}
	return n
}

// hasLog refuses jobs whose log is elsewhere.
func hasLog(j types.JobDetail) error {
	id := aws.ToString(j.JobId)
	switch {
	case isArray(j):
		return failure("%s is an array of %d jobs, and each has a log of its own", id, *j.ArrayProperties.Size).
			hint("name one of them, such as `packhorse logs %s:0`; `packhorse jobs --array %s` lists them", id, id)
	case j.NodeProperties != nil && j.Container == nil:
		return failure("%s is a multi-node job, and each node has a log of its own", id).
			hint("name a node, such as `packhorse logs '%s#%d'`", id, aws.ToInt32(j.NodeProperties.MainNode))
	}
	if d := otherDriver(j); d != "" {
		return failure("the log of job %s goes to the log driver %s, which cannot be read back", id, d)
	}
	return nil
}

// hasContainer refuses a container name that the job does not have.
func hasContainer(j types.JobDetail, name string) error {
	if name == "" {
		return nil
	}
	var names []string
	if j.EcsProperties != nil {
		for _, task := range j.EcsProperties.TaskProperties {
			for _, c := range task.Containers {
				if aws.ToString(c.Name) == name {
					return nil
				}
				names = append(names, aws.ToString(c.Name))
			}
		}
	}
	e := usage("job %s has no container %s", aws.ToString(j.JobId), quote(name))
	if len(names) > 0 {
		return e.hint("use one of: %s", someOf(names))
	}
	return e.hint("leave --container out: the job has one container")
}
