package control

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// Allocation strategies that AWS Batch has and SDK v1.65 does not name.
const (
	bestFitProgressiveOrdered        types.CRAllocationStrategy = "BEST_FIT_PROGRESSIVE_ORDERED"
	spotCapacityOptimizedPrioritized types.CRAllocationStrategy = "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED"
)

func allocationStrategies() []types.CRAllocationStrategy {
	return []types.CRAllocationStrategy{
		types.CRAllocationStrategyBestFit,
		types.CRAllocationStrategyBestFitProgressive,
		bestFitProgressiveOrdered,
		types.CRAllocationStrategySpotCapacityOptimized,
		types.CRAllocationStrategySpotPriceCapacityOptimized,
		spotCapacityOptimizedPrioritized,
	}
}

// imageTypes are the values of ec2Configuration.imageType for ECS (API reference,
// Ec2Configuration).
var imageTypes = []string{"ECS_AL1", "ECS_AL2", "ECS_AL2_NVIDIA", "ECS_AL2023", "ECS_AL2023_NVIDIA"}

// Limits of AWS Batch on an environment (API reference, ComputeResource, and the
// service's own messages).
const (
	maxFargateSubnets        = 16
	maxFargateSecurityGroups = 5
	maxTemplateOverrides     = 10
	maxEC2Configurations     = 2
	minScaleDownDelay        = 20          // minutes
	maxScaleDownDelay        = 7 * 24 * 60 // minutes
)

// notLookedUp is the next step for a member that AWS Batch demands and that means
// nothing on this machine.
func notLookedUp(member, example string) string {
	return fmt.Sprintf("set computeResources.%s; AWS Batch demands it, here any value will do, for example %s", member, example)
}

func isFargate(t types.CRType) bool {
	return t == types.CRTypeFargate || t == types.CRTypeFargateSpot
}

// canonicalResources returns r with its enumerations in AWS's spelling; r itself is
// not changed.
func canonicalResources(r types.ComputeResource) (types.ComputeResource, error) {
	if r.Type == "" {
		return r, refuse("Compute resource type is required.", "set computeResources.type to EC2, SPOT, FARGATE or FARGATE_SPOT")
	}
	if strings.EqualFold(string(r.Type), "ECS_MANAGED_INSTANCES") {
		return r, unsupported("computeResources.type ECS_MANAGED_INSTANCES", "use EC2")
	}
	var err error
	r.Type, err = oneOf("computeResources.type", r.Type,
		types.CRTypeEc2, types.CRTypeSpot, types.CRTypeFargate, types.CRTypeFargateSpot)
	if err != nil {
		return r, err
	}
	if r.AllocationStrategy != "" {
		r.AllocationStrategy, err = oneOf("computeResources.allocationStrategy", r.AllocationStrategy, allocationStrategies()...)
	}
	return r, err
}

// checkResources checks the computeResources of a managed environment, whose
// enumerations are canonical, as AWS Batch does. known may be nil.
func checkResources(r types.ComputeResource, known TypeSource) error {
	checks := []func(types.ComputeResource) error{
		checkEC2Members, checkCounts, checkNetwork, checkStrategy, checkImages, checkTemplate, checkScalingPolicy,
		func(r types.ComputeResource) error { return checkInstanceTypes(r, known) },
	}
	if isFargate(r.Type) {
		checks = []func(types.ComputeResource) error{checkFargateMembers, checkCounts, checkNetwork}
	}
	for _, check := range checks {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

// checkFargateMembers refuses what only hosts have.
func checkFargateMembers(r types.ComputeResource) error {
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"allocationStrategy", r.AllocationStrategy != ""},
		{"bidPercentage", r.BidPercentage != nil},
		{"desiredvCpus", r.DesiredvCpus != nil},
		{"ec2Configuration", len(r.Ec2Configuration) > 0},
		{"ec2KeyPair", deref(r.Ec2KeyPair) != ""},
		{"imageId", deref(r.ImageId) != ""},
		{"instanceRole", deref(r.InstanceRole) != ""},
		{"instanceTypes", len(r.InstanceTypes) > 0},
		{"launchTemplate", r.LaunchTemplate != nil},
		{"minvCpus", r.MinvCpus != nil},
		{"placementGroup", deref(r.PlacementGroup) != ""},
		{"scalingPolicy", r.ScalingPolicy != nil},
		{"spotIamFleetRole", deref(r.SpotIamFleetRole) != ""},
		{"tags", len(r.Tags) > 0},
	} {
		if m.set {
			return notForFargate(m.name)
		}
	}
	return nil
}

func notForFargate(member string) error {
	return refuse(member+" is not applicable for Fargate.", "leave it out, or use type EC2 or SPOT")
}

