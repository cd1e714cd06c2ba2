package home

import (
	"log/slog"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store/mem"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// parts are those of a home in Ireland.
func parts(market func() catalog.Market) Parts {
	return Parts{
		Table: mem.Open(), Account: batch.Account{Region: "eu-west-1", ID: "123456789012"},
		Now: func() time.Time { return noon }, Market: market, Log: slog.New(slog.DiscardHandler),
	}
}

func TestTypesAndPricesAreThoseOfTheMarketNow(t *testing.T) {
	m := catalog.Market{Types: catalog.Default()}
	h := New(parts(func() catalog.Market { return m }))
	create := func() error {
		_, err := h.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
			ComputeEnvironmentName: new("new"), Type: types.CETypeManaged, State: types.CEStateEnabled,
			ComputeResources: &types.ComputeResource{
				Type: types.CRTypeEc2, MinvCpus: new(int32(0)), MaxvCpus: new(int32(16)), InstanceTypes: []string{"z1"},
				InstanceRole: new("ecsInstanceRole"), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
			},
		})
		return err
	}
	if err := create(); err == nil {
		t.Fatal("an environment of the family z1 was made, which the catalog does not know")
	}

	more := []catalog.Type{{Name: "z1.large", VCPUs: 2, MemoryMiB: 8192, Arch: catalog.X86}}
	m.Types = m.Types.With(map[string]float64{"z1.large": 0.1, "m6i.large": 0.107}, more)
	if err := create(); err != nil {
		t.Errorf("an environment of a family that came since: %v", err)
	}
	for name, want := range map[string]float64{"z1.large": 0.1, "m6i.large": 0.107} {
		if got, ok := h.Engine.Market().Types.Lookup(name); !ok || got.OnDemandUSDPerHour != want {
			t.Errorf("the engine's %s = %+v, %t, want one for %v USD per hour", name, got, ok, want)
		}
	}
}

func TestAHomeWithoutAMarketHasTheCatalogOfTheProgram(t *testing.T) {
	h := New(parts(nil))
	if h.Engine.Market().Types != catalog.Default() {
		t.Error("the engine buys by another catalog, want the program's")
	}
}
