package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Phase groups the states of jobs that are listed together: what waits for other
// jobs, what waits for a host, what has one, and the two ends.
type Phase string

// The phases.
const (
	Waiting   Phase = "waiting"
	Ready     Phase = "runnable"
	Live      Phase = "live"
	LiveChild Phase = "live.child" // array children are found by the pass, not by lists
	Done      Phase = "succeeded"
	Broken    Phase = "failed"
)

// PhaseOf returns the phase that lists a job of status s.
func PhaseOf(s batch.Status) Phase {
	switch s {
	case batch.Submitted, batch.Pending:
		return Waiting
	case batch.Runnable:
		return Ready
	case batch.Starting, batch.Running:
		return Live
	case batch.Succeeded:
		return Done
	}
	return Broken
}

func jobPartition(id string) string { return "job#" + id }

// stateKey returns where the state of a job, or of an array child, is kept:
// children live in the partition of their parent.
func stateKey(id string) Key {
	if parent, index, ok := batch.SplitChild(id); ok {
		return Key{jobPartition(parent), childSort(index)}
	}
	return Key{jobPartition(id), "state"}
}

func childSort(index int) string { return fmt.Sprintf("child#%07d", index) }

func attemptKey(id string, number int) Key {
	if parent, index, ok := batch.SplitChild(id); ok {
		return Key{jobPartition(parent), fmt.Sprintf("attempt#%07d#%02d", index, number)}
	}
	return Key{jobPartition(id), fmt.Sprintf("attempt#%02d", number)}
}

func listPartition(queue string, phase Phase) string { return queue + "#" + string(phase) }

// listSort orders by creation, then id: the same key in every phase, so that one
// position pages through all of them.
func listSort(created batch.Millis, id string) string {
	return fmt.Sprintf("%013d#%s", created, id)
}

func readyPartition(queue, share string) string { return queue + "#" + share }

// readySort is the order of dispatch within a queue or a share: jobs that were
// under way before, then higher priority, then age.
func readySort(j batch.Job) string {
	rank := 1
	if j.Retried {
		rank = 0
	}
	return fmt.Sprintf("%d#%04d#%013d#%s", rank, 9999-j.Priority, j.CreatedAt, j.ID)
}

// dispatchable reports whether a pass may start this job, or children of it.
func dispatchable(j batch.Job) bool {
	if j.Array != nil {
		return j.Status == batch.Pending && j.WaitsFor == 0 && j.Stop == nil &&
			j.Array.Mode == batch.ArrayPlain && j.Array.Closed == "" && j.Array.Unstarted > 0
	}
	return j.Status == batch.Runnable
}

func (r *Records) jobEntries(j batch.Job) []Entry {
	entries := make([]Entry, 0, 3)
	_, _, child := batch.SplitChild(j.ID)
	switch phase := PhaseOf(j.Status); {
	case !child:
		entries = append(entries, Entry{OrderList, listPartition(j.Queue, phase), listSort(j.CreatedAt, j.ID)})
	case phase == Live:
		entries = append(entries, Entry{OrderList, listPartition(j.Queue, LiveChild), listSort(j.CreatedAt, j.ID)})
	}
	if dispatchable(j) {
		entries = append(entries, Entry{OrderReady, readyPartition(j.Queue, j.Share), readySort(j)})
	}
	if r.opts.TaskLookup {
		if task := taskOf(j); task != "" {
			entries = append(entries, Entry{OrderTask, task, "job"})
		}
	}
	return entries
}

func taskOf(j batch.Job) string {
	switch {
	case j.Placement != nil:
		return j.Placement.Task
	case j.Last != nil:
		return j.Last.Placement.Task
	}
	return ""
}

// PutJob writes the state of a job at the version it was read at.
func (r *Records) PutJob(j batch.Job) Op {
	op := put(stateKey(j.ID), j.Version, compact(j), time.Time{}, r.jobEntries(j)...)
	op.Item.Data = withSubmitted(op.Item.Data, j.Submitted)
	if r.opts.Alone {
		j.Version++
		op.record = &j
	}
	return op
}

// PutAttempt writes an attempt that ended and was followed by another.
func (r *Records) PutAttempt(id string, a batch.Attempt) Op {
	return put(attemptKey(id, a.Number), 0, a, time.Time{})
}

func decodeJob(item Item, id string) (batch.Job, error) {
	var j batch.Job
	state, submitted := cutSubmitted(item.Data)
	item.Data = state
	if err := decode(item, &j); err != nil {
		return batch.Job{}, err
	}
	j.ID, j.Version, j.Submitted = id, item.Version, string(submitted)
	expand(&j)
	return j, nil
}

