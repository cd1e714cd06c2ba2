package batch

// Job is the state of one job, array parent or array child: what changes in the
// course of its life. What was submitted is its [Spec] and never changes. A
// record of this type stays under 1 KB, so that a transition costs one write
// unit of DynamoDB; the short JSON names are part of that. (Only a share identifier or
// a reason of hundreds of characters, beside the longest names there may be, goes
// beyond.)
type Job struct {
	// ID is a UUID; "<uuid>:<index>" for a child of an array.
	ID string `json:"-"`
	// Version is the stored version this value was read at; 0 for a new job.
	Version int64 `json:"-"`

	Name       string `json:"n,omitempty"`
	Queue      string `json:"q"`           // name, not ARN
	Definition string `json:"d,omitempty"` // "name:revision"
	Status     Status `json:"s"`
	// Reason is the statusReason that the wire shows. For a job that waits it is
	// made when it is read (see engine), so that waiting costs no writes.
	Reason string `json:"r,omitempty"`

	CreatedAt Millis `json:"ca"`
	StartedAt Millis `json:"sa,omitempty"` // of the current or last attempt
	StoppedAt Millis `json:"so,omitempty"` // set with the final status

	Share string `json:"sh,omitempty"` // shareIdentifier, in fair-share queues
	// OnDemand is when its tags let it wait for Spot capacity no longer.
	OnDemand *OnDemandAfter `json:"oda,omitempty"`
	Priority int32          `json:"p,omitempty"` // schedulingPriority, 0-9999
	Need     Resources      `json:"w"`
	Platform Platform       `json:"pl,omitempty"`
	// OnHosts says that a job for Fargate was submitted to a queue that may run it on a host
	// too.
	OnHosts bool `json:"oh,omitempty"`
	// Multi says that it has ecsProperties: its task has several containers.
	Multi bool   `json:"mu,omitempty"`
	Arch  string `json:"ar,omitempty"` // "arm64" or empty for x86_64 or any

	Attempts       int   `json:"a,omitempty"` // attempts begun
	MaxAttempts    int   `json:"am,omitempty"`
	TimeoutSeconds int32 `json:"to,omitempty"` // per attempt; 0 is none

	// Placement is where the current attempt runs; nil while no attempt is under way.
	Placement *Placement `json:"pm,omitempty"`
	// Last is the final attempt of a job that ended. Earlier attempts are records
	// of their own.
	Last *Attempt `json:"l,omitempty"`

	// WaitsFor counts the dependencies that have not ended. For an array it counts
	// those that hold back all children.
	WaitsFor int `json:"wf,omitempty"`
	// Retried says that an earlier attempt ended: the job stands at the front of
	// its queue.
	Retried bool `json:"rt,omitempty"`
	// Stop is a request to end the job that was recorded but is not yet carried out.
	Stop *Stop `json:"st,omitempty"`
	// Cancelled and Terminated are isCancelled and isTerminated of the wire.
	Cancelled  bool `json:"ic,omitempty"`
	Terminated bool `json:"it,omitempty"`

	// Array is set on array parents only.
	Array *Array `json:"ay,omitempty"`

	// Submitted is what was submitted, encoded, where it is short enough to be kept with
	// the state. Only package store looks into it (store.Spec); all others hand it on.
	Submitted string `json:"-"`
}

// Platform is the kind of capacity that a job definition asks for.
type Platform string

// The platforms; the zero value is EC2.
const (
	PlatformEC2     Platform = ""
	PlatformFargate Platform = "FARGATE"
)

// Placement is where an attempt runs. It is recorded before anything is started.
type Placement struct {
	Environment string `json:"e"`           // name of the compute environment
	Cluster     string `json:"cl"`          // name of its ECS cluster
	Host        string `json:"h,omitempty"` // id of the host record; empty on Fargate
	Task        string `json:"t"`           // the task's id, derived from job and attempt
	// TaskRef and HostRef are ECS's own ids of task and container instance where these
	// are in an account; empty where ours stand for them.
	TaskRef string `json:"tr,omitempty"`
	HostRef string `json:"hr,omitempty"`
	// MissedAt is when compute first did not show the task although it should run, or was
	// asked for it; 0 while it does.
	MissedAt Millis `json:"ma,omitempty"`
	// InDoubt says that the task is not asked for any more although nobody knows whether an
	// earlier call has started it: its host takes no task now. Since then it is MissedAt.
	InDoubt bool `json:"dt,omitempty"`
	// Notes are remarks on how the task is run here, for the job's owner.
	Notes string `json:"no,omitempty"`
}

