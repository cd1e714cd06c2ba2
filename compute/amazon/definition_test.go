package amazon

import (
	"strings"
	"testing"
	"time"

	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// bare is a backend for what is decided without AWS.
func bare() *Backend {
	return Open(Options{Deployment: "main", Region: "eu-west-1", ExecutionRole: "arn:aws:iam::123456789012:role/execution", Now: time.Now})
}

// align is a task on a host; change says what is different.
func align(change func(*compute.Task)) compute.Task {
	t := compute.Task{
		ID: "0123456789abcdef0123456789abcdef", JobID: "0190a0b0-0000-7000-8000-000000000001:7", Attempt: 2, Cluster: "blue", Host: "h-1",
		Definition: "align:3",
		Containers: []compute.Container{{
			Name: "default", Image: "aligner:2", Command: []string{"align", "--sample", "7"}, Essential: true,
			Need: batch.Resources{MilliVCPU: 1500, MemoryMiB: 2048},
			Env: []compute.EnvVar{
				{Name: "SAMPLE", Value: "7"}, {Name: "AWS_BATCH_JOB_ID", Value: "0190a0b0-0000-7000-8000-000000000001:7"},
				{Name: "AWS_BATCH_JOB_ATTEMPT", Value: "2"},
			},
			LogGroup: "/aws/batch/job", LogStream: "align/default/0123456789abcdef0123456789abcdef",
		}},
		Elsewhere: compute.Elsewhere{Environment: "blue", JobRole: "align-role"},
	}
	change(&t)
	return t
}

func same(*compute.Task) {}

var sdk = cmp.Options{cmpopts.IgnoreUnexported(
	ecs.RegisterTaskDefinitionInput{}, types.ContainerDefinition{}, types.LogConfiguration{}, types.LinuxParameters{}, types.MountPoint{},
	types.Volume{}, types.HostVolumeProperties{}, types.EFSVolumeConfiguration{}, types.EFSAuthorizationConfig{}, types.Ulimit{},
	types.Secret{}, types.Device{}, types.Tmpfs{}, types.ResourceRequirement{}, types.RuntimePlatform{}, types.EphemeralStorage{},
	types.TaskOverride{}, types.ContainerOverride{}, types.KeyValuePair{}, types.ContainerDependency{}, types.RepositoryCredentials{},
)}

func TestDefinitionOfATaskOnAHost(t *testing.T) {
	got := bare().definitionOf(align(same))
	want := &ecs.RegisterTaskDefinitionInput{
		Family: new("packhorse-main-align"), TaskRoleArn: new("align-role"), NetworkMode: types.NetworkModeHost,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: new("default"), Image: new("aligner:2"), Essential: new(true), Memory: new(int32(placeholderMiB)),
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/aws/batch/job", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "align", "awslogs-create-group": "true",
			}},
		}},
	}
	if diff := cmp.Diff(want, got, sdk); diff != "" {
		t.Errorf("the definition differs (-want +got):\n%s", diff)
	}
}

func TestDefinitionOfATaskOnFargate(t *testing.T) {
	got := bare().definitionOf(align(func(task *compute.Task) {
		task.Host, task.Elsewhere.Arch, task.Elsewhere.EphemeralGiB = "", "arm64", 50
		task.Containers[0].Init, task.Containers[0].SharedMiB = true, 64
	}))
	want := &ecs.RegisterTaskDefinitionInput{
		Family: new("packhorse-main-align"), TaskRoleArn: new("align-role"), ExecutionRoleArn: new("arn:aws:iam::123456789012:role/execution"),
		NetworkMode: types.NetworkModeAwsvpc, RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		Cpu: new(placeholderFargateCPU), Memory: new(placeholderFargateMiB), EphemeralStorage: &types.EphemeralStorage{SizeInGiB: 50},
		RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureArm64, OperatingSystemFamily: types.OSFamilyLinux},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: new("default"), Image: new("aligner:2"), Essential: new(true),
			LinuxParameters: &types.LinuxParameters{InitProcessEnabled: new(true)}, // Fargate takes no more of them
			LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/aws/batch/job", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "align", "awslogs-create-group": "true",
			}},
		}},
	}
	if diff := cmp.Diff(want, got, sdk); diff != "" {
		t.Errorf("the definition differs (-want +got):\n%s", diff)
	}
}

