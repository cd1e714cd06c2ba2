package simulator

import (
	"context"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// Config is one simulation.
type Config struct {
	Workload *workload.Workload
	Policy   policy.Policy
	// Progress, when set, is told now and then how many jobs have ended.
	Progress func(ended int)

	// afterTurn, when set, looks at the world whenever the engine has done all it could.
	afterTurn func(*run) error
	// remember keeps each task in the ledger, for tests.
	remember bool
}

// epoch is when the first job of every simulation arrives. Its date means nothing.
var epoch = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// run is a simulation under way.
type run struct {
	Config
	*home.Home
	now   time.Time
	types fleetTypes
	sim   *sim.Backend
	fleet *fleet
	books *books

	hosts   int             // numbers the hosts
	newJob  int             // the job whose id is asked for next, or -1
	defs    map[string]int  // job definitions by what they say
	arrived int             // jobs submitted
	fair    map[string]bool // queues with a fair-share policy
}

// Run simulates a workload under a policy until all jobs have ended and all hosts are
// gone. It fails before anything runs when a job fits no type.
func Run(ctx context.Context, c Config) (*Result, error) {
	r, err := newRun(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := r.drive(ctx); err != nil {
		return nil, fmt.Errorf("policy %s, seed %d: %w", c.Policy.Title(), c.Policy.Seed, err)
	}
	return r.result(), nil
}

// at is a moment of the simulation as time since its begin.
func (r *run) at() time.Duration { return r.now.Sub(epoch) }
