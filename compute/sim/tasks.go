package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/imitation"
)

// task is an imitated task: what is known of it, and what will become of it.
type task struct {
	seq        uint64
	status     compute.TaskStatus
	host       *host // nil on Fargate
	need       batch.Resources
	runTime    time.Duration
	outcome    Outcome
	stopReason string // of the first Stop
	stopAsked  bool
}

// What ECS and AWS Batch say of an end.
const (
	reasonExited      = "Essential container in task exited"
	reasonNeverStarts = "Task failed to start"
)

// exitSIGTERM is the exit code of a process that SIGTERM ended.
const exitSIGTERM int32 = 128 + 15

// Run accepts a task. It is PENDING until Advance, or the clock, comes to its start.
func (b *Backend) Run(ctx context.Context, request compute.Task) error {
	// What will become of the task is asked for outside the lock: it is the
	// caller's function, and may be slow.
	runTime, outcome := time.Duration(0), Outcome{}
	if b.cfg.RunTime != nil {
		runTime = b.cfg.RunTime(request)
	}
	if b.cfg.Outcome != nil {
		outcome = b.cfg.Outcome(request)
	}
	lost, err := b.begin(ctx, "Run")
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	return cmp.Or(lost, b.accept(&request, runTime, outcome))
}

// accept makes a task PENDING, with mu held.
func (b *Backend) accept(request *compute.Task, runTime time.Duration, outcome Outcome) error {
	if _, known := b.tasks[request.ID]; known {
		return nil
	}
	need := imitation.Need(*request)
	h, err := b.room(request.Host, need)
	if err != nil {
		return err
	}
	b.made++
	t := &task{
		seq:     b.made,
		host:    h,
		need:    need,
		runTime: runTime,
		outcome: outcome,
		status: compute.TaskStatus{
			ID:      request.ID,
			JobID:   request.JobID,
			Attempt: request.Attempt,
			Host:    request.Host,
			State:   compute.TaskPending,
			Version: 1,
		},
	}
	t.status.Containers = make([]compute.ContainerStatus, len(request.Containers))
	for i := range request.Containers {
		t.status.Containers[i].Name = request.Containers[i].Name
	}
	if h != nil {
		h.free = h.free.Sub(need)
		h.tasks[t] = struct{}{}
	}
	b.tasks[request.ID] = t
	start := b.cfg.PullAndStart
	if h == nil && b.cfg.FargateStart != nil {
		start = b.cfg.FargateStart
	}
	wait := b.chance.draw(start, "pull-and-start", request.ID)
	b.schedule(event{at: b.cfg.Now().Add(wait), kind: taskStarts, task: t})
	return nil
}

// room returns the host of the given id if it takes that much more; nil for no
// host (Fargate).
func (b *Backend) room(id string, need batch.Resources) (*host, error) {
	if id == "" {
		return nil, nil
	}
	h, ok := b.hosts[id]
	switch {
	case !ok:
		b.ledger.refusedGone++
		return nil, fmt.Errorf("host %q is unknown: %w", id, compute.ErrHostGone)
	case h.State == compute.HostGone:
		b.ledger.refusedGone++
		return nil, fmt.Errorf("host %q (%s): %w", id, h.Instance, compute.ErrHostGone)
	case h.State != compute.HostReady:
		b.ledger.refusedRoom++
		return nil, fmt.Errorf("host %q is %s: %w", id, h.State, compute.ErrNoRoom)
	case !need.Fits(h.free):
		b.ledger.refusedRoom++
		return nil, fmt.Errorf("host %q has %s free, the task needs %s: %w", id, h.free, need, compute.ErrNoRoom)
	}
	return h, nil
}

func (b *Backend) startTask(t *task, at time.Time) {
	if t.outcome.NeverStarts {
		b.finish(t, at, compute.StopFailedToStart, reasonNeverStarts, nil, t.outcome.Reason)
		return
	}
	t.status.State, t.status.StartedAt = compute.TaskRunning, at
	t.status.Version++
	b.ledger.started(t, b.cfg.CountOnly)
	b.tellTask(t, at)
	if t.runTime != UntilStopped {
		b.schedule(event{at: at.Add(max(0, t.runTime)), kind: taskEnds, task: t})
	}
}

func (b *Backend) endTask(t *task, at time.Time) {
	b.finish(t, at, compute.StopEssentialExited, reasonExited, &t.outcome.Exit, t.outcome.Reason)
}

func (b *Backend) stopTask(t *task, at time.Time) {
	var exit *int32
	if t.status.State == compute.TaskRunning {
		code := exitSIGTERM
		exit = &code
	}
	b.finish(t, at, compute.StopUser, t.stopReason, exit, "")
}

// loseTask ends a task together with its host: nobody is left to tell an exit code.
func (b *Backend) loseTask(t *task, reason string, at time.Time) {
	b.ledger.lost++
	b.finish(t, at, compute.StopHostLost, reason, nil, "")
}

// finish makes a task STOPPED, with mu held, and gives its room back. exit is nil
// when there is no exit code.
func (b *Backend) finish(t *task, at time.Time, code compute.StopCode, reason string, exit *int32, containerReason string) {
	s := &t.status
	b.ledger.ended(t, at, b.cfg.CountOnly)
	s.State, s.StoppedAt, s.StopCode, s.Reason = compute.TaskStopped, at, code, reason
	s.Version++
	// A new slice: earlier news holds the old one.
	ended := make([]compute.ContainerStatus, len(s.Containers))
	for i := range ended {
		ended[i] = s.Containers[i]
		ended[i].ExitCode, ended[i].Reason = exit, containerReason
	}
	s.Containers = ended
	if t.host != nil {
		t.host.free = t.host.free.Add(t.need)
		delete(t.host.tasks, t)
	}
	b.tellTask(t, at)
}

func (b *Backend) tellTask(t *task, at time.Time) {
	told := t.status
	b.tell(at, compute.News{Task: &told})
	b.nudge(at)
}

// Stop ends a task after Config.StopTime, unless it ends by itself before.
func (b *Backend) Stop(ctx context.Context, id, reason string) error {
	lost, err := b.begin(ctx, "Stop")
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	t, ok := b.tasks[id]
	if !ok || t.stopAsked || t.status.State == compute.TaskStopped {
		return lost
	}
	t.stopAsked, t.stopReason = true, reason
	wait := b.chance.draw(b.cfg.StopTime, "stop-time", id)
	b.schedule(event{at: b.cfg.Now().Add(wait), kind: taskStops, task: t})
	return lost
}

// ListTasks returns what was run and not forgotten, in the order in which it was run.
func (b *Backend) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	lost, err := b.begin(ctx, "ListTasks")
	if err != nil {
		return nil, err
	}
	defer b.mu.Unlock()
	if lost != nil {
		return nil, lost
	}
	all := make([]*task, 0, len(b.tasks))
	for _, t := range b.tasks {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *task) int { return cmp.Compare(a.seq, b.seq) })
	list := make([]compute.TaskStatus, len(all))
	for i, t := range all {
		list[i] = t.status
	}
	return list, nil
}

// Forget drops a task that has stopped. One that has not is kept.
func (b *Backend) Forget(ctx context.Context, id string) error {
	lost, err := b.begin(ctx, "Forget")
	if err != nil {
		return err
	}
	defer b.mu.Unlock()
	if t, ok := b.tasks[id]; ok && t.status.State == compute.TaskStopped {
		delete(b.tasks, id)
	}
	return lost
}