func TestDefinitionOfATaskWithEverything(t *testing.T) {
	task := align(func(task *compute.Task) {
		task.Volumes = []compute.Volume{
			{Name: "scratch"}, {Name: "data", HostPath: "/data"},
			{Name: "shared", EFS: &batchtypes.EFSVolumeConfiguration{
				FileSystemId: new("fs-1"), RootDirectory: new("/x"), TransitEncryption: "ENABLED",
				AuthorizationConfig: &batchtypes.EFSAuthorizationConfig{AccessPointId: new("fsap-1"), Iam: "ENABLED"},
			}},
		}
		c := &task.Containers[0]
		c.Need.GPUs, c.User, c.Privileged, c.ReadonlyRoot, c.Init = 2, "1000", true, true, true
		c.SharedMiB, c.MaxSwapMiB, c.Swappiness, c.StopTimeout = 64, new(int64(0)), new(int64(10)), 90*time.Second
		c.Mounts = []compute.Mount{{Volume: "data", Path: "/data", ReadOnly: true}}
		c.Ulimits = []compute.Ulimit{{Name: "nofile", Soft: 1024, Hard: 4096}}
		c.Devices = []compute.Device{{HostPath: "/dev/fuse", ContainerPath: "/dev/fuse", Permissions: "rwm"}}
		c.Tmpfs = []compute.Tmpfs{{Path: "/tmp", SizeMiB: 100, Options: []string{"noexec"}}}
		c.Secrets = []compute.Secret{{Name: "TOKEN", ValueFrom: "arn:aws:ssm:eu-west-1:123456789012:parameter/token"}}
		c.Credentials = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry"
		c.Log = &batchtypes.LogConfiguration{LogDriver: "awslogs", Options: map[string]string{"awslogs-group": "/mine", "awslogs-stream-prefix": "mine"}}
		c.LogGroup, c.LogStream = "/mine", "mine/default/0123456789abcdef0123456789abcdef"
		task.Containers = append(task.Containers, compute.Container{
			Name: "side", Image: "side:1", DependsOn: []compute.Dependency{{Container: "default", Condition: "START"}},
			Log: &batchtypes.LogConfiguration{LogDriver: "json-file"}, LogStream: "align/side/0123456789abcdef0123456789abcdef",
		})
	})
	got := bare().definitionOf(task)
	if *got.ExecutionRoleArn != "arn:aws:iam::123456789012:role/execution" {
		t.Error("a task with secrets needs an execution role")
	}
	wantVolumes := []types.Volume{
		{Name: new("scratch")}, {Name: new("data"), Host: &types.HostVolumeProperties{SourcePath: new("/data")}},
		{Name: new("shared"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{
			FileSystemId: new("fs-1"), RootDirectory: new("/x"), TransitEncryption: types.EFSTransitEncryptionEnabled,
			AuthorizationConfig: &types.EFSAuthorizationConfig{AccessPointId: new("fsap-1"), Iam: types.EFSAuthorizationConfigIAMEnabled},
		}},
	}
	if diff := cmp.Diff(wantVolumes, got.Volumes, sdk); diff != "" {
		t.Errorf("volumes differ (-want +got):\n%s", diff)
	}
	want := []types.ContainerDefinition{{
		Name: new("default"), Image: new("aligner:2"), Essential: new(true), Memory: new(int32(placeholderMiB)), User: new("1000"),
		Privileged: new(true), ReadonlyRootFilesystem: new(true), StopTimeout: new(int32(90)),
		ResourceRequirements: []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: new("2")}},
		MountPoints:          []types.MountPoint{{SourceVolume: new("data"), ContainerPath: new("/data"), ReadOnly: new(true)}},
		Ulimits:              []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 1024, HardLimit: 4096}},
		LinuxParameters: &types.LinuxParameters{
			InitProcessEnabled: new(true), SharedMemorySize: new(int32(64)), MaxSwap: new(int32(0)), Swappiness: new(int32(10)),
			Devices: []types.Device{{HostPath: new("/dev/fuse"), ContainerPath: new("/dev/fuse"), Permissions: []types.DeviceCgroupPermission{"read", "write", "mknod"}}},
			Tmpfs:   []types.Tmpfs{{ContainerPath: new("/tmp"), Size: 100, MountOptions: []string{"noexec"}}},
		},
		Secrets:               []types.Secret{{Name: new("TOKEN"), ValueFrom: new("arn:aws:ssm:eu-west-1:123456789012:parameter/token")}},
		RepositoryCredentials: &types.RepositoryCredentials{CredentialsParameter: new("arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry")},
		LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "/mine", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "mine",
		}},
	}, {
		Name: new("side"), Image: new("side:1"), Essential: new(false), Memory: new(int32(placeholderMiB)),
		DependsOn:        []types.ContainerDependency{{ContainerName: new("default"), Condition: types.ContainerConditionStart}},
		LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverJsonFile},
	}}
	if diff := cmp.Diff(want, got.ContainerDefinitions, sdk); diff != "" {
		t.Errorf("containers differ (-want +got):\n%s", diff)
	}
}

