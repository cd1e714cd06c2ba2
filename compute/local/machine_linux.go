package local

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/packhorse-batch/packhorse/batch"
)

const mib = 1 << 20

// memoryMiB returns the machine's memory.
func memoryMiB() (int64, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, err
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit) / mib), nil
}

// cgroupRoot is where version 2 of control groups is mounted, everywhere.
const cgroupRoot = "/sys/fs/cgroup"

// cgroupLimits returns the tightest limits of the control groups that this process
// is in (version 2), 0 where there are none.
func cgroupLimits() batch.Resources {
	var limits batch.Resources
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return limits
	}
	group, ok := bytes.CutPrefix(bytes.TrimSpace(own), []byte("0::"))
	if !ok {
		return limits // version 1
	}
	for dir := path.Clean("/" + string(group)); ; dir = path.Dir(dir) {
		cpu, _ := os.ReadFile(cgroupRoot + dir + "/cpu.max")
		memory, _ := os.ReadFile(cgroupRoot + dir + "/memory.max")
		limits.MilliVCPU = tighter(limits.MilliVCPU, parseCPUMax(string(cpu)))
		limits.MemoryMiB = tighter(limits.MemoryMiB, parseMemoryMax(string(memory)))
		if dir == "/" {
			return limits
		}
	}
}

// tighter returns the lower of two limits, of which 0 is none.
func tighter(a, b int64) int64 {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// parseCPUMax reads "quota period" in microseconds as thousandths of a CPU; "max"
// and anything else is no limit.
func parseCPUMax(text string) int64 {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0
	}
	quota, err1 := strconv.ParseInt(fields[0], 10, 64)
	period, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || period <= 0 {
		return 0
	}
	return quota * 1000 / period
}

// parseMemoryMax reads bytes as MiB; "max" and anything else is no limit.
func parseMemoryMax(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n / mib
}
