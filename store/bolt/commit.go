package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Bounds of a commit. A larger one would not save more: its pages cost more than
// its two waits for the disk.
const (
	maxQueued      = 1024     // requests that wait; more of them wait to wait
	maxCommitOps   = 1000     // operations in one commit
	maxCommitBytes = 16 << 20 // bytes of values in one commit
)

// fillPercent is how full a page is left when it is split. Keys of jobs begin
// with the time, so most inserts come behind all others and a full page would not
// be touched again; but states grow as jobs go on, and some keys are random.
// Measured with 200,000 jobs: at 0.5 (bbolt's own) 579 MiB and 5.9 page writes per
// submit, at 0.8 377 MiB and 5.7, at 0.9 373 MiB and 6.2.
const fillPercent = 0.8

// request is something to be done in a commit.
type request struct {
	work   work
	state  atomic.Int32
	result error
	answer chan struct{} // closed when result is there
}

// A request is taken by the committer or withdrawn by its caller, once.
const (
	waiting = iota
	taken
	withdrawn
)

// work is what a request does. decide looks whether it can be done, in view of
// what earlier requests of the same commit did, and must change nothing; apply
// does it and cannot refuse any more.
type work interface {
	size() (ops, bytes int)
	decide(c *commit) error
	apply(c *commit) error
}

// Write applies all operations or none, together with whatever other writes wait.
func (t *Table) Write(ctx context.Context, ops ...store.Op) error {
	if err := rules.CheckWrite(ops); err != nil {
		return err
	}
	return t.do(ctx, newWrite(ops))
}

// do has the committer do w, and returns how that went.
func (t *Table) do(ctx context.Context, w work) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{work: w, answer: make(chan struct{})}
	if err := t.enqueue(ctx, r); err != nil {
		return err
	}
	select {
	case <-r.answer:
		return r.result
	case <-ctx.Done():
		// If the committer has it already, it may or may not happen.
		r.state.CompareAndSwap(waiting, withdrawn)
		return ctx.Err()
	}
}

