package fakeaws

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// task is an ECS task from RunTask until it is forgotten, an hour after its end.
type task struct {
	id, arn    string
	cluster    *cluster
	definition *definition
	override   types.TaskOverride
	agent      *agent // nil on Fargate
	provider   string
	subnet     ec2types.Subnet
	need       resources
	gpus       []string
	group      string
	startedBy  string
	tags       []types.Tag
	exec       bool
	containers []*container

	last, desired string
	version       int64
	created       time.Time
	pulling       time.Time
	pulled        time.Time
	started       time.Time
	stopping      time.Time // when desired became STOPPED
	stoppedAt     time.Time
	stopCode      types.TaskStopCode
	stopReason    string
	seen          lagged[types.Task]
}

// The statuses of a task that this fake has ("Amazon ECS task lifecycle").
const (
	statusProvisioning   = "PROVISIONING" // Fargate makes a network interface
	statusPending        = "PENDING"      // the agent pulls images
	statusRunning        = "RUNNING"
	statusDeprovisioning = "DEPROVISIONING" // Fargate removes the network interface
	statusStopped        = "STOPPED"
)

func (c *Cloud) newTask(k *cluster, p taskPlan, in *ecs.RunTaskInput, a *agent, subnet ec2types.Subnet) *task {
	t := &task{
		id: c.digits("task", 32), cluster: k, definition: p.definition, agent: a, provider: p.provider, subnet: subnet, need: p.need,
		group: p.group, startedBy: value(in.StartedBy), exec: in.EnableExecuteCommand, last: statusPending, desired: statusRunning, created: c.now(),
	}
	t.arn = c.arn("ecs", arnOf("task", k.name, t.id))
	if in.Overrides != nil {
		t.override = *in.Overrides
	}
	if in.PropagateTags == types.PropagateTagsTaskDefinition {
		t.tags = mergeTags(t.tags, p.definition.tags)
	}
	t.tags = mergeTags(t.tags, in.Tags)
	if in.EnableECSManagedTags {
		t.tags = mergeTags(t.tags, []types.Tag{{Key: aws.String("aws:ecs:clusterName"), Value: &k.name}})
	}
	for _, d := range p.definition.is.ContainerDefinitions {
		t.containers = append(t.containers, &container{
			task: t, is: d, override: overrideOf(&t.override, *d.Name), last: statusPending, arn: c.arn("ecs", arnOf("container", k.name, t.id), c.uuid("container")),
		})
	}
	if a != nil {
		t.gpus = a.freeGPUs()[:p.need.gpus]
		a.tasks = append(a.tasks, t)
		c.audit.placed(a)
	} else {
		t.last = statusProvisioning
	}
	k.tasks = append(k.tasks, t)
	if a == nil {
		c.movedTask(t)
	}
	wait := c.o.PullTime.draw(c.stream("pull-time", t.id))
	if a == nil { // a network interface takes as long as the pull
		c.after(wait/2, func() {
			if t.desired == statusRunning {
				t.last = statusPending
				c.pull(t, wait/2)
			}
		})
	} else {
		c.pull(t, wait)
	}
	if p.provider == providerFargateSpot && c.chance(c.faults.Interrupted, "interrupted", t.id) {
		c.after(c.faults.InterruptedAfter.draw(c.stream("interrupted-after", t.id)), func() { c.interruptTask(t) })
	}
	return t
}

// pull lets a PENDING task pull its images, and begin. With mu held.
func (c *Cloud) pull(t *task, takes time.Duration) {
	t.pulling = c.now()
	c.movedTask(t)
	c.after(takes, func() { c.begin(t) })
}

// movedTask makes a change of a task known. With mu held.
func (c *Cloud) movedTask(t *task) {
	t.version++
	c.retoldTask(t)
	if t.agent != nil && t.agent.status != agentInactive {
		c.retoldAgent(t.agent) // what is free there has changed; ECS tells it as well, without raising the version here
	}
	detail := t.told()
	detail.Tags = nil // events of ECS have none (github.com/aws/containers-roadmap/issues/2329)
	c.tell("aws.ecs", TaskStateChange, t.arn, struct {
		types.Task
		UpdatedAt time.Time
	}{detail, c.now()})
}

// retoldTask makes it visible without an event.
func (c *Cloud) retoldTask(t *task) {
	t.seen.put(t.told(), c.lag(t.id))
	c.change()
}

// halt wants a task stopped, for a reason; the first one counts. With mu held.
func (c *Cloud) halt(t *task, code types.TaskStopCode, reason string) {
	if t.desired == statusStopped {
		return
	}
	t.desired, t.stopping, t.stopCode, t.stopReason = statusStopped, c.now(), code, reason
	if !t.active() { // nothing runs yet or any more
		c.ended(t)
		return
	}
	c.movedTask(t)
	for _, ct := range t.containers {
		c.stopContainer(ct)
	}
}

