package scheduler_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// What people read when a job waits, word for word: the beginning is AWS Batch's where
// it has one, since clients match it; the rest is ours, with the numbers.
func TestReasons(t *testing.T) {
	const (
		requirement = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job queue. "
		maxResource = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job. "
		invalid     = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid. "
		noCapacity  = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type [instanceTypeName] "
	)
	disabled := environment("off")
	disabled.Usable, disabled.Why = false, "it is DISABLED"
	invalidated := environment("bad")
	invalidated.Usable, invalidated.Why = false, "it is INVALID"
	short := environment("ce")
	short.Shapes[0].Short, short.NoCapacity = true, "Instance type m5.xlarge could not be had; it is asked for again at 2026-01-02T03:04:05Z"
	booting := environment("ce", host("h1", 0), host("h2", 0.5))
	booting.Booting, booting.BootingMilliVCPU, booting.LeavingMilliVCPU = 2, 8000, 4000
	little := environment("ce")
	little.MaxMilliVCPU = 4000
	little.Shapes = []scheduler.Shape{{Type: "m5.large", Has: size(2, 7680)}, {Type: "m5.2xlarge", Has: size(8, 31356)}}
	gpus := environment("ce")
	gpus.Shapes = append(gpus.Shapes, scheduler.Shape{Type: "g4dn.xlarge", Has: batch.Resources{MilliVCPU: 4000, MemoryMiB: 15572, GPUs: 1}})
	needsGPUs := job("j", 1)
	needsGPUs.Need.GPUs = 2
	needsMemory := job("j", 1)
	needsMemory.Need.MemoryMiB = 100_000
	serverless := job("j", 1)
	serverless.Platform = batch.PlatformFargate
	forARM := job("j", 1)
	forARM.Arch = "arm64"

	for name, test := range map[string]struct {
		envs []scheduler.Environment
		job  scheduler.Job
		want string
	}{
		"a host is on its way": {
			[]scheduler.Environment{booting}, job("j", 1),
			"Waiting for a host: needs 1 vCPU, 1024 MiB; environment ce has 2 hosts, the emptiest with 0.5 vCPU, 2048 MiB free, 2 booting; 20 of 64 maxvCpus taken.",
		},
		"there is none yet": {
			[]scheduler.Environment{environment("ce")}, job("j", 2),
			"Waiting for a host: needs 2 vCPU, 2048 MiB; environment ce has 0 hosts; 0 of 64 maxvCpus taken.",
		},
		"hosts of others are full": {
			[]scheduler.Environment{fixed("ce", host("h", 0))}, job("j", 2),
			"Waiting for a host: needs 2 vCPU, 2048 MiB; environment ce has 1 host, the emptiest with 0 vCPU, 0 MiB free.",
		},
		"Fargate is full": {
			[]scheduler.Environment{fargate("ce", 4, 3.5)}, serverless,
			"Waiting for capacity: needs 1 vCPU, 1024 MiB; environment ce uses 3.5 of 4 vCPU.",
		},
		"a type that could not be had": {
			[]scheduler.Environment{short}, job("j", 1),
			noCapacity + "Instance type m5.xlarge could not be had; it is asked for again at 2026-01-02T03:04:05Z. " +
				"Waiting for a host: needs 1 vCPU, 1024 MiB; environment ce has 0 hosts; 0 of 64 maxvCpus taken.",
		},
		"more memory than any type has": {
			[]scheduler.Environment{environment("ce")}, needsMemory,
			requirement + "It needs 1 vCPU, 100000 MiB. ce: its largest host is m5.xlarge with 4 vCPU, 16384 MiB.",
		},
		"more GPUs than any type has": {
			[]scheduler.Environment{gpus}, needsGPUs,
			requirement + "It needs 1 vCPU, 1024 MiB, 2 GPU. ce: its largest host is g4dn.xlarge with 4 vCPU, 15572 MiB, 1 GPU.",
		},
		"more vCPUs than maxvCpus": {
			[]scheduler.Environment{environment("ce")}, job("j", 96),
			maxResource + "It needs 96 vCPU, 98304 MiB. ce: maxvCpus is 64.",
		},
		"the only type that holds it is above maxvCpus": {
			[]scheduler.Environment{little}, func() scheduler.Job { j := job("j", 1); j.Need.MemoryMiB = 8000; return j }(),
			maxResource + "It needs 1 vCPU, 8000 MiB. ce: the smallest host that holds it is m5.2xlarge with 8 vCPU, 31356 MiB, above maxvCpus 4.",
		},
		"no environment is usable": {
			[]scheduler.Environment{disabled, invalidated}, job("j", 1),
			invalid + "It needs 1 vCPU, 1024 MiB. off: it is DISABLED; bad: it is INVALID.",
		},
		"one is disabled, the other too small": {
			[]scheduler.Environment{disabled, environment("ce")}, job("j", 96),
			maxResource + "It needs 96 vCPU, 98304 MiB. off: it is DISABLED; ce: maxvCpus is 64.",
		},
		"a job for Fargate on EC2": {
			[]scheduler.Environment{environment("ce")}, serverless,
			requirement + "It needs 1 vCPU, 1024 MiB. ce: runs EC2 jobs, this one is for FARGATE.",
		},
		"a job for EC2 on Fargate": {
			[]scheduler.Environment{fargate("ce", 4, 0)}, job("j", 1),
			requirement + "It needs 1 vCPU, 1024 MiB. ce: runs FARGATE jobs, this one is for EC2.",
		},
		"no type of its architecture": {
			[]scheduler.Environment{environment("ce")}, forARM,
			requirement + "It needs 1 vCPU, 1024 MiB. ce: its largest host is m5.xlarge with 4 vCPU, 16384 MiB.",
		},
		"hosts of others that are too small": {
			[]scheduler.Environment{fixed("ce", host("h", 4))}, job("j", 5),
			requirement + "It needs 5 vCPU, 5120 MiB. ce: its largest host is m5.xlarge with 4 vCPU, 16384 MiB.",
		},
		"no hosts, and none to come": {
			[]scheduler.Environment{fixed("ce")}, job("j", 5),
			requirement + "It needs 5 vCPU, 5120 MiB. ce: it has no host and none can be added.",
		},
		"no environment": {
			nil, job("j", 1),
			invalid + "The queue has no compute environment that exists.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var names []string
			for _, e := range test.envs {
				names = append(names, e.Name)
			}
			d := scheduler.Plan(scheduler.Snapshot{Queues: []scheduler.Queue{queue("q", 1, names, test.job)}, Environments: test.envs})
			if len(d.Waits) != 1 || d.Waits[0].Reason.String() != test.want {
				t.Errorf("it waits because\n%v, want\n%s", d.Waits, test.want)
			}
		})
	}
}

