package store

import "sync"

// remembered keeps what was read last of a group of records, decoded: passes read the
// same jobs and hosts again and again, of which few have changed. A record's version
// tells, for it rises with each change.
//
// What it returns is shared: readers must not change what it points to.
type remembered[T any] struct {
	mu     sync.Mutex
	groups map[string][]versioned[T]
}

type versioned[T any] struct {
	key     Key
	version int64
	record  T
}

// maxRemembered bounds the records of a group that are kept decoded.
const maxRemembered = 20_000

// lookAhead is how many records that are gone may stand before one that is still there.
const lookAhead = 64

// reading is one look at a group, in its order.
type reading[T any] struct {
	m           *remembered[T]
	group       string
	read        func(Item) (T, error)
	before, now []versioned[T]
	at          int // in before
}

func (m *remembered[T]) reading(group string, read func(Item) (T, error)) *reading[T] {
	m.mu.Lock()
	before := m.groups[group]
	m.mu.Unlock()
	return &reading[T]{m: m, group: group, read: read, before: before, now: make([]versioned[T], 0, len(before)+1)}
}

// decode returns the record of the next item, from memory if it is unchanged. Items come
// in the order in which they came before, but for those that are new or gone.
func (r *reading[T]) decode(item Item) (T, error) {
	for i := r.at; i < min(len(r.before), r.at+lookAhead); i++ {
		known := &r.before[i]
		if known.key != item.Key {
			continue
		}
		r.at = i + 1
		if known.version != item.Version {
			break
		}
		r.keep(*known)
		return known.record, nil
	}
	record, err := r.read(item)
	if err == nil {
		r.keep(versioned[T]{item.Key, item.Version, record})
	}
	return record, err
}

func (r *reading[T]) keep(v versioned[T]) {
	if len(r.now) < maxRemembered {
		r.now = append(r.now, v)
	}
}

// done remembers what was read, for the next look.
func (r *reading[T]) done() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.m.groups == nil {
		r.m.groups = map[string][]versioned[T]{}
	}
	if r.m.groups[r.group] = r.now; len(r.now) == 0 {
		delete(r.m.groups, r.group)
	}
}
