// Package bolt keeps a store.Table in one file on disk, with go.etcd.io/bbolt:
// the home of a laptop, a CI job or a single server.
//
// bbolt is a B+tree of pages that is never changed in place: a transaction writes
// new pages, makes them durable, and then points a header at them. A crash leaves
// the old header or the new one, so a file is always whole. What bbolt lacks is
// speed of many small writes, because each transaction waits for the disk twice.
// So writes are gathered: a single goroutine, the committer, takes all that wait
// into one transaction, decides each by its conditions, and answers each by itself.
//
// Reading needs no lock against the committer: a reader sees the last header.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/packhorse-batch/packhorse/store"
)

// Options change how a table is kept. The zero value is good for most.
type Options struct {
	// LockTimeout is how long Open waits for a file that another process has
	// open; 0 means one second.
	LockTimeout time.Duration
	// ResidentBytes is how much of the file may count as memory of this process
	// before it is handed back to the system, which keeps caching it; 0 means
	// 256 MiB. Linux only; elsewhere the system decides.
	ResidentBytes int64

	wholeCheck int64 // up to which size Open reads the file through; for tests
}

const (
	defaultLockTimeout   = time.Second
	defaultResidentBytes = 256 << 20
	fileMode             = 0o600 // records hold what jobs are given, secrets perhaps
)

// Table is a store.Table and a store.Purger in a file. Make it with Open.
type Table struct {
	path     string
	db       *bbolt.DB
	resident *resident

	queue chan *request // waits for the committer; closed by Close
	done  chan struct{} // closed when the committer has ended

	mu      sync.RWMutex // held while a request enters queue
	closing bool

	listed     bool // the last commit wrote the list of free pages
	listAtMost int  // free pages
	health     health
}

var (
	_ store.Table  = (*Table)(nil)
	_ store.Purger = (*Table)(nil)
)

// Open opens the file at path and makes it when there is none. Only one process
// can have it open; a second one gets ErrLocked. A file that is not whole gives
// ErrDamaged, one of another format ErrFormat.
func Open(path string, opts Options) (*Table, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = defaultLockTimeout
	}
	if opts.ResidentBytes == 0 {
		opts.ResidentBytes = defaultResidentBytes
	}
	if opts.wholeCheck == 0 {
		opts.wholeCheck = wholeCheckBytes
	}
	found, err := examine(path, opts)
	if err != nil {
		return nil, err
	}
	db, err := openFile(path, opts.LockTimeout)
	if err != nil {
		return nil, err
	}
	t := &Table{
		path:   path,
		db:     db,
		queue:  make(chan *request, maxQueued),
		done:   make(chan struct{}),
		listed: found.listed,

		listAtMost: maxListedPages,
	}
	t.resident = newResident(t, opts.ResidentBytes)
	if err := t.prepare(); err != nil {
		db.Close()
		return nil, err
	}
	if found.fresh {
		// The file itself is durable only once its folder is.
		if err := syncFolder(filepath.Dir(path)); err != nil {
			db.Close()
			return nil, fmt.Errorf("make %s durable: %w", path, err)
		}
	}
	t.resident.letGo() // what Open had to read
	go t.commitAll()
	return t, nil
}

// openFile opens the bbolt file, which examine has found whole.
func openFile(path string, lockTimeout time.Duration) (db *bbolt.DB, err error) {
	err = guard(path, func() (err error) {
		db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			Timeout:      lockTimeout,
			FreelistType: bbolt.FreelistMapType,
			// The list of free pages is written by the committer when that is
			// cheap, and when the table is closed: see freelist.go.
			NoFreelistSync: true,
		})
		return err
	})
	return db, openError(path, err)
}

// prepare makes the buckets of a new file and checks the format of an old one.
func (t *Table) prepare() error {
	fresh := false
	err := t.view(func(tx *bbolt.Tx) error {
		var err error
		fresh, err = checkFormat(t.path, tx)
		return err
	})
	if err != nil || !fresh {
		return err
	}
	t.db.NoFreelistSync, t.listed = false, true
	err = guard(t.path, func() error { return t.db.Update(createBuckets) })
	if err != nil && !errors.Is(err, ErrDamaged) {
		return unavailable(t.path, err)
	}
	return err
}

// view reads in a transaction of its own.
func (t *Table) view(read func(tx *bbolt.Tx) error) error {
	if t.health.wedged() {
		return t.health.check()
	}
	began := false
	err := guard(t.path, func() error {
		return t.db.View(func(tx *bbolt.Tx) error {
			began = true
			return read(tx)
		})
	})
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return store.ErrClosed
	case errors.Is(err, berrors.ErrInvalidMapping):
		return t.health.stop(fmt.Errorf("%s can no longer be mapped into memory: restart to open it again: %w", t.path, err))
	case errors.Is(err, ErrDamaged) && !began:
		return t.health.wedge(err)
	}
	return err
}

// ready refuses a call whose context has ended, or on a table that is closed.
func (t *Table) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closing {
		return store.ErrClosed
	}
	return nil
}

// Close ends the table once the writes under way are done.
func (t *Table) Close() error {
	t.mu.Lock()
	if t.closing {
		t.mu.Unlock()
		<-t.done
		return nil
	}
	t.closing = true
	close(t.queue)
	t.mu.Unlock()
	<-t.done
	if !t.health.wedged() {
		t.leaveFreelist()
	}
	if t.health.wedged() {
		return nil // the end of the process frees the file
	}
	return t.db.Close()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
