package engine

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// choiceOf is where a queue's jobs go that can run on Fargate and on hosts, by its tag.
func choiceOf(q store.Queue) scheduler.Choice {
	switch q.Detail.Tags[batch.TagEnvironments] {
	case batch.EnvironmentsCheapest:
		return scheduler.Cheapest
	case batch.EnvironmentsSoonest:
		return scheduler.Soonest
	}
	return scheduler.InOrder
}

// onEither completes a job for Fargate that can run on a host too: one that names no
// architecture has Fargate's, and its price is that of the size that Fargate has.
func onEither(j *scheduler.Job, running int) {
	j.OnHosts, j.Arch, j.Running = true, cmp.Or(j.Arch, catalog.X86), running
	milli, mib, ok := catalog.FargateRoundUp(int(j.Need.MilliVCPU), int(j.Need.MemoryMiB))
	if !ok {
		return
	}
	if usd, err := catalog.FargateUSDPerHour(j.Arch, milli, mib); err == nil {
		j.FargateUSDPerHour = usd
	}
}

// alikeJobs are equal jobs of a queue.
type alikeJobs struct {
	queue string
	need  batch.Resources
}

// alike is how many jobs equal to j run.
func (w *world) alike(j *batch.Job) int {
	if w.running == nil {
		w.running = map[alikeJobs]int{}
		for _, j := range w.roster.jobs {
			if j.OnHosts {
				w.running[alikeJobs{j.Queue, j.Need}]++
			}
		}
	}
	return w.running[alikeJobs{j.Queue, j.Need}]
}

// fargateSpot is what Fargate Spot is taken to cost of Fargate's price. AWS publishes no
// list that an account could ask for; its page says up to 70 % less.
const fargateSpot = 0.35

// fargateFactor is what an environment on Fargate costs of Fargate's On-Demand price.
func fargateFactor(env store.Environment) float64 {
	if env.Detail.ComputeResources.Type == types.CRTypeFargateSpot {
		return fargateSpot
	}
	return 1
}
