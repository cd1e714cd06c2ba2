package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// Backend is an imitated compute.Backend. Make one with New or Start.
type Backend struct {
	cfg Config

	mu     sync.Mutex
	closed bool
	queue  events
	chance *chance
	faults faultStreams
	tasks  map[string]*task
	hosts  map[string]*host // gone ones too: their ids must not be launched again
	made   uint64           // numbers tasks and hosts in the order in which they came
	ledger books
	news   []compute.News // not yet handed to a watcher
	// asleep is until when the goroutine of Start sleeps; zero while it is at work,
	// or when there is none.
	asleep time.Time
	wake   chan struct{}

	// turn holds a token while somebody watches.
	turn chan struct{}
	// handing is held while take runs, so that a watch has ended once its call returned.
	handing sync.Mutex
	take    func([]compute.News) // guarded by handing
	watched bool                 // take is set; guarded by mu

	stop context.CancelFunc // of the goroutine of Start
	done chan struct{}
}

var _ compute.Backend = (*Backend)(nil)

// New returns a backend that stands still until Advance moves it. It panics
// without a clock.
func New(cfg Config) *Backend {
	if cfg.Now == nil {
		panic("sim: Config.Now is nil; give it the clock of the simulation, or time.Now")
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	return &Backend{
		cfg:    cfg,
		chance: newChance(cfg.Seed),
		faults: newFaultStreams(cfg.Seed),
		tasks:  map[string]*task{},
		hosts:  map[string]*host{},
		ledger: newBooks(),
		wake:   make(chan struct{}, 1),
		turn:   make(chan struct{}, 1),
	}
}

// Start returns a backend that follows the real clock by itself until it is
// closed. cfg.Now may be left nil.
func Start(cfg Config) *Backend {
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // Start is for the real clock, New for a virtual one
	}
	b := New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.done = stop, make(chan struct{})
	go func() {
		defer close(b.done)
		b.follow(ctx)
	}()
	return b
}

// NextEvent returns when Advance will next have something to do; false when
// nothing happens any more unless somebody asks for it.
func (b *Backend) NextEvent() (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next()
}

// next is NextEvent, with mu held.
func (b *Backend) next() (time.Time, bool) {
	if b.watched && len(b.news) > 0 {
		return b.cfg.Now(), true
	}
	return b.queue.next()
}

// Advance lets everything happen that is due up to and including the given time,
// in order, each at its own moment, and then hands the news to the watcher in one
// call before it returns. News made by calls (a terminated host) waits for it too.
func (b *Backend) Advance(to time.Time) {
	b.mu.Lock()
	for {
		at, ok := b.queue.next()
		if !ok || at.After(to) {
			break
		}
		b.happen(b.queue.pop())
	}
	b.mu.Unlock()
	b.hand()
}

// happen carries out one event, with mu held.
func (b *Backend) happen(e event) {
	switch e.kind {
	case taskStarts:
		b.startTask(e.task, e.at)
	case taskEnds:
		b.endTask(e.task, e.at)
	case taskStops:
		b.stopTask(e.task, e.at)
	case hostJoins:
		b.joinHost(e.host, e.at)
	case hostNoticed:
		b.noticeHost(e.host, e.at)
	case hostReclaim:
		b.reclaimHost(e.host, e.at)
	case newsArrives:
		b.keep(e.news)
	}
}

// schedule puts an event on the heap, with mu held, and wakes the goroutine of
// Start if it would sleep past it.
func (b *Backend) schedule(e event) {
	b.queue.push(e)
	b.nudge(e.at)
}

// nudge wakes the goroutine of Start if it would sleep past the given time.
func (b *Backend) nudge(at time.Time) {
	if b.asleep.IsZero() || !at.Before(b.asleep) {
		return
	}
	b.asleep = time.Time{} // one nudge is enough
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// longestSleep is how long the goroutine of Start sleeps when nothing is due; it
// is woken before when something comes.
const longestSleep = time.Hour

// follow advances the backend along the clock until ctx ends.
func (b *Backend) follow(ctx context.Context) {
	timer := time.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		b.mu.Lock()
		at, ok := b.next()
		now := b.cfg.Now() // after next, for which news is due at once
		if limit := now.Add(longestSleep); !ok || at.After(limit) {
			at = limit
		}
		due := !at.After(now)
		if !due {
			b.asleep = at
		}
		b.mu.Unlock()
		if due {
			b.Advance(now)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		timer.Reset(at.Sub(now))
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		case <-timer.C:
		}
		b.mu.Lock()
		b.asleep = time.Time{}
		b.mu.Unlock()
	}
}

// Watch hands over news until ctx ends. Somebody else who watches already is
// waited for.
func (b *Backend) Watch(ctx context.Context, take func([]compute.News)) error {
	detach, err := b.Attach(ctx, take)
	if err != nil {
		return err
	}
	<-ctx.Done()
	detach()
	return ctx.Err()
}

// Attach is Watch for callers who advance the backend themselves: it returns as
// soon as take is in place, and take is called by Advance, in its goroutine, until
// detach is called. It fails only when ctx ends while another watcher is attached.
func (b *Backend) Attach(ctx context.Context, take func([]compute.News)) (detach func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.attach(take)
	return sync.OnceFunc(func() {
		b.attach(nil)
		<-b.turn
	}), nil
}

func (b *Backend) attach(take func([]compute.News)) {
	b.handing.Lock()
	defer b.handing.Unlock()
	b.take = take
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watched = take != nil
	if b.watched && len(b.news) > 0 {
		b.nudge(b.cfg.Now())
	}
}

// hand gives what waits to the watcher, if there is one.
func (b *Backend) hand() {
	b.handing.Lock()
	defer b.handing.Unlock()
	if b.take == nil {
		return
	}
	b.mu.Lock()
	news := b.news
	b.news = nil // the watcher may keep the slice
	b.mu.Unlock()
	if len(news) > 0 {
		b.take(news)
	}
}

// maxWaitingNews bounds the news that is kept while nobody takes it: the contract
// lets news be lost, and lists tell the rest.
const maxWaitingNews = 1 << 18

// keep puts news before the watcher, with mu held.
func (b *Backend) keep(news compute.News) {
	if len(b.news) >= maxWaitingNews {
		b.ledger.newsDropped++
		return
	}
	b.news = append(b.news, news)
}

// Machine returns Config.Machine.
func (b *Backend) Machine() *compute.Machine { return b.cfg.Machine }

// Close ends the goroutine of Start; calls fail from then on.
func (b *Backend) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	if b.stop != nil {
		b.stop()
		<-b.done
	}
	return nil
}

// begin opens a call: it locks the backend and returns an error, with nothing
// locked, if the call is to fail without effect. lost says that it is to take
// effect and fail nevertheless.
func (b *Backend) begin(ctx context.Context, call string) (lost error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, fmt.Errorf("sim: %s: the backend is closed: %w", call, compute.ErrUnavailable)
	}
	if b.faults.callFails.hit(b.cfg.Faults.CallFails) {
		b.mu.Unlock()
		return nil, fmt.Errorf("sim: %s failed, as Faults.CallFails asks: %w", call, compute.ErrUnavailable)
	}
	if b.faults.answerLost.hit(b.cfg.Faults.AnswerLost) {
		return fmt.Errorf("sim: the answer of %s was lost, as Faults.AnswerLost asks: %w", call, compute.ErrUnavailable), nil
	}
	return nil, nil
}
