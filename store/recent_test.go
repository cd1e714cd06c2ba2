package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// counted is a table that counts its reads, and in which something may happen before one
// is answered.
type counted struct {
	store.Table
	reads     int
	meanwhile func()
}

func (c *counted) read() {
	c.reads++
	if meanwhile := c.meanwhile; meanwhile != nil {
		c.meanwhile = nil
		meanwhile()
	}
}

func (c *counted) Get(ctx context.Context, key store.Key) (store.Item, error) {
	item, err := c.Table.Get(ctx, key)
	c.read()
	return item, err
}

func (c *counted) Query(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := c.Table.Query(ctx, q)
	c.read()
	return page, err
}

// doors are two processes on one table that keep what submissions look at for a second.
type doors struct {
	*testing.T
	table    *counted
	now      time.Time
	own, far *store.Records
}

func openDoors(t *testing.T) *doors {
	d := &doors{T: t, table: &counted{Table: mem.Open()}, now: today}
	options := store.Options{RecentFor: time.Second, Now: func() time.Time { return d.now }}
	d.own, d.far = store.New(d.table, options), store.New(d.table.Table, options)
	return d
}

func (d *doors) write(by *store.Records, ops ...store.Op) {
	d.Helper()
	if err := by.Write(d.Context(), ops...); err != nil {
		d.Fatal(err)
	}
}

// kept is something that submissions look at: how it is written at a version with a mark
// of the test's, and which mark is seen.
type kept struct {
	put  func(r *store.Records, version int64, mark int32) []store.Op
	seen func(ctx context.Context, r *store.Records) (int32, error)
}

func keptKinds() map[string]kept {
	definition := func(version int64, mark int32) store.Definition {
		d := store.Definition{Version: version, Detail: types.JobDefinition{
			JobDefinitionName: new("d"), Revision: new(int32(1)), Status: new(store.Active), SchedulingPriority: new(mark),
		}}
		return d
	}
	return map[string]kept{
		"a queue": {
			func(r *store.Records, version int64, mark int32) []store.Op {
				return []store.Op{r.PutQueue(store.Queue{Version: version, Detail: types.JobQueueDetail{JobQueueName: new("q"), Priority: new(mark)}})}
			},
			func(ctx context.Context, r *store.Records) (int32, error) {
				q, err := r.RecentQueue(ctx, "q")
				return value(q.Detail.Priority), err
			},
		},
		"an environment": {
			func(r *store.Records, version int64, mark int32) []store.Op {
				return []store.Op{r.PutEnvironment(store.Environment{Version: version, Unjoined: int(mark), Detail: types.ComputeEnvironmentDetail{ComputeEnvironmentName: new("ce")}})}
			},
			func(ctx context.Context, r *store.Records) (int32, error) {
				e, err := r.RecentEnvironment(ctx, "ce")
				return int32(e.Unjoined), err
			},
		},
		"a share": {
			func(r *store.Records, version int64, mark int32) []store.Op {
				return []store.Op{r.PutShare(store.Share{Version: version, Queue: "q", ID: "red", Usage: float64(mark)})}
			},
			func(ctx context.Context, r *store.Records) (int32, error) {
				s, err := r.RecentShare(ctx, "q", "red")
				return int32(s.Usage), err
			},
		},
		"a revision of a definition": {
			func(r *store.Records, version int64, mark int32) []store.Op {
				return []store.Op{r.PutDefinition(definition(version, mark))}
			},
			func(ctx context.Context, r *store.Records) (int32, error) {
				d, err := r.RecentDefinition(ctx, "d", 1)
				return value(d.Detail.SchedulingPriority), err
			},
		},
		"the latest revision": {
			func(r *store.Records, version int64, mark int32) []store.Op {
				return []store.Op{r.PutDefinition(definition(version, mark))}
			},
			func(ctx context.Context, r *store.Records) (int32, error) {
				d, err := r.RecentLatest(ctx, "d")
				return value(d.Detail.SchedulingPriority), err
			},
		},
	}
}

func value(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}

