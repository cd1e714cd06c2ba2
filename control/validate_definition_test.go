package control_test

import (
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

type register = func(*awsbatch.RegisterJobDefinitionInput)

// properties changes the containerProperties of a request.
func properties(change func(*types.ContainerProperties)) register {
	return func(in *awsbatch.RegisterJobDefinitionInput) { change(in.ContainerProperties) }
}

// definitionTests are changes of a good definition, and AWS's text for each; an empty
// text means that it is registered.
type definitionTests map[string]struct {
	change []register
	want   string
}

func (tests definitionTests) run(t *testing.T) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newScene(t).RegisterJobDefinition(t.Context(), newDefinition("def", tt.change...))
			if tt.want == "" {
				if err != nil {
					t.Errorf("error = %v, want it registered", err)
				}
				return
			}
			wantRefused(t, err, tt.want)
		})
	}
}

func TestDefinitionsAsAWSChecksThem(t *testing.T) {
	capability := func(list ...types.PlatformCapability) register {
		return func(in *awsbatch.RegisterJobDefinitionInput) { in.PlatformCapabilities = list }
	}
	retry := func(attempts int32, on ...types.EvaluateOnExit) register {
		return func(in *awsbatch.RegisterJobDefinitionInput) {
			in.RetryStrategy = &types.RetryStrategy{Attempts: &attempts, EvaluateOnExit: on}
		}
	}
	onReason := func(text string) types.EvaluateOnExit {
		return types.EvaluateOnExit{OnReason: &text, Action: types.RetryActionExit}
	}
	definitionTests{
		"a bad name":               {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.JobDefinitionName = new("a:1") }}, "Job definition name should match a valid pattern."},
		"an unknown type":          {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.Type = "pod" }}, "Job definition type pod is not valid. Valid values are: [container, multinode]"},
		"nothing to run":           {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.ContainerProperties = nil }}, "ECS Container Image must be provided."},
		"no image":                 {[]register{properties(func(p *types.ContainerProperties) { p.Image = nil })}, "ECS Container Image must be provided."},
		"container and containers": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.EcsProperties = &types.EcsProperties{} }}, "Cannot use both ECS containerProperties and ecsProperties"},
		"container and pod":        {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.EksProperties = &types.EksProperties{} }}, "Cannot use both ECS containerProperties and eksProperties"},
		"a pod": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) {
			in.ContainerProperties, in.EksProperties = nil, &types.EksProperties{}
		}}, "eksProperties is not supported by Packhorse yet."},
		"nodes in a container": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.NodeProperties = &types.NodeProperties{} }}, "nodeProperties is only applicable for multinode jobs."},

		"EC2":                       {[]register{capability("EC2")}, ""},
		"EC2 and Fargate":           {[]register{capability("EC2", "FARGATE")}, "Exactly 1 capability must be provided."},
		"an unknown capability":     {[]register{capability("EKS")}, "Capability EKS is not valid. Valid capabilities: [FARGATE, EC2, MANAGED_INSTANCES]"},
		"managed instances":         {[]register{capability("MANAGED_INSTANCES")}, "platformCapabilities MANAGED_INSTANCES is not supported by Packhorse yet."},
		"consumable resources":      {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.ConsumableResourceProperties = consumables() }}, "consumableResourceProperties is not supported by Packhorse yet."},
		"no attempts":               {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.RetryStrategy = &types.RetryStrategy{} }}, "RetryAttempts must be provided with retry strategy."},
		"0 attempts":                {[]register{retry(0)}, "RetryAttempts must be between 1 and 10."},
		"11 attempts":               {[]register{retry(11)}, "RetryAttempts must be between 1 and 10."},
		"a rule without condition":  {[]register{retry(2, types.EvaluateOnExit{Action: "EXIT"})}, "EvaluateOnExit should contain at least one of onExitCode, onReason or onStatusReason"},
		"a rule of 513 characters":  {[]register{retry(2, onReason(strings.Repeat("a", 513)))}, "Evaluate on exit condition cannot exceed 512 characters."},
		"a rule with a parenthesis": {[]register{retry(2, onReason("Host EC2 (i"))}, "Evaluate on exit condition contains restricted characters."},
		"an exit code of letters":   {[]register{retry(2, types.EvaluateOnExit{OnExitCode: new("one"), Action: "EXIT"})}, "Evaluate on exit condition contains restricted characters."},
		"the usual rules":           {[]register{retry(10, onReason("Host EC2*"), onReason("*"), types.EvaluateOnExit{OnExitCode: new("13*"), Action: "retry"})}, ""},
		"a timeout of 59 s": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) {
			in.Timeout = &types.JobTimeout{AttemptDurationSeconds: new(int32(59))}
		}}, "AttemptDurationSeconds in Timeout must be at least 60 seconds."},
		"a priority of 10000": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.SchedulingPriority = new(int32(10000)) }}, "Scheduling priority must be between 0 and 9999."},
		"a reserved tag":      {[]register{func(in *awsbatch.RegisterJobDefinitionInput) { in.Tags = map[string]string{"aws:x": ""} }}, `The tag key "aws:x" starts with aws:, which is reserved.`},
		"a script of 25 KiB": {[]register{properties(func(p *types.ContainerProperties) { p.Command = []string{strings.Repeat("x", 25*1024)} })},
			"Job definition size must be less than 24 KiB, got 26 KiB"},
		"a script of 23 KiB in quotes and angle brackets": {[]register{properties(func(p *types.ContainerProperties) {
			p.Command = []string{strings.Repeat("<", 23*1024)}
		})}, ""},
	}.run(t)
}

