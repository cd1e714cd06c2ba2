package batch_test

import (
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/batch"
)

func need(kind types.ResourceType, value string) types.ResourceRequirement {
	return types.ResourceRequirement{Type: kind, Value: &value}
}

const (
	vcpu   = types.ResourceTypeVcpu
	memory = types.ResourceTypeMemory
	gpu    = types.ResourceTypeGpu
)

func env(name, value string) types.KeyValuePair {
	return types.KeyValuePair{Name: &name, Value: &value}
}

// definition is a job definition of one container with 1 vCPU and 512 MiB.
func definition(edits ...func(*types.JobDefinition)) *types.JobDefinition {
	d := &types.JobDefinition{
		JobDefinitionName: new("d"), Revision: new(int32(1)),
		ContainerProperties: &types.ContainerProperties{
			Image: new("busybox"), Command: []string{"echo", "Ref::who"},
			Environment:          []types.KeyValuePair{env("A", "1"), env("B", "2")},
			ResourceRequirements: []types.ResourceRequirement{need(vcpu, "1"), need(memory, "512")},
		},
		Parameters: map[string]string{"who": "world"},
	}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

func overrides(o types.ContainerOverrides) *awsbatch.SubmitJobInput {
	return &awsbatch.SubmitJobInput{ContainerOverrides: &o}
}

func TestMergeAppliesASubmissionToItsDefinition(t *testing.T) {
	for name, test := range map[string]struct {
		def  *types.JobDefinition
		in   *awsbatch.SubmitJobInput
		want func(*types.ContainerProperties)
	}{
		"nothing given: the definition, parameters filled in": {
			want: func(*types.ContainerProperties) {},
		},
		"parameters of the submission win": {
			in:   &awsbatch.SubmitJobInput{Parameters: map[string]string{"who": "you"}},
			want: func(c *types.ContainerProperties) { c.Command = []string{"echo", "you"} },
		},
		"a command replaces the definition's, and has its parameters filled in": {
			in:   overrides(types.ContainerOverrides{Command: []string{"cat", "/Ref::who/x"}}),
			want: func(c *types.ContainerProperties) { c.Command = []string{"cat", "/world/x"} },
		},
		"an empty command leaves none": {
			in:   overrides(types.ContainerOverrides{Command: []string{}}),
			want: func(c *types.ContainerProperties) { c.Command = []string{} },
		},
		"environment merges by name, in the definition's order": {
			in: overrides(types.ContainerOverrides{Environment: []types.KeyValuePair{env("C", "3"), env("A", "9")}}),
			want: func(c *types.ContainerProperties) {
				c.Environment = []types.KeyValuePair{env("A", "9"), env("B", "2"), env("C", "3")}
			},
		},
		"requirements merge by type": {
			in: overrides(types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{need(memory, "2048"), need(gpu, "1")}}),
			want: func(c *types.ContainerProperties) {
				c.ResourceRequirements = []types.ResourceRequirement{need(vcpu, "1"), need(memory, "2048"), need(gpu, "1")}
			},
		},
		"deprecated overrides change deprecated members": {
			def: definition(func(d *types.JobDefinition) {
				d.ContainerProperties.ResourceRequirements = nil
				d.ContainerProperties.Vcpus, d.ContainerProperties.Memory = new(int32(2)), new(int32(100))
			}),
			in: overrides(types.ContainerOverrides{Vcpus: new(int32(4)), Memory: new(int32(200))}),
			want: func(c *types.ContainerProperties) {
				c.ResourceRequirements = nil
				c.Vcpus, c.Memory = new(int32(4)), new(int32(200))
			},
		},
		"a requirement beats the definition's deprecated member": {
			def: definition(func(d *types.JobDefinition) {
				d.ContainerProperties.ResourceRequirements = nil
				d.ContainerProperties.Vcpus, d.ContainerProperties.Memory = new(int32(2)), new(int32(100))
			}),
			in: overrides(types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{need(vcpu, "8")}}),
			want: func(c *types.ContainerProperties) {
				c.ResourceRequirements = []types.ResourceRequirement{need(vcpu, "8")}
				c.Vcpus, c.Memory = nil, new(int32(100))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			def, in := test.def, test.in
			if def == nil {
				def = definition()
			}
			if in == nil {
				in = &awsbatch.SubmitJobInput{}
			}
			want := *definition().ContainerProperties
			want.Command = []string{"echo", "world"}
			test.want(&want)
			got, err := batch.Merge(def, in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got.Container, cmpopts.IgnoreUnexported(types.ContainerProperties{},
				types.KeyValuePair{}, types.ResourceRequirement{})); diff != "" {
				t.Errorf("the container differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergeTakesTheSubmissionsChoicesAsAWhole(t *testing.T) {
	def := definition(func(d *types.JobDefinition) {
		d.RetryStrategy = retry(onExit("1", exits))
		d.Timeout = &types.JobTimeout{AttemptDurationSeconds: new(int32(60))}
		d.PropagateTags, d.SchedulingPriority = new(false), new(int32(3))
		d.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
	})
	got, err := batch.Merge(def, &awsbatch.SubmitJobInput{})
	if err != nil || got.Retry != def.RetryStrategy || got.Timeout != def.Timeout || *got.Propagate || *got.Priority != 3 ||
		got.Platform != batch.PlatformFargate {
		t.Errorf("Merge with nothing = %+v, %v; want what the definition says", got, err)
	}
	in := &awsbatch.SubmitJobInput{
		RetryStrategy: &types.RetryStrategy{Attempts: new(int32(2))}, Timeout: &types.JobTimeout{AttemptDurationSeconds: new(int32(90))},
		PropagateTags: new(true), SchedulingPriorityOverride: new(int32(7)),
	}
	got, err = batch.Merge(def, in)
	if err != nil || got.Retry != in.RetryStrategy || got.Timeout != in.Timeout || !*got.Propagate || *got.Priority != 7 {
		t.Errorf("Merge = %+v, %v; want what the submission says", got, err)
	}
}

// What Merge returns is worked on further; the definition is shared by all
// submissions.
func TestMergeChangesNothingOfTheDefinition(t *testing.T) {
	def := definition()
	_, err := batch.Merge(def, &awsbatch.SubmitJobInput{
		Parameters: map[string]string{"who": "you", "more": "x"},
		ContainerOverrides: &types.ContainerOverrides{
			Environment:          []types.KeyValuePair{env("A", "9"), env("C", "3")},
			ResourceRequirements: []types.ResourceRequirement{need(vcpu, "4")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(definition(), def, cmpopts.IgnoreUnexported(types.JobDefinition{}, types.ContainerProperties{},
		types.KeyValuePair{}, types.ResourceRequirement{})); diff != "" {
		t.Errorf("the definition changed (-before +after):\n%s", diff)
	}
}

// several is a definition of two containers.
func several() *types.JobDefinition {
	container := func(name, command string) types.TaskContainerProperties {
		return types.TaskContainerProperties{
			Name: &name, Image: new("busybox"), Command: []string{command, "Ref::who"},
			ResourceRequirements: []types.ResourceRequirement{need(vcpu, "1"), need(memory, "512")},
		}
	}
	return definition(func(d *types.JobDefinition) {
		d.ContainerProperties = nil
		d.EcsProperties = &types.EcsProperties{TaskProperties: []types.EcsTaskProperties{{
			Containers: []types.TaskContainerProperties{container("main", "work"), container("log", "tail")},
		}}}
	})
}

func override(name string, o types.TaskContainerOverrides) *awsbatch.SubmitJobInput {
	o.Name = &name
	return &awsbatch.SubmitJobInput{EcsPropertiesOverride: &types.EcsPropertiesOverride{
		TaskProperties: []types.TaskPropertiesOverride{{Containers: []types.TaskContainerOverrides{o}}},
	}}
}

func TestMergeOverridesContainersByName(t *testing.T) {
	def := several()
	got, err := batch.Merge(def, override("log", types.TaskContainerOverrides{
		Command: []string{"head", "Ref::who"}, Environment: []types.KeyValuePair{env("A", "1")},
		ResourceRequirements: []types.ResourceRequirement{need(memory, "64")},
	}))
	if err != nil {
		t.Fatal(err)
	}
	main, log := got.Containers()[0], got.Containers()[1]
	if main.Command[0] != "work" || main.Command[1] != "world" || len(main.Environment) != 0 {
		t.Errorf("main = %+v, want it as defined", main)
	}
	if log.Command[0] != "head" || log.Command[1] != "world" || *log.Environment[0].Value != "1" || *log.ResourceRequirements[1].Value != "64" {
		t.Errorf("log = %+v, want it overridden", log)
	}
	if sum, err := got.Need(); err != nil || sum != (batch.Resources{MilliVCPU: 2000, MemoryMiB: 576}) {
		t.Errorf("Need = %v, %v; want the sum of both", sum, err)
	}
	if command := def.EcsProperties.TaskProperties[0].Containers[1].Command; command[0] != "tail" || command[1] != "Ref::who" {
		t.Errorf("the definition's command changed to %q", command)
	}
}

func TestMergeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		def  *types.JobDefinition
		in   *awsbatch.SubmitJobInput
		want string
	}{
		"a deprecated override of a requirement": {
			definition(), overrides(types.ContainerOverrides{Vcpus: new(int32(2))}),
			"This value was submitted in a deprecated key and may conflict with the value provided by the job definition's resource requirements.",
		},
		"a deprecated memory override of a requirement": {
			definition(), overrides(types.ContainerOverrides{Memory: new(int32(2))}),
			"This value was submitted in a deprecated key and may conflict with the value provided by the job definition's resource requirements.",
		},
		"a reference without a parameter": {
			definition(), overrides(types.ContainerOverrides{Command: []string{"Ref::nobody"}}),
			"Unable to substitute value. No parameter found for reference nobody",
		},
		"containerOverrides for several containers": {
			several(), overrides(types.ContainerOverrides{Command: []string{"x"}}),
			"containerOverrides cannot be used with a job definition that has ecsProperties. (use ecsPropertiesOverride)",
		},
		"a container that is not there": {
			several(), override("side", types.TaskContainerOverrides{}),
			`ecsPropertiesOverride names container "side", which the job definition does not have.`,
		},
		"a reference in one of several containers": {
			several(), override("log", types.TaskContainerOverrides{Command: []string{"Ref::nobody"}}),
			"Unable to substitute value. No parameter found for reference nobody",
		},
		"several nodes": {
			definition(func(d *types.JobDefinition) { d.NodeProperties = &types.NodeProperties{} }), &awsbatch.SubmitJobInput{},
			"Multi-node parallel jobs are not supported yet. (submit the job as an array, or with one container per job)",
		},
		"EKS": {
			definition(func(d *types.JobDefinition) { d.EksProperties = &types.EksProperties{} }), &awsbatch.SubmitJobInput{},
			"Jobs on EKS are not supported.",
		},
		"no container at all": {
			definition(func(d *types.JobDefinition) { d.ContainerProperties = nil }), &awsbatch.SubmitJobInput{},
			"Job definition d has no container.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := batch.Merge(test.def, test.in)
			if err == nil || err.Error() != test.want || batch.CodeOf(err) != batch.CodeInvalid {
				t.Errorf("Merge = %q (%s), want ClientException %q", err, batch.CodeOf(err), test.want)
			}
		})
	}
}
