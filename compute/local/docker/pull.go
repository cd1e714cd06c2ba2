package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
	"golang.org/x/sync/semaphore"
)

const (
	maxPulls = 4 // images pulled at once
	// pullSilence ends a pull of which nothing was heard for so long; the ECS agent
	// has the same bound (ECS_IMAGE_PULL_INACTIVITY_TIMEOUT), of one minute.
	pullSilence = 3 * time.Minute
	noteEvery   = time.Second      // progress shown in the notes of a task
	logEvery    = 10 * time.Second // progress written to the log
)

// puller pulls images, each once however many tasks wait for it.
type puller struct {
	api   *client.Client
	log   *slog.Logger
	now   func() time.Time
	auth  func(image string) string // X-Registry-Auth, empty for none
	slots *semaphore.Weighted

	mu     sync.Mutex
	active map[string]*pull
}

// pull is one image on its way.
type pull struct {
	done   chan struct{}
	err    error // set before done is closed
	cancel context.CancelFunc

	mu      sync.Mutex
	note    string
	waiters map[*waiter]bool
}

// waiter hears of the progress.
type waiter struct{ note func(string) }

func newPuller(api *client.Client, log *slog.Logger) *puller {
	return &puller{
		api: api, log: log, now: time.Now, auth: registryAuth,
		slots: semaphore.NewWeighted(maxPulls), active: map[string]*pull{},
	}
}

// pull gets image from its registry and returns when it is there; note hears of
// the progress, at most once per noteEvery. The pull ends early when nobody waits
// for it any more.
func (p *puller) pull(ctx context.Context, image string, note func(string)) error {
	w := &waiter{note: note}
	one := p.join(image, w)
	defer p.leave(image, one, w)
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join waits for the pull of image that is under way, or begins one.
func (p *puller) join(image string, w *waiter) *pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.active[image]
	if one == nil {
		one = p.begin(image)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	one.waiters[w] = true
	w.note(one.note)
	return one
}

// begin starts a pull; p.mu is held.
func (p *puller) begin(image string) *pull {
	ctx, cancel := context.WithCancel(context.Background())
	one := &pull{done: make(chan struct{}), cancel: cancel, note: "pulling " + image, waiters: map[*waiter]bool{}}
	p.active[image] = one
	go func() {
		defer cancel()
		one.err = p.fetch(ctx, image, one.tell)
		p.mu.Lock()
		if p.active[image] == one {
			delete(p.active, image)
		}
		p.mu.Unlock()
		close(one.done)
	}()
	return one
}

// leave takes a waiter off; the last one ends the pull.
func (p *puller) leave(image string, one *pull, w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	delete(one.waiters, w)
	if len(one.waiters) == 0 {
		one.cancel()
		if p.active[image] == one {
			delete(p.active, image)
		}
	}
}

func (one *pull) tell(note string) {
	one.mu.Lock()
	defer one.mu.Unlock()
	one.note = note
	for w := range one.waiters {
		w.note(note)
	}
}

// fetch is one pull from beginning to end.
func (p *puller) fetch(ctx context.Context, image string, tell func(string)) error {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.slots.Release(1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(pullSilence, func() {
		cancel(fmt.Errorf("nothing was heard from the registry for %v", pullSilence))
	})
	defer silence.Stop()

	start := p.now()
	p.log.Info("pulling image", "image", image)
	stream, err := p.api.ImagePull(ctx, image, client.ImagePullOptions{RegistryAuth: p.auth(image)})
	if err != nil {
		return because(ctx, err)
	}
	var layers progress
	noted, logged := start, start
	for message, err := range stream.JSONMessages(ctx) {
		if err != nil {
			return because(ctx, err)
		}
		if message.Error != nil {
			return message.Error
		}
		silence.Reset(pullSilence)
		layers.add(message)
		now := p.now()
		if now.Sub(noted) >= noteEvery && layers.total() > 0 {
			noted = now
			tell(fmt.Sprintf("pulling %s: %s", image, &layers))
		}
		if now.Sub(logged) >= logEvery {
			logged = now
			p.log.Info("pulling image", "image", image, "progress", layers.String())
		}
	}
	if err := ctx.Err(); err != nil {
		return because(ctx, err)
	}
	p.log.Info("pulled image", "image", image, "size", megabytes(layers.total()), "took", p.now().Sub(start).Round(time.Millisecond))
	return nil
}

// because puts the cause of a cancelled context in the place of err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// progress adds up what is known of the layers of an image.
type progress struct {
	layers map[string]jsonstream.Progress
}

func (p *progress) add(m jsonstream.Message) {
	// Extracting counts the same bytes a second time.
	if m.ID == "" || m.Progress == nil || m.Progress.Total <= 0 || m.Status != "Downloading" {
		if l, ok := p.layers[m.ID]; ok && (m.Status == "Download complete" || m.Status == "Pull complete") {
			l.Current = l.Total
			p.layers[m.ID] = l
		}
		return
	}
	if p.layers == nil {
		p.layers = map[string]jsonstream.Progress{}
	}
	p.layers[m.ID] = *m.Progress
}

func (p *progress) total() (bytes int64) {
	for _, l := range p.layers {
		bytes += l.Total
	}
	return bytes
}

func (p *progress) current() (bytes int64) {
	for _, l := range p.layers {
		bytes += l.Current
	}
	return bytes
}

// String reads "12 of 40 MB".
func (p *progress) String() string {
	return fmt.Sprintf("%d of %s", p.current()/1e6, megabytes(p.total()))
}

func megabytes(bytes int64) string { return fmt.Sprintf("%d MB", (bytes+1e6-1)/1e6) }