func consumables() *types.ConsumableResourceProperties {
	return &types.ConsumableResourceProperties{ConsumableResourceList: make([]types.ConsumableResourceRequirement, 1)}
}

func TestResourcesOfDefinitions(t *testing.T) {
	need := func(vcpu, memory string) register {
		return properties(func(p *types.ContainerProperties) { p.ResourceRequirements = needs(vcpu, memory) })
	}
	gpu := func(value string) register {
		return properties(func(p *types.ContainerProperties) {
			p.ResourceRequirements = append(p.ResourceRequirements, types.ResourceRequirement{Type: types.ResourceTypeGpu, Value: &value})
		})
	}
	old := func(vcpus, memory int32) register {
		return properties(func(p *types.ContainerProperties) { p.ResourceRequirements, p.Vcpus, p.Memory = nil, &vcpus, &memory })
	}
	notPair := func(pair string) string { return "Fargate resource requirements (" + pair + ") not valid." }
	definitionTests{
		"no vCPU":            {[]register{need("", "128")}, "vCPU is required."},
		"no memory":          {[]register{need("1", "")}, "Memory is required."},
		"half a vCPU on EC2": {[]register{need("0.5", "128")}, "vCPU must be at least 1, got 0.5."},
		"0 vCPU":             {[]register{need("0", "128")}, "vCPU must be at least 1, got 0."},
		"2 MiB":              {[]register{need("1", "2")}, "Memory must be at least 4 Mib, got 2 Mib."},
		"4 MiB":              {[]register{need("1", "4")}, ""},
		"memory with a unit": {[]register{need("1", "2GB")}, "Value 2GB for type MEMORY in resourceRequirement is not valid. Please provide a numeric value."},
		"vCPUs with an exponent": {[]register{func(in *awsbatch.RegisterJobDefinitionInput) {
			in.ContainerProperties.ResourceRequirements[0] = types.ResourceRequirement{Type: types.ResourceTypeVcpu, Value: new("1e3")}
		}}, "Value 1e3 for type VCPU in resourceRequirement is not valid. Please provide a numeric value."},
		"half a GPU":         {[]register{gpu("0.5")}, "Value 0.5 for type GPU in resourceRequirement is not valid. Please provide a numeric value."},
		"two GPUs":           {[]register{gpu("2")}, ""},
		"GPUs twice":         {[]register{gpu("1"), gpu("1")}, "Cannot provide duplicates in resourceRequirements."},
		"an unknown kind":    {[]register{properties(func(p *types.ContainerProperties) { p.ResourceRequirements[0].Type = "DISK" })}, "resourceRequirements type DISK is not valid. Valid values are: [GPU, VCPU, MEMORY]"},
		"vcpus and memory":   {[]register{old(2, 2048)}, ""},
		"vcpus of 0":         {[]register{old(0, 2048)}, "vCPU must be at least 1, got 0."},
		"memory of 3":        {[]register{old(1, 3)}, "Memory must be at least 4 Mib, got 3 Mib."},
		"vcpus beside VCPU":  {[]register{properties(func(p *types.ContainerProperties) { p.Vcpus = new(int32(1)) })}, "Cannot use both ECS containerProperties vcpus and resourceRequirement VCPU"},
		"memory beside VCPU": {[]register{need("1", ""), properties(func(p *types.ContainerProperties) { p.Memory = new(int32(64)) })}, ""},
		"memory beside MEMORY": {[]register{properties(func(p *types.ContainerProperties) { p.Memory = new(int32(64)) })},
			"Cannot use both ECS containerProperties memory and resourceRequirement MEMORY"},

		"Fargate":                      {[]register{onFargate}, ""},
		"Fargate, the largest":         {[]register{onFargate, need("16", "122880")}, ""},
		"Fargate, too much memory":     {[]register{onFargate, need("0.25", "8192")}, notPair("0.25 vCPU, 8192 MiB")},
		"Fargate, 3 vCPU":              {[]register{onFargate, need("3", "8192")}, notPair("3.00 vCPU, 8192 MiB")},
		"Fargate, too little memory":   {[]register{onFargate, need("16", "16384")}, notPair("16.00 vCPU, 16384 MiB")},
		"Fargate, memory between":      {[]register{onFargate, need("0.5", "2500")}, notPair("0.50 vCPU, 2500 MiB")},
		"Fargate with vcpus":           {[]register{onFargate, old(1, 2048)}, "vcpus is not applicable for Fargate. Use resource requirements instead."},
		"Fargate with GPU":             {[]register{onFargate, gpu("1")}, "GPU is not applicable for Fargate."},
		"Fargate, in another spelling": {[]register{onFargate, func(in *awsbatch.RegisterJobDefinitionInput) { in.PlatformCapabilities[0] = "fargate" }}, ""},
	}.run(t)
}

