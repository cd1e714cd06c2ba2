package docker

import (
	"context"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

const (
	// compareEvery is how often all is compared with the engine's list: the engine
	// drops events for a listener that is slow.
	compareEvery = 30 * time.Second
	// listTime bounds listing the containers.
	listTime = 30 * time.Second
	// maxBackoff is the longest wait between two tries to reach the engine again.
	maxBackoff = 10 * time.Second
)

// stream is an open stream of events.
type stream struct {
	client.EventsResult
	close context.CancelFunc
}

// ours selects the containers, volumes and events of this instance.
func (r *Runtime) ours() client.Filters {
	return client.Filters{}.Add("label", labelInstance+"="+r.settings.instance)
}

// subscribe opens the stream of events.
func (r *Runtime) subscribe() (*stream, error) {
	ctx, cancel := context.WithCancel(r.ctx)
	timer := time.AfterFunc(answerTime, cancel)
	result := r.api.Events(ctx, client.EventsListOptions{
		Filters: r.ours().Add("type", "container").
			Add("event", string(events.ActionDie), string(events.ActionOOM), string(events.ActionDestroy)),
	})
	if !timer.Stop() {
		cancel()
		return nil, context.DeadlineExceeded
	}
	select {
	case err := <-result.Err:
		cancel()
		return nil, err
	default:
	}
	return &stream{EventsResult: result, close: cancel}, nil
}

// attend heeds the engine's events until ctx ends, reconnecting whenever the
// stream breaks.
func (r *Runtime) attend(ctx context.Context, s *stream) {
	for {
		err := r.heed(ctx, s)
		s.close()
		if ctx.Err() != nil {
			return
		}
		r.link.set(false)
		r.log.Warn("lost the Docker Engine; its tasks are left as they are until it answers again", "error", err)
		if s = r.reconnect(ctx); s == nil {
			return
		}
		r.link.set(true)
		r.lookAtAll()
	}
}

// reconnect tries until the engine answers; nil if ctx ended before.
func (r *Runtime) reconnect(ctx context.Context) *stream {
	lostAt := time.Now()
	for wait := retryAfter; ; wait = min(2*wait, maxBackoff) {
		if sleep(ctx, wait) != nil {
			return nil
		}
		_, about, err := probe(ctx, r.api)
		if err != nil {
			r.log.Debug("the Docker Engine does not answer", "error", err)
			continue
		}
		s, err := r.subscribe()
		if err != nil {
			continue
		}
		r.mu.Lock()
		r.info = about
		r.mu.Unlock()
		r.liveRestore.Store(about.LiveRestore)
		r.log.Info("the Docker Engine answers again", "version", about.Version, "after", time.Since(lostAt).Round(time.Millisecond))
		return s
	}
}

// heed passes events on until the stream breaks, and returns why it did.
func (r *Runtime) heed(ctx context.Context, s *stream) error {
	compare := time.NewTicker(compareEvery)
	defer compare.Stop()
	for {
		select {
		case event := <-s.Messages:
			r.route(event)
		case err := <-s.Err:
			return err
		case <-compare.C:
			if err := r.compare(ctx); err != nil {
				return err
			}
		}
	}
}

// route makes the supervisor of a container look at it.
func (r *Runtime) route(event events.Message) {
	t := r.find(event.Actor.Attributes[labelTask])
	if t == nil {
		return
	}
	m := t.member(event.Actor.Attributes[labelContainer])
	if m == nil {
		return
	}
	if event.Action == events.ActionOOM {
		m.oom.Store(true) // its end comes as an event of its own
	} else {
		m.check.Store(true)
	}
	t.poke()
}

// lookAtAll makes all supervisors look at all of their containers.
func (r *Runtime) lookAtAll() {
	for _, t := range r.all() {
		for _, m := range t.members {
			m.check.Store(true)
		}
		t.poke()
	}
}

// compare finds containers that ended, or went, without an event.
func (r *Runtime) compare(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := r.api.ContainerList(call, client.ContainerListOptions{Filters: r.ours()}) // running ones
	if err != nil {
		return err
	}
	alive := make(map[string]bool, len(list.Items))
	for _, c := range list.Items {
		alive[c.ID] = c.State == container.StateRunning || c.State == container.StatePaused
	}
	for _, t := range r.all() {
		for _, id := range t.thoughtRunning() {
			if !alive[id.id] {
				id.check.Store(true)
				t.poke()
			}
		}
	}
	return nil
}

// thoughtRunning returns the containers that run as far as is known.
func (t *task) thoughtRunning() []*member {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*member
	for _, m := range t.members {
		if m.phase == running {
			list = append(list, m)
		}
	}
	return list
}