// A job that must leave room for shares to come says so, and asks for no host: hosts
// would stand empty.
func TestRoomForSharesToCome(t *testing.T) {
	j := array("a", 40, 1)
	q := queue("q", 1, []string{"ce"}, j)
	q.Fair = &scheduler.FairShare{Reserved: 0.5}
	e := environment("ce", host("h1", 4), host("h2", 4))
	e.MaxMilliVCPU = 12_000
	d := scheduler.Plan(scheduler.Snapshot{Queues: []scheduler.Queue{q}, Environments: []scheduler.Environment{e}})
	wants(t, "placed", placed(d), "a>h1", "a>h1", "a>h1", "a>h1", "a>h2", "a>h2")
	wants(t, "demand", demand(d))
	const want = "Waiting for a host: needs 1 vCPU, 1024 MiB; environment ce has 2 hosts, the emptiest with 2 vCPU, 14336 MiB free, " +
		"6 vCPU reserved for new shares; 8 of 12 maxvCpus taken."
	if got := d.Waits[0].Reason.String(); got != want {
		t.Errorf("it waits because\n%s, want\n%s", got, want)
	}

	e.Hosts = nil
	d = scheduler.Plan(scheduler.Snapshot{Queues: []scheduler.Queue{q}, Environments: []scheduler.Environment{e}})
	wants(t, "demand without hosts", demand(d), "ce: 6 of 1 vCPU, 1024 MiB")
}
