package scheduler_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// either is jobs of 1 vCPU and 2 GiB for Fargate, at $0.0494 an hour there, that can run on
// hosts too.
func either(count int, runs time.Duration) scheduler.Job {
	return scheduler.Job{
		ID: "j", Need: size(1, 2048), Count: count, Platform: batch.PlatformFargate, Arch: "x86_64",
		OnHosts: true, FargateUSDPerHour: 0.0494, Runs: batch.RunTime{Mean: runs},
	}
}

// among says that so many jobs like it run.
func among(running int, j scheduler.Job) scheduler.Job {
	j.Running = running
	return j
}

// pricedFleet is an environment "ec2" on m5.xlarge of 4 vCPUs at $0.192 an hour, which boot for
// a minute.
func pricedFleet(hosts ...scheduler.Host) scheduler.Environment {
	e := environment("ec2", hosts...)
	e.Boot = time.Minute
	e.Shapes[0].USDPerHour = 0.192
	return e
}

// kept is a host with 2 vCPUs free that its tasks still need for so long.
func kept(busy time.Duration) scheduler.Host {
	h := host("h", 2)
	h.USDPerHour, h.Busy = 0.192, busy
	return h
}

func TestFargateOrHosts(t *testing.T) {
	const cheapest, soonest = scheduler.Cheapest, scheduler.Soonest
	slow := func(e scheduler.Environment, boot time.Duration) scheduler.Environment {
		e.Boot = boot
		return e
	}
	full := pricedFleet()
	full.MaxMilliVCPU = 2000
	short := pricedFleet()
	short.Shapes[0].Short = true
	plain := either(1, time.Hour)
	plain.OnHosts = false
	for name, test := range map[string]struct {
		choice  scheduler.Choice
		job     scheduler.Job
		ec2     scheduler.Environment
		fargate float64 // maxvCpus
		want    []string
		demand  []string
	}{
		"alone for an hour and 45 s: $0.0500 against $0.1952 of a host with its boot":            {cheapest, either(1, time.Hour), pricedFleet(), 16, []string{"j>fargate"}, nil},
		"three for an hour: $0.0500 against $0.0651":                                             {cheapest, either(3, time.Hour), pricedFleet(), 16, []string{"j>fargate", "j>fargate", "j>fargate"}, nil},
		"four for an hour fill a host: $0.0500 against $0.0488":                                  {cheapest, either(4, time.Hour), pricedFleet(), 16, nil, []string{"ec2: 4 of 1 vCPU, 2048 MiB"}},
		"four for ten seconds, a minute billed: $0.0008 against $0.0009":                         {cheapest, either(4, 10*time.Second), pricedFleet(), 16, []string{"j>fargate", "j>fargate", "j>fargate", "j>fargate"}, nil},
		"one that 20 follow fills a host with them and shares its boot: $0.0500 against $0.0481": {cheapest, among(20, either(1, time.Hour)), pricedFleet(), 16, nil, []string{"ec2: 1 of 1 vCPU, 2048 MiB"}},
		"room on a host that is kept up anyway costs nothing":                                    {cheapest, either(1, time.Hour), pricedFleet(kept(2 * time.Hour)), 16, []string{"j>h"}, nil},
		"one that would be kept up longer: $0.0500 against $0.1440":                              {cheapest, either(1, time.Hour), pricedFleet(kept(15 * time.Minute)), 16, []string{"j>fargate"}, nil},
		"or only for a little: $0.0500 against $0.0480":                                          {cheapest, either(1, time.Hour), pricedFleet(kept(45 * time.Minute)), 16, []string{"j>h"}, nil},
		"Fargate is full: hosts are waited for":                                                  {cheapest, either(1, time.Hour), pricedFleet(), 0.5, nil, []string{"ec2: 1 of 1 vCPU, 2048 MiB"}},
		"no host may be added: Fargate":                                                          {cheapest, either(4, time.Hour), full, 16, []string{"j>fargate", "j>fargate", "j>fargate", "j>fargate"}, nil},
		"none can be had: Fargate":                                                               {cheapest, either(4, time.Hour), short, 16, []string{"j>fargate", "j>fargate", "j>fargate", "j>fargate"}, nil},
		"a job that cannot run on hosts":                                                         {cheapest, plain, pricedFleet(kept(time.Hour)), 16, []string{"j>fargate"}, nil},
		"nothing is known of its run time: as if for half an hour":                               {cheapest, either(4, 0), pricedFleet(), 16, nil, []string{"ec2: 4 of 1 vCPU, 2048 MiB"}},

		"soonest: room on a host at once, at any price":          {soonest, either(1, time.Hour), pricedFleet(kept(0)), 16, []string{"j>h"}, nil},
		"soonest: Fargate starts in 45 s, a host in a minute":    {soonest, either(4, time.Hour), pricedFleet(), 16, []string{"j>fargate", "j>fargate", "j>fargate", "j>fargate"}, nil},
		"soonest: a host that boots in 30 s":                     {soonest, either(1, time.Hour), slow(pricedFleet(), 30*time.Second), 16, nil, []string{"ec2: 1 of 1 vCPU, 2048 MiB"}},
		"in order, as AWS Batch has it: Fargate jobs to Fargate": {scheduler.InOrder, plain, pricedFleet(kept(time.Hour)), 16, []string{"j>fargate"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := queue("q", 1, []string{"fargate", "ec2"}, test.job)
			q.Choice = test.choice
			d := scheduler.Plan(scheduler.Snapshot{
				Queues: []scheduler.Queue{q}, Environments: []scheduler.Environment{fargate("fargate", test.fargate, 0), test.ec2},
			})
			wants(t, "placements", placed(d), test.want...)
			wants(t, "demand", demand(d), test.demand...)
		})
	}
}
