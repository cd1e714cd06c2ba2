package batch

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// Status is where a job is in its life: AWS Batch's names, as on the wire.
type Status = types.JobStatus

// The states of a job.
const (
	Submitted = types.JobStatusSubmitted // accepted, not yet looked at
	Pending   = types.JobStatusPending   // waits for the jobs it depends on; for an array parent: its children are under way
	Runnable  = types.JobStatusRunnable  // waits for a host
	Starting  = types.JobStatusStarting  // has a host and an attempt; its task is being started
	Running   = types.JobStatusRunning   // its container runs
	Succeeded = types.JobStatusSucceeded // ended with exit code 0
	Failed    = types.JobStatusFailed    // ended otherwise, or was stopped, or never could run
)

// Statuses lists all states in the order of a job's life.
func Statuses() []Status {
	return []Status{Submitted, Pending, Runnable, Starting, Running, Succeeded, Failed}
}

// next lists where each status of a plain job, an array child included, may lead.
// A status without an entry is final.
var next = map[Status][]Status{
	Submitted: {Pending, Runnable, Failed},
	Pending:   {Runnable, Failed}, // its dependencies ended, or it was stopped
	Runnable:  {Starting, Failed},
	// Back to Runnable: the start failed or the host was lost, and another attempt
	// is allowed. Straight to Succeeded: the news of the start and of the end came
	// together.
	Starting: {Running, Runnable, Succeeded, Failed},
	Running:  {Succeeded, Runnable, Failed},
}

// nextParent is the same for array parents, which have no task of their own.
var nextParent = map[Status][]Status{
	Submitted: {Pending, Failed},
	Pending:   {Succeeded, Failed},
}

// Final reports whether a job in status s will never change its status again.
func Final(s Status) bool { return s == Succeeded || s == Failed }

// Live reports whether a job in status s holds a place on a host.
func Live(s Status) bool { return s == Starting || s == Running }

// TransitionError is a move that the state machine does not have.
type TransitionError struct {
	JobID    string
	From, To Status
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("job %s cannot go from %s to %s", e.JobID, e.From, e.To)
}

// Transition returns j in status to, as of now, for the given reason. It is the
// only way a status changes. It stores nothing; it sets StartedAt on the way to
// Running and StoppedAt on the way to a final status. A move that the tables
// above do not have is a *TransitionError.
func (j Job) Transition(to Status, reason string, now Millis) (Job, error) {
	table := next
	if j.Array != nil {
		table = nextParent
	}
	if !slices.Contains(table[j.Status], to) {
		return Job{}, &TransitionError{JobID: j.ID, From: j.Status, To: to}
	}
	j.Status, j.Reason = to, reason
	switch to {
	case Running:
		if j.StartedAt == 0 {
			j.StartedAt = now
		}
	case Succeeded, Failed:
		j.StoppedAt = now
	}
	return j, nil
}
