//go:build unix

package process

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// restore takes up the tasks in the directory.
func (r *Runtime) restore() error {
	entries, err := os.ReadDir(r.o.Dir)
	if err != nil {
		return err
	}
	lost := map[string]*task{}
	for _, e := range entries {
		if !e.IsDir() || !validID.MatchString(e.Name()) {
			continue
		}
		r.restoreTask(e.Name(), lost)
	}
	if len(lost) > 0 {
		losing := maps.Clone(lost) // it takes out those that are told
		r.work.Go(func() { r.loseLocked(losing) })
	}
	r.work.Go(r.emptyTrash)
	r.awaitFirstWords(lost)
	return nil
}

// restoreTask takes up one task: one that ended, one that runs, or into lost one
// whose supervisor died. One that was never started is left to the next Run.
func (r *Runtime) restoreTask(id string, lost map[string]*task) {
	t := newTask(id)
	close(t.ready)
	past, err := supervisor.ReadJournal(supervisor.JournalPath(r.dir(id)))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		r.log.Error("the journal of a task cannot be read; the task is not told", "task", id, "err", err)
		return
	case past.Task == nil:
		return // Run was interrupted
	}
	t.status = firstStatus(*past.Task)
	if r.restoreEnd(t, past) {
		return
	}
	if conn, err := dial(past.Task.Socket); err == nil {
		r.tasks[id] = t
		t.conn = conn
		r.news.add(t.status)
		r.work.Go(func() { r.follow(t) })
		return
	}
	lock, lockErr := r.lockTask(id, syscall.LOCK_NB)
	if lockErr == nil {
		defer lock.Close()
	}
	past, err = supervisor.ReadJournal(supervisor.JournalPath(r.dir(id)))
	if err != nil || r.restoreEnd(t, past) { // just now
		return
	}
	switch {
	case lockErr != nil:
		// It lives, but its socket is gone: someone cleaned the directory.
		r.log.Warn("the supervisor of a task cannot be reached; its end will be seen, and Stop takes up to 10 s", "task", id)
		r.tasks[id] = t
		r.guess(t, past)
		go r.settle(t) // not waited for by Close: it may take as long as the task
	case !past.Started.IsZero():
		r.tasks[id] = t
		r.guess(t, past)
		lost[id] = t
	}
}

// restoreEnd takes up a task that has ended; false if it has not.
func (r *Runtime) restoreEnd(t *task, past supervisor.Journal) bool {
	if past.End == nil {
		return false
	}
	r.tasks[t.id] = t
	t.isHeard()
	r.tells(t, *past.End)
	return true
}

// guess tells a task as running since its supervisor took it up, when the
// supervisor cannot be asked.
func (r *Runtime) guess(t *task, past supervisor.Journal) {
	t.isHeard()
	if len(past.Pids) == 0 {
		return
	}
	s := supervisor.Status{
		State:     string(compute.TaskRunning),
		Version:   2,
		StartedAt: past.Started,
		Notes:     t.status.Notes,
	}
	for _, c := range t.status.Containers {
		s.Containers = append(s.Containers, supervisor.ContainerStatus{Name: c.Name})
	}
	r.tells(t, s)
}

// awaitFirstWords waits a little for the supervisors, so that the first list is
// as good as the later ones.
func (r *Runtime) awaitFirstWords(lost map[string]*task) {
	late := time.NewTimer(firstWord)
	defer late.Stop()
	for id, t := range r.tasks {
		if lost[id] != nil {
			continue
		}
		select {
		case <-t.heard:
		case <-late.C:
			r.log.Warn("some supervisors do not answer yet; their tasks are told as PENDING until they do")
			return
		}
	}
}
