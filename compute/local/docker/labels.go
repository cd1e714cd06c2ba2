package docker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/compute"
)

// Labels of our containers. What is needed to take a task up again after a
// restart stands here, since labels are written in the one call that makes a
// container and cannot be lost afterwards.
const (
	labelInstance  = "packhorse.instance" // the data directory it belongs to; also on volumes
	labelTask      = "packhorse.task"     // also on volumes
	labelJob       = "packhorse.job"
	labelAttempt   = "packhorse.attempt"
	labelCluster   = "packhorse.cluster"
	labelHost      = "packhorse.host"
	labelContainer = "packhorse.container"  // name in the task
	labelIndex     = "packhorse.index"      // place in the task, from 0
	labelCount     = "packhorse.containers" // how many the task has
	labelEssential = "packhorse.essential"
	labelDependsOn = "packhorse.depends-on" // JSON of []compute.Dependency
	labelVolumes   = "packhorse.volumes"    // engine's names of the task's empty volumes, by comma
	labelGPUs      = "packhorse.gpus"       // devices pinned to it, by comma
	labelLogGroup  = "packhorse.log-group"
	labelLogStream = "packhorse.log-stream"
	labelSchema    = "packhorse.schema" // of these labels
)

// schema is the version of the labels that this code writes. Containers of a newer
// schema are left alone.
const schema = 1

// containerName is the engine's name of a container: the one thing that makes
// starting it twice impossible.
func containerName(task *compute.Task, index int) string {
	if len(task.Containers) == 1 {
		return "packhorse-" + task.ID
	}
	return "packhorse-" + task.ID + "-" + task.Containers[index].Name
}

// volumeName is the engine's name of an empty volume of a task.
func volumeName(taskID, volume string) string { return "packhorse-" + taskID + "-" + volume }

// emptyVolumes returns the engine's names of the volumes that live with the task.
func emptyVolumes(task *compute.Task) []string {
	var names []string
	for _, v := range task.Volumes {
		if v.HostPath == "" {
			names = append(names, volumeName(task.ID, v.Name))
		}
	}
	return names
}

// identity is what the labels of a container say.
type identity struct {
	Task      compute.Task // without volumes and containers
	Index     int
	Count     int
	Container compute.Container // name, essential, dependencies and log stream only
	Volumes   []string
	GPUs      []string
}

// labels writes the identity of one container of a task.
func labels(instance string, task *compute.Task, index int, gpus []string) map[string]string {
	c := &task.Containers[index]
	m := map[string]string{
		labelInstance:  instance,
		labelTask:      task.ID,
		labelJob:       task.JobID,
		labelAttempt:   strconv.Itoa(task.Attempt),
		labelCluster:   task.Cluster,
		labelHost:      task.Host,
		labelContainer: c.Name,
		labelIndex:     strconv.Itoa(index),
		labelCount:     strconv.Itoa(len(task.Containers)),
		labelEssential: strconv.FormatBool(c.Essential),
		labelLogGroup:  c.LogGroup,
		labelLogStream: c.LogStream,
		labelSchema:    strconv.Itoa(schema),
	}
	if len(c.DependsOn) > 0 {
		list, _ := json.Marshal(c.DependsOn) // strings only: cannot fail
		m[labelDependsOn] = string(list)
	}
	if volumes := emptyVolumes(task); len(volumes) > 0 {
		m[labelVolumes] = strings.Join(volumes, ",")
	}
	if len(gpus) > 0 {
		m[labelGPUs] = strings.Join(gpus, ",")
	}
	return m
}

// identify reads labels back. An error names the label that is not ours.
func identify(m map[string]string) (identity, error) {
	number := func(label string, err *error) int {
		n, bad := strconv.Atoi(m[label])
		if bad != nil && *err == nil {
			*err = fmt.Errorf("label %s=%q: not a number", label, m[label])
		}
		return n
	}
	var err error
	if v := number(labelSchema, &err); err == nil && v > schema {
		return identity{}, fmt.Errorf("label %s=%d: written by a newer Packhorse, this one knows %d", labelSchema, v, schema)
	}
	id := identity{
		Task: compute.Task{
			ID:      m[labelTask],
			JobID:   m[labelJob],
			Attempt: number(labelAttempt, &err),
			Cluster: m[labelCluster],
			Host:    m[labelHost],
		},
		Index: number(labelIndex, &err),
		Count: number(labelCount, &err),
		Container: compute.Container{
			Name:      m[labelContainer],
			Essential: m[labelEssential] == "true",
			LogGroup:  m[labelLogGroup],
			LogStream: m[labelLogStream],
		},
		Volumes: splitList(m[labelVolumes]),
		GPUs:    splitList(m[labelGPUs]),
	}
	if err == nil && (id.Index < 0 || id.Index >= id.Count || id.Count > maxContainers) {
		err = fmt.Errorf("label %s=%d of %d: out of range", labelIndex, id.Index, id.Count)
	}
	if list := m[labelDependsOn]; err == nil && list != "" {
		if bad := json.Unmarshal([]byte(list), &id.Container.DependsOn); bad != nil {
			err = fmt.Errorf("label %s: %w", labelDependsOn, bad)
		}
	}
	return id, err
}

// maxContainers bounds the containers of a task. AWS Batch allows 10.
const maxContainers = 100

func splitList(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
}
