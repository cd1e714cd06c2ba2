package local

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// feed holds news until the watcher takes it.
type feed struct {
	log   *slog.Logger
	turn  chan struct{} // holds a token while somebody watches
	ready chan struct{} // holds a token while there may be news

	mu      sync.Mutex
	news    []compute.News
	dropped int
}

// maxWaitingNews bounds the news that is kept while nobody takes it. Lists tell
// what is dropped.
const maxWaitingNews = 1 << 16

func newFeed(log *slog.Logger) *feed {
	return &feed{log: log, turn: make(chan struct{}, 1), ready: make(chan struct{}, 1)}
}

func (f *feed) put(news compute.News) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.news) >= maxWaitingNews {
		f.dropped++
		return
	}
	f.news = append(f.news, news)
	signal(f.ready)
}

// signal leaves a token in c, unless there is one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// all returns the news that waits; it is the caller's.
func (f *feed) all() []compute.News {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.news
	f.news = nil
	if f.dropped > 0 {
		f.log.Warn("news was dropped because nobody took it; the next sweep finds what it told", "news", f.dropped)
		f.dropped = 0
	}
	return news
}

// Watch hands over news of hosts and tasks.
func (b *Backend) Watch(ctx context.Context, take func([]compute.News)) error {
	f := b.feed
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.turn }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.ready:
		}
		if ctx.Err() != nil { // both were ready: leave the news to the next watcher
			signal(f.ready)
			return ctx.Err()
		}
		if news := f.all(); len(news) > 0 {
			take(news)
		}
	}
}

// rewatch is how long listen waits before it watches a runtime again that went away.
const rewatch = time.Second

// listen takes the runtime's news, until the backend is closed.
func (b *Backend) listen() {
	away := false
	for {
		err := b.runtime.Watch(b.ctx, b.hear)
		if b.ctx.Err() != nil {
			return
		}
		if !away { // once, not every second that it lasts
			b.log.Warn("what runs the tasks went away; tasks and hosts are left as they are until it is back", "err", err)
		}
		away = true
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(rewatch):
		}
		if b.compare(b.ctx) == nil { // what happened in between was no news
			b.log.Info("what runs the tasks is back")
			away = false
		}
	}
}

// hear takes news of the runtime: it books it, so that rooms are free and hosts end
// whether or not somebody watches, and passes it on.
func (b *Backend) hear(news []compute.News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range news {
		if one.Task == nil {
			continue
		}
		told := asLost(*one.Task)
		b.feed.put(compute.News{Task: &told})
		b.account(&told)
	}
}

// sweepEvery is how often placements are compared with the runtime's list, since
// its news may be lost.
const sweepEvery = 15 * time.Second

// sweep compares placements with the runtime's list, until the backend is closed.
func (b *Backend) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-ticker.C:
		}
		if err := b.compare(b.ctx); err != nil && b.ctx.Err() == nil {
			b.log.Debug("the runtime does not tell its tasks", "err", err)
		}
	}
}

// compare corrects the placements by the runtime's list.
func (b *Backend) compare(ctx context.Context) error {
	// Only what the runtime had before it is asked can be missing from its answer.
	before := map[string]*placement{}
	b.mu.Lock()
	for task, p := range b.placed {
		if p.accepted && p.calls == 0 {
			before[task] = p
		}
	}
	b.mu.Unlock()
	list, err := b.runtime.ListTasks(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range list {
		b.account(&list[i])
		delete(before, list[i].ID)
	}
	for task, p := range before {
		b.free(p)
		if b.placed[task] == p {
			delete(b.placed, task)
		}
	}
	return nil
}
