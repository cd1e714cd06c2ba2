package control

import (
	"fmt"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// maxDefinitionBytes is the largest job definition, as JSON (user guide, "Service
// quotas").
const maxDefinitionBytes = 24 * 1024

// platformManagedInstances is a capability of AWS Batch that SDK v1.65 does not name.
const platformManagedInstances types.PlatformCapability = "MANAGED_INSTANCES"

// checkDefinition checks a request for a job definition by the rules of AWS Batch.
func checkDefinition(in *awsbatch.RegisterJobDefinitionInput) error {
	if err := checkName("Job definition", deref(in.JobDefinitionName)); err != nil {
		return err
	}
	jobType, err := oneOf("Job definition type", in.Type, types.JobDefinitionTypeContainer, types.JobDefinitionTypeMultinode)
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return checkCapabilities(in.PlatformCapabilities) },
		func() error { return checkBodies(in, jobType) },
		func() error { return noConsumables(in.ConsumableResourceProperties) },
		func() error { return batch.CheckRetry(in.RetryStrategy) },
		func() error { return batch.CheckTimeout(in.Timeout) },
		func() error { return batch.CheckPriority(in.SchedulingPriority) },
		func() error { return batch.CheckTags(in.Tags) },
		func() error { return checkDefinitionSize(in) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func checkDefinitionSize(in *awsbatch.RegisterJobDefinitionInput) error {
	if n := wireSize(in); n > maxDefinitionBytes {
		return refuse(fmt.Sprintf("Job definition size must be less than %d KiB, got %d KiB", maxDefinitionBytes/1024, (n+1023)/1024),
			"move long scripts and settings into the image, or to where the job can fetch them")
	}
	return nil
}

// checkCapabilities allows EC2 or FARGATE, or neither, which means EC2.
func checkCapabilities(capabilities []types.PlatformCapability) error {
	if len(capabilities) == 0 {
		return nil
	}
	if len(capabilities) > 1 {
		return refuse("Exactly 1 capability must be provided.", "leave EC2 or FARGATE in platformCapabilities; register a second definition for the other")
	}
	for _, known := range []types.PlatformCapability{types.PlatformCapabilityFargate, types.PlatformCapabilityEc2} {
		if strings.EqualFold(string(capabilities[0]), string(known)) {
			return nil
		}
	}
	if strings.EqualFold(string(capabilities[0]), string(platformManagedInstances)) {
		return unsupported("platformCapabilities MANAGED_INSTANCES", "use EC2")
	}
	return batch.Invalid("Capability %s is not valid. Valid capabilities: [FARGATE, EC2, MANAGED_INSTANCES]", capabilities[0])
}

// checkBodies checks that a definition has the one body that its type needs, and
// that body.
func checkBodies(in *awsbatch.RegisterJobDefinitionInput, jobType types.JobDefinitionType) error {
	fargate := onFargate(in.PlatformCapabilities)
	if jobType == types.JobDefinitionTypeMultinode {
		switch {
		case fargate:
			return refuse("Fargate does not support MNP jobs", "leave platformCapabilities out")
		case in.NodeProperties == nil:
			return refuse("Node properties of multinode job is required.", "set nodeProperties, or use type container")
		case in.ContainerProperties != nil || in.EcsProperties != nil:
			return refuse("Only nodeProperties is applicable for multinode jobs.",
				"move containerProperties and ecsProperties into nodeProperties.nodeRangeProperties")
		case in.EksProperties != nil:
			return noEKS("eksProperties")
		}
		return checkNodes(*in.NodeProperties)
	}
	if in.NodeProperties != nil {
		return refuse("nodeProperties is only applicable for multinode jobs.", "use type multinode, or leave nodeProperties out")
	}
	return checkBody(body{in.ContainerProperties, in.EcsProperties, in.EksProperties}, fargate)
}

// body is what a definition, or a range of its nodes, says about its containers.
type body struct {
	container *types.ContainerProperties
	ecs       *types.EcsProperties
	eks       *types.EksProperties
}

// checkBody checks that exactly one form is used, and that one.
func checkBody(b body, fargate bool) error {
	const next = "leave one of the two out"
	switch {
	case b.container != nil && b.ecs != nil:
		return refuse("Cannot use both ECS containerProperties and ecsProperties", next)
	case b.container != nil && b.eks != nil:
		return refuse("Cannot use both ECS containerProperties and eksProperties", next)
	case b.ecs != nil && b.eks != nil:
		return refuse("Cannot use both ecsProperties and eksProperties", next)
	case b.container != nil:
		return checkContainerProperties(*b.container, fargate)
	case b.ecs != nil:
		return checkECS(*b.ecs, fargate)
	case b.eks != nil:
		return noEKS("eksProperties")
	}
	return noImage()
}

func noImage() error {
	return refuse("ECS Container Image must be provided.", "set containerProperties.image, for example to busybox")
}

func noEKS(member string) error {
	return unsupported(member, "use containerProperties or ecsProperties; there is no Kubernetes here")
}

func noConsumables(p *types.ConsumableResourceProperties) error {
	if p == nil || len(p.ConsumableResourceList) == 0 {
		return nil
	}
	return unsupported("consumableResourceProperties", "leave it out")
}
