package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// engine is a fake of what runs tasks on a machine, such as a Docker engine. It
// outlives the runtimes that speak to it, and can be away for a while.
type engine struct {
	tasks *sim.Backend

	mu    sync.Mutex
	away  bool
	ended chan struct{}     // closed when the engine goes away: watches end
	hosts map[string]string // by task: the fake knows no hosts and only repeats them
}

func newEngine(t *testing.T) *engine {
	e := &engine{hosts: map[string]string{}, ended: make(chan struct{})}
	e.tasks = sim.Start(sim.Config{
		RunTime: func(task compute.Task) time.Duration {
			if task.Containers[0].Command[0] == "forever" {
				return sim.UntilStopped
			}
			return 0
		},
		Outcome: func(task compute.Task) sim.Outcome {
			switch words := task.Containers[0].Command; words[0] {
			case "exit":
				return sim.Outcome{Exit: int32(words[1][0] - '0')}
			case "broken":
				return sim.Outcome{NeverStarts: true, Reason: "CannotPullContainerError: no such image"}
			}
			return sim.Outcome{}
		},
	})
	t.Cleanup(func() { e.tasks.Close() })
	return e
}

var errAway = fmt.Errorf("the fake engine is away: %w", compute.ErrUnavailable)

// goAway and comeBack are the engine's restart.
func (e *engine) goAway() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = true
	close(e.ended)
}

func (e *engine) comeBack() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = false
	e.ended = make(chan struct{})
}

func (e *engine) check() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return errAway
	}
	return nil
}

// runtime is a local.Runtime over an engine.
type runtime struct{ *engine }

func (r runtime) Run(ctx context.Context, task compute.Task) error {
	if err := r.check(); err != nil {
		return err
	}
	r.mu.Lock()
	if _, known := r.hosts[task.ID]; !known {
		r.hosts[task.ID] = task.Host
	}
	r.mu.Unlock()
	task.Host = ""
	return r.tasks.Run(ctx, task)
}

func (r runtime) Stop(ctx context.Context, id, reason string) error {
	if err := r.check(); err != nil {
		return err
	}
	return r.tasks.Stop(ctx, id, reason)
}

func (r runtime) Forget(ctx context.Context, id string) error {
	if err := r.check(); err != nil {
		return err
	}
	return r.tasks.Forget(ctx, id)
}

func (r runtime) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	list, err := r.tasks.ListTasks(ctx)
	for i := range list {
		r.addHost(&list[i])
	}
	return list, err
}

func (r runtime) addHost(s *compute.TaskStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Host = r.hosts[s.ID]
}

func (r runtime) Watch(ctx context.Context, take func([]compute.News)) error {
	if err := r.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	go func() {
		select {
		case <-ended:
			cancel(errAway)
		case <-ctx.Done():
		}
	}()
	r.tasks.Watch(ctx, func(news []compute.News) {
		for _, one := range news {
			r.addHost(one.Task)
		}
		take(news)
	})
	return context.Cause(ctx)
}

func (r runtime) Close() error { return nil }

// command is a container of the fake engine.
func command(words ...string) compute.Container {
	return compute.Container{Name: "default", Essential: true, Command: words}
}

// types is a lookup that knows two types.
func types(name string) (batch.Resources, bool) {
	has, ok := map[string]batch.Resources{
		"m5.large":  {MilliVCPU: 2000, MemoryMiB: 7_600},
		"m5.xlarge": {MilliVCPU: 4000, MemoryMiB: 15_300},
	}[name]
	return has, ok
}

// open opens a backend that is closed with the test.
func open(t *testing.T, o local.Options) *local.Backend {
	t.Helper()
	if o.Types == nil {
		o.Types = types
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	b, err := local.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return b
}

func request(id string) compute.HostRequest {
	return compute.HostRequest{ID: id, Environment: "ce", Cluster: "ce_Batch", Type: "m5.large", Market: compute.Spot}
}

// TestPromises holds the backend over the fake engine to the contract.
func TestPromises(t *testing.T) {
	for name, boot := range map[string]time.Duration{"hosts ready at once": 0, "hosts that boot": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			computetest.Run(t, func(t *testing.T) computetest.Harness {
				o := local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}, BootTime: boot}
				b := open(t, o)
				return computetest.Harness{
					Backend:  b,
					Hostless: true,
					InOrder:  true,
					Host:     request,
					Exit:     func(code int32) compute.Container { return command("exit", string(rune('0'+code))) },
					Forever:  func() compute.Container { return command("forever") },
					Broken:   func() compute.Container { return command("broken") },
					Reopen: func(t *testing.T) compute.Backend {
						if err := b.Close(); err != nil {
							t.Fatalf("Close() = %v", err)
						}
						b = open(t, o)
						return b
					},
				}
			})
		})
	}
}
