//go:build unix

package process

import (
	"context"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// reasonLost is why a task stopped whose supervisor died.
const reasonLost = "The supervisor of the task died; what it ran was killed"

const (
	// The pause between two looks at processes that were killed grows from the first
	// to the last: most are gone at once, one that waits for a dead disk may never be.
	firstPause = 2 * time.Millisecond
	lastPause  = time.Second
)

// loseLocked is lose for tasks whose locks nobody holds.
func (r *Runtime) loseLocked(lost map[string]*task) {
	for id := range lost {
		lock, err := r.lockTask(id, 0)
		if err != nil {
			r.log.Error("cannot lock a task that is lost", "task", id, "err", err)
			continue
		}
		defer lock.Close() //nolint:revive // all are held until all are told as lost
	}
	r.lose(lost)
}

// lose ends tasks whose supervisors are gone: what is left of them is killed, and
// each is told as lost as soon as none of its processes is there any more. The
// caller holds their locks.
func (r *Runtime) lose(lost map[string]*task) {
	for pause := firstPause; len(lost) > 0; pause = min(2*pause, lastPause) {
		living := r.killRemains(lost)
		for id, t := range lost {
			if !living[id] {
				r.tellLost(t)
				delete(lost, id)
			}
		}
		if len(lost) > 0 && !sleep(r.ctx, pause) {
			return // the next server goes on
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// killRemains sends SIGKILL to what is left of tasks and returns which had any.
func (r *Runtime) killRemains(lost map[string]*task) (living map[string]bool) {
	living = map[string]bool{}
	taskOf := func(mark string) string {
		rest, ours := strings.CutPrefix(mark, r.mark+"/")
		id, _, _ := strings.Cut(rest, "/")
		if !ours || lost[id] == nil {
			return ""
		}
		return id
	}
	for pid, mark := range supervisor.Survivors(func(mark string) bool { return taskOf(mark) != "" }) {
		living[taskOf(mark)] = true
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if !supervisor.SeesMarks {
		for id := range lost {
			living[id] = killGroups(r.dir(id))
		}
	}
	return living
}

// killGroups kills the process groups that a supervisor noted, for systems on
// which that is all that can be known. A number that another process has got since
// is passed over unless that one leads a group too.
func killGroups(dir string) (living bool) {
	past, _ := supervisor.ReadJournal(supervisor.JournalPath(dir))
	for _, pid := range past.Pids {
		if syscall.Kill(-pid, syscall.SIGKILL) == nil {
			living = true
		}
	}
	return living
}

// tellLost records and tells the end of a task that is lost.
func (r *Runtime) tellLost(t *task) {
	status := t.now()
	s := supervisor.Status{
		State:     string(compute.TaskStopped),
		Version:   lostVersion,
		StartedAt: status.StartedAt,
		StoppedAt: time.Now().UTC(),
		StopCode:  string(compute.StopHostLost),
		Reason:    reasonLost,
		Notes:     status.Notes,
	}
	if s.StartedAt.IsZero() {
		past, _ := supervisor.ReadJournal(supervisor.JournalPath(r.dir(t.id)))
		if len(past.Pids) > 0 {
			s.StartedAt = past.Started // it died before we heard of it
		}
	}
	for _, c := range status.Containers {
		s.Containers = append(s.Containers, supervisor.ContainerStatus{Name: c.Name, ExitCode: c.ExitCode, Reason: c.Reason})
	}
	if err := supervisor.AppendEnd(r.dir(t.id), s); err != nil {
		r.log.Error("the end of a lost task cannot be recorded; it is found lost again after a restart", "task", t.id, "err", err)
	}
	_ = os.Remove(r.socketPath(t.id))
	r.tells(t, s)
}
