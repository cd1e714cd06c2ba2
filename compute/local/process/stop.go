//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// Stop asks the supervisor of a task to end it: SIGTERM to its process groups, and
// SIGKILL after the stop timeout of each container.
func (r *Runtime) Stop(ctx context.Context, id, reason string) error {
	return r.ask(ctx, id, supervisor.Request{Stop: true, Reason: reason})
}

// Kill is Stop with SIGKILL at once, also of a task that is being stopped.
func (r *Runtime) Kill(ctx context.Context, id, reason string) error {
	return r.ask(ctx, id, supervisor.Request{Kill: true, Reason: reason})
}

func (r *Runtime) ask(ctx context.Context, id string, request supervisor.Request) error {
	t, err := r.known(ctx, id)
	if t == nil || err != nil || t.over() {
		return err
	}
	err = t.say(request)
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET):
		return nil // or the supervisor is just ending, and the task with it
	case t.conn == nil:
		path := filepath.Join(r.dir(id), supervisor.StopFile)
		if err = os.WriteFile(path+".tmp", []byte(request.Reason), 0o600); err == nil {
			err = os.Rename(path+".tmp", path)
		}
	}
	if err != nil {
		return fmt.Errorf("stop task %s: %w: %w", id, err, compute.ErrUnavailable)
	}
	return nil
}

// known returns a task once its Run is through; nil if there is none.
func (r *Runtime) known(ctx context.Context, id string) (*task, error) {
	r.mu.Lock()
	t, ok := r.tasks[id]
	closed := r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return nil, fmt.Errorf("the runtime is closed: %w", compute.ErrUnavailable)
	case !ok:
		return nil, nil
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t.err != nil {
		return nil, nil //nolint:nilerr // it was never run
	}
	return t, nil
}

// ListTasks returns the tasks of the directory that were run and not forgotten.
func (r *Runtime) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	r.mu.Lock()
	tasks := make([]*task, 0, len(r.tasks))
	for _, t := range r.tasks {
		tasks = append(tasks, t)
	}
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("the runtime is closed: %w", compute.ErrUnavailable)
	}
	list := make([]compute.TaskStatus, 0, len(tasks))
	for _, t := range tasks {
		if status := t.now(); status.ID != "" { // else it is just being started
			list = append(list, status)
		}
	}
	return list, ctx.Err()
}

// Forget removes the directory of a task that has ended, or that was never
// started. One that runs is left alone. Logs stay.
func (r *Runtime) Forget(ctx context.Context, id string) error {
	t, err := r.known(ctx, id)
	if err != nil || !validID.MatchString(id) || t != nil && !t.over() {
		return err
	}
	if t == nil && !r.unstarted(id) {
		return nil
	}
	// The name is free at once; what is in it may take a while.
	trash := filepath.Join(r.o.Dir, trashDir, id)
	err = os.Rename(r.dir(id), trash)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) { // forgotten before, and it could not be removed
		_ = removeAll(trash) // Rename says whether it is gone
		err = os.Rename(r.dir(id), trash)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget task %s: %w", id, err)
	}
	r.mu.Lock()
	if r.tasks[id] == t {
		delete(r.tasks, id)
	}
	r.mu.Unlock()
	os.Remove(r.socketPath(id))
	if err := removeAll(trash); err != nil {
		r.log.Warn("the directory of a forgotten task cannot be removed yet", "dir", trash, "err", err)
	}
	return nil
}

// unstarted reports whether a directory is one that Run left without a supervisor.
func (r *Runtime) unstarted(id string) bool {
	if _, err := os.Stat(r.dir(id)); err != nil {
		return false
	}
	lock, err := r.lockTask(id, syscall.LOCK_NB)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	defer lock.Close()
	past, err := supervisor.ReadJournal(supervisor.JournalPath(r.dir(id)))
	return err == nil && past.Started.IsZero() && past.End == nil
}

// removeAll removes a directory, also when it holds directories that nobody may
// write to, as Go's module cache does.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// emptyTrash removes what an earlier Forget could not.
func (r *Runtime) emptyTrash() {
	trash := filepath.Join(r.o.Dir, trashDir)
	entries, _ := os.ReadDir(trash)
	for _, e := range entries {
		if r.ctx.Err() != nil {
			return
		}
		_ = removeAll(filepath.Join(trash, e.Name()))
	}
}
