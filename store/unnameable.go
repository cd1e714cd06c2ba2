package store

import (
	"context"
	"strings"
	"unicode/utf8"
)

// asked is a Table that is asked for names as people send them. A name that no key
// can hold (empty, too long, not UTF-8, with a zero byte) names nothing: reading it
// answers as for any other name that is unknown, where the Table below would call the
// question a mistake. Writes pass through: whoever makes a name checks it first.
type asked struct{ Table }

func (t asked) Get(ctx context.Context, key Key) (Item, error) {
	if !key.possible() {
		return Item{}, ErrNotFound
	}
	return t.Table.Get(ctx, key)
}

func (t asked) BatchGet(ctx context.Context, keys []Key) ([]Item, error) {
	for i, key := range keys {
		if key.possible() {
			continue
		}
		possible := append([]Key{}, keys[:i]...)
		for _, key := range keys[i+1:] {
			if key.possible() {
				possible = append(possible, key)
			}
		}
		keys = possible
		break
	}
	return t.Table.BatchGet(ctx, keys)
}

func (t asked) Query(ctx context.Context, q Query) (Page, error) {
	if !possibleText(q.Partition, MaxPartition) {
		return Page{}, nil
	}
	return t.Table.Query(ctx, q)
}

// possible reports whether an item can have the key.
func (k Key) possible() bool {
	return possibleText(k.Partition, MaxPartition) && possibleText(k.Sort, MaxSort)
}

func possibleText(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}
