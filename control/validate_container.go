package control

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// maxImageChars is the longest image reference (API reference, ContainerProperties).
const maxImageChars = 255

// container is what the containers of containerProperties and of ecsProperties have
// in common.
type container struct {
	image       string
	user        string
	environment []types.KeyValuePair
	linux       *types.LinuxParameters
	log         *types.LogConfiguration
	privileged  bool
	secrets     []types.Secret
	ulimits     []types.Ulimit
}

// task is what they have in common for all containers of one ECS task.
type task struct {
	fargate         bool
	executionRole   string
	jobRole         string
	network         *types.NetworkConfiguration
	platformVersion *string // of Fargate
	runtime         *types.RuntimePlatform
	storage         *types.EphemeralStorage
	volumes         []types.Volume
	need            batch.Resources // of all containers together
}

func (t task) windows() bool {
	return t.runtime != nil && strings.HasPrefix(strings.ToUpper(deref(t.runtime.OperatingSystemFamily)), "WINDOWS")
}

// checkContainerProperties checks the body of a definition with one container.
func checkContainerProperties(p types.ContainerProperties, fargate bool) error {
	if deref(p.Image) == "" {
		return noImage()
	}
	need, err := containerNeed(p, fargate)
	if err != nil {
		return err
	}
	t := task{
		fargate: fargate, need: need,
		executionRole: deref(p.ExecutionRoleArn), jobRole: deref(p.JobRoleArn),
		network: p.NetworkConfiguration, runtime: p.RuntimePlatform, storage: p.EphemeralStorage, volumes: p.Volumes,
	}
	if f := p.FargatePlatformConfiguration; f != nil {
		if !fargate {
			return notForEC2("fargatePlatformConfiguration not")
		}
		t.platformVersion = f.PlatformVersion
	}
	if fargate && deref(p.InstanceType) != "" {
		return notForFargate("instanceType")
	}
	if err := checkTask(t); err != nil {
		return err
	}
	return checkContainer(container{
		image: deref(p.Image), user: deref(p.User), environment: p.Environment, linux: p.LinuxParameters,
		log: p.LogConfiguration, privileged: deref(p.Privileged), secrets: p.Secrets, ulimits: p.Ulimits,
	}, t)
}

// notForEC2 is AWS's text for what only Fargate has; it says "X not applicable" of
// some members and "X is not applicable" of others.
func notForEC2(what string) error {
	return refuse(what+" applicable for EC2.", "leave it out, or set platformCapabilities to FARGATE")
}

// checkContainer checks one container of a task.
func checkContainer(c container, t task) error {
	for _, check := range []func(container, task) error{
		checkImage, checkUser, checkEnvironment, checkLinux, checkLog, checkSecrets, checkUlimits, checkPrivileged,
	} {
		if err := check(c, t); err != nil {
			return err
		}
	}
	return nil
}

func checkImage(c container, _ task) error {
	switch {
	case c.image == "":
		return noImage()
	case utf8.RuneCountInString(c.image) > maxImageChars:
		return batch.Invalid("Image must be at most %d characters, got %d.", maxImageChars, utf8.RuneCountInString(c.image))
	}
	return nil
}

// userPattern is the text that AWS Batch gives for users on Linux. Docker's
// user:group goes through, too: each half must match.
var userPattern = regexp.MustCompile(`^([a-z0-9_][a-z0-9_-]{0,30})$`)

func checkUser(c container, t task) error {
	if c.user == "" || t.windows() {
		return nil
	}
	for half := range strings.SplitSeq(c.user, ":") {
		if !userPattern.MatchString(half) {
			return refuse(fmt.Sprintf("User '%s' does not match regex %s", c.user, userPattern), "give a user name or number that exists in the image")
		}
	}
	return nil
}

func checkEnvironment(c container, _ task) error {
	for _, e := range c.environment {
		switch name := deref(e.Name); {
		case name == "":
			return refuse("Environment variable name is required.", "set name in each entry of environment")
		case strings.HasPrefix(name, "AWS_BATCH"):
			return refuse("Environment variable "+name+" starts with AWS_BATCH, which is reserved.", "rename it; AWS Batch sets such variables itself")
		}
	}
	return nil
}

func checkUlimits(c container, t task) error {
	if t.fargate && len(c.ulimits) > 0 {
		return notForFargate("ulimits")
	}
	for _, u := range c.ulimits {
		if deref(u.Name) == "" || u.HardLimit == nil || u.SoftLimit == nil {
			return batch.Invalid("name, hardLimit and softLimit are required in each of ulimits.")
		}
	}
	return nil
}

func checkPrivileged(c container, t task) error {
	if t.fargate && c.privileged {
		// The quotation marks are those of AWS Batch.
		return refuse("Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.", "leave privileged out, or use platformCapabilities EC2")
	}
	return nil
}