func TestWhatSubmissionsLookAtIsKeptForAMoment(t *testing.T) {
	for name, kind := range keptKinds() {
		t.Run(name, func(t *testing.T) {
			d := openDoors(t)
			wants := func(when string, mark int32, reads int) {
				t.Helper()
				before := d.table.reads
				got, err := kind.seen(t.Context(), d.own)
				if err != nil || got != mark {
					t.Errorf("%s: seen %d, %v; want %d", when, got, err, mark)
				}
				if n := d.table.reads - before; n != reads {
					t.Errorf("%s: %d reads, want %d", when, n, reads)
				}
			}
			if _, err := kind.seen(t.Context(), d.own); !store.IsNotFound(err) {
				t.Errorf("before it is made: %v, want ErrNotFound", err)
			}
			d.write(d.far, kind.put(d.far, 0, 1)...)
			wants("just made, by another process", 1, 1)
			wants("again", 1, 0)
			d.write(d.far, kind.put(d.far, 1, 2)...)
			d.now = d.now.Add(time.Second - time.Millisecond)
			wants("changed by another process, within the time", 1, 0)
			d.now = d.now.Add(time.Millisecond)
			wants("changed by another process, after it", 2, 1)
			d.write(d.own, kind.put(d.own, 2, 3)...)
			wants("changed by this process", 3, 1)
			d.now = d.now.Add(-time.Hour)
			wants("after the clock was set back", 3, 1)
		})
	}
}

// Whoever reads while another goroutine of the same process writes may get what was
// there before, and must not keep it.
func TestWhatWasReadBesideAWriteIsNotKept(t *testing.T) {
	for name, kind := range keptKinds() {
		t.Run(name, func(t *testing.T) {
			d := openDoors(t)
			d.write(d.own, kind.put(d.own, 0, 1)...)
			d.table.meanwhile = func() { d.write(d.own, kind.put(d.own, 1, 2)...) }
			if got, err := kind.seen(t.Context(), d.own); err != nil || got != 1 {
				t.Errorf("read before the write: %d, %v; want 1", got, err)
			}
			if got, err := kind.seen(t.Context(), d.own); err != nil || got != 2 {
				t.Errorf("read after the write: %d, %v; want 2", got, err)
			}
		})
	}
}

// A write that failed, or that nobody knows of what became, leaves nothing behind that
// could be wrong.
func TestAFailedWriteForgetsWhatWasKept(t *testing.T) {
	d := openDoors(t)
	kind := keptKinds()["a queue"]
	d.write(d.own, kind.put(d.own, 0, 1)...)
	if _, err := kind.seen(t.Context(), d.own); err != nil {
		t.Fatal(err)
	}
	d.write(d.far, kind.put(d.far, 1, 2)...)
	if err := d.own.Write(t.Context(), kind.put(d.own, 1, 3)...); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a write over another's = %v, want ErrConflict", err)
	}
	if got, err := kind.seen(t.Context(), d.own); err != nil || got != 2 {
		t.Errorf("seen %d, %v; want 2, which the conflict told of", got, err)
	}
}

// A new revision is the latest at once in the process that registers it, and jobs leave
// alone what is kept.
func TestTheLatestRevisionIsTheNewOne(t *testing.T) {
	d := openDoors(t)
	revision := func(n int32) store.Definition {
		return store.Definition{Detail: types.JobDefinition{JobDefinitionName: new("d"), Revision: new(n), Status: new(store.Active)}}
	}
	for n := int32(1); n <= 3; n++ {
		d.write(d.own, d.own.PutNewDefinition(revision(n), int64(n-1))...)
		for range 2 {
			got, err := d.own.RecentLatest(t.Context(), "d")
			if err != nil || got.Revision() != n {
				t.Errorf("latest = %d, %v; want %d", got.Revision(), err, n)
			}
		}
	}
	reads := d.table.reads
	d.write(d.own, d.own.PutJob(batch.Job{ID: "j", Queue: "q", Status: batch.Runnable}))
	if _, err := d.own.RecentLatest(t.Context(), "d"); err != nil || d.table.reads != reads {
		t.Errorf("after a job was written: %d reads, %v; want what is kept", d.table.reads-reads, err)
	}
}

// Without Options.RecentFor, as on a laptop, nothing is kept.
func TestWithoutATimeNothingIsKept(t *testing.T) {
	table := &counted{Table: mem.Open()}
	r := store.New(table, store.Options{})
	kind := keptKinds()["a queue"]
	if err := r.Write(t.Context(), kind.put(r, 0, 1)...); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := kind.seen(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if table.reads != 2 {
		t.Errorf("%d reads for two looks, want 2", table.reads)
	}
}
