package fakeaws

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// definition is a revision of a task definition.
type definition struct {
	is   types.TaskDefinition
	tags []types.Tag
}

var ecsName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// RegisterTaskDefinition makes the next revision of a family.
func (e *ECS) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	return call(ctx, e.c, "ecs.RegisterTaskDefinition", in, e.c.registerTaskDefinition)
}

func (c *Cloud) registerTaskDefinition(in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := validDefinition(in); err != nil {
		return nil, err
	}
	family := *in.Family
	revision := len(c.definitions[family]) + 1
	compatibilities := []types.Compatibility{types.CompatibilityEc2}
	if in.NetworkMode == types.NetworkModeAwsvpc && in.Cpu != nil && in.Memory != nil {
		compatibilities = append(compatibilities, types.CompatibilityFargate)
	}
	d := &definition{tags: in.Tags, is: types.TaskDefinition{
		Family: in.Family, Revision: int32(revision), Status: types.TaskDefinitionStatusActive, RegisteredAt: aws.Time(c.now()),
		RegisteredBy: aws.String(c.creator()), TaskDefinitionArn: aws.String(c.arn("ecs", "task-definition", fmt.Sprintf("%s:%d", family, revision))),
		ContainerDefinitions: in.ContainerDefinitions, Cpu: in.Cpu, Memory: in.Memory, EphemeralStorage: in.EphemeralStorage,
		ExecutionRoleArn: in.ExecutionRoleArn, TaskRoleArn: in.TaskRoleArn, NetworkMode: in.NetworkMode, IpcMode: in.IpcMode, PidMode: in.PidMode,
		PlacementConstraints: in.PlacementConstraints, RequiresCompatibilities: in.RequiresCompatibilities, Compatibilities: compatibilities,
		RuntimePlatform: in.RuntimePlatform, Volumes: in.Volumes,
	}}
	c.definitions[family] = append(c.definitions[family], d)
	is := d.is
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &is, Tags: d.tags}, nil
}

func validDefinition(in *ecs.RegisterTaskDefinitionInput) error {
	const largest = 64 << 10 // bytes of JSON, ECS service quotas
	switch {
	case value(in.Family) == "":
		return refuse("ClientException", "Family should not be null or empty.")
	case !ecsName.MatchString(*in.Family):
		return refuse("ClientException", "Family contains invalid characters.")
	case len(in.ContainerDefinitions) == 0:
		return refuse("ClientException", "Container list cannot be empty.")
	}
	if text, err := shapes.LowerJSON(in); err != nil || len(text) > largest {
		return refuse("ClientException", "Actual length: '%d'. Max allowed length is '%d' bytes.", len(text), largest)
	}
	if err := validECSTags(in.Tags); err != nil {
		return err
	}
	fargate := slices.Contains(in.RequiresCompatibilities, types.CompatibilityFargate)
	if fargate {
		if err := validFargate(in); err != nil {
			return err
		}
	}
	names := map[string]bool{}
	essential := false
	for i := range in.ContainerDefinitions {
		d := &in.ContainerDefinitions[i]
		if err := validContainer(d, in); err != nil {
			return err
		}
		if names[*d.Name] {
			return refuse("ClientException", "Container names are not unique: %s", *d.Name)
		}
		names[*d.Name] = true
		if d.Essential == nil {
			d.Essential = aws.Bool(true) // ECS's default
		}
		essential = essential || *d.Essential
	}
	if !essential {
		return refuse("ClientException", "Task definition does not have any essential containers.")
	}
	for _, d := range in.ContainerDefinitions {
		for _, on := range d.DependsOn {
			if !names[value(on.ContainerName)] {
				return refuse("ClientException", "Container '%s' depends on container '%s', which is not defined.", *d.Name, value(on.ContainerName))
			}
		}
	}
	return nil
}

