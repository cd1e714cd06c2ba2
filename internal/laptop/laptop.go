// Package laptop is the home that is one process on one machine: records in a bbolt
// file, hosts imitated, tasks in Docker or as plain processes, and the wire on a
// local port.
package laptop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/logs"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

// Options are the choices of a server.
type Options struct {
	Listen  string // host:port; port 0 takes a free one
	Data    string // directory of all that is kept
	Account batch.Account
	// Keys are the access keys that may call, secrets by id; without any, every
	// caller may, and only on loopback.
	Keys map[string]string
	// EventToken lets senders of S3 events in that cannot sign: see api.Config.
	EventToken string

	Runtime    local.Mode
	Network    string // of Docker containers: bridge, host or none
	BootTime   time.Duration
	IdleWindow time.Duration
	MaxVCPUs   int // 0: all of this machine
	// SpotInterruptionsPerHour is how often an imitated Spot host is taken away.
	SpotInterruptionsPerHour float64
	Executable               string // path of the packhorse binary, for supervisors
	Log                      *slog.Logger
}

// Laptop is an open server. It answers from Open on; jobs move while Run runs.
type Laptop struct {
	*home.Home
	Logs    *logs.Store
	Chosen  local.Chosen
	Backend *local.Backend
	Address string // where it listens, "127.0.0.1:4600"
	// First says that it started with nothing and made an environment and a queue.
	First bool

	table    *bolt.Table
	listener net.Listener
	server   *http.Server
	log      *slog.Logger
}

// dirMode keeps what jobs are given, secrets perhaps, from other users.
const dirMode = 0o700

// Open opens the store, the runtime and the port, in this order, and answers what
// is wrong in a sentence that says what to do.
func Open(ctx context.Context, o Options) (_ *Laptop, err error) {
	if len(o.Keys) == 0 {
		if err := api.LoopbackOnly(o.Listen); err != nil {
			return nil, err
		}
	}
	l := &Laptop{log: o.Log}
	// What was opened is closed again when something after it fails.
	defer func() {
		if err != nil {
			err = errors.Join(told(err), l.Close())
		}
	}()
	if o.Data, err = makeFolder(o.Data); err != nil {
		return nil, err
	}
	if l.listener, err = listen(ctx, o.Listen); err != nil {
		return nil, err
	}
	l.Address = l.listener.Addr().String()
	if l.table, err = bolt.Open(filepath.Join(o.Data, "packhorse.db"), bolt.Options{}); err != nil {
		return nil, err
	}
	if l.Logs, err = logs.Open(filepath.Join(o.Data, "logs")); err != nil {
		return nil, err
	}
	if err := l.openCompute(ctx, o); err != nil {
		return nil, err
	}
	l.Home = home.New(home.Parts{
		Table: l.table, Compute: l.Backend, Account: o.Account, Now: time.Now,
		IdleWindow: o.IdleWindow, TaskLookup: true, Alone: true, Secret: secret, Log: o.Log,
	})
	if l.First, err = l.FirstStart(ctx); err != nil {
		return nil, err
	}
	l.server = api.Server(api.New(api.Config{
		Service: l.Home, Logs: l.Logs, Fleet: home.Fleet{Records: l.Records, Account: o.Account},
		Types: catalog.Default(), Account: o.Account, Keys: o.Keys, Explain: home.Explain,
		Triggers: l.Triggers, EventToken: o.EventToken, Log: o.Log,
	}))
	return l, nil
}

// makeFolder makes the data folder, and returns its absolute path.
func makeFolder(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err == nil {
		err = os.MkdirAll(path, dirMode)
	}
	if err != nil {
		return "", &batch.Error{
			Code:    batch.CodeServer,
			Message: fmt.Sprintf("the data folder %s cannot be made: %v", name, err),
			Next:    "choose another with --data", Err: err,
		}
	}
	return path, nil
}

// told is err as a person is told it, in its own words. The command line would
// otherwise take an error of the file system for a mistake in what was typed, and
// tell only its innermost part.
func told(err error) error {
	if errors.As(err, new(*batch.Error)) {
		return err
	}
	told := &batch.Error{Code: batch.CodeServer, Message: err.Error(), Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		told.Next = "make room on the disk, then start again"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		told.Next = "let this user write to the data folder, or choose another with --data"
	}
	return told
}