// ended lets a task be STOPPED. With mu held.
func (c *Cloud) ended(t *task) {
	if t.last == statusStopped {
		return
	}
	if t.provider != "" && t.last == statusRunning {
		t.last = statusDeprovisioning
		c.movedTask(t)
	}
	for _, ct := range t.containers {
		ct.last = statusStopped
	}
	t.last, t.desired, t.stoppedAt = statusStopped, statusStopped, c.now()
	if a := t.agent; a != nil {
		a.tasks = slices.DeleteFunc(a.tasks, func(other *task) bool { return other == t })
	}
	c.movedTask(t)
}

// lose ends a task with its host: no exit code gets out. With mu held.
func (c *Cloud) lose(t *task, reason string) {
	if t.last == statusStopped {
		return
	}
	for _, ct := range t.containers {
		ct.lost = true
	}
	t.kill()
	// A task that was being stopped when its host went is taken to end as stopped.
	if t.desired != statusStopped {
		t.desired, t.stopping, t.stopCode, t.stopReason = statusStopped, c.now(), types.TaskStopCodeTerminationNotice, reason
	}
	c.ended(t)
}

// interruptTask takes a Fargate Spot task back: SIGTERM now, SIGKILL when the notice
// is over. With mu held.
func (c *Cloud) interruptTask(t *task) {
	if t.last == statusStopped {
		return
	}
	c.halt(t, types.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.")
	c.after(c.o.SpotNotice, t.kill)
}

// InterruptTask takes a Fargate Spot task back, as interruptTask does.
func (c *Cloud) InterruptTask(arn string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.allTasks() {
		if t.arn == arn && t.provider == providerFargateSpot && t.last != statusStopped {
			c.interruptTask(t)
			return nil
		}
	}
	return fmt.Errorf("fakeaws: %s is no Fargate Spot task that runs", arn)
}

// active reports whether a container runs.
func (t *task) active() bool {
	return slices.ContainsFunc(t.containers, func(ct *container) bool { return ct.process != nil })
}

// kill ends all processes of a task at once.
func (t *task) kill() {
	for _, ct := range t.containers {
		if ct.process != nil {
			ct.process.kill()
		}
	}
}

func (c *Cloud) allTasks() []*task {
	var all []*task
	for _, k := range c.clusters {
		all = append(all, k.tasks...)
	}
	return all
}

// stampOf is a time as the SDK has it: nil for one that has not come.
func stampOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (t *task) told() types.Task {
	d := types.Task{
		TaskArn: &t.arn, ClusterArn: &t.cluster.arn, TaskDefinitionArn: t.definition.is.TaskDefinitionArn, Group: &t.group,
		LastStatus: aws.String(t.last), DesiredStatus: aws.String(t.desired), Version: t.version, StopCode: t.stopCode,
		CreatedAt: stampOf(t.created), PullStartedAt: stampOf(t.pulling), PullStoppedAt: stampOf(t.pulled), StartedAt: stampOf(t.started),
		StoppingAt: stampOf(t.stopping), StoppedAt: stampOf(t.stoppedAt), ExecutionStoppedAt: stampOf(t.stoppedAt),
		Cpu: aws.String(strconv.Itoa(t.need.cpu)), Memory: aws.String(strconv.Itoa(t.need.memory)), Tags: slices.Clone(t.tags),
		AvailabilityZone: t.subnet.AvailabilityZone, EnableExecuteCommand: t.exec, HealthStatus: types.HealthStatusUnknown,
		LaunchType: types.LaunchTypeEc2, Connectivity: types.ConnectivityConnected, Overrides: t.overridesTold(),
	}
	if t.startedBy != "" {
		d.StartedBy = &t.startedBy
	}
	if t.stopReason != "" {
		d.StoppedReason = &t.stopReason
	}
	if t.agent != nil {
		d.ContainerInstanceArn = &t.agent.arn
	} else {
		d.LaunchType = types.LaunchTypeFargate
		d.CapacityProviderName, d.PlatformVersion, d.PlatformFamily = &t.provider, aws.String("1.4.0"), aws.String("Linux")
	}
	for _, ct := range t.containers {
		d.Containers = append(d.Containers, ct.told())
	}
	return d
}

// overridesTold are the overrides with an element for each container, as ECS has them.
func (t *task) overridesTold() *types.TaskOverride {
	o := t.override
	o.ContainerOverrides = nil
	for _, ct := range t.containers {
		own := ct.override
		own.Name = ct.is.Name
		o.ContainerOverrides = append(o.ContainerOverrides, own)
	}
	return &o
}
