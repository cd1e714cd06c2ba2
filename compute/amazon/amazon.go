package amazon

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/packhorse-batch/packhorse/compute"
)

// EC2 is what this package calls of Amazon EC2.
type EC2 interface {
	fleets
	instances
	templates
	networks
}

// ECS is what this package calls of Amazon ECS.
type ECS interface {
	clusters
	containerInstances
	definitions
	runner
	taskLists
}

// SSM is what this package calls of the parameter store of AWS Systems Manager.
type SSM interface{ parameters }

// Options is what a backend works with. Deployment, Region and the first four are
// required.
type Options struct {
	EC2    EC2
	ECS    ECS
	SSM    SSM
	Memory Memory
	// Deployment tells this installation's hosts and clusters from those of others in
	// the account; at most 32 letters, digits and hyphens.
	Deployment string
	Region     string
	// InstanceProfile is the name or ARN for hosts of environments that name none.
	InstanceProfile string
	// ExecutionRole is the ARN of the role that pulls images and writes logs, for
	// tasks that name none.
	ExecutionRole string
	Now           func() time.Time
	// Poll is how often Watch asks; 0 is defaultPoll.
	Poll time.Duration
	Log  *slog.Logger
}

// defaultPoll is how often Watch asks while something lives.
const defaultPoll = 5 * time.Second

// Backend is hosts and tasks in an AWS account. Make it with [Open].
type Backend struct {
	o   Options
	ec2 EC2
	ecs ECS

	flights  singleflight.Group // what several goroutines ask for at once is asked once
	cache    caches
	recent   sync.Mutex    // of the record of the last launches
	watching chan struct{} // holds one token: there is one watcher at a time
	wake     chan struct{} // something was started here
}

var (
	_ compute.Backend      = (*Backend)(nil)
	_ compute.Drainer      = (*Backend)(nil)
	_ compute.Environments = (*Backend)(nil)
)

// Open returns a backend. It calls nothing yet.
func Open(o Options) *Backend {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Poll = cmp.Or(o.Poll, defaultPoll)
	limits := limitsOf(o.EC2, o.ECS)
	return &Backend{
		o: o, ec2: limits.ec2, ecs: limits.ecs, cache: newCaches(),
		watching: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
}

// Machine returns nil: what runs is bounded by the hosts and the account's quotas.
func (b *Backend) Machine() *compute.Machine { return nil }

// Close does nothing: hosts and tasks go on, and clients belong to the caller.
func (b *Backend) Close() error { return nil }

// stir lets a watcher look before its time.
func (b *Backend) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// share lets one of several goroutines that ask for the same thing do it for all. It
// goes on when the first one's context ends, for the sake of the others.
func share[T any](ctx context.Context, b *Backend, key string, do func(context.Context) (T, error)) (T, error) {
	answers := b.flights.DoChan(key, func() (any, error) { return do(context.WithoutCancel(ctx)) })
	var zero T
	select {
	case <-ctx.Done():
		return zero, ctx.Err()
	case answer := <-answers:
		value, _ := answer.Val.(T)
		return value, answer.Err
	}
}

// caches are what a process knows and could ask again.
type caches struct {
	mu          sync.Mutex
	instances   map[string]string    // host id -> instance id
	definitions map[string]string    // hash -> ARN
	clusters    map[string]bool      // known to be there
	stopping    map[string]time.Time // task id -> when ECS took the request to stop it
	stopped     map[string]string    // task id -> ECS id of a task seen STOPPED
	forgotten   map[string]time.Time // ECS id of a task that need not be listed -> since
	told        map[string]told      // instance id -> what the last event of it told
}

func newCaches() caches {
	return caches{
		instances: map[string]string{}, definitions: map[string]string{}, clusters: map[string]bool{},
		stopping: map[string]time.Time{}, stopped: map[string]string{}, forgotten: map[string]time.Time{}, told: map[string]told{},
	}
}

// maxCached bounds each cache of a process that lives long; what is dropped is asked
// again.
const maxCached = 50_000

// keep puts something into a cache.
func keep[V any](c *caches, in map[string]V, key string, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(in) >= maxCached {
		clear(in)
	}
	in[key] = value
}

func known[V any](c *caches, in map[string]V, key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := in[key]
	return value, ok
}

func drop[V any](c *caches, in map[string]V, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(in, key)
}
