package engine_test

import (
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// noSpot is a cloud without Spot capacity.
func noSpot() sim.Config {
	cfg := minute
	cfg.Capacity = sim.Limits(map[sim.Pool]int{{Type: "m5.xlarge", Market: compute.Spot}: 0})
	return cfg
}

// spot gives a world an environment "spot" with tags, and a queue "s" on it.
func (w *world) spot(tags map[string]string) {
	w.t.Helper()
	_, err := w.CreateComputeEnvironment(w.t.Context(), &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: ptr("spot"), Type: types.CETypeManaged, Tags: tags,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeSpot, AllocationStrategy: types.CRAllocationStrategySpotPriceCapacityOptimized, MinvCpus: ptr(int32(0)), MaxvCpus: ptr(int32(16)), InstanceTypes: []string{"m5.xlarge"},
			Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}, InstanceRole: ptr("ecsInstanceRole"),
		},
	})
	w.must(err)
	w.queue("s", 1, "spot")
}

func inSpot(in *awsbatch.SubmitJobInput) { in.JobQueue = ptr("s") }

func TestAShortageIsKnownToTheNextPackhorse(t *testing.T) {
	table := mem.Open()
	w := newWorld(t, noSpot(), table)
	w.spot(nil)
	w.submit(inSpot)
	w.advance(time.Second)
	asked := w.sim.Ledger().RefusedNoCapacity
	if asked == 0 {
		t.Fatal("Spot was not asked for")
	}
	for range 5 {
		w.restart(table)
		w.advance(10 * time.Second)
	}
	if again := w.sim.Ledger().RefusedNoCapacity; again != asked {
		t.Errorf("after restarts Spot was asked for %d times more, want it remembered", again-asked)
	}
	w.advance(5 * time.Minute)
	if again := w.sim.Ledger().RefusedNoCapacity; again == asked {
		t.Error("Spot was not asked for again after its time")
	}
}

func TestASpotEnvironmentBuysOnDemandWhenItsTagsSaySo(t *testing.T) {
	tests := map[string]struct {
		tags   map[string]string
		within time.Duration // ends by then; 0: never
	}{
		"no tag":             {nil, 0},
		"after two tries":    {map[string]string{batch.TagOnDemandAfterTries: "2"}, 6 * time.Minute},
		"after five minutes": {map[string]string{batch.TagOnDemandAfterMinutes: "5"}, 10 * time.Minute},
		"not a number":       {map[string]string{batch.TagOnDemandAfterTries: "soon"}, 0},
		"zero":               {map[string]string{batch.TagOnDemandAfterTries: "0"}, 0},
	}
	for name, test := range tests {
		for _, of := range []string{"environment", "job"} {
			t.Run(of+", "+name, func(t *testing.T) {
				w := newWorld(t, noSpot(), nil)
				var id string
				if of == "environment" {
					w.spot(test.tags)
					id = w.submit(inSpot)
				} else {
					w.spot(nil)
					id = w.submit(inSpot, func(in *awsbatch.SubmitJobInput) { in.Tags = test.tags })
				}
				w.advance(max(test.within, time.Hour))
				if test.within == 0 {
					w.wants(types.JobStatusRunnable, id)
					return
				}
				w.wants(types.JobStatusSucceeded, id)
				if l := w.sim.Ledger(); l.HostTime[sim.Pool{Type: "m5.xlarge", Market: compute.OnDemand}] == 0 {
					t.Error("it did not run on an On-Demand host")
				}
			})
		}
	}
}

// An agent that cannot reach ECS never joins, and its host costs all the same.
func TestHostsThatNeverJoinMakeTheirEnvironmentInvalid(t *testing.T) {
	cfg := minute
	cfg.BootTime = sim.Constant(24 * time.Hour)
	w := newWorld(t, cfg, nil)
	id := w.submit()
	w.advance(2 * time.Hour)
	env := w.environments()["ce"]
	if env.Status != types.CEStatusInvalid || !strings.Contains(text(env.StatusReason), "3 hosts in a row did not join") {
		t.Errorf("environment is %s: %q, want INVALID with the reason", env.Status, text(env.StatusReason))
	}
	w.wants(types.JobStatusRunnable, id)
	launched := w.sim.Ledger().HostsLaunched
	w.advance(2 * time.Hour)
	if l := w.sim.Ledger(); l.HostsLaunched != launched || l.HostsUp[sim.Pool{Type: "m5.xlarge", Market: compute.OnDemand}] != 0 {
		t.Errorf("an INVALID environment launched %d hosts more, and %v are up", l.HostsLaunched-launched, l.HostsUp)
	}
	_, err := w.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{ComputeEnvironment: ptr("ce"), State: types.CEStateEnabled})
	w.must(err)
	w.advance(time.Minute)
	if got := w.environments()["ce"].Status; got != types.CEStatusValid || w.sim.Ledger().HostsLaunched == launched {
		t.Errorf("after an update it is %s, and launched %d; want it tried again", got, w.sim.Ledger().HostsLaunched-launched)
	}
}

func (w *world) environments() map[string]types.ComputeEnvironmentDetail {
	w.t.Helper()
	out, err := w.DescribeComputeEnvironments(w.t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{})
	w.must(err)
	all := map[string]types.ComputeEnvironmentDetail{}
	for _, env := range out.ComputeEnvironments {
		all[*env.ComputeEnvironmentName] = env
	}
	return all
}