// idOf is the inverse of stateKey.
func idOf(key Key) (string, bool) {
	const jobPrefix, childPrefix = "job#", "child#"
	if len(key.Partition) <= len(jobPrefix) || key.Partition[:len(jobPrefix)] != jobPrefix {
		return "", false
	}
	id := key.Partition[len(jobPrefix):]
	if key.Sort == "state" {
		return id, true
	}
	if len(key.Sort) == len(childPrefix)+7 && key.Sort[:len(childPrefix)] == childPrefix {
		index := 0
		for _, c := range key.Sort[len(childPrefix):] {
			index = index*10 + int(c-'0')
		}
		return batch.ChildID(id, index), true
	}
	return "", false
}

// Job returns the state of a job, or ErrNotFound. An array child that has not
// started has no record; its parent speaks for it.
func (r *Records) Job(ctx context.Context, id string) (batch.Job, error) {
	item, err := r.table.Get(ctx, stateKey(id))
	if err != nil {
		return batch.Job{}, err
	}
	return decodeJob(item, id)
}

// Jobs returns the states of those of up to MaxBatchGet jobs that have a record.
func (r *Records) Jobs(ctx context.Context, ids []string) (map[string]batch.Job, error) {
	found := make(map[string]batch.Job, len(ids))
	for start := 0; start < len(ids); start += MaxBatchGet {
		chunk := ids[start:min(start+MaxBatchGet, len(ids))]
		keys := make([]Key, len(chunk))
		for i, id := range chunk {
			keys[i] = stateKey(id)
		}
		items, err := r.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			id, ok := idOf(item.Key)
			if !ok {
				continue
			}
			j, err := decodeJob(item, id)
			if err != nil {
				return nil, err
			}
			found[id] = j
		}
	}
	return found, nil
}

// Attempts returns the attempts of a job that were followed by another, first to last.
func (r *Records) Attempts(ctx context.Context, id string) ([]batch.Attempt, error) {
	first := attemptKey(id, 0)
	var attempts []batch.Attempt
	q := Query{Partition: first.Partition, From: first.Sort, Before: attemptKey(id, 99).Sort}
	err := each(ctx, r.table, q, 0, func(item Item) (bool, error) {
		var a batch.Attempt
		err := decode(item, &a)
		attempts = append(attempts, a)
		return true, err
	})
	return attempts, err
}

// JobPage is a page of jobs of an ordering. Orderings may lag: the versions are
// those at which the jobs were seen.
type JobPage struct {
	Jobs []batch.Job
	Next string
}

func jobPage(page Page) (JobPage, error) {
	out := JobPage{Next: page.Next, Jobs: make([]batch.Job, 0, len(page.Items))}
	for _, item := range page.Items {
		id, ok := idOf(item.Key)
		if !ok {
			continue
		}
		j, err := decodeJob(item, id)
		if err != nil {
			return JobPage{}, err
		}
		out.Jobs = append(out.Jobs, j)
	}
	return out, nil
}

// ListRange bounds a listing by creation time and position.
type ListRange struct {
	// From and Before bound createdAt: From <= createdAt < Before; 0 is open.
	From, Before batch.Millis
	// BeforeID, with Before, starts behind the job of that id created at Before.
	BeforeID string
	Limit    int
	After    string
}

// ListJobs returns jobs of a queue in a phase, newest first.
func (r *Records) ListJobs(ctx context.Context, queue string, phase Phase, in ListRange) (JobPage, error) {
	q := Query{
		Ordering: OrderList, Partition: listPartition(queue, phase),
		Descending: true, Limit: in.Limit, After: in.After,
	}
	if in.From > 0 {
		q.From = fmt.Sprintf("%013d", in.From)
	}
	if in.Before > 0 {
		q.Before = listSort(in.Before, in.BeforeID)
		if in.BeforeID == "" {
			q.Before = fmt.Sprintf("%013d", in.Before)
		}
	}
	page, err := r.table.Query(ctx, q)
	if err != nil {
		return JobPage{}, err
	}
	return jobPage(page)
}

