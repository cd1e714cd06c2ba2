package control_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/store"
)

type createEnvironment = func(*awsbatch.CreateComputeEnvironmentInput)

func TestCreateComputeEnvironmentRefusesAsAWSDoes(t *testing.T) {
	template := func(change func(*types.LaunchTemplateSpecification)) createEnvironment {
		return resources(func(r *types.ComputeResource) {
			r.InstanceTypes = []string{"m6i", "c6i.large"}
			r.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateId: new("lt-1")}
			change(r.LaunchTemplate)
		})
	}
	override := func(targets ...string) types.LaunchTemplateSpecificationOverride {
		return types.LaunchTemplateSpecificationOverride{LaunchTemplateId: new("lt-2"), TargetInstanceTypes: targets}
	}
	tests := map[string]struct {
		change []createEnvironment
		want   string
	}{
		"a name with other characters": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.ComputeEnvironmentName = new("a b") }},
			"Compute Environment name should match a valid pattern."},
		"no name": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.ComputeEnvironmentName = nil }},
			"Compute Environment name should match a valid pattern."},
		"a name of 129 characters": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) {
				in.ComputeEnvironmentName = new(strings.Repeat("a", 129))
			}},
			"Compute Environment name should match a valid pattern."},
		"an unknown type": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.Type = "OTHER" }},
			"type OTHER is not valid. Valid values are: [MANAGED, UNMANAGED]"},
		"an unknown state": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.State = "JUNK" }},
			"state JUNK is not valid. Valid values are: [ENABLED, DISABLED]"},
		"disabled from the start": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.State = types.CEStateDisabled }},
			"Compute Environment must be created in ENABLED state."},
		"Kubernetes": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.EksConfiguration = &types.EksConfiguration{} }},
			"eksConfiguration is not supported by Packhorse yet."},
		"a reserved tag": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.Tags = map[string]string{"AWS:x": "1"} }},
			`The tag key "AWS:x" starts with aws:, which is reserved.`},

		"managed without resources": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.ComputeResources = nil }},
			"computeResources must be provided for a MANAGED compute environment"},
		"managed with unmanagedvCpus": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.UnmanagedvCpus = new(int32(4)) }},
			"unmanagedvCpus is not applicable for managed Compute Environments."},
		"an unknown compute type": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.Type = "LAMBDA" })},
			"computeResources.type LAMBDA is not valid. Valid values are: [EC2, SPOT, FARGATE, FARGATE_SPOT]"},
		"managed instances": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.Type = "ECS_MANAGED_INSTANCES" })},
			"computeResources.type ECS_MANAGED_INSTANCES is not supported by Packhorse yet."},
		"no instance role": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.InstanceRole = nil })},
			"Instance role is required."},
		"no instance types": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.InstanceTypes = nil })},
			"Resource instanceTypes are required."},
		"no minvCpus": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.MinvCpus = nil })},
			"Resource minvCpus is required."},
		"no maxvCpus": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.MaxvCpus = nil })},
			"Resource maxvCpus is required."},
		"no subnets": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.Subnets = nil })},
			"Subnets are required."},
		"no security groups": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.SecurityGroupIds = nil })},
			"Security group ids are required."},
		"minvCpus below 0": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.MinvCpus = new(int32(-1)) })},
			"minvCpus should be greater than or equal to 0."},
		"maxvCpus below minvCpus": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.MinvCpus = new(int32(17)) })},
			"maxvCpus should be greater than or equal to minvCpus."},
		"desiredvCpus above maxvCpus": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.DesiredvCpus = new(int32(17)) })},
			"desiredvCpus should be between minvCpus and maxvCpus."},
		"a bid above 100 percent": {
			[]createEnvironment{spot, resources(func(r *types.ComputeResource) { r.BidPercentage = new(int32(101)) })},
			"Bid percentage must be between 0 to 100."},
		"instance types that do not exist": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.InstanceTypes = []string{"m6i", "zz9.large", "nope"} })},
			"Instance types [zz9.large, nope] do not exist."},
		"two architectures": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.InstanceTypes = []string{"m6i.large", "m6g.large"} })},
			"arm-based instance type cannot be used with other instance types."},
		"an unknown strategy": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.AllocationStrategy = "CHEAPEST" })},
			"computeResources.allocationStrategy CHEAPEST is not valid. Valid values are: [BEST_FIT, BEST_FIT_PROGRESSIVE, " +
				"BEST_FIT_PROGRESSIVE_ORDERED, SPOT_CAPACITY_OPTIMIZED, SPOT_PRICE_CAPACITY_OPTIMIZED, SPOT_CAPACITY_OPTIMIZED_PRIORITIZED]"},
		"a Spot strategy on EC2": {
			[]createEnvironment{spot, resources(func(r *types.ComputeResource) { r.Type = types.CRTypeEc2 })},
			"Allocation strategy SPOT_PRICE_CAPACITY_OPTIMIZED requires compute resource type SPOT."},
		"an ordered strategy on Spot": {
			[]createEnvironment{spot, resources(func(r *types.ComputeResource) { r.AllocationStrategy = "BEST_FIT_PROGRESSIVE_ORDERED" })},
			"Allocation strategy BEST_FIT_PROGRESSIVE_ORDERED requires compute resource type EC2."},
		"an ordered strategy over a bundle": {
			[]createEnvironment{resources(func(r *types.ComputeResource) {
				r.AllocationStrategy, r.InstanceTypes = "BEST_FIT_PROGRESSIVE_ORDERED", []string{"optimal"}
			})},
			"Instance type bundles (e.g. optimal, default_x86_64) are not allowed for BEST_FIT_PROGRESSIVE_ORDERED allocation strategy. Specify instance families or types directly."},
		"Spot without strategy and without fleet role": {
			[]createEnvironment{spot, resources(func(r *types.ComputeResource) { r.AllocationStrategy = "" })},
			"compute resource spotIamFleetRole is required."},
		"an unknown image type": {
			[]createEnvironment{resources(func(r *types.ComputeResource) {
				r.Ec2Configuration = []types.Ec2Configuration{{ImageType: new("ECS_BEOS")}}
			})},
			"Invalid imageType in ComputeResources.ec2Configuration"},
		"a scale-down delay of a minute": {
			[]createEnvironment{resources(func(r *types.ComputeResource) {
				r.ScalingPolicy = &types.ComputeScalingPolicy{MinScaleDownDelayMinutes: new(int32(1))}
			})},
			"minScaleDownDelayMinutes must be between 20 and 10080, got 1."},

		"a launch template without a name": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) { l.LaunchTemplateId = nil })},
			"One of LaunchTemplateId and LaunchTemplateName or LaunchTemplate.Overrides is required."},
		"a launch template with id and name": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) { l.LaunchTemplateName = new("n") })},
			"LaunchTemplate should have either LaunchTemplateId or LaunchTemplateName but not both."},
		"a version that is none": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) { l.Version = new("newest") })},
			"LaunchTemplateVersion must be either empty or a number or $Default or $Latest"},
		"eleven overrides": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) {
				l.Overrides = make([]types.LaunchTemplateSpecificationOverride, 11)
			})},
			"LaunchTemplate.overrides size cannot be greater than 10"},
		"an override with id and name": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) {
				both := override("m6i")
				both.LaunchTemplateName = new("n")
				l.Overrides = append(l.Overrides, both)
			})},
			"LaunchTemplate.overrides should have either LaunchTemplateId or LaunchTemplateName but not both."},
		"an override for nothing": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) { l.Overrides = append(l.Overrides, override()) })},
			"LaunchTemplate.overrides.targetInstanceTypes[] is required for every override and cannot be empty."},
		"two overrides for one type": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) {
				l.Overrides = append(l.Overrides, override("m6i"), override("m6i"))
			})},
			"LaunchTemplate.overrides have duplicate targetInstanceTypes: [m6i]"},
		"an override for a type of none of the environment": {
			[]createEnvironment{template(func(l *types.LaunchTemplateSpecification) { l.Overrides = append(l.Overrides, override("m5")) })},
			"LaunchTemplate.overrides:[m5] have targetInstanceTypes that do not exist in computeResource.InstanceTypes."},

		"Fargate without maxvCpus": {
			[]createEnvironment{fargate, resources(func(r *types.ComputeResource) { r.MaxvCpus = nil })},
			"Resource maxvCpus is required."},
		"Fargate without security groups": {
			[]createEnvironment{fargate, resources(func(r *types.ComputeResource) { r.SecurityGroupIds = nil })},
			"Security group ids are required."},
		"Fargate with 17 subnets": {
			[]createEnvironment{fargate, resources(func(r *types.ComputeResource) { r.Subnets = make([]string, 17) })},
			"Fargate supports a maximum of 16 subnets."},
		"Fargate with 6 security groups": {
			[]createEnvironment{fargate, resources(func(r *types.ComputeResource) { r.SecurityGroupIds = make([]string, 6) })},
			"Fargate supports a maximum of 5 security groups."},

		"unmanaged Fargate": {
			[]createEnvironment{fargate, func(in *awsbatch.CreateComputeEnvironmentInput) { in.Type = types.CETypeUnmanaged }},
			"Cannot create an UNMANAGED Fargate Compute Environment."},
		"unmanaged without role": {
			[]createEnvironment{unmanaged, func(in *awsbatch.CreateComputeEnvironmentInput) { in.ServiceRole = nil }},
			"ServiceRole is required."},
		"unmanaged with the service-linked role": {
			[]createEnvironment{unmanaged, func(in *awsbatch.CreateComputeEnvironmentInput) {
				in.ServiceRole = new("arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch")
			}},
			"Service Linked Role cannot be used with UNMANAGED Compute Environment"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			_, err := s.CreateComputeEnvironment(t.Context(), newEnvironment("ce", tt.change...))
			wantRefused(t, err, tt.want)
		})
	}
}

