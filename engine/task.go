package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// work is a submission with its definition applied, as tasks are made from it.
type work struct {
	batch.Effective
	tags map[string]string
	size int // children of the array, 0 for a plain job
}

// workOf loads what a job runs.
func (e *Engine) workOf(ctx context.Context, j batch.Job) (work, error) {
	spec, err := e.Records.SpecOf(ctx, j)
	if err != nil {
		return work{}, err
	}
	name, revision, _ := strings.Cut(spec.Definition, ":")
	number, _ := strconv.Atoi(revision)
	def, err := e.Records.ViewDefinition(ctx, name, int32(number))
	if err != nil {
		return work{}, fmt.Errorf("job definition %s: %w", spec.Definition, err)
	}
	merged, err := batch.Merge(&def.Detail, spec.Request)
	if err != nil {
		return work{}, err
	}
	w := work{Effective: merged, tags: map[string]string{}}
	if deref(merged.Propagate) {
		maps.Copy(w.tags, def.Detail.Tags)
		maps.Copy(w.tags, spec.Tags)
	}
	if spec.Request.ArrayProperties != nil {
		w.size = int(deref(spec.Request.ArrayProperties.Size))
	}
	return w, nil
}

// task makes the task of a job's current attempt. An error that is a *batch.Error
// is the job's own; it cannot run.
func (e *Engine) task(ctx context.Context, j batch.Job) (compute.Task, error) {
	w, err := e.workOf(ctx, j)
	if err != nil {
		return compute.Task{}, err
	}
	t := compute.Task{
		ID: j.Placement.Task, JobID: j.ID, Attempt: j.Attempts, Cluster: j.Placement.Cluster,
		Host: j.Placement.Host, Tags: w.tags, Definition: j.Definition,
	}
	if e.ECS {
		if t.Elsewhere, err = e.elsewhere(ctx, j, w); err != nil {
			return t, err
		}
	}
	for _, v := range w.Volumes() {
		volume, err := e.volume(v)
		if err != nil {
			return t, err
		}
		t.Volumes = append(t.Volumes, volume)
	}
	for _, c := range w.Containers() {
		container, err := e.container(j, w, c)
		if err != nil {
			return t, err
		}
		t.Containers = append(t.Containers, container)
	}
	return t, nil
}

func (e *Engine) volume(v types.Volume) (compute.Volume, error) {
	out := compute.Volume{Name: deref(v.Name)}
	switch {
	case e.ECS && v.EfsVolumeConfiguration != nil:
		out.EFS = v.EfsVolumeConfiguration
	case v.EfsVolumeConfiguration != nil, v.S3filesVolumeConfiguration != nil:
		return out, &batch.Error{Code: batch.CodeInvalid,
			Message: fmt.Sprintf("ResourceInitializationError: volume %s is on EFS or S3 Files, which are not here.", out.Name),
			Next:    "use host.sourcePath in the job definition"}
	case v.Host != nil:
		out.HostPath = deref(v.Host.SourcePath)
	}
	return out, nil
}

func (e *Engine) container(j batch.Job, w work, c types.TaskContainerProperties) (compute.Container, error) {
	need, err := batch.NeedOf(c.ResourceRequirements)
	if err != nil {
		return compute.Container{}, err
	}
	out := compute.Container{
		Name: deref(c.Name), Image: deref(c.Image), Command: c.Command, Need: need,
		Essential: c.Essential == nil || *c.Essential,
		User:      deref(c.User), Privileged: deref(c.Privileged), ReadonlyRoot: deref(c.ReadonlyRootFilesystem),
		LogGroup: batch.LogGroup(c), LogStream: batch.LogStream(j.Definition, c, j.Placement.Task),
		StopTimeout: time.Duration(deref(c.StopTimeout)) * time.Second,
	}
	for _, d := range c.DependsOn {
		out.DependsOn = append(out.DependsOn, compute.Dependency{Container: deref(d.ContainerName), Condition: deref(d.Condition)})
	}
	if out.Env, err = e.environ(j, w, c); err != nil {
		return out, err
	}
	if e.ECS {
		for _, s := range c.Secrets {
			out.Secrets = append(out.Secrets, compute.Secret{Name: deref(s.Name), ValueFrom: deref(s.ValueFrom)})
		}
		out.Log = c.LogConfiguration
		if c.RepositoryCredentials != nil {
			out.Credentials = deref(c.RepositoryCredentials.CredentialsParameter)
		}
	}
	for _, m := range c.MountPoints {
		out.Mounts = append(out.Mounts, compute.Mount{
			Volume: deref(m.SourceVolume), Path: deref(m.ContainerPath), ReadOnly: deref(m.ReadOnly),
		})
	}
	for _, u := range c.Ulimits {
		out.Ulimits = append(out.Ulimits, compute.Ulimit{
			Name: deref(u.Name), Soft: int64(deref(u.SoftLimit)), Hard: int64(deref(u.HardLimit)),
		})
	}
	linux(&out, c.LinuxParameters)
	return out, nil
}

