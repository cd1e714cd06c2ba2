package simulator

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/simulator/policy"
)

// fleet is compute as the engine sees it: the imitated backend, with AWS's limits on how
// often it may be called, and with somebody who writes down what is asked for.
type fleet struct {
	*sim.Backend
	books    *books
	at       func() time.Duration
	now      func() time.Time
	launches *rate.Limiter // nil: without limit
	runs     *rate.Limiter
}

func newFleet(b *sim.Backend, books *books, p *policy.Policy, at func() time.Duration, now func() time.Time) *fleet {
	limiter := func(perSecond float64) *rate.Limiter {
		if perSecond <= 0 {
			return nil
		}
		// A bucket holds the calls of one second.
		return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
	}
	return &fleet{Backend: b, books: books, at: at, now: now,
		launches: limiter(p.API.LaunchesPerSecond), runs: limiter(p.API.RunTaskPerSecond)}
}

// Launch makes a host unless launches come too fast.
func (f *fleet) Launch(ctx context.Context, request compute.HostRequest) (compute.Host, error) {
	if f.launches != nil && !f.launches.AllowN(f.now(), 1) {
		f.books.throttledLaunches++
		return compute.Host{}, fmt.Errorf("RequestLimitExceeded: %w", compute.ErrUnavailable)
	}
	h, err := f.Backend.Launch(ctx, request)
	if err == nil {
		f.books.launch(f.at(), h)
	}
	return h, err
}

// Run starts a task unless tasks come too fast.
func (f *fleet) Run(ctx context.Context, task compute.Task) error {
	if f.runs != nil && !f.runs.AllowN(f.now(), 1) {
		f.books.throttledTasks++
		return fmt.Errorf("ThrottlingException: %w", compute.ErrUnavailable)
	}
	err := f.Backend.Run(ctx, task)
	if err == nil {
		f.books.accept(f.at(), task)
	}
	return err
}
