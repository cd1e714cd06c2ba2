package local

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// Runtime runs tasks on this machine. The host of a task means nothing to it; it
// only repeats it in the task's status. It is closed together with the backend.
type Runtime interface {
	compute.Tasks
	// Watch is that of compute.Backend, for news of tasks. It may also return before
	// its context ends, when what runs the tasks has gone away; it is called again then.
	Watch(ctx context.Context, take func([]compute.News)) error
	Close() error
}

// killer is a Runtime that can end a task without the time that Stop leaves it.
// With one that cannot, the tasks of a terminated host are stopped.
type killer interface {
	// Kill is Stop with SIGKILL at once, also of a task that is being stopped.
	Kill(ctx context.Context, id, reason string) error
}

// Options says how this machine is to look. Runtime, Dir and Types are required.
type Options struct {
	Runtime Runtime
	// Dir is a directory of the backend's own; it is made if it is not there.
	Dir string
	// Types gives what tasks may use on a host of an instance type; false for a type
	// that there is not.
	Types func(name string) (batch.Resources, bool)
	// Machine is what this machine really has: see ThisMachine.
	Machine compute.Machine

	// Region is the region of the hosts' zones; empty is us-east-1.
	Region string
	// BootTime is from a host's launch until it is READY; 0 is READY at once.
	BootTime time.Duration
	// InterruptionsPerHour is how often, in the mean, a Spot host is taken away; 0 is
	// never.
	InterruptionsPerHour float64

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

// Backend is this machine's compute.Backend. Make one with Open.
type Backend struct {
	o       Options
	runtime Runtime
	log     *slog.Logger
	records records
	journal *journal
	feed    *feed

	mu     sync.Mutex
	closed bool
	hosts  map[string]*host      // gone ones too, for keepGone
	placed map[string]*placement // by task

	ctx  context.Context // of the backend's own goroutines
	stop context.CancelFunc
	work sync.WaitGroup
}

var _ compute.Backend = (*Backend)(nil)

// firstLook is how long Open waits for the runtime's list. A runtime that cannot
// tell it yet is asked again later; until then the journal is believed.
const firstLook = 5 * time.Second

// Open reads what an earlier run left in o.Dir and goes on from there. The backend
// owns o.Runtime from then on. ctx bounds the opening only.
func Open(ctx context.Context, o Options) (*Backend, error) {
	switch {
	case o.Runtime == nil:
		return nil, errors.New("local: Options.Runtime is nil; pass what runs the tasks, as from Choose")
	case o.Dir == "":
		return nil, errors.New("local: Options.Dir is empty; name a directory for the records of hosts")
	case o.Types == nil:
		return nil, errors.New("local: Options.Types is nil; pass a lookup of instance types")
	}
	o.Region = cmp.Or(o.Region, "us-east-1")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Backend{
		o:       o,
		runtime: o.Runtime,
		log:     o.Log,
		records: records{dir: filepath.Join(o.Dir, "hosts"), log: o.Log},
		feed:    newFeed(o.Log),
		hosts:   map[string]*host{},
		placed:  map[string]*placement{},
	}
	if err := os.MkdirAll(b.records.dir, 0o700); err != nil {
		return nil, err
	}
	b.ctx, b.stop = context.WithCancel(context.Background())
	if err := b.restore(ctx); err != nil {
		b.stop()
		b.work.Wait()
		return nil, err
	}
	b.resume()
	b.work.Go(b.listen)
	b.work.Go(b.sweep)
	return b, nil
}

// restore reads hosts and placements, and corrects them by the runtime's list.
func (b *Backend) restore(ctx context.Context) error {
	hosts, err := b.records.read()
	if err != nil {
		return err
	}
	for _, r := range hosts {
		b.hosts[r.Host.ID] = newHost(r)
	}
	path := filepath.Join(b.o.Dir, "placements")
	placed, err := readJournal(path)
	if err != nil {
		return err
	}
	for _, line := range placed {
		if h, ok := b.hosts[line.host]; ok && h.State != compute.HostGone {
			b.place(h, line.task, line.need).accepted = true
		}
	}
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	if err := b.compare(ctx); err != nil {
		b.log.Warn("the runtime does not tell its tasks yet; asking again later", "err", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal, err = newJournal(path, b.live())
	return err
}

// resume goes on with what was under way when the last run ended.
func (b *Backend) resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropOld()
	for _, h := range b.hosts {
		b.arm(h)
		if h.Ending {
			b.finishEnd(h)
		}
	}
}

// Machine returns Options.Machine.
func (b *Backend) Machine() *compute.Machine {
	machine := b.o.Machine
	return &machine
}

// Close ends the backend and its runtime. Tasks go on running.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	for _, h := range b.hosts {
		h.disarm()
	}
	b.mu.Unlock()
	b.stop()
	b.work.Wait()
	return errors.Join(b.journal.close(), b.runtime.Close())
}