func TestFargateEnvironmentsHaveNothingOfHosts(t *testing.T) {
	for member, set := range map[string]func(*types.ComputeResource){
		"allocationStrategy": func(r *types.ComputeResource) { r.AllocationStrategy = types.CRAllocationStrategyBestFit },
		"bidPercentage":      func(r *types.ComputeResource) { r.BidPercentage = new(int32(50)) },
		"desiredvCpus":       func(r *types.ComputeResource) { r.DesiredvCpus = new(int32(0)) },
		"ec2Configuration":   func(r *types.ComputeResource) { r.Ec2Configuration = make([]types.Ec2Configuration, 1) },
		"ec2KeyPair":         func(r *types.ComputeResource) { r.Ec2KeyPair = new("key") },
		"imageId":            func(r *types.ComputeResource) { r.ImageId = new("ami-1") },
		"instanceRole":       func(r *types.ComputeResource) { r.InstanceRole = new("role") },
		"instanceTypes":      func(r *types.ComputeResource) { r.InstanceTypes = []string{"m6i"} },
		"launchTemplate":     func(r *types.ComputeResource) { r.LaunchTemplate = &types.LaunchTemplateSpecification{} },
		"minvCpus":           func(r *types.ComputeResource) { r.MinvCpus = new(int32(0)) },
		"placementGroup":     func(r *types.ComputeResource) { r.PlacementGroup = new("pg") },
		"spotIamFleetRole":   func(r *types.ComputeResource) { r.SpotIamFleetRole = new("role") },
		"tags":               func(r *types.ComputeResource) { r.Tags = map[string]string{"a": "b"} },
	} {
		t.Run(member, func(t *testing.T) {
			_, err := newScene(t).CreateComputeEnvironment(t.Context(), newEnvironment("ce", fargate, resources(set)))
			wantRefused(t, err, member+" is not applicable for Fargate.")
		})
	}
}

