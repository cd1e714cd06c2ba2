package amazon

import (
	"encoding/json"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// maxOverrides is how many characters of JSON the overrides of a task may have
// (RunTask, overrides).
const maxOverrides = 8192

// overrides is what differs from job to job. Containers come in the order of the task:
// status.go tells theirs from those that AWS adds by it.
func overrides(t compute.Task) *types.TaskOverride {
	out := &types.TaskOverride{}
	var sum batch.Resources
	for _, c := range t.Containers {
		sum = sum.Add(c.Need)
		contract, others := environment(c)
		o := types.ContainerOverride{Name: &c.Name, Command: c.Command, Environment: append(others, contract...)}
		size(&o, t, c)
		out.ContainerOverrides = append(out.ContainerOverrides, o)
	}
	if onFargate(t) {
		out.Cpu, out.Memory = new(strconv.FormatInt(units(sum), 10)), new(strconv.FormatInt(sum.MemoryMiB, 10))
	}
	return out
}

// size sets what a container may use. On Fargate a single container has the whole task.
func size(o *types.ContainerOverride, t compute.Task, c compute.Container) {
	if onFargate(t) && len(t.Containers) == 1 {
		return
	}
	o.Cpu, o.Memory = new(int32(units(c.Need))), new(int32(c.Need.MemoryMiB))
}

// units are vCPUs as ECS counts them, rounded down: what fits a host in thousandths then
// fits it in units too, however many tasks there are.
func units(r batch.Resources) int64 { return r.MilliVCPU * cpuUnits / 1000 }

// characters is how long ECS finds overrides: JSON with lower-case names, without what
// is not set.
func characters(o *types.TaskOverride) int {
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	type container struct {
		Name        string   `json:"name"`
		Command     []string `json:"command,omitempty"`
		Environment []pair   `json:"environment,omitempty"`
		CPU         *int32   `json:"cpu,omitempty"`
		Memory      *int32   `json:"memory,omitempty"`
	}
	shape := struct {
		Containers []container `json:"containerOverrides"`
		CPU        *string     `json:"cpu,omitempty"`
		Memory     *string     `json:"memory,omitempty"`
	}{CPU: o.Cpu, Memory: o.Memory}
	for _, c := range o.ContainerOverrides {
		like := container{Name: deref(c.Name), Command: c.Command, CPU: c.Cpu, Memory: c.Memory}
		for _, v := range c.Environment {
			like.Environment = append(like.Environment, pair{deref(v.Name), deref(v.Value)})
		}
		shape.Containers = append(shape.Containers, like)
	}
	text, err := json.Marshal(shape)
	if err != nil {
		return maxOverrides + 1 // never: these are strings and numbers
	}
	return len(text)
}

// shaped returns the task definition and the overrides of a task. What does not fit into
// overrides moves into the definition, which is then this job's own, or that of an array:
// the variables of the runtime contract stay overrides.
func (b *Backend) shaped(t compute.Task) (*ecs.RegisterTaskDefinitionInput, *types.TaskOverride) {
	definition, over := b.definitionOf(t), overrides(t)
	if characters(over) <= maxOverrides {
		return definition, over
	}
	for i, c := range t.Containers {
		contract, others := environment(c)
		definition.ContainerDefinitions[i].Environment, over.ContainerOverrides[i].Environment = others, contract
		definition.ContainerDefinitions[i].Command, over.ContainerOverrides[i].Command = c.Command, nil
	}
	return definition, over
}
