package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/packhorse-batch/packhorse/store"
)

// What Open answers besides success. ErrDamaged may also come from a later call,
// that is the first to read what is damaged.
var (
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("the file is in use by another process")
	// ErrDamaged: the file is not what was written to it, or was never a table.
	ErrDamaged = errors.New("the file is damaged")
	// ErrFormat: the file is whole, but of a version that this program does not
	// know, or of another program.
	ErrFormat = errors.New("the file has another format")
)

func locked(path string) error {
	return fmt.Errorf("%s: %w: stop the other one (fuser %[1]s names it), or choose another file", path, ErrLocked)
}

func damaged(path, what string, args ...any) error {
	return fmt.Errorf("%s: %w: %s: put a backup in its place, or move it away to start with an empty one",
		path, ErrDamaged, fmt.Sprintf(what, args...))
}

// unavailable is the answer when nothing was written because of cause.
func unavailable(path string, cause error) error {
	next := "see to the disk, then try again"
	if errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EDQUOT) {
		next = "make room on the disk, then try again"
	}
	return fmt.Errorf("%w: %s: %w: %s", store.ErrUnavailable, path, cause, next)
}

// openError words what can go wrong when a file is opened.
func openError(path string, err error) error {
	switch {
	case err == nil, errors.Is(err, ErrDamaged):
		return err
	case errors.Is(err, berrors.ErrTimeout):
		return locked(path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return damaged(path, "it has no valid header (%v)", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("open %s: %w: give this user the right to write it and its folder, or choose another file", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open %s: %w: make the folder %s first", path, err, filepath.Dir(path))
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return unavailable(path, err)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

func checkIsFile(path string) (size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, openError(path, err)
	}
	if info.IsDir() {
		return 0, fmt.Errorf("open %s: %w: it is a folder: name a file in it, such as %s",
			path, syscall.EISDIR, filepath.Join(path, "packhorse.db"))
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("open %s: it is not a regular file: choose another one", path)
	}
	return info.Size(), nil
}

// guard runs work on the file and turns what bbolt does about damage into
// ErrDamaged: it panics when a page is not what it should be, and touching a
// mapped page that the file no longer has, or that the disk cannot read, is a
// fault that would end the process.
func guard(path string, work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damaged(path, "%v", p)
		}
	}()
	return work()
}

// health remembers why a table can no longer write, if so.
type health struct {
	cause atomic.Pointer[error]
	stuck atomic.Bool
}

// stop makes every later write answer err, and returns err.
func (h *health) stop(err error) error {
	h.cause.CompareAndSwap(nil, &err)
	return err
}

// check returns why the table stopped.
func (h *health) check() error {
	if p := h.cause.Load(); p != nil {
		return *p
	}
	return nil
}

// wedge is stop when bbolt panicked with its locks held: it must not be called any
// more, not even to read or to close, since it would wait for ever.
func (h *health) wedge(err error) error {
	err = h.stop(err)
	h.stuck.Store(true)
	return err
}

func (h *health) wedged() bool { return h.stuck.Load() }
