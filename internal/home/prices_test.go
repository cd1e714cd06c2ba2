package home

import (
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// A home that runs for long plans with prices as they become.
func TestPricesAreTakenAnewNowAndThen(t *testing.T) {
	some, err := catalog.New([]catalog.Type{{Name: "z1.large", VCPUs: 2, MemoryMiB: 8192, Arch: catalog.X86, OnDemandUSDPerHour: 0.1}})
	if err != nil {
		t.Fatal(err)
	}
	now, spot := noon, 0.03
	p := parts(func() catalog.Market {
		return catalog.Market{Types: some, SpotUSDPerHour: map[string]float64{"z1.large": spot}}
	})
	p.Compute, p.Now = idle{}, func() time.Time { return now }
	var planned float64
	p.Provision = func(e provisioner.Environment, _ time.Time) provisioner.Plan {
		planned = e.Offers[0].USDPerHour
		return provisioner.Plan{}
	}
	h := New(p)
	_, err = h.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: new("ce"), Type: types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeSpot, AllocationStrategy: types.CRAllocationStrategySpotPriceCapacityOptimized, MinvCpus: new(int32(0)),
			MaxvCpus: new(int32(16)), InstanceTypes: []string{"z1"}, InstanceRole: new("ecsInstanceRole"),
			Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 6 * time.Minute} {
		now = noon.Add(after)
		if _, err := h.Engine.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if planned != spot {
			t.Errorf("after %s it is planned with $%g an hour, want $%g", after, planned, spot)
		}
		spot = 0.05
	}
}
