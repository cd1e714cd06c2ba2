package fakeaws

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// container is one container of a task: a process of this machine.
type container struct {
	task     *task
	is       types.ContainerDefinition
	override types.ContainerOverride
	arn      string
	last     string
	runtime  string // Docker's id of it, once it was started
	process  *process
	ran      bool
	lost     bool // its host went with it: no exit code gets out
	exit     *int32
	reason   string
}

// defaultStopTimeout is the time between SIGTERM and SIGKILL, as
// ECS_CONTAINER_STOP_TIMEOUT of the agent has it.
const defaultStopTimeout = 30 * time.Second

func (ct *container) told() types.Container {
	d := types.Container{
		ContainerArn: &ct.arn, TaskArn: &ct.task.arn, Name: ct.is.Name, Image: ct.is.Image, LastStatus: aws.String(ct.last),
		ExitCode: ct.exit, HealthStatus: types.HealthStatusUnknown, Cpu: aws.String(fmt.Sprint(ct.is.Cpu)),
		NetworkInterfaces: []types.NetworkInterface{},
	}
	if m := firstOf(ct.override.Memory, ct.is.Memory); m > 0 {
		d.Memory = aws.String(fmt.Sprint(m))
	}
	if m := firstOf(ct.override.MemoryReservation, ct.is.MemoryReservation); m > 0 {
		d.MemoryReservation = aws.String(fmt.Sprint(m))
	}
	if ct.reason != "" {
		d.Reason = aws.String(ct.reason)
	}
	if ct.runtime != "" {
		d.RuntimeId = aws.String(ct.runtime)
	}
	if len(ct.gpuRequirements()) > 0 {
		d.GpuIds = ct.task.gpus
	}
	return d
}

func (ct *container) gpuRequirements() []types.ResourceRequirement {
	if ct.override.ResourceRequirements != nil {
		return ct.override.ResourceRequirements
	}
	return ct.is.ResourceRequirements
}

// begin pulls the images of a task and starts its containers. With mu held.
func (c *Cloud) begin(t *task) {
	if t.desired == statusStopped {
		return
	}
	t.pulled = c.now()
	for _, ct := range t.containers {
		if reason := c.obstacle(ct); reason != "" {
			ct.reason = reason
			c.halt(t, types.TaskStopCodeTaskFailedToStart, stoppedReason(reason))
			return
		}
	}
	c.proceed(t)
}

// stoppedReason is what ECS says of a task whose container did not start: the words
// that tell for resources of the task, and "Task failed to start" for the container's.
func stoppedReason(reason string) string {
	if strings.HasPrefix(reason, "ResourceInitializationError") || strings.HasPrefix(reason, "CannotPullContainerError") {
		return reason
	}
	return "Task failed to start"
}

// obstacle says why a container cannot be made; empty if it can.
func (c *Cloud) obstacle(ct *container) string {
	if c.o.Pull != nil {
		if err := c.o.Pull(*ct.is.Image); err != nil {
			return fmt.Sprintf("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref %s: %v", *ct.is.Image, err)
		}
	}
	for _, s := range ct.is.Secrets {
		name := value(s.ValueFrom)
		if p := c.find(name); p == nil && (strings.HasPrefix(name, "arn:aws:ssm:") || !strings.HasPrefix(name, "arn:")) {
			return fmt.Sprintf("ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: invalid parameters: %s", name)
		}
	}
	group, _, ok := ct.logs()
	if !ok || c.logs.has(group) {
		return ""
	}
	if ct.is.LogConfiguration.Options["awslogs-create-group"] == "true" {
		c.logs.create(group, c.now())
		return ""
	}
	return fmt.Sprintf("CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group %s does not exist.", group)
}

// logs tells where the lines of a container go: with a prefix the stream is
// PREFIX/CONTAINER/TASK, without one it is Docker's id of the container.
func (ct *container) logs() (group, stream string, ok bool) {
	log := ct.is.LogConfiguration
	if log == nil || log.LogDriver != types.LogDriverAwslogs {
		return "", "", false
	}
	stream = ct.runtime
	if prefix := log.Options["awslogs-stream-prefix"]; prefix != "" {
		stream = prefix + "/" + *ct.is.Name + "/" + ct.task.id
	}
	return log.Options["awslogs-group"], stream, true
}

// proceed starts the containers whose dependencies are met, and ends the task if it
// can come to nothing more. With mu held.
func (c *Cloud) proceed(t *task) {
	for again := true; again && t.desired == statusRunning; {
		again = false
		for _, ct := range t.containers {
			if ct.ran || ct.last == statusStopped {
				continue
			}
			ready, hopeless := ct.ready()
			switch {
			case hopeless:
				ct.last, ct.reason = statusStopped, "A container that it depends on did not reach the condition"
				c.halt(t, types.TaskStopCodeTaskFailedToStart, "Task failed to start")
			case ready:
				again = true
				c.run(ct)
			}
			if t.desired != statusRunning {
				return
			}
		}
	}
	if t.last != statusRunning && t.desired == statusRunning && t.active() {
		t.last, t.started = statusRunning, c.now()
		c.movedTask(t)
	}
}

