package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/lifecycle"
)

// maxSenders bounds how many calls to compute are under way at once.
const maxSenders = 32

// outbox makes calls to compute beside the passes: starting a process takes a few
// milliseconds, and news should not wait for it. What could not be sent comes back to
// the next turn.
//
// A task is sent by one caller at a time, and only the loop decides to send it, from
// a record that says STARTING. But by the time such a call arrives the task may have run
// and ended, if an earlier call started it and its answer was lost. So compute forgets a
// task only when it is not being sent: until then it knows the task by its id, and a call
// that comes late starts nothing.
type outbox struct {
	serial bool // calls are made at once, in order
	slots  chan struct{}
	wait   sync.WaitGroup

	mu      sync.Mutex
	sending map[string]*sending // by task
	failed  []unsent
}

// asking is what is known of a task when compute is asked for it. It says what a refusal
// means: that the task was not started by this call is not yet that it was not started.
type asking int

const (
	// first: by the one who placed its job, and did not ask before.
	first asking = iota
	// again: the answer to an earlier call may be lost, or another process has asked too.
	again
	// missed: again, and compute has not shown the task for lostAfter.
	missed
)

// sending is a task that is being sent.
type sending struct {
	ended bool // its end is recorded: it is to be forgotten after the call
}

// unsent is a task that compute did not take.
type unsent struct {
	job batch.Job
	as  asking
	err error
	at  time.Time // when to try again
}

func newOutbox(senders int) outbox {
	return outbox{
		serial: senders == 1, slots: make(chan struct{}, cmp.Or(senders, maxSenders)),
		sending: map[string]*sending{},
	}
}

// atOnce is how many of at most n calls may be under way together.
func (o *outbox) atOnce(n int) int {
	if o.serial {
		return 1
	}
	return n
}

// do makes a call, now or beside the passes.
func (o *outbox) do(call func()) {
	if o.serial {
		call()
		return
	}
	o.wait.Go(func() {
		o.slots <- struct{}{}
		defer func() { <-o.slots }()
		call()
	})
}

// claim reports whether the caller may send a task; nobody else does until release.
func (o *outbox) claim(task string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sending[task] != nil {
		return false
	}
	o.sending[task] = &sending{}
	return true
}

// busy returns the tasks that are being sent, or that could not be sent and wait to
// be dealt with.
func (o *outbox) busy() map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	busy := make(map[string]bool, len(o.sending)+len(o.failed))
	for task := range o.sending {
		busy[task] = true
	}
	for _, f := range o.failed {
		busy[f.job.Placement.Task] = true
	}
	return busy
}

// release notes the result of sending. It reports whether the end of the task was recorded
// meanwhile: then the result is nobody's business, and the caller lets compute forget it.
func (o *outbox) release(j batch.Job, as asking, err error) (ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ended = o.sending[j.Placement.Task].ended
	delete(o.sending, j.Placement.Task)
	if err != nil && !ended {
		o.failed = append(o.failed, unsent{job: j, as: as, err: err})
	}
	return ended
}

// mayForget reports whether compute may forget a task whose end is recorded. While the task
// is being sent it may not; release then says that it is time.
func (o *outbox) mayForget(task string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sending[task]
	if s != nil {
		s.ended = true
	}
	return s == nil
}

// takeFailed returns what could not be sent since the last call.
func (o *outbox) takeFailed() []unsent {
	o.mu.Lock()
	defer o.mu.Unlock()
	failed := o.failed
	o.failed = nil
	return failed
}

// send starts the tasks of jobs that were recorded as STARTING. It may be called
// again for the same jobs: the task's id is the token.
func (e *Engine) send(ctx context.Context, jobs []batch.Job, as asking) {
	for _, j := range jobs {
		if !e.outbox.claim(j.Placement.Task) {
			continue
		}
		e.outbox.do(func() {
			err := e.sendOne(ctx, j)
			switch ended := e.outbox.release(j, as, err); {
			case ended:
				e.forgetTaskNow(ctx, j.Placement.Task)
			case err != nil:
				e.Kick(j.Queue)
			}
		})
	}
}

func (e *Engine) sendOne(ctx context.Context, j batch.Job) error {
	if err := e.stillReady(ctx, *j.Placement); err != nil {
		return err
	}
	task, err := e.task(ctx, j)
	if err != nil {
		return err
	}
	return e.Compute.Run(ctx, task)
}

// forgetTask lets compute forget a task whose end is recorded, once it is not being sent.
func (e *Engine) forgetTask(ctx context.Context, task string) {
	if e.outbox.mayForget(task) {
		e.outbox.do(func() { e.forgetTaskNow(ctx, task) })
	}
}