func TestOverridesOfATaskOnAHost(t *testing.T) {
	want := &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
		Name: new("default"), Command: []string{"align", "--sample", "7"}, Cpu: new(int32(1536)), Memory: new(int32(2048)),
		Environment: []types.KeyValuePair{
			{Name: new("SAMPLE"), Value: new("7")}, {Name: new("AWS_BATCH_JOB_ID"), Value: new("0190a0b0-0000-7000-8000-000000000001:7")},
			{Name: new("AWS_BATCH_JOB_ATTEMPT"), Value: new("2")},
		},
	}}}
	if diff := cmp.Diff(want, overrides(align(same)), sdk); diff != "" {
		t.Errorf("overrides differ (-want +got):\n%s", diff)
	}
}

func TestOverridesOfATaskOnFargateSizeTheTask(t *testing.T) {
	got := overrides(align(func(task *compute.Task) {
		task.Host, task.Containers[0].Need = "", batch.Resources{MilliVCPU: 250, MemoryMiB: 512}
	}))
	if *got.Cpu != "256" || *got.Memory != "512" || got.ContainerOverrides[0].Cpu != nil || got.ContainerOverrides[0].Memory != nil {
		t.Errorf("overrides have %s CPU and %s MiB for the task, want 256 and 512, and none for its one container", *got.Cpu, *got.Memory)
	}
}

func TestJobsOfOneDefinitionShareOneShape(t *testing.T) {
	b := bare()
	first, _ := b.shaped(align(same))
	for name, change := range map[string]func(*compute.Task){
		"another command": func(task *compute.Task) { task.Containers[0].Command = []string{"align", "--sample", "8"} },
		"other variables": func(task *compute.Task) { task.Containers[0].Env = nil },
		"another size":    func(task *compute.Task) { task.Containers[0].Need = batch.Resources{MilliVCPU: 4000, MemoryMiB: 16} },
		"another job": func(task *compute.Task) {
			task.ID, task.Attempt, task.Host = "another", 1, "h-2"
			task.Containers[0].LogStream = "align/default/another"
		},
	} {
		if other, _ := b.shaped(align(change)); shapeOf(other) != shapeOf(first) {
			t.Errorf("%s: another shape, so one more task definition", name)
		}
	}
	for name, change := range map[string]func(*compute.Task){
		"another image": func(task *compute.Task) { task.Containers[0].Image = "aligner:3" },
		"a GPU":         func(task *compute.Task) { task.Containers[0].Need.GPUs = 1 },
		"a mount":       func(task *compute.Task) { task.Containers[0].Mounts = []compute.Mount{{Volume: "v", Path: "/v"}} },
		"another role":  func(task *compute.Task) { task.Elsewhere.JobRole = "other" },
		"Fargate":       func(task *compute.Task) { task.Host = "" },
	} {
		if other, _ := b.shaped(align(change)); shapeOf(other) == shapeOf(first) {
			t.Errorf("%s: the same shape", name)
		}
	}
}

