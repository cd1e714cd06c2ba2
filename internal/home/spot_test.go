package home

import (
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// idle is a compute that nothing is asked of.
type idle struct{ compute.Backend }

// Machine is no bound.
func (idle) Machine() *compute.Machine { return nil }

func TestEnvironmentsArePlannedWithThePricesOfTheirMarket(t *testing.T) {
	some, err := catalog.New([]catalog.Type{
		{Name: "z1.large", VCPUs: 2, MemoryMiB: 8192, Arch: catalog.X86, OnDemandUSDPerHour: 0.1},
		{Name: "z2.large", VCPUs: 4, MemoryMiB: 8192, Arch: catalog.X86, OnDemandUSDPerHour: 0.09},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := parts(func() catalog.Market {
		return catalog.Market{Types: some, SpotUSDPerHour: map[string]float64{"z1.large": 0.03}}
	})
	p.Compute = idle{}
	planned := map[string]map[string]float64{}
	p.Provision = func(e provisioner.Environment, _ time.Time) provisioner.Plan {
		planned[e.Name] = map[string]float64{}
		for _, o := range e.Offers {
			market := " On-Demand"
			if o.Spot {
				market = " on Spot"
			}
			planned[e.Name][o.Type+market] = o.USDPerHour
		}
		return provisioner.Plan{}
	}
	h := New(p)
	strategies := map[types.CRType]types.CRAllocationStrategy{
		types.CRTypeEc2: types.CRAllocationStrategyBestFitProgressive, types.CRTypeSpot: types.CRAllocationStrategySpotPriceCapacityOptimized,
	}
	for _, env := range []struct {
		kind types.CRType
		tag  string
	}{{types.CRTypeEc2, ""}, {types.CRTypeSpot, ""}, {types.CRTypeEc2, batch.MarketSpot}, {types.CRTypeSpot, batch.MarketOnDemand}, {types.CRTypeEc2, batch.MarketCheapest}} {
		kind, strategy, name := env.kind, strategies[env.kind], string(env.kind)
		var tags map[string]string
		if env.tag != "" {
			name += "-" + env.tag
			tags = map[string]string{batch.TagMarket: env.tag}
		}
		_, err := h.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
			ComputeEnvironmentName: &name, Type: types.CETypeManaged, State: types.CEStateEnabled, Tags: tags,
			ComputeResources: &types.ComputeResource{
				Type: kind, AllocationStrategy: strategy, MinvCpus: new(int32(0)), MaxvCpus: new(int32(16)), InstanceTypes: []string{"z1", "z2"},
				InstanceRole: new("ecsInstanceRole"), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
			},
		})
		if err == nil {
			_, err = h.CreateJobQueue(t.Context(), &awsbatch.CreateJobQueueInput{
				JobQueueName: &name, Priority: new(int32(1)),
				ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{Order: new(int32(0)), ComputeEnvironment: &name}},
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Engine.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]float64{
		"EC2":            {"z1.large On-Demand": 0.1, "z2.large On-Demand": 0.09},
		"SPOT":           {"z1.large on Spot": 0.03, "z2.large on Spot": 0.09}, // of z2.large only the On-Demand price is known
		"EC2-spot":       {"z1.large on Spot": 0.03, "z2.large on Spot": 0.09},
		"SPOT-on-demand": {"z1.large On-Demand": 0.1, "z2.large On-Demand": 0.09},
		"EC2-cheapest":   {"z1.large On-Demand": 0.1, "z2.large On-Demand": 0.09, "z1.large on Spot": 0.03, "z2.large on Spot": 0.09},
	}
	if diff := cmp.Diff(want, planned); diff != "" {
		t.Errorf("offers in USD per hour (-want +got):\n%s", diff)
	}
}
