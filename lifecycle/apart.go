package lifecycle

import (
	"cmp"
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// begins reports whether a change is no more than that a child that was started runs.
// It moves nothing that anything is decided by, only the counts that people see.
func begins(before, after batch.Job, extra []store.Op) bool {
	return before.Version > 0 && before.Status == batch.Starting && after.Status == batch.Running && len(extra) == 0
}

// writeApart writes children that begin to run, each by itself, and returns those that
// were not as they were read and are to be looked at again.
func (l *Lifecycle) writeApart(ctx context.Context, members []int, results []Result) (again []int) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(l.Writers, maxWriters))
	for _, i := range members {
		group.Go(func() error {
			r := &results[i]
			if r.Err = l.Records.Write(ctx, l.Records.PutJob(r.After)); r.Err == nil {
				r.After.Version++
			} else if store.IsConflict(r.Err) {
				mu.Lock()
				defer mu.Unlock()
				again = append(again, i)
			}
			return nil
		})
	}
	_ = group.Wait() // its functions answer in results
	return again
}