func TestWhatDoesNotFitIntoOverridesMovesIntoTheDefinition(t *testing.T) {
	long := func(task *compute.Task) {
		task.Containers[0].Env = append(task.Containers[0].Env, compute.EnvVar{Name: "LONG", Value: strings.Repeat("x", maxOverrides)})
	}
	b := bare()
	definition, over := b.shaped(align(long))
	if n := characters(over); n > maxOverrides {
		t.Errorf("overrides have %d characters, ECS takes %d", n, maxOverrides)
	}
	c := definition.ContainerDefinitions[0]
	if diff := cmp.Diff([]string{"align", "--sample", "7"}, c.Command); diff != "" {
		t.Errorf("the command of the definition differs (-want +got):\n%s", diff)
	}
	var moved []string
	for _, v := range c.Environment {
		moved = append(moved, *v.Name)
	}
	if diff := cmp.Diff([]string{"SAMPLE", "LONG"}, moved); diff != "" {
		t.Errorf("the variables of the definition differ (-want +got):\n%s", diff)
	}
	if o := over.ContainerOverrides[0]; o.Command != nil || len(o.Environment) != 2 || *o.Cpu != 1536 {
		t.Errorf("overrides %+v, want the runtime contract and the size only", o)
	}
	// The children of an array differ in the runtime contract only.
	sibling, _ := b.shaped(align(func(task *compute.Task) {
		long(task)
		task.Containers[0].Env[1].Value = "0190a0b0-0000-7000-8000-000000000001:8"
	}))
	if shapeOf(sibling) != shapeOf(definition) {
		t.Error("two children of an array have a definition each")
	}
}

func TestCharactersAreCountedAsECSDoes(t *testing.T) {
	for name, change := range map[string]func(*compute.Task){
		"on a host": same, "on Fargate": func(task *compute.Task) { task.Host = "" },
		"with odd characters": func(task *compute.Task) { task.Containers[0].Command = []string{`"<é>&\n"`, "\n", "日本"} },
	} {
		over := overrides(align(change))
		text, err := shapes.LowerJSON(over)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := characters(over), len([]rune(string(text))); got < want {
			t.Errorf("%s: characters() = %d, and ECS counts %d of %s", name, got, want, text)
		}
	}
}

func TestStreamPrefixIsThatOfTheJob(t *testing.T) {
	for stream, want := range map[string]string{
		"align/default/0123": "align", "a/b/default/0123": "a/b", "align": "align", "": "default",
	} {
		if got := streamPrefix(compute.Container{Name: "default", LogStream: stream}); got != want {
			t.Errorf("streamPrefix(%q) = %q, want %q", stream, got, want)
		}
	}
}

func TestTagsOfATask(t *testing.T) {
	theirs := map[string]string{"team": "atlas", tagJob: "forged"}
	for i := range 100 {
		theirs[strings.Repeat("x", i+1)] = "1"
	}
	got := taskTags(align(func(task *compute.Task) { task.Tags = theirs }), "i-1")
	if got[tagJob] != "0190a0b0-0000-7000-8000-000000000001:7" || got[tagAttempt] != "2" || got[tagHost] != "h-1" || got[tagInstance] != "i-1" {
		t.Errorf("tags %v do not say whose attempt it is", got)
	}
	if len(got) > maxTags-inheritedTags {
		t.Errorf("%d tags, ECS takes %d besides its own and the definition's", len(got), maxTags-inheritedTags)
	}
}

func TestWhatFitsAHostInThousandthsFitsItInUnits(t *testing.T) {
	for _, milli := range []int64{1, 7, 100, 125, 250, 333, 1000, 1500} {
		const host = 96_000 // 96 vCPUs
		each, many := units(batch.Resources{MilliVCPU: milli}), host/milli
		if all := units(batch.Resources{MilliVCPU: host}); each*many > all {
			t.Errorf("%d tasks of %d thousandths take %d units, a host of %d has %d", many, milli, each*many, host, all)
		}
	}
}
