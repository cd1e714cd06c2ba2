package engine_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// ecsLike is imitated compute that answers as ECS and EC2 do where that matters to whoever
// asks a second time: lists show a task a while after it was taken, a host takes no task
// from when it was told to drain, and a task of a host that was terminated is refused
// unless a list shows it. A task that was taken once is not started again, also when it is
// forgotten: ECS knows its token for an hour after its end.
type ecsLike struct {
	*sim.Backend
	now func() time.Time
	lag time.Duration // of lists

	mu     sync.Mutex
	taken  map[string]time.Time // by task
	drains map[string]bool      // hosts
	ended  map[string]bool      // hosts
}

var _ compute.Drainer = (*ecsLike)(nil)

func newECSLike(b *sim.Backend, now func() time.Time, lag time.Duration) *ecsLike {
	return &ecsLike{Backend: b, now: now, lag: lag, taken: map[string]time.Time{}, drains: map[string]bool{}, ended: map[string]bool{}}
}

// shows reports whether lists show a task.
func (c *ecsLike) shows(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, taken := c.taken[id]
	return taken && c.now().Sub(at) >= c.lag
}

func (c *ecsLike) Run(ctx context.Context, task compute.Task) error {
	shown := c.shows(task.ID)
	c.mu.Lock()
	_, taken := c.taken[task.ID]
	ended, drains := c.ended[task.Host], c.drains[task.Host]
	c.mu.Unlock()
	switch {
	case ended && !shown:
		return fmt.Errorf("host %s was terminated: %w", task.Host, compute.ErrHostGone)
	case taken:
		return nil
	case drains:
		return fmt.Errorf("host %s is DRAINING: %w", task.Host, compute.ErrNoRoom)
	}
	if err := c.Backend.Run(ctx, task); err != nil {
		return err
	}
	c.mu.Lock()
	c.taken[task.ID] = c.now()
	c.mu.Unlock()
	return nil
}

// Stop finds a task as lists show it.
func (c *ecsLike) Stop(ctx context.Context, id, reason string) error {
	if !c.shows(id) {
		return nil
	}
	return c.Backend.Stop(ctx, id, reason)
}

func (c *ecsLike) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	all, err := c.Backend.ListTasks(ctx)
	var shown []compute.TaskStatus
	for _, s := range all {
		if c.shows(s.ID) {
			shown = append(shown, s)
		}
	}
	return shown, err
}

func (c *ecsLike) Terminate(ctx context.Context, id string) error {
	c.mu.Lock()
	c.ended[id] = true
	c.mu.Unlock()
	return c.Backend.Terminate(ctx, id)
}

func (c *ecsLike) Drain(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drains[id] = true
	return nil
}

// Drained counts as ECS does, which knows of tasks that lists do not show yet.
func (c *ecsLike) Drained(ctx context.Context, id string) (bool, error) {
	all, err := c.Backend.ListTasks(ctx)
	for _, s := range all {
		if s.Host == id && s.State != compute.TaskStopped {
			return false, err
		}
	}
	return true, err
}
