// Package storetest holds backends to the promises of store.Table, and gives
// engines tables that keep those promises in the most unpleasant way.
//
// Run is the suite: memory, bbolt and DynamoDB pass the same lines. Lagging and
// Faulty wrap a table so that its orderings really lag and its calls really fail;
// what works on them works on any backend.
//
// A test never trusts an ordering to be fresh: it polls with a bound, so that a
// backend whose orderings follow writes by a moment passes as well.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/store"
)

// The secondary orderings that the suite uses. A backend that must declare its
// orderings beforehand declares these two.
const (
	OrderingOne = "one"
	OrderingTwo = "two"
)

// lagBound is how long an ordering may take to show a write before the suite
// calls it lost. DynamoDB usually needs well under a second.
const lagBound = 20 * time.Second

// Run holds a table to every promise in the store.Table documentation.
//
// open returns a table and arranges with t.Cleanup for its end. It may return
// the same stored table each time: every test works in partitions of its own.
func Run(t *testing.T, open func(t *testing.T) store.Table) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"Get", getTests},
		{"BatchGet", batchGetTests},
		{"Write", writeTests},
		{"Conflict", conflictTests},
		{"Limits", limitTests},
		{"Query", queryTests},
		{"Ordering", orderingTests},
		{"Page", pageTests},
		{"Expiry", expiryTests},
		{"Sharing", sharingTests},
		{"Concurrency", concurrencyTests},
		{"End", endTests},
		{"Model", modelTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, tt := range g.tests {
				t.Run(tt.promise, func(t *testing.T) { tt.run(newBench(t, open(t))) })
			}
		})
	}
}

// test is one promise and what holds a table to it.
type test struct {
	promise string
	run     func(b *bench)
}

// bench is a table under test with partitions that no other test uses.
type bench struct {
	*testing.T
	ctx    context.Context
	table  store.Table
	prefix string
}

func newBench(t *testing.T, table store.Table) *bench {
	return &bench{t, t.Context(), table, "t" + rand.Text()[:10] + "#"}
}

// part is a partition of this test alone.
func (b *bench) part(name string) string { return b.prefix + name }

func (b *bench) key(partition, sort string) store.Key {
	return store.Key{Partition: b.part(partition), Sort: sort}
}

// item is a valid item; tests change the field they are about.
func (b *bench) item(partition, sort, data string) store.Item {
	return store.Item{Key: b.key(partition, sort), Data: []byte(data)}
}

// placed is an item that stands in OrderingOne.
func (b *bench) placed(sort, data, orderingPartition, orderingSort string) store.Item {
	it := b.item("placed", sort, data)
	it.Entries = []store.Entry{{Ordering: OrderingOne, Partition: b.part(orderingPartition), Sort: orderingSort}}
	return it
}

// must ends the test when a step that it merely needs has failed.
func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("needed for the test, but failed: %v", err)
	}
}

// write is a Write that must succeed.
func (b *bench) write(ops ...store.Op) {
	b.Helper()
	b.must(b.table.Write(b.ctx, ops...))
}

// create writes new items, as many in one Write as fit.
func (b *bench) create(items ...store.Item) {
	b.Helper()
	for chunk := range slices.Chunk(items, store.MaxWrite) {
		ops := make([]store.Op, len(chunk))
		for i, it := range chunk {
			ops[i] = store.Put(it, store.IfAbsent())
		}
		b.write(ops...)
	}
}

// get is what is stored under key; absent items come back as nil.
func (b *bench) get(k store.Key) *store.Item {
	b.Helper()
	it, err := b.table.Get(b.ctx, k)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	b.must(err)
	return &it
}

