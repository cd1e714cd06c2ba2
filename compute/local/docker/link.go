package docker

import (
	"context"
	"sync"
	"time"

	"github.com/moby/moby/client"
)

// link knows whether the engine answers. It is up while the event stream stands.
type link struct {
	mu         sync.Mutex
	up         bool
	generation int64         // counts the times it came up
	changed    chan struct{} // closed at the next change
}

func newLink() *link { return &link{changed: make(chan struct{})} }

func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if up == l.up {
		return
	}
	l.up = up
	if up {
		l.generation++
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) state() (up bool, generation int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up, l.generation
}

// retryAfter is the least time between two tries of a call that got no answer.
const retryAfter = time.Second

// again waits until a call that got no answer may be tried again: at least
// retryAfter, and until the engine answers. It fails only when ctx ends.
func (l *link) again(ctx context.Context) error {
	if err := sleep(ctx, retryAfter); err != nil {
		return err
	}
	for {
		l.mu.Lock()
		up, changed := l.up, l.changed
		l.mu.Unlock()
		if up {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leaveTime bounds how long an engine is watched for whether it is leaving.
const leaveTime = 30 * time.Second

// leaving reports whether the engine is shutting down. It stops its containers after
// it has stopped listening, while connections that stand still work, so only a new
// one tells: it is refused, or, where systemd listens for the engine, waits until
// the old connections break.
func (r *Runtime) leaving() bool {
	r.link.mu.Lock()
	up, changed := r.link.up, r.link.changed
	r.link.mu.Unlock()
	if !up {
		return true
	}
	ctx, cancel := context.WithTimeout(r.ctx, leaveTime)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		api, err := newClient(r.host)
		if err == nil {
			_, err = api.Ping(ctx, client.PingOptions{})
			api.Close()
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		return unreachable(err)
	case <-changed:
		return true
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
