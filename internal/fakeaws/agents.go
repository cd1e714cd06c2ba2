package fakeaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// agent is a container instance: the ECS agent of an instance, as ECS knows it.
type agent struct {
	id, arn    string
	cluster    *cluster
	instance   *instance
	status     string
	connected  bool
	version    int64
	attributes map[string]string
	has        resources
	tasks      []*task // that take room
	tags       []types.Tag
	joined     time.Time
	left       time.Time
	seen       lagged[types.ContainerInstance]
}

// resources is what a host has or a task needs.
type resources struct {
	cpu    int // units, 1024 to a vCPU
	memory int // MiB
	gpus   int
}

// The statuses of a container instance.
const (
	agentActive   = "ACTIVE"
	agentDraining = "DRAINING"
	agentInactive = "INACTIVE"
)

const (
	agentVersion = "1.97.1"
	unitsPerVCPU = 1024
	// inactiveFor is how long a container instance that has left is described. ECS
	// names no time; it is taken to be that of stopped tasks.
	inactiveFor = time.Hour
)

// join registers an instance's agent with the cluster that its user data names, if
// it can. With mu held.
func (c *Cloud) join(i *instance) {
	if i.state != "running" || i.agent != nil {
		return
	}
	name := i.config["ECS_CLUSTER"]
	if name == "" {
		name = defaultCluster
	}
	k := c.clusters[name]
	switch {
	case i.profile == nil:
		c.o.Log.Warn("agent cannot register: the instance has no instance profile", "instance", i.id)
		return
	case k == nil || k.status != clusterActive:
		c.o.Log.Warn("agent cannot register: no such cluster", "instance", i.id, "cluster", name)
		return
	}
	a := &agent{
		cluster: k, instance: i, status: agentActive, connected: true, joined: c.now(),
		has: resources{cpu: i.typ.VCPUs * unitsPerVCPU, memory: i.typ.ECSMemoryMiB, gpus: i.typ.GPUs},
		attributes: map[string]string{
			"ecs.instance-type": i.typ.Name, "ecs.availability-zone": *i.subnet.AvailabilityZone, "ecs.ami-id": i.image,
			"ecs.os-type": "linux", "ecs.cpu-architecture": i.typ.Arch, "ecs.subnet-id": *i.subnet.SubnetId, "ecs.vpc-id": *i.subnet.VpcId,
			"com.amazonaws.ecs.capability.docker-remote-api.1.44": "", "ecs.capability.execution-role-awslogs": "",
		},
	}
	var more int // MiB; the 32 MiB that the agent keeps for itself are in ECSMemoryMiB
	if _, err := fmt.Sscan(i.config["ECS_RESERVED_MEMORY"], &more); err == nil {
		const byDefault = 32
		a.has.memory = max(0, a.has.memory-max(0, more-byDefault))
	}
	a.id = c.digits("agent", 32)
	a.arn = c.arn("ecs", arnOf("container-instance", k.name, a.id))
	c.readJSON(i, "ECS_INSTANCE_ATTRIBUTES", func(m map[string]string) { maps.Copy(a.attributes, m) })
	c.readJSON(i, "ECS_CONTAINER_INSTANCE_TAGS", func(m map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			a.tags = mergeTags(a.tags, []types.Tag{{Key: aws.String(key), Value: aws.String(m[key])}})
		}
	})
	if i.config["ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM"] == "ec2_instance" {
		for _, t := range i.tags {
			a.tags = mergeTags(a.tags, []types.Tag{{Key: t.Key, Value: t.Value}})
		}
	}
	i.agent = a
	k.agents = append(k.agents, a)
	if i.warned && i.config["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true" {
		a.status = agentDraining
	}
	c.movedAgent(a)
}

// readJSON hands over a variable of the agent's that is an object of strings.
func (c *Cloud) readJSON(i *instance, name string, take func(map[string]string)) {
	text, ok := i.config[name]
	if !ok {
		return
	}
	var m map[string]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		c.o.Log.Warn("agent ignores a variable that is no JSON object of strings", "instance", i.id, "variable", name, "value", text)
		return
	}
	take(m)
}

// leave ends an agent with its instance, and its tasks with it. With mu held.
func (c *Cloud) leave(i *instance) {
	if i.agent != nil {
		c.deregister(i.agent, fmt.Sprintf("Host EC2 (instance %s) terminated.", i.id))
	}
}

// deregister takes an agent out of its cluster; its tasks are lost for a reason.
func (c *Cloud) deregister(a *agent, reason string) {
	if a.status == agentInactive {
		return
	}
	for _, t := range slices.Clone(a.tasks) {
		c.lose(t, reason)
	}
	a.status, a.connected, a.left = agentInactive, false, c.now()
	c.movedAgent(a)
}

