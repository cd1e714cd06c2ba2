package scheduler

import (
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Snapshot is all that a plan is made from.
type Snapshot struct {
	// Queues in any order; Plan sorts by priority, then name.
	Queues       []Queue
	Environments []Environment
	// Machine bounds what really runs at once, nil where the hosts are the bound.
	Machine *Machine
}

// Queue is a job queue with the front of what waits in it.
type Queue struct {
	Name     string
	Priority int32
	// Environments names the queue's environments in their order.
	Environments []string
	// Shares hold the jobs. A first-in-first-out queue has one, without an id.
	Shares []Share
	// Choice is where jobs go that can run on Fargate and on hosts.
	Choice Choice
	// Fair is set for a fair-share queue.
	Fair *FairShare
}

// FairShare is what a fair-share policy adds to a queue.
type FairShare struct {
	// Reserved is the fraction of each environment's maxvCpus, 0 to 1, that is kept
	// for shares that are not active yet.
	Reserved float64
	// NewJobSeconds is how many seconds of use a job counts at once when it starts, so
	// that one pass does not hand all room to the share that comes first.
	NewJobSeconds float64
}

// Share is one share of a queue and the front of its jobs in order of dispatch.
type Share struct {
	ID string
	// Weight is the policy's weightFactor: lower gets more. 1 by default.
	Weight float64
	// Usage is the share's decayed use in vCPU-seconds, running jobs included.
	Usage float64
	Jobs  []Job
	// More says that further jobs wait behind Jobs.
	More bool
}

// Job is a runnable job, or an array with runnable children.
type Job struct {
	ID       string
	Need     batch.Resources
	Platform batch.Platform
	Arch     string // "arm64", "x86_64", or empty for x86_64
	// OnHosts says that a job for Fargate can run on a host too, and FargateUSDPerHour what
	// it costs on Fargate.
	OnHosts           bool
	FargateUSDPerHour float64
	// Running is how many equal jobs of its queue run now; needed of jobs with OnHosts only.
	Running int
	// Count is how many of it may start now: 1, or the runnable children of an array.
	Count int
	// Runs is how long it is expected to run. A job of which that is known does not take
	// room on a host that it would keep up for more than a host of its own costs, as long
	// as one may be added; zero takes any room.
	Runs batch.RunTime
	// Since is since when it waits; zero where that is not known.
	Since time.Time

	// ceiling is what room on a host may cost at most, for a job that may go elsewhere; 0
	// is no bound. With anyRoom it takes any room.
	ceiling float64
	anyRoom bool
	kind    int // see kinds
}

// Environment is a compute environment with its hosts.
type Environment struct {
	Name string
	// Usable says that it takes new jobs: ENABLED and VALID.
	Usable bool
	// Why says what is wrong when it is not usable.
	Why      string
	Platform batch.Platform
	// MaxMilliVCPU is maxvCpus in thousandths.
	MaxMilliVCPU int64
	// Grows says that the provisioner can add hosts; an unmanaged environment has
	// just those that joined.
	Grows bool
	// PriceFactor is what Fargate costs here of its On-Demand price; 0 is all of it.
	PriceFactor float64
	// Used is what tasks on Fargate take.
	Used  batch.Resources
	Hosts []Host
	// Booting counts hosts that are on their way, BootingMilliVCPU what they will have.
	Booting          int
	BootingMilliVCPU int64
	// LeavingMilliVCPU is what hosts have that take no more tasks: it counts under
	// maxvCpus until they are gone.
	LeavingMilliVCPU int64
	// Boot is how long a host takes from its launch until it is ready.
	Boot time.Duration
	// Shapes are the hosts that could be added: its allowed types.
	Shapes []Shape
	// NoCapacity says what could not be had lately ("c5.large: no capacity"), empty if
	// nothing.
	NoCapacity string
}

// Shape is a kind of host that an environment may have.
type Shape struct {
	Type string
	Has  batch.Resources
	Arch string
	// USDPerHour is what it costs; 0 where nobody knows.
	USDPerHour float64
	// Interruptions is how often it is expected to be taken, per hour: Spot, where that is
	// weighed against On-Demand.
	Interruptions float64
	// Short says that it could not be had lately and is not asked for now.
	Short bool
}

// Host is a host that takes tasks.
type Host struct {
	ID   string
	Type string
	Arch string
	Has  batch.Resources
	Free batch.Resources
	// USDPerHour is what it costs; 0 where nobody knows.
	USDPerHour float64
	// Interruptions is how often it is expected to be taken, per hour; see Shape.
	Interruptions float64
	// Busy is how long its tasks are still expected to keep it.
	Busy time.Duration
	// Meant is what it was launched for and has not come yet.
	Meant []Meant
}

// Meant is jobs that a host was launched for.
type Meant struct {
	Need  batch.Resources
	Count int
}

// Machine is what really runs at once on a laptop.
type Machine struct {
	Has  batch.Resources
	Used batch.Resources
	// Why names the bound: "this machine".
	Why string
}

// Clip is the part of need that a machine can give at all: a job that asks for
// more than the machine has runs alone on it.
func (m *Machine) Clip(need batch.Resources) batch.Resources {
	need.MilliVCPU = min(need.MilliVCPU, m.Has.MilliVCPU)
	need.MemoryMiB = min(need.MemoryMiB, m.Has.MemoryMiB)
	return need
}

// Placement starts one job, or the next child of an array, on a host; Host is empty
// on Fargate.
type Placement struct {
	Job         string
	Queue       string
	Environment string
	Host        string
}

// Wait is a job that was left waiting.
type Wait struct {
	Job   string
	Queue string
	// Count is how many of it wait: 1, or children of an array.
	Count int
	// Environment is where it should find room; empty when no host can help.
	Environment string
	Reason      Reason
}

// Demand is a group of equal jobs for which an environment should find room.
type Demand struct {
	Environment string
	Need        batch.Resources
	Arch        string
	Runs        batch.RunTime
	Count       int
	// Since is since when they wait, in the order of their queues; as many as Count, or
	// fewer where that is not known.
	Since []Since
}

// Since is jobs that wait since the same moment.
type Since struct {
	At    time.Time
	Count int
}

// Decision is what Plan decides.
type Decision struct {
	Placements []Placement
	// Waits has every job of the snapshot that was not placed in full, queue after queue, in
	// order of dispatch within each.
	Waits []Wait
	// Demand is what waits as the provisioner should see it: what one environment can
	// hold under its maxvCpus, the rest where the queue goes next.
	Demand []Demand
}
