package local

import (
	"golang.org/x/sys/unix"

	"github.com/packhorse-batch/packhorse/batch"
)

// memoryMiB returns the machine's memory.
func memoryMiB() (int64, error) {
	bytes, err := unix.SysctlUint64("hw.memsize")
	return int64(bytes >> 20), err
}

// cgroupLimits returns no limits: macOS has no control groups.
func cgroupLimits() batch.Resources { return batch.Resources{} }
