package bolt

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Get returns the item under key.
func (t *Table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if err := rules.CheckKey(key); err != nil {
		return store.Item{}, err
	}
	var item store.Item
	err := t.read(ctx, 1, func(tx *bbolt.Tx) error {
		var err error
		item, err = t.load(tx.Bucket(bucketItems).Cursor(), key)
		return err
	})
	return item, err
}

// BatchGet returns the items that exist among keys.
func (t *Table) BatchGet(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	if err := rules.CheckBatchGet(keys); err != nil {
		return nil, err
	}
	items := make([]store.Item, 0, len(keys))
	err := t.read(ctx, len(keys), func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketItems).Cursor()
		seen := make(map[store.Key]bool, len(keys))
		for _, k := range keys {
			if seen[k] {
				continue
			}
			seen[k] = true
			item, err := t.load(c, k)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Query returns a page of a partition, by the items' own keys or by an ordering.
func (t *Table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := rules.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	after, follows, err := rules.ParseMark(q)
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	err = t.read(ctx, q.Limit, func(tx *bbolt.Tx) error {
		name := bucketItems
		if q.Ordering != "" {
			name = []byte(orderingPrefix + q.Ordering)
		}
		bucket := tx.Bucket(name)
		if bucket == nil {
			return nil // no item ever stood in that ordering
		}
		w := newWalk(bucket.Cursor(), q, after, follows)
		var err error
		if q.Ordering == "" {
			page, err = t.pageOfKeys(w, q)
		} else {
			page, err = t.pageOfOrdering(w, tx.Bucket(bucketItems).Cursor(), q)
		}
		if err == nil && w.disorder {
			err = damaged(t.path, "the bucket %q is not in order behind %.100q", name, w.last)
		}
		return err
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// read runs a read of about n items.
func (t *Table) read(ctx context.Context, n int, read func(tx *bbolt.Tx) error) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	defer t.resident.touched(n)
	return t.view(read)
}

// load reads the item under key.
func (t *Table) load(items *bbolt.Cursor, key store.Key) (store.Item, error) {
	v, exists, err := t.find(items, primaryKey(key))
	if err != nil {
		return store.Item{}, err
	}
	if !exists {
		return store.Item{}, store.ErrNotFound
	}
	return v.item(key), nil
}

// find looks up a primary key. Where it is not, its neighbours must be sound: in
// an overwritten page the search may miss what is there.
func (t *Table) find(items *bbolt.Cursor, primary []byte) (v value, exists bool, err error) {
	k, b := items.Seek(primary)
	if k != nil {
		v, ok := decode(k, b)
		if !ok {
			return value{}, false, t.spoilt(k)
		}
		if bytes.Equal(k, primary) {
			return v, true, nil
		}
		k, b = items.Prev()
	} else {
		k, b = items.Last()
	}
	if k != nil {
		if _, ok := decode(k, b); !ok || bytes.Compare(k, primary) >= 0 {
			return value{}, false, t.spoilt(k)
		}
	}
	return value{}, false, nil
}

func (t *Table) spoilt(primary []byte) error {
	return damaged(t.path, "the record %.100q is not as it was written", primary)
}

func (t *Table) pageOfKeys(w *walk, q store.Query) (store.Page, error) {
	var page store.Page
	for k, b := w.first(); k != nil; k, b = w.next() {
		if len(page.Items) == q.Limit {
			page.Next = rules.Mark{Sort: page.Items[q.Limit-1].Key.Sort}.String()
			break
		}
		key, ok := parsePrimaryKey(k)
		v, whole := decode(k, b)
		if !ok || !whole {
			return page, t.spoilt(k)
		}
		page.Items = append(page.Items, v.item(key))
	}
	return page, nil
}

func (t *Table) pageOfOrdering(w *walk, items *bbolt.Cursor, q store.Query) (store.Page, error) {
	var page store.Page
	var last rules.Mark
	for k, _ := w.first(); k != nil; k, _ = w.next() {
		if len(page.Items) == q.Limit {
			page.Next = last.String()
			break
		}
		sort, primary, ok := bytes.Cut(k[len(w.prefix):], []byte{separator})
		key, ok2 := parsePrimaryKey(primary)
		if !ok || !ok2 {
			return page, damaged(t.path, "the ordering %q holds a key that is none: %q", q.Ordering, k)
		}
		item, err := t.load(items, key)
		if errors.Is(err, store.ErrNotFound) {
			return page, damaged(t.path, "the ordering %q names %s, which is not there", q.Ordering, key)
		} else if err != nil {
			return page, err
		}
		last = rules.Mark{Sort: string(sort), Key: key}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// walk goes through the keys of one partition in a bucket, between bounds.
type walk struct {
	c          *bbolt.Cursor
	prefix     []byte // of all keys of the partition
	from       []byte // first key within bounds, if there is one
	before     []byte // first key behind them
	after      []byte // continue behind this key, if not nil
	descending bool
	separators int    // in each key of the bucket
	last       []byte // the key before
	disorder   bool   // the walk ended because the keys are not in order
}

func newWalk(c *bbolt.Cursor, q store.Query, after rules.Mark, follows bool) *walk {
	w := &walk{c: c, descending: q.Descending, separators: 1}
	if q.Ordering != "" {
		w.separators = 3
	}
	w.prefix = append([]byte(q.Partition), separator)
	w.from = w.key(q.From)
	if q.Before != "" {
		w.before = w.key(q.Before)
	} else {
		w.before = append([]byte(q.Partition), separator+1)
	}
	if follows {
		w.after = w.key(after.Sort)
		if q.Ordering != "" {
			w.after = appendPrimaryKey(append(w.after, separator), after.Key)
		}
	}
	return w
}

func (w *walk) key(sort string) []byte {
	return append(w.prefix[:len(w.prefix):len(w.prefix)], sort...)
}

func (w *walk) first() (k, v []byte) {
	start := w.from
	switch {
	case w.descending && w.after != nil:
		start = w.after
	case w.descending:
		start = w.before
	case bytes.Compare(w.after, w.from) > 0:
		start = w.after
	}
	// The search is sound if start lies between where it ended and the key before;
	// in an overwritten page it may end anywhere.
	at, av := w.c.Seek(start)
	c := w.c
	if !w.descending {
		c = w.c.Bucket().Cursor()
		c.Seek(start)
	}
	var before, bv []byte
	if at == nil {
		before, bv = c.Last()
	} else {
		before, bv = c.Prev()
	}
	if at != nil && (bytes.Compare(at, start) < 0 || !w.wellFormed(at)) ||
		before != nil && (bytes.Compare(before, start) >= 0 || !w.wellFormed(before)) {
		w.disorder, w.last = true, start
		return nil, nil
	}
	if w.descending {
		return w.within(before, bv)
	}
	if w.after != nil && bytes.Equal(at, w.after) {
		at, av = w.c.Next()
	}
	return w.within(at, av)
}

// wellFormed reports whether k has as many parts as the keys of this bucket.
func (w *walk) wellFormed(k []byte) bool {
	return bytes.Count(k, []byte{separator}) == w.separators && k[0] != separator
}

func (w *walk) next() (k, v []byte) {
	if w.descending {
		return w.within(w.c.Prev())
	}
	return w.within(w.c.Next())
}

// within ends the walk at the bounds, and where keys are out of order.
func (w *walk) within(k, v []byte) ([]byte, []byte) {
	if k != nil && w.last != nil && (bytes.Compare(k, w.last) > 0) == w.descending {
		w.disorder = true
		return nil, nil
	}
	w.last = k
	if k == nil || bytes.Compare(k, w.from) < 0 || bytes.Compare(k, w.before) >= 0 {
		return nil, nil
	}
	return k, v
}