// TaskID is the id that ECS knows the task by: part of its ARN and of its log streams.
func (p Placement) TaskID() string {
	if p.TaskRef != "" {
		return p.TaskRef
	}
	return p.Task
}

// Attempt is one attempt that ended.
type Attempt struct {
	Number       int       `json:"n"` // from 1
	Placement    Placement `json:"p"`
	StartedAt    Millis    `json:"sa,omitempty"` // 0 when its container never ran
	StoppedAt    Millis    `json:"so"`
	ExitCode     *int32    `json:"x,omitempty"` // nil when no exit code exists
	Reason       string    `json:"r,omitempty"` // of the container: "OutOfMemoryError: ..."
	StatusReason string    `json:"sr,omitempty"`
	// Containers is set for jobs of several containers.
	Containers []ContainerExit `json:"cs,omitempty"`
}

// ContainerExit is how one container of an attempt ended.
type ContainerExit struct {
	Name     string `json:"n"`
	ExitCode *int32 `json:"x,omitempty"`
	Reason   string `json:"r,omitempty"`
}

// StopKind says who asked for a job to end.
type StopKind string

// The kinds of stop.
const (
	StopCancel    StopKind = "cancel"    // CancelJob, or a jobStateTimeLimitAction
	StopTerminate StopKind = "terminate" // TerminateJob, or the queue's deletion
	StopTimeout   StopKind = "timeout"   // the attempt's time is over
)

// Stop is a recorded request to end a job.
type Stop struct {
	Kind   StopKind `json:"k"`
	Reason string   `json:"r"`
	At     Millis   `json:"a"`
}

// ArrayMode says what lets a child of an array start.
type ArrayMode string

// The modes of an array. A plain array's children all start when its own
// dependencies have ended.
const (
	ArrayPlain      ArrayMode = ""
	ArraySequential ArrayMode = "SEQUENTIAL" // child i waits for child i-1
	ArrayNToN       ArrayMode = "N_TO_N"     // child i waits for child i of another array
)

// Array is what an array parent knows of its children. Children that only wait
// have no record: they are counted here.
type Array struct {
	Size int       `json:"z"`
	Mode ArrayMode `json:"m,omitempty"`
	// Next is the lowest index that dispatch has not reached (plain arrays): every
	// child below it has a record; a child at or above it has one only if it was
	// stopped by itself.
	Next int `json:"x,omitempty"`
	// Unstarted counts the children that have no record. All are in the status
	// that Job.UnstartedStatus tells.
	Unstarted int `json:"n,omitempty"`
	// Closed, when set, is the reason why the children that never started have
	// FAILED: the array was stopped, or what they waited for failed.
	Closed string `json:"cl,omitempty"`
	// ClosedAt is when that was: the StoppedAt of those children.
	ClosedAt Millis `json:"ca,omitempty"`
	Counts   Counts `json:"c"`
}

// UnstartedStatus returns the status of the children that have no record.
func (j Job) UnstartedStatus() Status {
	switch {
	case j.Array.Closed != "":
		return Failed
	case j.Array.Mode == ArrayPlain && j.WaitsFor == 0:
		return Runnable
	}
	return Pending
}

// Counts are the children of an array by status.
type Counts struct {
	Pending   int `json:"p,omitempty"`
	Runnable  int `json:"r,omitempty"`
	Starting  int `json:"s,omitempty"`
	Running   int `json:"u,omitempty"`
	Succeeded int `json:"o,omitempty"`
	Failed    int `json:"f,omitempty"`
}

// of returns the counter of a status, nil for Submitted, in which no child ever is.
func (c *Counts) of(s Status) *int {
	switch s {
	case Pending:
		return &c.Pending
	case Runnable:
		return &c.Runnable
	case Starting:
		return &c.Starting
	case Running:
		return &c.Running
	case Succeeded:
		return &c.Succeeded
	case Failed:
		return &c.Failed
	}
	return nil
}

// Move counts n children as having gone from one status to another. Which of those that
// have a host run already may be known late: one of both that would fall below zero is
// taken from the other.
func (c *Counts) Move(from, to Status, n int) {
	if p := c.of(from); p != nil {
		*p -= n
	}
	if p := c.of(to); p != nil {
		*p += n
	}
	if live := c.Starting + c.Running; live >= 0 {
		c.Starting = min(max(c.Starting, 0), live)
		c.Running = live - c.Starting
	}
}

// Get returns how many children are in status s.
func (c Counts) Get(s Status) int {
	if p := c.of(s); p != nil {
		return *p
	}
	return 0
}

// Ended returns how many children are in a final status.
func (c Counts) Ended() int { return c.Succeeded + c.Failed }
