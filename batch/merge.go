package batch

import (
	"maps"
	"slices"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// Effective is a job definition with one submission's parameters and overrides
// applied: what runs, and what DescribeJobs shows. Exactly one of Container and
// Ecs is set.
type Effective struct {
	Parameters map[string]string
	Container  *types.ContainerProperties
	Ecs        *types.EcsProperties
	Retry      *types.RetryStrategy
	Timeout    *types.JobTimeout
	Platform   Platform
	Propagate  *bool
	Priority   *int32
}

// Merge applies a submission to its definition. The precedence is AWS Batch's
// (SDK documentation of SubmitJob; user guide, "Job definition parameters"):
// parameters of the submission over those of the definition, a command replaces
// the definition's, environment merges by name, resource requirements by type,
// retry strategy and timeout replace as a whole. An error is about the submission
// and a ClientException.
func Merge(def *types.JobDefinition, req *awsbatch.SubmitJobInput) (Effective, error) {
	e := Effective{
		Parameters: maps.Clone(def.Parameters),
		Retry:      def.RetryStrategy,
		Timeout:    def.Timeout,
		Propagate:  def.PropagateTags,
		Priority:   def.SchedulingPriority,
	}
	if e.Parameters == nil {
		e.Parameters = map[string]string{}
	}
	maps.Copy(e.Parameters, req.Parameters)
	if req.RetryStrategy != nil {
		e.Retry = req.RetryStrategy
	}
	if req.Timeout != nil {
		e.Timeout = req.Timeout
	}
	if req.PropagateTags != nil {
		e.Propagate = req.PropagateTags
	}
	if req.SchedulingPriorityOverride != nil {
		e.Priority = req.SchedulingPriorityOverride
	}
	if slices.Contains(def.PlatformCapabilities, types.PlatformCapabilityFargate) {
		e.Platform = PlatformFargate
	}
	switch {
	case def.NodeProperties != nil:
		return e, &Error{Code: CodeInvalid,
			Message: "Multi-node parallel jobs are not supported yet.",
			Next:    "submit the job as an array, or with one container per job"}
	case def.EksProperties != nil:
		return e, Invalid("Jobs on EKS are not supported.")
	case def.EcsProperties != nil:
		merged, err := mergeEcs(def.EcsProperties, req, e.Parameters)
		e.Ecs = merged
		return e, err
	case def.ContainerProperties != nil:
		merged, err := mergeContainer(def.ContainerProperties, req.ContainerOverrides, e.Parameters)
		e.Container = merged
		return e, err
	}
	return e, Invalid("Job definition %s has no container.", deref(def.JobDefinitionName))
}

func mergeContainer(def *types.ContainerProperties, o *types.ContainerOverrides, params map[string]string) (*types.ContainerProperties, error) {
	c := *def
	if o != nil {
		if o.Command != nil {
			c.Command = o.Command
		}
		c.Environment = mergeEnvironment(c.Environment, o.Environment)
		c.ResourceRequirements = mergeRequirements(c.ResourceRequirements, o.ResourceRequirements)
		var err error
		if c.Vcpus, err = legacyOverride(c.Vcpus, o.Vcpus, types.ResourceTypeVcpu, c.ResourceRequirements); err != nil {
			return nil, err
		}
		if c.Memory, err = legacyOverride(c.Memory, o.Memory, types.ResourceTypeMemory, c.ResourceRequirements); err != nil {
			return nil, err
		}
		if o.InstanceType != nil {
			c.InstanceType = o.InstanceType
		}
		// A requirement given as an override beats the definition's deprecated member.
		if requirement(o.ResourceRequirements, types.ResourceTypeVcpu) != "" {
			c.Vcpus = nil
		}
		if requirement(o.ResourceRequirements, types.ResourceTypeMemory) != "" {
			c.Memory = nil
		}
	}
	command, err := Substitute(c.Command, params)
	c.Command = command
	return &c, err
}

// legacyOverride applies the deprecated vcpus or memory of an override. A
// definition that uses resourceRequirements cannot be overridden by them.
func legacyOverride(def, override *int32, kind types.ResourceType, reqs []types.ResourceRequirement) (*int32, error) {
	if override == nil {
		return def, nil
	}
	if requirement(reqs, kind) != "" {
		return nil, Invalid("This value was submitted in a deprecated key and may conflict with the value " +
			"provided by the job definition's resource requirements.")
	}
	return override, nil
}

func mergeEcs(def *types.EcsProperties, req *awsbatch.SubmitJobInput, params map[string]string) (*types.EcsProperties, error) {
	if req.ContainerOverrides != nil {
		return nil, &Error{Code: CodeInvalid,
			Message: "containerOverrides cannot be used with a job definition that has ecsProperties.",
			Next:    "use ecsPropertiesOverride"}
	}
	out := &types.EcsProperties{TaskProperties: slices.Clone(def.TaskProperties)}
	for i := range out.TaskProperties {
		task := &out.TaskProperties[i]
		task.Containers = slices.Clone(task.Containers)
		if req.EcsPropertiesOverride != nil && i < len(req.EcsPropertiesOverride.TaskProperties) {
			for _, o := range req.EcsPropertiesOverride.TaskProperties[i].Containers {
				at := slices.IndexFunc(task.Containers, func(c types.TaskContainerProperties) bool {
					return deref(c.Name) == deref(o.Name)
				})
				if at < 0 {
					return nil, Invalid("ecsPropertiesOverride names container %q, which the job definition does not have.", deref(o.Name))
				}
				c := &task.Containers[at]
				if o.Command != nil {
					c.Command = o.Command
				}
				c.Environment = mergeEnvironment(c.Environment, o.Environment)
				c.ResourceRequirements = mergeRequirements(c.ResourceRequirements, o.ResourceRequirements)
			}
		}
		for j := range task.Containers {
			command, err := Substitute(task.Containers[j].Command, params)
			if err != nil {
				return nil, err
			}
			task.Containers[j].Command = command
		}
	}
	return out, nil
}

// mergeEnvironment puts overrides over base by name, keeping the order of base.
func mergeEnvironment(base, overrides []types.KeyValuePair) []types.KeyValuePair {
	if len(overrides) == 0 {
		return base
	}
	out := slices.Clone(base)
	for _, o := range overrides {
		at := slices.IndexFunc(out, func(b types.KeyValuePair) bool { return deref(b.Name) == deref(o.Name) })
		if at < 0 {
			out = append(out, o)
		} else {
			out[at] = o
		}
	}
	return out
}

func mergeRequirements(base, overrides []types.ResourceRequirement) []types.ResourceRequirement {
	if len(overrides) == 0 {
		return base
	}
	out := slices.Clone(base)
	for _, o := range overrides {
		at := slices.IndexFunc(out, func(b types.ResourceRequirement) bool { return b.Type == o.Type })
		if at < 0 {
			out = append(out, o)
		} else {
			out[at] = o
		}
	}
	return out
}

func requirement(reqs []types.ResourceRequirement, kind types.ResourceType) string {
	for _, r := range reqs {
		if r.Type == kind {
			return deref(r.Value)
		}
	}
	return ""
}

// Substitute replaces each Ref::name in a command by the parameter of that name.
// AWS's examples use whole arguments, of which the whole is the name; inside a longer
// argument the longest parameter name that fits is replaced, as clients expect. A
// reference without a parameter is a ClientException.
func Substitute(command []string, params map[string]string) ([]string, error) {
	const ref = "Ref::"
	if !slices.ContainsFunc(command, func(s string) bool { return strings.Contains(s, ref) }) {
		return command, nil
	}
	out := make([]string, len(command))
	for i, arg := range command {
		var b strings.Builder
		rest := arg
		for {
			at := strings.Index(rest, ref)
			if at < 0 {
				break
			}
			b.WriteString(rest[:at])
			rest = rest[at+len(ref):]
			token := rest[:strings.IndexFunc(rest+"\x00", func(r rune) bool { return !refRune(r) })]
			name, ok := parameterIn(token, ref+token == arg, params)
			if !ok {
				return nil, Invalid("Unable to substitute value. No parameter found for reference %s", token)
			}
			b.WriteString(params[name])
			rest = rest[len(name):]
		}
		b.WriteString(rest)
		out[i] = b.String()
	}
	return out, nil
}

// parameterIn returns the parameter that a reference means: the token itself, or, when
// the argument goes on, the longest beginning of it that is one.
func parameterIn(token string, whole bool, params map[string]string) (name string, ok bool) {
	for name = token; name != ""; name = name[:len(name)-1] {
		if _, ok := params[name]; ok {
			return name, true
		}
		if whole {
			break
		}
	}
	return "", false
}

// refRune reports whether r may stand in the name of a parameter.
func refRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' ||
		r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
