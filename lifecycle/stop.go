package lifecycle

import (
	"context"
	"errors"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Stop ends a job and, if it is an array, its children, for a reason given by
// whoever asks, and returns the job as it was found. It returns when that is
// recorded: a job that waits has ended then, one that has a host carries the
// request for the engine. A cancellation leaves jobs alone that have a host. A job
// that has ended is left as it is. An unknown job is store.ErrNotFound.
func (l *Lifecycle) Stop(ctx context.Context, id string, stop batch.Stop) (batch.Job, error) {
	known, err := l.Describe(ctx, []string{id})
	if err != nil {
		return batch.Job{}, err
	}
	job, ok := known[id]
	if !ok {
		return job, store.ErrNotFound
	}
	if batch.Final(job.Status) {
		return job, nil
	}
	r := l.Apply(ctx, []Update{{ID: id, Change: l.stopping(stop)}})[0]
	if r.Err != nil && !errors.Is(r.Err, ErrSkip) {
		return job, r.Err
	}
	if job.Array != nil {
		err := l.stopChildren(ctx, id, stop)
		l.later(err)
		return job, err
	}
	return job, nil
}

// stopping is the change that a stop makes: a job that waits ends, one that has a
// host is marked for the engine, an array closes.
func (l *Lifecycle) stopping(stop batch.Stop) func(batch.Job) (batch.Job, []store.Op, error) {
	return func(j batch.Job) (batch.Job, []store.Op, error) {
		switch {
		case batch.Final(j.Status):
			return j, nil, ErrSkip
		case batch.Live(j.Status) && (stop.Kind == batch.StopCancel || j.Terminated):
			return j, nil, ErrSkip
		}
		if stop.Kind == batch.StopCancel {
			j.Cancelled = true
		} else {
			j.Terminated = true
		}
		switch {
		case j.Array != nil:
			if j.Stop == nil || j.Stop.Kind == batch.StopCancel && stop.Kind != batch.StopCancel {
				j.Stop = &stop // a termination goes beyond a cancellation
			}
			return l.Close(j, stop.Reason), nil, nil
		case batch.Live(j.Status):
			if j.Stop == nil {
				j.Stop = &stop
			}
			return j, nil, nil
		}
		j, err := j.Transition(batch.Failed, stop.Reason, batch.MillisOf(l.Now()))
		return j, nil, err
	}
}

// stopPage is how many children are stopped together.
const stopPage = 500

// stopChildren stops the children of an array that have a record and have not ended.
func (l *Lifecycle) stopChildren(ctx context.Context, parent string, stop batch.Stop) error {
	for from := 0; ; {
		children, err := l.Records.Children(ctx, parent, from, stopPage)
		if err != nil || len(children) == 0 {
			return err
		}
		var updates []Update
		for _, c := range children {
			if !batch.Final(c.Status) {
				updates = append(updates, Update{ID: c.ID, Change: l.stopping(stop)})
			}
		}
		for _, r := range l.Apply(ctx, updates) {
			if r.Err != nil && !errors.Is(r.Err, ErrSkip) {
				return r.Err
			}
		}
		_, last, _ := batch.SplitChild(children[len(children)-1].ID)
		from = last + 1
	}
}
