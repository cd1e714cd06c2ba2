package store

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// shared keeps decoded records by key, so that what seldom changes and is read with
// each submission and each pass (queues, environments, definitions) is decoded once.
// The item is still read each time and its data decides: a version would not, since
// a record that is deleted and made anew starts again at version 1.
type shared struct {
	mu     sync.RWMutex
	values map[Key]sharedValue
}

type sharedValue struct {
	data  []byte
	value any
}

// maxShared bounds how many records are kept; beyond it the cache starts anew.
const maxShared = 4096

// decodeShared returns the decoded record of an item. Everyone who asks for it gets
// the same value: it must not be changed.
func decodeShared[T any](s *shared, item Item) (*T, error) {
	s.mu.RLock()
	known, ok := s.values[item.Key]
	s.mu.RUnlock()
	if ok && bytes.Equal(known.data, item.Data) {
		return known.value.(*T), nil
	}
	record := new(T)
	if err := decode(item, record); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil || len(s.values) >= maxShared {
		s.values = map[Key]sharedValue{}
	}
	s.values[item.Key] = sharedValue{item.Data, record}
	return record, nil
}

func viewOne[T any](ctx context.Context, r *Records, key Key, version func(*T, int64)) (T, error) {
	return view(r, key, func() (out T, err error) {
		item, err := r.table.Get(ctx, key)
		if err != nil {
			return out, err
		}
		record, err := decodeShared[T](&r.shared, item)
		if err != nil {
			return out, err
		}
		out = *record
		version(&out, item.Version)
		return out, nil
	})
}

func viewAll[T any](ctx context.Context, r *Records, partition string, version func(*T, int64)) ([]T, error) {
	all, err := view(r, Key{partition, whole}, func() (out []T, err error) {
		err = each(ctx, r.table, Query{Partition: partition}, 0, func(item Item) (bool, error) {
			record, err := decodeShared[T](&r.shared, item)
			if err != nil {
				return false, err
			}
			value := *record
			version(&value, item.Version)
			out = append(out, value)
			return true, nil
		})
		return out, err
	})
	return slices.Clone(all), err // callers sort and cut
}

// ViewQueue is Queue for reading only: what its members point to is shared and must
// not be changed. The same holds for the other View functions.
func (r *Records) ViewQueue(ctx context.Context, name string) (Queue, error) {
	if name == "" {
		return Queue{}, ErrNotFound
	}
	return viewOne(ctx, r, Key{"queue", name}, func(q *Queue, v int64) { q.Version = v })
}

// ViewQueues is Queues for reading only.
func (r *Records) ViewQueues(ctx context.Context) ([]Queue, error) {
	return viewAll(ctx, r, "queue", func(q *Queue, v int64) { q.Version = v })
}

// ViewEnvironment is Environment for reading only.
func (r *Records) ViewEnvironment(ctx context.Context, name string) (Environment, error) {
	if name == "" {
		return Environment{}, ErrNotFound
	}
	return viewOne(ctx, r, Key{"environment", name}, func(e *Environment, v int64) { e.Version = v })
}

// ViewEnvironments is Environments for reading only.
func (r *Records) ViewEnvironments(ctx context.Context) ([]Environment, error) {
	return viewAll(ctx, r, "environment", func(e *Environment, v int64) { e.Version = v })
}

// ViewDefinition is Definition for reading only.
func (r *Records) ViewDefinition(ctx context.Context, name string, revision int32) (Definition, error) {
	if name == "" {
		return Definition{}, ErrNotFound
	}
	return viewOne(ctx, r, definitionKey(name, revision), func(d *Definition, v int64) { d.Version = v })
}

// ViewLatest returns the newest active revision of a name for reading only, or
// ErrNotFound.
func (r *Records) ViewLatest(ctx context.Context, name string) (Definition, error) {
	if name == "" {
		return Definition{}, ErrNotFound
	}
	return view(r, Key{definitionPrefix + name, newest}, func() (Definition, error) {
		return r.readLatest(ctx, name)
	})
}

func (r *Records) readLatest(ctx context.Context, name string) (Definition, error) {
	var found *Definition
	q := Query{Partition: definitionPrefix + name, Before: "latest", Descending: true, Limit: 1}
	for found == nil {
		// One at a time: the newest is the one nearly always.
		page, err := r.table.Query(ctx, q)
		if err != nil {
			return Definition{}, err
		}
		for _, item := range page.Items {
			d, err := decodeShared[Definition](&r.shared, item)
			if err != nil {
				return Definition{}, err
			}
			if d.Active() {
				found = d
			}
		}
		if q.After = page.Next; q.After == "" && found == nil {
			return Definition{}, ErrNotFound
		}
	}
	return *found, nil
}
