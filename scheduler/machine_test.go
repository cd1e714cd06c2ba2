package scheduler_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// laptop is a machine of 4 CPUs and 8 GiB under hosts that promise more.
func laptop(used float64, jobs ...scheduler.Job) scheduler.Snapshot {
	s := on(environment("ce", host("h1", 4), host("h2", 4), host("h3", 4)), jobs...)
	s.Machine = &scheduler.Machine{Has: size(4, 8192), Used: size(used, int64(used*1024)), Why: "this machine: 4 CPUs, 8192 MiB"}
	return s
}

func TestTheMachineBoundsWhatRunsAtOnce(t *testing.T) {
	d := scheduler.Plan(laptop(1, array("a", 9, 1)))
	wants(t, "placed", placed(d), "a>h1", "a>h1", "a>h1")
	wants(t, "waits", waits(d), "a*6")
	wants(t, "demand", demand(d)) // another host would not help
}

func TestAJobLargerThanTheMachineRunsAlone(t *testing.T) {
	tall := job("tall", 4)
	tall.Need.MemoryMiB = 16_000
	d := scheduler.Plan(laptop(0, tall, job("small", 1)))
	wants(t, "placed", placed(d), "tall>h1")
	wants(t, "waits", waits(d), "small")
	wants(t, "placed beside another", placed(scheduler.Plan(laptop(0.5, tall))))
}

func TestNothingOvertakesAJobThatWaitsForTheMachine(t *testing.T) {
	d := scheduler.Plan(laptop(2, job("j1", 1), job("wide", 3), job("j2", 1)))
	wants(t, "placed", placed(d), "j1>h1")
	wants(t, "waits", waits(d), "wide", "j2")
	if got, want := d.Waits[0].Reason.String(), "Waiting for room: needs 3 vCPU, 3072 MiB, free 1 vCPU, 5120 MiB (this machine: 4 CPUs, 8192 MiB)."; got != want {
		t.Errorf("wide waits because %q, want %q", got, want)
	}
	if got, want := d.Waits[1].Reason.String(), "Waiting behind job wide, which needs 3 vCPU, 3072 MiB: free 1 vCPU, 5120 MiB (this machine: 4 CPUs, 8192 MiB)."; got != want {
		t.Errorf("j2 waits because %q, want %q", got, want)
	}
}

func TestAJobThatWaitsForAHostIsOvertakenOnTheMachine(t *testing.T) {
	s := laptop(0, job("wide", 4), job("small", 1))
	for i := range s.Environments[0].Hosts {
		s.Environments[0].Hosts[i].Free = size(1, 4096)
	}
	wants(t, "placed", placed(scheduler.Plan(s)), "small>h1")
}

func TestAMachineWithoutGPUsTakesNoJobThatNeedsOne(t *testing.T) {
	j := job("j", 1)
	j.Need.GPUs = 1
	s := laptop(0, j, job("after", 1))
	for i := range s.Environments[0].Hosts {
		s.Environments[0].Hosts[i].Has.GPUs, s.Environments[0].Hosts[i].Free.GPUs = 1, 1
	}
	d := scheduler.Plan(s)
	wants(t, "placed", placed(d), "after>h1")
	if got, want := d.Waits[0].Reason.String(), "It needs 1 GPU; this machine: 4 CPUs, 8192 MiB has 0."; got != want {
		t.Errorf("it waits because %q, want %q", got, want)
	}
}

func TestClip(t *testing.T) {
	m := scheduler.Machine{Has: batch.Resources{MilliVCPU: 2000, MemoryMiB: 1000, GPUs: 0}}
	if got, want := m.Clip(batch.Resources{MilliVCPU: 4000, MemoryMiB: 500, GPUs: 1}), (batch.Resources{MilliVCPU: 2000, MemoryMiB: 500, GPUs: 1}); got != want {
		t.Errorf("Clip = %v, want %v", got, want)
	}
}
