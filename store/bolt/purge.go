package bolt

import (
	"bytes"
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/store/rules"
)

// maxPurge is how many items one commit purges: few enough that the writes which
// wait meanwhile do not wait long.
const maxPurge = 250

// Purge removes up to limit items that expired before now, the earliest first.
func (t *Table) Purge(ctx context.Context, now time.Time, limit int) (int, error) {
	if err := rules.CheckPurge(limit); err != nil {
		return 0, err
	}
	purged := 0
	for purged < limit {
		w := &purge{now: now, limit: min(limit-purged, maxPurge)}
		if err := t.do(ctx, w); err != nil {
			return purged, err
		}
		purged += w.purged
		if w.purged < w.limit {
			break
		}
	}
	return purged, nil
}

// purge is the work of a part of a Purge.
type purge struct {
	now    time.Time
	limit  int
	purged int
}

func (p *purge) size() (ops, bytes int) { return p.limit, 0 }

func (p *purge) decide(*commit) error { return nil }

func (p *purge) apply(c *commit) error {
	expired, err := p.expired(c)
	if err != nil {
		return err
	}
	for _, primary := range expired {
		v, exists, err := c.stored(primary)
		if err != nil {
			return err
		}
		if !exists {
			return damaged(c.table.path, "the expiry names %q, which is not there", primary)
		}
		if err := c.remove(primary, v); err != nil {
			return err
		}
	}
	p.purged = len(expired)
	return nil
}

// expired lists the primary keys of what may go.
func (p *purge) expired(c *commit) ([][]byte, error) {
	b, err := c.bucket(bucketExpiry)
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	cursor := b.Cursor()
	for k, _ := cursor.First(); k != nil && len(keys) < p.limit; k, _ = cursor.Next() {
		seconds, primary, ok := parseExpiryKey(k)
		if !ok {
			return nil, damaged(c.table.path, "the expiry holds a key that is none: %q", k)
		}
		if !time.Unix(seconds, 0).Before(p.now) {
			break
		}
		keys = append(keys, bytes.Clone(primary))
	}
	return keys, nil
}
