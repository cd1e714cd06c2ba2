package store

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Runs is what is known of how long the jobs of a definition run in a queue: sums over
// attempts that ended by themselves, the older ones decayed.
type Runs struct {
	Version int64  `json:"-"`
	Queue   string `json:"-"`
	// Definition is its name; its revisions count together.
	Definition string       `json:"d"`
	Count      float64      `json:"n"`
	Seconds    float64      `json:"s"` // sum
	Squares    float64      `json:"q"` // sum of squares
	AsOf       batch.Millis `json:"at"`
}

// runsKept is how long run times of a definition are remembered that is not used.
const runsKept = 90 * 24 * time.Hour

// PutRuns writes what is known of a definition's run times.
func (r *Records) PutRuns(of Runs) Op {
	return put(Key{"runs#" + of.Queue, of.Definition}, of.Version, of, of.AsOf.Time().Add(runsKept))
}

// Runs returns what is known of a definition's run times; an empty value when nothing is.
func (r *Records) Runs(ctx context.Context, queue, definition string) (Runs, error) {
	of := Runs{Queue: queue, Definition: definition}
	version, err := get(ctx, r.table, Key{"runs#" + queue, definition}, &of)
	if IsNotFound(err) {
		return of, nil
	}
	of.Version = version
	return of, err
}

// AllRuns returns the run times of all definitions of a queue, at most limit.
func (r *Records) AllRuns(ctx context.Context, queue string, limit int) ([]Runs, error) {
	var found []Runs
	err := each(ctx, r.table, Query{Partition: "runs#" + queue}, limit, func(item Item) (bool, error) {
		of := Runs{Queue: queue}
		err := decode(item, &of)
		of.Version = item.Version
		found = append(found, of)
		return len(found) < limit, err
	})
	return found, err
}
