//go:build unix

package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
		r.work.Go(func() { r.loseLocked(lost) })
	}
	r.work.Go(r.emptyTrash)
	r.awaitFirstWords(lost)
	return nil
}

// restoreTask takes up one task: one that ended, one that runs, or into lost one
// whose supervisor died. One that was never started is left to the next Run.
func (r *Runtime) restoreTask(id string, lost map[string]*task) {
	dir := r.dir(id)
	t := newTask(id)
	close(t.ready)
	var spec supervisor.Spec
	if err := readJSON(filepath.Join(dir, supervisor.SpecFile), &spec); err != nil {
		if _, err := os.Stat(filepath.Join(dir, supervisor.StartedFile)); err != nil {
			return // Run was interrupted
		}
		r.log.Warn("the description of a task cannot be read; it is taken for lost", "task", id, "err", err)
		spec = supervisor.Spec{ID: id, Mark: r.mark + "/" + id}
	}
	t.status = firstStatus(spec)
	if r.restoreEnd(t) {
		return
	}
	if conn, err := dial(spec.Socket); err == nil {
		r.tasks[id] = t
		t.conn = conn
		r.news.add(t.status)
		r.work.Go(func() { r.follow(t) })
		return
	}
	lock, err := r.lockTask(id, syscall.LOCK_NB)
	if err == nil {
		defer lock.Close()
	}
	if r.restoreEnd(t) { // just now
		return
	}
	if err != nil {
		// It lives, but its socket is gone: someone cleaned the temporary directory.
		r.log.Warn("the supervisor of a task cannot be reached; its end will be seen, and Stop takes up to 10 s", "task", id)
		r.tasks[id] = t
		r.guess(t)
		go r.settle(t) // not waited for by Close: it may take as long as the task
		return
	}
	if _, err := os.Stat(filepath.Join(dir, supervisor.StartedFile)); errors.Is(err, fs.ErrNotExist) {
		return
	}
	r.tasks[id] = t
	r.guess(t)
	lost[id] = t
}

// restoreEnd takes up a task that has ended; false if it has not.
func (r *Runtime) restoreEnd(t *task) bool {
	end, err := readExit(r.dir(t.id))
	if err != nil {
		return false
	}
	r.tasks[t.id] = t
	t.isHeard()
	r.tells(t, end)
	return true
}

// guess tells a task as running since its last command was started, when the
// supervisor cannot be asked.
func (r *Runtime) guess(t *task) {
	t.isHeard()
	s := supervisor.Status{
		State:     string(compute.TaskRunning),
		Version:   2,
		StartedAt: startedAt(r.dir(t.id)),
		Notes:     t.status.Notes,
	}
	if s.StartedAt.IsZero() {
		return
	}
	for _, c := range t.status.Containers {
		s.Containers = append(s.Containers, supervisor.ContainerStatus{Name: c.Name})
	}
	r.tells(t, s)
}

// startedAt is when the last command of a task was started, zero if none was.
func startedAt(dir string) time.Time {
	info, err := os.Stat(filepath.Join(dir, supervisor.StartedFile))
	if err != nil || info.Size() == 0 {
		return time.Time{}
	}
	return info.ModTime().UTC()
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
