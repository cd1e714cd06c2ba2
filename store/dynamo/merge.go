package dynamo

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// queryOrdering is a query by an ordering: the shards of its partition, merged.
func (t *Table) queryOrdering(ctx context.Context, q store.Query, after rules.Mark, follows bool) (store.Page, error) {
	ordering, known := t.orderings[q.Ordering]
	if !known {
		return store.Page{}, nil // nothing stands in it, see Write
	}
	m := merge{table: t, descending: q.Descending, size: q.Limit/shards + spare}
	for shard := range shards {
		c := &cursor{rest: span{
			ordering: &ordering, partition: indexPartition(q.Partition, shard),
			// A place that begins with Before lies behind it.
			first: q.From, last: q.Before, descending: q.Descending,
		}}
		if follows {
			c.pass(place{after.Sort, after.Key}.index())
		}
		m.cursors = append(m.cursors, c)
	}
	for turn := 1; ; turn++ {
		rows, more, err := m.rows(ctx, q.Limit)
		if err != nil {
			return store.Page{}, err
		}
		var page store.Page
		if page.Items, err = t.itemsOf(ctx, ordering, rows); err != nil || !more {
			return page, err
		}
		if len(page.Items) == 0 && turn < maxStale {
			continue
		}
		last, err := parsePlace(rows[len(rows)-1].index)
		if err != nil {
			return store.Page{}, err
		}
		page.Next = rules.Mark{Sort: last.sort, Key: last.key}.String()
		return page, nil
	}
}

// maxStale is how many pages of rows whose items have all gone are read on before an
// empty page with a Next is the answer: who asks for one item wants the first there is.
const maxStale = 10

// spare is how many rows more than its share of a page are read of a shard at once,
// since a hash does not spread evenly; a shard that has run out is read again.
const spare = 4

// row is an item as an index shows it.
type row struct {
	index string // its place
	attributes
}

// cursor is a shard as far as it was read.
type cursor struct {
	rest   span
	passed string // the place that rest begins with and that is behind us, if any
	rows   []row  // read and not yet taken
	ended  bool   // nothing is left but rows
}

// pass notes that everything up to a place has been read.
func (c *cursor) pass(index string) { c.rest, c.passed = c.rest.behind(index), index }

// fill reads up to size rows, if the cursor has none.
func (c *cursor) fill(ctx context.Context, t *Table, size int) error {
	for len(c.rows) == 0 && !c.ended {
		if c.rest.first != "" && c.rest.last != "" && c.rest.first > c.rest.last {
			c.ended = true
			return nil
		}
		found, more, err := t.readSpan(ctx, c.rest, size)
		if err != nil {
			return err
		}
		_, sort := placeAttributes(c.rest.ordering.Name)
		passed := c.passed
		for _, a := range found {
			r := reader{attributes: a}
			at := row{r.text(sort), a}
			if r.err != nil {
				return r.err
			}
			c.pass(at.index)
			if at.index != passed {
				c.rows = append(c.rows, at)
			}
		}
		c.ended = !more
	}
	return nil
}

// merge reads shards side by side.
type merge struct {
	table      *Table
	cursors    []*cursor
	descending bool
	size       int
}

// rows returns the first limit rows of all shards, and whether more follow.
func (m *merge) rows(ctx context.Context, limit int) (rows []row, more bool, err error) {
	for {
		if err := m.fill(ctx); err != nil {
			return nil, false, err
		}
		// Until a shard runs out, its next row is known.
		for {
			c := m.next()
			if c == nil {
				return rows, false, nil
			}
			if len(rows) == limit {
				return rows, true, nil
			}
			rows = append(rows, c.rows[0])
			c.rows = c.rows[1:]
			if len(c.rows) == 0 && !c.ended {
				break
			}
		}
	}
}

// fill reads on in the shards that have run out.
func (m *merge) fill(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range m.cursors {
		if len(c.rows) == 0 && !c.ended {
			group.Go(func() error { return c.fill(ctx, m.table, m.size) })
		}
	}
	return group.Wait()
}

// next is the shard with the row that comes first; nil when all have ended.
func (m *merge) next() *cursor {
	var first *cursor
	for _, c := range m.cursors {
		switch {
		case len(c.rows) == 0:
		case first == nil, (c.rows[0].index < first.rows[0].index) != m.descending:
			first = c
		}
	}
	return first
}

// itemsOf returns the items of rows, in their order. Where an index holds only keys,
// those that meanwhile are gone, or stand elsewhere, are left out: they may be shown
// there, or will not be shown at all, as in any ordering that lags.
func (t *Table) itemsOf(ctx context.Context, ordering Ordering, rows []row) ([]store.Item, error) {
	items := make([]store.Item, 0, len(rows))
	if ordering.Whole {
		for _, r := range rows {
			item, err := t.decode(r.attributes)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		return items, nil
	}
	keys := make([]store.Key, 0, len(rows))
	for _, r := range rows {
		p, err := parsePlace(r.index)
		if err != nil {
			return nil, err
		}
		keys = append(keys, p.key)
	}
	current, err := t.fetchAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		item, exists := current[keys[i]]
		if exists && r.shows(item, ordering.Name) {
			items = append(items, item)
		}
	}
	return items, nil
}

// shows reports whether an item is still where the row is.
func (r row) shows(item store.Item, ordering string) bool {
	partition, _ := placeAttributes(ordering)
	shown := reader{attributes: r.attributes}
	return slices.ContainsFunc(item.Entries, func(e store.Entry) bool {
		return e.Ordering == ordering && place{e.Sort, item.Key}.index() == r.index &&
			indexPartition(e.Partition, shardOf(item.Key)) == shown.text(partition)
	})
}

// fetchers is how many BatchGets of a page are under way at once.
const fetchers = 4

// fetchAll is fetch for any number of keys. It reads what is good enough for an
// ordering, which may be a moment old, at half the price.
func (t *Table) fetchAll(ctx context.Context, keys []store.Key) (map[store.Key]store.Item, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	chunks := slices.Collect(slices.Chunk(keys, store.MaxBatchGet))
	items := make([][]store.Item, len(chunks))
	for i, chunk := range chunks {
		group.Go(func() (err error) {
			items[i], err = t.fetch(ctx, chunk, false)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := make(map[store.Key]store.Item, len(keys))
	for _, chunk := range items {
		for _, item := range chunk {
			found[item.Key] = item
		}
	}
	return found, nil
}