func TestPlatformsOfDefinitions(t *testing.T) {
	linux := func(change func(*types.LinuxParameters)) register {
		return properties(func(p *types.ContainerProperties) {
			p.LinuxParameters = &types.LinuxParameters{}
			change(p.LinuxParameters)
		})
	}
	platform := func(arch, system string) register {
		return properties(func(p *types.ContainerProperties) {
			p.RuntimePlatform = &types.RuntimePlatform{CpuArchitecture: &arch, OperatingSystemFamily: &system}
		})
	}
	storage := func(gib int32) register {
		return properties(func(p *types.ContainerProperties) { p.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: &gib} })
	}
	definitionTests{
		"no execution role": {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.ExecutionRoleArn = nil })}, "executionRoleArn is required for Fargate jobs."},
		"privileged":        {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.Privileged = new(true) })}, "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level."},
		"not privileged":    {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.Privileged = new(false) })}, ""},
		"ulimits":           {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.Ulimits = make([]types.Ulimit, 1) })}, "ulimits is not applicable for Fargate."},
		"instanceType":      {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.InstanceType = new("m6i.large") })}, "instanceType is not applicable for Fargate."},
		"devices":           {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.Devices = make([]types.Device, 1) })}, "linuxParameter.devices is not allowed for Fargate."},
		"tmpfs":             {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.Tmpfs = make([]types.Tmpfs, 1) })}, "linuxParameter.tmpfs is not allowed for Fargate."},
		"sharedMemorySize":  {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.SharedMemorySize = new(int32(1)) })}, "linuxParameter.sharedMemorySize is not allowed for Fargate."},
		"maxSwap":           {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.MaxSwap = new(int32(1)) })}, "linuxParameter.maxSwap is not allowed for Fargate."},
		"swappiness":        {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.Swappiness = new(int32(1)) })}, "linuxParameter.swappiness is not allowed for Fargate."},
		"an init process":   {[]register{onFargate, linux(func(l *types.LinuxParameters) { l.InitProcessEnabled = new(true) })}, ""},
		"a folder of the host": {[]register{onFargate, properties(func(p *types.ContainerProperties) {
			p.Volumes = []types.Volume{{Name: new("v"), Host: &types.Host{SourcePath: new("/data")}}}
		})}, "host.sourcePath should not be set for volumes in Fargate."},
		"a log driver of hosts": {[]register{onFargate, properties(func(p *types.ContainerProperties) {
			p.LogConfiguration = &types.LogConfiguration{LogDriver: "json-file"}
		})}, "Log driver for Fargate is not valid: json-file"},
		"20 GiB of storage":  {[]register{onFargate, storage(20)}, "Ephemeral storage for Fargate tasks can be only between range 21 GiB to 200 GiB"},
		"200 GiB of storage": {[]register{onFargate, storage(200)}, ""},
		"EFS on 1.3.0": {[]register{onFargate, efs(func(*types.EFSVolumeConfiguration) {}), properties(func(p *types.ContainerProperties) {
			p.FargatePlatformConfiguration = &types.FargatePlatformConfiguration{PlatformVersion: new("1.3.0")}
		})}, "EFS is supported for Fargate platform versions 1.4.0 or later, provided 1.3.0"},
		"EFS on LATEST":           {[]register{onFargate, efs(func(*types.EFSVolumeConfiguration) {})}, ""},
		"Arm":                     {[]register{onFargate, platform("ARM64", "LINUX")}, ""},
		"an unknown architecture": {[]register{onFargate, platform("RISCV", "LINUX")}, "cpuArchitecture RISCV is not valid. Valid values are: [X86_64, ARM64]"},
		"Windows on Arm":          {[]register{onFargate, platform("ARM64", "WINDOWS_SERVER_2022_CORE")}, "Windows supported only by X86_64 cpuArchitecture"},
		"Windows on half a vCPU": {[]register{onFargate, properties(func(p *types.ContainerProperties) { p.ResourceRequirements = needs("0.5", "1024") }),
			platform("X86_64", "WINDOWS_SERVER_2022_CORE")}, "vCPU must be at least 1 for Windows Job definition, got 0.5."},

		"EC2 with networkConfiguration": {[]register{properties(func(p *types.ContainerProperties) { p.NetworkConfiguration = &types.NetworkConfiguration{} })}, "networkConfiguration not applicable for EC2."},
		"EC2 with fargatePlatformConfiguration": {[]register{properties(func(p *types.ContainerProperties) {
			p.FargatePlatformConfiguration = &types.FargatePlatformConfiguration{}
		})}, "fargatePlatformConfiguration not applicable for EC2."},
		"EC2 with runtimePlatform":  {[]register{platform("X86_64", "LINUX")}, "runtimePlatform is not applicable for EC2."},
		"EC2 with ephemeralStorage": {[]register{storage(21)}, "ephemeralStorage is not applicable for EC2."},
	}.run(t)
}