// checkEC2Members demands what hosts need.
func checkEC2Members(r types.ComputeResource) error {
	switch {
	case deref(r.InstanceRole) == "":
		return refuse("Instance role is required.", notLookedUp("instanceRole", "ecsInstanceRole"))
	case len(r.InstanceTypes) == 0:
		return refuse("Resource instanceTypes are required.",
			`set computeResources.instanceTypes to types (m6i.large), families (m6i) or ["optimal"]`)
	case r.MinvCpus == nil:
		return refuse("Resource minvCpus is required.",
			"set computeResources.minvCpus; 0 lets the environment shrink to nothing")
	}
	return nil
}

// checkCounts checks 0 <= minvCpus <= desiredvCpus <= maxvCpus, and the percentage.
func checkCounts(r types.ComputeResource) error {
	low, high := deref(r.MinvCpus), deref(r.MaxvCpus)
	switch {
	case r.MaxvCpus == nil:
		return refuse("Resource maxvCpus is required.", "set computeResources.maxvCpus to the most vCPUs to run at once")
	case low < 0:
		return refuse("minvCpus should be greater than or equal to 0.", "set computeResources.minvCpus to 0 or more")
	case high < low:
		return refuse("maxvCpus should be greater than or equal to minvCpus.",
			fmt.Sprintf("raise maxvCpus (%d) or lower minvCpus (%d)", high, low))
	case r.DesiredvCpus != nil && (*r.DesiredvCpus < low || *r.DesiredvCpus > high):
		return refuse("desiredvCpus should be between minvCpus and maxvCpus.",
			fmt.Sprintf("leave desiredvCpus (%d) out, or choose %d to %d", *r.DesiredvCpus, low, high))
	case r.BidPercentage != nil && (*r.BidPercentage < 0 || *r.BidPercentage > 100):
		return refuse("Bid percentage must be between 0 to 100.",
			"leave computeResources.bidPercentage out to pay up to the On-Demand price")
	}
	return nil
}

// checkNetwork demands subnets and security groups, and bounds them on Fargate.
func checkNetwork(r types.ComputeResource) error {
	switch {
	case len(r.Subnets) == 0:
		return refuse("Subnets are required.", notLookedUp("subnets", `["subnet-00000000"]`))
	case len(r.SecurityGroupIds) == 0 && r.LaunchTemplate == nil:
		return refuse("Security group ids are required.", notLookedUp("securityGroupIds", `["sg-00000000"]`))
	case isFargate(r.Type) && len(r.Subnets) > maxFargateSubnets:
		return refuse("Fargate supports a maximum of 16 subnets.", "leave some out of computeResources.subnets")
	case isFargate(r.Type) && len(r.SecurityGroupIds) > maxFargateSecurityGroups:
		return refuse("Fargate supports a maximum of 5 security groups.", "leave some out of computeResources.securityGroupIds")
	}
	return nil
}

// checkStrategy checks that the allocation strategy goes with the market, and what
// Spot needs.
func checkStrategy(r types.ComputeResource) error {
	needs := types.CRType("")
	switch r.AllocationStrategy {
	case types.CRAllocationStrategySpotCapacityOptimized, types.CRAllocationStrategySpotPriceCapacityOptimized,
		spotCapacityOptimizedPrioritized:
		needs = types.CRTypeSpot
	case bestFitProgressiveOrdered:
		needs = types.CRTypeEc2
	}
	if needs != "" && r.Type != needs {
		return refuse(fmt.Sprintf("Allocation strategy %s requires compute resource type %s.", r.AllocationStrategy, needs),
			"choose another computeResources.allocationStrategy, or that type")
	}
	if r.Type == types.CRTypeSpot && isBestFit(r.AllocationStrategy) && deref(r.SpotIamFleetRole) == "" {
		return refuse("compute resource spotIamFleetRole is required.",
			"set computeResources.allocationStrategy to SPOT_PRICE_CAPACITY_OPTIMIZED, which needs no such role; or give any role")
	}
	ordered := r.AllocationStrategy == bestFitProgressiveOrdered || r.AllocationStrategy == spotCapacityOptimizedPrioritized
	if ordered && slices.ContainsFunc(r.InstanceTypes, catalog.IsBundle) {
		return batch.Invalid("Instance type bundles (e.g. optimal, default_x86_64) are not allowed for %s allocation strategy. "+
			"Specify instance families or types directly.", r.AllocationStrategy)
	}
	return nil
}

// isBestFit reports whether the strategy is BEST_FIT, which is also what none means.
func isBestFit(s types.CRAllocationStrategy) bool {
	return s == "" || s == types.CRAllocationStrategyBestFit
}

