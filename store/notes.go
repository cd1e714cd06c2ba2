package store

import (
	"context"
	"time"
)

// Note is something that a backend of compute wants to find again: which task definition
// has a shape, which zone had no capacity. It can be lost without harm.
type Note struct {
	Version int64  `json:"-"`
	Value   []byte `json:"v"`
	// Until is when it no longer holds; zero is never.
	Until time.Time `json:"u,omitzero"`
}

func noteKey(name string) Key { return Key{"note", name} }

// Note returns a note, or ErrNotFound. One that no longer holds is still found.
func (r *Records) Note(ctx context.Context, name string) (Note, error) {
	var n Note
	version, err := get(ctx, r.table, noteKey(name), &n)
	n.Version = version
	return n, err
}

// PutNote writes a note over the version that was read.
func (r *Records) PutNote(name string, n Note) Op {
	return put(noteKey(name), n.Version, n, n.Until)
}

// DeleteNote forgets a note.
func (r *Records) DeleteNote(name string, n Note) Op {
	return Delete(noteKey(name), IfVersion(n.Version))
}