// efs gives the container a volume on EFS, encrypted and through a job role.
func efs(change func(*types.EFSVolumeConfiguration)) register {
	return properties(func(p *types.ContainerProperties) {
		e := &types.EFSVolumeConfiguration{FileSystemId: new("fs-0123456789abcdef0"), TransitEncryption: types.EFSTransitEncryptionEnabled}
		change(e)
		p.JobRoleArn = new("arn:aws:iam::1:role/job")
		p.Volumes = []types.Volume{{Name: new("v"), EfsVolumeConfiguration: e}}
	})
}

func TestContainersOfDefinitions(t *testing.T) {
	linux := func(l types.LinuxParameters) register {
		return properties(func(p *types.ContainerProperties) { p.LinuxParameters = &l })
	}
	user := func(name string) register {
		return properties(func(p *types.ContainerProperties) { p.User = &name })
	}
	env := func(name string) register {
		return properties(func(p *types.ContainerProperties) { p.Environment = []types.KeyValuePair{{Name: &name}} })
	}
	secret := func(p *types.ContainerProperties) {
		p.Secrets = []types.Secret{{Name: new("S"), ValueFrom: new("arn")}}
	}
	log := func(driver types.LogDriver, options ...string) register {
		return properties(func(p *types.ContainerProperties) {
			p.LogConfiguration = &types.LogConfiguration{LogDriver: driver, Options: map[string]string{}}
			for _, o := range options {
				p.LogConfiguration.Options[o] = "x"
			}
		})
	}
	auth := func(a types.EFSAuthorizationConfig) func(*types.EFSVolumeConfiguration) {
		return func(e *types.EFSVolumeConfiguration) { e.AuthorizationConfig = &a }
	}
	const onlyOne = "When the volume parameter is specified, only one volume configuration type should be used."
	definitionTests{
		"an image of 256 characters": {[]register{properties(func(p *types.ContainerProperties) { p.Image = new(strings.Repeat("a", 256)) })}, "Image must be at most 255 characters, got 256."},
		"a variable without name":    {[]register{env("")}, "Environment variable name is required."},
		"a reserved variable":        {[]register{env("AWS_BATCH_JOB_ID")}, "Environment variable AWS_BATCH_JOB_ID starts with AWS_BATCH, which is reserved."},
		"a user in capitals":         {[]register{user("Bob")}, "User 'Bob' does not match regex ^([a-z0-9_][a-z0-9_-]{0,30})$"},
		"a user by a shell":          {[]register{user("$(id -u)")}, "User '$(id -u)' does not match regex ^([a-z0-9_][a-z0-9_-]{0,30})$"},
		"a user and a group":         {[]register{user("1000:1000")}, ""},
		"secrets without role":       {[]register{properties(secret)}, "executionRoleArn cannot be empty when using secrets or secretOptions"},
		"secrets with a role":        {[]register{properties(secret), properties(func(p *types.ContainerProperties) { p.ExecutionRoleArn = new("arn") })}, ""},
		"secret options of the log": {[]register{log("splunk"), properties(func(p *types.ContainerProperties) {
			p.LogConfiguration.SecretOptions = []types.Secret{{Name: new("S"), ValueFrom: new("arn")}}
		})}, "executionRoleArn cannot be empty when using secrets or secretOptions"},
		"a ulimit without numbers":  {[]register{properties(func(p *types.ContainerProperties) { p.Ulimits = []types.Ulimit{{Name: new("nofile")}} })}, "name, hardLimit and softLimit are required in each of ulimits."},
		"an unknown log driver":     {[]register{log("paper")}, "Log driver paper is not valid. Valid values are: [awslogs, fluentd, gelf, journald, json-file, splunk, syslog, awsfirelens]"},
		"unknown options of a log":  {[]register{log("awslogs", "awslogs-group", "zebra", "ant")}, "Log driver awslogs disallows options: ant, zebra"},
		"options of another driver": {[]register{log("gelf", "zebra")}, ""},

		"swap below 0":             {[]register{linux(types.LinuxParameters{MaxSwap: new(int32(-1)), Swappiness: new(int32(60))})}, "Invalid swap memory size: -1, must be non-negative."},
		"swappiness of 150":        {[]register{linux(types.LinuxParameters{Swappiness: new(int32(150))})}, "Invalid swappiness: 150, must be between 0 and 100."},
		"swap without swappiness":  {[]register{linux(types.LinuxParameters{MaxSwap: new(int32(1))})}, "When container specified swap memory, swappiness value is required."},
		"a device that can be run": {[]register{linux(types.LinuxParameters{Devices: []types.Device{{HostPath: new("/dev/null"), Permissions: []types.DeviceCgroupPermission{"EXECUTE"}}}})}, "Invalid permission: EXECUTE for device /dev/null"},
		"a tmpfs without size":     {[]register{linux(types.LinuxParameters{Tmpfs: []types.Tmpfs{{ContainerPath: new("/t")}}})}, "Size of a tmpfs is invalid. The size is required and must be a positive integer."},
		"a volume of two kinds":    {[]register{efs(func(*types.EFSVolumeConfiguration) {}), properties(func(p *types.ContainerProperties) { p.Volumes[0].Host = &types.Host{} })}, onlyOne},
		"S3 Files without role": {[]register{properties(func(p *types.ContainerProperties) {
			p.Volumes = []types.Volume{{Name: new("v"), S3filesVolumeConfiguration: &types.S3FilesVolumeConfiguration{}}}
		})}, "A jobRoleArn/taskRoleArn is required when using s3filesVolumeConfiguration."},
		"EFS":                 {[]register{efs(auth(types.EFSAuthorizationConfig{AccessPointId: new("fsap-1"), Iam: "ENABLED"}))}, ""},
		"EFS of another name": {[]register{efs(func(e *types.EFSVolumeConfiguration) { e.FileSystemId = new("my-file-system") })}, "EFS configuration fileSystemId is not valid: my-file-system."},
		"EFS at port 65536":   {[]register{efs(func(e *types.EFSVolumeConfiguration) { e.TransitEncryptionPort = new(int32(65536)) })}, "TransitEncryptionPort must be a valid port number."},
		"EFS access point and a root": {[]register{efs(func(e *types.EFSVolumeConfiguration) {
			auth(types.EFSAuthorizationConfig{AccessPointId: new("p")})(e)
			e.RootDirectory = new("/x")
		})}, `When using an EFS access point, the root directory must either be set to "/" or omitted`},
		"EFS access point unencrypted": {[]register{efs(func(e *types.EFSVolumeConfiguration) {
			auth(types.EFSAuthorizationConfig{AccessPointId: new("p")})(e)
			e.TransitEncryption = ""
		})}, "EFS IAM access point requires TransitEncryption to be enabled."},
		"EFS by role unencrypted": {[]register{efs(func(e *types.EFSVolumeConfiguration) {
			auth(types.EFSAuthorizationConfig{Iam: "ENABLED"})(e)
			e.TransitEncryption = ""
		})}, "EFS IAM authorization requires TransitEncryption to be enabled."},
		"EFS by role without a role": {[]register{efs(auth(types.EFSAuthorizationConfig{Iam: "ENABLED"})), properties(func(p *types.ContainerProperties) { p.JobRoleArn = nil })},
			"EFS IAM authorization requires a jobRoleArn/taskRoleArn."},
	}.run(t)
}

