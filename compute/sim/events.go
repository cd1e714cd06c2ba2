package sim

import (
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// eventKind says what is due.
type eventKind uint8

const (
	taskStarts  eventKind = iota // its containers run, or fail to
	taskEnds                     // by itself
	taskStops                    // because Stop was called
	hostJoins                    // its boot is over
	hostNoticed                  // the notice before a reclaim
	hostReclaim                  // a Spot host is taken away
	newsArrives                  // news that was made late
)

// event is something that will happen to a task or a host, unless it has ended by then.
type event struct {
	at   time.Time
	seq  uint64 // order among events of one moment: as they were scheduled
	kind eventKind
	task *task
	host *host
	news compute.News // of newsArrives
}

// stale reports whether what the event is about went another way since.
func (e *event) stale() bool {
	switch e.kind {
	case taskStarts:
		return e.task.status.State != compute.TaskPending
	case taskEnds:
		return e.task.status.State != compute.TaskRunning
	case taskStops:
		return e.task.status.State == compute.TaskStopped
	case hostJoins:
		return e.host.State != compute.HostBooting
	case hostNoticed, hostReclaim:
		return e.host.State == compute.HostGone
	}
	return false
}

// events is a binary heap, earliest first. It is container/heap written out for
// one type: that one boxes every event, which is most of the garbage of a
// benchmark.
type events struct {
	heap []event
	seq  uint64
}

func (q *events) less(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	if c := a.at.Compare(b.at); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

// push schedules e, after all that is due at the same moment.
func (q *events) push(e event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			break
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

// pop removes and returns the earliest event. The heap must not be empty.
func (q *events) pop() event {
	first, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{} // let go of its task
	q.heap = q.heap[:last]
	for i := 0; ; {
		least := i
		if left := 2*i + 1; left < last && q.less(left, least) {
			least = left
		}
		if right := 2*i + 2; right < last && q.less(right, least) {
			least = right
		}
		if least == i {
			return first
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}

// next returns when the earliest event that still matters is due.
func (q *events) next() (time.Time, bool) {
	for len(q.heap) > 0 {
		if !q.heap[0].stale() {
			return q.heap[0].at, true
		}
		q.pop()
	}
	return time.Time{}, false
}
