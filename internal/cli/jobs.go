package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

// jobsFlags is the command line of jobs, as typed.
type jobsFlags struct {
	query         jobQuery
	statuses      []string
	since, before string
	watch         bool
	interval      time.Duration
	output        outputFlag
}

// minInterval is the shortest time between two looks of --watch: a listing costs the
// server several calls for each queue.
const minInterval = time.Second

// defaultLimit is how many jobs a listing shows unless told otherwise.
const defaultLimit = 100

func (a *App) jobsCommand() *cobra.Command {
	var f jobsFlags
	cmd := &cobra.Command{
		Use:     "jobs",
		Aliases: []string{"ls", "ps"},
		Short:   "List jobs",
		Long: `List jobs, the newest first.

Without filters these are all jobs that have not ended and those submitted within
the last 24 hours, of all queues. With a filter they are all jobs that match it.`,
		Example: `  packhorse jobs --queue high --status RUNNABLE
  packhorse jobs --name 'align*' --since 2h -o wide
  packhorse jobs --array 3f2a8c1e-5b7d-4e6f-9a0b-1c2d3e4f5a6b --status FAILED
  packhorse jobs -q --status RUNNABLE | packhorse cancel -`,
		Args:              argsBetween(0, 0, ""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.runJobs(cmd.Context(), &f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.query.Queues, "queue", nil, "only jobs of this queue (may be repeated)")
	fl.StringSliceVar(&f.statuses, "status", nil, "only jobs in this status, or: active, ended (may be repeated)")
	fl.StringVar(&f.query.Name, "name", "", "only jobs of this name; a trailing * matches any ending")
	fl.StringVar(&f.query.Definition, "definition", "", "only jobs of this definition: name, name:revision or ARN")
	fl.StringVar(&f.query.Share, "share", "", "only jobs with this share identifier")
	fl.StringVar(&f.since, "since", "", "only jobs submitted since: 90m, 7d, 2026-05-01T10:00")
	fl.StringVar(&f.before, "before", "", "only jobs submitted before")
	fl.StringVar(&f.query.Array, "array", "", "the children of this array job")
	fl.StringVar(&f.query.Nodes, "nodes", "", "the nodes of this multi-node job")
	fl.IntVar(&f.query.Limit, "limit", defaultLimit, "show at most this many; 0 for all")
	fl.BoolVarP(&f.watch, "watch", "w", false, "keep the table up to date until interrupted")
	fl.DurationVar(&f.interval, "interval", 2*time.Second, "how often --watch looks, at least 1s")
	f.output.add(cmd, asTable, asWide, asJSON, asID)
	a.complete(cmd, "queue", a.completeQueues)
	a.complete(cmd, "definition", a.completeDefinitions)
	a.complete(cmd, "array", a.completeJobs)
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(append([]string{"active", "ended"}, words(statuses)...), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// parseStatuses reads status names in any case, and the two groups of them.
func parseStatuses(names []string) ([]types.JobStatus, error) {
	var out []types.JobStatus
	for _, name := range names {
		switch s := types.JobStatus(strings.ToUpper(name)); {
		case s == "ACTIVE":
			out = append(out, activeStatuses...)
		case s == "ENDED":
			out = append(out, endedStatuses...)
		case slices.Contains(statuses, s):
			out = append(out, s)
		default:
			return nil, usage("there is no job status %s", quote(name)).hint("use one of: active, ended, %s", strings.Join(words(statuses), ", "))
		}
	}
	return out, nil
}

func (a *App) runJobs(ctx context.Context, f *jobsFlags) error {
	form, err := f.output.choose()
	if err != nil {
		return err
	}
	q := f.query
	if q.Statuses, err = parseStatuses(f.statuses); err != nil {
		return err
	}
	if q.Since, err = a.parseWhen("since", f.since); err != nil {
		return err
	}
	if q.Before, err = a.parseWhen("before", f.before); err != nil {
		return err
	}
	switch {
	case q.Array != "" && q.Nodes != "":
		return usage("--array and --nodes exclude each other")
	case q.Limit < 0:
		return usage("--limit %d is less than 0", q.Limit).hint("0 shows all")
	case f.watch && form != asTable && form != asWide:
		return usage("--watch shows a table, not %s", form)
	case f.interval < minInterval:
		return usage("--interval must be at least %s", minInterval)
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	for _, parent := range []*string{&q.Array, &q.Nodes} {
		if *parent == "" {
			continue
		}
		j, err := a.job(ctx, c, *parent)
		if err != nil {
			return err
		}
		*parent = aws.ToString(j.JobId)
	}
	if !f.watch {
		rows, more, err := a.listJobs(ctx, c, q)
		if err != nil {
			return err
		}
		return a.printJobs(rows, more, q, form)
	}
	return a.watch(ctx, f.interval, func() (string, error) {
		rows, more, err := a.listJobs(ctx, c, q)
		if err != nil {
			return "", err
		}
		return a.jobsTable(rows, form == asWide).text(a.Out) + jobsFooter(rows, more, q), nil
	})
}

func (a *App) printJobs(rows []jobRow, more bool, q jobQuery, form string) error {
	switch form {
	case asJSON:
		return printJSON(a.Out, struct{ JobSummaryList []jobRow }{orEmpty(rows)})
	case asID:
		for _, r := range rows {
			fmt.Fprintln(a.Out, aws.ToString(r.JobId))
		}
		return nil
	}
	if len(rows) > 0 {
		fmt.Fprint(a.Out, a.jobsTable(rows, form == asWide).text(a.Out))
	}
	fmt.Fprint(a.Err, jobsFooter(rows, more, q))
	return nil
}

// jobsFooter says what the table does not show; most often nothing.
func jobsFooter(rows []jobRow, more bool, q jobQuery) string {
	switch {
	case len(rows) == 0:
		return "No jobs.\n"
	case more:
		return fmt.Sprintf("Only %s shown; --limit 0 shows all.\n", plural(len(rows), "job"))
	}
	return ""
}

func (a *App) jobsTable(rows []jobRow, wide bool) *grid {
	g := &grid{columns: []column{
		{title: "ID"}, {title: "NAME", flex: true}, {title: "QUEUE", flex: true}, {title: "STATUS", state: true},
		{title: "AGE"}, {title: "RAN"}, {title: "REASON", flex: true},
	}}
	if len(rows) > 0 && rows[0].JobQueue == "" { // children are listed by their parent
		g.columns = slices.Delete(g.columns, 2, 3)
	}
	if wide {
		g.columns = append(g.columns, column{title: "DEFINITION"}, column{title: "SHARE"}, column{title: "EXIT", right: true},
			column{title: "SUBMITTED"}, column{title: "STARTED"}, column{title: "STOPPED"})
	}
	for _, r := range rows {
		cells := []string{aws.ToString(r.JobId), jobTitle(r.JobSummary)}
		if r.JobQueue != "" {
			cells = append(cells, r.JobQueue)
		}
		cells = append(cells, string(r.Status), a.since(moment(r.CreatedAt)), a.ran(r.StartedAt, r.StoppedAt), summaryReason(r.JobSummary))
		if wide {
			exit := ""
			if r.Container != nil && r.Container.ExitCode != nil {
				exit = strconv.Itoa(int(*r.Container.ExitCode))
			}
			cells = append(cells, shortName(aws.ToString(r.JobDefinition)), aws.ToString(r.ShareIdentifier), exit,
				a.clock(moment(r.CreatedAt)), a.clock(moment(r.StartedAt)), a.clock(moment(r.StoppedAt)))
		}
		g.row(cells...)
	}
	return g
}

// jobTitle is a job's name, with the size of an array or the number of nodes.
func jobTitle(j types.JobSummary) string {
	name := aws.ToString(j.JobName)
	switch {
	case j.ArrayProperties != nil && aws.ToInt32(j.ArrayProperties.Size) > 0:
		return fmt.Sprintf("%s[%d]", name, *j.ArrayProperties.Size)
	case j.NodeProperties != nil && aws.ToInt32(j.NodeProperties.NumNodes) > 0:
		return fmt.Sprintf("%s#%d", name, *j.NodeProperties.NumNodes)
	}
	return name
}

// ran is how long a job has run, or ran.
func (a *App) ran(started, stopped *int64) string {
	from, to := moment(started), moment(stopped)
	switch {
	case from.IsZero():
		return ""
	case to.IsZero():
		to = a.Now()
	}
	return span(to.Sub(from))
}

// plainExit is the reason of every job whose container ended by itself, well or not.
const plainExit = "Essential container in task exited"

// summaryReason is why a job is as it is, in the words of a table: for an array, how its
// jobs are; for one that failed, how its container ended; nothing for one that did what
// it should.
func summaryReason(j types.JobSummary) string {
	if j.ArrayProperties != nil && aws.ToInt32(j.ArrayProperties.Size) > 0 {
		if counts := countsText(j.ArrayProperties.StatusSummary); counts != "" {
			return counts
		}
	}
	reason, detail := aws.ToString(j.StatusReason), ""
	if j.Container != nil {
		detail = aws.ToString(j.Container.Reason)
		if reason == plainExit && j.Container.ExitCode != nil {
			reason = fmt.Sprintf("exit code %d", *j.Container.ExitCode)
		}
	}
	if j.Status == types.JobStatusSucceeded {
		return ""
	}
	if detail == reason {
		detail = ""
	}
	return joinReasons(reason, detail)
}

// countsText writes how many children are in which status, those in none left out.
func countsText(summary map[string]int32) string {
	var parts []string
	for _, s := range slices.Backward(statuses) {
		if n := summary[string(s)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(string(s))))
		}
	}
	return strings.Join(parts, ", ")
}