const (
	// portWait is how long Open waits for a port that another has. A server that was
	// killed while it started a process leaves a copy of its open files behind, the
	// port and the locks among them, until that process is itself: some
	// milliseconds, and on a busy machine a good deal more.
	portWait = 2 * time.Second
	// portAgain is the time between two tries.
	portAgain = 10 * time.Millisecond
)

// listen opens the port, or says who may have it.
func listen(ctx context.Context, address string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, portWait)
	defer cancel()
	listener, err := net.Listen("tcp", address)
	for errors.Is(err, syscall.EADDRINUSE) && ctx.Err() == nil {
		select {
		case <-time.After(portAgain):
		case <-ctx.Done():
		}
		listener, err = net.Listen("tcp", address)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &batch.Error{
			Code:    batch.CodeServer,
			Message: fmt.Sprintf("the address %s is in use, perhaps by another packhorse", address),
			Next:    "stop that one, or choose another address with --listen", Err: err,
		}
	case err != nil:
		return nil, &batch.Error{
			Code:    batch.CodeServer,
			Message: fmt.Sprintf("cannot listen on %s: %v", address, err),
			Next:    "choose another address with --listen", Err: err,
		}
	}
	return listener, nil
}

func (l *Laptop) openCompute(ctx context.Context, o Options) error {
	sum := sha256.Sum256([]byte(o.Data))
	var err error
	l.Chosen, err = local.Choose(ctx, o.Runtime, local.RuntimeOptions{
		Dir: filepath.Join(o.Data, "runtime"), Logs: filepath.Join(o.Data, "logs"),
		MaxVCPUs: o.MaxVCPUs, Instance: hex.EncodeToString(sum[:6]), Network: o.Network,
		Executable: o.Executable, Log: o.Log,
	})
	if err != nil {
		return err
	}
	types := catalog.Default()
	l.Backend, err = local.Open(ctx, local.Options{
		Runtime: l.Chosen.Runtime, Dir: filepath.Join(o.Data, "compute"), Machine: l.Chosen.Machine,
		Types: func(name string) (batch.Resources, bool) {
			t, ok := types.Lookup(name)
			return batch.Resources{
				MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB), GPUs: int64(t.GPUs),
			}, ok
		},
		Region: o.Account.Region, BootTime: o.BootTime,
		InterruptionsPerHour: o.SpotInterruptionsPerHour, Log: o.Log,
	})
	if err != nil {
		return errors.Join(err, l.Chosen.Runtime.Close())
	}
	return nil
}

// secretPrefix begins the names of environment variables of the server that hold
// the values of secrets: a job's secret DB_PASSWORD is PACKHORSE_SECRET_DB_PASSWORD.
const secretPrefix = "PACKHORSE_SECRET_"

func secret(name, _ string) (string, bool) { return os.LookupEnv(secretPrefix + name) }

// shutdownWait is how long answers under way may take after the end was asked for.
const shutdownWait = 5 * time.Second

// Run serves and makes passes until ctx ends. Containers and processes go on
// running; the next start takes them up again.
func (l *Laptop) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- l.server.Serve(l.listener) }()
	passes := make(chan error, 1)
	go func() { passes <- l.Engine.Run(ctx) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		served <- err
	case err = <-passes:
		passes <- err
	}
	cancel()
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
	defer stop()
	if shutdown := l.server.Shutdown(end); shutdown != nil {
		l.log.Warn("some answers were cut off", "error", shutdown)
	}
	<-passes //nolint:errcheck // the end of the passes was asked for, or is told above
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// Close releases the port, the runtime and the store.
func (l *Laptop) Close() error {
	var errs []error
	if l.listener != nil {
		if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if l.Backend != nil {
		errs = append(errs, l.Backend.Close())
	}
	if l.table != nil {
		errs = append(errs, l.table.Close())
	}
	return errors.Join(errs...)
}
