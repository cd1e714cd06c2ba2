package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) explainCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "explain JOB",
		Short: "Say why a job waits, or what happened to it, and what to do",
		Long: `Say why a job waits, or what happened to it, and what to do next. It puts together
the job's own state and reason, its attempts, the jobs it depends on, its queue, and
the environments that the queue tries.`,
		Args:              argsBetween(1, 1, "the id of a job"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runExplain(cmd.Context(), args[0], form)
		},
	}
	output.add(cmd, asText, asJSON)
	return cmd
}

func (a *App) runExplain(ctx context.Context, ref, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	j, err := a.job(ctx, c, ref)
	if err != nil {
		return err
	}
	s, err := a.situation(ctx, c, j)
	if err != nil {
		return err
	}
	d := diagnose(s)
	if form == asJSON {
		return printJSON(a.Out, struct {
			JobId, JobName *string
			Status         types.JobStatus
			StatusReason   *string
			Why, Next      []string
			Position       int `json:"position,omitempty"`
			Queue          *types.JobQueueDetail
			Environments   []types.ComputeEnvironmentDetail
			Attempts       []types.AttemptDetail
		}{j.JobId, j.JobName, j.Status, j.StatusReason, orEmpty(d.why), orEmpty(d.next), s.position, s.queue, orEmpty(s.environments), orEmpty(j.Attempts)})
	}
	fmt.Fprint(a.Out, a.explanation(s, d))
	return nil
}

// failedShown is how many failed children an explanation names.
const failedShown = 3

// situation gathers what has to do with a job. What has no bearing on its state is not
// asked for.
func (a *App) situation(ctx context.Context, c *client, j types.JobDetail) (situation, error) {
	s := situation{job: j, now: a.Now()}
	var ids []string
	for _, d := range j.DependsOn {
		if d.JobId != nil {
			ids = append(ids, *d.JobId)
		}
	}
	var err error
	if s.dependencies, err = c.jobsByID(ctx, ids...); err != nil {
		return s, err
	}
	if isArray(j) && j.ArrayProperties.StatusSummary["FAILED"] > 0 {
		q := jobQuery{Array: aws.ToString(j.JobId), Statuses: []types.JobStatus{types.JobStatusFailed}, Limit: failedShown}
		rows, _, err := a.listJobs(ctx, c, q)
		if err != nil {
			return s, err
		}
		for _, r := range rows {
			s.failed = append(s.failed, r.JobSummary)
		}
	}
	if ended(j.Status) || aws.ToString(j.JobQueue) == "" {
		return s, nil
	}
	queues, err := c.queues(ctx, *j.JobQueue)
	if err != nil {
		return s, err
	}
	if len(queues) == 0 {
		return s, nil
	}
	s.queue = &queues[0]
	order := queueEnvironments(queues[0])
	if len(order) > 0 {
		if s.environments, err = c.environments(ctx, order...); err != nil {
			return s, err
		}
		slices.SortStableFunc(s.environments, func(x, y types.ComputeEnvironmentDetail) int {
			return slices.Index(order, aws.ToString(x.ComputeEnvironmentName)) - slices.Index(order, aws.ToString(y.ComputeEnvironmentName))
		})
	}
	if j.Status == types.JobStatusRunnable {
		s.position, s.waiting = position(c.front(ctx, aws.ToString(queues[0].JobQueueName)), j)
	}
	return s, nil
}

// position finds a job among those that are next in line.
func position(front []types.FrontOfQueueJobSummary, j types.JobDetail) (at, of int) {
	for i, f := range front {
		if shortName(aws.ToString(f.JobArn)) == aws.ToString(j.JobId) {
			return i + 1, len(front)
		}
	}
	return 0, len(front)
}

// explanation writes a diagnosis, what it was made from, and the next steps.
func (a *App) explanation(s situation, d diagnosis) string {
	var b strings.Builder
	j := s.job
	fmt.Fprintf(&b, "Job %s (%s) %s.\n", aws.ToString(j.JobId), aws.ToString(j.JobName), a.headline(s))
	section := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		b.WriteString("\n" + a.Out.paint(bold, title) + "\n")
		for _, it := range items {
			b.WriteString("  - " + strings.ToUpper(it[:1]) + it[1:] + "\n")
		}
	}
	section("Why", d.why)
	if s.queue != nil {
		q := s.queue
		fmt.Fprintf(&b, "\n%s  %s %s, priority %d", a.Out.paint(bold, "Queue "+aws.ToString(q.JobQueueName)),
			a.Out.state(string(q.State)), a.Out.state(string(q.Status)), aws.ToInt32(q.Priority))
		if s.position > 0 {
			fmt.Fprintf(&b, "; the job is number %d in line", s.position)
		}
		b.WriteString("\n")
		if len(s.environments) > 0 {
			g := &grid{columns: []column{
				{title: "#", right: true}, {title: "ENVIRONMENT"}, {title: "TYPE"}, {title: "STATE", state: true},
				{title: "STATUS", state: true}, {title: "VCPUS", right: true}, {title: "REASON", flex: true},
			}}
			for i, e := range s.environments {
				g.row(strconv.Itoa(i+1), aws.ToString(e.ComputeEnvironmentName), environmentType(e), string(e.State), string(e.Status), vcpusText(e), aws.ToString(e.StatusReason))
			}
			b.WriteString(indented("  ", g.text(narrower(a.Out))))
		}
	}
	if t := a.attemptsTable(j); t != "" {
		b.WriteString("\n" + a.Out.paint(bold, "Attempts") + "\n" + t)
	}
	if host := hostText(j); host != "" && j.Status != types.JobStatusRunnable {
		b.WriteString("\n" + a.Out.paint(bold, "Host") + "\n" + host)
	}
	section("Next", d.next)
	return b.String()
}

// headline is the state of a job in a sentence's end.
func (a *App) headline(s situation) string {
	j := s.job
	status := a.Out.state(string(j.Status))
	created, started, stopped := moment(j.CreatedAt), moment(j.StartedAt), moment(j.StoppedAt)
	queue := shortName(aws.ToString(j.JobQueue))
	switch {
	case ended(j.Status) && !started.IsZero() && !stopped.IsZero():
		return fmt.Sprintf("%s %s ago, having run %s", status, span(s.now.Sub(stopped)), exact(stopped.Sub(started)))
	case ended(j.Status) && !stopped.IsZero() && isArray(j):
		return fmt.Sprintf("%s %s ago, %s after it was submitted", status, span(s.now.Sub(stopped)), span(stopped.Sub(created)))
	case ended(j.Status) && !stopped.IsZero():
		return fmt.Sprintf("%s %s ago, without having run", status, span(s.now.Sub(stopped)))
	case ended(j.Status):
		return status
	case j.Status == types.JobStatusRunning:
		return fmt.Sprintf("is %s; it was submitted %s ago to queue %s", status, span(s.now.Sub(created)), queue)
	}
	return fmt.Sprintf("is %s in queue %s; it was submitted %s ago", status, queue, span(s.now.Sub(created)))
}

// hostText names the host and the task of the latest attempt.
func hostText(j types.JobDetail) string {
	var f facts
	if c := j.Container; c != nil {
		f.add("instance", shortHost(aws.ToString(c.ContainerInstanceArn)))
		f.add("task", shortHost(aws.ToString(c.TaskArn)))
		if c.LogStreamName != nil {
			f.add("log", groupOf(c.LogConfiguration)+" "+*c.LogStreamName)
		}
	}
	return f.text("  ")
}
