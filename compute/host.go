package compute

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// What a backend answers besides success.
var (
	// ErrNoCapacity: there is no capacity of that kind now, or no such instance type.
	// An expected answer that leads to the next choice, not a failure.
	ErrNoCapacity = errors.New("no capacity of that kind now")
	// ErrNoRoom: the host cannot take the task on top of what it runs, or takes none
	// because it is not READY.
	ErrNoRoom = errors.New("the host has no room for the task")
	// ErrHostGone: the host is not, or no longer, one of ours.
	ErrHostGone = errors.New("the host is gone")
	// ErrTaskGone: the task was run so long ago that nobody knows any more how it ended.
	ErrTaskGone = errors.New("the task was run, and nobody knows any more how it ended")
	// ErrUnavailable: the backend cannot be reached now; try again later.
	ErrUnavailable = errors.New("compute is unavailable")
)

// Market is how capacity is bought.
type Market string

// The markets.
const (
	OnDemand Market = "ON_DEMAND"
	Spot     Market = "SPOT"
)

// HostRequest asks for one host.
type HostRequest struct {
	// ID is the id of the engine's host record and the idempotency token: the same
	// ID launches one host however often it is asked for.
	ID          string
	Environment string // name of the compute environment
	Cluster     string // name of its ECS cluster
	// Type is the instance type; empty asks for the machine that an unmanaged
	// environment has: nothing is launched, it is registered.
	Type   string
	Market Market
	// Others are further types that would do as well, best first: a backend that buys
	// from a market with many prices may take any of them.
	Others []string
	// Settings are the environment's own: subnets, roles, images, tags.
	Settings *types.ComputeResource
}

// HostState is where a host is in its life.
type HostState string

// The states of a host. LAUNCHING is the engine's own: recorded, not yet asked for.
// A backend tells DRAINING of a host that will be gone soon (a Spot notice, or the
// last tasks of a terminated host are ending): it takes no more tasks.
const (
	HostLaunching HostState = "LAUNCHING"
	HostBooting   HostState = "BOOTING"
	HostReady     HostState = "READY"
	HostDraining  HostState = "DRAINING"
	HostGone      HostState = "GONE"
)

// Host is what a backend knows of a host.
type Host struct {
	ID          string // of the request
	Environment string
	Cluster     string
	Instance    string // EC2 instance id, "i-" and 17 hex digits
	// Ref is ECS's id of the container instance, the last part of its ARN, where ECS
	// itself gave it one.
	Ref        string
	Type       string
	Market     Market
	Zone       string
	PrivateIP  string
	State      HostState
	Has        batch.Resources // what tasks may use: memory as the ECS agent registers it
	LaunchedAt time.Time
	ReadyAt    time.Time
	Reason     string // why it is gone
	Version    int64  // rises with each change
}

// Hosts launches and ends hosts. All methods may be called from many goroutines
// at once.
type Hosts interface {
	// Launch asks for one host and returns it as far as it is known, BOOTING or
	// already READY. It is idempotent by request ID, also after the host's end: a
	// host that is gone is returned in state GONE and not launched again. ErrNoCapacity
	// says that this type and market cannot be had now.
	Launch(ctx context.Context, request HostRequest) (Host, error)
	// ListHosts returns every host of ours that is not gone.
	ListHosts(ctx context.Context) ([]Host, error)
	// Terminate ends a host; tasks that still run on it are lost with it: they stop
	// with StopHostLost and "Host EC2 (instance i-...) terminated.", and then there is
	// news that the host is GONE. It returns when the request is taken. An unknown or
	// gone host is no error.
	Terminate(ctx context.Context, id string) error
}

// Drainer is a backend that must be told that a host takes no more tasks.
type Drainer interface {
	// Drain lets the tasks of a host end and takes no more. Again, or for a host that is
	// unknown or gone, it does nothing.
	Drain(ctx context.Context, id string) error
	// Drained reports whether a host that drains has no task that runs or is about to: it
	// can be ended and nothing is lost. A host that is unknown or gone has none.
	Drained(ctx context.Context, id string) (bool, error)
}

// Environments is a backend that keeps something for each environment, a cluster or a
// launch template, and makes it with the first host or task.
type Environments interface {
	// RemoveEnvironment removes it; the environment has no host and no task any more.
	// One that is unknown is no error.
	RemoveEnvironment(ctx context.Context, name, cluster string) error
}

// News is something that happened to a task or a host; one of the two is set.
type News struct {
	Task *TaskStatus
	Host *Host
}

// Machine is what a backend can really run at once, whatever its imitated hosts
// promise. GPUs is how many the engine has.
type Machine struct {
	Room batch.Resources
	// Why names the bound in words for those who wait ("this machine: 2 CPUs").
	Why string
}

// Backend is all of a home's compute.
type Backend interface {
	Hosts
	Tasks
	// Watch hands over news until ctx ends, then returns ctx.Err(). Any number of
	// news may come in one call of take, in the order in which they happened; take
	// must not call back into the backend, and may keep the slice. There is one watcher
	// at a time: a second one waits until the first one's context has ended.
	Watch(ctx context.Context, take func([]News)) error
	// Machine returns the bound on what really runs at once; nil when there is
	// none but that of the hosts.
	Machine() *Machine
	// Close releases what the backend holds. Tasks go on running.
	Close() error
}
