package local

import (
	"fmt"
	"runtime"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// ThisMachine returns what this machine can run at once: the CPUs and the memory
// that the server may use, which in a container or a service with limits is less
// than the hardware has. maxVCPUs above 0 replaces the CPUs. GPUs are left to the
// caller: only an engine knows which it can hand on.
func ThisMachine(maxVCPUs int) (compute.Machine, error) {
	memory, err := memoryMiB()
	if err != nil {
		return compute.Machine{}, fmt.Errorf("how much memory this machine has: %w", err)
	}
	room := batch.Resources{MilliVCPU: int64(runtime.NumCPU()) * 1000, MemoryMiB: memory}
	limit := cgroupLimits()
	if limit.MilliVCPU > 0 {
		room.MilliVCPU = min(room.MilliVCPU, limit.MilliVCPU)
	}
	if limit.MemoryMiB > 0 {
		room.MemoryMiB = min(room.MemoryMiB, limit.MemoryMiB)
	}
	return Bounded("this machine", room, maxVCPUs), nil
}

// Bounded describes something with that much room ("this machine", "the Docker
// engine"), of which maxVCPUs are to be used; 0 is all. More than there are is allowed:
// CPU is shares, and jobs that mostly wait do not need one each.
func Bounded(what string, room batch.Resources, maxVCPUs int) compute.Machine {
	if limit := int64(maxVCPUs) * 1000; limit > 0 && limit != room.MilliVCPU {
		room.MilliVCPU = limit
		what += " with --max-vcpus"
	}
	return compute.Machine{Room: room, Why: what + ": " + room.String()}
}
