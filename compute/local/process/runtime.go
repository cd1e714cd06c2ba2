//go:build unix

package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// Options says where the runtime keeps its tasks. Dir and Logs are required.
type Options struct {
	// Dir is a directory of the runtime's own; it is made if it is not there. Scratch
	// directories of the tasks are in it.
	Dir string
	// Logs is the directory of the log store (see package logs).
	Logs string
	// Executable is the packhorse binary, which is also the supervisor. Empty is the
	// binary that runs.
	Executable string
	Log        *slog.Logger // nil: slog.Default
}

// Runtime is the plain processes of this machine. Make one with Open. All methods
// may be called from many goroutines at once.
type Runtime struct {
	o       Options
	log     *slog.Logger
	mark    string   // of all tasks of this directory; see supervisor.MarkEnv
	sockets string   // directory of the unix sockets
	lock    *os.File // held while the directory is open
	null    *os.File // standard input of supervisors
	errors  *os.File // standard error of supervisors
	news    *news
	crew    *crew

	mu     sync.Mutex
	closed bool
	tasks  map[string]*task

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup
}

var _ compute.Tasks = (*Runtime)(nil)

// The files in Options.Dir beside the tasks' directories.
const (
	lockFile   = ".lock"
	errorsFile = ".supervisors.log" // what supervisors have to complain of
	trashDir   = ".trash"           // forgotten tasks on their way out
)

// firstWord is how long Open waits for the supervisors that live to tell how
// their tasks are. One that does not by then is told as it was last known.
const firstWord = 5 * time.Second

// Open takes up what an earlier runtime left in o.Dir. Only one may have the
// directory open at a time.
func Open(o Options) (*Runtime, error) {
	r, err := newRuntime(o)
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	if err := r.restore(); err != nil {
		return nil, errors.Join(fmt.Errorf("process: %w", err), r.Close())
	}
	return r, nil
}

func newRuntime(o Options) (_ *Runtime, err error) {
	if o.Dir == "" || o.Logs == "" {
		return nil, errors.New("Options.Dir and Options.Logs must name directories")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Executable == "" {
		if o.Executable, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("Options.Executable is empty, and the binary that runs cannot be found: %w", err)
		}
	}
	for _, path := range []*string{&o.Dir, &o.Logs, &o.Executable} {
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, trashDir), 0o700); err != nil {
		return nil, err
	}
	// The same directory by another name must have the same marks and sockets.
	if o.Dir, err = filepath.EvalSymlinks(o.Dir); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(o.Dir))
	r := &Runtime{
		o:     o,
		log:   o.Log,
		mark:  hex.EncodeToString(sum[:8]),
		news:  newNews(),
		tasks: map[string]*task{},
	}
	r.crew = &crew{start: r.startSupervisor, all: map[*hand]bool{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	if r.lock, err = lockDir(o.Dir); err != nil {
		return nil, err
	}
	if r.sockets, err = socketDir(r.mark); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.null, err = os.Open(os.DevNull); err == nil {
		r.errors, err = os.OpenFile(filepath.Join(o.Dir, errorsFile), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

const (
	// lockWait is how long Open waits for another runtime to let go. One that was
	// killed while it started a supervisor holds the lock until that one is itself.
	lockWait = 2 * time.Second
	// lockAgain is the time between two tries.
	lockAgain = 10 * time.Millisecond
)

// lockDir makes sure that the directory has one runtime. The lock ends with the
// process, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockAgain) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s is in use by another packhorse: end it, or choose another directory", dir), f.Close())
		}
	}
}

// Close lets go of the tasks; they go on running. Nothing more is told.
func (r *Runtime) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	r.mu.Unlock()
	r.crew.dismiss()
	r.stop() // closes the connections of all tasks
	r.work.Wait()
	_ = os.Remove(r.sockets) // stays while there is a socket in it
	for _, f := range []*os.File{r.lock, r.null, r.errors} {
		if f != nil {
			f.Close()
		}
	}
	return nil
}

// dir is the directory of a task.
func (r *Runtime) dir(id string) string { return filepath.Join(r.o.Dir, id) }

// Supervise is the life of a supervisor: "packhorse supervise <directory of the tasks>".
// args are those behind the verb. Binaries that import this package become
// supervisors before main is reached (see package supervisor); main calls this,
// before it does anything else, for those that are started by hand.
func Supervise(args []string) (exit int) {
	if len(args) != 1 {
		fmt.Fprintf(os.Stderr, "usage: packhorse %s <directory of the tasks>\npackhorse serve starts supervisors; there is no need to do it by hand\n", supervisor.Verb)
		return 2
	}
	return supervisor.Serve()
}
