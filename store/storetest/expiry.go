package storetest

import (
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/store"
)

// never is the expiry of an item that stays.
var never time.Time

// inAnHour is an expiry that does not come to pass during the suite.
func inAnHour() time.Time { return time.Now().Add(time.Hour).Truncate(time.Second) }

// longAgo lies before every expiry of other tests, so that a Purge as of then
// finds only what a test put before it, in a store that tests share.
var longAgo = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)

var expiryTests = []test{
	{"is kept to the second", func(b *bench) {
		for i, when := range []time.Time{
			never,
			time.Date(2030, 1, 2, 3, 4, 5, 999_999_999, time.UTC),
			time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("east", 3600)),
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		} {
			it := b.item("job", fmt.Sprint(i), "x")
			it.Expires = when
			b.create(it)
			b.wantStored(it, 1)
		}
	}},
	{"does not stop an item from being written", func(b *bench) {
		it := b.item("job", "state", "x")
		it.Expires = inAnHour()
		b.create(it)
		it.Expires = never
		b.write(store.Put(it, store.IfVersion(1)))
		b.wantStored(it, 2)
	}},
	{"lets Purge remove what expired before now, and only that", purging(func(b *bench, purge func(time.Time, int) int) {
		before, at, after, stays := b.placed("before", "1", "queue", "1"), b.placed("at", "2", "queue", "2"),
			b.placed("after", "3", "queue", "3"), b.placed("stays", "4", "queue", "4")
		before.Expires, at.Expires, after.Expires = longAgo.Add(-time.Second), longAgo, longAgo.Add(time.Second)
		b.create(before, at, after, stays)
		if n := purge(longAgo, 100); n != 1 {
			b.Errorf("Purge removed %d items, want the 1 that expired", n)
		}
		b.wantAbsent(before.Key)
		b.wantStored(at, 1)
		b.wantStored(after, 1)
		b.wantStored(stays, 1)
		q := store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 10}
		b.wantQuery(q, withVersion(at, 1), withVersion(after, 1), withVersion(stays, 1))
		if n := purge(longAgo.Add(time.Minute), 100); n != 2 {
			b.Errorf("a later Purge removed %d items, want 2", n)
		}
		b.wantQuery(q, withVersion(stays, 1))
		b.wantQuery(store.Query{Partition: stays.Key.Partition, Limit: 10}, withVersion(stays, 1))
	})},
	{"lets Purge remove no more than its limit", purging(func(b *bench, purge func(time.Time, int) int) {
		for i := range 7 {
			it := b.item("job", fmt.Sprint(i), "x")
			it.Expires = longAgo.Add(-time.Duration(i) * time.Hour)
			b.create(it)
		}
		for _, want := range []int{3, 3, 1, 0} {
			if n := purge(longAgo.Add(time.Hour), 3); n != want {
				b.Errorf("Purge of at most 3 removed %d items, want %d", n, want)
			}
		}
	})},
	{"is the last one that was written", purging(func(b *bench, purge func(time.Time, int) int) {
		later, none, sooner, gone := b.item("job", "later", "x"), b.item("job", "none", "x"), b.item("job", "sooner", "x"), b.item("job", "gone", "x")
		later.Expires, none.Expires, gone.Expires = longAgo, longAgo, longAgo
		b.create(later, none, sooner, gone)
		later.Expires, none.Expires, sooner.Expires = inAnHour(), never, longAgo
		b.write(store.Put(later, store.IfVersion(1)), store.Put(none, store.IfVersion(1)),
			store.Put(sooner, store.IfVersion(1)), store.Delete(gone.Key, store.IfVersion(1)))
		if n := purge(longAgo.Add(time.Hour), 100); n != 1 {
			b.Errorf("Purge removed %d items, want 1", n)
		}
		b.wantStored(later, 2)
		b.wantStored(none, 2)
		b.wantAbsent(sooner.Key)
	})},
	{"lets a purged key start anew", purging(func(b *bench, purge func(time.Time, int) int) {
		it := b.item("job", "state", "x")
		it.Expires = longAgo
		b.create(it)
		b.write(store.Put(it, store.IfVersion(1)))
		purge(longAgo.Add(time.Hour), 100)
		it.Expires = never
		b.create(it)
		b.wantStored(it, 1)
	})},
	{"lets Purge refuse a limit of nothing", func(b *bench) {
		p, ok := b.table.(store.Purger)
		if !ok {
			b.Skip("the table does not purge by itself")
		}
		_, err := p.Purge(b.ctx, longAgo, 0)
		b.wantError("Purge with limit 0", err, store.ErrInvalid)
	}},
}

// purging is for tests of a table that is a Purger.
func purging(run func(b *bench, purge func(now time.Time, limit int) int)) func(b *bench) {
	return func(b *bench) {
		p, ok := b.table.(store.Purger)
		if !ok {
			b.Skip("the table does not purge by itself")
		}
		run(b, func(now time.Time, limit int) int {
			b.Helper()
			n, err := p.Purge(b.ctx, now, limit)
			b.must(err)
			return n
		})
	}
}