func (e *Engine) forgetTaskNow(ctx context.Context, task string) {
	if err := e.Compute.Forget(ctx, task); err != nil && ctx.Err() == nil {
		e.Log.Warn("a task was not cleaned up; the sweep tries again", "task", task, "error", err)
	}
}

// handleFailed handles tasks that compute did not take, and reports whether there
// were any.
func (e *Engine) handleFailed(ctx context.Context) bool {
	failed := e.outbox.takeFailed()
	for _, f := range failed {
		if ctx.Err() == nil {
			e.unsendable(ctx, f)
		}
	}
	return len(failed) > 0
}

// unsendable handles a task that compute did not take.
func (e *Engine) unsendable(ctx context.Context, f unsent) {
	j, err := f.job, f.err
	var invalid *batch.Error
	switch {
	case errors.Is(err, compute.ErrNoRoom), errors.Is(err, compute.ErrHostGone):
		if errors.Is(err, compute.ErrHostGone) {
			e.observeHost(ctx, compute.Host{
				ID: j.Placement.Host, Environment: j.Placement.Environment, State: compute.HostGone,
				Reason: "compute does not know it any more",
			})
		} else {
			e.refused[j.Placement.Host] = e.Now().Add(retryEvery)
		}
		e.refusedBy(ctx, f)
		e.Kick(j.Queue)
	case errors.Is(err, compute.ErrTaskGone):
		e.Log.Warn("a task is lost: it was run, and nobody knows how it ended", "job", j.ID, "error", err)
		e.Observe(ctx, []compute.News{{Task: &compute.TaskStatus{
			ID: j.Placement.Task, JobID: j.ID, Attempt: j.Attempts, State: compute.TaskStopped,
			StopCode: compute.StopHostLost, StoppedAt: e.Now(),
		}}})
	case errors.As(err, &invalid) && f.as == again && e.ECS:
		// ECS may have taken it before, for such things as roles come and go. The sweep asks
		// again, once it knows that no list shows the task.
		e.Log.Warn("ECS refuses a task that it may have taken before; looking for it", "job", j.ID, "error", err)
	case errors.As(err, &invalid):
		// The task cannot be made at all: the attempt has failed before it began.
		now := e.Now()
		e.Observe(ctx, []compute.News{{Task: &compute.TaskStatus{
			ID: j.Placement.Task, JobID: j.ID, Attempt: j.Attempts, State: compute.TaskStopped,
			StopCode: compute.StopFailedToStart, StoppedAt: now, Reason: lifecycle.TaskFailedToStart,
			Containers: []compute.ContainerStatus{{Name: batch.DefaultContainer, Reason: invalid.Error()}},
		}}})
	default:
		e.Log.Warn("compute did not take a task; trying again", "job", j.ID, "error", err, "in", retryEvery)
		e.unsent[j.ID] = unsent{job: j, as: again, at: e.Now().Add(retryEvery)}
	}
}

// back takes a job from a host that did not take its task: it was not started, so the
// same attempt goes to another host. A job that is to stop ends.
func (e *Engine) back(j batch.Job, task string) (batch.Job, error) {
	if !isCurrent(j, task) || j.Status != batch.Starting {
		return j, errSkip
	}
	to, reason := batch.Runnable, ""
	if j.Stop != nil {
		to, reason = batch.Failed, j.Stop.Reason
	}
	back, err := j.Transition(to, reason, batch.MillisOf(e.Now()))
	back.Placement, back.Stop, back.Retried = nil, nil, true
	back.Attempts--
	return back, err
}

// forgive lets hosts be tried again that refused a task a while ago.
func (e *Engine) forgive(now time.Time, out *Outcome) {
	for host, until := range e.refused {
		if now.Before(until) {
			out.due(until)
		} else {
			delete(e.refused, host)
		}
	}
}

// resend offers tasks again that compute did not take, when their time has come.
func (e *Engine) resend(ctx context.Context, now time.Time, out *Outcome) {
	var jobs []batch.Job
	for _, id := range slices.Sorted(maps.Keys(e.unsent)) {
		u := e.unsent[id]
		if now.Before(u.at) {
			out.due(u.at)
			continue
		}
		delete(e.unsent, id)
		current, err := e.Records.Job(ctx, id)
		if err == nil && isCurrent(current, u.job.Placement.Task) && mayAsk(current) {
			jobs = append(jobs, current) // of others the sweep takes care
		}
	}
	e.send(ctx, jobs, again)
}
