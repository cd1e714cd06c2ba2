package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"

	"github.com/packhorse-batch/packhorse/store/mem"
)

// shortSighted is compute whose lists leave things out.
type shortSighted struct {
	compute.Backend
	blind *bool
	hosts bool // are shown
}

func (s shortSighted) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	if *s.blind {
		return nil, ctx.Err()
	}
	return s.Backend.ListTasks(ctx)
}

func (s shortSighted) ListHosts(ctx context.Context) ([]compute.Host, error) {
	if *s.blind && !s.hosts {
		return nil, ctx.Err()
	}
	return s.Backend.ListHosts(ctx)
}

// ECS and EC2 show what they did a while later, and sometimes not at all for a moment.
func TestWhatIsMissingOnceIsNotLost(t *testing.T) {
	tests := map[string]struct {
		blindFor time.Duration
		want     types.JobStatus
	}{
		"for a moment":                    {5 * time.Second, types.JobStatusRunning},
		"for half the time that it takes": {30 * time.Second, types.JobStatusRunning},
		"for good":                        {3 * time.Minute, types.JobStatusFailed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			blind := false
			table := mem.Open()
			w := newWorld(t, hours, table)
			w.ecs, w.over = true, func(b compute.Backend) compute.Backend { return shortSighted{Backend: b, blind: &blind} }
			w.restart(table)
			id := w.submit()
			w.advance(5 * time.Minute)
			w.wants(types.JobStatusRunning, id)
			for range 3 { // doubts that are over do not add up
				blind = true
				for waited := time.Duration(0); waited <= test.blindFor; waited += 5 * time.Second {
					w.Engine.Sweep(t.Context())
					w.advance(5 * time.Second)
				}
				blind = false
				w.Engine.Sweep(t.Context())
				w.advance(time.Second)
			}
			w.wants(test.want, id)
		})
	}
}

// What was taken for lost and shows again is nobody's any more. It must not run on.
func TestATaskThatWasTakenForLostIsStoppedWhenItShowsAgain(t *testing.T) {
	blind := false
	table := mem.Open()
	w := newWorld(t, hours, table)
	w.ecs, w.over = true, func(b compute.Backend) compute.Backend { return shortSighted{Backend: b, blind: &blind, hosts: true} }
	w.restart(table)
	id := w.submit()
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusRunning, id)
	blind = true
	for range 3 {
		w.Engine.Sweep(t.Context())
		w.advance(time.Minute)
	}
	w.wants(types.JobStatusFailed, id)
	blind = false
	for range 2 {
		w.Engine.Sweep(t.Context())
		w.advance(time.Minute)
	}
	w.wants(types.JobStatusFailed, id)
	if n := w.sim.Ledger().TasksKnown; n != 0 {
		t.Errorf("compute still knows %d tasks, want none: the task was stopped", n)
	}
}

// With many tasks, or little of a rate left, it takes minutes to have a list. It tells of the
// moment when it was asked for.
func TestAListThatIsSlowIsAsOldAsItsQuestion(t *testing.T) {
	for _, of := range []string{"tasks", "hosts"} {
		t.Run(of, func(t *testing.T) {
			table := mem.Open()
			w := newWorld(t, hours, table)
			slow := &slowLists{of: of}
			w.ecs, w.over = true, func(b compute.Backend) compute.Backend {
				slow.Backend = b
				return slow
			}
			w.restart(table)
			id := w.submit()
			w.advance(5 * time.Minute)
			slow.blind = true
			w.Engine.Sweep(t.Context())
			w.advance(5 * time.Second)
			slow.then = func() { w.now = w.now.Add(5 * time.Minute) }
			w.Engine.Sweep(t.Context())
			slow.blind, slow.then = false, nil
			w.Engine.Sweep(t.Context())
			w.advance(time.Second)
			w.wants(types.JobStatusRunning, id)
		})
	}
}

// slowLists is compute whose lists leave everything out, and then take their time.
type slowLists struct {
	compute.Backend
	of    string // "tasks" or "hosts"
	blind bool
	then  func()
}

func (s *slowLists) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	if s.of != "tasks" || !s.blind {
		return s.Backend.ListTasks(ctx)
	}
	if s.then != nil {
		s.then()
	}
	return nil, nil
}

func (s *slowLists) ListHosts(ctx context.Context) ([]compute.Host, error) {
	if s.of != "hosts" || !s.blind {
		return s.Backend.ListHosts(ctx)
	}
	if s.then != nil {
		s.then()
	}
	return nil, nil
}

// hours is a cloud in which jobs run for hours.
var hours = sim.Config{RunTime: func(compute.Task) time.Duration { return 5 * time.Hour }}

// A function sweeps while another makes passes. A host that is launched after the sweep has
// read the records, and before it lists hosts, is no stray.
func TestAHostThatIsLaunchedDuringASweepIsNotEnded(t *testing.T) {
	w := newWorld(t, sim.Config{BootTime: sim.Constant(time.Minute)}, nil)
	other := w.Home
	meanwhile := &launching{}
	w.over = func(b compute.Backend) compute.Backend {
		meanwhile.Backend = b
		return meanwhile
	}
	w.restart(w.Records.Table())
	id := w.submit()
	meanwhile.then = func() { other.Engine.Turn(t.Context()) }
	w.Engine.Sweep(t.Context())
	if n := w.sim.Ledger().HostsLaunched; n != 1 {
		t.Fatalf("%d hosts were launched during the sweep, want one", n)
	}
	w.advance(time.Minute + time.Second)
	w.wants(types.JobStatusSucceeded, id)
	if n := w.sim.Ledger().HostsLaunched; n != 1 {
		t.Errorf("%d hosts were launched, want one: the first was ended", n)
	}
}

// launching is compute that is asked for its hosts while something happens.
type launching struct {
	compute.Backend
	then func()
}

func (l *launching) ListHosts(ctx context.Context) ([]compute.Host, error) {
	if then := l.then; then != nil {
		l.then = nil
		then()
	}
	return l.Backend.ListHosts(ctx)
}
