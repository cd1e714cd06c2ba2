package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// Config is what an engine works with.
type Config struct {
	Records   *store.Records
	Lifecycle *lifecycle.Lifecycle
	Compute   compute.Backend
	Account   batch.Account
	// Market is what there is to buy now. Where it has no Spot price of a type, Spot is
	// planned with the On-Demand price.
	Market func() catalog.Market
	// Provision plans the hosts of an environment; nil is provisioner.Make. Simulations
	// give it other policies to compare. It keeps nothing of what it is given.
	Provision func(provisioner.Environment, time.Time) provisioner.Plan
	Now       func() time.Time
	NewID     func() string
	// IdleWindow is how long a host without tasks stays.
	IdleWindow time.Duration
	// Secret returns the value of a secret of a container, if this home has it.
	Secret func(name, valueFrom string) (string, bool)
	// ECS says that compute is ECS itself: secrets, file systems, log drivers and roles are
	// left to it.
	ECS bool
	// FinishDeletes removes queues and environments that are being deleted and have
	// become empty; it may be nil.
	FinishDeletes func(context.Context) error
	// Senders bounds how many tasks are handed to compute at once; 0 is maxSenders.
	// With 1 they are handed over in order, so that a simulation can be run again.
	Senders int
	Log     *slog.Logger
}

// Bounds of the engine's work.
const (
	// front is how many jobs at the front of a queue a pass looks at. What waits
	// behind them costs nothing.
	front = 1000
	// sweepEvery is how often compute is asked what is really there.
	sweepEvery = time.Minute
	// whyEvery bounds how often the reasons of waiting jobs are written.
	whyEvery = time.Second
	// retryEvery is when something that could not be done now is tried again.
	retryEvery = 2 * time.Second
	// maxIdlePasses bounds the passes that follow each other at once although they start
	// nothing: what they wait for comes by itself, an ordering that lags for example.
	maxIdlePasses = 20
	// maxInbox bounds the news handled together.
	maxInbox = 4096
)

// Engine runs passes.
type Engine struct {
	Config
	kick  chan struct{}
	inbox inbox

	offers     map[string]offersOf // by environment
	offersMade uint64
	runs       runs
	// hinted says that the scheduler is told what hosts cost. Other policies than the
	// provisioner's do not say what a host is for, so that jobs would wait for others.
	hinted bool
	whys   map[string]*whyState
	// forgetNext is when shares are looked through again; settleWaiting's alone.
	forgetNext time.Time
	// looks is how often all waiting jobs are still to be looked at.
	looks   atomic.Int32
	unheard unheard
	// unsent are jobs whose task compute could not take for a while, by id.
	unsent map[string]unsent
	outbox outbox
	// stale says that a pass would see something that the last one did not; next is
	// when that one is due again by time alone.
	stale  bool
	next   time.Time
	recent recent
	// fronts is room for the jobs of w.fronts, used again by the next look at them.
	fronts []scheduler.Job
	// roster is what lives, and follower tells what has become of it.
	roster   *roster
	follower *store.Follower
	// refused are hosts that had no room for a task that should have fitted, with the
	// moment of the next try.
	refused map[string]time.Time
}

// New returns an engine. Run it, or call Pass, Observe and Sweep yourself.
func New(c Config) *Engine {
	hinted := c.Provision == nil
	if hinted {
		c.Provision = provisioner.Make
	}
	e := &Engine{
		hinted: hinted,
		Config: c, kick: make(chan struct{}, 1), inbox: inbox{signal: make(chan struct{}, 1)},
		offers: map[string]offersOf{}, whys: map[string]*whyState{},
		unsent: map[string]unsent{}, outbox: newOutbox(c.Senders),
		recent: recent{}, roster: newRoster(), refused: map[string]time.Time{},
		runs: runs{known: map[string]map[string]store.Runs{}, fresh: map[runsKey]store.Runs{}},
	}
	e.looks.Store(looksForCause)
	return e
}