func (t *Table) enqueue(ctx context.Context, r *request) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closing {
		return store.ErrClosed
	}
	select {
	case t.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitAll is the committer: it ends when the queue is closed and empty.
func (t *Table) commitAll() {
	defer close(t.done)
	for first := range t.queue {
		t.commit(t.gather(first))
	}
}

// gather takes what waits, without waiting for more.
func (t *Table) gather(first *request) []*request {
	var batch []*request
	ops, size := 0, 0
	take := func(r *request) {
		if !r.state.CompareAndSwap(waiting, taken) {
			return
		}
		n, b := r.work.size()
		ops, size = ops+n, size+b
		batch = append(batch, r)
	}
	take(first)
	for ops < maxCommitOps && size < maxCommitBytes {
		select {
		case r, open := <-t.queue:
			if !open {
				return batch
			}
			take(r)
		default:
			return batch
		}
	}
	return batch
}

// commit does a batch in one transaction and answers its requests.
func (t *Table) commit(batch []*request) {
	if len(batch) == 0 {
		return
	}
	err := t.health.check()
	if err == nil {
		err = t.transact(batch)
	}
	for _, r := range batch {
		if err != nil {
			r.result = err
		}
		close(r.answer)
	}
}

// transact decides and applies a batch. Its error is the answer to all of it:
// then nothing of the batch was written, unless the table has stopped.
func (t *Table) transact(batch []*request) error {
	var tx *bbolt.Tx
	err := guard(t.path, func() error {
		var err error
		tx, err = t.db.Begin(true)
		return err
	})
	if errors.Is(err, ErrDamaged) {
		return t.health.wedge(err)
	} else if err != nil {
		return t.health.stop(fmt.Errorf("%s: begin to write: %w", t.path, err))
	}
	id := tx.ID()
	c := &commit{table: t, tx: tx}
	err = guard(t.path, func() error { return c.run(batch) })
	if err == nil && c.changed {
		t.chooseFreelist()
		err = guard(t.path, tx.Commit)
	}
	if tx.DB() != nil { // neither committed nor rolled back by a failed Commit
		if e := guard(t.path, tx.Rollback); e != nil {
			err = errors.Join(err, e)
		}
	}
	if tx.DB() != nil {
		return t.health.wedge(err)
	}
	t.resident.touched(c.touched)
	if err == nil {
		return nil
	}
	return t.failed(id, err)
}

// failed sorts out what an error in transaction id means.
func (t *Table) failed(id int, cause error) error {
	if errors.Is(cause, ErrDamaged) {
		// bbolt panicked, perhaps halfway: what it remembers of the file may be
		// wrong, and writing on could spoil more.
		return t.health.stop(cause)
	}
	last := -1
	if err := t.view(func(tx *bbolt.Tx) error { last = tx.ID(); return nil }); err != nil {
		return t.health.stop(errors.Join(cause, err))
	}
	if last >= id {
		// The header was written, but the disk does not say that it is durable.
		return t.health.stop(fmt.Errorf("%s: the disk failed while a write was made durable; restart to see whether it was: %w", t.path, cause))
	}
	return unavailable(t.path, cause)
}

// commit is a transaction under way.
type commit struct {
	table   *Table
	tx      *bbolt.Tx
	buckets map[string]*bbolt.Bucket
	changed bool
	touched int // items read or written
}

// run decides each request in turn. Those that are refused leave no trace.
func (c *commit) run(batch []*request) error {
	for _, r := range batch {
		n, _ := r.work.size()
		c.touched += n
		r.result = r.work.decide(c)
		if errors.Is(r.result, ErrDamaged) {
			return r.result
		}
		if r.result != nil {
			continue
		}
		if err := r.work.apply(c); err != nil {
			return err
		}
	}
	return nil
}

// bucket returns a bucket, and makes it if need be.
func (c *commit) bucket(name []byte) (*bbolt.Bucket, error) {
	if b, ok := c.buckets[string(name)]; ok {
		return b, nil
	}
	b, err := c.tx.CreateBucketIfNotExists(name)
	if err != nil {
		return nil, err
	}
	b.FillPercent = fillPercent
	if c.buckets == nil {
		c.buckets = make(map[string]*bbolt.Bucket)
	}
	c.buckets[string(name)] = b
	return b, nil
}

// stored returns what is under a primary key.
func (c *commit) stored(primary []byte) (v value, exists bool, err error) {
	items, err := c.bucket(bucketItems)
	if err != nil {
		return value{}, false, err
	}
	return c.table.find(items.Cursor(), primary)
}

// put stores an item and moves it to its places.
func (c *commit) put(primary, encoded []byte, to []place, old value) error {
	c.changed = true
	if err := c.move(primary, old, to); err != nil {
		return err
	}
	items, err := c.bucket(bucketItems)
	if err != nil {
		return err
	}
	return items.Put(primary, encoded)
}

// remove deletes an item that is stored.
func (c *commit) remove(primary []byte, old value) error {
	c.changed = true
	if err := c.move(primary, old, nil); err != nil {
		return err
	}
	items, err := c.bucket(bucketItems)
	if err != nil {
		return err
	}
	return items.Delete(primary)
}

// place is a key in a bucket that refers to an item: in an ordering's, or in the
// expiry's.
type place struct{ bucket, key []byte }

func (p place) in(places []place) bool {
	return slices.ContainsFunc(places, func(o place) bool {
		return bytes.Equal(o.key, p.key) && bytes.Equal(o.bucket, p.bucket)
	})
}

// move takes an item from the places of its old value to new ones. A place that
// stays is not touched: that would cost the writing of its page.
func (c *commit) move(primary []byte, old value, to []place) error {
	from := old.places(primary)
	for _, p := range from {
		if p.in(to) {
			continue
		}
		b, err := c.bucket(p.bucket)
		if err == nil {
			err = b.Delete(p.key)
		}
		if err != nil {
			return err
		}
	}
	for _, p := range to {
		if p.in(from) {
			continue
		}
		b, err := c.bucket(p.bucket)
		if err == nil {
			err = b.Put(p.key, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
