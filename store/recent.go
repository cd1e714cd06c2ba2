package store

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// recent keeps what every submission looks at and few change (queues, definitions,
// environments, shares) for Options.RecentFor, so that one that follows another reads
// nothing. The Recent functions read it; passes and those who change a record do not.
//
// What these Records write is seen at once, and what others write RecentFor later at the
// latest. Whoever registers a new revision answers after that time (control.Config.Settle),
// and a job that comes into a queue that is gone is found by the sweep. That something is
// not there is never kept.
type recent struct {
	mu      sync.Mutex
	changes uint64 // of records of these kinds, begun and ended
	values  map[Key]recentValue
}

type recentValue struct {
	at    batch.Millis // when its reading began
	value any
}

// maxRecent bounds how many records are kept; beyond it all are read anew.
const maxRecent = 4096

// get returns what is kept under key, and the count of changes to hand to put.
func (r *recent) get(key Key, now batch.Millis, keep time.Duration) (value any, ok bool, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.values[key]
	// Times of the wall clock: a function that is frozen between two calls has no other
	// that goes on. One that was set back makes what was kept useless.
	ok = ok && v.at <= now && now < v.at.Add(keep)
	return v.value, ok, r.changes
}

// put keeps what was read, unless something was written since: it may be out of date.
func (r *recent) put(key Key, at batch.Millis, value any, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if changes != r.changes {
		return
	}
	if r.values == nil || len(r.values) >= maxRecent {
		r.values = map[Key]recentValue{}
	}
	r.values[key] = recentValue{at, value}
}

// changing drops what operations are about to change, or have changed.
func (r *recent) changing(ops []Op) {
	for i := range ops {
		key := ops[i].Item.Key
		if !lookedAt(key) {
			continue
		}
		r.mu.Lock()
		r.changes++
		delete(r.values, key)
		if name, is := strings.CutPrefix(key.Partition, definitionPrefix); is {
			delete(r.values, latestKey(name))
		}
		r.mu.Unlock()
	}
}

// lookedAt reports whether a record is of a kind that submissions look at.
func lookedAt(key Key) bool {
	switch key.Partition {
	case "queue", "environment":
		return true
	}
	return strings.HasPrefix(key.Partition, definitionPrefix) || strings.HasPrefix(key.Partition, sharePrefix)
}

// recently returns the record under key from memory, or reads it.
func recently[T any](r *Records, key Key, read func() (T, error)) (T, error) {
	if r.opts.RecentFor <= 0 {
		return read()
	}
	now := batch.MillisOf(r.opts.Now())
	value, ok, changes := r.recent.get(key, now, r.opts.RecentFor)
	if ok {
		return value.(T), nil
	}
	record, err := read()
	if err == nil {
		r.recent.put(key, now, record, changes)
	}
	return record, err
}

// RecentQueue is ViewQueue that may be Options.RecentFor old. The same holds for the other
// Recent functions.
func (r *Records) RecentQueue(ctx context.Context, name string) (Queue, error) {
	return recently(r, Key{"queue", name}, func() (Queue, error) { return r.ViewQueue(ctx, name) })
}

// RecentEnvironment is a recent ViewEnvironment.
func (r *Records) RecentEnvironment(ctx context.Context, name string) (Environment, error) {
	return recently(r, Key{"environment", name}, func() (Environment, error) { return r.ViewEnvironment(ctx, name) })
}

// RecentDefinition is a recent ViewDefinition.
func (r *Records) RecentDefinition(ctx context.Context, name string, revision int32) (Definition, error) {
	return recently(r, definitionKey(name, revision), func() (Definition, error) { return r.ViewDefinition(ctx, name, revision) })
}

// RecentLatest is a recent ViewLatest.
func (r *Records) RecentLatest(ctx context.Context, name string) (Definition, error) {
	return recently(r, latestKey(name), func() (Definition, error) { return r.ViewLatest(ctx, name) })
}

// RecentShare is a recent Share.
func (r *Records) RecentShare(ctx context.Context, queue, id string) (Share, error) {
	return recently(r, shareKey(queue, id), func() (Share, error) { return r.Share(ctx, queue, id) })
}
