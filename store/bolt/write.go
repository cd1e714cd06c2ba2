package bolt

import (
	"github.com/packhorse-batch/packhorse/store"
)

// write is the work of a Write. Its values are encoded by the caller's goroutine:
// the version that a put makes follows from its condition.
type write struct {
	ops   []operation
	bytes int
}

type operation struct {
	key     store.Key
	primary []byte
	cond    store.Condition
	delete  bool
	encoded []byte
	places  []place

	old    value // what decide found
	exists bool
}

func newWrite(ops []store.Op) *write {
	w := &write{ops: make([]operation, len(ops))}
	for i := range ops {
		op, o := &ops[i], &w.ops[i]
		o.key, o.primary, o.cond, o.delete = op.Item.Key, primaryKey(op.Item.Key), op.If, op.Delete
		if op.Delete {
			continue
		}
		o.encoded = encode(o.primary, &op.Item, op.If.Version+1)
		w.bytes += len(o.encoded)
		o.places = make([]place, 0, len(op.Item.Entries)+1)
		for _, e := range op.Item.Entries {
			o.places = append(o.places, place{[]byte(orderingPrefix + e.Ordering), placeKey(e.Partition, e.Sort, o.primary)})
		}
		if !op.Item.Expires.IsZero() {
			o.places = append(o.places, place{bucketExpiry, expiryKey(op.Item.Expires.Unix(), o.primary)})
		}
	}
	return w
}

func (w *write) size() (ops, bytes int) { return len(w.ops), w.bytes }

// decide looks at every condition. No two operations are on one key, so all can
// be decided before any is applied.
func (w *write) decide(c *commit) error {
	for i := range w.ops {
		o := &w.ops[i]
		var err error
		if o.old, o.exists, err = c.stored(o.primary); err != nil {
			return err
		}
		if !o.cond.Any && o.old.version != o.cond.Version {
			return &store.ConflictError{Index: i, Key: o.key}
		}
	}
	return nil
}

func (w *write) apply(c *commit) error {
	for i := range w.ops {
		o := &w.ops[i]
		var err error
		switch {
		case !o.delete:
			err = c.put(o.primary, o.encoded, o.places, o.old)
		case o.exists:
			err = c.remove(o.primary, o.old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
