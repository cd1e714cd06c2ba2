package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/internal/wire"
	"github.com/packhorse-batch/packhorse/store"
)

// maxSpecKiB bounds what one submission may carry. AWS Batch stops at 30 KiB; here
// the size of a record is the bound.
const maxSpecKiB = 300

// SubmitJob records a job. It is durable when it returns. A call that an SDK
// repeats (same amz-sdk-invocation-id) answers with the job that the first one made,
// whatever has become of its queue and definition since.
func (s *Jobs) SubmitJob(ctx context.Context, in *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error) {
	call := invocation.From(ctx)
	out, err := s.submit(ctx, in, call)
	if err == nil || call == "" {
		return out, err
	}
	// Looked for only now: few calls are repeats, and only a failed one can hide that.
	id, onceErr := s.made(ctx, call)
	if onceErr != nil {
		return nil, err
	}
	out = s.submitted(id, in)
	out.ResultMetadata.Set(repeated{}, true)
	return out, nil
}

// repeated marks, in what an answer has beside the wire, that an earlier call made the
// job.
type repeated struct{}

// Repeated reports whether an answer of SubmitJob is that to an earlier call with the
// same invocation id.
func Repeated(out *awsbatch.SubmitJobOutput) bool { return out.ResultMetadata.Has(repeated{}) }

func (s *Jobs) submit(ctx context.Context, in *awsbatch.SubmitJobInput, call string) (*awsbatch.SubmitJobOutput, error) {
	now := s.Now()
	job, err := s.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	job.ID = s.NewID()
	remember := call != ""
	if s.idTells(ctx, call, in) {
		job.ID, remember = s.IDOf(call), false
	}
	job.CreatedAt = batch.MillisOf(now)
	job.OnDemand = batch.OnDemandAfterOf(in.Tags)
	spec := store.Spec{Request: in, Definition: job.Definition, Tags: maps.Clone(in.Tags)}
	if len(in.DependsOn) > 0 {
		if err := s.checkDependencies(ctx, &job, in); err != nil {
			return nil, err
		}
	}
	if size := specSize(in); size > maxSpecKiB*1024 {
		return nil, wrapped(batch.Invalid("Job size must be less than %d KiB, got %d KiB", maxSpecKiB, size/1024))
	}
	ops := s.Records.PutNewJob(job, spec)
	if remember {
		ops = append(ops, s.Records.PutOnceFor(call, job.ID, now, invocation.Kept(ctx)))
	}
	edges := s.edges(job, in)
	if err := s.write(ctx, ops, edges); err != nil {
		if len(edges) > 0 {
			s.Lifecycle.SettleLater() // it may be recorded all the same
		}
		return nil, err
	}
	if len(in.DependsOn) > 0 {
		// A dependency may have ended before its edge was written. When that cannot be
		// seen now, the job is recorded all the same and the sweep looks again.
		if err := s.Lifecycle.Resolve(ctx, job.ID); err != nil {
			s.Lifecycle.SettleLater()
		}
	}
	s.Kick(job.Queue)
	return s.submitted(job.ID, in), nil
}

// idTells reports whether the id of a call's job is made from the call, so that a repeat
// meets the job itself. It must not be forgotten before the job is, and must be all in
// one write, or a repeat would meet the rest of a first try.
func (s *Jobs) idTells(ctx context.Context, call string, in *awsbatch.SubmitJobInput) bool {
	return s.IDOf != nil && call != "" && invocation.Kept(ctx) <= store.Retention && len(in.DependsOn) <= edgesWithJob
}

// made returns the job that a call made, or store.ErrNotFound.
func (s *Jobs) made(ctx context.Context, call string) (id string, err error) {
	if s.IDOf != nil {
		id = s.IDOf(call)
		if _, err := s.Records.Job(ctx, id); !store.IsNotFound(err) {
			return id, err
		}
	}
	return s.Records.Once(ctx, call)
}

func (s *Jobs) submitted(id string, in *awsbatch.SubmitJobInput) *awsbatch.SubmitJobOutput {
	return &awsbatch.SubmitJobOutput{
		JobArn: new(s.Account.ARN("job", id)), JobId: &id, JobName: in.JobName,
	}
}

// edgesWithJob is how many edges go into one write with the job itself.
const edgesWithJob = 90

