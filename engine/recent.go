package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/packhorse-batch/packhorse/batch"
)

// recent are jobs that were placed lately, with the version at which they hold their
// place: the ordering of live jobs may lag behind, and would show their room as free.
// It is only a help. What it forgets in a crash leads to a task that compute has no
// room for, and that is placed again.
type recent map[string]int64

// note remembers a job that was, or may have been, written at a version.
func (r recent) note(id string, version int64) { r[id] = version }

// supersedes reports whether j is an older state of a job that has been placed since.
func (r recent) supersedes(j batch.Job) bool { return r[j.ID] > j.Version }

// complete adds to the live jobs that the ordering showed those that it does not show
// yet.
func (e *Engine) complete(ctx context.Context, live []batch.Job) ([]batch.Job, error) {
	if len(e.recent) == 0 {
		return live, nil
	}
	late := map[string]int{}
	for i, j := range live {
		switch {
		case e.recent.supersedes(j):
			late[j.ID] = i
		default:
			delete(e.recent, j.ID) // seen
		}
	}
	stored, err := e.Records.Jobs(ctx, slices.Sorted(maps.Keys(e.recent)))
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(e.recent)) {
		j, ok := stored[id]
		switch at, shown := late[id]; {
		case !ok || !batch.Live(j.Status):
			delete(e.recent, id)
		case shown:
			live[at] = j
		default:
			live = append(live, j)
		}
	}
	return live, nil
}
