package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/packhorse-batch/packhorse/batch"
)

// mirror keeps what every pass reads, the live jobs of queues and the hosts of
// environments, decoded and up to date with each write: for Records that are alone with
// their table (Options.Alone). A simulation makes a pass for nearly every job that starts
// or ends; reading a thousand live jobs again for it would be most of its work.
type mirror struct {
	mu    sync.Mutex
	jobs  map[string]*kept[batch.Job] // by partition of OrderList
	hosts map[string]*kept[Host]      // by partition
	// where is the partition of jobs in which a job is.
	where map[Key]string
}

// kept are the records of a partition in their order.
type kept[T any] struct{ all []*keptRecord[T] }

type keptRecord[T any] struct {
	sort   string
	key    Key
	record T
}

func (k *kept[T]) find(sort string, key Key) (int, bool) {
	return slices.BinarySearchFunc(k.all, sort, func(r *keptRecord[T], sort string) int {
		return cmp.Or(strings.Compare(r.sort, sort), strings.Compare(r.key.Partition, key.Partition), strings.Compare(r.key.Sort, key.Sort))
	})
}

func (k *kept[T]) put(sort string, key Key, record T) {
	at, there := k.find(sort, key)
	if there {
		k.all[at] = &keptRecord[T]{sort, key, record}
		return
	}
	k.all = slices.Insert(k.all, at, &keptRecord[T]{sort, key, record})
}

func (k *kept[T]) remove(sort string, key Key) {
	if at, there := k.find(sort, key); there {
		k.all = slices.Delete(k.all, at, at+1)
	}
}

func (k *kept[T]) records() []T {
	out := make([]T, len(k.all))
	for i, r := range k.all {
		out[i] = r.record
	}
	return out
}

// forget drops all, so that it is read again: what is stored is not known.
func (m *mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs, m.hosts, m.where = nil, nil, nil
}

// wrote follows operations that were written.
func (m *mirror) wrote(ops []Op) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range ops {
		op := &ops[i]
		if id, ok := idOf(op.Item.Key); ok && m.jobs != nil {
			m.wroteJob(op, id)
		} else if hosts := m.hosts[op.Item.Key.Partition]; hosts != nil {
			m.wroteHost(op, hosts)
		}
	}
}

func (m *mirror) wroteJob(op *Op, id string) {
	key := op.Item.Key
	if partition, there := m.where[key]; there {
		group := m.jobs[partition]
		// A job stands at the same place in all phases: it is found by what it was.
		for _, e := range op.Item.Entries {
			if e.Ordering == OrderList {
				group.remove(e.Sort, key)
			}
		}
		if op.Delete || len(op.Item.Entries) == 0 {
			group.all = slices.DeleteFunc(group.all, func(r *keptRecord[batch.Job]) bool { return r.key == key })
		}
		delete(m.where, key)
	}
	if op.Delete {
		return
	}
	for _, e := range op.Item.Entries {
		group := m.jobs[e.Partition]
		if e.Ordering != OrderList || group == nil {
			continue
		}
		item := op.Item
		item.Version = op.If.Version + 1
		j, err := decodeJob(item, id)
		if err != nil {
			m.jobs, m.where = nil, nil // whoever reads it is told
			return
		}
		group.put(e.Sort, key, j)
		m.where[key] = e.Partition
	}
}

func (m *mirror) wroteHost(op *Op, hosts *kept[Host]) {
	key := op.Item.Key
	if op.Delete {
		hosts.remove(key.Sort, key)
		return
	}
	item := op.Item
	item.Version = op.If.Version + 1
	h, err := decodeHost(item)
	if err != nil {
		m.hosts = nil
		return
	}
	hosts.put(key.Sort, key, h)
}

// liveJobs returns the jobs of a partition, which read lists if they are not here yet.
func (m *mirror) liveJobs(ctx context.Context, partition string, read func(context.Context, func(Item, batch.Job)) error) ([]batch.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if group := m.jobs[partition]; group != nil {
		return group.records(), nil
	}
	group := &kept[batch.Job]{}
	if m.jobs == nil {
		m.jobs, m.where = map[string]*kept[batch.Job]{}, map[Key]string{}
	}
	err := read(ctx, func(item Item, j batch.Job) {
		for _, e := range item.Entries {
			if e.Ordering == OrderList {
				group.put(e.Sort, item.Key, j)
				m.where[item.Key] = partition
			}
		}
	})
	if err != nil {
		return nil, err
	}
	m.jobs[partition] = group
	return group.records(), nil
}

// hostsOf returns the hosts of a partition in the same way.
func (m *mirror) hostsOf(ctx context.Context, partition string, read func(context.Context, func(Item, Host)) error) ([]Host, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if group := m.hosts[partition]; group != nil {
		return group.records(), nil
	}
	group := &kept[Host]{}
	if err := read(ctx, func(item Item, h Host) { group.put(item.Key.Sort, item.Key, h) }); err != nil {
		return nil, err
	}
	if m.hosts == nil {
		m.hosts = map[string]*kept[Host]{}
	}
	m.hosts[partition] = group
	return group.records(), nil
}