// linux applies linuxParameters.
func linux(out *compute.Container, p *types.LinuxParameters) {
	if p == nil {
		return
	}
	out.Init = deref(p.InitProcessEnabled)
	out.SharedMiB = int64(deref(p.SharedMemorySize))
	if p.MaxSwap != nil {
		swap := int64(*p.MaxSwap)
		out.MaxSwapMiB = &swap
		if p.Swappiness != nil { // ignored without maxSwap
			swappiness := int64(*p.Swappiness)
			out.Swappiness = &swappiness
		}
	}
	for _, d := range p.Devices {
		device := compute.Device{HostPath: deref(d.HostPath), ContainerPath: deref(d.ContainerPath)}
		for _, permission := range d.Permissions {
			device.Permissions += map[types.DeviceCgroupPermission]string{
				types.DeviceCgroupPermissionRead:  "r",
				types.DeviceCgroupPermissionWrite: "w",
				types.DeviceCgroupPermissionMknod: "m",
			}[permission]
		}
		out.Devices = append(out.Devices, device)
	}
	for _, t := range p.Tmpfs {
		out.Tmpfs = append(out.Tmpfs, compute.Tmpfs{
			Path: deref(t.ContainerPath), SizeMiB: int64(deref(t.Size)), Options: t.MountOptions,
		})
	}
}

// environ is a container's environment: what the job says, then the variables of
// the runtime contract (user guide, "AWS Batch job environment variables"), which
// win. AWS_BATCH_JOB_ARRAY_SIZE is ours: AWS Batch has no variable for it.
func (e *Engine) environ(j batch.Job, w work, c types.TaskContainerProperties) ([]compute.EnvVar, error) {
	var env []compute.EnvVar
	set := func(name, value string) {
		at := slices.IndexFunc(env, func(v compute.EnvVar) bool { return v.Name == name })
		if at < 0 {
			env = append(env, compute.EnvVar{Name: name, Value: value})
		} else {
			env[at].Value = value
		}
	}
	for _, kv := range c.Environment {
		set(deref(kv.Name), deref(kv.Value))
	}
	for _, s := range c.Secrets {
		if e.ECS {
			break
		}
		value, ok := "", false
		if e.Secret != nil {
			value, ok = e.Secret(deref(s.Name), deref(s.ValueFrom))
		}
		if !ok {
			return nil, &batch.Error{Code: batch.CodeInvalid,
				Message: fmt.Sprintf("ResourceInitializationError: secret %s (%s) is not known here.", deref(s.Name), deref(s.ValueFrom)),
				Next:    "start the server with the environment variable PACKHORSE_SECRET_" + deref(s.Name)}
		}
		set(deref(s.Name), value)
	}
	set("AWS_BATCH_JOB_ID", j.ID)
	set("AWS_BATCH_JOB_ATTEMPT", strconv.Itoa(j.Attempts))
	set("AWS_BATCH_JQ_NAME", j.Queue)
	set("AWS_BATCH_CE_NAME", j.Placement.Environment)
	if _, index, ok := batch.SplitChild(j.ID); ok {
		set("AWS_BATCH_JOB_ARRAY_INDEX", strconv.Itoa(index))
		set("AWS_BATCH_JOB_ARRAY_SIZE", strconv.Itoa(w.size))
	}
	if j.Placement.Host == "" {
		set("AWS_REGION", e.Account.Region)
		set("AWS_DEFAULT_REGION", e.Account.Region)
		set("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")
	} else {
		set("AWS_EXECUTION_ENV", "AWS_ECS_EC2")
	}
	return env, nil
}
