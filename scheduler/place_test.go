package scheduler_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

func TestTheHostOfAJob(t *testing.T) {
	gpu := func(h scheduler.Host) scheduler.Host {
		h.Has.GPUs, h.Free.GPUs = 1, 1
		return h
	}
	arm := func(h scheduler.Host) scheduler.Host {
		h.Arch = "arm64"
		return h
	}
	needsGPU := job("j", 1)
	needsGPU.Need.GPUs = 1
	forARM, forX86 := job("j", 1), job("j", 1)
	forARM.Arch, forX86.Arch = "arm64", "x86_64"
	memory := job("j", 1)
	memory.Need.MemoryMiB = 10_000

	for name, test := range map[string]struct {
		job   scheduler.Job
		hosts []scheduler.Host
		want  []string
	}{
		"the fullest that fits":                         {job("j", 1), []scheduler.Host{host("empty", 4), host("full", 0), host("fuller", 1), host("half", 2)}, []string{"j>fuller"}},
		"the one that fits":                             {job("j", 3), []scheduler.Host{host("a", 2), host("b", 4)}, []string{"j>b"}},
		"exactly full":                                  {job("j", 4), []scheduler.Host{host("a", 4)}, []string{"j>a"}},
		"none without the memory":                       {memory, []scheduler.Host{host("a", 2), host("b", 3)}, []string{"j>b"}},
		"of equal vCPUs the one with less memory":       {job("j", 1), []scheduler.Host{{ID: "more", Has: size(4, 16384), Free: size(2, 9000)}, {ID: "less", Has: size(4, 16384), Free: size(2, 3000)}}, []string{"j>less"}},
		"of equals the first":                           {job("j", 1), []scheduler.Host{host("a", 2), host("b", 2)}, []string{"j>a"}},
		"with a GPU for a job that needs one":           {needsGPU, []scheduler.Host{host("a", 1), gpu(host("g", 4))}, []string{"j>g"}},
		"with a GPU last for a job that needs none":     {job("j", 1), []scheduler.Host{gpu(host("g", 1)), host("a", 4)}, []string{"j>a"}},
		"with a GPU if there is no other":               {job("j", 1), []scheduler.Host{gpu(host("g", 1)), host("a", 0)}, []string{"j>g"}},
		"of the architecture that is asked for":         {forARM, []scheduler.Host{host("x", 1), arm(host("arm", 4))}, []string{"j>arm"}},
		"x86_64 where none is said":                     {forX86, []scheduler.Host{arm(host("arm", 1)), host("x", 4)}, []string{"j>x"}},
		"of any architecture for a job that says none":  {job("j", 1), []scheduler.Host{arm(host("arm", 1))}, []string{"j>arm"}},
		"each of several, one after the other":          {array("j", 5, 1), []scheduler.Host{host("a", 3), host("b", 2)}, []string{"j>b", "j>b", "j>a", "j>a", "j>a"}},
		"none while all are full":                       {job("j", 1), []scheduler.Host{host("a", 0.5), host("b", 0)}, nil},
		"none of a size that no host has":               {job("j", 5), []scheduler.Host{host("a", 4)}, nil},
		"none where the job needs more GPUs than exist": {func() scheduler.Job { j := needsGPU; j.Need.GPUs = 2; return j }(), []scheduler.Host{gpu(host("g", 4))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := scheduler.Plan(on(fixed("ce", test.hosts...), test.job))
			wants(t, "placed", placed(d), test.want...)
		})
	}
}

func TestTheEnvironmentOfAJob(t *testing.T) {
	envs := func(list ...scheduler.Environment) []scheduler.Environment { return list }
	disabled := environment("off", host("o", 4))
	disabled.Usable, disabled.Why = false, "it is DISABLED"
	serverless := job("j", 1)
	serverless.Platform = batch.PlatformFargate
	for name, test := range map[string]struct {
		envs   []scheduler.Environment
		job    scheduler.Job
		want   []string
		demand []string
	}{
		"the first that has room": {
			envs(environment("one", host("h1", 4)), environment("two", host("h2", 1))), job("j", 1), []string{"j>h1"}, nil,
		},
		"the next where the first is full": {
			envs(environment("one", host("h1", 0)), environment("two", host("h2", 1))), job("j", 1), []string{"j>h2"}, nil,
		},
		"room that there is goes before room that could be added": {
			envs(environment("one"), environment("two", host("h2", 1))), job("j", 1), []string{"j>h2"}, nil,
		},
		"none: the first may grow": {
			envs(environment("one"), environment("two")), job("j", 1), nil, []string{"one: 1 of 1 vCPU, 1024 MiB"},
		},
		"one that is disabled takes none": {
			envs(disabled, environment("two", host("h2", 1))), job("j", 1), []string{"j>h2"}, nil,
		},
		"one for another platform takes none": {
			envs(fargate("one", 8, 0), environment("two", host("h2", 1))), job("j", 1), []string{"j>h2"}, nil,
		},
		"a job for Fargate goes where Fargate is": {
			envs(environment("one", host("h1", 4)), fargate("two", 8, 0)), serverless, []string{"j>two"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			names := make([]string, len(test.envs))
			for i, e := range test.envs {
				names[i] = e.Name
			}
			d := scheduler.Plan(scheduler.Snapshot{
				Queues: []scheduler.Queue{queue("q", 1, names, test.job)}, Environments: test.envs,
			})
			wants(t, "placed", placed(d), test.want...)
			wants(t, "demand", demand(d), test.demand...)
		})
	}
}

