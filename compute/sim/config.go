package sim

import (
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// Config says what to imitate. Now is required; the zero value of everything else
// is a world where all succeeds at once and capacity has no end.
//
// The functions are called with the backend's lock held, or from many goroutines
// at once: they must not call back, and must answer the same for the same input.
type Config struct {
	// Now is the time that calls happen at: the simulator's virtual clock, or time.Now.
	Now  func() time.Time
	Seed uint64
	// Region is the region of the hosts' zones; empty is us-east-1.
	Region string

	// Types gives what tasks may use on a host of an instance type; false for a type
	// that there is not. Nil: every type is defaultHost.
	Types func(name string) (batch.Resources, bool)
	// Capacity gives how many hosts of a pool there may be at one moment; negative
	// is without limit, and so is nil. See Limits.
	Capacity func(pool Pool, now time.Time) int
	// Machine is what the backend says of the machine below it. It is also what a
	// host without a type (of an unmanaged environment) has.
	Machine *compute.Machine

	BootTime Dist // from launch to READY; nil: READY in Launch's answer
	// TypeBootTime is BootTime for an instance type; nil, or nil for a type: BootTime.
	TypeBootTime func(name string) Dist
	PullAndStart Dist // from Run to RUNNING; nil: at once
	// FargateStart is PullAndStart for tasks without a host; nil: as on hosts.
	FargateStart Dist
	StopTime     Dist // from Stop to the end of a task; nil: at once

	// RunTime is how long a task runs unless it is stopped; UntilStopped is for
	// ever. Nil: tasks end as soon as they run.
	RunTime func(task compute.Task) time.Duration
	// Outcome is how a task ends by itself. Nil: with exit code 0.
	Outcome func(task compute.Task) Outcome

	// InterruptionsPerHour is how often, in the mean, a Spot host is reclaimed.
	InterruptionsPerHour float64
	// InterruptionNotice is how long before its end a reclaimed host turns DRAINING;
	// 0 is without notice. EC2 gives 2 minutes, at best effort.
	InterruptionNotice time.Duration

	Faults Faults
	// CountOnly keeps the ledger from remembering each task: benchmarks of millions
	// of tasks want the memory back. StartedTwice and Overlaps stay empty then.
	CountOnly bool
}

// Pool is one kind of capacity.
type Pool struct {
	Type   string
	Market compute.Market
}

// Limits returns a Config.Capacity with a fixed number of hosts for some pools;
// the others have no limit.
func Limits(hosts map[Pool]int) func(Pool, time.Time) int {
	return func(pool Pool, _ time.Time) int {
		if n, ok := hosts[pool]; ok {
			return n
		}
		return -1
	}
}

// UntilStopped as a run time means that the task ends only when it is stopped or
// its host is lost.
const UntilStopped time.Duration = -1

// Outcome is how a task ends by itself.
type Outcome struct {
	// Exit is the exit code of its containers.
	Exit int32
	// Reason is the container reason ("OutOfMemoryError: ..."); usually empty.
	Reason string
	// NeverStarts makes the task stop with TaskFailedToStart instead of running, for
	// Reason.
	NeverStarts bool
}

// Faults is what goes wrong, as probabilities from 0 to 1. News may be lost,
// doubled and late by the contract, and any call may fail; an engine must come
// through all of it.
type Faults struct {
	// CallFails is how many calls fail with compute.ErrUnavailable and do nothing.
	CallFails float64
	// AnswerLost is how many calls take effect and then fail with the same error.
	AnswerLost float64

	NewsLost    float64
	NewsDoubled float64 // the second copy comes late
	NewsLate    float64 // and so out of order
	// Late is how late such news comes; nil is between 0 and 30 seconds.
	Late Dist

	// NeverJoins is how many hosts stay BOOTING for ever.
	NeverJoins float64
}

// defaultHost is what a host has when Config.Types is nil: an m5.xlarge less what
// the ECS agent keeps for itself.
var defaultHost = batch.Resources{MilliVCPU: 4000, MemoryMiB: 15_300}

// defaultRegion is where hosts are when Config.Region is empty.
const defaultRegion = "us-east-1"
