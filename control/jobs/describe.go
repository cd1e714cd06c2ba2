package jobs

import (
	"context"
	"slices"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxDescribe is how many jobs one DescribeJobs may name.
const maxDescribe = 100

// DescribeJobs returns every job that is known among those asked for, in that
// order. Unknown ids are left out, never an error.
func (s *Jobs) DescribeJobs(ctx context.Context, in *awsbatch.DescribeJobsInput) (*awsbatch.DescribeJobsOutput, error) {
	if len(in.Jobs) == 0 {
		return nil, wrapped(batch.Invalid("jobs must name at least one job."))
	}
	if len(in.Jobs) > maxDescribe {
		return nil, wrapped(batch.Invalid("Maximum number of jobs supported is  %d .", maxDescribe))
	}
	ids := make([]string, 0, len(in.Jobs))
	for _, ref := range in.Jobs {
		if id := batch.NameOf("job", ref); id != "" {
			ids = append(ids, id)
		}
	}
	known, err := s.Lifecycle.Describe(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &awsbatch.DescribeJobsOutput{Jobs: []types.JobDetail{}}
	reasons := s.reasons()
	seen := map[string]bool{}
	for _, id := range ids {
		job, ok := known[id]
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		detail, err := s.detail(ctx, job, reasons)
		if err != nil {
			return nil, err
		}
		out.Jobs = append(out.Jobs, detail)
	}
	return out, nil
}

// detail builds what DescribeJobs shows of a job.
func (s *Jobs) detail(ctx context.Context, job batch.Job, reasons *reasons) (types.JobDetail, error) {
	_, index, child := batch.SplitChild(job.ID)
	spec, err := s.Records.SpecOf(ctx, job)
	if err != nil {
		return types.JobDetail{}, err
	}
	def, err := s.revision(ctx, spec.Definition)
	if err != nil {
		return types.JobDetail{}, err
	}
	merged, err := batch.Merge(def, spec.Request)
	if err != nil {
		return types.JobDetail{}, err
	}
	attempts, err := s.attempts(ctx, job)
	if err != nil {
		return types.JobDetail{}, err
	}
	reason, err := reasons.of(ctx, job)
	if err != nil {
		return types.JobDetail{}, err
	}
	d := types.JobDetail{
		JobArn: new(s.Account.ARN("job", job.ID)), JobId: new(job.ID), JobName: spec.Request.JobName,
		JobQueue:      new(s.Account.ARN("job-queue", job.Queue)),
		JobDefinition: new(s.Account.ARN("job-definition", spec.Definition)),
		Status:        job.Status, StatusReason: optional(reason),
		CreatedAt: millis(job.CreatedAt), StartedAt: millis(job.StartedAt), StoppedAt: millis(job.StoppedAt),
		DependsOn: dependsOn(spec.Request), Parameters: merged.Parameters,
		RetryStrategy: retryOf(merged), Timeout: merged.Timeout, PropagateTags: merged.Propagate,
		PlatformCapabilities: capabilities(merged.Platform),
		IsCancelled:          new(job.Cancelled), IsTerminated: new(job.Terminated),
		Attempts: []types.AttemptDetail{}, EksAttempts: []types.EksAttemptDetail{},
	}
	if job.Share != "" {
		d.ShareIdentifier, d.SchedulingPriority = &job.Share, &job.Priority
	}
	if !child {
		d.Tags = spec.Tags
	}
	if d.Tags == nil {
		d.Tags = map[string]string{}
	}
	switch {
	case job.Array != nil:
		d.ArrayProperties = &types.ArrayPropertiesDetail{
			Size: new(int32(job.Array.Size)), StatusSummary: summary(job.Array.Counts),
			StatusSummaryLastUpdatedAt: s.counted(job),
		}
	case child:
		d.ArrayProperties = &types.ArrayPropertiesDetail{Index: new(int32(index))}
	}
	for _, a := range attempts {
		d.Attempts = append(d.Attempts, s.attempt(job, a, merged))
	}
	d.Container = s.container(job, merged, attempts)
	if merged.Ecs != nil {
		d.EcsProperties = s.ecs(job, merged, attempts)
	}
	return d, nil
}

// attempts returns the attempts of a job that have ended, first to last. Those before
// the last are records of their own, and one may have ended after the job was read: it
// is left out, so that the answer holds together.
func (s *Jobs) attempts(ctx context.Context, job batch.Job) ([]batch.Attempt, error) {
	ended := job.Attempts
	if job.Placement != nil || job.Last != nil {
		ended--
	}
	var all []batch.Attempt
	if ended > 0 {
		var err error
		if all, err = s.Records.Attempts(ctx, job.ID); err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(a batch.Attempt) bool { return a.Number > ended })
	}
	if job.Last != nil {
		all = append(all, *job.Last)
	}
	return all, nil
}

func retryOf(m batch.Effective) *types.RetryStrategy {
	if m.Retry != nil {
		r := *m.Retry
		if r.EvaluateOnExit == nil {
			r.EvaluateOnExit = []types.EvaluateOnExit{}
		}
		return &r
	}
	return &types.RetryStrategy{Attempts: new(int32(1)), EvaluateOnExit: []types.EvaluateOnExit{}}
}

func dependsOn(in *awsbatch.SubmitJobInput) []types.JobDependency {
	if in.DependsOn == nil {
		return []types.JobDependency{}
	}
	return in.DependsOn
}

func capabilities(p batch.Platform) []types.PlatformCapability {
	if p == batch.PlatformFargate {
		return []types.PlatformCapability{types.PlatformCapabilityFargate}
	}
	return []types.PlatformCapability{types.PlatformCapabilityEc2}
}

// summary is the statusSummary of an array: all states, zeros included.
func summary(c batch.Counts) map[string]int32 {
	m := make(map[string]int32, len(batch.Statuses()))
	for _, status := range batch.Statuses() {
		m[string(status)] = int32(c.Get(status))
	}
	return m
}

// counted is when the statusSummary of an array was counted: now, until its last child
// has ended.
func (s *Jobs) counted(job batch.Job) *int64 {
	if batch.Final(job.Status) {
		return millis(job.StoppedAt)
	}
	return new(s.Now().UnixMilli())
}

// millis is a moment as the wire shows it; absent while it has not come.
func millis(m batch.Millis) *int64 {
	if m == 0 {
		return nil
	}
	return new(int64(m))
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// reasons answers why jobs wait, reading each queue's record once per request.
type reasons struct {
	jobs   *Jobs
	queues map[string]store.Why
}

func (s *Jobs) reasons() *reasons { return &reasons{s, map[string]store.Why{}} }
