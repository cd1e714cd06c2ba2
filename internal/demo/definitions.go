package demo

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// The names of the job definitions. The jobs are named as the tasks are.
const (
	CountDefinition = "demo-count"
	MergeDefinition = "demo-merge"
	FlakyDefinition = "demo-flaky"
)

// Shards is how many children the array has.
const Shards = 8

// TaskCommand is the command of the packhorse program that runs a task.
const TaskCommand = "demo-task"

// The parameters of the definitions. Their defaults let people submit them by hand.
const (
	RunParameter    = "run"
	ShardsParameter = "shards"
	defaultRun      = "by-hand"
)

// LabelVariable is the environment variable that says what is counted, for people: in
// a container the folder has another name.
const LabelVariable = "DEMO_SOURCE"

// Place is where the tasks find what they need.
type Place struct {
	// Image has the program as /packhorse. Empty means that jobs are plain processes:
	// then they use Program, Source and Results as they are, without mounts.
	Image   string
	Program string // path of the packhorse program on the server's machine
	Source  string // the source tree there, or BuiltIn
	Results string // the shared folder there
}

// Where a container has what Place names.
const (
	ProgramInImage = "/packhorse"
	sourceMount    = "/goroot"
	resultsMount   = "/results"
)

// noImage stands where a definition must name an image and none is used.
const noImage = "none"

// What the tasks need. A count of a shard holds one file and its counts at a time.
const (
	countMiB       = 512
	mergeMiB       = 512
	flakyMiB       = 64
	timeoutSeconds = 900
)

// Definitions returns the demo's job definitions.
func Definitions(p Place) []*batch.RegisterJobDefinitionInput {
	lostHost := types.EvaluateOnExit{OnStatusReason: new("Host EC2*"), Action: types.RetryActionRetry}
	otherwise := types.EvaluateOnExit{OnReason: new("*"), Action: types.RetryActionExit}
	count := p.definition(CountDefinition, countMiB,
		"count", "--source", "", "--results", "", "--run", "Ref::"+RunParameter, "--shards", "Ref::"+ShardsParameter)
	count.RetryStrategy = &types.RetryStrategy{Attempts: new(int32(3)), EvaluateOnExit: []types.EvaluateOnExit{lostHost, otherwise}}
	SetSource(count.ContainerProperties, p.Source)
	p.mountResults(count.ContainerProperties)

	merge := p.definition(MergeDefinition, mergeMiB,
		"merge", "--results", "", "--run", "Ref::"+RunParameter, "--shards", "Ref::"+ShardsParameter)
	merge.RetryStrategy = count.RetryStrategy
	merge.ContainerProperties.Environment = label(p.Source)
	p.mountResults(merge.ContainerProperties)
	for _, d := range []*batch.RegisterJobDefinitionInput{count, merge} {
		d.Parameters = map[string]string{RunParameter: defaultRun, ShardsParameter: strconv.Itoa(Shards)}
	}

	flaky := p.definition(FlakyDefinition, flakyMiB, "flaky")
	flaky.RetryStrategy = &types.RetryStrategy{Attempts: new(int32(3)), EvaluateOnExit: []types.EvaluateOnExit{
		{OnExitCode: new(strconv.Itoa(ExitTemporary)), Action: types.RetryActionRetry}, lostHost, otherwise,
	}}
	return []*batch.RegisterJobDefinitionInput{count, merge, flaky}
}

func (p Place) definition(name string, memoryMiB int, task ...string) *batch.RegisterJobDefinitionInput {
	image, program := p.Image, ProgramInImage
	if image == "" {
		image, program = noImage, p.Program
	}
	return &batch.RegisterJobDefinitionInput{
		JobDefinitionName: new(name),
		Type:              types.JobDefinitionTypeContainer,
		Timeout:           &types.JobTimeout{AttemptDurationSeconds: new(int32(timeoutSeconds))},
		ContainerProperties: &types.ContainerProperties{
			Image:   new(image),
			Command: append([]string{program, TaskCommand}, task...),
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: new("1")},
				{Type: types.ResourceTypeMemory, Value: new(strconv.Itoa(memoryMiB))},
			},
			ReadonlyRootFilesystem: new(p.Image != ""),
		},
	}
}

func (p Place) mountResults(c *types.ContainerProperties) {
	if p.Image == "" {
		setFlag(c.Command, "--results", p.Results)
		return
	}
	setFlag(c.Command, "--results", resultsMount)
	mountHost(c, "results", p.Results, resultsMount, false)
}

// SetSource makes the container of a count definition count another source tree on the
// server's machine.
func SetSource(c *types.ContainerProperties, source string) {
	c.Environment = label(source)
	unmount(c, "source")
	if source == BuiltIn || *c.Image == noImage {
		setFlag(c.Command, "--source", source)
		return
	}
	setFlag(c.Command, "--source", sourceMount)
	mountHost(c, "source", source, sourceMount, true)
}

// SourceOf returns what a container of a count definition counts.
func SourceOf(c *types.ContainerProperties) string {
	if c != nil {
		for _, v := range c.Environment {
			if *v.Name == LabelVariable {
				return *v.Value
			}
		}
	}
	return "an unknown source tree"
}

// LabelOf is how a source tree is spoken of.
func LabelOf(source string) string {
	if source == BuiltIn {
		return "the sources of this demo itself"
	}
	return source
}

func label(source string) []types.KeyValuePair {
	return []types.KeyValuePair{{Name: new(LabelVariable), Value: new(LabelOf(source))}}
}

// setFlag sets the argument after a flag of a command.
func setFlag(command []string, flag, value string) {
	if i := slices.Index(command, flag); i >= 0 && i+1 < len(command) {
		command[i+1] = value
	}
}

func unmount(c *types.ContainerProperties, name string) {
	c.Volumes = slices.DeleteFunc(c.Volumes, func(v types.Volume) bool { return *v.Name == name })
	c.MountPoints = slices.DeleteFunc(c.MountPoints, func(m types.MountPoint) bool { return *m.SourceVolume == name })
}

// mountHost shows a folder of the host in the container.
func mountHost(c *types.ContainerProperties, name, host, path string, readOnly bool) {
	c.Volumes = append(c.Volumes, types.Volume{Name: new(name), Host: &types.Host{SourcePath: new(host)}})
	c.MountPoints = append(c.MountPoints, types.MountPoint{SourceVolume: new(name), ContainerPath: new(path), ReadOnly: new(readOnly)})
}
