package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"golang.org/x/sync/errgroup"
)

// jobQuery says which jobs a person wants to see.
type jobQuery struct {
	Queues        []string          // names or ARNs; none means all
	Statuses      []types.JobStatus // none means any
	Name          string            // a trailing * matches any ending; case does not matter
	Definition    string            // name, name:revision or ARN; a name may end in *
	Share         string
	Since, Before time.Time // by the time of submission
	Array         string    // id of an array job: its children instead of the jobs of queues
	Nodes         string    // the same for a multi-node job
	Limit         int       // how many at most, the newest; 0 means no limit
}

// recent is how far back the listing reaches when nothing else is asked: it shows every
// job that has not ended, and all those submitted within this time.
const recent = 24 * time.Hour

// calls returns the ListJobs calls that answer q for one queue. The service filters by
// one thing at a time, or by status, so the calls may return more than what was asked
// for and some jobs twice; match and the caller see to that.
func (q jobQuery) calls(queue string, now time.Time) []*batch.ListJobsInput {
	base := func() *batch.ListJobsInput {
		switch {
		case q.Array != "":
			return &batch.ListJobsInput{ArrayJobId: aws.String(q.Array)}
		case q.Nodes != "":
			return &batch.ListJobsInput{MultiNodeJobId: aws.String(q.Nodes)}
		}
		return &batch.ListJobsInput{JobQueue: aws.String(queue)}
	}
	byStatus := func(statuses []types.JobStatus) (calls []*batch.ListJobsInput) {
		for _, s := range statuses {
			in := base()
			in.JobStatus = s
			calls = append(calls, in)
		}
		return calls
	}
	byFilter := func(name, value string) *batch.ListJobsInput {
		in := base()
		in.Filters = []types.KeyValuesPair{{Name: aws.String(name), Values: []string{value}}}
		return in
	}
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

	switch {
	case q.Array != "" || q.Nodes != "": // filters do not return children
		if len(q.Statuses) > 0 {
			return byStatus(q.Statuses)
		}
		return byStatus(statuses)
	case q.Name != "":
		return []*batch.ListJobsInput{byFilter("JOB_NAME", q.Name)}
	case q.Definition != "":
		// A revision is filtered by its ARN only, which name:revision does not tell.
		name := q.Definition
		if !strings.HasPrefix(name, "arn:") {
			name, _, _ = strings.Cut(name, ":")
		}
		return []*batch.ListJobsInput{byFilter("JOB_DEFINITION", name)}
	case q.Share != "" && len(q.Statuses) > 0:
		calls := byStatus(q.Statuses)
		for _, in := range calls { // the one filter that goes together with a status
			in.Filters = byFilter("SHARE_IDENTIFIER", q.Share).Filters
		}
		return calls
	case q.Share != "":
		return []*batch.ListJobsInput{byFilter("SHARE_IDENTIFIER", q.Share)}
	case !q.Since.IsZero():
		// One millisecond earlier: the filter means after, not at.
		return []*batch.ListJobsInput{byFilter("AFTER_CREATED_AT", millis(q.Since.Add(-time.Millisecond)))}
	case !q.Before.IsZero():
		return []*batch.ListJobsInput{byFilter("BEFORE_CREATED_AT", millis(q.Before))}
	case len(q.Statuses) > 0:
		return byStatus(q.Statuses)
	}
	return append(byStatus(activeStatuses), byFilter("AFTER_CREATED_AT", millis(now.Add(-recent))))
}

// statuses are all states of a job in the order of its life; the first five are those
// of a job that has not ended.
var (
	statuses = []types.JobStatus{
		types.JobStatusSubmitted, types.JobStatusPending, types.JobStatusRunnable, types.JobStatusStarting,
		types.JobStatusRunning, types.JobStatusSucceeded, types.JobStatusFailed,
	}
	activeStatuses = statuses[:5]
	endedStatuses  = statuses[5:]
)

func ended(s types.JobStatus) bool { return slices.Contains(endedStatuses, s) }