func checkImages(r types.ComputeResource) error {
	if len(r.Ec2Configuration) > maxEC2Configurations {
		return refuse("Only 1 or 2 ec2Configuration entries are allowed.", "leave some out of computeResources.ec2Configuration")
	}
	for _, image := range r.Ec2Configuration {
		imageType := deref(image.ImageType)
		if imageType == "" || slices.Contains(imageTypes, imageType) || deref(image.ImageIdOverride) != "" {
			continue
		}
		return refuse("Invalid imageType in ComputeResources.ec2Configuration",
			fmt.Sprintf("%s is not one of %s; use one, or leave ec2Configuration out", imageType, strings.Join(imageTypes, ", ")))
	}
	return nil
}

func checkScalingPolicy(r types.ComputeResource) error {
	if r.ScalingPolicy == nil || r.ScalingPolicy.MinScaleDownDelayMinutes == nil {
		return nil
	}
	delay := *r.ScalingPolicy.MinScaleDownDelayMinutes
	if delay == 0 || (delay >= minScaleDownDelay && delay <= maxScaleDownDelay) {
		return nil
	}
	return refuse(fmt.Sprintf("minScaleDownDelayMinutes must be between %d and %d, got %d.", minScaleDownDelay, maxScaleDownDelay, delay),
		"set it to 0 to have no delay")
}

// checkInstanceTypes refuses types that do not exist and mixtures of architectures.
func checkInstanceTypes(r types.ComputeResource, known TypeSource) error {
	if known == nil {
		return nil
	}
	found, unknown := known.Expand(r.InstanceTypes)
	if len(unknown) > 0 {
		return refuse(fmt.Sprintf("Instance types [%s] do not exist.", strings.Join(unknown, ", ")),
			"give EC2 instance types (m6i.large), families (m6i), optimal, default_x86_64 or default_arm64 in computeResources.instanceTypes")
	}
	for _, t := range found {
		if t.Arch != found[0].Arch {
			return refuse("arm-based instance type cannot be used with other instance types.",
				fmt.Sprintf("%s is %s, %s is %s: make an environment for each", found[0].Name, found[0].Arch, t.Name, t.Arch))
		}
	}
	return nil
}

var templateVersion = regexp.MustCompile(`^([0-9]+|\$(?i:default|latest))?$`)

// checkTemplate checks the launch template. It is not looked up.
func checkTemplate(r types.ComputeResource) error {
	t := r.LaunchTemplate
	if t == nil {
		return nil
	}
	id, name := deref(t.LaunchTemplateId), deref(t.LaunchTemplateName)
	switch {
	case id == "" && name == "" && len(t.Overrides) == 0:
		return refuse("One of LaunchTemplateId and LaunchTemplateName or LaunchTemplate.Overrides is required.",
			"set one of them in computeResources.launchTemplate, or leave launchTemplate out")
	case id != "" && name != "":
		return refuse("LaunchTemplate should have either LaunchTemplateId or LaunchTemplateName but not both.", "leave one out")
	case !templateVersion.MatchString(deref(t.Version)):
		return badTemplateVersion(deref(t.Version))
	case len(t.Overrides) > maxTemplateOverrides:
		return refuse("LaunchTemplate.overrides size cannot be greater than 10", "leave some out of computeResources.launchTemplate.overrides")
	}
	targeted := map[string]bool{}
	for _, o := range t.Overrides {
		if err := checkTemplateOverride(o, r.InstanceTypes, targeted); err != nil {
			return err
		}
	}
	return nil
}

func badTemplateVersion(version string) error {
	return refuse("LaunchTemplateVersion must be either empty or a number or $Default or $Latest",
		fmt.Sprintf("change version %q in computeResources.launchTemplate", version))
}

// checkTemplateOverride checks one override. targeted collects the types that the
// overrides before it are for.
func checkTemplateOverride(o types.LaunchTemplateSpecificationOverride, allowed []string, targeted map[string]bool) error {
	id, name := deref(o.LaunchTemplateId), deref(o.LaunchTemplateName)
	switch {
	case (id == "") == (name == ""):
		return refuse("LaunchTemplate.overrides should have either LaunchTemplateId or LaunchTemplateName but not both.",
			"set one of them in each of computeResources.launchTemplate.overrides")
	case !templateVersion.MatchString(deref(o.Version)):
		return badTemplateVersion(deref(o.Version))
	case len(o.TargetInstanceTypes) == 0:
		return batch.Invalid("LaunchTemplate.overrides.targetInstanceTypes[] is required for every override and cannot be empty.")
	}
	for _, target := range o.TargetInstanceTypes {
		switch {
		case targeted[target]:
			return batch.Invalid("LaunchTemplate.overrides have duplicate targetInstanceTypes: [%s]", target)
		case catalog.IsBundle(target) || !slices.Contains(allowed, target):
			return batch.Invalid("LaunchTemplate.overrides:[%s] have targetInstanceTypes that do not exist in computeResource.InstanceTypes.", target)
		}
		targeted[target] = true
	}
	return nil
}
