package store

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Lease says who makes the passes of a scheduling domain now. It saves double work; what
// two passes at once would do is right all the same, since every write is conditional.
type Lease struct {
	Version int64  `json:"-"`
	Domain  string `json:"-"`
	Holder  string `json:"h,omitempty"` // empty: free
	// Fence rises with each new holder, so that an old one can be told from the present.
	Fence int64        `json:"f"`
	Until batch.Millis `json:"u,omitempty"`
	// Wanted counts those who found it held and want another pass.
	Wanted int64 `json:"w,omitempty"`
}

// Held reports whether someone holds the lease.
func (l Lease) Held(now time.Time) bool { return l.Holder != "" && now.Before(l.Until.Time()) }

func leaseKey(domain string) Key { return Key{"lease", domain} }

// Lease returns the lease of a domain; one that was never taken is free.
func (r *Records) Lease(ctx context.Context, domain string) (Lease, error) {
	l := Lease{}
	version, err := get(ctx, r.table, leaseKey(domain), &l)
	if IsNotFound(err) {
		err = nil
	}
	l.Version, l.Domain = version, domain
	return l, err
}

// PutLease writes a lease at the version it was read at.
func (r *Records) PutLease(l Lease) Op { return put(leaseKey(l.Domain), l.Version, l, time.Time{}) }