// match reports whether a job is one that was asked for, whatever the calls filtered.
func (q jobQuery) match(j types.JobSummary) bool {
	created := moment(j.CreatedAt)
	switch {
	case len(q.Statuses) > 0 && !slices.Contains(q.Statuses, j.Status):
	case q.Name != "" && !glob(strings.ToLower(q.Name), strings.ToLower(aws.ToString(j.JobName))):
	case q.Definition != "" && !matchDefinition(q.Definition, aws.ToString(j.JobDefinition)):
	case q.Share != "" && q.Share != aws.ToString(j.ShareIdentifier):
	case !q.Since.IsZero() && created.Before(q.Since):
	case !q.Before.IsZero() && !created.Before(q.Before):
	default:
		return true
	}
	return false
}

// matchDefinition compares what was asked for with a job's definition, an ARN. A server
// that does not say which definition a job has is trusted to have filtered.
func matchDefinition(want, have string) bool {
	if have == "" || want == have {
		return true
	}
	want, have = shortName(want), shortName(have)
	if strings.Contains(want, ":") {
		return want == have
	}
	name, _, _ := strings.Cut(have, ":")
	return glob(want, name)
}

// glob matches a pattern whose last character may be *.
func glob(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(s, prefix)
	}
	return pattern == s
}

// jobRow is a job of a listing and the queue it was found in, which the wire does not
// say. It is written as the job with one member more.
type jobRow struct {
	types.JobSummary
	JobQueue string
}

// maxCalls is how many ListJobs calls are under way at a time.
const maxCalls = 8

// listJobs answers q: the newest first, no job twice. more says that the limit left
// some out.
func (a *App) listJobs(ctx context.Context, c *client, q jobQuery) (rows []jobRow, more bool, err error) {
	queues := []string{""}
	if q.Array == "" && q.Nodes == "" {
		if queues, err = c.queueNames(ctx, q.Queues); err != nil {
			return nil, false, err
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCalls)
	for _, queue := range queues {
		for _, in := range q.calls(queue, a.Now()) {
			group.Go(func() error {
				found, cut, err := c.listAll(ctx, in, q)
				mu.Lock()
				defer mu.Unlock()
				for _, j := range found {
					rows = append(rows, jobRow{JobSummary: j, JobQueue: queue})
				}
				more = more || cut
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	slices.SortFunc(rows, q.order)
	rows = slices.CompactFunc(rows, func(x, y jobRow) bool { return aws.ToString(x.JobId) == aws.ToString(y.JobId) })
	if q.Limit > 0 && len(rows) > q.Limit {
		rows, more = rows[:q.Limit], true
	}
	return rows, more, nil
}

// order is the newest first, children by their index.
func (q jobQuery) order(x, y jobRow) int {
	if q.Array != "" || q.Nodes != "" {
		return childIndex(x.JobSummary) - childIndex(y.JobSummary)
	}
	if d := aws.ToInt64(y.CreatedAt) - aws.ToInt64(x.CreatedAt); d != 0 {
		return int(max(-1, min(1, d)))
	}
	return strings.Compare(aws.ToString(x.JobId), aws.ToString(y.JobId))
}

func childIndex(j types.JobSummary) int {
	switch {
	case j.ArrayProperties != nil && j.ArrayProperties.Index != nil:
		return int(*j.ArrayProperties.Index)
	case j.NodeProperties != nil:
		return int(aws.ToInt32(j.NodeProperties.NodeIndex))
	}
	return 0
}

// queueNames returns the names that were asked for after checking that they exist, or
// the names of all queues.
func (c *client) queueNames(ctx context.Context, asked []string) ([]string, error) {
	all, err := c.queues(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, q := range all {
		names = append(names, aws.ToString(q.JobQueueName))
	}
	if len(asked) == 0 {
		return names, nil
	}
	var out []string
	for _, ref := range asked {
		name := shortName(ref)
		if !slices.Contains(names, name) {
			e := &Error{Message: "there is no job queue " + quote(name), Next: "make one with `packhorse apply -f FILE`"}
			if len(names) > 0 {
				e.Next = "use one that exists: " + someOf(names)
			}
			return nil, e
		}
		out = append(out, name)
	}
	return out, nil
}

// listAll reads the pages of one call until it has as many matching jobs as q wants.
func (c *client) listAll(ctx context.Context, in *batch.ListJobsInput, q jobQuery) (found []types.JobSummary, more bool, err error) {
	pages := batch.NewListJobsPaginator(c.batch, in)
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, j := range page.JobSummaryList {
			if q.match(j) {
				found = append(found, j)
			}
		}
		if q.Limit > 0 && len(found) >= q.Limit {
			return found, pages.HasMorePages(), nil
		}
	}
	return found, false, nil
}
