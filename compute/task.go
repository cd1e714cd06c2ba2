package compute

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// Task is a request to run containers, one attempt of one job.
type Task struct {
	// ID is 32 lower-case hex digits, derived from job and attempt. It is the
	// idempotency token: running the same ID twice runs it once.
	ID      string
	JobID   string
	Attempt int
	Cluster string
	// Host is the id of the host record it is placed on; empty on Fargate.
	Host       string
	Containers []Container
	Volumes    []Volume
	Tags       map[string]string
	// Definition is "name:revision" of the job definition.
	Definition string
	// Elsewhere is what only ECS itself needs to know; a machine has no use for it.
	Elsewhere Elsewhere
}

// Elsewhere is what ECS needs to run a task in an account.
type Elsewhere struct {
	Environment   string // name of the compute environment
	JobRole       string // ARN or name of the role of the containers
	ExecutionRole string // ARN of the role that pulls images and reads secrets; empty: the backend's own
	Arch          string // "x86_64", "arm64" or empty
	// Settings are those of the environment: on Fargate subnets, security groups, and
	// whether it is FARGATE_SPOT.
	Settings        *types.ComputeResource
	PlatformVersion string // of Fargate; empty is LATEST
	AssignPublicIP  bool
	EphemeralGiB    int32 // of Fargate; 0 is its default of 20
	ExecuteCommand  bool
	NetworkMode     string // of a task on a host: "host" (AWS Batch's), "bridge", ...
	IPCMode         string
	PIDMode         string
}

// Container is one container of a task, with everything resolved: parameters
// substituted, overrides merged, the runtime's environment variables added.
type Container struct {
	Name      string // "default" in a task of one container
	Image     string
	Command   []string // arguments to the image's entry point (Docker's CMD)
	Env       []EnvVar // in order; names are unique
	Need      batch.Resources
	Essential bool // its end ends the task
	DependsOn []Dependency

	Mounts       []Mount
	Ulimits      []Ulimit
	Devices      []Device
	Tmpfs        []Tmpfs
	User         string
	Privileged   bool
	ReadonlyRoot bool
	Init         bool   // run an init process that forwards signals and reaps
	SharedMiB    int64  // size of /dev/shm in MiB; 0 is the engine's default
	MaxSwapMiB   *int64 // nil: the engine's default; 0: no swap
	Swappiness   *int64 // 0-100
	LogGroup     string
	LogStream    string
	StopTimeout  time.Duration // between SIGTERM and SIGKILL; 0 is DefaultStopTimeout

	// What only ECS itself takes.
	Secrets     []Secret
	Log         *types.LogConfiguration // nil: awslogs, as AWS Batch has it
	Credentials string                  // ARN of the secret with the registry's credentials
}

// Secret is a variable whose value ECS takes from Secrets Manager or the parameter
// store.
type Secret struct{ Name, ValueFrom string }

// DefaultStopTimeout is the time between SIGTERM and SIGKILL: ECS's default,
// ECS_CONTAINER_STOP_TIMEOUT of the agent.
const DefaultStopTimeout = 30 * time.Second

// EnvVar is one environment variable.
type EnvVar struct{ Name, Value string }

// Dependency holds a container back until another of its task reached a condition.
type Dependency struct {
	Container string
	Condition string // START, COMPLETE or SUCCESS
}

// Volume is a named place that containers of the task mount.
type Volume struct {
	Name string
	// HostPath is a path on the host; empty is an empty volume that lives with the task.
	HostPath string
	// EFS is set for a file system of ECS's own; only ECS itself takes it.
	EFS *types.EFSVolumeConfiguration
}

// Mount makes a Volume visible in a container.
type Mount struct {
	Volume   string
	Path     string
	ReadOnly bool
}

// Ulimit is one resource limit, named as Docker names it ("nofile").
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Device is a host device shown to the container.
type Device struct {
	HostPath, ContainerPath string
	Permissions             string // of "rwm"; empty is all
}

// Tmpfs is a file system in memory.
type Tmpfs struct {
	Path    string
	SizeMiB int64
	Options []string
}

// TaskState is where a task is.
type TaskState string

// The states of a task, in order; it never goes back, but for one case: a backend
// that was restarted may tell RUNNING of a task that had ended until it has looked.
const (
	TaskPending TaskState = "PENDING" // accepted: the image is pulled, the container made
	TaskRunning TaskState = "RUNNING" // its containers run
	TaskStopped TaskState = "STOPPED" // ended, or never could start
)

// StopCode says why a task stopped: ECS's names.
type StopCode string

// The stop codes (ECS API reference, Task.stopCode).
const (
	StopEssentialExited StopCode = "EssentialContainerExited"
	StopFailedToStart   StopCode = "TaskFailedToStart"
	StopUser            StopCode = "UserInitiated"     // Stop was called
	StopHostLost        StopCode = "TerminationNotice" // its host, or what supervised it, is gone
)

// TaskStatus is what a backend knows of a task.
type TaskStatus struct {
	ID string
	// Ref is ECS's id of the task, the last part of its ARN, where ECS itself gave it
	// one; empty where it is ID.
	Ref     string
	JobID   string
	Attempt int
	Host    string
	State   TaskState
	// Version rises with each change of this task, so that old news can be told
	// from new.
	Version   int64
	StartedAt time.Time // when its containers ran; zero if they never did
	StoppedAt time.Time
	StopCode  StopCode
	// Reason is why it stopped, in ECS's words; with StopUser it is the reason that
	// was given to the first Stop.
	Reason     string
	Containers []ContainerStatus
	// Notes are remarks for the user on how the task is run here ("image ignored:
	// no Docker engine"); the job shows them.
	Notes string
}

// ContainerStatus is what is known of one container of a task.
type ContainerStatus struct {
	Name     string
	ExitCode *int32 // nil while there is none, and in a task that was lost with its host
	// Reason is ECS's container reason: "OutOfMemoryError: Container killed due to
	// memory usage", "CannotPullContainerError: ...".
	Reason string
	IP     string
}

// Tasks runs tasks. All methods may be called from many goroutines at once.
type Tasks interface {
	// Run accepts a task and returns at once; what becomes of it comes as news. A
	// task with a known ID is left as it is and nil is returned, also where its host
	// takes no more tasks or is gone: the answer to the call that started it may be lost.
	// It fails only when the task cannot be accepted: ErrNoRoom, ErrHostGone,
	// ErrUnavailable; or when it was run and cannot be listed any more: ErrTaskGone. Anything
	// wrong with the task itself (a missing image, a bad mount) is a task that
	// stops with TaskFailedToStart.
	Run(ctx context.Context, task Task) error
	// Stop ends a task: SIGTERM, then SIGKILL after the stop timeout. It returns
	// when the request is taken. Stopping a task again, or one that has ended or is
	// unknown, does nothing and returns nil.
	Stop(ctx context.Context, id, reason string) error
	// ListTasks returns every task that was run and not forgotten, ended ones included.
	ListTasks(ctx context.Context) ([]TaskStatus, error)
	// Forget lets the backend clean up after a task that has stopped and whose end
	// is recorded. Logs stay. An unknown task is no error; one that has not stopped is
	// kept, with or without an error. Afterwards the ID may be unknown again, so it
	// must not be run any more. A clean-up that a restart cut short may let the task
	// be listed again, as STOPPED: forget it again. Nor may a Run of it be under way: one
	// that arrives later would start it once more.
	Forget(ctx context.Context, id string) error
}
