package account

import (
	"context"
	"fmt"

	"github.com/packhorse-batch/packhorse/compute"
)

// Elsewhere is the compute of a function that only answers: hosts and tasks are the
// business of others, which find what is recorded and do it.
type Elsewhere struct{}

var (
	_ compute.Backend      = Elsewhere{}
	_ compute.Environments = Elsewhere{}
)

// errElsewhere is what every call answers.
var errElsewhere = fmt.Errorf("this function starts and ends nothing: %w", compute.ErrUnavailable)

// Launch refuses.
func (Elsewhere) Launch(context.Context, compute.HostRequest) (compute.Host, error) {
	return compute.Host{}, errElsewhere
}

// ListHosts refuses.
func (Elsewhere) ListHosts(context.Context) ([]compute.Host, error) { return nil, errElsewhere }

// Terminate refuses.
func (Elsewhere) Terminate(context.Context, string) error { return errElsewhere }

// Run refuses.
func (Elsewhere) Run(context.Context, compute.Task) error { return errElsewhere }

// Stop refuses.
func (Elsewhere) Stop(context.Context, string, string) error { return errElsewhere }

// ListTasks refuses.
func (Elsewhere) ListTasks(context.Context) ([]compute.TaskStatus, error) { return nil, errElsewhere }

// Forget refuses.
func (Elsewhere) Forget(context.Context, string) error { return errElsewhere }

// RemoveEnvironment refuses, so that an environment's record stays until its cluster is
// gone.
func (Elsewhere) RemoveEnvironment(context.Context, string, string) error { return errElsewhere }

// Watch has nothing to tell.
func (Elsewhere) Watch(ctx context.Context, _ func([]compute.News)) error {
	<-ctx.Done()
	return ctx.Err()
}

// Machine is no bound.
func (Elsewhere) Machine() *compute.Machine { return nil }

// Close does nothing.
func (Elsewhere) Close() error { return nil }
