package control

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxJobExecutionTimeout is the longest that jobs may go on while their hosts are
// replaced, in minutes (SDK v1.65, UpdatePolicy; it was 360 before).
const maxJobExecutionTimeout = 7200

// updateNow is what an update depends on besides the environment and the request.
type updateNow struct {
	VCPUs int32 // desiredvCpus as the engine has it
	Types TypeSource
	At    batch.Millis
}

// updatedEnvironment returns an environment as it is after an update, or why AWS
// Batch would refuse it.
//
// AWS knows two kinds of update. A scaling update moves the bounds (on Fargate also
// the network) and is always allowed. An infrastructure update changes what hosts
// are made of; it needs the service-linked role and any strategy but BEST_FIT, and
// makes the hosts that exist outdated: ReplaceBefore says so to the engine.
func updatedEnvironment(env store.Environment, in *awsbatch.UpdateComputeEnvironmentInput, now updateNow) (store.Environment, error) {
	d := &env.Detail
	if d.Status == types.CEStatusDeleting {
		return env, refuse("Cannot update, resource is being modified", "it is being deleted; create a new compute environment")
	}
	if d.Status == types.CEStatusInvalid { // whoever changes it has seen to the cause
		d.Status, d.StatusReason, env.Unjoined = types.CEStatusValid, new(environmentHealthy), 0
	}
	if in.State != "" {
		state, err := oneOf("state", in.State, types.CEStateEnabled, types.CEStateDisabled)
		if err != nil {
			return env, err
		}
		d.State = state
	}
	if err := updateRole(d, deref(in.ServiceRole)); err != nil {
		return env, err
	}
	if err := updatePolicy(d, in.UpdatePolicy); err != nil {
		return env, err
	}
	if in.Context != nil {
		d.Context = in.Context
	}
	if in.UnmanagedvCpus != nil {
		switch {
		case d.Type == types.CETypeManaged:
			return env, unmanagedVCPUsOnManaged()
		case *in.UnmanagedvCpus < 0:
			return env, batch.Invalid("unmanagedvCpus should be greater than or equal to 0.")
		}
		d.UnmanagedvCpus = in.UnmanagedvCpus
	}
	if in.ComputeResources == nil {
		return env, nil
	}
	if d.Type == types.CETypeUnmanaged || d.ComputeResources == nil {
		return env, refuse("computeResources is not applicable for UNMANAGED Compute Environment.", "leave it out; the hosts are yours")
	}
	replaced, err := updateResources(d, *in.ComputeResources, now)
	if len(replaced) > 0 {
		env.ReplaceBefore = now.At
	}
	return env, err
}

// updateRole changes the service role. The kind of role stays.
func updateRole(d *types.ComputeEnvironmentDetail, role string) error {
	before := deref(d.ServiceRole)
	if role == "" || role == before {
		return nil
	}
	if isServiceLinked(before) != isServiceLinked(role) {
		return refuse("The service role of a compute environment can not be changed between a service-linked role and another role.",
			"keep "+before+", or create a new compute environment")
	}
	d.ServiceRole = &role
	return nil
}

func updatePolicy(d *types.ComputeEnvironmentDetail, policy *types.UpdatePolicy) error {
	if policy == nil {
		return nil
	}
	if m := policy.JobExecutionTimeoutMinutes; m != nil && (*m < 1 || *m > maxJobExecutionTimeout) {
		return batch.Invalid("jobExecutionTimeoutMinutes must be between 1 and %d, got %d.", maxJobExecutionTimeout, *m)
	}
	updated := *policy
	if updated.JobExecutionTimeoutMinutes == nil {
		updated.JobExecutionTimeoutMinutes = new(int64(30))
	}
	if updated.TerminateJobsOnUpdate == nil {
		updated.TerminateJobsOnUpdate = new(false)
	}
	d.UpdatePolicy = &updated
	return nil
}

