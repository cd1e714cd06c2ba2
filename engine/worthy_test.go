package engine

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/store"
)

// Where cost alone decides, types that another one of the same vCPUs beats are not offered.
func TestOnlyTypesThatNoneBeatsAreOfferedWhereCostDecides(t *testing.T) {
	offer := func(name string, vcpus, gib int64, usd float64) provisioner.Offer {
		return provisioner.Offer{Type: name, Has: batch.Resources{MilliVCPU: vcpus * 1000, MemoryMiB: gib * 1024}, USDPerHour: usd}
	}
	offers := []provisioner.Offer{
		offer("small", 2, 8, 0.10), offer("dear", 2, 8, 0.11), offer("less", 2, 4, 0.10), offer("lean", 2, 4, 0.08),
		offer("roomy", 2, 16, 0.12), offer("large", 4, 16, 0.10), offer("unpriced", 4, 8, 0),
	}
	for strategy, want := range map[types.CRAllocationStrategy][]string{
		types.CRAllocationStrategyBestFitProgressive: {"small", "lean", "roomy", "large", "unpriced"},
		types.CRAllocationStrategyBestFit:            nil, // its meaning is in the list
		bestFitProgressiveOrdered:                    nil,
	} {
		env := store.Environment{}
		env.Detail.ComputeResources = &types.ComputeResource{AllocationStrategy: strategy}
		var got []string
		for _, o := range worthy(env, offers) {
			got = append(got, o.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("with %s %v are left, want %v", strategy, got, want)
		}
	}
}
