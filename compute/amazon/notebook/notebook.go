// Package notebook is a memory of the backend for tests: notes that are kept while the test
// runs, and no longer than they are to be kept.
package notebook

import (
	"context"
	"sync"
	"time"
)

// Notebook is an amazon.Memory in memory. Use New.
type Notebook struct {
	now func() time.Time

	mu    sync.Mutex
	notes map[string]note
}

type note struct {
	value []byte
	until time.Time
}

// New returns an empty notebook by a clock.
func New(now func() time.Time) *Notebook {
	return &Notebook{now: now, notes: map[string]note{}}
}

// Recall returns what was noted under a key, unless its time is over.
func (n *Notebook) Recall(_ context.Context, key string) ([]byte, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, ok := n.notes[key]
	if !ok || !found.until.IsZero() && !n.now().Before(found.until) {
		return nil, false, nil
	}
	return found.value, true, nil
}

// Remember notes a value under a key until a time; for ever where that is zero.
func (n *Notebook) Remember(_ context.Context, key string, value []byte, until time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes[key] = note{value, until}
	return nil
}

// Forget removes a note.
func (n *Notebook) Forget(_ context.Context, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.notes, key)
	return nil
}

// Has reports whether there is a note under a key.
func (n *Notebook) Has(key string) bool {
	_, ok, _ := n.Recall(context.Background(), key)
	return ok
}

// Clear loses all notes.
func (n *Notebook) Clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.notes)
}
