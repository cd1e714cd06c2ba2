package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// Observe turns news into transitions. Of several news of one task only the latest
// counts; news that is older than what is recorded changes nothing.
func (e *Engine) Observe(ctx context.Context, news []compute.News) { e.observe(ctx, news, heard) }

// source is where news comes from.
type source int

const (
	heard  source = iota // told by compute, perhaps late
	listed               // by compute when it was asked just now
)

func (e *Engine) observe(ctx context.Context, news []compute.News, from source) {
	latest := map[string]compute.TaskStatus{}
	var order []string
	for _, n := range news {
		if n.Host != nil {
			e.observeHost(ctx, *n.Host)
			e.stale = true
		}
		if n.Task == nil || n.Task.JobID == "" {
			continue
		}
		known, ok := latest[n.Task.ID]
		if !ok {
			order = append(order, n.Task.ID)
		}
		if !ok || n.Task.Version >= known.Version {
			latest[n.Task.ID] = *n.Task
		}
	}
	if len(order) == 0 {
		return
	}
	charges := map[store.Share]float64{}
	for len(order) > 0 {
		order = e.observeRound(ctx, order, latest, from, charges)
	}
	e.chargeShares(ctx, charges)
}

// observeRound records the news of one task of each job, and returns the tasks that
// are left: a job can have news of two attempts.
func (e *Engine) observeRound(ctx context.Context, order []string, latest map[string]compute.TaskStatus, from source, charges map[store.Share]float64) (left []string) {
	updates := make([]lifecycle.Update, 0, len(order))
	statuses := make([]compute.TaskStatus, 0, len(order))
	seen := map[string]bool{}
	for _, id := range order {
		status := latest[id]
		if seen[status.JobID] {
			left = append(left, id)
			continue
		}
		seen[status.JobID] = true
		statuses = append(statuses, status)
		updates = append(updates, lifecycle.Update{ID: status.JobID, Change: e.observed(ctx, status)})
	}
	for i, r := range e.Lifecycle.Apply(ctx, updates) {
		e.observedResult(ctx, statuses[i], r, from, charges)
		// That a task runs makes no room and starts no clock but that of its timeout.
		runs := statuses[i].State != compute.TaskStopped && r.After.TimeoutSeconds == 0 && r.After.Stop == nil &&
			(r.Err == nil || errors.Is(r.Err, errSkip))
		e.stale = e.stale || !runs
	}
	return left
}

// observedResult lets compute forget a task whose end is recorded.
func (e *Engine) observedResult(ctx context.Context, status compute.TaskStatus, r lifecycle.Result, from source, charges map[store.Share]float64) {
	recorded := r.Err == nil || errors.Is(r.Err, errSkip) || store.IsNotFound(r.Err)
	if !recorded {
		if ctx.Err() != nil {
			return // the next start sees it again
		}
		e.Log.Error("news of a task was not recorded; trying again", "job", status.JobID, "error", r.Err, "in", retryEvery)
		e.unheard.note(status, e.Now())
		return
	}
	if status.State == compute.TaskStopped {
		if isCurrent(r.After, status.ID) {
			return // still to be recorded
		}
		e.forgetTask(ctx, status.ID)
		if r.Err == nil {
			e.learn(r.Before, status)
		}
		if j := r.Before; r.Err == nil && j.Share != "" && j.StartedAt > 0 {
			ran := batch.MillisOf(e.Now()).Time().Sub(j.StartedAt.Time()).Seconds()
			charges[store.Share{Queue: j.Queue, ID: j.Share}] += float64(j.Need.MilliVCPU) / 1000 * max(0, ran)
		}
		return
	}
	if last := r.After.Last; last != nil && last.Placement.Task == status.ID && from == heard {
		return // its end came first: this is old news
	}
	if !isCurrent(r.After, status.ID) && !store.IsNotFound(r.Err) || store.IsNotFound(r.Err) {
		// A task of ours that no job waits for any more must not go on running. One that a
		// list shows although its end is recorded was taken for lost.
		if err := e.Compute.Stop(ctx, status.ID, "no job is placed on this task"); err != nil {
			e.Log.Warn("a stray task was not stopped", "task", status.ID, "error", err)
		}
	}
}

// observed is the change that the state of a task makes to its job.
func (e *Engine) observed(ctx context.Context, status compute.TaskStatus) func(batch.Job) (batch.Job, []store.Op, error) {
	return func(j batch.Job) (batch.Job, []store.Op, error) {
		if !isCurrent(j, status.ID) || !batch.Live(j.Status) {
			return j, nil, errSkip
		}
		before, p := *j.Placement, *j.Placement
		if status.Ref != "" {
			p.TaskRef = status.Ref
		}
		p.MissedAt, p.InDoubt = 0, false
		j.Placement = &p
		switch status.State {
		case compute.TaskRunning:
			return e.observedRunning(j, status, before.MissedAt != 0)
		case compute.TaskStopped:
			return e.observedStopped(ctx, j, status)
		}
		p.Notes = status.Notes
		if p == before {
			return j, nil, errSkip
		}
		return j, nil, nil
	}
}

// observedRunning starts an attempt. One that was missed is there again.
func (e *Engine) observedRunning(j batch.Job, status compute.TaskStatus, wasMissed bool) (batch.Job, []store.Op, error) {
	if j.Status == batch.Running {
		if !wasMissed {
			return j, nil, errSkip
		}
		return j, nil, nil
	}
	next, err := j.Transition(batch.Running, "", millisOr(status.StartedAt, e.Now()))
	if err != nil {
		return j, nil, err
	}
	p := *j.Placement
	p.Notes = status.Notes
	next.Placement = &p
	return next, nil, nil
}