// LiveJobs returns every job of a queue, array children included, that holds a
// place on a host. What the jobs point to is shared with later calls.
func (r *Records) LiveJobs(ctx context.Context, queue string) ([]batch.Job, error) {
	var jobs []batch.Job
	for _, phase := range []Phase{Live, LiveChild} {
		partition := listPartition(queue, phase)
		if err := r.readLive(ctx, partition, func(j batch.Job) { jobs = append(jobs, j) }); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// readLive reads the jobs of a partition of OrderList.
func (r *Records) readLive(ctx context.Context, partition string, take func(batch.Job)) error {
	known := r.live.reading(partition, decodeStored)
	err := each(ctx, r.table, Query{Ordering: OrderList, Partition: partition}, 0, func(item Item) (bool, error) {
		if _, ok := idOf(item.Key); !ok {
			return true, nil
		}
		j, err := known.decode(item)
		take(j)
		return true, err
	})
	if err == nil {
		known.done()
	}
	return err
}

// Front returns up to limit jobs of a queue (of a share of it) that may start, in
// the order of dispatch. Array parents stand for their children. What the jobs point to
// is shared with later calls.
func (r *Records) Front(ctx context.Context, queue, share string, limit int) ([]*batch.Job, error) {
	partition := readyPartition(queue, share)
	if r.opts.Alone {
		return r.lines.front(partition, limit, func(behind string, limit int) (found []stand, err error) {
			err = r.readReady(ctx, partition, behind, limit, decodeReady, func(j *batch.Job, place string) {
				found = append(found, stand{sort: place, job: j})
			})
			return found, err
		})
	}
	known := r.fronts.reading(partition, decodeReady)
	jobs := make([]*batch.Job, 0, min(limit, len(known.before)+1))
	err := r.readReady(ctx, partition, "", limit, known.decode, func(j *batch.Job, _ string) { jobs = append(jobs, j) })
	if err == nil && share == "" { // there may be any number of shares
		known.done()
	}
	return jobs, err
}

// readReady reads up to limit jobs of a partition of OrderReady behind a place.
func (r *Records) readReady(ctx context.Context, partition, behind string, limit int, decode func(Item) (*batch.Job, error), take func(j *batch.Job, place string)) error {
	q := Query{Ordering: OrderReady, Partition: partition}
	if behind != "" {
		q.From = behind + "\x01" // no job's id goes on with that
	}
	return each(ctx, r.table, q, limit, func(item Item) (bool, error) {
		if _, ok := idOf(item.Key); !ok {
			return true, nil
		}
		j, err := decode(item)
		if err != nil {
			return false, err
		}
		for _, e := range item.Entries {
			if e.Ordering == OrderReady {
				take(j, e.Sort)
			}
		}
		return true, nil
	})
}

func decodeReady(item Item) (*batch.Job, error) {
	j, err := decodeStored(item)
	return &j, err
}

func decodeStored(item Item) (batch.Job, error) {
	id, _ := idOf(item.Key)
	return decodeJob(item, id)
}

// Children returns up to limit records of children of an array with from <= index,
// by index. Children that only wait have none.
func (r *Records) Children(ctx context.Context, parent string, from, limit int) ([]batch.Job, error) {
	var jobs []batch.Job
	q := Query{Partition: jobPartition(parent), From: childSort(from), Before: "child$"}
	err := each(ctx, r.table, q, limit, func(item Item) (bool, error) {
		id, ok := idOf(item.Key)
		if !ok {
			return true, nil
		}
		j, err := decodeJob(item, id)
		jobs = append(jobs, j)
		return true, err
	})
	return jobs, err
}

// JobOfTask returns the job whose latest attempt ran as an ECS task, or
// ErrNotFound. It needs Options.TaskLookup.
func (r *Records) JobOfTask(ctx context.Context, task string) (batch.Job, error) {
	if task == "" {
		return batch.Job{}, ErrNotFound
	}
	page, err := r.table.Query(ctx, Query{Ordering: OrderTask, Partition: task, Limit: 1})
	if err != nil {
		return batch.Job{}, err
	}
	jobs, err := jobPage(page)
	if err == nil && len(jobs.Jobs) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return batch.Job{}, err
	}
	return jobs.Jobs[0], nil
}

// onceRetention is how long a submission is remembered by its SDK invocation id.
// SDKs retry for minutes at the most.
const onceRetention = time.Hour

type once struct {
	ID string `json:"i"`
}

// PutOnce remembers that the SDK call of an invocation id made job id. It goes
// with the job's first Write, which it makes fail when the call was served before.
func (r *Records) PutOnce(invocation, id string, now time.Time) Op {
	return r.PutOnceFor(invocation, id, now, onceRetention)
}

// PutOnceFor is PutOnce for a caller that may repeat a call later than SDKs do. It is
// remembered for keep, and an hour at least.
func (r *Records) PutOnceFor(invocation, id string, now time.Time, keep time.Duration) Op {
	return put(Key{"once", invocation}, 0, once{id}, now.Add(max(keep, onceRetention)))
}

// Once returns the job that an SDK call made, or ErrNotFound.
func (r *Records) Once(ctx context.Context, invocation string) (id string, err error) {
	var o once
	_, err = get(ctx, r.table, Key{"once", invocation}, &o)
	return o.ID, err
}

// IsConflict reports whether err is a failed condition: the record was changed by
// another since it was read, and reading it again may show a way on.
func IsConflict(err error) bool { return errors.Is(err, ErrConflict) }
