package store

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Retention is how long jobs are kept after their end: AWS Batch promises at
// least seven days (user guide, "Job states").
const Retention = 7 * 24 * time.Hour

// PurgeJobs removes up to limit jobs of a queue that ended longer than Retention
// before now, with all that belongs to them, oldest first, and returns their ids.
// A crash in between leaves the job's state, so that the next call goes on.
func (r *Records) PurgeJobs(ctx context.Context, queue string, now time.Time, limit int) ([]string, error) {
	due := batch.MillisOf(now.Add(-Retention))
	var gone []string
	for _, phase := range []Phase{Done, Broken} {
		if len(gone) == limit {
			break // a limit of 0 would be none
		}
		var ended []batch.Job
		q := Query{
			Ordering: OrderList, Partition: listPartition(queue, phase),
			Before: listSort(due, ""),
		}
		err := each(ctx, r.table, q, limit-len(gone), func(item Item) (bool, error) {
			id, ok := idOf(item.Key)
			if !ok {
				return true, nil
			}
			j, err := decodeJob(item, id)
			if err == nil && j.StoppedAt < due {
				ended = append(ended, j)
			}
			return true, err
		})
		if err != nil {
			return gone, err
		}
		for _, j := range ended {
			if err := r.purgeJob(ctx, j.ID); err != nil {
				return gone, err
			}
			gone = append(gone, j.ID)
		}
	}
	return gone, nil
}

// purgeJob deletes a job's edges, children, attempts and spec, and its state last.
func (r *Records) purgeJob(ctx context.Context, id string) error {
	state := stateKey(id)
	for _, partition := range []string{edgePartition(id), jobPartition(id)} {
		var ops []Op
		flush := func() error {
			if len(ops) == 0 {
				return nil
			}
			err := r.Write(ctx, ops...)
			ops = ops[:0]
			return err
		}
		err := each(ctx, r.table, Query{Partition: partition}, 0, func(item Item) (bool, error) {
			if item.Key == state {
				return true, nil
			}
			ops = append(ops, Delete(item.Key, Always()))
			if len(ops) < MaxWrite {
				return true, nil
			}
			return true, flush()
		})
		if err == nil {
			err = flush()
		}
		if err != nil {
			return err
		}
	}
	return r.Write(ctx, Delete(state, Always()))
}
