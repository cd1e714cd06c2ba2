package lifecycle

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Resolve does for one waiting job what may be left to do: it takes note of
// dependencies that have ended already, releases or fails the job (the children of
// a gated array) and settles what follows; it goes on with the end of an array that
// was stopped. A submission calls it after its job is
// written, since a dependency may have ended meanwhile; the sweep calls it for all
// that wait, since a crash may have come between an end and what follows from it.
func (l *Lifecycle) Resolve(ctx context.Context, id string) error {
	job, err := l.Records.Job(ctx, id)
	if err != nil || batch.Final(job.Status) {
		return err
	}
	if job.Array != nil && job.Stop != nil {
		if err := l.stopChildren(ctx, id, *job.Stop); err != nil {
			return err
		}
	}
	var ended []batch.Job
	if job.WaitsFor > 0 {
		ended, err = l.resolveEdges(ctx, job)
	} else if job.Array != nil && job.Array.Mode != batch.ArrayPlain {
		ended = l.resolveGated(ctx, id)
	}
	l.settle(ctx, ended)
	return err
}

// resolveEdges cuts the edges of a job whose other end has ended.
func (l *Lifecycle) resolveEdges(ctx context.Context, job batch.Job) ([]batch.Job, error) {
	spec, err := l.Records.Spec(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	var on []string
	for _, d := range spec.Request.DependsOn {
		if d.JobId != nil && *d.JobId != "" && d.Type != types.ArrayJobDependencyNToN {
			on = append(on, *d.JobId)
		}
	}
	on = unique(on)
	edges, err := l.Records.EdgesOf(ctx, job.ID, on)
	if err != nil {
		return nil, err
	}
	known, err := l.Describe(ctx, on)
	if err != nil {
		return nil, err
	}
	var ready []store.Edge
	for _, e := range edges {
		if j, ok := known[e.On]; ok && batch.Final(j.Status) {
			ready = append(ready, e)
		}
	}
	var ended []batch.Job
	for start := 0; start < len(ready); start += edgesPerWrite {
		chunk := ready[start:min(start+edgesPerWrite, len(ready))]
		ended = append(ended, l.cut(ctx, job.ID, chunk, known)...)
	}
	return ended, nil
}

// Describe returns the states of jobs by id, array children that have no record
// included. Unknown ids are left out.
func (l *Lifecycle) Describe(ctx context.Context, ids []string) (map[string]batch.Job, error) {
	known, err := l.Records.Jobs(ctx, unique(append([]string(nil), ids...)))
	if err != nil {
		return nil, err
	}
	var parents []string
	for _, id := range ids {
		if parent, _, ok := batch.SplitChild(id); ok {
			if _, have := known[id]; !have {
				parents = append(parents, parent)
			}
		}
	}
	if len(parents) == 0 {
		return known, nil
	}
	owners, err := l.Records.Jobs(ctx, unique(parents))
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		parent, index, ok := batch.SplitChild(id)
		if _, have := known[id]; !ok || have {
			continue
		}
		owner, ok := owners[parent]
		if ok && owner.Array != nil && index < owner.Array.Size {
			known[id] = Unstarted(owner, index)
		}
	}
	return known, nil
}
