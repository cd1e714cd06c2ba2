//go:build unix

package process

import (
	"context"
	"errors"
	"sync"

	"github.com/packhorse-batch/packhorse/compute"
)

// news is what has happened and was not watched yet. Its length is bounded by the
// tasks: each has a few changes in its life.
type news struct {
	mu       sync.Mutex
	waiting  []compute.News
	watched  bool
	anything chan struct{} // holds one value when there may be news
}

func newNews() *news { return &news{anything: make(chan struct{}, 1)} }

func (n *news) add(status compute.TaskStatus) {
	n.mu.Lock()
	n.waiting = append(n.waiting, compute.News{Task: &status})
	n.mu.Unlock()
	select {
	case n.anything <- struct{}{}:
	default:
	}
}

func (n *news) take() []compute.News {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.waiting
	n.waiting = nil
	return all
}

// errWatched is a mistake of the caller.
var errWatched = errors.New("process: Watch is already being called: there is one watcher at a time")

// Watch hands over what happens to the tasks until ctx ends. The first call after
// Open also tells how each task is that Open found.
func (r *Runtime) Watch(ctx context.Context, take func([]compute.News)) error {
	n := r.news
	n.mu.Lock()
	if n.watched {
		n.mu.Unlock()
		return errWatched
	}
	n.watched = true
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.watched = false
	}()
	for ctx.Err() == nil {
		if all := n.take(); len(all) > 0 {
			take(all)
			continue
		}
		select {
		case <-n.anything:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
