package store

import "sync"

// views keeps, for Records that are alone with their table (Options.Alone), what View
// functions returned last, so that a pass and a submission do not read again what seldom
// changes. A write to a partition ends what is kept of it.
type views struct {
	mu    sync.Mutex
	known map[string]map[string]any // by partition and sort key
	count int                       // of what was put into known since it began
	// writes tells whether something was written while somebody read.
	writes uint64
}

// whole is the sort key of what was read of a whole partition, newest that of its newest
// record; no record has them.
const (
	whole  = "\x00whole"
	newest = "\x00newest"
)

// maxViews bounds what is kept; beyond it all is read anew.
const maxViews = 4096

// view returns what read returned for key, unless its partition was written since.
func view[T any](r *Records, key Key, read func() (T, error)) (T, error) {
	if !r.opts.Alone {
		return read()
	}
	v := &r.views
	v.mu.Lock()
	known, there := v.known[key.Partition][key.Sort]
	writes := v.writes
	v.mu.Unlock()
	if there {
		return known.(T), nil
	}
	value, err := read()
	if err != nil {
		return value, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.writes != writes {
		return value, nil
	}
	if v.known == nil || v.count >= maxViews {
		v.known, v.count = map[string]map[string]any{}, 0
	}
	v.count++
	if v.known[key.Partition] == nil {
		v.known[key.Partition] = map[string]any{}
	}
	v.known[key.Partition][key.Sort] = value
	return value, nil
}

// wrote ends what is kept of the partitions that were written, or with unsure of all.
func (v *views) wrote(ops []Op, unsure bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.writes++; unsure {
		v.known = nil
		return
	}
	for i := range ops {
		delete(v.known, ops[i].Item.Key.Partition)
	}
}
