package store

import (
	"context"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Why is what the last pass said of the jobs of a queue that it left waiting.
type Why struct {
	Version int64        `json:"-"`
	Queue   string       `json:"-"`
	At      batch.Millis `json:"a"`
	// Said is why the jobs at the front of the queue wait.
	Said []Said `json:"s,omitempty"`
	// Rest is the reason of those behind.
	Rest string `json:"r,omitempty"`
	// Head is the first job of the queue, HeadToken the cause that AWS has a name
	// for ("MISCONFIGURATION:..."), HeadSince when both became so.
	Head      string       `json:"h,omitempty"`
	HeadToken string       `json:"ht,omitempty"`
	HeadSince batch.Millis `json:"hs,omitempty"`
}

// Said is a reason and the jobs that wait for it. Equal jobs wait for the same, so that it
// is written once and not for each: a record is billed by its size.
type Said struct {
	Reason string   `json:"r"`
	Jobs   []string `json:"j"`
}

// Of is the reason of a job at the front of the queue.
func (w Why) Of(job string) (reason string, ok bool) {
	for _, s := range w.Said {
		if slices.Contains(s.Jobs, job) {
			return s.Reason, true
		}
	}
	return "", false
}

// SameAs reports whether as much is said as in o: all but when.
func (w Why) SameAs(o Why) bool {
	return w.Rest == o.Rest && w.Head == o.Head && w.HeadToken == o.HeadToken &&
		slices.EqualFunc(w.Said, o.Said, func(a, b Said) bool { return a.Reason == b.Reason && slices.Equal(a.Jobs, b.Jobs) })
}

// PutWhy writes the reasons of a queue.
func (r *Records) PutWhy(w Why) Op { return put(Key{"why", w.Queue}, w.Version, w, time.Time{}) }

// Why returns the reasons of a queue; an empty value when no pass has spoken yet.
func (r *Records) Why(ctx context.Context, queue string) (Why, error) {
	w := Why{Queue: queue}
	version, err := get(ctx, r.table, Key{"why", queue}, &w)
	if IsNotFound(err) {
		return w, nil
	}
	w.Version, w.Queue = version, queue
	return w, err
}
