// Package fleet sees and ends what a deployment has in EC2, for package internal/deploy.
// It is a package of its own because it links the SDK's client of EC2, the largest there
// is.
package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// Tags of instances, beside that of the deployment.
const (
	environmentTag = "packhorse:environment" // the compute environment it was launched for
	adoptedTag     = "packhorse:adopted"     // somebody else launched it
	tagPrefix      = "packhorse:"
)

const (
	maxPages = 200 // of a listing
	perPage  = 200 // entries of one; launch templates come 200 at a time at most
	// perCall is how many instances are ended by one call; the EC2 API reference advises
	// not to end more than some thousand at once.
	perCall = 500
)

// client is the part of EC2 that a deployment needs.
type client interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
	DeleteTags(context.Context, *ec2.DeleteTagsInput, ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error)
	DescribeLaunchTemplates(context.Context, *ec2.DescribeLaunchTemplatesInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplatesOutput, error)
	DeleteLaunchTemplate(context.Context, *ec2.DeleteLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error)
}

// EC2 is a deploy.Fleet.
type EC2 struct{ client client }

// Open returns the fleet of cfg's account and region.
func Open(cfg aws.Config) deploy.Fleet { return EC2{ec2.NewFromConfig(cfg)} }

func ofDeployment(deployment string) types.Filter {
	return types.Filter{Name: aws.String("tag:" + infra.DeploymentTag), Values: []string{deployment}}
}

// Instances is said in deploy.Fleet.
func (e EC2) Instances(ctx context.Context, deployment string) ([]deploy.Instance, error) {
	var all []deploy.Instance
	in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(perPage), Filters: []types.Filter{
		ofDeployment(deployment),
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
	}}
	for range maxPages {
		out, err := e.client.DescribeInstances(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				all = append(all, instance(i))
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	return all, nil
}

func instance(i types.Instance) deploy.Instance {
	found := deploy.Instance{
		ID: aws.ToString(i.InstanceId), Type: string(i.InstanceType), Launched: aws.ToTime(i.LaunchTime),
		Spot: i.InstanceLifecycle == types.InstanceLifecycleTypeSpot,
	}
	if i.State != nil {
		found.State = string(i.State.Name)
	}
	if i.Placement != nil {
		found.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	for _, t := range i.Tags {
		switch aws.ToString(t.Key) {
		case environmentTag:
			found.Environment = aws.ToString(t.Value)
		case adoptedTag:
			found.Adopted = true
		}
	}
	return found
}

// Terminate is said in deploy.Fleet.
func (e EC2) Terminate(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, perCall) {
		_, err := e.client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: some})
		if err != nil && !isCode(err, "InvalidInstanceID.NotFound") {
			return err
		}
	}
	return nil
}

// Release is said in deploy.Fleet.
func (e EC2) Release(ctx context.Context, ids []string) error {
	out, err := e.client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		return err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			var tags []types.Tag
			for _, t := range i.Tags {
				if strings.HasPrefix(aws.ToString(t.Key), tagPrefix) {
					tags = append(tags, types.Tag{Key: t.Key})
				}
			}
			if len(tags) == 0 {
				continue
			}
			if _, err := e.client.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{aws.ToString(i.InstanceId)}, Tags: tags}); err != nil {
				return err
			}
		}
	}
	return nil
}

// LaunchTemplates is said in deploy.Fleet.
func (e EC2) LaunchTemplates(ctx context.Context, deployment string) ([]string, error) {
	var all []string
	in := &ec2.DescribeLaunchTemplatesInput{MaxResults: aws.Int32(perPage), Filters: []types.Filter{ofDeployment(deployment)}}
	for range maxPages {
		out, err := e.client.DescribeLaunchTemplates(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, t := range out.LaunchTemplates {
			all = append(all, aws.ToString(t.LaunchTemplateId))
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	return all, nil
}

// DeleteLaunchTemplate is said in deploy.Fleet.
func (e EC2) DeleteLaunchTemplate(ctx context.Context, id string) error {
	_, err := e.client.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: aws.String(id)})
	if isCode(err, "InvalidLaunchTemplateId.NotFound") {
		return nil
	}
	return err
}

func isCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