func TestErrorsForALaptopSayThatAnyValueWillDo(t *testing.T) {
	_, err := newScene(t).CreateComputeEnvironment(t.Context(),
		newEnvironment("ce", resources(func(r *types.ComputeResource) { r.InstanceRole = nil })))
	const want = "Instance role is required. (set computeResources.instanceRole; AWS Batch demands it, here any value will do, for example ecsInstanceRole)"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v\n want %s", err, want)
	}
}

func TestNewEnvironmentIsValidAtOnce(t *testing.T) {
	s := newScene(t)
	out := must[*awsbatch.CreateComputeEnvironmentOutput](t)(s.CreateComputeEnvironment(t.Context(), newEnvironment("ce")))
	const arn = "arn:aws:batch:eu-central-1:123456789012:compute-environment/ce"
	if *out.ComputeEnvironmentArn != arn || *out.ComputeEnvironmentName != "ce" {
		t.Errorf("CreateComputeEnvironment = %s, %s, want %s, ce", *out.ComputeEnvironmentArn, *out.ComputeEnvironmentName, arn)
	}
	const uuid = "00000000-0000-4000-8000-000000000001"
	want := types.ComputeEnvironmentDetail{
		ComputeEnvironmentName:     new("ce"),
		ComputeEnvironmentArn:      new(arn),
		Type:                       types.CETypeManaged,
		State:                      types.CEStateEnabled,
		Status:                     types.CEStatusValid,
		StatusReason:               new("ComputeEnvironment Healthy"),
		ContainerOrchestrationType: types.OrchestrationTypeEcs,
		EcsClusterArn:              new("arn:aws:ecs:eu-central-1:123456789012:cluster/ce_Batch_" + uuid),
		ServiceRole:                new("arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"),
		Uuid:                       new(uuid),
		Tags:                       map[string]string{},
		ComputeResources: &types.ComputeResource{
			Type:               types.CRTypeEc2,
			AllocationStrategy: types.CRAllocationStrategyBestFitProgressive,
			MinvCpus:           new(int32(0)), DesiredvCpus: new(int32(0)), MaxvCpus: new(int32(16)),
			InstanceRole: new("ecsInstanceRole"), InstanceTypes: []string{"m6i"},
			Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
			Ec2Configuration: []types.Ec2Configuration{{ImageType: new("ECS_AL2023")}},
		},
	}
	if diff := cmp.Diff(want, s.shownEnvironment(t, "ce"), ignoreUnexported); diff != "" {
		t.Errorf("DescribeComputeEnvironments (-want +got):\n%s", diff)
	}
	if !slices.Equal(s.kicked, []string{""}) {
		t.Errorf("kicked %q, want one kick without a queue", s.kicked)
	}
}