func TestFargateTakesAsMuchAsItsMaxVCPUs(t *testing.T) {
	a := array("a", 20, 0.5)
	a.Platform = batch.PlatformFargate
	d := scheduler.Plan(on(fargate("ce", 4, 1.5), a))
	wants(t, "placed", placed(d), "a>ce", "a>ce", "a>ce", "a>ce", "a>ce")
	wants(t, "waits", waits(d), "a*15")
}

func TestWhatWaitsIsSpreadOverTheEnvironmentsThatCanGrow(t *testing.T) {
	one, two := environment("one"), environment("two")
	one.MaxMilliVCPU, two.MaxMilliVCPU = 8_000, 8_000
	plan := func(jobs ...scheduler.Job) scheduler.Decision {
		return scheduler.Plan(scheduler.Snapshot{
			Queues:       []scheduler.Queue{queue("q", 1, []string{"one", "two"}, jobs...)},
			Environments: []scheduler.Environment{one, two},
		})
	}
	wants(t, "demand of few", demand(plan(array("a", 3, 2))), "one: 3 of 2 vCPU, 2048 MiB")
	wants(t, "demand of more than the first may take", demand(plan(array("a", 7, 2))),
		"one: 4 of 2 vCPU, 2048 MiB", "two: 3 of 2 vCPU, 2048 MiB")
	wants(t, "demand of more than both may take", demand(plan(array("a", 10, 2))),
		"one: 6 of 2 vCPU, 2048 MiB", "two: 4 of 2 vCPU, 2048 MiB")
	wants(t, "demand of several jobs", demand(plan(job("j1", 3), job("j2", 3), job("j3", 3), job("j4", 3), job("j5", 1))),
		"one: 2 of 3 vCPU, 3072 MiB", "one: 1 of 1 vCPU, 1024 MiB", "two: 2 of 3 vCPU, 3072 MiB")

	// Hosts on their way will take what waits; those that leave still count.
	one.Booting, one.BootingMilliVCPU = 2, 8_000
	wants(t, "demand while hosts boot", demand(plan(array("a", 4, 2))), "one: 4 of 2 vCPU, 2048 MiB")
	one.Booting, one.BootingMilliVCPU, one.LeavingMilliVCPU = 0, 0, 8_000
	wants(t, "demand while hosts leave", demand(plan(array("a", 4, 2))), "two: 4 of 2 vCPU, 2048 MiB")
	one.LeavingMilliVCPU, one.Hosts = 0, []scheduler.Host{host("h1", 0), host("h2", 1)}
	wants(t, "demand while all hosts are full", demand(plan(array("a", 4, 2))), "two: 4 of 2 vCPU, 2048 MiB")
}

func TestAnEnvironmentThatCannotAddAHostForTheJobIsPassedOver(t *testing.T) {
	tooLarge := environment("one") // its only type for the job has more vCPUs than maxvCpus
	tooLarge.MaxMilliVCPU = 4_000
	tooLarge.Shapes = []scheduler.Shape{{Type: "c5.xlarge", Has: size(4, 7000)}, {Type: "m5.2xlarge", Has: size(8, 31000)}}
	short := environment("one")
	short.Shapes[0].Short, short.NoCapacity = true, "m5.xlarge could not be had"
	full := environment("one", host("h", 0))
	full.MaxMilliVCPU = 7_000 // 3 are left, no host has that few
	for name, first := range map[string]scheduler.Environment{
		"its types are above maxvCpus": tooLarge, "its types could not be had": short, "too little is left of maxvCpus": full,
	} {
		t.Run(name, func(t *testing.T) {
			j := job("j", 1)
			j.Need.MemoryMiB = 8000
			d := scheduler.Plan(scheduler.Snapshot{
				Queues:       []scheduler.Queue{queue("q", 1, []string{"one", "two"}, j)},
				Environments: []scheduler.Environment{first, environment("two")},
			})
			wants(t, "demand", demand(d), "two: 1 of 1 vCPU, 8000 MiB")
		})
	}
}

func TestATypeThatCannotBeHadLeavesTheOthers(t *testing.T) {
	e := environment("ce")
	e.Shapes = append(e.Shapes, scheduler.Shape{Type: "c5.xlarge", Has: size(4, 7000)})
	e.Shapes[0].Short, e.NoCapacity = true, "m5.xlarge could not be had"
	small, large := job("small", 1), job("large", 1)
	large.Need.MemoryMiB = 10_000
	d := scheduler.Plan(on(e, small, large))
	if d.Waits[0].Reason.Token != "" || d.Waits[1].Reason.Token != scheduler.TokenNoCapacity {
		t.Errorf("the reasons are %q and %q, want the capacity of the second alone", d.Waits[0].Reason, d.Waits[1].Reason)
	}
}
