package jobs

import (
	"context"
	"errors"
	"unicode/utf8"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
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

// TerminateJob ends a job in any state. A job that has ended is left as it is, and
// the call succeeds: clients terminate what they no longer need without looking.
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
	return s.Stop(ctx, id, stop)
}

// Stop ends a job and, if it is an array, its children, for a reason given by
// whoever asks. It returns when that is recorded; tasks that run are stopped by
// the engine.
func (s *Jobs) Stop(ctx context.Context, id string, stop batch.Stop) error {
	known, err := s.Lifecycle.Describe(ctx, []string{id})
	if err != nil {
		return err
	}
	job, ok := known[id]
	if !ok {
		e := batch.NotFound("Job %s does not exist.", id)
		e.Next = "list jobs with ListJobs"
		return wrapped(e)
	}
	if batch.Final(job.Status) {
		return nil
	}
	results := s.Lifecycle.Apply(ctx, []lifecycle.Update{{ID: id, Change: s.stopping(stop)}})
	if err := results[0].Err; err != nil && !errors.Is(err, lifecycle.ErrSkip) {
		return err
	}
	if job.Array != nil {
		if err := s.stopChildren(ctx, id, stop); err != nil {
			return err
		}
	}
	s.Kick(job.Queue)
	return nil
}

// stopping is the change that a stop makes: a job that waits ends, one that has a
// host is marked for the engine, an array closes.
func (s *Jobs) stopping(stop batch.Stop) func(batch.Job) (batch.Job, []store.Op, error) {
	return func(j batch.Job) (batch.Job, []store.Op, error) {
		switch {
		case batch.Final(j.Status):
			return j, nil, lifecycle.ErrSkip
		case batch.Live(j.Status) && stop.Kind == batch.StopCancel:
			return j, nil, lifecycle.ErrSkip
		}
		if stop.Kind == batch.StopCancel {
			j.Cancelled = true
		} else {
			j.Terminated = true
		}
		switch {
		case j.Array != nil:
			if j.Stop == nil {
				j.Stop = &stop
			}
			return s.Lifecycle.Close(j, stop.Reason), nil, nil
		case batch.Live(j.Status):
			j.Stop = &stop
			return j, nil, nil
		}
		j, err := j.Transition(batch.Failed, stop.Reason, batch.MillisOf(s.Now()))
		return j, nil, err
	}
}

// stopPage is how many children are stopped together.
const stopPage = 500

// stopChildren stops the children of an array that have a record and have not ended.
func (s *Jobs) stopChildren(ctx context.Context, parent string, stop batch.Stop) error {
	for from := 0; ; {
		children, err := s.Records.Children(ctx, parent, from, stopPage)
		if err != nil || len(children) == 0 {
			return err
		}
		var updates []lifecycle.Update
		for _, c := range children {
			if !batch.Final(c.Status) {
				updates = append(updates, lifecycle.Update{ID: c.ID, Change: s.stopping(stop)})
			}
		}
		for _, r := range s.Lifecycle.Apply(ctx, updates) {
			if r.Err != nil && !errors.Is(r.Err, lifecycle.ErrSkip) {
				return r.Err
			}
		}
		_, last, _ := batch.SplitChild(children[len(children)-1].ID)
		from = last + 1
	}
}