var ignoreUnexported = cmp.FilterPath(func(p cmp.Path) bool {
	field, ok := p.Last().(cmp.StructField)
	return ok && field.Name() == "noSmithyDocumentSerde"
}, cmp.Ignore())

func TestEnvironmentWrittenForAWSIsShownUnchanged(t *testing.T) {
	in := newEnvironment("ce", spot)
	in.ServiceRole = new("arn:aws:iam::999999999999:role/service-role/AWSBatchServiceRole")
	in.Tags = map[string]string{"team": "genomics"}
	r := in.ComputeResources
	r.SpotIamFleetRole = new("arn:aws:iam::999999999999:role/AmazonEC2SpotFleetTaggingRole")
	r.BidPercentage, r.DesiredvCpus = new(int32(60)), new(int32(4))
	r.Ec2KeyPair, r.ImageId, r.PlacementGroup = new("key"), new("ami-1"), new("pg")
	r.Ec2Configuration = []types.Ec2Configuration{{ImageType: new("ECS_AL2"), ImageIdOverride: new("ami-2")}}
	r.InstanceTypes = []string{"optimal"}
	r.Tags = map[string]string{"Name": "host"}
	r.ScalingPolicy = &types.ComputeScalingPolicy{MinScaleDownDelayMinutes: new(int32(60))}
	r.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: new("lt"), Version: new("$Latest")}
	sent := *r
	s := newScene(t)
	must[*awsbatch.CreateComputeEnvironmentOutput](t)(s.CreateComputeEnvironment(t.Context(), in))
	got := s.shownEnvironment(t, "ce")
	if diff := cmp.Diff(&sent, got.ComputeResources, ignoreUnexported); diff != "" {
		t.Errorf("computeResources (-sent +shown):\n%s", diff)
	}
	if *got.ServiceRole != *in.ServiceRole || got.Tags["team"] != "genomics" {
		t.Errorf("serviceRole %s, tags %v were not kept", *got.ServiceRole, got.Tags)
	}
}

