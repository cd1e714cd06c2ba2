// Package lifecycle moves jobs through their states and carries what follows.
//
// Requests (control) and passes (engine) change jobs only through [Lifecycle.Apply].
// It loads the jobs as they are now, lets the caller say what they should become,
// and writes each with its version as condition; when another was faster it looks
// again. A child of an array is written together with its parent, so the parent's
// counts are exact at every moment. When a job has ended, the jobs that wait for it
// are released or failed, and so on.
//
// A crash can fall between the end of a job and the release of those that wait for
// it. Nothing is lost by that: Resolve looks at one waiting job and does what is
// left to do, and the engine's sweep calls it for all of them.
package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Lifecycle applies changes to jobs. Its methods may be called from many
// goroutines.
type Lifecycle struct {
	Records *store.Records
	Now     func() time.Time
	// Woken is called with the queue of each job that became runnable; it may be nil.
	Woken func(queue string)
	// Writers bounds the writes under way at once; 0 is maxWriters. With 1 they are
	// made in the order of the updates, so that a simulation can be run again.
	Writers int
	// CountApart writes children that begin to run each by itself, and the count of
	// their array behind them, for a store that takes double for a write of several
	// (DynamoDB). In between, and for good after a crash in between, the array counts
	// some of them as STARTING; how many have ended and how many are left is always
	// right.
	CountApart bool
	// Pause waits before a change is tried again that lost to another writer for the
	// n-th time, or until the context ends. It is for a store that many programs write
	// to: the record of an array is wanted by all of its children at once. Nil does not
	// wait.
	Pause func(ctx context.Context, n int)

	// unsettled says that something that follows from an end could not be done.
	unsettled atomic.Bool
}

// Unsettled reports whether something that follows from the end of a job could not be
// done since the last call; Resolve of the jobs that wait does it.
func (l *Lifecycle) Unsettled() bool { return l.unsettled.Swap(false) }

// SettleLater asks for a look at the jobs that wait: something may have been recorded
// without what follows from it.
func (l *Lifecycle) SettleLater() { l.unsettled.Store(true) }

// later notes an error that leaves something to be settled later.
func (l *Lifecycle) later(err error) {
	if err != nil && !errors.Is(err, ErrSkip) && !store.IsNotFound(err) {
		l.SettleLater()
	}
}

// nothingDone reports whether an error of a change says that nothing was written. Of
// others, a connection that broke, that is not known.
func nothingDone(err error) bool {
	var transition *batch.TransitionError
	return errors.Is(err, ErrSkip) || store.IsNotFound(err) || store.IsConflict(err) ||
		errors.Is(err, store.ErrUnavailable) || errors.As(err, &transition)
}

// Bounds of one Apply.
const (
	// maxTries is how often a change is tried again after losing to another writer.
	maxTries = 20
	// maxWriters bounds the writes under way at once. A store that gathers writes
	// makes one of them.
	maxWriters = 512
	// childrenPerWrite leaves room in one Write for the parent and for a record of
	// an attempt with each child.
	childrenPerWrite = 45
)

// ErrSkip is returned by a Change that finds nothing to do.
var ErrSkip = errors.New("nothing to change")

// Update asks for the change of one job.
type Update struct {
	ID string
	// Change returns the job as it should be, and operations that belong into the
	// same write. It may be called several times, each time with the job as it is
	// then. ErrSkip leaves the job as it is; any other error is the result.
	Change func(batch.Job) (batch.Job, []store.Op, error)
	// Dispatch says that a child of a plain array is started in its turn: the
	// parent's Next moves behind it.
	Dispatch bool
}

// Result is what became of an Update. Err is nil, ErrSkip, store.ErrNotFound or
// what the store or the Change answered.
type Result struct {
	Before, After batch.Job
	Err           error
}