// ready tells whether all that a container waits for has come, or never will.
func (ct *container) ready() (ready, hopeless bool) {
	ready = true
	for _, on := range ct.is.DependsOn {
		i := slices.IndexFunc(ct.task.containers, func(other *container) bool { return *other.is.Name == value(on.ContainerName) })
		other := ct.task.containers[i]
		ended := other.ran && other.process == nil
		switch on.Condition {
		case types.ContainerConditionComplete:
			ready = ready && ended
		case types.ContainerConditionSuccess:
			ready = ready && ended && value(other.exit) == 0
			hopeless = hopeless || ended && value(other.exit) != 0
		default: // START; there are no health checks here, so HEALTHY is the same
			ready = ready && other.ran
		}
	}
	return ready, hopeless
}

// run starts a container's process. With mu held.
func (c *Cloud) run(ct *container) {
	ct.ran, ct.runtime = true, c.digits("runtime", 64)
	argv := slices.Concat(ct.is.EntryPoint, ct.is.Command)
	if ct.override.Command != nil {
		argv = slices.Concat(ct.is.EntryPoint, ct.override.Command)
	}
	group, stream, logged := ct.logs()
	c.audit.ran(Run{
		Task: ct.task.arn, Definition: lastPart(*ct.task.definition.is.TaskDefinitionArn), StartedBy: ct.task.startedBy, Group: ct.task.group, Container: *ct.is.Name, Image: *ct.is.Image,
		Command: argv, Instance: ct.task.instanceID(), At: c.now(),
	})
	if len(argv) == 0 {
		c.cannotStart(ct, "CannotCreateContainerError: Error response from daemon: no command specified")
		return
	}
	take := func(string) {}
	if logged {
		c.logs.open(group, stream, c.now())
		take = func(line string) { c.logs.append(group, stream, line, c.now()) }
	}
	p, err := startProcess(argv, c.environment(ct), value(ct.is.WorkingDirectory), take)
	if err != nil {
		c.cannotStart(ct, fmt.Sprintf("CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: %q: %v: unknown", argv[0], err))
		return
	}
	ct.process, ct.last = p, statusRunning
	c.working.Go(func() {
		code := p.wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.exited(ct, code)
	})
}

func (c *Cloud) cannotStart(ct *container, reason string) {
	ct.last, ct.reason = statusStopped, reason
	c.halt(ct.task, types.TaskStopCodeTaskFailedToStart, stoppedReason(reason))
}

func (t *task) instanceID() string {
	if t.agent == nil {
		return ""
	}
	return t.agent.instance.id
}

// environment is what a container's process gets: little of this machine's, then the
// cloud's, the definition's, its secrets, the call's.
func (c *Cloud) environment(ct *container) []string {
	kind := "AWS_ECS_EC2"
	if ct.task.provider != "" {
		kind = "AWS_ECS_FARGATE"
	}
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": os.TempDir(), "AWS_EXECUTION_ENV": kind, "AWS_REGION": c.o.Region, "AWS_DEFAULT_REGION": c.o.Region,
		"HOSTNAME": ct.runtime[:12],
	}
	for _, one := range c.o.Env {
		name, v, _ := strings.Cut(one, "=")
		env[name] = v
	}
	set := func(pairs []types.KeyValuePair) {
		for _, p := range pairs {
			env[value(p.Name)] = value(p.Value)
		}
	}
	set(ct.is.Environment)
	for _, s := range ct.is.Secrets {
		if p := c.find(value(s.ValueFrom)); p != nil {
			env[value(s.Name)] = value(p.is.Value)
		}
	}
	set(ct.override.Environment)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// stopContainer sends SIGTERM, and SIGKILL after the stop timeout. With mu held.
func (c *Cloud) stopContainer(ct *container) {
	p := ct.process
	if p == nil {
		return
	}
	timeout := defaultStopTimeout
	if s := ct.is.StopTimeout; s != nil {
		timeout = time.Duration(*s) * time.Second
	}
	p.terminate()
	c.after(timeout, p.kill)
}

// exited takes the end of a container's process. With mu held.
func (c *Cloud) exited(ct *container, code int32) {
	t := ct.task
	ct.process, ct.last = nil, statusStopped
	if !ct.lost {
		ct.exit = &code
	}
	if c.closed || t.last == statusStopped {
		c.change()
		return
	}
	if value(ct.is.Essential) && t.desired == statusRunning {
		if t.last != statusRunning { // it was quick: it did run
			t.last, t.started = statusRunning, t.pulled
			c.movedTask(t)
		}
		c.halt(t, types.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
		return
	}
	if t.desired == statusRunning {
		c.proceed(t)
	}
	if !t.active() && t.desired == statusStopped {
		c.ended(t)
		return
	}
	c.change()
}
