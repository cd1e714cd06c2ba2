package docker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// task is one task. Its supervisor (live) alone changes it; everybody else reads
// its report, asks it to stop, or wakes it.
type task struct {
	r       *Runtime
	spec    compute.Task // without image, command and so on when taken up from labels
	id      string
	volumes []string // engine's names of its empty volumes
	members []*member

	wake    chan struct{}   // capacity 1: there may be something to look at
	pending context.Context // of waiting before the start; ends with a stop too
	giveUp  context.CancelFunc
	holding bool // a slot for making and starting
	unsure  bool // a former server may have asked for a start that is still to come
	noted   bool // the journal may have it

	mu      sync.Mutex // guards what follows, and the changing fields of members
	notes   string
	changes int64  // of the notes
	stop    string // why it is to stop; empty while nobody asked
	cause   *cause // why it ends; set once
	final   *compute.TaskStatus
}

// cause is why a task ends.
type cause struct {
	code   compute.StopCode
	reason string
}

// phase is where a container is in its life.
type phase int

const (
	waiting phase = iota // not made, or made and never started
	running
	ended // exited, or never will run
)

// member is one container of a task.
type member struct {
	compute.Container // name, dependencies and log stream at least
	index             int

	id         string // engine's; empty before it is made
	phase      phase
	startedAt  time.Time // zero if it never ran
	finishedAt time.Time
	exitCode   *int32
	reason     string
	ip         string
	noticed    time.Time // when its end was seen here
	failed     bool      // it could not be made or started
	lost       bool      // the engine lost it
	tried      bool      // making it was tried: it may exist although id is empty
	gpus       []string
	grace      time.Duration // between SIGTERM and SIGKILL; set with id
	generation int64         // of the link, when it was started or last seen running

	check    atomic.Bool // look at it
	oom      atomic.Bool // the engine told of an out-of-memory kill
	stopping atomic.Bool // a stop call is under way
	over     chan struct{}
	drained  chan struct{} // its output is in the log stream; nil before that began
	unfollow context.CancelFunc
}

func (r *Runtime) newTask(spec compute.Task) *task {
	t := &task{r: r, spec: spec, id: spec.ID, volumes: emptyVolumes(&spec), wake: make(chan struct{}, 1), noted: true}
	t.pending, t.giveUp = context.WithCancel(r.ctx)
	for i, c := range spec.Containers {
		t.members = append(t.members, newMember(c, i))
	}
	return t
}

func newMember(c compute.Container, index int) *member {
	return &member{Container: c, index: index, over: make(chan struct{})}
}

// essential reports whether the end of m ends the task.
func (t *task) essential(m *member) bool { return m.Essential || len(t.members) == 1 }

// member finds a container by name; nil if there is none.
func (t *task) member(name string) *member {
	for _, m := range t.members {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// poke makes the supervisor look.
func (t *task) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *task) requestStop(reason string) {
	t.mu.Lock()
	if t.stop == "" {
		t.stop = reason
	}
	t.mu.Unlock()
	t.giveUp()
	t.poke()
}

func (t *task) stopRequested() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stop != ""
}

// Versions rise with the state, and within it with what happened, so that the same
// state has the same version before and after a restart of the server.
const (
	versionPending int64 = 1
	versionRunning int64 = 1 << 20
	versionStopped int64 = 1 << 40
)

func (t *task) report() compute.TaskStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status()
}

// publish tells the watcher; t.mu is held, so that news of a task stay in order.
func (t *task) publish() { t.r.news.add(t.status()) }

// status is the task as it is now; t.mu is held.
func (t *task) status() compute.TaskStatus {
	if t.final != nil {
		return *t.final
	}
	s := compute.TaskStatus{
		ID: t.id, JobID: t.spec.JobID, Attempt: t.spec.Attempt, Host: t.spec.Host,
		State: compute.TaskPending, Notes: t.notes,
	}
	events := int64(0)
	for _, m := range t.members {
		c := compute.ContainerStatus{Name: m.Name, Reason: m.reason, IP: m.ip, ExitCode: m.exitCode}
		s.Containers = append(s.Containers, c)
		if !m.startedAt.IsZero() {
			events++
			if s.StartedAt.IsZero() || m.startedAt.Before(s.StartedAt) {
				s.StartedAt = m.startedAt
			}
		}
		if m.phase == ended {
			events++
		}
	}
	s.Version = versionPending + t.changes + events
	if !s.StartedAt.IsZero() {
		s.State, s.Version, s.Notes = compute.TaskRunning, versionRunning+events, ""
	}
	return s
}

// note shows a remark on a task that does not run yet.
func (t *task) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.notes == text || t.final != nil {
		return
	}
	t.notes = text
	t.changes++
	t.publish()
}

// change applies a change to the task and publishes it.
func (t *task) change(apply func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	apply()
	t.publish()
}

// fail ends a container that never could run.
func (t *task) fail(m *member, reason string) {
	t.change(func() {
		m.phase, m.failed, m.reason = ended, true, reason
		close(m.over)
	})
}