// setStatus makes an agent ACTIVE or DRAINING. The tasks that RunTask started run on.
func (c *Cloud) setStatus(a *agent, status string) {
	if a.status != status && a.status != agentInactive {
		a.status = status
		c.movedAgent(a)
	}
}

// movedAgent makes a change of an agent known. With mu held.
func (c *Cloud) movedAgent(a *agent) {
	a.version++
	c.retoldAgent(a)
	detail := a.told()
	detail.Tags = nil // as in those of tasks
	c.tell("aws.ecs", AgentStateChange, a.arn, struct {
		types.ContainerInstance
		ClusterArn string
		UpdatedAt  time.Time
	}{detail, a.cluster.arn, c.now()})
}

// retoldAgent makes it visible without an event.
func (c *Cloud) retoldAgent(a *agent) {
	a.seen.put(a.told(), c.lag(a.id))
	c.change()
}

// SetConnected makes ECS lose the agent of an instance, or find it again: meanwhile no
// task can be placed there, and those that run go on. It returns an error for an
// instance that has no agent.
func (c *Cloud) SetConnected(instance string, connected bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.instance(instance)
	if i == nil || i.agent == nil || i.agent.status == agentInactive {
		return fmt.Errorf("fakeaws: the agent of %s has not joined, or has left; wait until ListContainerInstances shows it", instance)
	}
	if i.agent.connected != connected {
		i.agent.connected = connected
		c.movedAgent(i.agent)
	}
	return nil
}

// used is what the tasks of an agent take.
func (a *agent) used() resources {
	var sum resources
	for _, t := range a.tasks {
		sum.cpu += t.need.cpu
		sum.memory += t.need.memory
		sum.gpus += t.need.gpus
	}
	return sum
}

// freeGPUs are the ids of the GPUs that no task has.
func (a *agent) freeGPUs() []string {
	var free []string
	for n := range a.has.gpus {
		id := fmt.Sprintf("GPU-%s-%d", a.id[:8], n)
		if !slices.ContainsFunc(a.tasks, func(t *task) bool { return slices.Contains(t.gpus, id) }) {
			free = append(free, id)
		}
	}
	return free
}

func (a *agent) told() types.ContainerInstance {
	used := a.used()
	d := types.ContainerInstance{
		ContainerInstanceArn: &a.arn, Ec2InstanceId: &a.instance.id, Status: aws.String(a.status), AgentConnected: a.connected,
		Version: a.version, RegisteredAt: aws.Time(a.joined), Tags: slices.Clone(a.tags),
		VersionInfo:         &types.VersionInfo{AgentVersion: aws.String(agentVersion), DockerVersion: aws.String("DockerVersion: 25.0.8")},
		RegisteredResources: a.resources(a.has, nil),
		RemainingResources: a.resources(resources{
			cpu: a.has.cpu - used.cpu, memory: a.has.memory - used.memory, gpus: a.has.gpus - used.gpus}, a.freeGPUs()),
	}
	for _, name := range slices.Sorted(maps.Keys(a.attributes)) {
		attribute := types.Attribute{Name: aws.String(name)}
		if v := a.attributes[name]; v != "" {
			attribute.Value = &v
		}
		d.Attributes = append(d.Attributes, attribute)
	}
	for _, t := range a.tasks {
		if t.last == statusRunning {
			d.RunningTasksCount++
		} else {
			d.PendingTasksCount++
		}
	}
	return d
}

// resources lists r as ECS does; gpus are those that are meant, nil being all.
func (a *agent) resources(r resources, gpus []string) []types.Resource {
	list := []types.Resource{
		{Name: aws.String("CPU"), Type: aws.String("INTEGER"), IntegerValue: int32(r.cpu)},
		{Name: aws.String("MEMORY"), Type: aws.String("INTEGER"), IntegerValue: int32(r.memory)},
		{Name: aws.String("PORTS"), Type: aws.String("STRINGSET"), StringSetValue: []string{"22", "2376", "2375", "51678", "51679"}},
		{Name: aws.String("PORTS_UDP"), Type: aws.String("STRINGSET"), StringSetValue: []string{}},
	}
	if a.has.gpus == 0 {
		return list
	}
	if gpus == nil {
		gpus = []string{}
		for n := range a.has.gpus {
			gpus = append(gpus, fmt.Sprintf("GPU-%s-%d", a.id[:8], n))
		}
		gpus = gpus[:r.gpus]
	}
	return append(list, types.Resource{Name: aws.String("GPU"), Type: aws.String("STRINGSET"), StringSetValue: gpus})
}
