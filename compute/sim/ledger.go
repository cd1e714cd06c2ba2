package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// Ledger is what happened in a backend, for the invariants of tests and the
// figures of reports.
type Ledger struct {
	// StartedTwice names the tasks that ran more than once. A backend runs a task
	// once while it knows it, so these were run again after they were forgotten.
	StartedTwice []string
	// Overlaps are moments when a second attempt of a job began beside the first.
	Overlaps []Overlap

	TasksStarted int // that ran; a task that failed to start did not
	TasksLost    int // together with their host
	TasksKnown   int // not forgotten
	PeakRunning  int // tasks at once
	// TaskVCPUHours is vCPUs times how long tasks held them while running.
	TaskVCPUHours float64

	HostsLaunched    int
	HostsInterrupted int
	HostsUp          map[Pool]int
	PeakHosts        int
	// HostTime is how long hosts were up, from launch until gone or, for those that
	// are not, now: what EC2 charges for.
	HostTime map[Pool]time.Duration
	// HostVCPUHours is vCPUs of hosts times how long they were up.
	HostVCPUHours float64

	// What was refused. An engine that plans well asks for neither of the first two
	// unless a host went away behind its back.
	RefusedNoRoom     int
	RefusedHostGone   int
	RefusedNoCapacity int

	NewsDropped int // because nobody took it
}

// Overlap is two attempts of one job that ran at once.
type Overlap struct {
	JobID string
	Task  string // the later of the two
	At    time.Time
}

// Check returns an error that names the first broken promise: an attempt that was
// started twice, or two attempts of one job at once.
func (l Ledger) Check() error {
	if len(l.StartedTwice) > 0 {
		return fmt.Errorf("task %s was started twice (one of %d)", l.StartedTwice[0], len(l.StartedTwice))
	}
	if len(l.Overlaps) > 0 {
		o := l.Overlaps[0]
		return fmt.Errorf("task %s of job %s was started at %s beside an earlier attempt (one of %d)",
			o.Task, o.JobID, o.At.Format(time.RFC3339Nano), len(l.Overlaps))
	}
	return nil
}

// Span is the life of one host.
type Span struct {
	Host   compute.Host
	GoneAt time.Time // zero while it is up
}

// Spans returns every host that ever was, in the order of their launch.
func (b *Backend) Spans() []Span {
	b.mu.Lock()
	defer b.mu.Unlock()
	var spans []Span
	for _, h := range b.inOrder() {
		spans = append(spans, Span{Host: h.Host, GoneAt: h.goneAt})
	}
	return spans
}

// Ledger returns what happened so far.
func (b *Backend) Ledger() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := &b.ledger
	l := Ledger{
		StartedTwice:      slices.Clone(k.startedTwice),
		Overlaps:          slices.Clone(k.overlaps),
		TasksStarted:      k.starts,
		TasksLost:         k.lost,
		TasksKnown:        len(b.tasks),
		PeakRunning:       k.peakRunning,
		TaskVCPUHours:     k.taskVCPUHours,
		HostsLaunched:     k.launches,
		HostsInterrupted:  k.interrupted,
		HostsUp:           maps.Clone(k.up),
		PeakHosts:         k.peakUp,
		HostTime:          map[Pool]time.Duration{},
		RefusedNoRoom:     k.refusedRoom,
		RefusedHostGone:   k.refusedGone,
		RefusedNoCapacity: k.noCapacity,
		NewsDropped:       k.newsDropped,
	}
	now := b.cfg.Now()
	for _, h := range b.inOrder() { // in order: the sum of floats depends on it
		end := now
		if h.State == compute.HostGone {
			end = h.goneAt
		}
		up := max(0, end.Sub(h.LaunchedAt))
		l.HostTime[Pool{h.Type, h.Market}] += up
		l.HostVCPUHours += vcpuHours(h.Has.MilliVCPU, up)
	}
	return l
}

// books are the running counts behind a Ledger, guarded by the backend's lock.
type books struct {
	runs         map[string]int // by task
	running      map[string]int // attempts that run now, by job
	startedTwice []string
	overlaps     []Overlap

	starts, lost             int
	nowRunning, peakRunning  int
	taskVCPUHours            float64
	launches, interrupted    int
	up                       map[Pool]int // hosts that are not gone
	nowUp, peakUp            int
	refusedRoom, refusedGone int
	noCapacity, newsDropped  int
}

func newBooks() books {
	return books{runs: map[string]int{}, running: map[string]int{}, up: map[Pool]int{}}
}

// started books that a task runs.
func (k *books) started(t *task, countOnly bool) {
	k.starts++
	k.nowRunning++
	k.peakRunning = max(k.peakRunning, k.nowRunning)
	if countOnly {
		return
	}
	s := &t.status
	k.runs[s.ID]++
	if k.runs[s.ID] == 2 {
		k.startedTwice = append(k.startedTwice, s.ID)
	}
	if s.JobID == "" {
		return
	}
	if k.running[s.JobID] > 0 {
		k.overlaps = append(k.overlaps, Overlap{JobID: s.JobID, Task: s.ID, At: s.StartedAt})
	}
	k.running[s.JobID]++
}

// ended books the end of a task that may or may not have run.
func (k *books) ended(t *task, at time.Time, countOnly bool) {
	s := &t.status
	if s.State != compute.TaskRunning {
		return
	}
	k.nowRunning--
	k.taskVCPUHours += vcpuHours(t.need.MilliVCPU, at.Sub(s.StartedAt))
	if countOnly || s.JobID == "" {
		return
	}
	if k.running[s.JobID]--; k.running[s.JobID] == 0 {
		delete(k.running, s.JobID)
	}
}

func (k *books) launched(pool Pool) {
	k.launches++
	k.up[pool]++
	k.nowUp++
	k.peakUp = max(k.peakUp, k.nowUp)
}

func (k *books) gone(pool Pool) {
	k.nowUp--
	if k.up[pool]--; k.up[pool] == 0 {
		delete(k.up, pool)
	}
}

// vcpuHours is that many thousandths of a vCPU for so long.
func vcpuHours(milli int64, d time.Duration) float64 {
	return float64(milli) / 1000 * d.Hours()
}
