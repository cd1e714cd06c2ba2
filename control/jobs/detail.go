package jobs

import (
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// container builds the container member of a job: what runs, and how its latest
// attempt went. It is there for every job, also for arrays and for what never ran:
// clients read it without looking.
func (s *Jobs) container(job batch.Job, m batch.Effective, attempts []batch.Attempt) *types.ContainerDetail {
	if m.Container == nil {
		return &types.ContainerDetail{}
	}
	c := m.Container
	d := &types.ContainerDetail{
		Image: c.Image, Command: list(c.Command), Environment: list(c.Environment),
		EphemeralStorage: c.EphemeralStorage, ExecutionRoleArn: c.ExecutionRoleArn,
		EnableExecuteCommand: c.EnableExecuteCommand, FargatePlatformConfiguration: c.FargatePlatformConfiguration,
		InstanceType: c.InstanceType, JobRoleArn: c.JobRoleArn, LinuxParameters: c.LinuxParameters,
		LogConfiguration: c.LogConfiguration, Memory: c.Memory, MountPoints: list(c.MountPoints),
		NetworkConfiguration: c.NetworkConfiguration, NetworkInterfaces: []types.NetworkInterface{},
		Privileged: c.Privileged, ReadonlyRootFilesystem: c.ReadonlyRootFilesystem,
		RepositoryCredentials: c.RepositoryCredentials, ResourceRequirements: list(c.ResourceRequirements),
		RuntimePlatform: c.RuntimePlatform, Secrets: list(c.Secrets), Ulimits: list(c.Ulimits),
		User: c.User, Vcpus: c.Vcpus, Volumes: list(c.Volumes),
	}
	placement, last := latest(job, attempts)
	if placement != nil {
		d.TaskArn = new(s.Account.TaskARN(*placement))
		if job.StartedAt > 0 {
			d.LogStreamName = new(batch.LogStream(job.Definition, m.Containers()[0], placement.TaskID()))
		}
		d.ContainerInstanceArn = s.instance(*placement)
	}
	if last != nil {
		d.ExitCode, d.Reason = last.ExitCode, optional(last.Reason)
	}
	return d
}

// latest returns the placement of the current attempt, or the last that ended with
// its placement.
func latest(job batch.Job, attempts []batch.Attempt) (*batch.Placement, *batch.Attempt) {
	if job.Placement != nil {
		return job.Placement, nil
	}
	if len(attempts) == 0 {
		return nil, nil
	}
	last := &attempts[len(attempts)-1]
	return &last.Placement, last
}

func (s *Jobs) instance(p batch.Placement) *string {
	if p.Host == "" {
		return nil
	}
	return new(s.Account.InstanceARN(p.Cluster, p.Host, p.HostRef))
}

// attempt builds one entry of attempts.
func (s *Jobs) attempt(job batch.Job, a batch.Attempt, m batch.Effective) types.AttemptDetail {
	task := new(s.Account.TaskARN(a.Placement))
	// A log stream exists once the container ran.
	stream := func(c types.TaskContainerProperties) *string {
		if a.StartedAt == 0 {
			return nil
		}
		return new(batch.LogStream(job.Definition, c, a.Placement.TaskID()))
	}
	d := types.AttemptDetail{
		StartedAt: millis(a.StartedAt), StoppedAt: millis(a.StoppedAt), StatusReason: optional(a.StatusReason),
		Container: &types.AttemptContainerDetail{
			TaskArn: task, ContainerInstanceArn: s.instance(a.Placement), ExitCode: a.ExitCode,
			Reason: optional(a.Reason), LogStreamName: stream(m.Containers()[0]),
			NetworkInterfaces: []types.NetworkInterface{},
		},
	}
	if m.Ecs != nil {
		props := types.AttemptEcsTaskDetails{TaskArn: task, ContainerInstanceArn: s.instance(a.Placement)}
		for _, c := range m.Containers() {
			detail := types.AttemptTaskContainerDetails{
				Name: c.Name, LogStreamName: stream(c), NetworkInterfaces: []types.NetworkInterface{},
			}
			for _, exit := range a.Containers {
				if exit.Name == deref(c.Name) {
					detail.ExitCode, detail.Reason = exit.ExitCode, optional(exit.Reason)
				}
			}
			props.Containers = append(props.Containers, detail)
		}
		d.Container = &types.AttemptContainerDetail{NetworkInterfaces: []types.NetworkInterface{}}
		d.TaskProperties = []types.AttemptEcsTaskDetails{props}
	}
	return d
}

// ecs builds the ecsProperties member of a job of several containers.
func (s *Jobs) ecs(job batch.Job, m batch.Effective, attempts []batch.Attempt) *types.EcsPropertiesDetail {
	placement, last := latest(job, attempts)
	out := &types.EcsPropertiesDetail{}
	for _, t := range m.Ecs.TaskProperties {
		d := types.EcsTaskDetails{
			EnableExecuteCommand: t.EnableExecuteCommand, EphemeralStorage: t.EphemeralStorage,
			ExecutionRoleArn: t.ExecutionRoleArn, IpcMode: t.IpcMode, NetworkConfiguration: t.NetworkConfiguration,
			PidMode: t.PidMode, PlatformVersion: t.PlatformVersion, RuntimePlatform: t.RuntimePlatform,
			TaskRoleArn: t.TaskRoleArn, Volumes: list(t.Volumes),
		}
		if placement != nil {
			d.TaskArn, d.ContainerInstanceArn = new(s.Account.TaskARN(*placement)), s.instance(*placement)
		}
		for _, c := range t.Containers {
			cd := types.TaskContainerDetails{
				Command: list(c.Command), DependsOn: list(c.DependsOn), Environment: list(c.Environment),
				Essential: c.Essential, FirelensConfiguration: c.FirelensConfiguration, Image: c.Image,
				LinuxParameters: c.LinuxParameters, LogConfiguration: c.LogConfiguration,
				MountPoints: list(c.MountPoints), Name: c.Name, Privileged: c.Privileged,
				NetworkInterfaces:      []types.NetworkInterface{},
				ReadonlyRootFilesystem: c.ReadonlyRootFilesystem, RepositoryCredentials: c.RepositoryCredentials,
				ResourceRequirements: list(c.ResourceRequirements), Secrets: list(c.Secrets),
				StartTimeout: c.StartTimeout, StopTimeout: c.StopTimeout, Ulimits: list(c.Ulimits), User: c.User,
			}
			if placement != nil && job.StartedAt > 0 {
				cd.LogStreamName = optional(batch.LogStream(job.Definition, c, placement.TaskID()))
			}
			if last != nil {
				for _, e := range last.Containers {
					if e.Name == deref(c.Name) {
						cd.ExitCode, cd.Reason = e.ExitCode, optional(e.Reason)
					}
				}
			}
			d.Containers = append(d.Containers, cd)
		}
		out.TaskProperties = append(out.TaskProperties, d)
	}
	return out
}

// list returns s, or an empty list for none: AWS Batch writes these members as [].
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
