package control

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// Bounds of ephemeralStorage.sizeInGiB (API reference, EphemeralStorage).
const (
	minEphemeralGiB = 21
	maxEphemeralGiB = 200
)

// checkTask checks what the containers of a task have together.
func checkTask(t task) error {
	if t.fargate && t.executionRole == "" {
		return refuse("executionRoleArn is required for Fargate jobs.",
			"set executionRoleArn; here the ARN of any role will do, for example arn:aws:iam::000000000000:role/ecsTaskExecutionRole")
	}
	if !t.fargate {
		switch {
		case t.network != nil:
			return notForEC2("networkConfiguration not")
		case t.platformVersion != nil:
			return notForEC2("platformVersion is not")
		case t.runtime != nil:
			return notForEC2("runtimePlatform is not")
		case t.storage != nil:
			return notForEC2("ephemeralStorage is not")
		}
	}
	if t.storage != nil {
		if size := deref(t.storage.SizeInGiB); size < minEphemeralGiB || size > maxEphemeralGiB {
			return batch.Invalid("Ephemeral storage for Fargate tasks can be only between range %d GiB to %d GiB", minEphemeralGiB, maxEphemeralGiB)
		}
	}
	if t.network != nil && t.network.AssignPublicIp != "" {
		if _, err := oneOf("assignPublicIp", t.network.AssignPublicIp, types.AssignPublicIpEnabled, types.AssignPublicIpDisabled); err != nil {
			return err
		}
	}
	if err := checkRuntime(t); err != nil {
		return err
	}
	return checkVolumes(t)
}

// operatingSystems are the families that Fargate runs (API reference,
// RuntimePlatform). Newer Windows releases go by the same pattern.
var operatingSystems = regexp.MustCompile(`^(LINUX|WINDOWS_SERVER_20[0-9]{2}_(CORE|FULL))$`)

func checkRuntime(t task) error {
	if t.runtime == nil {
		return nil
	}
	arch, system := deref(t.runtime.CpuArchitecture), deref(t.runtime.OperatingSystemFamily)
	switch {
	case arch != "" && arch != "X86_64" && arch != "ARM64":
		return batch.Invalid("cpuArchitecture %s is not valid. Valid values are: [X86_64, ARM64]", arch)
	case system != "" && !operatingSystems.MatchString(system):
		return batch.Invalid("operatingSystemFamily %s is not valid. Valid values are: [LINUX, WINDOWS_SERVER_2019_CORE, "+
			"WINDOWS_SERVER_2019_FULL, WINDOWS_SERVER_2022_CORE, WINDOWS_SERVER_2022_FULL]", system)
	case !t.windows():
		return nil
	case arch == "ARM64":
		return refuse("Windows supported only by X86_64 cpuArchitecture", "set runtimePlatform.cpuArchitecture to X86_64")
	case t.need.MilliVCPU < 1000:
		return batch.Invalid("vCPU must be at least 1 for Windows Job definition, got %s.", t.need.VCPUs())
	}
	return nil
}

// maxVolumeName is the longest name of a volume (API reference, Volume).
const maxVolumeName = 255

func checkVolumes(t task) error {
	for _, v := range t.volumes {
		kinds := 0
		for _, given := range []bool{v.Host != nil, v.EfsVolumeConfiguration != nil, v.S3filesVolumeConfiguration != nil} {
			if given {
				kinds++
			}
		}
		switch name := deref(v.Name); {
		case name == "" || len(name) > maxVolumeName:
			return batch.Invalid("Volume name must be between 1 and %d characters, got %d.", maxVolumeName, len(name))
		case kinds > 1:
			return refuse("When the volume parameter is specified, only one volume configuration type should be used.",
				"leave one of host, efsVolumeConfiguration and s3filesVolumeConfiguration in volume "+name)
		case t.fargate && v.Host != nil && deref(v.Host.SourcePath) != "":
			return refuse("host.sourcePath should not be set for volumes in Fargate.",
				"leave host.sourcePath out of volume "+name+", or use platformCapabilities EC2")
		}
		if err := checkEFS(v.EfsVolumeConfiguration, t); err != nil {
			return err
		}
		if v.S3filesVolumeConfiguration != nil && t.jobRole == "" {
			return refuse("A jobRoleArn/taskRoleArn is required when using s3filesVolumeConfiguration.", "set jobRoleArn (taskRoleArn in ecsProperties)")
		}
	}
	return nil
}

var fileSystemPattern = regexp.MustCompile(`^(arn:[a-z-]+:elasticfilesystem:[^:]*:[^:]*:file-system/)?fs-[0-9a-f]+$`)

func checkEFS(efs *types.EFSVolumeConfiguration, t task) error {
	if efs == nil {
		return nil
	}
	encrypted := strings.EqualFold(string(efs.TransitEncryption), string(types.EFSTransitEncryptionEnabled))
	if efs.TransitEncryption != "" {
		if _, err := oneOf("transitEncryption", efs.TransitEncryption, types.EFSTransitEncryptionEnabled, types.EFSTransitEncryptionDisabled); err != nil {
			return err
		}
	}
	if port := efs.TransitEncryptionPort; port != nil && (*port < 0 || *port > 65535) {
		return refuse("TransitEncryptionPort must be a valid port number.", fmt.Sprintf("change transitEncryptionPort %d", *port))
	}
	if !fileSystemPattern.MatchString(deref(efs.FileSystemId)) {
		return refuse(fmt.Sprintf("EFS configuration fileSystemId is not valid: %s.", deref(efs.FileSystemId)), "give an id such as fs-0123456789abcdef0")
	}
	if t.fargate && !platformAtLeast(deref(t.platformVersion), 1, 4) {
		return refuse("EFS is supported for Fargate platform versions 1.4.0 or later, provided "+deref(t.platformVersion), "leave the platform version out")
	}
	auth := efs.AuthorizationConfig
	if auth == nil {
		return nil
	}
	if auth.Iam != "" {
		if _, err := oneOf("iam", auth.Iam, types.EFSAuthorizationConfigIAMEnabled, types.EFSAuthorizationConfigIAMDisabled); err != nil {
			return err
		}
	}
	usesIAM := strings.EqualFold(string(auth.Iam), string(types.EFSAuthorizationConfigIAMEnabled))
	const encrypt = "set transitEncryption to ENABLED"
	switch root := deref(efs.RootDirectory); {
	case deref(auth.AccessPointId) != "" && root != "" && root != "/":
		return refuse(`When using an EFS access point, the root directory must either be set to "/" or omitted`, "leave rootDirectory out")
	case deref(auth.AccessPointId) != "" && !encrypted:
		return refuse("EFS IAM access point requires TransitEncryption to be enabled.", encrypt)
	case usesIAM && !encrypted:
		return refuse("EFS IAM authorization requires TransitEncryption to be enabled.", encrypt)
	case usesIAM && t.jobRole == "":
		return refuse("EFS IAM authorization requires a jobRoleArn/taskRoleArn.", "set jobRoleArn (taskRoleArn in ecsProperties)")
	}
	return nil
}

// platformAtLeast compares a platform version of Fargate. None, LATEST and what is
// no number count as new enough.
func platformAtLeast(version string, major, minor int) bool {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return true
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	return errA != nil || errB != nil || a > major || (a == major && b >= minor)
}