// observedStopped ends an attempt, and the job unless it may try again.
func (e *Engine) observedStopped(ctx context.Context, j batch.Job, status compute.TaskStatus) (batch.Job, []store.Op, error) {
	var w work
	if j.Multi || j.MaxAttempts > 1 {
		var err error
		if w, err = e.workOf(ctx, j); err != nil && !errors.As(err, new(*batch.Error)) {
			return j, nil, err
		}
	}
	now := e.Now()
	if !status.StartedAt.IsZero() && j.StartedAt == 0 {
		j.StartedAt = batch.MillisOf(status.StartedAt)
	}
	// On Fargate there is no host: "Your Spot Task was interrupted." is what clients match.
	onHost := j.Placement.Host != "" || status.Reason == ""
	if status.StopCode == compute.StopHostLost && onHost && !strings.HasPrefix(status.Reason, hostLostPrefix) {
		status.Reason = e.hostLost(ctx, *j.Placement)
	}
	a := attemptOf(j, w, status, millisOr(status.StoppedAt, now))
	good := succeeded(j, w, status)
	if j.Stop != nil && (j.Stop.Kind != batch.StopTimeout || !good) {
		a.StatusReason = j.Stop.Reason
	}
	last := a
	j.Placement, j.Last = nil, &last
	switch {
	case good && (j.Stop == nil || j.Stop.Kind == batch.StopTimeout):
		next, err := j.Transition(batch.Succeeded, a.StatusReason, a.StoppedAt)
		next.Stop = nil
		return next, nil, err
	case j.Stop == nil && batch.ShouldRetry(w.Retry, a.Number, a):
		next, err := j.Transition(batch.Runnable, "", a.StoppedAt)
		if err != nil {
			return j, nil, err
		}
		next.Retried, next.Last, next.StartedAt = true, nil, 0
		return next, []store.Op{e.Records.PutAttempt(j.ID, a)}, nil
	}
	next, err := j.Transition(batch.Failed, a.StatusReason, a.StoppedAt)
	next.Stop = nil
	return next, nil, err
}

// maxReason bounds a container's reason (SDK documentation of ContainerDetail).
const maxReason = 255

// attemptOf is the attempt that a stopped task was.
func attemptOf(j batch.Job, w work, status compute.TaskStatus, stopped batch.Millis) batch.Attempt {
	a := batch.Attempt{
		Number: j.Attempts, Placement: *j.Placement, StartedAt: j.StartedAt, StoppedAt: stopped,
		StatusReason: status.Reason,
	}
	switch status.StopCode {
	case compute.StopEssentialExited:
		a.StatusReason = lifecycle.EssentialExited
	case compute.StopFailedToStart:
		a.StatusReason = lifecycle.TaskFailedToStart
	}
	if status.Notes != "" {
		a.Placement.Notes = status.Notes
	}
	if j.Multi && w.Ecs != nil {
		for _, c := range w.Containers() {
			exit := batch.ContainerExit{Name: deref(c.Name)}
			for _, s := range status.Containers {
				if s.Name == exit.Name {
					exit.ExitCode, exit.Reason = s.ExitCode, clip(s.Reason)
				}
			}
			a.Containers = append(a.Containers, exit)
			if a.Reason == "" {
				a.Reason = exit.Reason
			}
			if exit.ExitCode != nil && (a.ExitCode == nil || *a.ExitCode == 0) && (c.Essential == nil || *c.Essential) {
				a.ExitCode = exit.ExitCode
			}
		}
		return a
	}
	if len(status.Containers) > 0 {
		a.ExitCode, a.Reason = status.Containers[0].ExitCode, clip(status.Containers[0].Reason)
	}
	return a
}

// succeeded reports whether a task ended well: each essential container with exit
// code 0.
func succeeded(j batch.Job, w work, status compute.TaskStatus) bool {
	if status.StopCode != compute.StopEssentialExited {
		return false
	}
	essential := map[string]bool{batch.DefaultContainer: true}
	if j.Multi {
		if w.Ecs == nil {
			return false
		}
		clear(essential)
		for _, c := range w.Containers() {
			essential[deref(c.Name)] = c.Essential == nil || *c.Essential
		}
	}
	good := 0
	for _, c := range status.Containers {
		if essential[c.Name] && (c.ExitCode == nil || *c.ExitCode != 0) {
			return false
		}
		good++
	}
	return good > 0
}

func clip(reason string) string {
	if len(reason) > maxReason {
		return reason[:maxReason]
	}
	return reason
}

func millisOr(t, otherwise time.Time) batch.Millis {
	if t.IsZero() {
		return batch.MillisOf(otherwise)
	}
	return batch.MillisOf(t)
}

// hostLostPrefix begins the statusReason of an attempt whose host went away, as AWS
// Batch has it: clients retry on it.
const hostLostPrefix = "Host EC2"

// hostLost is the statusReason of an attempt that was lost with its host.
func (e *Engine) hostLost(ctx context.Context, p batch.Placement) string {
	instance := p.Host
	if h, err := e.Records.Host(ctx, p.Environment, p.Host); err == nil && h.Instance != "" {
		instance = h.Instance
	}
	return fmt.Sprintf("%s (instance %s) terminated.", hostLostPrefix, instance)
}
