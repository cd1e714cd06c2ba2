package jobs

import (
	"context"
	"slices"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Bounds of ListJobs (SDK documentation of ListJobs, maxResults).
const (
	maxList         = 1000 // jobs in a page
	maxListFiltered = 100  // with filters
	// maxListScan bounds how many jobs one call looks at in search of those asked
	// for; a page may be short, its token goes on.
	maxListScan = 20_000
)

// ListJobs returns a page of the jobs of a queue or of the children of an array.
// Without a status and without filters it returns RUNNING jobs, as AWS Batch does.
func (s *Jobs) ListJobs(ctx context.Context, in *awsbatch.ListJobsInput) (*awsbatch.ListJobsOutput, error) {
	given := 0
	for _, p := range []*string{in.JobQueue, in.ArrayJobId, in.MultiNodeJobId} {
		if deref(p) != "" {
			given++
		}
	}
	if given != 1 {
		return nil, batch.Invalid("Exactly one of jobQueue, arrayJobId and multiNodeJobId must be specified, got %d.", given)
	}
	limit, err := listLimit(in)
	if err != nil {
		return nil, err
	}
	if in.JobStatus != "" && !slices.Contains(batch.Statuses(), in.JobStatus) {
		return nil, batch.Invalid("jobStatus %s is not valid. Valid values are: [%s]", in.JobStatus, statusNames())
	}
	status := in.JobStatus
	if status == "" {
		status = batch.Running
	}
	switch {
	case deref(in.ArrayJobId) != "":
		return s.listChildren(ctx, in, status, limit)
	case deref(in.MultiNodeJobId) != "":
		return nil, batch.Invalid("Job %s is not a multi-node parallel job: these are not supported yet.", *in.MultiNodeJobId)
	}
	q, err := s.Records.ViewQueue(ctx, batch.NameOf("job-queue", *in.JobQueue))
	if store.IsNotFound(err) {
		e := batch.NotFound("Job queue %s does not exist.", *in.JobQueue)
		e.Next = "list the existing ones with DescribeJobQueues"
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 {
		return s.listFiltered(ctx, in, q.Name(), limit)
	}
	return s.listStatus(ctx, in, q.Name(), status, limit)
}

// statusNames lists the states of a job, for a message.
func statusNames() string {
	var names []string
	for _, s := range batch.Statuses() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func listLimit(in *awsbatch.ListJobsInput) (int, error) {
	most := maxList
	if len(in.Filters) > 0 {
		most = maxListFiltered
	}
	if in.MaxResults == nil {
		return most, nil
	}
	if *in.MaxResults < 1 || int(*in.MaxResults) > most {
		return 0, batch.Invalid("maxResults must be between 1 and %d, got %d.", most, *in.MaxResults)
	}
	return int(*in.MaxResults), nil
}

// listStatus lists the jobs of a queue in one status, newest first.
func (s *Jobs) listStatus(ctx context.Context, in *awsbatch.ListJobsInput, queue string, status batch.Status, limit int) (*awsbatch.ListJobsOutput, error) {
	at, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	c := cursor{jobs: s, queue: queue, phases: []store.Phase{store.PhaseOf(status)}, at: at}
	return s.collect(ctx, &c, limit, func(j batch.Job) bool { return j.Status == status })
}

// collect takes up to limit jobs that match from a cursor.
func (s *Jobs) collect(ctx context.Context, c *cursor, limit int, match func(batch.Job) bool) (*awsbatch.ListJobsOutput, error) {
	out := &awsbatch.ListJobsOutput{JobSummaryList: []types.JobSummary{}}
	reasons := s.reasons()
	for range maxListScan {
		j, ok, err := c.next(ctx)
		if err != nil {
			return nil, err
		}
		if !ok {
			return out, nil
		}
		if !match(j) {
			continue
		}
		summary, err := s.summarize(ctx, j, reasons)
		if err != nil {
			return nil, err
		}
		out.JobSummaryList = append(out.JobSummaryList, summary)
		if len(out.JobSummaryList) == limit {
			break
		}
	}
	out.NextToken = c.token()
	if more, err := c.more(ctx); err != nil || !more {
		out.NextToken = nil
		return out, err
	}
	return out, nil
}

// summarize builds what ListJobs shows of a job.
func (s *Jobs) summarize(ctx context.Context, job batch.Job, reasons *reasons) (types.JobSummary, error) {
	reason, err := reasons.of(ctx, job)
	if err != nil {
		return types.JobSummary{}, err
	}
	d := types.JobSummary{
		JobArn: new(s.Account.ARN("job", job.ID)), JobId: new(job.ID), JobName: new(job.Name),
		JobDefinition: new(s.Account.ARN("job-definition", job.Definition)),
		Status:        job.Status, StatusReason: optional(reason),
		CreatedAt: millis(job.CreatedAt), StartedAt: millis(job.StartedAt), StoppedAt: millis(job.StoppedAt),
		Container: &types.ContainerSummary{}, ShareIdentifier: optional(job.Share),
	}
	if job.Last != nil {
		d.Container.ExitCode, d.Container.Reason = job.Last.ExitCode, optional(job.Last.Reason)
	}
	if job.Array != nil {
		d.ArrayProperties = &types.ArrayPropertiesSummary{
			Size: new(int32(job.Array.Size)), StatusSummary: summary(job.Array.Counts),
			StatusSummaryLastUpdatedAt: s.counted(job),
		}
	}
	if _, index, ok := batch.SplitChild(job.ID); ok {
		d.ArrayProperties = &types.ArrayPropertiesSummary{Index: new(int32(index))}
	}
	return d, nil
}
