package docker

import (
	"context"
	"sync"

	"github.com/packhorse-batch/packhorse/compute"
)

// maxNews is how many news wait singly for the watcher. Beyond it only the last
// of each task is kept, so that the queue never outgrows the number of tasks.
const maxNews = 4096

// newsQueue holds news until the watcher takes them.
type newsQueue struct {
	mu    sync.Mutex
	items []compute.News
	limit int           // length at which the queue is thinned next
	added chan struct{} // capacity 1
}

func newNewsQueue() *newsQueue { return &newsQueue{limit: maxNews, added: make(chan struct{}, 1)} }

func (q *newsQueue) add(status compute.TaskStatus) {
	q.mu.Lock()
	q.items = append(q.items, compute.News{Task: &status})
	if len(q.items) > q.limit {
		q.items = lastOfEach(q.items)
		q.limit = max(maxNews, 2*len(q.items))
	}
	q.mu.Unlock()
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// lastOfEach drops all but the last news of each task, in order.
func lastOfEach(items []compute.News) []compute.News {
	last := make(map[string]int, len(items))
	for i, n := range items {
		last[n.Task.ID] = i
	}
	kept := make([]compute.News, 0, len(last))
	for i, n := range items {
		if last[n.Task.ID] == i {
			kept = append(kept, n)
		}
	}
	return kept
}

func (q *newsQueue) takeAll() []compute.News {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

// Watch hands over news of tasks until ctx ends; see compute.Backend.
func (r *Runtime) Watch(ctx context.Context, take func([]compute.News)) error {
	for {
		if items := r.news.takeAll(); len(items) > 0 {
			take(items)
		}
		select {
		case <-r.news.added:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
