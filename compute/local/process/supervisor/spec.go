//go:build unix

package supervisor

import "time"

// What is in a task directory beside the journal.
const (
	StopFile = "stop" // a request to stop, where the socket cannot be reached; its reason
	WorkDir  = "work" // where the commands start
)

// MarkEnv is the variable that all processes of a task have: Spec.Mark, then "/"
// and the number of the container.
const MarkEnv = "PACKHORSE_TASK"

// Spec is a task with everything resolved: what the supervisor needs to know.
type Spec struct {
	ID      string
	JobID   string
	Attempt int
	Host    string
	Notes   string // for the user; a Status repeats them

	Mark       string // of all processes of this task and of no other
	Socket     string // path of the unix socket
	Logs       string // directory of the log store
	Containers []Container
}

// Container is one command to run.
type Container struct {
	Name        string
	Image       string // for messages only
	Command     []string
	Env         []string // all of it, "NAME=value"
	Essential   bool
	DependsOn   []Dependency
	LogGroup    string // empty: output is dropped
	LogStream   string
	StopTimeout time.Duration
}

// Dependency holds a container back until another reached a condition.
type Dependency struct {
	Container string
	Condition string // START, COMPLETE or SUCCESS
}

// Status is what the supervisor tells of its task, one JSON value a line over the
// socket for each change, the last one in the journal too. State and StopCode are
// those of package compute, which is too large to import here.
type Status struct {
	State      string
	Version    int64
	StartedAt  time.Time
	StoppedAt  time.Time
	StopCode   string
	Reason     string
	Notes      string
	Containers []ContainerStatus
}

// ContainerStatus is how one container ended, if it did.
type ContainerStatus struct {
	Name     string
	ExitCode *int32
	Reason   string
}

// The states and stop codes, as in package compute.
const (
	pending = "PENDING"
	running = "RUNNING"
	stopped = "STOPPED"

	stopEssentialExited = "EssentialContainerExited"
	stopFailedToStart   = "TaskFailedToStart"
	stopUser            = "UserInitiated"
)

// Request is what the server says over the socket, one JSON value a line.
type Request struct {
	Stop   bool   // SIGTERM now, SIGKILL after the stop timeout
	Kill   bool   // SIGKILL now, also of a task that is being stopped
	Reason string // of the task's end, unless it has one
}
