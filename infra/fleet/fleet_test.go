package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// cloud is an EC2 that filters by tag and state, and has one instance on each page.
type cloud struct {
	instances []types.Instance
	templates []string
	failure   error
}

func tagged(id, state string, tags ...string) types.Instance {
	i := types.Instance{InstanceId: aws.String(id), State: &types.InstanceState{Name: types.InstanceStateName(state)}}
	for n := 0; n < len(tags); n += 2 {
		i.Tags = append(i.Tags, types.Tag{Key: aws.String(tags[n]), Value: aws.String(tags[n+1])})
	}
	return i
}

func (c *cloud) matches(i types.Instance, in *ec2.DescribeInstancesInput) bool {
	if len(in.InstanceIds) > 0 {
		return slices.Contains(in.InstanceIds, *i.InstanceId)
	}
	for _, f := range in.Filters {
		ok := *f.Name == "instance-state-name" && slices.Contains(f.Values, string(i.State.Name))
		for _, t := range i.Tags {
			ok = ok || *f.Name == "tag:"+*t.Key && slices.Contains(f.Values, *t.Value)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (c *cloud) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out := &ec2.DescribeInstancesOutput{}
	for _, i := range c.instances {
		id := *i.InstanceId
		if !c.matches(i, in) || in.NextToken != nil && id <= *in.NextToken {
			continue
		}
		if len(out.Reservations) == 1 && len(in.InstanceIds) == 0 {
			out.NextToken = out.Reservations[0].Instances[0].InstanceId
			return out, nil
		}
		out.Reservations = append(out.Reservations, types.Reservation{Instances: []types.Instance{i}})
	}
	return out, nil
}

func (c *cloud) TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	return &ec2.TerminateInstancesOutput{}, c.failure
}

func (c *cloud) DeleteTags(_ context.Context, in *ec2.DeleteTagsInput, _ ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error) {
	for n, i := range c.instances {
		if slices.Contains(in.Resources, *i.InstanceId) {
			c.instances[n].Tags = slices.DeleteFunc(i.Tags, func(t types.Tag) bool {
				return slices.ContainsFunc(in.Tags, func(gone types.Tag) bool { return *gone.Key == *t.Key })
			})
		}
	}
	return &ec2.DeleteTagsOutput{}, nil
}

func (c *cloud) DescribeLaunchTemplates(context.Context, *ec2.DescribeLaunchTemplatesInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplatesOutput, error) {
	out := &ec2.DescribeLaunchTemplatesOutput{}
	for _, id := range c.templates {
		out.LaunchTemplates = append(out.LaunchTemplates, types.LaunchTemplate{LaunchTemplateId: aws.String(id)})
	}
	return out, nil
}

func (c *cloud) DeleteLaunchTemplate(context.Context, *ec2.DeleteLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error) {
	return &ec2.DeleteLaunchTemplateOutput{}, c.failure
}

func TestInstancesAreThoseOfTheDeploymentThatCostSomething(t *testing.T) {
	launched := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	full := tagged("i-1", "running", infra.DeploymentTag, "mine", environmentTag, "fleet")
	full.InstanceType, full.InstanceLifecycle, full.LaunchTime = "m5.large", types.InstanceLifecycleTypeSpot, &launched
	full.Placement = &types.Placement{AvailabilityZone: aws.String("eu-central-1a")}
	e := EC2{&cloud{instances: []types.Instance{
		full,
		tagged("i-2", "terminated", infra.DeploymentTag, "mine"),
		tagged("i-3", "shutting-down", infra.DeploymentTag, "mine"),
		tagged("i-4", "running", infra.DeploymentTag, "another"),
		tagged("i-5", "stopped", infra.DeploymentTag, "mine", adoptedTag, "true"),
	}}}
	got, err := e.Instances(t.Context(), "mine")
	want := []deploy.Instance{
		{ID: "i-1", Type: "m5.large", State: "running", Zone: "eu-central-1a", Environment: "fleet", Spot: true, Launched: launched},
		{ID: "i-5", State: "stopped", Adopted: true},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Instances: %v (-want +got):\n%s", err, diff)
	}
}

func TestReleasedInstancesKeepTheTagsOfTheirOwner(t *testing.T) {
	c := &cloud{instances: []types.Instance{tagged("i-1", "running", infra.DeploymentTag, "mine", adoptedTag, "true", "Name", "theirs")}}
	if err := (EC2{c}).Release(t.Context(), []string{"i-1"}); err != nil {
		t.Fatal(err)
	}
	if tags := c.instances[0].Tags; len(tags) != 1 || *tags[0].Key != "Name" {
		t.Errorf("tags left: %v, want Name", tags)
	}
}

func TestWhatIsGoneAlreadyIsNoError(t *testing.T) {
	e := EC2{&cloud{failure: &smithy.GenericAPIError{Code: "InvalidInstanceID.NotFound"}}}
	if err := e.Terminate(t.Context(), []string{"i-1"}); err != nil {
		t.Errorf("Terminate = %v", err)
	}
	e = EC2{&cloud{failure: &smithy.GenericAPIError{Code: "InvalidLaunchTemplateId.NotFound"}}}
	if err := e.DeleteLaunchTemplate(t.Context(), "lt-1"); err != nil {
		t.Errorf("DeleteLaunchTemplate = %v", err)
	}
	refused := errors.New("refused")
	e = EC2{&cloud{failure: refused}}
	if err := e.Terminate(t.Context(), []string{"i-1"}); !errors.Is(err, refused) {
		t.Errorf("Terminate = %v, want %v", err, refused)
	}
}
