package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// maxContainers is the most containers of a task (API reference, EcsTaskProperties).
const maxContainers = 10

// Bounds of stopTimeout and startTimeout in seconds (API reference,
// TaskContainerProperties); EC2 allows longer stops.
const (
	minContainerTimeout        = 2
	maxFargateContainerTimeout = 120
)

// checkECS checks the body of a definition with several containers.
func checkECS(p types.EcsProperties, fargate bool) error {
	if len(p.TaskProperties) != 1 {
		return batch.Invalid("ecsProperties must have exactly 1 element in taskProperties, got %d.", len(p.TaskProperties))
	}
	e := p.TaskProperties[0]
	if n := len(e.Containers); n < 1 || n > maxContainers {
		return batch.Invalid("Number of containers must be between 1 and %d", maxContainers)
	}
	if err := checkModes(e, fargate); err != nil {
		return err
	}
	if err := checkContainerNames(e.Containers); err != nil {
		return err
	}
	if err := checkDependencies(e.Containers); err != nil {
		return err
	}
	if err := checkFirelens(e.Containers); err != nil {
		return err
	}
	need, err := tasksNeed(e.Containers, fargate)
	if err != nil {
		return err
	}
	t := task{
		fargate: fargate, need: need,
		executionRole: deref(e.ExecutionRoleArn), jobRole: deref(e.TaskRoleArn),
		network: e.NetworkConfiguration, platformVersion: e.PlatformVersion,
		runtime: e.RuntimePlatform, storage: e.EphemeralStorage, volumes: e.Volumes,
	}
	if err := checkTask(t); err != nil {
		return err
	}
	for _, c := range e.Containers {
		if err := checkContainerTimes(c, fargate); err != nil {
			return err
		}
		err := checkContainer(container{
			image: deref(c.Image), user: deref(c.User), environment: c.Environment, linux: c.LinuxParameters,
			log: c.LogConfiguration, privileged: deref(c.Privileged), secrets: c.Secrets, ulimits: c.Ulimits,
		}, t)
		if err != nil {
			return err
		}
	}
	return nil
}

// tasksNeed returns what the containers of a task ask for together; the bounds are
// those of the task.
func tasksNeed(containers []types.TaskContainerProperties, fargate bool) (batch.Resources, error) {
	var sum batch.Resources
	given := map[types.ResourceType]bool{}
	for _, c := range containers {
		need, has, err := requirementsOf(c.ResourceRequirements, fargate)
		if err != nil {
			return sum, err
		}
		sum = sum.Add(need)
		for kind := range has {
			given[kind] = true
		}
	}
	return sum, checkNeed(sum, given, fargate)
}

// checkModes checks how the containers share processes and memory. The text for
// pidMode speaks of capabilities at AWS, too.
func checkModes(e types.EcsTaskProperties, fargate bool) error {
	ipc, pid := deref(e.IpcMode), deref(e.PidMode)
	switch {
	case ipc != "" && !slices.Contains([]string{"host", "task", "none"}, ipc):
		return batch.Invalid("ipcMode %s is not valid. Valid values are: [host, task, none]", ipc)
	case pid != "" && !slices.Contains([]string{"host", "task"}, pid):
		return batch.Invalid("Capability %s is not valid. Valid capabilities: [host, task]", pid)
	case fargate && ipc != "":
		return notForFargate("ipcMode")
	case fargate && pid == "host":
		return refuse("pidMode host is not applicable for Fargate.", "use pidMode task, or leave it out")
	}
	return nil
}

// checkContainerNames demands names that tell the containers apart, and one that is
// essential. A container without a word on it is.
func checkContainerNames(containers []types.TaskContainerProperties) error {
	names, essential := map[string]bool{}, false
	for _, c := range containers {
		name := deref(c.Name)
		switch {
		case names[name]:
			return refuse("Container names must be unique", fmt.Sprintf("%q is there twice", name))
		case name != "" && !namePattern.MatchString(name), name == "" && len(containers) > 1:
			return checkName("Container", name)
		}
		names[name] = true
		essential = essential || c.Essential == nil || *c.Essential
	}
	if !essential {
		return refuse("At least one container must be set as essential", "set essential to true in the container whose end is the end of the job")
	}
	return nil
}