// Apply carries out updates, each by one conditional write, and settles what
// follows from those that ended. Results stand in the order of the updates. No two
// updates may be for one job.
func (l *Lifecycle) Apply(ctx context.Context, updates []Update) []Result {
	results := l.apply(ctx, updates)
	var ended []batch.Job
	for _, r := range results {
		if r.Err != nil {
			if !nothingDone(r.Err) {
				l.later(r.Err) // it may have ended all the same
			}
			continue
		}
		switch {
		case batch.Final(r.After.Status) && !batch.Final(r.Before.Status):
			ended = append(ended, r.After)
		case closed(r):
			ended = append(ended, l.settleClosed(ctx, r.After)...)
		}
		if r.After.Status == batch.Runnable && r.Before.Status != batch.Runnable {
			l.wake(r.After.Queue)
		}
	}
	l.settle(ctx, ended)
	return results
}

func (l *Lifecycle) pause(ctx context.Context, n int) {
	if l.Pause != nil {
		l.Pause(ctx, n)
	}
}

func (l *Lifecycle) wake(queue string) {
	if l.Woken != nil {
		l.Woken(queue)
	}
}

// apply is Apply without what follows, except that the end of an array's last
// child ends the array, which is settled here.
func (l *Lifecycle) apply(ctx context.Context, updates []Update) []Result {
	results := make([]Result, len(updates))
	families := map[string][]int{} // array parent -> updates of its children
	var parents []string           // of families, in the order of the updates
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(l.Writers, maxWriters))
	for i, u := range updates {
		if parent, _, ok := batch.SplitChild(u.ID); ok {
			if families[parent] == nil {
				parents = append(parents, parent)
			}
			families[parent] = append(families[parent], i)
			continue
		}
		group.Go(func() error {
			results[i] = l.applyOne(ctx, u)
			return nil
		})
	}
	for _, parent := range parents {
		members := families[parent]
		// Chunks of one family share the parent's record: one after the other.
		group.Go(func() error {
			for start := 0; start < len(members); start += childrenPerWrite {
				chunk := members[start:min(start+childrenPerWrite, len(members))]
				err := l.applyFamily(ctx, parent, updates, chunk, results)
				if err == nil {
					continue
				}
				// Not the ones behind either: children are dispatched without gaps.
				for _, i := range members[start:] {
					results[i] = Result{Err: err}
				}
				return nil
			}
			return nil
		})
	}
	_ = group.Wait() // its functions answer in results
	return results
}

func (l *Lifecycle) applyOne(ctx context.Context, u Update) Result {
	for try := 0; ; try++ {
		before, err := l.Records.Job(ctx, u.ID)
		if err != nil {
			return Result{Err: err}
		}
		after, ops, err := u.Change(before)
		if err != nil {
			return Result{Before: before, After: before, Err: err}
		}
		err = l.Records.Write(ctx, append(ops, l.Records.PutJob(after))...)
		if store.IsConflict(err) && try < maxTries {
			l.pause(ctx, try+1)
			continue
		}
		if err == nil {
			after.Version++
		}
		return Result{Before: before, After: after, Err: err}
	}
}

// applyFamily changes children of one array and their parent in one write, but for
// those that are written apart. The error is that of the write; what became of each
// child stands in results.
func (l *Lifecycle) applyFamily(ctx context.Context, parentID string, updates []Update, members []int, results []Result) error {
	began := 0 // children that were written apart and are to be counted
	for try := 0; ; try++ {
		ids := make([]string, 0, len(members)+1)
		for _, i := range members {
			ids = append(ids, updates[i].ID)
		}
		stored, err := l.Records.Jobs(ctx, append(ids, parentID))
		if err != nil {
			return err
		}
		parent, ok := stored[parentID]
		if !ok || parent.Array == nil {
			return store.ErrNotFound
		}
		array := *parent.Array
		parent.Array = &array
		var ops []store.Op
		var together, apart []int
		for _, i := range members {
			var alone bool
			if results[i], alone = l.changeChild(&parent, stored, updates[i], &ops); alone {
				apart = append(apart, i)
			} else {
				together = append(together, i)
			}
		}
		if len(apart) > 0 {
			again := l.writeApart(ctx, apart, results)
			for _, i := range apart {
				if results[i].Err == nil {
					began++
				}
			}
			// The array as it is now, and not as it was before these writes: they took a
			// while, in which others may have written it.
			if members = append(together, again...); try < maxTries {
				continue
			}
		}
		if len(ops) == 0 && began == 0 {
			return nil
		}
		parent.Array.Counts.Move(batch.Starting, batch.Running, began)
		ended := l.endArray(&parent)
		err = l.Records.Write(ctx, append(ops, l.Records.PutJob(parent))...)
		if store.IsConflict(err) && try < maxTries {
			l.pause(ctx, try+1)
			continue
		}
		if len(ops) == 0 {
			return nil // no child waits for its count
		}
		if err != nil {
			return err
		}
		for _, i := range members {
			if results[i].Err == nil {
				results[i].After.Version++
			}
		}
		if ended {
			l.settle(ctx, []batch.Job{parent})
		}
		return nil
	}
}

