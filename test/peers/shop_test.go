package peers

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// prepare makes the environment "ce", the queue "q" and the definition "d" for EC2 or
// Fargate, in the default VPC that moto has.
func (s *site) prepare(kind types.CRType) {
	s.Helper()
	ctx := s.Context()
	subnets, err := s.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	s.check(err)
	groups, err := s.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	s.check(err)
	r := &types.ComputeResource{
		Type: kind, MaxvCpus: aws.Int32(16),
		Subnets: []string{*subnets.Subnets[0].SubnetId}, SecurityGroupIds: []string{*groups.SecurityGroups[0].GroupId},
	}
	d := &batch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("d"), Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String("busybox"), Command: []string{"sleep", "60"},
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("1")}, {Type: types.ResourceTypeMemory, Value: aws.String("2048")},
			},
		},
	}
	if kind == types.CRTypeFargate {
		d.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
		d.ContainerProperties.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/execution")
	} else {
		r.MinvCpus, r.InstanceTypes, r.InstanceRole = aws.Int32(0), []string{"m5.large"}, aws.String("ecsInstanceRole")
	}
	_, err = s.batch.CreateComputeEnvironment(ctx, &batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("ce"), Type: types.CETypeManaged, ComputeResources: r,
	})
	s.check(err)
	_, err = s.batch.CreateJobQueue(ctx, &batch.CreateJobQueueInput{
		JobQueueName: aws.String("q"), Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: aws.String("ce"), Order: aws.Int32(1)}},
	})
	s.check(err)
	_, err = s.batch.RegisterJobDefinition(ctx, d)
	s.check(err)
}

func (s *site) submit() (id string) {
	s.Helper()
	out, err := s.batch.SubmitJob(s.Context(), &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
	s.check(err)
	return *out.JobId
}

// instances are those of this installation that moto has, ended ones too.
func (s *site) instances(ctx context.Context) []ec2types.Instance {
	s.Helper()
	out, err := s.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("tag:packhorse:deployment"), Values: []string{s.deployment}},
	}})
	s.check(err)
	var all []ec2types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

// launched waits for the one instance that the server launches.
func (s *site) launched() ec2types.Instance {
	s.Helper()
	var all []ec2types.Instance
	s.until("an instance", func(ctx context.Context) bool {
		all = s.instances(ctx)
		return len(all) > 0
	})
	if len(all) != 1 {
		s.Fatalf("%d instances, want one for one job", len(all))
	}
	return all[0]
}

func tag(i ec2types.Instance, key string) string {
	for _, t := range i.Tags {
		if *t.Key == key {
			return *t.Value
		}
	}
	return ""
}

// join does what the ECS agent of an instance does when it has booted.
func (s *site) join(i ec2types.Instance) (cluster string) {
	s.Helper()
	cluster = tag(i, "packhorse:cluster")
	_, err := s.ecs.RegisterContainerInstance(s.Context(), &ecs.RegisterContainerInstanceInput{
		Cluster: &cluster, InstanceIdentityDocument: aws.String(`{"instanceId": "` + *i.InstanceId + `"}`),
	})
	s.check(err)
	return cluster
}

// unfinished counts the jobs of the queue that have not ended.
func (s *site) unfinished(ctx context.Context) int {
	s.Helper()
	n := 0
	for _, status := range []types.JobStatus{
		types.JobStatusSubmitted, types.JobStatusPending, types.JobStatusRunnable, types.JobStatusStarting, types.JobStatusRunning,
	} {
		out, err := s.batch.ListJobs(ctx, &batch.ListJobsInput{JobQueue: aws.String("q"), JobStatus: status})
		s.check(err)
		n += len(out.JobSummaryList)
	}
	return n
}
