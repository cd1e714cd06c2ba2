package batch

import "fmt"

// TagEnvironments is the tag of a job queue that lets it have compute environments on
// Fargate and on EC2 together, which AWS Batch refuses, and says where each of its jobs
// goes that can run on both: one of the values below.
const TagEnvironments = "packhorse:environments"

// The values of TagEnvironments.
const (
	EnvironmentsCheapest = "cheapest" // where it is expected to cost least
	EnvironmentsSoonest  = "soonest"  // where it is expected to start first
)

// CheckEnvironmentsTag returns what is wrong with TagEnvironments among the tags of a queue.
func CheckEnvironmentsTag(tags map[string]string) error {
	value, ok := tags[TagEnvironments]
	if !ok || value == EnvironmentsCheapest || value == EnvironmentsSoonest {
		return nil
	}
	return &Error{Code: CodeInvalid,
		Message: fmt.Sprintf("The value %q of the tag %s is not valid. Valid values are: [%s, %s]", value, TagEnvironments, EnvironmentsCheapest, EnvironmentsSoonest),
		Next:    "set it to one of them, or leave the tag out: then environments are tried in their order"}
}

// RunsOnHosts reports whether what is for Fargate can run on a host of the same
// architecture as well. Windows cannot, nor what asks Fargate for more disk.
func (e Effective) RunsOnHosts() bool {
	switch {
	case e.Platform != PlatformFargate:
		return true
	case e.Ecs == nil:
		p := e.Container.RuntimePlatform
		return e.Container.EphemeralStorage == nil && (p == nil || onLinux(p.OperatingSystemFamily))
	}
	for _, t := range e.Ecs.TaskProperties {
		if t.EphemeralStorage != nil || t.RuntimePlatform != nil && !onLinux(t.RuntimePlatform.OperatingSystemFamily) {
			return false
		}
	}
	return true
}

func onLinux(system *string) bool { return deref(system) == "" || deref(system) == "LINUX" }