// wantStored fails unless exactly item at version is stored under its key.
func (b *bench) wantStored(item store.Item, version int64) {
	b.Helper()
	item.Version = version
	got, err := b.table.Get(b.ctx, item.Key)
	if err != nil {
		b.Errorf("Get(%s) = %v, want version %d", item.Key, err, version)
		return
	}
	if diff := cmp.Diff(plain(item), plain(got)); diff != "" {
		b.Errorf("Get(%s) differs (-want +got):\n%s", item.Key, diff)
	}
}

func (b *bench) wantAbsent(k store.Key) {
	b.Helper()
	if got, err := b.table.Get(b.ctx, k); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("Get(%s) = %+v, %v, want ErrNotFound", k, got, err)
	}
}

func (b *bench) wantError(call string, err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s = %v, want an error that is: %v", call, err, want)
	}
}

// maxPages bounds the pages of one query in a test, in case Next never ends.
const maxPages = 10_000

// all follows a query through all its pages.
func (b *bench) all(q store.Query) []store.Item {
	b.Helper()
	var items []store.Item
	for range maxPages {
		page, err := b.table.Query(b.ctx, q)
		b.must(err)
		if len(page.Items) > q.Limit {
			b.Fatalf("Query(%+v) = %d items, want at most %d", q, len(page.Items), q.Limit)
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items
		}
		q.After = page.Next
	}
	b.Fatalf("Query(%+v) gives a Next after %d pages still", q, maxPages)
	return nil
}

// wantQuery fails unless the query gives these items in this order. A query of
// an ordering may lag, so it is asked again until it does, for as long as lagBound.
func (b *bench) wantQuery(q store.Query, want ...store.Item) {
	b.Helper()
	b.check(q.Ordering != "", func() string {
		if diff := cmp.Diff(plainAll(want), plainAll(b.all(q))); diff != "" {
			return fmt.Sprintf("Query(%+v) differs (-want +got):\n%s", q, diff)
		}
		return ""
	})
}

// check fails with what probe complains of; when it may lag, only if probe still
// complains after lagBound.
func (b *bench) check(mayLag bool, probe func() (complaint string)) {
	b.Helper()
	complaint := probe()
	if complaint != "" && mayLag {
		complaint = b.eventually(probe)
	}
	if complaint != "" {
		b.Error(complaint)
	}
}

// eventually asks again until probe has no complaint or lagBound is over, and
// returns the last complaint.
func (b *bench) eventually(probe func() string) string {
	deadline := time.Now().Add(lagBound)
	pause := 50 * time.Microsecond
	for {
		complaint := probe()
		if complaint == "" || time.Now().After(deadline) {
			return complaint
		}
		// There is no signal to wait for: the lag is inside the backend.
		time.Sleep(pause)
		pause = min(2*pause, 200*time.Millisecond)
	}
}

// withVersion is item as Get gives it at version.
func withVersion(item store.Item, version int64) store.Item {
	item.Version = version
	return item
}

// plainItem is an item in a form that compares: empty and nil are alike, entries
// are sorted, a time is its seconds.
type plainItem struct {
	Key     string
	Version int64
	Data    string
	Entries []string
	Expires string
}

func plain(it store.Item) plainItem {
	p := plainItem{Key: it.Key.String(), Version: it.Version, Data: abbreviate(it.Data)}
	for _, e := range it.Entries {
		p.Entries = append(p.Entries, strings.Join([]string{e.Ordering, e.Partition, e.Sort}, " / "))
	}
	slices.Sort(p.Entries)
	if !it.Expires.IsZero() {
		p.Expires = it.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	return p
}

func plainAll(items []store.Item) []plainItem {
	all := make([]plainItem, len(items))
	for i, it := range items {
		all[i] = plain(it)
	}
	return all
}

// abbreviate keeps a message readable when large Data differs.
func abbreviate(data []byte) string {
	const most = 200
	if len(data) <= most {
		return string(data)
	}
	var sum uint64
	for _, c := range data {
		sum = sum*31 + uint64(c)
	}
	return fmt.Sprintf("%s... (%d bytes, sum %x)", data[:most], len(data), sum)
}