// write stores a job and its edges: the edges that do not fit beside it first, so
// that a job never exists without them. Edges without a job are skipped by those
// who follow them.
func (s *Jobs) write(ctx context.Context, ops []store.Op, edges []store.Edge) error {
	for len(edges) > edgesWithJob {
		chunk := make([]store.Op, 0, edgesWithJob)
		for _, e := range edges[:edgesWithJob] {
			chunk = append(chunk, s.Records.PutEdge(e))
		}
		if err := s.Records.Write(ctx, chunk...); err != nil {
			return err
		}
		edges = edges[edgesWithJob:]
	}
	for _, e := range edges {
		ops = append(ops, s.Records.PutEdge(e))
	}
	return s.Records.Write(ctx, ops...)
}

// edges lists what a job waits for, each other job once. One that is waited for both
// child by child and as a whole is waited for as a whole: its children cannot tell
// then.
func (s *Jobs) edges(job batch.Job, in *awsbatch.SubmitJobInput) []store.Edge {
	var edges []store.Edge
	at := map[string]int{}
	for _, d := range in.DependsOn {
		on, mode := deref(d.JobId), batch.ArrayPlain
		if on == "" {
			continue
		}
		if d.Type == types.ArrayJobDependencyNToN {
			mode = batch.ArrayNToN
		}
		if i, known := at[on]; !known {
			at[on] = len(edges)
			edges = append(edges, store.Edge{On: on, Waiter: job.ID, Mode: mode})
		} else if mode == batch.ArrayPlain {
			edges[i].Mode = mode
		}
	}
	return edges
}

// prepare checks a submission against its queue and definition and returns the job
// it makes, without id, time and dependencies.
func (s *Jobs) prepare(ctx context.Context, in *awsbatch.SubmitJobInput) (batch.Job, error) {
	fail := func(err error) (batch.Job, error) { return batch.Job{}, err }
	if err := batch.CheckJobName(deref(in.JobName)); err != nil {
		return fail(wrapped(asError(err)))
	}
	queue, err := s.queue(ctx, deref(in.JobQueue))
	if err != nil {
		return fail(err)
	}
	def, err := s.definition(ctx, deref(in.JobDefinition))
	if err != nil {
		return fail(err)
	}
	if err := checkSubmission(in); err != nil {
		return fail(err)
	}
	merged, err := batch.Merge(def, in)
	if err != nil {
		return fail(err)
	}
	need, err := merged.Need()
	if err != nil {
		return fail(err)
	}
	if err := s.checkPlatform(ctx, queue, merged.Platform); err != nil {
		return fail(err)
	}
	job := batch.Job{
		Name: *in.JobName, Queue: queue.Name(),
		Definition: fmt.Sprintf("%s:%d", deref(def.JobDefinitionName), deref(def.Revision)),
		Status:     batch.Submitted, Need: need, Platform: merged.Platform, Arch: merged.Arch(), Multi: merged.Ecs != nil,
		MaxAttempts: 1,
	}
	if queue.Detail.Tags[batch.TagEnvironments] != "" {
		job.OnHosts = merged.Platform == batch.PlatformFargate && merged.RunsOnHosts()
	}
	if err := s.checkShare(ctx, queue, in, merged, &job); err != nil {
		return fail(err)
	}
	if merged.Retry != nil && merged.Retry.Attempts != nil {
		job.MaxAttempts = int(*merged.Retry.Attempts)
	}
	if merged.Timeout != nil {
		job.TimeoutSeconds = deref(merged.Timeout.AttemptDurationSeconds)
	}
	job.Status = batch.Runnable
	if in.ArrayProperties != nil && in.ArrayProperties.Size != nil {
		size := int(*in.ArrayProperties.Size)
		job.Status = batch.Pending
		job.Array = &batch.Array{Size: size, Unstarted: size}
		job.Array.Counts.Runnable = size
	}
	return job, nil
}

func specSize(in *awsbatch.SubmitJobInput) int {
	data, err := wire.Marshal(in)
	if err != nil {
		return 0
	}
	return len(data)
}

func asError(err error) *batch.Error {
	var e *batch.Error
	if errors.As(err, &e) {
		return e
	}
	return &batch.Error{Code: batch.CodeServer, Message: err.Error(), Err: err}
}
