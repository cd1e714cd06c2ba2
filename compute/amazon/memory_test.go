package amazon

import (
	"context"
	"sync"
	"time"
)

// notebook is a Memory in memory.
type notebook struct {
	now func() time.Time

	mu    sync.Mutex
	notes map[string]note
}

type note struct {
	value []byte
	until time.Time
}

func newNotebook(now func() time.Time) *notebook {
	return &notebook{now: now, notes: map[string]note{}}
}

func (n *notebook) Recall(_ context.Context, key string) ([]byte, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, ok := n.notes[key]
	if !ok || !found.until.IsZero() && !n.now().Before(found.until) {
		return nil, false, nil
	}
	return found.value, true, nil
}

func (n *notebook) Remember(_ context.Context, key string, value []byte, until time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes[key] = note{value, until}
	return nil
}

func (n *notebook) Forget(_ context.Context, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.notes, key)
	return nil
}

func (n *notebook) has(key string) bool {
	_, ok, _ := n.Recall(context.Background(), key)
	return ok
}
