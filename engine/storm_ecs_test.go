package engine_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/home"
)

// Storms over compute that is like ECS: its lists lag, its hosts are told to drain, and what
// loses the answer to a call that starts a task may be the very thing that takes its host
// away. In half of them sweeps are made by other processes, as in an account's functions.
var ecsSeeds = flag.Int("ecs-seeds", 60, "how many storms TestStormsOnECS weathers, from -first-seed on")

func TestStormsOnECS(t *testing.T) {
	if testing.Short() {
		*ecsSeeds = min(*ecsSeeds, 20)
	}
	for i := range *ecsSeeds {
		seed := *stormFirst + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			newStorm(t, seed, manner{serial: true, ecs: true}).weather()
		})
	}
}

func TestStormsOnECSWithCallsAtOnce(t *testing.T) {
	for i := range min(*ecsSeeds, 10) {
		seed := *stormFirst + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newStorm(t, seed, manner{ecs: true}).weather() })
		})
	}
}

// overECS puts compute like ECS over the simulation.
func (s *storm) overECS() {
	r := stream(s.seed, "ECS")
	s.faults.taken = pick(r, 0, 0.05, 0.3)
	lag := pick(r, 0, 10*time.Second, 45*time.Second) // less than lostAfter
	s.cloud = newECSLike(s.sim, s.clock, lag)
	if s.apart = r.IntN(2) == 0; s.apart {
		s.alone = false
	}
	s.settings += fmt.Sprintf(", on ECS with lists %s behind, hosts taken %v, sweeps apart %v", lag, s.faults.taken, s.apart)
}

// sweep is what happens each minute.
func (s *storm) sweep() {
	if !s.apart {
		s.Engine.Sweep(s.t.Context())
		return
	}
	_ = home.New(s.parts(s.process, func() {})).Engine.SweepOnce(s.t.Context())
}

// ecsCalls is calls of compute that is like ECS.
type ecsCalls struct {
	calls
	s *storm
}

var _ compute.Drainer = ecsCalls{}

// Run may start a task and lose the answer together with the host.
func (c ecsCalls) Run(ctx context.Context, task compute.Task) error {
	err := c.calls.Run(ctx, task)
	if err != nil || task.Host == "" || !c.s.takes() {
		return err
	}
	c.s.sim.Interrupt(task.Host)
	return fmt.Errorf("the answer of Run was lost, and the host is taken: %w", compute.ErrUnavailable)
}

func (s *storm) takes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.taken > 0 && s.faults.rng.Float64() < s.faults.taken
}

func (c ecsCalls) Drain(ctx context.Context, id string) error {
	return c.through("Drain", true, func() error { return c.s.cloud.Drain(ctx, id) })
}

func (c ecsCalls) Drained(ctx context.Context, id string) (empty bool, err error) {
	err = c.through("Drained", false, func() error { empty, err = c.s.cloud.Drained(ctx, id); return err })
	return empty, err
}
