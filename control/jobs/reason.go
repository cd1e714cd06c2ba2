package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// of returns the statusReason of a job: what was recorded at its last transition,
// or, while it waits, what it waits for.
func (r *reasons) of(ctx context.Context, job batch.Job) (string, error) {
	switch {
	case batch.Final(job.Status):
		return job.Reason, nil
	case job.Stop != nil:
		return fmt.Sprintf("Being stopped: %s", job.Stop.Reason), nil
	case batch.Live(job.Status):
		if job.Reason == "" && job.Placement != nil {
			return job.Placement.Notes, nil
		}
		return job.Reason, nil
	case job.WaitsFor > 0 || job.Array == nil && job.Status == batch.Pending:
		return r.pending(ctx, job)
	case job.Array != nil:
		return r.array(ctx, job)
	}
	return r.runnable(ctx, job)
}

// namedDependencies is how many of the jobs waited for a reason names, and
// searchedDependencies among how many it looks for them.
const (
	namedDependencies    = 3
	searchedDependencies = 1000
)

// pending names the jobs that a job waits for.
func (r *reasons) pending(ctx context.Context, job batch.Job) (string, error) {
	family, index, child := batch.SplitChild(job.ID)
	if !child {
		family = job.ID
	}
	spec, err := r.jobs.Records.Spec(ctx, family)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, d := range spec.Request.DependsOn {
		switch on := deref(d.JobId); {
		case child && on == "" && d.Type == types.ArrayJobDependencySequential && index > 0:
			ids = append(ids, batch.ChildID(family, index-1))
		case child && d.Type == types.ArrayJobDependencyNToN:
			ids = append(ids, batch.ChildID(on, index))
		case on != "" && d.Type != types.ArrayJobDependencyNToN:
			ids = append(ids, on)
		}
		if len(ids) == searchedDependencies {
			break
		}
	}
	open, err := r.open(ctx, ids)
	if err != nil {
		return "", err
	}
	count := job.WaitsFor
	if child {
		count = max(count, len(open))
	}
	text := fmt.Sprintf("Waiting for %d of %d jobs that it depends on", count, max(count, len(spec.Request.DependsOn)))
	if len(open) > 0 {
		text += ": " + strings.Join(open, ", ")
		if count > len(open) {
			text += fmt.Sprintf(" and %d more", count-len(open))
		}
	}
	return text + ".", nil
}

// open describes the first of some jobs that have not ended.
func (r *reasons) open(ctx context.Context, ids []string) ([]string, error) {
	var open []string
	for chunk := range slices.Chunk(ids, maxDescribe) {
		known, err := r.jobs.Lifecycle.Describe(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, id := range chunk {
			if on, ok := known[id]; ok && !batch.Final(on.Status) {
				open = append(open, fmt.Sprintf("%s (%s)", id, on.Status))
			}
			if len(open) == namedDependencies {
				return open, nil
			}
		}
	}
	return open, nil
}

// array says how far an array is, and why its next children wait.
func (r *reasons) array(ctx context.Context, job batch.Job) (string, error) {
	c := job.Array.Counts
	text := fmt.Sprintf("%d of %d children have ended, %d are under way.", c.Ended(), job.Array.Size, c.Starting+c.Running)
	if c.Runnable == 0 {
		return text, nil
	}
	why, err := r.runnable(ctx, job)
	return text + " The next: " + why, err
}

// runnable returns what the last pass said of a job, or of those behind the front.
func (r *reasons) runnable(ctx context.Context, job batch.Job) (string, error) {
	why, ok := r.queues[job.Queue]
	if !ok {
		var err error
		if why, err = r.jobs.Records.Why(ctx, job.Queue); err != nil {
			return "", err
		}
		r.queues[job.Queue] = why
	}
	if text, ok := why.Of(job.ID); ok {
		return text, nil
	}
	if parent, _, child := batch.SplitChild(job.ID); child {
		if text, ok := why.Of(parent); ok {
			return text, nil
		}
	}
	if why.Rest != "" && job.CreatedAt <= why.At {
		return why.Rest, nil
	}
	return "Waiting for the scheduler to look at it, 1 pass ahead.", nil
}
