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
func (r recent) supersedes(j *batch.Job) bool { return r[j.ID] > j.Version }

// complete adds to the roster those jobs that the ordering does not show yet as they are.
func (e *Engine) complete(ctx context.Context) error {
	if len(e.recent) == 0 {
		return nil
	}
	for id, version := range e.recent {
		if p := e.roster.jobs[id]; p != nil && p.shown >= version {
			delete(e.recent, id) // seen
		}
	}
	late := slices.Sorted(maps.Keys(e.recent))
	stored, err := e.Records.Jobs(ctx, late)
	if err != nil {
		return err
	}
	for _, id := range late {
		if j, ok := stored[id]; ok && batch.Live(j.Status) {
			e.putJob(j)
			continue
		}
		delete(e.recent, id)
		e.roster.dropJob(id)
	}
	return nil
}