// Kick asks for a pass because something in a queue changed. It never blocks.
func (e *Engine) Kick(string) {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// Take receives news, to be handled by the next Turn. It never blocks.
func (e *Engine) Take(news []compute.News) { e.inbox.put(news) }

// Run makes passes until ctx ends: at once for whatever is there, then whenever
// something changes or a deadline comes. It returns ctx.Err(), or the error of a
// backend whose news ended.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := make(chan error, 1)
	go func() { watch <- e.Compute.Watch(ctx, e.Take) }()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var rest rest
	// Looking at all jobs that wait takes a while when there are many: beside the
	// passes, one look after the other.
	var settling sync.WaitGroup
	settle := make(chan struct{}, 1)
	settling.Go(func() {
		for range settle {
			e.settleWaiting(ctx)
		}
	})
	defer func() {
		cancel()
		close(settle)
		settling.Wait()
		e.outbox.wait.Wait()
	}()
	sweepNow := func() {
		e.compare(ctx)
		select {
		case settle <- struct{}{}:
		default: // one is under way and another asked for
		}
	}
	sweepNow()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-watch:
			return err
		case <-sweep.C:
			sweepNow()
			e.stale = true
		case <-e.kick:
			rest.wait(ctx, e.inbox.signal)
			e.stale = true
		case <-e.inbox.signal:
			e.gather(ctx)
		case <-timer.C:
			e.stale = true
		}
		begin := time.Now() //nolint:forbidigo // a rest is about the load on this machine
		next := e.turn(ctx)
		rest.after(begin, time.Now()) //nolint:forbidigo // as above
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(max(0, next.Sub(e.Now())))
		}
	}
}

// Turn handles all news there is and makes passes while they find more to do. It
// returns when to look again by time alone. Run calls it; a simulation calls it
// itself.
func (e *Engine) Turn(ctx context.Context) time.Time {
	e.stale = true
	return e.turn(ctx)
}

// TurnOnNews is Turn for a simulation in which only news has come since the last one: it
// makes a pass only if the news calls for one, as Run does.
func (e *Engine) TurnOnNews(ctx context.Context) time.Time { return e.turn(ctx) }

// turn is Turn, but makes a pass only if what the last one saw is stale.
func (e *Engine) turn(ctx context.Context) time.Time {
	idle := 0
	for {
		if news := e.inbox.take(maxInbox); len(news) > 0 {
			e.Observe(ctx, news)
		}
		e.stale = e.handleFailed(ctx) || e.stale
		if e.stale {
			e.stale = false
			outcome, err := e.Pass(ctx)
			// Nobody wakes a simulation.
			e.stale = e.handleFailed(ctx) || outcome.Again || e.stale
			e.next = outcome.Next
			if idle++; outcome.Placed+outcome.Launched > 0 {
				idle = 0
			}
			if err != nil {
				if ctx.Err() == nil {
					e.Log.Error("pass failed; trying again", "error", err, "in", retryEvery)
				}
				e.stale = true
				return e.Now().Add(retryEvery)
			}
		}
		if ctx.Err() != nil || !e.stale && e.inbox.empty() {
			return e.next
		}
		if idle >= maxIdlePasses {
			e.Log.Debug("passes start nothing and want more; resting", "passes", idle, "for", retryEvery)
			return e.Now().Add(retryEvery)
		}
	}
}

// restShare is how many times as long as a turn took the loop rests before it makes
// another because of a submission: passes that find no room then take at most a
// tenth of a CPU, however fast jobs come in. News of tasks and hosts, which make room,
// are never held up, and neither is the first submission after a quiet moment.
const restShare = 9

// maxRest bounds the rest.
const maxRest = 50 * time.Millisecond

// gatherFor is how long news waits for more of it where each write is billed: what is
// known together of the children of an array is written with one record of the array.
const gatherFor = 250 * time.Millisecond

// gather waits for more news, if the records are kept where that saves something.
func (e *Engine) gather(ctx context.Context) {
	if _, billed := e.Records.Table().(store.Scattered); !billed {
		return
	}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// rest keeps the loop from making passes for nothing. It is about the load on this
// machine, so it measures real time.
type rest struct{ until time.Time }

// after notes a turn.
func (r *rest) after(begin, end time.Time) {
	r.until = end.Add(min(maxRest, restShare*end.Sub(begin)))
}

// wait returns when the rest is over or news has come.
func (r *rest) wait(ctx context.Context, news chan struct{}) {
	left := time.Until(r.until) //nolint:forbidigo // a rest is about the load on this machine
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-news:
	}
}

// inbox collects news between two turns.
type inbox struct {
	mu     sync.Mutex
	news   []compute.News
	signal chan struct{}
}

func (b *inbox) put(news []compute.News) {
	b.mu.Lock()
	b.news = append(b.news, news...)
	b.mu.Unlock()
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

func (b *inbox) take(limit int) []compute.News {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(limit, len(b.news))
	out := b.news[:n:n]
	if b.news = b.news[n:]; len(b.news) == 0 {
		b.news = nil
	}
	return out
}

func (b *inbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.news) == 0
}
