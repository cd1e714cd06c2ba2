package control

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// The least that a job on EC2 may ask for (API reference, ResourceRequirement).
const (
	minMilliVCPU = 1000
	minMemoryMiB = 4
)

// containerNeed returns what the one container of containerProperties asks for, in
// resourceRequirements or in the members vcpus and memory from before there were
// any.
func containerNeed(p types.ContainerProperties, fargate bool) (batch.Resources, error) {
	need, has, err := requirementsOf(p.ResourceRequirements, fargate)
	if err != nil {
		return need, err
	}
	for _, legacy := range []struct {
		name  string
		kind  types.ResourceType
		value *int32
		into  *int64
		unit  int64
	}{
		{"vcpus", types.ResourceTypeVcpu, p.Vcpus, &need.MilliVCPU, 1000},
		{"memory", types.ResourceTypeMemory, p.Memory, &need.MemoryMiB, 1},
	} {
		if legacy.value == nil {
			continue
		}
		switch {
		case fargate:
			return need, refuse(legacy.name+" is not applicable for Fargate. Use resource requirements instead.",
				fmt.Sprintf(`replace it with {"type": "%s", "value": "%d"} in resourceRequirements`, legacy.kind, *legacy.value))
		case has[legacy.kind]:
			return need, refuse(fmt.Sprintf("Cannot use both ECS containerProperties %s and resourceRequirement %s", legacy.name, legacy.kind),
				"leave "+legacy.name+" out")
		}
		*legacy.into, has[legacy.kind] = int64(*legacy.value)*legacy.unit, true
	}
	return need, checkNeed(need, has, fargate)
}

// requirementsOf reads the resource requirements of one container, and which kinds
// there are.
func requirementsOf(reqs []types.ResourceRequirement, fargate bool) (batch.Resources, map[types.ResourceType]bool, error) {
	has := map[types.ResourceType]bool{}
	for _, r := range reqs {
		kind, err := oneOf("resourceRequirements type", r.Type, types.ResourceTypeGpu, types.ResourceTypeVcpu, types.ResourceTypeMemory)
		switch {
		case err != nil:
			return batch.Resources{}, nil, err
		case kind != r.Type:
			return batch.Resources{}, nil, batch.Invalid("resourceRequirements type %s is not valid: write it as %s.", r.Type, kind)
		case has[kind]:
			return batch.Resources{}, nil, refuse("Cannot provide duplicates in resourceRequirements.", string(kind)+" is there twice; leave one out")
		case fargate && kind == types.ResourceTypeGpu:
			return batch.Resources{}, nil, notForFargate("GPU")
		case !isAmount(kind, deref(r.Value)):
			return batch.Resources{}, nil, refuse(
				fmt.Sprintf("Value %s for type %s in resourceRequirement is not valid. Please provide a numeric value.", deref(r.Value), kind),
				"give a number in quotes; GPU and MEMORY (MiB) take whole ones")
		}
		has[kind] = true
	}
	need, err := batch.NeedOf(reqs)
	return need, has, err
}

// isAmount reports whether text is an amount of a kind of resource.
func isAmount(kind types.ResourceType, text string) bool {
	if kind == types.ResourceTypeVcpu {
		_, err := batch.ParseAmount(text)
		return err == nil
	}
	_, err := strconv.ParseInt(text, 10, 32)
	return err == nil
}

// checkNeed checks what a job asks for as a whole.
func checkNeed(need batch.Resources, has map[types.ResourceType]bool, fargate bool) error {
	switch {
	case !has[types.ResourceTypeVcpu]:
		return refuse("vCPU is required.", `add {"type": "VCPU", "value": "1"} to resourceRequirements`)
	case !has[types.ResourceTypeMemory]:
		return refuse("Memory is required.", `add {"type": "MEMORY", "value": "2048"} (MiB) to resourceRequirements`)
	case fargate && !catalog.FargateFits(int(need.MilliVCPU), int(need.MemoryMiB)):
		return refuse(fmt.Sprintf("Fargate resource requirements (%.2f vCPU, %d MiB) not valid.", float64(need.MilliVCPU)/1000, need.MemoryMiB),
			fargateHint(need))
	case fargate:
		return nil
	case need.MilliVCPU < minMilliVCPU:
		return refuse(fmt.Sprintf("vCPU must be at least 1, got %s.", need.VCPUs()), "raise VCPU; fractions below 1 are for Fargate")
	case need.MemoryMiB < minMemoryMiB:
		return refuse(fmt.Sprintf("Memory must be at least %d Mib, got %d Mib.", minMemoryMiB, need.MemoryMiB), "MEMORY is in MiB; raise it")
	}
	return nil
}

// fargateHint names the nearest pair that Fargate has.
func fargateHint(need batch.Resources) string {
	milli, mib, ok := catalog.FargateRoundUp(int(need.MilliVCPU), int(need.MemoryMiB))
	if !ok {
		return "Fargate ends at 16 vCPU and 122880 MiB; use platformCapabilities EC2"
	}
	return fmt.Sprintf("the next size is VCPU %s with MEMORY %d", batch.FormatVCPU(int64(milli)), mib)
}
