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
// Where more are, the rest is looked up by key.
const lookAhead = 16

// reading is one look at a group, in its order.
type reading[T any] struct {
	m           *remembered[T]
	group       string
	read        func(Item) (T, error)
	before, now []versioned[T]
	at          int         // in before
	index       map[Key]int // of before, once it is wanted
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
	if i, ok := r.find(item.Key); ok {
		known := &r.before[i]
		r.at = i + 1
		if known.version == item.Version {
			r.keep(*known)
			return known.record, nil
		}
	}
	record, err := r.read(item)
	if err == nil {
		r.keep(versioned[T]{item.Key, item.Version, record})
	}
	return record, err
}

// find returns where a record was before.
func (r *reading[T]) find(key Key) (int, bool) {
	if r.index == nil {
		near := min(len(r.before), r.at+lookAhead)
		for i := r.at; i < near; i++ {
			if r.before[i].key == key {
				return i, true
			}
		}
		if near == len(r.before) {
			return 0, false
		}
		r.index = make(map[Key]int, len(r.before)-r.at)
		for i := r.at; i < len(r.before); i++ {
			r.index[r.before[i].key] = i
		}
	}
	i, ok := r.index[key]
	return i, ok
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