func TestDefaultsOfEnvironments(t *testing.T) {
	tests := map[string]struct {
		change []createEnvironment
		look   func(types.ComputeEnvironmentDetail) any
		want   any
	}{
		"desiredvCpus begins at minvCpus": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.MinvCpus = new(int32(2)) })},
			func(d types.ComputeEnvironmentDetail) any { return *d.ComputeResources.DesiredvCpus }, int32(2)},
		"the strategy stays absent": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.AllocationStrategy = "" })},
			func(d types.ComputeEnvironmentDetail) any { return d.ComputeResources.AllocationStrategy }, types.CRAllocationStrategy("")},
		"the bid stays absent": {
			[]createEnvironment{spot},
			func(d types.ComputeEnvironmentDetail) any { return d.ComputeResources.BidPercentage == nil }, true},
		"the update policy stays absent": {
			nil,
			func(d types.ComputeEnvironmentDetail) any { return d.UpdatePolicy == nil }, true},
		"GPU types get the GPU image": {
			[]createEnvironment{resources(func(r *types.ComputeResource) { r.InstanceTypes = []string{"g5.xlarge"} })},
			func(d types.ComputeEnvironmentDetail) any { return *d.ComputeResources.Ec2Configuration[0].ImageType }, "ECS_AL2023_NVIDIA"},
		"Fargate has no desiredvCpus": {
			[]createEnvironment{fargate},
			func(d types.ComputeEnvironmentDetail) any { return d.ComputeResources.DesiredvCpus == nil }, true},
		"an empty role is the service-linked one": {
			[]createEnvironment{func(in *awsbatch.CreateComputeEnvironmentInput) { in.ServiceRole = new("") }},
			func(d types.ComputeEnvironmentDetail) any { return *d.ServiceRole },
			"arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"},
		"unmanaged has no resources": {
			[]createEnvironment{unmanaged, func(in *awsbatch.CreateComputeEnvironmentInput) { in.UnmanagedvCpus = new(int32(8)) }},
			func(d types.ComputeEnvironmentDetail) any { return d.ComputeResources == nil && *d.UnmanagedvCpus == 8 }, true},
		"enumerations may be in any case": {
			[]createEnvironment{spot, func(in *awsbatch.CreateComputeEnvironmentInput) {
				in.Type, in.State = "managed", "enabled"
				in.ComputeResources.Type, in.ComputeResources.AllocationStrategy = "spot", "spot_capacity_optimized_prioritized"
			}},
			func(d types.ComputeEnvironmentDetail) any {
				return fmt.Sprintf("%s %s %s %s", d.Type, d.State, d.ComputeResources.Type, d.ComputeResources.AllocationStrategy)
			}, "MANAGED ENABLED SPOT SPOT_CAPACITY_OPTIMIZED_PRIORITIZED"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.environment(t, "ce", tt.change...)
			if got := tt.look(s.shownEnvironment(t, "ce")); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCreateEnvironmentTwice(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	_, err := s.CreateComputeEnvironment(t.Context(), newEnvironment("ce"))
	wantRefused(t, err, "Object already exists")
}

func TestDesiredVCPUsComeFromTheEngine(t *testing.T) {
	s := newScene(t, func(c *control.Config) {
		c.DesiredVCPUs = func(_ context.Context, env store.Environment) (int32, bool) { return 12, env.Name() == "known" }
	})
	s.environment(t, "known")
	s.environment(t, "unknown")
	if got := *s.shownEnvironment(t, "known").ComputeResources.DesiredvCpus; got != 12 {
		t.Errorf("desiredvCpus = %d, want 12 as the engine has it", got)
	}
	if got := *s.shownEnvironment(t, "unknown").ComputeResources.DesiredvCpus; got != 0 {
		t.Errorf("desiredvCpus = %d, want 0 as was asked for", got)
	}
}

func TestDescribeComputeEnvironments(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"c", "a", "b"} {
		s.environment(t, name, unmanaged)
	}
	names := func(out *awsbatch.DescribeComputeEnvironmentsOutput) string {
		var names []string
		for _, d := range out.ComputeEnvironments {
			names = append(names, *d.ComputeEnvironmentName)
		}
		return strings.Join(names, " ")
	}
	describe := must[*awsbatch.DescribeComputeEnvironmentsOutput](t)
	t.Run("by name or ARN of any account, in that order, without the unknown", func(t *testing.T) {
		out := describe(s.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{ComputeEnvironments: []string{
			"c", "nope", "a b", "arn:aws:batch:us-west-2:000000000000:compute-environment/a", "c", "arn:aws:batch:us-west-2:000000000000:job-queue/b",
		}}))
		if got := names(out); got != "c a" {
			t.Errorf("environments = %q, want c a", got)
		}
		if got := *out.ComputeEnvironments[1].ComputeEnvironmentArn; got != "arn:aws:batch:eu-central-1:123456789012:compute-environment/a" {
			t.Errorf("ARN = %s, want one of this account", got)
		}
	})
	t.Run("all, page by page", func(t *testing.T) {
		first := describe(s.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{MaxResults: new(int32(2))}))
		if got := names(first); got != "a b" || first.NextToken == nil {
			t.Fatalf("first page = %q, token %v, want a b and a token", got, first.NextToken)
		}
		second := describe(s.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{MaxResults: new(int32(2)), NextToken: first.NextToken}))
		if got := names(second); got != "c" || second.NextToken != nil {
			t.Errorf("second page = %q, token %v, want c and no token", got, second.NextToken)
		}
	})
	t.Run("a page that holds exactly the rest has no token", func(t *testing.T) {
		out := describe(s.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{MaxResults: new(int32(3))}))
		if out.NextToken != nil {
			t.Errorf("nextToken = %s, want none", *out.NextToken)
		}
	})
	queueToken := func() *string {
		s.queue(t, "q1", func(in *awsbatch.CreateJobQueueInput) { in.ComputeEnvironmentOrder = order("a") })
		s.queue(t, "q2", func(in *awsbatch.CreateJobQueueInput) { in.ComputeEnvironmentOrder = order("a") })
		return must[*awsbatch.DescribeJobQueuesOutput](t)(s.DescribeJobQueues(t.Context(),
			&awsbatch.DescribeJobQueuesInput{MaxResults: new(int32(1))})).NextToken
	}()
	for name, tt := range map[string]struct {
		in   awsbatch.DescribeComputeEnvironmentsInput
		want string
	}{
		"names and a size": {awsbatch.DescribeComputeEnvironmentsInput{ComputeEnvironments: []string{"a"}, MaxResults: new(int32(1))},
			"ComputeEnvironments and MaxResults cannot both be set"},
		"101 names": {awsbatch.DescribeComputeEnvironmentsInput{ComputeEnvironments: make([]string, 101)},
			"Maximum number of ComputeEnvironments supported is 100."},
		"a size of 0":              {awsbatch.DescribeComputeEnvironmentsInput{MaxResults: new(int32(0))}, "maxResults must be between 1 and 100, got 0."},
		"a size of 101":            {awsbatch.DescribeComputeEnvironmentsInput{MaxResults: new(int32(101))}, "maxResults must be between 1 and 100, got 101."},
		"a token that is none":     {awsbatch.DescribeComputeEnvironmentsInput{NextToken: new("???")}, "nextToken is not valid for this request."},
		"a token of other content": {awsbatch.DescribeComputeEnvironmentsInput{NextToken: new("e30")}, "nextToken is not valid for this request."},
		"a token of another list":  {awsbatch.DescribeComputeEnvironmentsInput{NextToken: queueToken}, "nextToken is not valid for this request."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.DescribeComputeEnvironments(t.Context(), &tt.in)
			wantRefused(t, err, tt.want)
		})
	}
}