// changeChild applies one update to a child, counting it in parent; or it says that the
// child is to be written apart.
func (l *Lifecycle) changeChild(parent *batch.Job, stored map[string]batch.Job, u Update, ops *[]store.Op) (r Result, apart bool) {
	_, index, _ := batch.SplitChild(u.ID)
	before, ok := stored[u.ID]
	if !ok {
		if index >= parent.Array.Size {
			return Result{Err: store.ErrNotFound}, false
		}
		before = Unstarted(*parent, index)
	}
	after, extra, err := u.Change(before)
	if err != nil {
		return Result{Before: before, After: before, Err: err}, false
	}
	if l.CountApart && begins(before, after, extra) {
		return Result{Before: before, After: after}, true
	}
	parent.Array.Counts.Move(before.Status, after.Status, 1)
	if before.Version == 0 {
		parent.Array.Unstarted--
	}
	if u.Dispatch && index >= parent.Array.Next {
		parent.Array.Next = index + 1
	}
	*ops = append(append(*ops, extra...), l.Records.PutJob(after))
	return Result{Before: before, After: after}, false
}

// endArray ends parent if its last child has ended.
func (l *Lifecycle) endArray(parent *batch.Job) bool {
	if batch.Final(parent.Status) || parent.Array.Counts.Ended() < parent.Array.Size {
		return false
	}
	to, reason := batch.Succeeded, ""
	if parent.Array.Counts.Failed > 0 {
		to, reason = batch.Failed, ArrayChildFailed
		switch {
		case parent.Stop != nil:
			reason = parent.Stop.Reason
		case parent.Array.Unstarted == parent.Array.Size:
			reason = parent.Array.Closed // no child ever had a chance
		}
	}
	ended, err := parent.Transition(to, reason, batch.MillisOf(l.Now()))
	if err != nil {
		return false
	}
	*parent = ended
	return true
}

// Reasons that AWS Batch gives and that clients match.
const (
	ArrayChildFailed   = "Array Child Job failed"
	DependentJobFailed = "Dependent Job failed"
	EssentialExited    = "Essential container in task exited"
	TimedOut           = "Job attempt duration exceeded timeout"
	TaskFailedToStart  = "Task failed to start"
	QueueDeletedReason = "JobQueue deleted"
)

// Unstarted returns the state of a child that has no record, as its parent tells it.
func Unstarted(parent batch.Job, index int) batch.Job {
	child := batch.Job{
		ID: batch.ChildID(parent.ID, index), Name: parent.Name, Queue: parent.Queue,
		Definition: parent.Definition, Status: parent.UnstartedStatus(), CreatedAt: parent.CreatedAt,
		Share: parent.Share, Priority: parent.Priority, Need: parent.Need,
		Platform: parent.Platform, OnHosts: parent.OnHosts, Arch: parent.Arch, Multi: parent.Multi,
		MaxAttempts: parent.MaxAttempts, TimeoutSeconds: parent.TimeoutSeconds,
	}
	if child.Status == batch.Failed {
		child.Reason, child.StoppedAt = parent.Array.Closed, parent.Array.ClosedAt
		child.Cancelled, child.Terminated = parent.Cancelled, parent.Terminated
	}
	return child
}
