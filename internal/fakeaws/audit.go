package fakeaws

import (
	"slices"
	"sync"
	"time"
)

// Run is a container that was started, whatever became of it.
type Run struct {
	Task       string // ARN
	Definition string // "family:revision"
	StartedBy  string
	Group      string
	Container  string
	Image      string
	Command    []string
	Instance   string // EC2 id; empty on Fargate
	At         time.Time
}

// Use is what an instance was used for at most.
type Use struct {
	Instance                        string
	HasCPU, HasMemoryMiB, HasGPUs   int // as registered; CPU in units of 1/1024 vCPU
	MostCPU, MostMemoryMiB, MostGPU int
}

// Fits reports whether the instance never held more than it has.
func (u Use) Fits() bool {
	return u.MostCPU <= u.HasCPU && u.MostMemoryMiB <= u.HasMemoryMiB && u.MostGPU <= u.HasGPUs
}

// audit keeps what tests ask about afterwards.
type audit struct {
	mu   sync.Mutex
	runs []Run
	uses []Use
}

func (a *audit) ran(r Run) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs = append(a.runs, r)
}

// placed takes note of what an agent holds now, with one more task.
func (a *audit) placed(on *agent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.uses, func(u Use) bool { return u.Instance == on.instance.id })
	if i < 0 {
		i = len(a.uses)
		a.uses = append(a.uses, Use{Instance: on.instance.id, HasCPU: on.has.cpu, HasMemoryMiB: on.has.memory, HasGPUs: on.has.gpus})
	}
	u, now := &a.uses[i], on.used()
	u.MostCPU, u.MostMemoryMiB, u.MostGPU = max(u.MostCPU, now.cpu), max(u.MostMemoryMiB, now.memory), max(u.MostGPU, now.gpus)
}

// Runs lists every container that was started, in order.
func (c *Cloud) Runs() []Run {
	c.audit.mu.Lock()
	defer c.audit.mu.Unlock()
	return slices.Clone(c.audit.runs)
}

// Uses lists what each instance that had a task was used for at most.
func (c *Cloud) Uses() []Use {
	c.audit.mu.Lock()
	defer c.audit.mu.Unlock()
	return slices.Clone(c.audit.uses)
}

// StartedTwice lists the StartedBy of tasks of which there was more than one: a caller
// that gives each attempt its own must find none.
func (c *Cloud) StartedTwice() []string {
	tasks := map[string]map[string]bool{}
	var twice []string
	for _, r := range c.Runs() {
		if tasks[r.StartedBy] == nil {
			tasks[r.StartedBy] = map[string]bool{}
		}
		tasks[r.StartedBy][r.Task] = true
		if len(tasks[r.StartedBy]) == 2 {
			twice = append(twice, r.StartedBy)
		}
	}
	return twice
}

// Alive lists the ids of the instances that are not terminated.
func (c *Cloud) Alive() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, i := range c.instances {
		if i.alive() {
			ids = append(ids, i.id)
		}
	}
	return ids
}

// Launched tells how many instances there ever were.
func (c *Cloud) Launched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made["instance"]
}

// Running lists the ARNs of the tasks that have not stopped.
func (c *Cloud) Running() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var arns []string
	for _, t := range c.allTasks() {
		if t.last != statusStopped {
			arns = append(arns, t.arn)
		}
	}
	return arns
}
