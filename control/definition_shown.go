package control

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// A definition is shown as it was registered. AWS Batch adds empty lists and a few
// defaults to that, which clients in loosely typed languages walk through without
// asking whether they are there (seen in the normalising code of
// hashicorp/terraform-provider-aws, internal/service/batch/container_properties.go).
// The functions here add the same, and take nothing away. What they are given they
// do not change.

// latestPlatform is the platform version of Fargate that AWS Batch shows when none
// was asked for.
const latestPlatform = "LATEST"

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// shownContainer returns container properties with the lists and defaults added.
func shownContainer(p *types.ContainerProperties, fargate bool) *types.ContainerProperties {
	if p == nil {
		return nil
	}
	shown := *p
	shown.Command = orEmpty(p.Command)
	shown.Environment = orEmpty(p.Environment)
	shown.MountPoints = orEmpty(p.MountPoints)
	shown.ResourceRequirements = orEmpty(p.ResourceRequirements)
	shown.Secrets = orEmpty(p.Secrets)
	shown.Ulimits = orEmpty(p.Ulimits)
	shown.Volumes = orEmpty(p.Volumes)
	shown.LinuxParameters = shownLinux(p.LinuxParameters)
	shown.LogConfiguration = shownLog(p.LogConfiguration)
	if fargate && (p.FargatePlatformConfiguration == nil || p.FargatePlatformConfiguration.PlatformVersion == nil) {
		shown.FargatePlatformConfiguration = &types.FargatePlatformConfiguration{PlatformVersion: new(latestPlatform)}
	}
	return &shown
}

func shownLinux(p *types.LinuxParameters) *types.LinuxParameters {
	if p == nil {
		return nil
	}
	shown := *p
	shown.Devices = slices.Clone(orEmpty(p.Devices))
	for i, d := range shown.Devices {
		shown.Devices[i].Permissions = orEmpty(d.Permissions)
	}
	shown.Tmpfs = slices.Clone(orEmpty(p.Tmpfs))
	for i, t := range shown.Tmpfs {
		shown.Tmpfs[i].MountOptions = orEmpty(t.MountOptions)
	}
	return &shown
}

func shownLog(p *types.LogConfiguration) *types.LogConfiguration {
	if p == nil {
		return nil
	}
	shown := *p
	shown.Options = nonNil(p.Options)
	shown.SecretOptions = orEmpty(p.SecretOptions)
	return &shown
}

// shownECS does the same for the tasks of several containers.
func shownECS(p *types.EcsProperties, fargate bool) *types.EcsProperties {
	if p == nil {
		return nil
	}
	shown := types.EcsProperties{TaskProperties: slices.Clone(p.TaskProperties)}
	for i := range shown.TaskProperties {
		task := &shown.TaskProperties[i]
		task.Volumes = orEmpty(task.Volumes)
		if fargate && task.PlatformVersion == nil {
			task.PlatformVersion = new(latestPlatform)
		}
		task.Containers = slices.Clone(task.Containers)
		for j := range task.Containers {
			c := &task.Containers[j]
			c.Command = orEmpty(c.Command)
			c.DependsOn = orEmpty(c.DependsOn)
			c.Environment = orEmpty(c.Environment)
			c.MountPoints = orEmpty(c.MountPoints)
			c.ResourceRequirements = orEmpty(c.ResourceRequirements)
			c.Secrets = orEmpty(c.Secrets)
			c.Ulimits = orEmpty(c.Ulimits)
			c.LinuxParameters = shownLinux(c.LinuxParameters)
			c.LogConfiguration = shownLog(c.LogConfiguration)
		}
	}
	return &shown
}

// shownNodes does the same for the ranges of a multi-node parallel job.
func shownNodes(p *types.NodeProperties) *types.NodeProperties {
	if p == nil {
		return nil
	}
	shown := *p
	shown.NodeRangeProperties = slices.Clone(p.NodeRangeProperties)
	for i := range shown.NodeRangeProperties {
		r := &shown.NodeRangeProperties[i]
		r.Container = shownContainer(r.Container, false)
		r.EcsProperties = shownECS(r.EcsProperties, false)
	}
	return &shown
}

func shownRetry(r *types.RetryStrategy) *types.RetryStrategy {
	if r == nil {
		return nil
	}
	shown := *r
	shown.EvaluateOnExit = orEmpty(r.EvaluateOnExit)
	return &shown
}
