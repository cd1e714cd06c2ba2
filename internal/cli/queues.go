package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func (a *App) queuesCommand() *cobra.Command {
	var output outputFlag
	var noCounts bool
	cmd := &cobra.Command{
		Use:     "queues [NAME...]",
		Aliases: []string{"queue"},
		Short:   "List job queues, or show some in detail",
		Long: `List the job queues and how many jobs wait and run in each. With names, show those
queues in detail, with the jobs that are next in line.`,
		ValidArgsFunction: a.completion(a.completeQueues),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runQueues(cmd.Context(), args, form, !noCounts)
		},
	}
	cmd.Flags().BoolVar(&noCounts, "no-counts", false, "do not count jobs: one call in all instead of five for each queue")
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) runQueues(ctx context.Context, names []string, form string, counts bool) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if _, err := c.queueNames(ctx, names); len(names) > 0 && err != nil {
		return err
	}
	queues, err := c.queues(ctx, names...)
	if err != nil {
		return err
	}
	switch form {
	case asJSON:
		return printJSON(a.Out, struct{ JobQueues []types.JobQueueDetail }{orEmpty(queues)})
	case asID:
		for _, q := range queues {
			fmt.Fprintln(a.Out, aws.ToString(q.JobQueueName))
		}
		return nil
	}
	var counted map[string]jobCounts
	if counts {
		if counted, err = c.countJobs(ctx, queues); err != nil {
			return err
		}
	}
	if len(names) > 0 {
		for i, q := range queues {
			if i > 0 {
				fmt.Fprintln(a.Out)
			}
			fmt.Fprint(a.Out, a.queueText(ctx, c, q, counted[aws.ToString(q.JobQueueName)]))
		}
		return nil
	}
	if len(queues) == 0 {
		fmt.Fprintln(a.Err, "No job queues. Make one with `packhorse apply -f FILE`.")
		return nil
	}
	g := &grid{columns: []column{
		{title: "NAME"}, {title: "STATE", state: true}, {title: "STATUS", state: true}, {title: "PRIORITY", right: true},
		{title: "ENVIRONMENTS", flex: true},
	}}
	if counts {
		for _, s := range activeStatuses {
			g.columns = append(g.columns, column{title: string(s), right: true})
		}
	}
	for _, q := range queues {
		name := aws.ToString(q.JobQueueName)
		cells := []string{name, string(q.State), string(q.Status), strconv.Itoa(int(aws.ToInt32(q.Priority))), strings.Join(queueEnvironments(q), ",")}
		if counts {
			for _, s := range activeStatuses {
				cells = append(cells, counted[name][s].String())
			}
		}
		g.row(cells...)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	return nil
}

// queueEnvironments are the names of a queue's environments in the order in which they
// are tried.
func queueEnvironments(q types.JobQueueDetail) []string {
	order := slices.Clone(q.ComputeEnvironmentOrder)
	slices.SortFunc(order, func(x, y types.ComputeEnvironmentOrder) int {
		return int(aws.ToInt32(x.Order)) - int(aws.ToInt32(y.Order))
	})
	var names []string
	for _, o := range order {
		names = append(names, shortName(aws.ToString(o.ComputeEnvironment)))
	}
	return names
}

// jobCounts is how many jobs are in which status.
type jobCounts map[types.JobStatus]count

// count is a number of jobs, or of at least so many when counting further would cost
// more calls.
type count struct {
	n    int
	more bool
}

func (c count) String() string {
	if c.more {
		return strconv.Itoa(c.n) + "+"
	}
	return strconv.Itoa(c.n)
}

// countJobs counts the jobs of each queue that have not ended, as far as one page of
// ListJobs (1000 jobs) goes.
func (c *client) countJobs(ctx context.Context, queues []types.JobQueueDetail) (map[string]jobCounts, error) {
	out := map[string]jobCounts{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCalls)
	for _, q := range queues {
		name := aws.ToString(q.JobQueueName)
		out[name] = jobCounts{}
		counts := out[name]
		for _, s := range activeStatuses {
			group.Go(func() error {
				page, err := c.batch.ListJobs(ctx, &batch.ListJobsInput{JobQueue: aws.String(name), JobStatus: s})
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				counts[s] = count{n: len(page.JobSummaryList), more: aws.ToString(page.NextToken) != ""}
				return nil
			})
		}
	}
	return out, group.Wait()
}

// frontShown is how many of the jobs that are next in line a queue's details list.
const frontShown = 10

func (a *App) queueText(ctx context.Context, c *client, q types.JobQueueDetail, counts jobCounts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", a.Out.paint(bold, aws.ToString(q.JobQueueName)), aws.ToString(q.JobQueueArn))
	var f facts
	f.add("state", a.Out.state(string(q.State)))
	f.add("status", a.Out.state(string(q.Status)))
	f.add("reason", oneLine(aws.ToString(q.StatusReason)))
	f.add("priority", strconv.Itoa(int(aws.ToInt32(q.Priority))))
	f.add("type", string(q.JobQueueType))
	f.add("environments", strings.Join(queueEnvironments(q), ", then "))
	f.add("policy", shortName(aws.ToString(q.SchedulingPolicyArn)))
	var limits []string
	for _, l := range q.JobStateTimeLimitActions {
		limits = append(limits, fmt.Sprintf("%s when %s for %s: %s", l.Action, l.State, span(time.Duration(aws.ToInt32(l.MaxTimeSeconds))*time.Second), aws.ToString(l.Reason)))
	}
	f.add("time limits", strings.Join(limits, "\n"))
	var parts []string
	for _, s := range activeStatuses {
		if n, ok := counts[s]; ok {
			parts = append(parts, n.String()+" "+strings.ToLower(string(s)))
		}
	}
	f.add("jobs", strings.Join(parts, ", "))
	f.add("tags", pairs(q.Tags))
	b.WriteString(f.text("  "))

	front := c.front(ctx, aws.ToString(q.JobQueueName))
	if len(front) > 0 {
		b.WriteString("\n" + a.Out.paint(bold, "Next in line") + "\n")
		g := &grid{columns: []column{{title: "#", right: true}, {title: "JOB"}, {title: "HERE SINCE"}}}
		for i, j := range front[:min(len(front), frontShown)] {
			g.row(strconv.Itoa(i+1), shortName(aws.ToString(j.JobArn)), a.clock(moment(j.EarliestTimeAtPosition)))
		}
		b.WriteString(indented("  ", g.text(narrower(a.Out))))
		if n := len(front) - frontShown; n > 0 {
			fmt.Fprintf(&b, "  and %d more\n", n)
		}
	}
	return b.String()
}

// front returns the runnable jobs of a queue in the order in which they will be placed,
// at most 100. Not every server knows this operation; then there are none.
func (c *client) front(ctx context.Context, queue string) []types.FrontOfQueueJobSummary {
	out, err := c.batch.GetJobQueueSnapshot(ctx, &batch.GetJobQueueSnapshotInput{JobQueue: aws.String(queue)})
	if err != nil || out.FrontOfQueue == nil {
		return nil
	}
	return out.FrontOfQueue.Jobs
}
