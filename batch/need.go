package batch

import (
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// Containers returns what runs as a list of containers, whether it was defined as
// one or as several. The single container of containerProperties is called
// "default", as AWS Batch calls it.
func (e Effective) Containers() []types.TaskContainerProperties {
	if e.Ecs != nil {
		var all []types.TaskContainerProperties
		for _, t := range e.Ecs.TaskProperties {
			all = append(all, t.Containers...)
		}
		return all
	}
	c := e.Container
	name, essential := DefaultContainer, true
	reqs := c.ResourceRequirements
	if c.Vcpus != nil && requirement(reqs, types.ResourceTypeVcpu) == "" {
		reqs = append(reqs[:len(reqs):len(reqs)], legacyRequirement(types.ResourceTypeVcpu, *c.Vcpus))
	}
	if c.Memory != nil && requirement(reqs, types.ResourceTypeMemory) == "" {
		reqs = append(reqs[:len(reqs):len(reqs)], legacyRequirement(types.ResourceTypeMemory, *c.Memory))
	}
	return []types.TaskContainerProperties{{
		Name: &name, Essential: &essential,
		Image: c.Image, Command: c.Command, Environment: c.Environment,
		LinuxParameters: c.LinuxParameters, LogConfiguration: c.LogConfiguration,
		MountPoints: c.MountPoints, Privileged: c.Privileged,
		ReadonlyRootFilesystem: c.ReadonlyRootFilesystem,
		RepositoryCredentials:  c.RepositoryCredentials,
		ResourceRequirements:   reqs, Secrets: c.Secrets, Ulimits: c.Ulimits, User: c.User,
	}}
}

// DefaultContainer is the name of the container of a job that has one.
const DefaultContainer = "default"

func legacyRequirement(kind types.ResourceType, value int32) types.ResourceRequirement {
	text := strconv.Itoa(int(value))
	return types.ResourceRequirement{Type: kind, Value: &text}
}

// Volumes returns the volumes that its containers may mount.
func (e Effective) Volumes() []types.Volume {
	if e.Ecs == nil {
		return e.Container.Volumes
	}
	var all []types.Volume
	for _, t := range e.Ecs.TaskProperties {
		all = append(all, t.Volumes...)
	}
	return all
}

// Arch is the CPU architecture that the job asks for: "x86_64", "arm64", or empty
// when it does not say.
func (e Effective) Arch() string {
	var platform *types.RuntimePlatform
	if e.Ecs == nil {
		platform = e.Container.RuntimePlatform
	} else if len(e.Ecs.TaskProperties) > 0 {
		platform = e.Ecs.TaskProperties[0].RuntimePlatform
	}
	if platform == nil {
		return ""
	}
	switch deref(platform.CpuArchitecture) {
	case "ARM64":
		return "arm64"
	case "X86_64":
		return "x86_64"
	}
	return ""
}

// Need returns what all containers of e take together, or a ClientException when
// a requirement is missing or is not a number.
func (e Effective) Need() (Resources, error) {
	var sum Resources
	for _, c := range e.Containers() {
		r, err := NeedOf(c.ResourceRequirements)
		if err != nil {
			return Resources{}, err
		}
		sum = sum.Add(r)
	}
	switch {
	case sum.MilliVCPU == 0:
		return sum, Invalid("vCPU is required.")
	case sum.MemoryMiB == 0:
		return sum, Invalid("Memory is required.")
	}
	if e.Platform != PlatformFargate {
		if sum.MilliVCPU < 1000 {
			return sum, Invalid("vCPU must be at least 1, got %s.", sum.VCPUs())
		}
		if sum.MemoryMiB < minMemoryMiB {
			return sum, Invalid("Memory must be at least %d Mib, got %d Mib.", minMemoryMiB, sum.MemoryMiB)
		}
	}
	return sum, nil
}

// minMemoryMiB is the least memory that AWS Batch takes on EC2.
const minMemoryMiB = 4

// ParseAmount reads a number as AWS Batch takes it: digits with at most one point. Other
// forms that Go reads, "1e3" or "0x10", no other client would understand.
func ParseAmount(text string) (float64, error) {
	if strings.Trim(text, "0123456789.+-") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// NeedOf adds up resource requirements. Values are strings on the wire: "0.25"
// vCPU, "2048" MiB, "1" GPU.
func NeedOf(reqs []types.ResourceRequirement) (Resources, error) {
	var r Resources
	for _, req := range reqs {
		text := deref(req.Value)
		value, err := ParseAmount(text)
		if err != nil || value < 0 || math.IsInf(value, 0) || math.IsNaN(value) || value > math.MaxInt32 {
			return Resources{}, Invalid("resourceRequirements: the value %q of %s is not a number in range.", text, req.Type)
		}
		whole := value == math.Trunc(value)
		switch req.Type {
		case types.ResourceTypeVcpu:
			r.MilliVCPU = int64(math.Round(value * 1000))
		case types.ResourceTypeMemory:
			if !whole {
				return Resources{}, Invalid("resourceRequirements: MEMORY must be a whole number of MiB, got %q.", text)
			}
			r.MemoryMiB = int64(value)
		case types.ResourceTypeGpu:
			if !whole {
				return Resources{}, Invalid("resourceRequirements: GPU must be a whole number, got %q.", text)
			}
			r.GPUs = int64(value)
		default:
			return Resources{}, Invalid("resourceRequirements: unknown type %q; it is one of VCPU, MEMORY, GPU.", req.Type)
		}
	}
	return r, nil
}
