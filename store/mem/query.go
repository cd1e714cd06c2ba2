package mem

import (
	"context"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Query returns a page of a partition, by the items' own keys or by an ordering.
func (t *Table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := ctx.Err(); err != nil {
		return store.Page{}, err
	}
	if err := rules.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	after, follows, err := rules.ParseMark(q)
	if err != nil {
		return store.Page{}, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return store.Page{}, store.ErrClosed
	}
	w := walk{q: q, tree: t.items, number: ofKeys}
	if q.Ordering != "" {
		n, known := t.numbers[q.Ordering]
		if !known {
			return store.Page{}, nil
		}
		w.tree, w.number = t.orderings[n].tree, n
	}
	found, more := w.run(after, follows)
	if len(found) == 0 {
		return store.Page{}, nil
	}
	page := store.Page{Items: make([]store.Item, len(found))}
	for i, r := range found {
		page.Items[i] = t.item(r)
	}
	if more {
		page.Next = w.mark(found[len(found)-1]).String()
	}
	return page, nil
}

// ofKeys stands for the items' own keys where an ordering's number is wanted.
const ofKeys = -1

// walk is one query on its way through a tree.
type walk struct {
	q      store.Query
	tree   *tree
	number int
}

// run returns the records of the page and whether another one follows.
func (w *walk) run(after rules.Mark, follows bool) (found []*record, more bool) {
	start := w.start(after, follows)
	visit := func(r *record) bool {
		p := w.place(r)
		if string(p.partition) != w.q.Partition {
			return false
		}
		sort := string(p.sort) // does not leave this function: no allocation
		if w.q.Descending {
			if w.q.Before != "" && sort >= w.q.Before || follows && !w.less(r, start) {
				return true // only at the start
			}
			if sort < w.q.From {
				return false
			}
		} else {
			if follows && !w.less(start, r) {
				return true // only at the start
			}
			if w.q.Before != "" && sort >= w.q.Before {
				return false
			}
		}
		if len(found) == w.q.Limit {
			more = true
			return false
		}
		found = append(found, r)
		return true
	}
	if w.q.Descending {
		w.tree.Descend(start, visit)
	} else {
		w.tree.Ascend(start, visit)
	}
	return found, more
}

func (w *walk) less(a, b *record) bool { return w.tree.Less(a, b) }

// start is a record at the place where the walk begins.
func (w *walk) start(after rules.Mark, follows bool) *record {
	switch {
	case follows:
		return w.at(w.q.Partition, after.Sort, after.Key)
	case !w.q.Descending:
		return w.at(w.q.Partition, w.q.From, store.Key{})
	case w.q.Before != "":
		return w.at(w.q.Partition, w.q.Before, store.Key{})
	}
	// Behind every sort key of the partition and before any other partition,
	// because stored text has no zero byte.
	return w.at(w.q.Partition+"\x00", "", store.Key{})
}

// at is a record to search with. An empty key sorts before every real one.
func (w *walk) at(partition, sort string, key store.Key) *record {
	if w.number == ofKeys {
		return keyOnly(store.Key{Partition: partition, Sort: sort})
	}
	it := store.Item{Key: key, Entries: []store.Entry{{Partition: partition, Sort: sort}}}
	return pack(&it, 0, func(string) int { return w.number }, nil)
}

func (w *walk) place(r *record) place {
	if w.number == ofKeys {
		rd := r.read()
		return place{rd.text(), rd.text()}
	}
	p, _ := r.placeIn(w.number)
	return p
}

func (w *walk) mark(r *record) rules.Mark {
	m := rules.Mark{Sort: string(w.place(r).sort)}
	if w.number != ofKeys {
		rd := r.read()
		m.Key = store.Key{Partition: string(rd.text()), Sort: string(rd.text())}
	}
	return m
}