func TestDefinitionsOfSeveralContainers(t *testing.T) {
	c := func(name string, change ...func(*types.TaskContainerProperties)) types.TaskContainerProperties {
		p := types.TaskContainerProperties{Name: &name, Image: new("busybox"), ResourceRequirements: needs("1", "64")}
		for _, f := range change {
			f(&p)
		}
		return p
	}
	minor := func(p *types.TaskContainerProperties) { p.Essential = new(false) }
	after := func(name, condition string) func(*types.TaskContainerProperties) {
		return func(p *types.TaskContainerProperties) {
			p.DependsOn = append(p.DependsOn, types.TaskContainerDependency{ContainerName: &name, Condition: &condition})
		}
	}
	router := func(p *types.TaskContainerProperties) {
		p.FirelensConfiguration = &types.FirelensConfiguration{Type: types.FirelensConfigurationTypeFluentbit}
	}
	routed := func(p *types.TaskContainerProperties) {
		p.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwsfirelens}
	}
	nobody := func(p *types.TaskContainerProperties) { p.User = new("nobody") }
	small := func(p *types.TaskContainerProperties) { p.ResourceRequirements = needs("0.25", "512") }
	task := func(change func(*types.EcsTaskProperties)) register {
		return func(in *awsbatch.RegisterJobDefinitionInput) { change(&in.EcsProperties.TaskProperties[0]) }
	}
	eleven := make([]types.TaskContainerProperties, 11)
	definitionTests{
		"two":              {[]register{withContainers(c("a"), c("b", minor))}, ""},
		"one without name": {[]register{withContainers(types.TaskContainerProperties{Image: new("busybox"), ResourceRequirements: needs("1", "64")})}, ""},
		"no task":          {[]register{withContainers(), func(in *awsbatch.RegisterJobDefinitionInput) { in.EcsProperties.TaskProperties = nil }}, "ecsProperties must have exactly 1 element in taskProperties, got 0."},
		"none":             {[]register{withContainers()}, "Number of containers must be between 1 and 10"},
		"eleven":           {[]register{withContainers(eleven...)}, "Number of containers must be between 1 and 10"},
		"two of a name":    {[]register{withContainers(c("a"), c("a"))}, "Container names must be unique"},
		"none essential":   {[]register{withContainers(c("a", minor))}, "At least one container must be set as essential"},
		"no image":         {[]register{withContainers(c("a"), c("b", func(p *types.TaskContainerProperties) { p.Image = nil }))}, "ECS Container Image must be provided."},
		"no vCPU in any":   {[]register{withContainers(c("a", func(p *types.TaskContainerProperties) { p.ResourceRequirements = needs("", "64") }))}, "vCPU is required."},
		"memory in one":    {[]register{withContainers(c("a"), c("b", func(p *types.TaskContainerProperties) { p.ResourceRequirements = nil }))}, ""},
		"a reserved name": {[]register{withContainers(c("a", func(p *types.TaskContainerProperties) {
			p.Environment = []types.KeyValuePair{{Name: new("AWS_BATCH_X")}}
		}))}, "Environment variable AWS_BATCH_X starts with AWS_BATCH, which is reserved."},
		"an unknown ipc":    {[]register{withContainers(c("a")), task(func(e *types.EcsTaskProperties) { e.IpcMode = new("all") })}, "ipcMode all is not valid. Valid values are: [host, task, none]"},
		"an unknown pid":    {[]register{withContainers(c("a")), task(func(e *types.EcsTaskProperties) { e.PidMode = new("none") })}, "Capability none is not valid. Valid capabilities: [host, task]"},
		"a timeout of 1 s":  {[]register{withContainers(c("a", func(p *types.TaskContainerProperties) { p.StopTimeout = new(int32(1)) }))}, "stopTimeout must be at least 2 seconds, got 1."},
		"a name with space": {[]register{withContainers(c("a b"))}, "Container name should match a valid pattern."},

		"wait for another's start":   {[]register{withContainers(c("a", after("b", "START")), c("b", minor))}, ""},
		"wait for another's success": {[]register{withContainers(c("a", after("b", "SUCCESS")), c("b", minor))}, ""},
		"wait for a stranger":        {[]register{withContainers(c("a", after("x", "START")), c("b"))}, "containerName x must reference a defined container."},
		"wait for health":            {[]register{withContainers(c("a", after("b", "HEALTHY")), c("b"))}, "TaskContainer dependency HEALTHY is not valid. Valid values are: [START, COMPLETE, SUCCESS]"},
		"wait for an essential end":  {[]register{withContainers(c("a", after("b", "COMPLETE")), c("b"))}, "The container target of a dependency can not have condition COMPLETE if the target is essential"},
		"wait alone":                 {[]register{withContainers(c("a", after("a", "START")))}, "Container dependency can not be used in a single-container job."},
		"wait in a ring":             {[]register{withContainers(c("a", after("b", "START")), c("b", after("a", "START")))}, "Container dependencies can not be circular."},

		"a log router":                   {[]register{withContainers(c("a", routed), c("log", router, nobody))}, ""},
		"a log router for nobody":        {[]register{withContainers(c("a"), c("log", router))}, "When a firelensConfiguration object is specified, at least one container has to be configured with the awsfirelens log driver"},
		"a log router without root":      {[]register{withContainers(c("a", routed, nobody), c("log", router, nobody))}, "When a firelensConfiguration object is specified, at least one container has to run as root"},
		"Fargate":                        {[]register{withContainers(c("a", small), c("b", small)), onFargate}, ""},
		"Fargate, no pair together":      {[]register{withContainers(c("a", small), c("b", small), c("c", small)), onFargate}, "Fargate resource requirements (0.75 vCPU, 1536 MiB) not valid."},
		"Fargate without execution role": {[]register{withContainers(c("a", small)), onFargate, task(func(e *types.EcsTaskProperties) { e.ExecutionRoleArn = nil })}, "executionRoleArn is required for Fargate jobs."},
		"Fargate with ipc":               {[]register{withContainers(c("a", small)), onFargate, task(func(e *types.EcsTaskProperties) { e.IpcMode = new("host") })}, "ipcMode is not applicable for Fargate."},
		"EC2 with a platform version":    {[]register{withContainers(c("a")), task(func(e *types.EcsTaskProperties) { e.PlatformVersion = new("1.4.0") })}, "platformVersion is not applicable for EC2."},
	}.run(t)
}

