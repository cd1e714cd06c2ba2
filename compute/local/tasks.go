package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/imitation"
)

// Run hands a task to the runtime once its host has room for it. A task without a
// host, as on Fargate, is bounded by nothing here.
func (b *Backend) Run(ctx context.Context, task compute.Task) error {
	if task.Host == "" {
		return b.runtime.Run(ctx, task)
	}
	p, err := b.reserve(&task)
	if p == nil || err != nil {
		return err
	}
	err = b.runtime.Run(ctx, task)
	b.settle(task.ID, p, err)
	return err
}

// reserve takes the room for a task. It returns nil and no error if the runtime has
// the task already.
func (b *Backend) reserve(task *compute.Task) (*placement, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("the backend is closed: %w", compute.ErrUnavailable)
	}
	p, known := b.placed[task.ID]
	if known && p.accepted {
		return nil, nil
	}
	if !known {
		need := imitation.Need(*task)
		h, err := b.room(task.Host, need)
		if err != nil {
			return nil, err
		}
		if err := b.writeDown(journalLine{task: task.ID, host: task.Host, need: need}); err != nil {
			return nil, fmt.Errorf("recording where task %s is placed: %w: %w", task.ID, err, compute.ErrUnavailable)
		}
		p = b.place(h, task.ID, need)
	}
	p.calls++
	return p, nil
}

// writeDown adds to the journal, with mu held.
func (b *Backend) writeDown(l journalLine) error {
	if b.journal.lines >= rewriteAfter {
		if err := b.journal.rewrite(b.live()); err != nil {
			return err
		}
	}
	return b.journal.add(l)
}

// settle books how a call of the runtime's Run ended. If the runtime refused the
// task, its room is given back with the last call that is under way.
func (b *Backend) settle(id string, p *placement, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.calls--
	switch {
	case err == nil:
		p.accepted = true
		if p.host.Ending { // since it was reserved, and its end may have missed this task
			b.startKill(p.host)
		}
	case !p.accepted && p.calls == 0:
		b.free(p)
		delete(b.placed, id)
	}
}

// Stop ends a task.
func (b *Backend) Stop(ctx context.Context, id, reason string) error {
	return b.runtime.Stop(ctx, id, reason)
}

// Forget lets the runtime clean up after a task.
func (b *Backend) Forget(ctx context.Context, id string) error {
	if err := b.runtime.Forget(ctx, id); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.placed[id]; ok && p.stopped {
		delete(b.placed, id)
	}
	return nil
}

// ListTasks returns the runtime's list.
func (b *Backend) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	list, err := b.runtime.ListTasks(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i] = asLost(list[i])
	}
	return list, nil
}

// asLost tells a task that was killed with its host as lost. To the runtime it was
// stopped by a user, for a reason that only kill gives.
func asLost(s compute.TaskStatus) compute.TaskStatus {
	if s.StopCode != compute.StopUser || s.Host == "" || s.Reason != imitation.LostReason(imitation.Instance(s.Host)) {
		return s
	}
	s.StopCode = compute.StopHostLost
	s.Containers = slices.Clone(s.Containers)
	for i := range s.Containers {
		s.Containers[i].ExitCode, s.Containers[i].Reason = nil, "" // nobody is left to tell
	}
	return s
}

// The time between two attempts to kill what runs on a terminated host doubles from
// the first to the last; there are killTries of them, over more than endPatience.
const (
	firstKillWait = 500 * time.Millisecond
	lastKillWait  = 30 * time.Second
	killTries     = 20
)

// startKill kills the tasks of a host in the background, with mu held.
func (b *Backend) startKill(h *host) {
	if !b.closed {
		b.work.Go(func() { b.kill(h) })
	}
}

// kill ends all tasks of a host, again and again until the runtime has taken it for
// each: an engine that is down now must not let them run on when it comes back.
func (b *Backend) kill(h *host) {
	reason := imitation.LostReason(h.Instance)
	end := b.runtime.Stop
	if k, ok := b.runtime.(killer); ok {
		end = k.Kill
	}
	wait := firstKillWait
	for range killTries {
		var failed error
		for _, task := range b.runningOn(h) {
			if err := end(b.ctx, task, reason); err != nil {
				failed = err
			}
		}
		if failed == nil || b.ctx.Err() != nil {
			return
		}
		b.log.Warn("tasks of a terminated host cannot be ended yet; trying again", "host", h.Host.ID, "wait", wait, "err", failed)
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, lastKillWait)
	}
	b.log.Error("tasks of a terminated host could not be ended", "host", h.Host.ID)
}

// runningOn returns the tasks of a host that the runtime has and that have not
// stopped.
func (b *Backend) runningOn(h *host) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var tasks []string
	for task, p := range b.placed {
		if p.host == h && p.accepted && !p.stopped {
			tasks = append(tasks, task)
		}
	}
	return tasks
}
