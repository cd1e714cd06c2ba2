package jobs

import (
	"context"
	"unicode/utf8"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxReasonChars bounds the reason of a stop (SDK documentation of TerminateJob).
const maxReasonChars = 1024

// CancelJob ends a job that has not reached STARTING. One that has is left alone,
// and the call succeeds. Unlike AWS Batch it does not wait for the dependencies of
// a PENDING job.
func (s *Jobs) CancelJob(ctx context.Context, in *awsbatch.CancelJobInput) (*awsbatch.CancelJobOutput, error) {
	err := s.stop(ctx, deref(in.JobId), batch.Stop{Kind: batch.StopCancel, Reason: deref(in.Reason)})
	if err != nil {
		return nil, err
	}
	return &awsbatch.CancelJobOutput{}, nil
}

// TerminateJob ends a job in any state. A job that has ended is left as it is, one
// that is unknown may have been purged, and the call succeeds for both, as with AWS
// Batch: clients terminate what they no longer need without looking.
func (s *Jobs) TerminateJob(ctx context.Context, in *awsbatch.TerminateJobInput) (*awsbatch.TerminateJobOutput, error) {
	err := s.stop(ctx, deref(in.JobId), batch.Stop{Kind: batch.StopTerminate, Reason: deref(in.Reason)})
	if err != nil {
		return nil, err
	}
	return &awsbatch.TerminateJobOutput{}, nil
}

func (s *Jobs) stop(ctx context.Context, ref string, stop batch.Stop) error {
	id := batch.NameOf("job", ref)
	switch {
	case id == "":
		return batch.Invalid("jobId must be specified.")
	case stop.Reason == "":
		return &batch.Error{Code: batch.CodeInvalid, Message: "reason must be specified.",
			Next: "say why the job is stopped: the text becomes its statusReason"}
	case utf8.RuneCountInString(stop.Reason) > maxReasonChars:
		return batch.Invalid("reason must have at most %d characters.", maxReasonChars)
	}
	stop.At = batch.MillisOf(s.Now())
	job, err := s.Lifecycle.Stop(ctx, id, stop)
	if store.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Kick(job.Queue)
	return nil
}