func TestMultiNodeDefinitions(t *testing.T) {
	nodes := func(change func(*types.NodeProperties), ranges ...string) register {
		return func(in *awsbatch.RegisterJobDefinitionInput) {
			*in = *multinode(ranges...)
			change(in.NodeProperties)
		}
	}
	same := func(*types.NodeProperties) {}
	first := func(change func(*types.NodeRangeProperty)) register {
		return nodes(func(p *types.NodeProperties) { change(&p.NodeRangeProperties[0]) }, "0:1")
	}
	definitionTests{
		"one range":          {[]register{nodes(same, "0:1")}, ""},
		"an open range":      {[]register{nodes(same, "0:")}, ""},
		"two ranges":         {[]register{nodes(same, "0", "1:1")}, ""},
		"a range in a range": {[]register{nodes(same, "0:", "1:1")}, ""},
		"no nodes": {[]register{nodes(same, "0:1"), func(in *awsbatch.RegisterJobDefinitionInput) { in.NodeProperties = nil }},
			"Node properties of multinode job is required."},
		"0 nodes":                      {[]register{nodes(func(p *types.NodeProperties) { p.NumNodes = new(int32(0)) }, "0:1")}, "Number of nodes must be between 1 and 1000."},
		"1001 nodes":                   {[]register{nodes(func(p *types.NodeProperties) { p.NumNodes = new(int32(1001)) }, "0:")}, "Number of nodes must be between 1 and 1000."},
		"a main node outside":          {[]register{nodes(func(p *types.NodeProperties) { p.MainNode = new(int32(2)) }, "0:1")}, "Main node index is out of range, must be less than numNodes."},
		"no ranges":                    {[]register{nodes(same)}, "nodeRangeProperties is required."},
		"six ranges":                   {[]register{nodes(same, "0", "1", "0", "1", "0", "1")}, "Maximum allowed size of node range properties is 5"},
		"a range in words":             {[]register{nodes(same, "first")}, "targetNodes should contain only digits."},
		"a range too far":              {[]register{nodes(same, "0:2")}, "targetNodes 0:2 is out of range, must be within 0:1."},
		"a range backwards":            {[]register{nodes(same, "1:0")}, "targetNodes 1:0 is out of range, must be within 0:1."},
		"a node in no range":           {[]register{nodes(same, "0:0")}, "Node 1 is not in any of nodeRangeProperties."},
		"a range with nothing":         {[]register{first(func(r *types.NodeRangeProperty) { r.Container = nil })}, "ECS Container Image must be provided."},
		"a range with a bad container": {[]register{first(func(r *types.NodeRangeProperty) { r.Container.ResourceRequirements = nil })}, "vCPU is required."},
		"instance types of a container": {[]register{first(func(r *types.NodeRangeProperty) { r.InstanceTypes = []string{"m6i.large"} })},
			"Using instanceTypes with nodeRangeProperty is only allowed for ecsProperties jobs."},
		"consumables in a range": {[]register{first(func(r *types.NodeRangeProperty) { r.ConsumableResourceProperties = consumables() })},
			"consumableResourceProperties is not supported by Packhorse yet."},
		"pods in a range": {[]register{first(func(r *types.NodeRangeProperty) { r.Container, r.EksProperties = nil, &types.EksProperties{} })},
			"eksProperties is not supported by Packhorse yet."},
		"on Fargate": {[]register{nodes(same, "0:1"), func(in *awsbatch.RegisterJobDefinitionInput) {
			in.PlatformCapabilities = []types.PlatformCapability{"FARGATE"}
		}},
			"Fargate does not support MNP jobs"},
		"with containerProperties": {[]register{nodes(same, "0:1"), func(in *awsbatch.RegisterJobDefinitionInput) { in.ContainerProperties = &types.ContainerProperties{} }},
			"Only nodeProperties is applicable for multinode jobs."},
	}.run(t)
}
