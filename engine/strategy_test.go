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
)

// sizes are imitated hosts of 2 and 4 vCPUs, of which m5.large cannot be had.
func sizes() sim.Config {
	cfg := minute
	cfg.Types = func(name string) (batch.Resources, bool) {
		switch name {
		case "m5.large":
			return batch.Resources{MilliVCPU: 2000, MemoryMiB: 7_500}, true
		case "m5.xlarge":
			return batch.Resources{MilliVCPU: 4000, MemoryMiB: 15_300}, true
		}
		return batch.Resources{}, false
	}
	cfg.Capacity = sim.Limits(map[sim.Pool]int{{Type: "m5.large", Market: compute.OnDemand}: 0})
	return cfg
}

func TestAllocationStrategiesWaitOrGoOn(t *testing.T) {
	for strategy, goesOn := range map[types.CRAllocationStrategy]bool{
		"": false, types.CRAllocationStrategyBestFit: false,
		types.CRAllocationStrategyBestFitProgressive: true, "BEST_FIT_PROGRESSIVE_ORDERED": true,
	} {
		t.Run(string(strategy), func(t *testing.T) {
			w := newWorld(t, sizes(), nil)
			_, err := w.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
				ComputeEnvironmentName: ptr("two"), Type: types.CETypeManaged,
				ComputeResources: &types.ComputeResource{
					Type: types.CRTypeEc2, AllocationStrategy: strategy, MinvCpus: ptr(int32(0)), MaxvCpus: ptr(int32(16)),
					InstanceTypes: []string{"m5.large", "m5.xlarge"}, InstanceRole: ptr("ecsInstanceRole"),
					Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
				},
			})
			w.must(err)
			w.queue("two", 1, "two")
			id := w.submit(func(in *awsbatch.SubmitJobInput) { in.JobQueue = ptr("two") })
			w.advance(10 * time.Minute)
			if goesOn {
				w.wants(types.JobStatusSucceeded, id)
				return
			}
			w.wants(types.JobStatusRunnable, id)
			if why := text(w.job(id).StatusReason); !strings.HasPrefix(why, "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - ") || !strings.Contains(why, "m5.large") {
				t.Errorf("the reason is %q, want AWS's token and the type that is waited for", why)
			}
			if asked := w.sim.Ledger().RefusedNoCapacity; asked < 2 {
				t.Errorf("m5.large was asked for %d times in 10 minutes, want it tried again", asked)
			}
		})
	}
}