func validContainer(d *types.ContainerDefinition, in *ecs.RegisterTaskDefinitionInput) error {
	const leastMemory = 4 // MiB
	switch {
	case value(d.Name) == "":
		return refuse("ClientException", "Container.name should not be null or empty.")
	case !ecsName.MatchString(*d.Name):
		return refuse("ClientException", "Container name %q contains invalid characters.", *d.Name)
	case value(d.Image) == "":
		return refuse("ClientException", "Container.image should not be null or empty.")
	case d.Memory == nil && d.MemoryReservation == nil && in.Memory == nil:
		return refuse("ClientException", "Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", *d.Name)
	case d.Memory != nil && *d.Memory < leastMemory:
		return refuse("ClientException", "Invalid 'memory' setting for container '%s': at least %d MiB.", *d.Name, leastMemory)
	}
	for _, m := range d.MountPoints {
		if !slices.ContainsFunc(in.Volumes, func(v types.Volume) bool { return value(v.Name) == value(m.SourceVolume) }) {
			return refuse("ClientException", "Unknown volume '%s'.", value(m.SourceVolume))
		}
	}
	for _, r := range d.ResourceRequirements {
		if n, err := strconv.Atoi(value(r.Value)); r.Type == types.ResourceTypeGpu && (err != nil || n < 1) {
			return refuse("ClientException", "Invalid GPU count %q for container '%s'.", value(r.Value), *d.Name)
		}
	}
	log := d.LogConfiguration
	if log == nil || log.LogDriver != types.LogDriverAwslogs {
		return nil
	}
	for _, option := range []string{"awslogs-group", "awslogs-region"} {
		if log.Options[option] == "" {
			return refuse("ClientException", "Log driver awslogs requires options: awslogs-region, awslogs-group")
		}
	}
	if slices.Contains(in.RequiresCompatibilities, types.CompatibilityFargate) && log.Options["awslogs-stream-prefix"] == "" {
		return refuse("ClientException", "Log driver awslogs requires option 'awslogs-stream-prefix' for FARGATE tasks")
	}
	return nil
}

// definition finds a task definition by ARN, "family:revision" or "family", which is
// the latest active one; nil if there is none.
func (c *Cloud) definition(name string) *definition {
	family, revision, numbered := strings.Cut(lastPart(name), ":")
	all := c.definitions[family]
	if !numbered {
		for _, d := range slices.Backward(all) {
			if d.is.Status == types.TaskDefinitionStatusActive {
				return d
			}
		}
		return nil
	}
	n, err := strconv.Atoi(revision)
	if err != nil || n < 1 || n > len(all) {
		return nil
	}
	return all[n-1]
}

// DescribeTaskDefinition describes a revision, also an INACTIVE one.
func (e *ECS) DescribeTaskDefinition(ctx context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return call(ctx, e.c, "ecs.DescribeTaskDefinition", in, func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
		d := e.c.definition(value(in.TaskDefinition))
		if d == nil {
			return nil, refuse("ClientException", "Unable to describe task definition.")
		}
		is := d.is
		out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &is}
		if slices.Contains(in.Include, types.TaskDefinitionFieldTags) {
			out.Tags = d.tags
		}
		return out, nil
	})
}

// DeregisterTaskDefinition makes a revision INACTIVE: it is described, and runs no new
// task. Its name must have a revision.
func (e *ECS) DeregisterTaskDefinition(ctx context.Context, in *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	return call(ctx, e.c, "ecs.DeregisterTaskDefinition", in, func(in *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
		name := lastPart(value(in.TaskDefinition))
		d := e.c.definition(name)
		switch {
		case !strings.Contains(name, ":"):
			return nil, refuse("ClientException", "Invalid revision number. Number: null")
		case d == nil:
			return nil, refuse("ClientException", "Unable to describe task definition.")
		case d.is.Status == types.TaskDefinitionStatusActive:
			d.is.Status, d.is.DeregisteredAt = types.TaskDefinitionStatusInactive, aws.Time(e.c.now())
		}
		is := d.is
		return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &is}, nil
	})
}

