package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// maxPassedOver is how many queries of any ordering may overlook a change before
// it shows for sure, so that whoever polls gets there.
const maxPassedOver = 12

// Lagging wraps table, which must be empty, so that its orderings follow writes
// late: a query with an Ordering shows items as they were, misses new ones and
// still shows deleted ones. Each item lags by itself, so a later write to one may
// show before an earlier write to another, as in DynamoDB. The changes of one
// item arrive in order, at the latest after a dozen queries. All other calls go
// straight to table.
//
// Which query shows what depends only on seed and on the order of calls. The
// result is a store.Purger when table is one.
func Lagging(table store.Table, seed uint64) store.Table {
	l := &lagging{
		Table:  table,
		seen:   mem.Open(),
		latest: make(map[store.Key]store.Item),
		rng:    rand.New(rand.NewPCG(seed, 0x1a991)),
	}
	if p, ok := table.(store.Purger); ok {
		return &laggingPurger{l, p}
	}
	return l
}

type lagging struct {
	store.Table

	mu     sync.Mutex // one write at a time: their order is what arrives in order
	seen   *mem.Table // what the orderings show
	latest map[store.Key]store.Item
	behind []change // not yet in seen, in the order in which they happened
	rng    *rand.Rand
}

// change is one operation on its way to the orderings.
type change struct {
	op         store.Op
	passedOver int // queries that did not show it
}

// Query answers from what has arrived so far when it is about an ordering.
func (l *lagging) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if q.Ordering == "" {
		return l.Table.Query(ctx, q)
	}
	// The table itself decides on closed, ended contexts and broken rules.
	if page, err := l.Table.Query(ctx, firstOf(q)); err != nil {
		return page, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive()
	return l.seen.Query(ctx, q)
}

// firstOf is q without its mark, which is one of seen and not of the table.
func firstOf(q store.Query) store.Query {
	q.After, q.Limit = "", min(q.Limit, 1)
	return q
}

// arrive lets some of the changes through to the orderings.
func (l *lagging) arrive() {
	held := make(map[store.Key]bool) // a change waits for those before it on its key
	rest := l.behind[:0]
	for _, c := range l.behind {
		k := c.op.Item.Key
		if held[k] || c.passedOver < maxPassedOver && l.rng.IntN(3) == 0 {
			held[k] = true
			c.passedOver++
			rest = append(rest, c)
			continue
		}
		l.apply(c.op)
	}
	clear(l.behind[len(rest):])
	l.behind = rest
}

func (l *lagging) apply(op store.Op) {
	if err := l.seen.Write(context.Background(), op); err != nil {
		panic("storetest: Lagging lost track of an item; was the table empty when it was wrapped? " + err.Error())
	}
}

// Write writes, and sends what was written on its way.
func (l *lagging) Write(ctx context.Context, ops ...store.Op) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Table.Write(ctx, ops...)
	if wroteNothing(err) {
		return err
	}
	for _, op := range ops {
		if err == nil || l.happened(op) {
			l.note(op)
		}
	}
	return err
}

// wroteNothing reports whether a Write that gave err is known to have had no effect.
func wroteNothing(err error) bool {
	for _, sure := range []error{store.ErrConflict, store.ErrInvalid, store.ErrUnavailable, store.ErrClosed} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// happened looks whether op took effect, when the answer to its Write was lost.
func (l *lagging) happened(op store.Op) bool {
	before := l.latest[op.Item.Key].Version
	now, err := l.Table.Get(context.Background(), op.Item.Key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return op.Delete && before > 0
	case err != nil:
		panic("storetest: Lagging cannot look what a lost Write did: " + err.Error())
	}
	return now.Version > before
}

// note sends op on its way.
func (l *lagging) note(op store.Op) {
	k := op.Item.Key
	if op.Delete {
		delete(l.latest, k)
		op.If = store.Always()
	} else {
		op.Item.Version = op.If.Version + 1
		op.Item.Data = append([]byte(nil), op.Item.Data...)
		op.Item.Entries = append([]store.Entry(nil), op.Item.Entries...)
		l.latest[k] = op.Item
	}
	l.behind = append(l.behind, change{op: op})
}

// Close closes the table. Queries answer ErrClosed because it does.
func (l *lagging) Close() error { return l.Table.Close() }

// laggingPurger is a lagging table that purges; what it purged vanishes from the
// orderings late as well.
type laggingPurger struct {
	*lagging
	purger store.Purger
}

// Purge purges the table.
func (l *laggingPurger) Purge(ctx context.Context, now time.Time, limit int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.purger.Purge(ctx, now, limit)
	for k, it := range l.latest {
		if it.Expires.IsZero() || !it.Expires.Before(now) {
			continue
		}
		if _, e := l.Table.Get(context.WithoutCancel(ctx), k); errors.Is(e, store.ErrNotFound) {
			l.note(store.Delete(k, store.Always()))
		}
	}
	return n, err
}
