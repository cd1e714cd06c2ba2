package store

import "sync"

// remembered keeps what was read last of a group of records, decoded: passes read the
// same jobs and hosts again and again, of which few have changed. A record's version
// tells, for it rises with each change.
//
// What it returns is shared: readers must not change what it points to.
type remembered[T any] struct {
	mu     sync.Mutex
	groups map[string]map[Key]versioned[T]
}

type versioned[T any] struct {
	version int64
	record  T
}

// maxRemembered bounds the records of a group that are kept decoded.
const maxRemembered = 20_000

// reading begins a look at a group: decode returns the record of an item, from memory if
// it is unchanged. done forgets what was not looked at.
func (m *remembered[T]) reading(group string, read func(Item) (T, error)) (decode func(Item) (T, error), done func()) {
	m.mu.Lock()
	before := m.groups[group]
	m.mu.Unlock()
	now := make(map[Key]versioned[T], len(before))
	decode = func(item Item) (T, error) {
		if known, ok := before[item.Key]; ok && known.version == item.Version {
			now[item.Key] = known
			return known.record, nil
		}
		record, err := read(item)
		if err == nil && len(now) < maxRemembered {
			now[item.Key] = versioned[T]{item.Version, record}
		}
		return record, err
	}
	return decode, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.groups == nil {
			m.groups = map[string]map[Key]versioned[T]{}
		}
		if m.groups[group] = now; len(now) == 0 {
			delete(m.groups, group)
		}
	}
}
