//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// validID is what a task ID may look like: it names a directory.
var validID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// Run hands a task over to a supervisor. When it returns nil the supervisor is a
// process, and a task that is stopped or whose server dies from then on is not
// forgotten. When the server dies within Run, either a supervisor has the task, which
// the next server finds, or the same call again gives it to one.
func (r *Runtime) Run(ctx context.Context, request compute.Task) error {
	if !validID.MatchString(request.ID) {
		return fmt.Errorf("task ID %q: it must be letters and digits", request.ID)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return fmt.Errorf("the runtime is closed: %w", compute.ErrUnavailable)
	}
	t, known := r.tasks[request.ID]
	if !known {
		t = newTask(request.ID)
		r.tasks[request.ID] = t
		r.work.Add(1) // the start, and then what follows the supervisor
	}
	r.mu.Unlock()
	if known {
		select {
		case <-t.ready:
			return t.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(t.ready)
	if err := r.launch(t, request); err != nil {
		r.mu.Lock()
		delete(r.tasks, t.id)
		r.mu.Unlock()
		r.work.Done()
		t.err = fmt.Errorf("task %s: %w: %w", t.id, err, compute.ErrUnavailable)
		return t.err
	}
	go func() {
		defer r.work.Done()
		r.follow(t)
	}()
	return nil
}

// launch makes the directory of a task and gives it to a supervisor.
func (r *Runtime) launch(t *task, request compute.Task) error {
	dir := r.dir(t.id)
	spec := r.newSpec(request)
	if err := prepare(dir, &spec, request.Volumes); err != nil {
		return err
	}
	t.mu.Lock()
	t.status = firstStatus(spec)
	t.mu.Unlock()
	if err := r.handOver(t, spec.Socket); err != nil {
		return err
	}
	r.news.add(t.now())
	t.isHeard()
	return nil
}

// handOver gives a task that is prepared to a supervisor, and connects to it.
func (r *Runtime) handOver(t *task, socket string) error {
	listener, err := listenFor(socket)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer listener.Close()
	conn, err := dial(socket)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	raw, err := listener.SyscallConn()
	if err != nil {
		conn.Close()
		return err
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = r.crew.give(r.dir(t.id), fd) }); err != nil {
		failure = err
	}
	if failure != nil {
		conn.Close()
		return fmt.Errorf("hand over to a supervisor, %s: %w", r.o.Executable, failure)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = conn
	return nil
}

// prepare writes down the task. A directory that an earlier Run left without
// starting anything is used again; nobody reads it, so its parts may be rewritten.
func prepare(dir string, spec *supervisor.Spec, volumes []compute.Volume) error {
	for _, path := range []string{dir, filepath.Join(dir, supervisor.WorkDir)} {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, v := range volumes {
		if v.HostPath == "" {
			if err := os.MkdirAll(filepath.Join(dir, volumesDir, variableName(v.Name)), 0o700); err != nil {
				return err
			}
		}
	}
	path := supervisor.JournalPath(dir)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = reopenJournal(path)
	}
	if f == nil || err != nil {
		return err
	}
	return errors.Join(supervisor.Append(f, supervisor.Record{Task: spec}), f.Close())
}

// reopenJournal empties the journal of a task that was never started; nil for one
// that is, or was, supervised after all: a supervisor will leave it alone too.
func reopenJournal(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		if j, err := supervisor.ReadJournal(path); err == nil && j.Started.IsZero() && j.End == nil {
			return f, f.Truncate(0)
		}
	}
	return nil, f.Close()
}

// startSupervisor starts the binary again, in a session of its own, so that no
// signal to the server's terminal or group reaches it.
func (r *Runtime) startSupervisor(handover uintptr) (pid int, err error) {
	return syscall.ForkExec(r.o.Executable, []string{"packhorse", supervisor.Verb, r.o.Dir}, &syscall.ProcAttr{
		Dir: r.o.Dir,
		Env: []string{
			supervisor.EarlyEnv + "=1",
			"GOMAXPROCS=1", // it does one thing at a time, and starts faster so
		},
		Files: []uintptr{r.null.Fd(), r.errors.Fd(), r.errors.Fd(), supervisor.HandoverFD: handover},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

// firstStatus is the status of a task before its supervisor has told any.
func firstStatus(spec supervisor.Spec) compute.TaskStatus {
	status := compute.TaskStatus{
		ID:      spec.ID,
		JobID:   spec.JobID,
		Attempt: spec.Attempt,
		Host:    spec.Host,
		State:   compute.TaskPending,
		Version: 1,
		Notes:   spec.Notes,
	}
	for _, c := range spec.Containers {
		status.Containers = append(status.Containers, compute.ContainerStatus{Name: c.Name})
	}
	return status
}