// updateResources changes the computeResources of a managed environment and returns
// the names of the members that make its hosts outdated.
func updateResources(d *types.ComputeEnvironmentDetail, up types.ComputeResourceUpdate, now updateNow) (replaced []string, err error) {
	if reflect.DeepEqual(up, types.ComputeResourceUpdate{}) {
		return nil, refuse("At least one compute-resources attribute must be specified", "leave computeResources out, or set a member of it")
	}
	old := *d.ComputeResources
	fargate := isFargate(old.Type)
	next, err := merged(old, up, fargate)
	if err != nil {
		return nil, err
	}
	if !fargate {
		if up.DesiredvCpus != nil && *up.DesiredvCpus < now.VCPUs {
			return nil, refuse("Manually scaling down compute environment is not supported. "+
				"Disconnecting job queues from compute environment will cause it to scale-down to minvCpus",
				fmt.Sprintf("desiredvCpus is %d now; leave it out, it follows the jobs", now.VCPUs))
		}
		if up.DesiredvCpus == nil { // follows the bounds
			next.DesiredvCpus = new(max(deref(next.MinvCpus), min(deref(old.DesiredvCpus), deref(next.MaxvCpus))))
		}
		completeResources(&next, now.Types)
	}
	replaced = infrastructureChanges(old, next, deref(up.UpdateToLatestImageVersion))
	if err := checkInfrastructureUpdate(d, up, next.Type, replaced); err != nil {
		return nil, err
	}
	if err := checkResources(next, now.Types); err != nil {
		return nil, err
	}
	d.ComputeResources = &next
	return replaced, nil
}

// merged returns resources with the members of an update in place. Empty values take
// away what may be absent.
func merged(r types.ComputeResource, up types.ComputeResourceUpdate, fargate bool) (types.ComputeResource, error) {
	if up.Type != "" {
		r.Type = up.Type
	}
	if up.AllocationStrategy != "" {
		r.AllocationStrategy = types.CRAllocationStrategy(up.AllocationStrategy)
	}
	r, err := canonicalResources(r)
	if err != nil {
		return r, err
	}
	set(&r.MinvCpus, up.MinvCpus)
	set(&r.MaxvCpus, up.MaxvCpus)
	set(&r.DesiredvCpus, up.DesiredvCpus)
	set(&r.BidPercentage, up.BidPercentage)
	if deref(r.BidPercentage) == 0 && up.BidPercentage != nil {
		r.BidPercentage = nil // Terraform's way to drop it
	}
	set(&r.InstanceRole, up.InstanceRole)
	setOrClear(&r.Ec2KeyPair, up.Ec2KeyPair)
	setOrClear(&r.ImageId, up.ImageId)
	setOrClear(&r.PlacementGroup, up.PlacementGroup)
	set(&r.ScalingPolicy, up.ScalingPolicy)
	if up.ScalingPolicy != nil && deref(up.ScalingPolicy.MinScaleDownDelayMinutes) == 0 {
		r.ScalingPolicy = nil
	}
	set(&r.LaunchTemplate, up.LaunchTemplate)
	if t := up.LaunchTemplate; t != nil && deref(t.LaunchTemplateId)+deref(t.LaunchTemplateName) == "" && len(t.Overrides) == 0 {
		r.LaunchTemplate = nil
	}
	if up.InstanceTypes != nil {
		r.InstanceTypes = up.InstanceTypes
	}
	if up.Ec2Configuration != nil {
		r.Ec2Configuration = up.Ec2Configuration
	}
	if up.Tags != nil {
		r.Tags = up.Tags
	}
	// On Fargate an empty list means no change.
	if up.Subnets != nil && !(fargate && len(up.Subnets) == 0) {
		r.Subnets = up.Subnets
	}
	if up.SecurityGroupIds != nil && !(fargate && len(up.SecurityGroupIds) == 0) {
		r.SecurityGroupIds = up.SecurityGroupIds
	}
	return r, nil
}

