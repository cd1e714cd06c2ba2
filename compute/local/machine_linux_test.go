package local

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestCgroupLimitsAreRead(t *testing.T) {
	for text, want := range map[string]int64{
		"200000 100000\n": 2000,
		"50000 100000":    500,
		"max 100000\n":    0,
		"":                0,
	} {
		if got := parseCPUMax(text); got != want {
			t.Errorf("parseCPUMax(%q) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]int64{"536870912\n": 512, "max\n": 0, "": 0} {
		if got := parseMemoryMax(text); got != want {
			t.Errorf("parseMemoryMax(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestThisMachineHasRoom(t *testing.T) {
	machine, err := ThisMachine(0)
	if err != nil {
		t.Fatal(err)
	}
	if room := machine.Room; room.MilliVCPU < 100 || room.MemoryMiB < 64 {
		t.Errorf("ThisMachine(0) has %s, want CPUs and memory", room)
	}
	t.Log(machine.Why)
}

func TestMaxVCPUsReplacesTheBound(t *testing.T) {
	room := batch.Resources{MilliVCPU: 8000, MemoryMiB: 1024}
	for max, want := range map[int]string{
		0:  "this machine: 8 vCPU, 1024 MiB",
		3:  "this machine with --max-vcpus: 3 vCPU, 1024 MiB",
		8:  "this machine: 8 vCPU, 1024 MiB",
		99: "this machine with --max-vcpus: 99 vCPU, 1024 MiB",
	} {
		if got := Bounded("this machine", room, max).Why; got != want {
			t.Errorf("Bounded(%s, %d).Why = %q, want %q", room, max, got, want)
		}
	}
}
