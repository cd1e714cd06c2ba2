package store

import (
	"context"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

// The secondary orderings. There are three, because each costs a write unit on
// DynamoDB whenever an item moves in it.
const (
	// OrderList lists jobs of a queue by phase, newest last, and definitions by state.
	OrderList = "list"
	// OrderReady lists what may start, in the order of dispatch.
	OrderReady = "ready"
	// OrderTask finds a job by the id of its latest ECS task. Only homes that answer
	// for ECS themselves keep it (see Options.TaskLookup).
	OrderTask = "task"
)

// Orderings lists all secondary orderings, for backends that create them up front.
func Orderings() []string { return []string{OrderList, OrderReady, OrderTask} }

// Records is the typed face of a Table: what Packhorse keeps, by its own names.
// Reading returns values with the version they were read at; writing is done with
// operations (PutJob, PutQueue, ...) that carry that version as their condition,
// any number of which go into one Write.
type Records struct {
	table  asked
	opts   Options
	shared shared
	recent recent // with Options.RecentFor
	live   remembered[batch.Job]
	hosts  remembered[Host]
	fronts remembered[*batch.Job]

	views views // with Options.Alone
	notes notes // with Options.Alone
	lines lines // with Options.Alone
}

// Options are choices of a home.
type Options struct {
	// TaskLookup keeps the ordering that finds a job by its ECS task.
	TaskLookup bool
	// Alone says that all writes to the table are made through these Records, as in a home
	// that is one program, and that its orderings do not lag: what is read often is then
	// kept in memory.
	Alone bool
	// RecentFor is how long what submissions look at may be out of date, where other
	// processes write to the table too; see RecentQueue. 0 reads it each time. It needs Now.
	RecentFor time.Duration
	Now       func() time.Time
}

// New returns the records of a table.
func New(table Table, opts Options) *Records { return &Records{table: asked{table}, opts: opts} }

// Write applies all operations or none; a failed condition is ErrConflict.
func (r *Records) Write(ctx context.Context, ops ...Op) error {
	if r.opts.RecentFor > 0 {
		// Before and after: what is read in between is of either side.
		r.recent.changing(ops)
		defer r.recent.changing(ops)
	}
	if !r.opts.Alone {
		return r.table.Write(ctx, ops...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	era := r.notes.begin()
	// It is not given up half-way: nobody would know what is stored.
	err := r.table.Write(context.WithoutCancel(ctx), ops...)
	r.views.wrote(ops, err != nil)
	r.notes.end(era, ops, err, &r.lines)
	return err
}

// Table returns the table below, for what has no type: purging, closing.
func (r *Records) Table() Table { return r.table.Table }

// expect is the condition of a record that was read at version, 0 for a new one.
func expect(version int64) Condition {
	if version == 0 {
		return IfAbsent()
	}
	return IfVersion(version)
}

// put encodes a record, in the JSON of the wire, which leaves out what is not set,
// under key, expecting it at version.
func put(key Key, version int64, record any, expires time.Time, entries ...Entry) Op {
	data, err := wire.Marshal(record)
	if err != nil {
		// Records are plain values of our own; that one cannot be encoded is a
		// mistake in this package that its tests would have met.
		panic(fmt.Sprintf("store: encode %s: %v", key, err))
	}
	return Put(Item{Key: key, Data: data, Entries: entries, Expires: expires}, expect(version))
}

// decode fills record from item.
func decode(item Item, record any) error {
	if err := wire.Unmarshal(item.Data, record); err != nil {
		return fmt.Errorf("store: record %s is not readable: %w", item.Key, err)
	}
	return nil
}

// get reads the record under key.
func get(ctx context.Context, t Table, key Key, record any) (version int64, err error) {
	item, err := t.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	return item.Version, decode(item, record)
}

// each calls visit with every item of a query until it returns false, page after
// page. limit bounds the items visited; 0 is no bound.
func each(ctx context.Context, t Table, q Query, limit int, visit func(Item) (bool, error)) error {
	seen := 0
	for {
		q.Limit = MaxPage
		if limit > 0 {
			q.Limit = min(MaxPage, limit-seen)
		}
		page, err := t.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			more, err := visit(item)
			if err != nil || !more {
				return err
			}
		}
		seen += len(page.Items)
		if page.Next == "" || (limit > 0 && seen >= limit) {
			return nil
		}
		q.After = page.Next
	}
}
