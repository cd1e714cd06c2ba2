//go:build !unix

package process

import (
	"context"
	"errors"
	"log/slog"

	"github.com/packhorse-batch/packhorse/compute"
)

// errNotUnix is what this system answers: it has no sessions, signals and locks
// as supervisors need them.
var errNotUnix = errors.New("process: tasks as plain processes need Linux, macOS or another Unix: run the server with Docker")

// Options says where the runtime keeps its tasks.
type Options struct {
	Dir, Logs, Executable string
	Log                   *slog.Logger
}

// Runtime is not to be had on this system.
type Runtime struct{ compute.Tasks }

// Open fails on this system.
func Open(Options) (*Runtime, error) { return nil, errNotUnix }

// Watch is never reached, for Open fails.
func (*Runtime) Watch(context.Context, func([]compute.News)) error { return errNotUnix }

// Kill is never reached, for Open fails.
func (*Runtime) Kill(context.Context, string, string) error { return errNotUnix }

// Close is never reached, for Open fails.
func (*Runtime) Close() error { return nil }

// Supervise fails on this system.
func Supervise([]string) (exit int) { return 2 }
