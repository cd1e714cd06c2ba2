package amazon

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// What a task definition has before a task's overrides say what the task really takes.
// Docker takes no less memory than 6 MiB; Fargate's smallest size is a quarter of a vCPU
// with 512 MiB.
const (
	placeholderMiB        = 6
	placeholderFargateCPU = "256"
	placeholderFargateMiB = "512"
)

// maxFamily is how long the name of a task definition may be (RegisterTaskDefinition,
// family).
const maxFamily = 255

// familyPrefix begins the names of all our task definitions; events tell tasks of ours
// by it.
const familyPrefix = "packhorse-"

// family is the name under which the revisions of a job definition's tasks are
// registered.
func (b *Backend) family(definition string) string {
	name, _, _ := strings.Cut(definition, ":")
	family := familyPrefix + b.o.Deployment + "-" + firstOf(name, "task")
	return family[:min(len(family), maxFamily)]
}

// onFargate reports whether a task runs without a host.
func onFargate(t compute.Task) bool { return t.Host == "" }

// definitionOf is a task's definition without what differs from job to job: command,
// environment, vCPUs and memory are overrides.
func (b *Backend) definitionOf(t compute.Task) *ecs.RegisterTaskDefinitionInput {
	e := t.Elsewhere
	in := &ecs.RegisterTaskDefinitionInput{
		Family: new(b.family(t.Definition)), TaskRoleArn: some(e.JobRole), ExecutionRoleArn: some(b.executionRole(t)),
		IpcMode: types.IpcMode(e.IPCMode), PidMode: types.PidMode(e.PIDMode),
	}
	if onFargate(t) {
		in.NetworkMode, in.RequiresCompatibilities = types.NetworkModeAwsvpc, []types.Compatibility{types.CompatibilityFargate}
		in.Cpu, in.Memory = new(placeholderFargateCPU), new(placeholderFargateMiB)
		in.RuntimePlatform = &types.RuntimePlatform{OperatingSystemFamily: types.OSFamilyLinux, CpuArchitecture: types.CPUArchitectureX8664}
		if e.Arch == "arm64" {
			in.RuntimePlatform.CpuArchitecture = types.CPUArchitectureArm64
		}
		if e.EphemeralGiB > 0 {
			in.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: e.EphemeralGiB}
		}
	} else {
		// AWS Batch runs tasks in the host's network.
		in.NetworkMode = types.NetworkMode(firstOf(e.NetworkMode, string(types.NetworkModeHost)))
		in.RequiresCompatibilities = []types.Compatibility{types.CompatibilityEc2}
	}
	for _, v := range t.Volumes {
		in.Volumes = append(in.Volumes, volume(v))
	}
	for _, c := range t.Containers {
		in.ContainerDefinitions = append(in.ContainerDefinitions, b.container(t, c))
	}
	return in
}

// executionRole is the role that pulls images and reads secrets. On a host the
// instance's own does that, unless the task names one or has secrets.
func (b *Backend) executionRole(t compute.Task) string {
	if t.Elsewhere.ExecutionRole != "" || onFargate(t) {
		return firstOf(t.Elsewhere.ExecutionRole, b.o.ExecutionRole)
	}
	for _, c := range t.Containers {
		if len(c.Secrets) > 0 || c.Credentials != "" || c.Log != nil && len(c.Log.SecretOptions) > 0 {
			return b.o.ExecutionRole
		}
	}
	return ""
}

func (b *Backend) container(t compute.Task, c compute.Container) types.ContainerDefinition {
	out := types.ContainerDefinition{
		Name: &c.Name, Image: &c.Image, Essential: &c.Essential, User: some(c.User),
		LogConfiguration: b.logs(c), LinuxParameters: linux(c, onFargate(t)),
	}
	if c.Privileged {
		out.Privileged = new(true)
	}
	if c.ReadonlyRoot {
		out.ReadonlyRootFilesystem = new(true)
	}
	if !onFargate(t) {
		out.Memory = new(int32(placeholderMiB))
	}
	if c.Need.GPUs > 0 {
		out.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: new(strconv.FormatInt(c.Need.GPUs, 10))}}
	}
	if c.StopTimeout > 0 {
		out.StopTimeout = new(int32(c.StopTimeout / time.Second))
	}
	if c.Credentials != "" {
		out.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: &c.Credentials}
	}
	for _, d := range c.DependsOn {
		out.DependsOn = append(out.DependsOn, types.ContainerDependency{ContainerName: &d.Container, Condition: types.ContainerCondition(d.Condition)})
	}
	for _, m := range c.Mounts {
		out.MountPoints = append(out.MountPoints, types.MountPoint{SourceVolume: &m.Volume, ContainerPath: &m.Path, ReadOnly: &m.ReadOnly})
	}
	for _, u := range c.Ulimits {
		out.Ulimits = append(out.Ulimits, types.Ulimit{Name: types.UlimitName(u.Name), SoftLimit: int32(u.Soft), HardLimit: int32(u.Hard)})
	}
	for _, s := range c.Secrets {
		out.Secrets = append(out.Secrets, types.Secret{Name: &s.Name, ValueFrom: &s.ValueFrom})
	}
	return out
}

