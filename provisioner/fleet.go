package provisioner

import (
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Demand is a group of equal jobs that found no room.
type Demand struct {
	Need batch.Resources
	Arch string // empty: any
	// Runs is how long each is expected to run; zero where nothing is known.
	Runs  batch.RunTime
	Count int
	// Since is since when they wait, the longest first. Those of which it is not known want
	// a host at once.
	Since []Since
}

// Offer is a kind of host that an environment may launch.
type Offer struct {
	Type       string
	Has        batch.Resources // what tasks may use of it
	Arch       string
	USDPerHour float64
}

// HostState is what the provisioner needs to know of a host's state.
type HostState int

// The states of a host here.
const (
	Booting  HostState = iota // asked for, not ready
	Ready                     // takes tasks
	Draining                  // takes no more tasks
)

// Host is a host of an environment.
type Host struct {
	ID    string
	State HostState
	Has   batch.Resources
	Arch  string
	Tasks int // tasks placed on it
	// Running is those tasks, where jobs may wait for the room that they leave.
	Running []Running
	// USDPerHour is what it costs; 0 where nobody knows.
	USDPerHour float64
	// Meant is what it was launched for, while it boots.
	Meant []Meant
	// Arrivals is how many jobs an hour came lately that fill it for the most part, parted
	// among the hosts of its type that have no tasks.
	Arrivals  float64
	CreatedAt time.Time // when it was asked for
	IdleSince time.Time // when its last task ended, or when it became ready; zero while it has tasks or when that is not known yet
}

// Environment is a managed compute environment on EC2 or Spot.
type Environment struct {
	Name string
	// Active says that it may grow: ENABLED and VALID. Otherwise it only shrinks.
	Active bool
	// Ending says that it is being deleted: no host stays.
	Ending       bool
	MinMilliVCPU int64
	MaxMilliVCPU int64
	Offers       []Offer
	Hosts        []Host
	Demand       []Demand
	// ReplaceBefore, when set, says that hosts asked for before it are of an outdated
	// make: they drain, and those that still have tasks at ReplaceBy are ended.
	ReplaceBefore, ReplaceBy time.Time
	// More says that further jobs wait behind Demand.
	More bool
	// Boot is how long a host takes from its launch until it is ready. It is paid for.
	Boot time.Duration
	// WaitUSDPerHour is what an hour of a job's waiting counts: jobs wait for room that
	// others leave where that is worth the boot of a host. 0: none waits for that.
	WaitUSDPerHour float64
	// IdleWindow is how long a host without tasks stays. 0: as long as it is worth while,
	// see stays.
	IdleWindow time.Duration
	// BootWindow is how long a host may take to become ready; one that takes longer will
	// not come and is ended. 0 is no bound.
	BootWindow time.Duration
}

// Launch asks for Count hosts of a type.
type Launch struct {
	Type  string
	Count int
	// For is what each of them is meant for.
	For []Meant
}

// Plan is what is to be done in one environment.
type Plan struct {
	Launches  []Launch // in the order in which the hosts are to be listed later
	Drain     []string // host ids
	Terminate []string
	// Waiting is for which jobs no host is launched yet.
	Waiting []Waiting
	// Next is when the plan may change by time alone; zero if never.
	Next time.Time
}
