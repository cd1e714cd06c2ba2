package sim_test

import (
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// TestPromises holds the simulated backend to the contract: standing still and
// stepped by the test, following the clock, and stepped with doubled and late news.
func TestPromises(t *testing.T) {
	slow := func(cfg *sim.Config) {
		cfg.BootTime = sim.Skewed(90*time.Second, 3*time.Minute)
		cfg.PullAndStart = sim.Uniform(time.Second, 20*time.Second)
		cfg.StopTime = sim.Exponential(5 * time.Second)
	}
	t.Run("virtual time", func(t *testing.T) {
		computetest.Run(t, func(t *testing.T) computetest.Harness {
			h := virtualHarness(slow)
			h.InOrder = true
			return h
		})
	})
	t.Run("virtual time with doubled and late news", func(t *testing.T) {
		computetest.Run(t, func(t *testing.T) computetest.Harness {
			return virtualHarness(slow, func(cfg *sim.Config) {
				cfg.Faults = sim.Faults{NewsDoubled: 0.3, NewsLate: 0.3}
			})
		})
	})
	t.Run("real time", func(t *testing.T) {
		computetest.Run(t, func(t *testing.T) computetest.Harness {
			b := sim.Start(script(sim.Config{}))
			t.Cleanup(func() { b.Close() })
			h := harness(b)
			h.InOrder = true
			return h
		})
	})
}

// virtualHarness steps a backend from event to event on a clock of its own.
func virtualHarness(change ...func(*sim.Config)) computetest.Harness {
	clock := newClock()
	cfg := script(sim.Config{Now: clock.Now, Seed: 1})
	for _, c := range change {
		c(&cfg)
	}
	b := sim.New(cfg)
	h := harness(b)
	h.Step = func() bool { return clock.step(b) }
	return h
}

// harness tells the suite how script makes tasks behave.
func harness(b *sim.Backend) computetest.Harness {
	command := func(words ...string) compute.Container { return compute.Container{Command: words} }
	return computetest.Harness{
		Backend:  b,
		Reopen:   func(*testing.T) compute.Backend { return b }, // the cloud outlives the server
		Hostless: true,
		Host: func(id string) compute.HostRequest {
			return compute.HostRequest{ID: id, Environment: "ce", Cluster: "ce_Batch", Type: "m5.large", Market: compute.Spot}
		},
		Exit:    func(code int32) compute.Container { return command("exit", string(rune('0'+code))) },
		Forever: func() compute.Container { return command("forever") },
		Broken:  func() compute.Container { return command("broken") },
	}
}

// script lets the command of a task say what it does: "exit" and a digit,
// "forever" or "broken".
func script(cfg sim.Config) sim.Config {
	cfg.Types = func(string) (batch.Resources, bool) {
		return batch.Resources{MilliVCPU: 2000, MemoryMiB: 7_600}, true
	}
	cfg.RunTime = func(task compute.Task) time.Duration {
		if task.Containers[0].Command[0] == "forever" {
			return sim.UntilStopped
		}
		return 0
	}
	cfg.Outcome = func(task compute.Task) sim.Outcome {
		switch words := task.Containers[0].Command; words[0] {
		case "exit":
			return sim.Outcome{Exit: int32(words[1][0] - '0')}
		case "broken":
			return sim.Outcome{NeverStarts: true, Reason: "CannotPullContainerError: no such image"}
		}
		return sim.Outcome{}
	}
	return cfg
}

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// set moves the clock on; it never goes back.
func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if to.After(c.now) {
		c.now = to
	}
}

// step lets the next event of a backend happen; false if there is none.
func (c *clock) step(b *sim.Backend) bool {
	at, ok := b.NextEvent()
	if ok {
		c.set(at)
		b.Advance(c.Now())
	}
	return ok
}