// ListTaskDefinitions lists revisions by family, ascending unless asked otherwise.
func (e *ECS) ListTaskDefinitions(ctx context.Context, in *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	return call(ctx, e.c, "ecs.ListTaskDefinitions", in, func(in *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
		status := cmp.Or(in.Status, types.TaskDefinitionStatusActive)
		all := []string{}
		for _, family := range slices.Sorted(maps.Keys(e.c.definitions)) {
			if in.FamilyPrefix != nil && family != *in.FamilyPrefix { // despite its name it is the whole family
				continue
			}
			for _, d := range e.c.definitions[family] {
				if d.is.Status == status {
					all = append(all, *d.is.TaskDefinitionArn)
				}
			}
		}
		if in.Sort == types.SortOrderDesc {
			slices.Reverse(all)
		}
		page, next, err := listed(all, in.NextToken, in.MaxResults)
		if err != nil {
			return nil, err
		}
		return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: page, NextToken: next}, nil
	})
}

// ListTaskDefinitionFamilies lists families by prefix: those with an ACTIVE revision,
// those that have none any more, or all.
func (e *ECS) ListTaskDefinitionFamilies(ctx context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	return call(ctx, e.c, "ecs.ListTaskDefinitionFamilies", in, func(in *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
		status := cmp.Or(in.Status, types.TaskDefinitionFamilyStatusAll) // that is its default, unlike that of ListTaskDefinitions
		all := []string{}
		for _, family := range slices.Sorted(maps.Keys(e.c.definitions)) {
			is := types.TaskDefinitionFamilyStatusInactive
			deleted := true
			for _, d := range e.c.definitions[family] {
				if d.is.Status == types.TaskDefinitionStatusActive {
					is = types.TaskDefinitionFamilyStatusActive
				}
				deleted = deleted && d.is.Status == types.TaskDefinitionStatusDeleteInProgress
			}
			if !deleted && strings.HasPrefix(family, value(in.FamilyPrefix)) && (status == types.TaskDefinitionFamilyStatusAll || status == is) {
				all = append(all, family)
			}
		}
		page, next, err := listed(all, in.NextToken, in.MaxResults)
		if err != nil {
			return nil, err
		}
		return &ecs.ListTaskDefinitionFamiliesOutput{Families: page, NextToken: next}, nil
	})
}

// DeleteTaskDefinitions begins to delete up to ten INACTIVE revisions. They are
// described as DELETE_IN_PROGRESS from then on, and this fake leaves it at that.
func (e *ECS) DeleteTaskDefinitions(ctx context.Context, in *ecs.DeleteTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error) {
	return call(ctx, e.c, "ecs.DeleteTaskDefinitions", in, func(in *ecs.DeleteTaskDefinitionsInput) (*ecs.DeleteTaskDefinitionsOutput, error) {
		const most = 10
		if n := len(in.TaskDefinitions); n == 0 || n > most {
			return nil, refuse("InvalidParameterException", "taskDefinitions must have 1 to %d elements, not %d.", most, n)
		}
		out := &ecs.DeleteTaskDefinitionsOutput{TaskDefinitions: []types.TaskDefinition{}, Failures: []types.Failure{}}
		for _, name := range in.TaskDefinitions {
			d := e.c.definition(name)
			switch {
			case d == nil:
				out.Failures = append(out.Failures, failure(name, "TASK_DEFINITION_NOT_FOUND"))
			case d.is.Status == types.TaskDefinitionStatusActive:
				out.Failures = append(out.Failures, failure(name, "The specified task definition is still in ACTIVE status. Please deregister the target and try again."))
			default:
				d.is.Status, d.is.DeleteRequestedAt = types.TaskDefinitionStatusDeleteInProgress, aws.Time(e.c.now())
				out.TaskDefinitions = append(out.TaskDefinitions, d.is)
			}
		}
		return out, nil
	})
}
