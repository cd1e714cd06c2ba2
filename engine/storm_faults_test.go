package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// start begins a life of Packhorse. It is not attached to the news yet.
func (s *storm) start() {
	p := &process{}
	s.mu.Lock()
	if mean := s.faults.crashEvery; mean > 0 {
		p.crashIn = 1 + int(s.faults.rng.ExpFloat64()*float64(mean))
	}
	s.process = p
	s.mu.Unlock()
	p.Home = home.New(s.parts(p, func() { s.hold(p) }))
}

// parts are what a Packhorse is made of that lives as long as p. hold may make calls slow.
func (s *storm) parts(p *process, hold func()) home.Parts {
	fate := func(takesEffect bool) storetest.Fault { return s.fate(p, takesEffect) }
	log := slog.Handler(slog.DiscardHandler)
	if os.Getenv("STORM_LOG") != "" {
		log = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})
	}
	var table store.Table = storetest.Faulty(s.table, func(c storetest.Call) storetest.Fault { return fate(c.Method == "Write") })
	if s.scattered {
		table = storetest.Scattered(table)
	}
	var backend compute.Backend = calls{s.sim, fate, hold}
	if s.cloud != nil {
		backend = ecsCalls{calls{s.cloud, fate, hold}, s}
	}
	return home.Parts{
		Table: table, Compute: backend, Account: batch.Account{Region: "us-east-1", ID: "123456789012"},
		Now: s.clock, IdleWindow: idleWindow, TaskLookup: true, Alone: s.alone, ECS: s.cloud != nil,
		Log: slog.New(log), Serial: s.serial, NewID: s.newID,
	}
}

// newID makes ids in the shape of UUIDs, in order.
func (s *storm) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("00000000-0000-7000-8000-%012x", s.made)
}

// fate says what happens to a call of a process: nothing special, a failure, or that
// it is the last one.
func (s *storm) fate(p *process, takesEffect bool) storetest.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	either := func() storetest.Fault {
		if takesEffect && s.faults.rng.IntN(2) == 0 {
			return storetest.After
		}
		return storetest.Before
	}
	switch {
	case p.dead:
		return storetest.Before
	case p.crashIn > 0:
		if p.crashIn--; p.crashIn == 0 {
			p.dead = true
			return either()
		}
	}
	if s.faults.calls > 0 && s.faults.rng.Float64() < s.faults.calls {
		return either()
	}
	return storetest.None
}

// doing lets Packhorse do something, and starts it again if it crashed meanwhile.
func (s *storm) doing(something func()) {
	something()
	if s.crashed() {
		s.restart()
	}
}

func (s *storm) crashed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// restart starts Packhorse again after a crash. It may crash while it starts.
func (s *storm) restart() {
	if s.detach != nil {
		s.detach()
	}
	for {
		s.bury()
		s.start()
		// Some time passes until it is up, and the news of that time may be lost.
		if s.faults.crashEvery > 0 {
			s.moveTo(s.now.Add(time.Duration(s.luck.IntN(60)) * time.Second))
			if s.luck.IntN(2) == 0 {
				drop, err := s.sim.Attach(s.t.Context(), func([]compute.News) {})
				s.must(err)
				s.sim.Advance(s.now)
				drop()
			}
		}
		detach, err := s.sim.Attach(s.t.Context(), s.Engine.Take)
		s.must(err)
		s.detach = detach
		s.Engine.Sweep(s.t.Context())
		if !s.crashed() {
			break
		}
		detach()
	}
	s.due = s.now
}

// bury waits for the last calls of a process: what is dead starts nothing any more. (One
// that had begun would, while the next process believes it alone.)
func (s *storm) bury() {
	s.mu.Lock()
	s.dead = true
	s.mu.Unlock()
	s.moved.Broadcast()
	s.quiet()
}

// quiet waits until no call is under way.
func (s *storm) quiet() { _ = s.Engine.Hear(s.t.Context(), nil) }

// slowFor is how long slow calls take in the mean: longer than many a task.
const slowFor = 5 * time.Minute

// hold makes some of the calls that are made beside the passes slow: they arrive when a
// while has passed, unless the process dies before.
func (s *storm) hold(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.slow == 0 || s.faults.rng.Float64() >= s.faults.slow {
		return
	}
	until := s.now.Add(time.Duration(s.faults.rng.ExpFloat64() * float64(slowFor)))
	for s.now.Before(until) && !p.dead {
		s.moved.Wait()
	}
}

func (s *storm) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// calls is compute with calls that fail as fate wants, some of them late.
type calls struct {
	compute.Backend
	fate func(takesEffect bool) storetest.Fault
	hold func()
}

func (c calls) through(name string, takesEffect bool, call func() error) error {
	fault := c.fate(takesEffect)
	if fault == storetest.Before {
		return fmt.Errorf("%s was made to fail: %w", name, compute.ErrUnavailable)
	}
	err := call()
	if fault == storetest.After && err == nil {
		return fmt.Errorf("the answer of %s was lost: %w", name, compute.ErrUnavailable)
	}
	return err
}

func (c calls) Launch(ctx context.Context, r compute.HostRequest) (h compute.Host, err error) {
	err = c.through("Launch", true, func() error { h, err = c.Backend.Launch(ctx, r); return err })
	if err != nil {
		h = compute.Host{}
	}
	return h, err
}

func (c calls) ListHosts(ctx context.Context) (list []compute.Host, err error) {
	err = c.through("ListHosts", false, func() error { list, err = c.Backend.ListHosts(ctx); return err })
	return list, err
}

func (c calls) Terminate(ctx context.Context, id string) error {
	return c.through("Terminate", true, func() error { return c.Backend.Terminate(ctx, id) })
}

func (c calls) Run(ctx context.Context, task compute.Task) error {
	c.hold()
	return c.through("Run", true, func() error { return c.Backend.Run(ctx, task) })
}

func (c calls) Stop(ctx context.Context, id, reason string) error {
	return c.through("Stop", true, func() error { return c.Backend.Stop(ctx, id, reason) })
}

func (c calls) ListTasks(ctx context.Context) (list []compute.TaskStatus, err error) {
	err = c.through("ListTasks", false, func() error { list, err = c.Backend.ListTasks(ctx); return err })
	return list, err
}

func (c calls) Forget(ctx context.Context, id string) error {
	c.hold()
	return c.through("Forget", true, func() error { return c.Backend.Forget(ctx, id) })
}