// dependencyConditions are what a container may wait for in another.
var dependencyConditions = []string{"START", "COMPLETE", "SUCCESS"}

// checkDependencies checks what the containers wait for in each other.
func checkDependencies(containers []types.TaskContainerProperties) error {
	byName := map[string]types.TaskContainerProperties{}
	for _, c := range containers {
		byName[deref(c.Name)] = c
	}
	for _, c := range containers {
		if len(c.DependsOn) > 0 && len(containers) == 1 {
			return refuse("Container dependency can not be used in a single-container job.", "leave dependsOn out")
		}
		for _, d := range c.DependsOn {
			on, condition := deref(d.ContainerName), strings.ToUpper(deref(d.Condition))
			target, exists := byName[on]
			switch {
			case !slices.Contains(dependencyConditions, condition):
				return batch.Invalid("TaskContainer dependency %s is not valid. Valid values are: [%s]",
					deref(d.Condition), strings.Join(dependencyConditions, ", "))
			case !exists:
				return refuse(fmt.Sprintf("containerName %s must reference a defined container.", on), "name a container of the same task in dependsOn")
			case condition != "START" && (target.Essential == nil || *target.Essential):
				return refuse(fmt.Sprintf("The container target of a dependency can not have condition %s if the target is essential", condition),
					fmt.Sprintf("set essential to false in container %s, or wait for its START", on))
			}
		}
	}
	return checkNoCycle(containers, byName)
}

// checkNoCycle refuses containers that wait for each other in a ring: none of them
// could start.
func checkNoCycle(containers []types.TaskContainerProperties, byName map[string]types.TaskContainerProperties) error {
	const (
		visiting = 1
		done     = 2
	)
	state := map[string]int{}
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case done:
			return nil
		case visiting:
			return refuse("Container dependencies can not be circular.", fmt.Sprintf("container %s waits for itself in the end; cut one of the dependsOn", name))
		}
		state[name] = visiting
		for _, d := range byName[name].DependsOn {
			if err := visit(deref(d.ContainerName)); err != nil {
				return err
			}
		}
		state[name] = done
		return nil
	}
	for _, c := range containers {
		if err := visit(deref(c.Name)); err != nil {
			return err
		}
	}
	return nil
}

// checkFirelens checks the router of logs that a task may have.
func checkFirelens(containers []types.TaskContainerProperties) error {
	router, routed, root := false, false, false
	for _, c := range containers {
		if f := c.FirelensConfiguration; f != nil {
			router = true
			if !slices.Contains(f.Type.Values(), f.Type) {
				return batch.Invalid("firelensConfiguration type %s is not valid. Valid values are: [fluentd, fluentbit]", f.Type)
			}
		}
		routed = routed || c.LogConfiguration != nil && c.LogConfiguration.LogDriver == types.LogDriverAwsfirelens
		user, _, _ := strings.Cut(deref(c.User), ":")
		root = root || user == "" || user == "0" || user == "root"
	}
	switch {
	case !router:
		return nil
	case !routed:
		return refuse("When a firelensConfiguration object is specified, at least one container has to be configured with the awsfirelens log driver",
			"set logConfiguration.logDriver of a container to awsfirelens")
	case !root:
		return refuse("When a firelensConfiguration object is specified, at least one container has to run as root", "leave user out of one container")
	}
	return nil
}

func checkContainerTimes(c types.TaskContainerProperties, fargate bool) error {
	for _, m := range []struct {
		name    string
		seconds *int32
	}{{"startTimeout", c.StartTimeout}, {"stopTimeout", c.StopTimeout}} {
		switch {
		case m.seconds == nil:
		case *m.seconds < minContainerTimeout:
			return batch.Invalid("%s must be at least %d seconds, got %d.", m.name, minContainerTimeout, *m.seconds)
		case fargate && *m.seconds > maxFargateContainerTimeout:
			return batch.Invalid("%s must be at most %d seconds on Fargate, got %d.", m.name, maxFargateContainerTimeout, *m.seconds)
		}
	}
	return nil
}
