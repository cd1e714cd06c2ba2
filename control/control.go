// Package control serves what people ask of Packhorse: it creates, changes and
// deletes compute environments, queues, job definitions, scheduling policies and
// tags, and takes and stops jobs.
//
// A request is checked here with the rules and the texts of AWS Batch, so that what
// passes on a laptop passes on AWS and what AWS would refuse is refused before a
// pipeline gets there; an error also says what to do next. What was sent is stored
// and shown again as it was sent, with the defaults that AWS adds as extra members.
// On a laptop nothing of an environment needs to exist: roles, subnets, security
// groups and launch templates are required where AWS requires them, kept, and not
// looked up.
//
// Every change is one conditional write: it is based on what was read, and when
// somebody else was faster it is thought through again on what is there now.
// Control starts no tasks and no hosts. It records what is wanted and tells the
// engine by Config.Kick.
package control

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
)

// TypeSource knows the EC2 instance types; *catalog.Catalog is one.
type TypeSource interface {
	// Expand returns the types that the instanceTypes of an environment mean (types,
	// families, bundles such as optimal), and the entries that mean none.
	Expand(instanceTypes []string) (types []catalog.Type, unknown []string)
}

// Config is what a Control works with.
type Config struct {
	Records *store.Records
	Account batch.Account
	// Types tells known instance types from unknown ones. nil accepts all, and
	// leaves rules about architectures and GPUs unchecked.
	Types   TypeSource
	Now     func() time.Time
	NewUUID func() string

	// Kick tells the engine that something about a queue changed; "" that an
	// environment changed which no queue uses. nil tells nobody.
	Kick func(queue string)
	// DesiredVCPUs returns the vCPUs that an environment on EC2 or Spot has or is
	// about to have; false when the engine does not know (yet). nil shows what
	// was asked for.
	DesiredVCPUs func(ctx context.Context, env store.Environment) (vcpus int32, ok bool)
	// RemoveEnvironment removes what was made outside of the records for an environment
	// that is being deleted and is empty. nil: there is nothing.
	RemoveEnvironment func(ctx context.Context, env store.Environment) error
	// EndJobs ends the jobs of a queue that is being deleted, and reports whether
	// some have not ended yet. It is called again until none remain. nil leaves the
	// jobs to end by themselves.
	EndJobs func(ctx context.Context, queue, reason string) (remaining bool, err error)
	// InUse reports whether a deleted queue or environment must stay for now: the
	// queue has jobs that have not ended, the environment has hosts or tasks. kind is
	// KindQueue or KindEnvironment. nil asks the records for jobs and hosts.
	InUse func(ctx context.Context, kind, name string) (bool, error)
	// OrderingLag is how far the store's secondary orderings may be behind. A deleted
	// queue is removed this long after the request at the earliest, so that no job
	// that was submitted just before is overlooked. 0 for stores that never lag.
	OrderingLag time.Duration
	// Settle waits until no process submits with what it read before a change that is
	// written (see store.Options.RecentFor). nil: none does.
	Settle func(ctx context.Context)
}

// Control answers requests. Its methods are named after the operations of AWS
// Batch, take and give the SDK's types, and may be called from many goroutines. The
// errors they return are *batch.Error or come from the store; batch.CodeOf tells
// whose fault they are.
type Control struct {
	cfg Config
}

// New returns a Control. Records, Now and NewUUID are required; without them it
// panics, as no request could be served.
func New(cfg Config) *Control {
	switch {
	case cfg.Records == nil:
		panic("control.New: Config.Records is missing")
	case cfg.Now == nil:
		panic("control.New: Config.Now is missing")
	case cfg.NewUUID == nil:
		panic("control.New: Config.NewUUID is missing")
	}
	return &Control{cfg: cfg}
}

func (c *Control) now() batch.Millis { return batch.MillisOf(c.cfg.Now()) }

// kick tells the engine of a change in each of the queues, or of one that concerns
// no queue.
func (c *Control) kick(queues ...string) {
	if c.cfg.Kick == nil {
		return
	}
	if len(queues) == 0 {
		queues = []string{""}
	}
	for _, q := range queues {
		c.cfg.Kick(q)
	}
}
