package engine

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// What ECS and EC2 list may lag behind what they did (both are eventually consistent), so
// that something missing once is no proof. It counts as lost when it is still missing
// after lostAfter; a doubt older than doubtFor was forgotten by whoever had it.
const (
	lostAfter = time.Minute
	doubtFor  = 10 * time.Minute
)

// isLost reports whether something that compute did not show when it was asked counts as lost,
// and otherwise since when it is to be missed.
func (e *Engine) isLost(missedAt batch.Millis, asked time.Time) (lost bool, since batch.Millis) {
	if !e.ECS {
		return true, 0 // what is here is seen as it is
	}
	missing := asked.Sub(missedAt.Time())
	if missedAt == 0 || missing > doubtFor {
		return false, batch.MillisOf(asked)
	}
	return missing >= lostAfter, missedAt
}

// missTask reports whether the task of a job is lost, and notes since when it is missed. It
// fails where that could not be noted, or where the job has moved on.
func (e *Engine) missTask(ctx context.Context, j batch.Job, asked time.Time) (lost bool, err error) {
	lost, since := e.isLost(j.Placement.MissedAt, asked)
	if j.Placement.InDoubt { // which nobody forgets
		since = j.Placement.MissedAt
		lost = lost || asked.Sub(since.Time()) >= lostAfter
	}
	if lost || since == j.Placement.MissedAt {
		return lost, nil
	}
	r := e.applyOne(ctx, j.ID, func(current batch.Job) (batch.Job, error) {
		if !isCurrent(current, j.Placement.Task) || !batch.Live(current.Status) {
			return current, errSkip
		}
		p := *current.Placement
		p.MissedAt = since
		current.Placement = &p
		return current, nil
	})
	if j.Status == batch.Running {
		e.Log.Warn("ECS does not show a task that should run; looking again", "job", j.ID, "task", j.Placement.Task, "error", r.Err)
	}
	return false, r.Err
}

// missHost is missTask for a host.
func (e *Engine) missHost(ctx context.Context, h store.Host, asked time.Time) (lost bool, err error) {
	lost, since := e.isLost(h.MissedAt, asked)
	if lost || since == h.MissedAt {
		return lost, nil
	}
	h.MissedAt = since
	return false, ignoreConflict(e.Records.Write(ctx, e.Records.PutHost(h)))
}

// seeHost ends the doubt about a host.
func (e *Engine) seeHost(ctx context.Context, h store.Host) error {
	if h.MissedAt == 0 {
		return nil
	}
	h.MissedAt = 0
	return ignoreConflict(e.Records.Write(ctx, e.Records.PutHost(h)))
}