func checkSecrets(c container, t task) error {
	secrets := c.secrets
	if c.log != nil {
		secrets = append(slices.Clone(secrets), c.log.SecretOptions...)
	}
	for _, s := range secrets {
		if deref(s.Name) == "" || deref(s.ValueFrom) == "" {
			return batch.Invalid("name and valueFrom are required in each secret.")
		}
	}
	if len(secrets) > 0 && t.executionRole == "" {
		return refuse("executionRoleArn cannot be empty when using secrets or secretOptions",
			"set executionRoleArn to the ARN of a role that may read them")
	}
	return nil
}

// logDrivers are the drivers that a log configuration may name, and those of Fargate.
var (
	logDrivers = []types.LogDriver{
		types.LogDriverAwslogs, types.LogDriverFluentd, types.LogDriverGelf, types.LogDriverJournald,
		types.LogDriverJsonFile, types.LogDriverSplunk, types.LogDriverSyslog, types.LogDriverAwsfirelens,
	}
	fargateLogDrivers = []types.LogDriver{types.LogDriverAwslogs, types.LogDriverSplunk, types.LogDriverAwsfirelens}
)

// awslogsOptions are the options of the awslogs driver (user guide, "Use the awslogs
// log driver").
var awslogsOptions = []string{
	"awslogs-group", "awslogs-region", "awslogs-stream-prefix",
	"awslogs-datetime-format", "awslogs-multiline-pattern", "awslogs-create-group",
}

func checkLog(c container, t task) error {
	if c.log == nil {
		return nil
	}
	driver := c.log.LogDriver
	if !slices.Contains(logDrivers, driver) {
		_, err := oneOf("Log driver", driver, logDrivers...)
		if err == nil { // the name is right but for its case
			err = refuse(fmt.Sprintf("Log driver %s is not valid.", driver), "write it in small letters")
		}
		return err
	}
	if t.fargate && !slices.Contains(fargateLogDrivers, driver) {
		return refuse(fmt.Sprintf("Log driver for Fargate is not valid: %s", driver), "use awslogs, splunk or awsfirelens")
	}
	if driver != types.LogDriverAwslogs {
		return nil
	}
	var unknown []string
	for option := range c.log.Options {
		if !slices.Contains(awslogsOptions, option) {
			unknown = append(unknown, option)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return refuse("Log driver awslogs disallows options: "+strings.Join(unknown, ", "), "use "+strings.Join(awslogsOptions, ", "))
	}
	return nil
}

func checkLinux(c container, t task) error {
	l := c.linux
	if l == nil {
		return nil
	}
	if t.fargate {
		for _, m := range []struct {
			name string
			set  bool
		}{
			{"devices", len(l.Devices) > 0},
			{"maxSwap", l.MaxSwap != nil},
			{"sharedMemorySize", l.SharedMemorySize != nil},
			{"swappiness", l.Swappiness != nil},
			{"tmpfs", len(l.Tmpfs) > 0},
		} {
			if m.set {
				return refuse("linuxParameter."+m.name+" is not allowed for Fargate.", "leave it out, or use platformCapabilities EC2")
			}
		}
	}
	switch {
	case l.MaxSwap != nil && *l.MaxSwap < 0:
		return batch.Invalid("Invalid swap memory size: %d, must be non-negative.", *l.MaxSwap)
	case l.Swappiness != nil && (*l.Swappiness < 0 || *l.Swappiness > 100):
		return batch.Invalid("Invalid swappiness: %d, must be between 0 and 100.", *l.Swappiness)
	case l.MaxSwap != nil && l.Swappiness == nil:
		return refuse("When container specified swap memory, swappiness value is required.",
			"set linuxParameters.swappiness, 60 is the usual value, or leave maxSwap out")
	case l.SharedMemorySize != nil && *l.SharedMemorySize < 1:
		return batch.Invalid("sharedMemorySize must be a positive number of MiB, got %d.", *l.SharedMemorySize)
	}
	for _, d := range l.Devices {
		if deref(d.HostPath) == "" {
			return batch.Invalid("hostPath is required in each of linuxParameters.devices.")
		}
		for _, p := range d.Permissions {
			if !slices.Contains(p.Values(), p) {
				return refuse(fmt.Sprintf("Invalid permission: %s for device %s", p, *d.HostPath), "use READ, WRITE or MKNOD")
			}
		}
	}
	for _, tmpfs := range l.Tmpfs {
		switch {
		case deref(tmpfs.ContainerPath) == "":
			return batch.Invalid("containerPath is required in each of linuxParameters.tmpfs.")
		case deref(tmpfs.Size) < 1:
			return batch.Invalid("Size of a tmpfs is invalid. The size is required and must be a positive integer.")
		}
	}
	return nil
}