func set[T any](member **T, value *T) {
	if value != nil {
		*member = value
	}
}

func setOrClear(member **string, value *string) {
	set(member, value)
	if value != nil && *value == "" {
		*member = nil
	}
}

// infrastructureChanges names the members that differ and that hosts are made of. A
// value sent again unchanged is no change.
func infrastructureChanges(old, next types.ComputeResource, latestImage bool) []string {
	var changed []string
	for _, m := range []struct {
		name string
		same bool
	}{
		{"allocationStrategy", old.AllocationStrategy == next.AllocationStrategy},
		{"bidPercentage", deref(old.BidPercentage) == deref(next.BidPercentage)},
		{"ec2Configuration", sameImages(old.Ec2Configuration, next.Ec2Configuration)},
		{"ec2KeyPair", deref(old.Ec2KeyPair) == deref(next.Ec2KeyPair)},
		{"imageId", deref(old.ImageId) == deref(next.ImageId)},
		{"instanceRole", deref(old.InstanceRole) == deref(next.InstanceRole)},
		{"instanceTypes", slices.Equal(old.InstanceTypes, next.InstanceTypes)},
		{"launchTemplate", reflect.DeepEqual(old.LaunchTemplate, next.LaunchTemplate)},
		{"placementGroup", deref(old.PlacementGroup) == deref(next.PlacementGroup)},
		{"securityGroupIds", slices.Equal(old.SecurityGroupIds, next.SecurityGroupIds)},
		{"subnets", slices.Equal(old.Subnets, next.Subnets)},
		{"tags", maps.Equal(old.Tags, next.Tags)},
		{"type", old.Type == next.Type},
		{"updateToLatestImageVersion", !latestImage},
	} {
		if !m.same {
			changed = append(changed, m.name)
		}
	}
	if isFargate(old.Type) { // has no hosts to replace: its network may change any time
		changed = slices.DeleteFunc(changed, func(name string) bool { return name == "subnets" || name == "securityGroupIds" })
	}
	return changed
}

func sameImages(a, b []types.Ec2Configuration) bool {
	return slices.EqualFunc(a, b, func(a, b types.Ec2Configuration) bool {
		return deref(a.ImageType) == deref(b.ImageType) && deref(a.ImageIdOverride) == deref(b.ImageIdOverride)
	})
}

// checkInfrastructureUpdate refuses an infrastructure update of an environment that
// AWS Batch cannot update so.
func checkInfrastructureUpdate(d *types.ComputeEnvironmentDetail, up types.ComputeResourceUpdate, to types.CRType, changed []string) error {
	if strings.EqualFold(string(up.AllocationStrategy), string(types.CRAllocationStrategyBestFit)) {
		return refuse("Allocation strategy BEST_FIT is not supported when updating a compute environment.",
			"choose BEST_FIT_PROGRESSIVE or one of the SPOT strategies, or create a new compute environment")
	}
	if len(changed) == 0 {
		return nil
	}
	fields := "[" + strings.Join(changed, ", ") + "]"
	switch {
	case isFargate(d.ComputeResources.Type) || !isServiceLinked(deref(d.ServiceRole)):
		return refuse("Following fields "+fields+" can be updated only for Non-fargate Compute Environment having a Batch Service Linked Role",
			"create a new compute environment; one of type EC2 or SPOT that is created without serviceRole can be updated")
	case isBestFit(d.ComputeResources.AllocationStrategy):
		return refuse("Following fields "+fields+" can not be updated for a Compute Environment with allocation strategy BEST_FIT",
			"create a new compute environment with allocationStrategy BEST_FIT_PROGRESSIVE or one of the SPOT strategies")
	case isFargate(to):
		return refuse("Compute resource type can not be updated from "+string(d.ComputeResources.Type)+" to "+string(to)+".",
			"create a new compute environment")
	}
	return nil
}
