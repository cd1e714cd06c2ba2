package cli

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// What a job of an image gets unless the flags say otherwise.
const (
	adhocVCPUs     = "1"
	adhocMemoryMiB = "1024"
)

// adhocDefinition returns the ARN of a definition that does nothing but name image. The
// command, the environment and the resources of each job go into its overrides, so one
// definition serves all jobs of an image: it is registered once and found again later.
func (c *client) adhocDefinition(ctx context.Context, image string) (string, error) {
	name := adhocName(image)
	known, err := c.definitions(ctx, batch.DescribeJobDefinitionsInput{
		JobDefinitionName: aws.String(name), Status: aws.String("ACTIVE"),
	})
	if err != nil {
		return "", err
	}
	for _, d := range known {
		if isAdhoc(d, image) {
			return aws.ToString(d.JobDefinitionArn), nil
		}
	}
	out, err := c.batch.RegisterJobDefinition(ctx, &batch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String(name),
		Type:              types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String(image),
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String(adhocVCPUs)},
				{Type: types.ResourceTypeMemory, Value: aws.String(adhocMemoryMiB)},
			},
		},
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.JobDefinitionArn), nil
}

func adhocName(image string) string {
	name := "adhoc-" + asName(image)
	return name[:min(len(name), maxName)]
}

// isAdhoc reports whether d is what adhocDefinition would register for image. A server
// may add empty lists to what it was given; anything of substance makes it another one.
func isAdhoc(d types.JobDefinition, image string) bool {
	p := d.ContainerProperties
	if p == nil || aws.ToString(p.Image) != image || len(d.Parameters) > 0 || d.Timeout != nil && d.Timeout.AttemptDurationSeconds != nil {
		return false
	}
	if len(p.Command) > 0 || len(p.Environment) > 0 || len(p.Volumes) > 0 || len(p.Secrets) > 0 || p.JobRoleArn != nil || p.ExecutionRoleArn != nil {
		return false
	}
	vcpus, memory := "", ""
	for _, r := range p.ResourceRequirements {
		switch r.Type {
		case types.ResourceTypeVcpu:
			vcpus = aws.ToString(r.Value)
		case types.ResourceTypeMemory:
			memory = aws.ToString(r.Value)
		default:
			return false
		}
	}
	return vcpus == adhocVCPUs && memory == adhocMemoryMiB
}