// logs is where a container's output goes: awslogs unless the job definition says
// otherwise, into streams named as AWS Batch names them.
func (b *Backend) logs(c compute.Container) *types.LogConfiguration {
	prefix := streamPrefix(c)
	if c.Log == nil {
		return &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": firstOf(c.LogGroup, batch.DefaultLogGroup), "awslogs-region": b.o.Region,
			"awslogs-stream-prefix": prefix, "awslogs-create-group": "true",
		}}
	}
	out := &types.LogConfiguration{LogDriver: types.LogDriver(c.Log.LogDriver), Options: maps.Clone(c.Log.Options)}
	for _, s := range c.Log.SecretOptions {
		out.SecretOptions = append(out.SecretOptions, types.Secret{Name: s.Name, ValueFrom: s.ValueFrom})
	}
	if c.Log.LogDriver == batchtypes.LogDriverAwslogs {
		if out.Options == nil {
			out.Options = map[string]string{}
		}
		for name, value := range map[string]string{
			"awslogs-group": firstOf(c.LogGroup, batch.DefaultLogGroup), "awslogs-region": b.o.Region, "awslogs-stream-prefix": prefix,
		} {
			if out.Options[name] == "" {
				out.Options[name] = value
			}
		}
	}
	return out
}

// streamPrefix is what ECS puts before "/<container>/<ecs task id>" in the name of a log
// stream: the same as in batch.LogStream.
func streamPrefix(c compute.Container) string {
	prefix := c.LogStream
	for range 2 {
		at := strings.LastIndexByte(prefix, '/')
		if at < 0 {
			return firstOf(prefix, c.Name)
		}
		prefix = prefix[:at]
	}
	return prefix
}

// linux are the Linux parameters; Fargate takes the init process only.
func linux(c compute.Container, fargate bool) *types.LinuxParameters {
	var p types.LinuxParameters
	if c.Init {
		p.InitProcessEnabled = new(true)
	}
	if fargate {
		if !c.Init {
			return nil
		}
		return &p
	}
	if c.SharedMiB > 0 {
		p.SharedMemorySize = new(int32(c.SharedMiB))
	}
	if c.MaxSwapMiB != nil {
		p.MaxSwap = new(int32(*c.MaxSwapMiB))
	}
	if c.Swappiness != nil {
		p.Swappiness = new(int32(*c.Swappiness))
	}
	for _, d := range c.Devices {
		p.Devices = append(p.Devices, device(d))
	}
	for _, t := range c.Tmpfs {
		p.Tmpfs = append(p.Tmpfs, types.Tmpfs{ContainerPath: &t.Path, Size: int32(t.SizeMiB), MountOptions: t.Options})
	}
	if p.InitProcessEnabled == nil && p.SharedMemorySize == nil && p.MaxSwap == nil && p.Swappiness == nil && p.Devices == nil && p.Tmpfs == nil {
		return nil
	}
	return &p
}

func device(d compute.Device) types.Device {
	out := types.Device{HostPath: &d.HostPath, ContainerPath: some(d.ContainerPath)}
	for _, letter := range d.Permissions {
		switch letter {
		case 'r':
			out.Permissions = append(out.Permissions, types.DeviceCgroupPermissionRead)
		case 'w':
			out.Permissions = append(out.Permissions, types.DeviceCgroupPermissionWrite)
		case 'm':
			out.Permissions = append(out.Permissions, types.DeviceCgroupPermissionMknod)
		}
	}
	return out
}

func volume(v compute.Volume) types.Volume {
	out := types.Volume{Name: &v.Name}
	switch {
	case v.EFS != nil:
		e := v.EFS
		out.EfsVolumeConfiguration = &types.EFSVolumeConfiguration{
			FileSystemId: e.FileSystemId, RootDirectory: e.RootDirectory, TransitEncryptionPort: e.TransitEncryptionPort,
			TransitEncryption: types.EFSTransitEncryption(e.TransitEncryption),
		}
		if a := e.AuthorizationConfig; a != nil {
			out.EfsVolumeConfiguration.AuthorizationConfig = &types.EFSAuthorizationConfig{
				AccessPointId: a.AccessPointId, Iam: types.EFSAuthorizationConfigIAM(a.Iam),
			}
		}
	case v.HostPath != "":
		out.Host = &types.HostVolumeProperties{SourcePath: &v.HostPath}
	}
	return out
}

// environment splits a container's variables into those of the runtime contract, which
// differ from attempt to attempt, and the others.
func environment(c compute.Container) (contract, others []types.KeyValuePair) {
	for _, v := range c.Env {
		pair := types.KeyValuePair{Name: &v.Name, Value: &v.Value}
		if strings.HasPrefix(v.Name, contractPrefix) {
			contract = append(contract, pair)
		} else {
			others = append(others, pair)
		}
	}
	return contract, slices.Clip(others)
}

// contractPrefix begins the variables that AWS Batch gives every job.
const contractPrefix = "AWS_BATCH_"
