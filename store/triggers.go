package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Trigger is a rule that submits a job for each object in a bucket. It never changes:
// what becomes of it is in its counts.
type Trigger struct {
	Version int64 `json:"-"`
	// ID tells a trigger from an earlier one of the same name. What an event has
	// made is remembered by it.
	ID        string        `json:"i"`
	Rule      batch.Trigger `json:"r"`
	CreatedAt batch.Millis  `json:"c"`
}

// Name returns the trigger's name.
func (t Trigger) Name() string { return t.Rule.Name }

func triggerKey(name string) Key { return Key{"trigger", name} }

// PutTrigger writes a trigger, which must be new.
func (r *Records) PutTrigger(t Trigger) Op {
	return put(triggerKey(t.Name()), t.Version, t, time.Time{})
}

// DeleteTrigger removes a trigger at the version it was read at, with its counts.
func (r *Records) DeleteTrigger(t Trigger) []Op {
	ops := []Op{Delete(triggerKey(t.Name()), IfVersion(t.Version))}
	for shard := range TriggerShards {
		ops = append(ops, Delete(triggerCountKey(t.ID, shard), Always()))
	}
	return ops
}

// Trigger returns the trigger of a name, or ErrNotFound.
func (r *Records) Trigger(ctx context.Context, name string) (Trigger, error) {
	return one(ctx, r.table, triggerKey(name), func(t *Trigger, v int64) { t.Version = v })
}

// Triggers returns all triggers by name.
func (r *Records) Triggers(ctx context.Context) ([]Trigger, error) {
	return all(ctx, r.table, "trigger", func(t *Trigger, v int64) { t.Version = v })
}

// TriggerShards is over how many records the counts of a trigger are spread: functions
// that serve its events at the same time would else wait for each other at one record.
const TriggerShards = 16

// TriggerCount is a part of what became of a trigger: the whole is the sum of its parts,
// and the latest of what is the latest.
type TriggerCount struct {
	Version         int64                 `json:"-"`
	Trigger         string                `json:"-"` // its ID
	Shard           int                   `json:"-"` // from 0 to TriggerShards-1
	Submitted       int64                 `json:"s,omitempty"`
	Repeated        int64                 `json:"r,omitempty"`
	Failed          int64                 `json:"f,omitempty"`
	LastSubmittedAt batch.Millis          `json:"at,omitempty"`
	LastJobID       string                `json:"j,omitempty"`
	LastFailure     *batch.TriggerFailure `json:"l,omitempty"`
}

const triggerCounts = "trigger.count"

func triggerCountKey(id string, shard int) Key {
	return Key{triggerCounts, fmt.Sprintf("%s#%02d", id, shard)}
}

// PutTriggerCount writes a part at the version it was read at.
func (r *Records) PutTriggerCount(c TriggerCount) Op {
	return put(triggerCountKey(c.Trigger, c.Shard), c.Version, c, time.Time{})
}

// TriggerCount returns one part, of zeros when nothing is written yet.
func (r *Records) TriggerCount(ctx context.Context, id string, shard int) (TriggerCount, error) {
	c := TriggerCount{}
	version, err := get(ctx, r.table, triggerCountKey(id, shard), &c)
	if IsNotFound(err) {
		err = nil
	}
	c.Version, c.Trigger, c.Shard = version, id, shard
	return c, err
}

// TriggerCounts returns the parts of one trigger, or of all when id is empty.
func (r *Records) TriggerCounts(ctx context.Context, id string) ([]TriggerCount, error) {
	q := Query{Partition: triggerCounts}
	if id != "" {
		q.From, q.Before = id+"#", id+"$" // $ is behind #
	}
	var counts []TriggerCount
	err := each(ctx, r.table, q, 0, func(item Item) (bool, error) {
		var c TriggerCount
		if err := decode(item, &c); err != nil {
			return false, err
		}
		c.Version = item.Version
		var shard string
		c.Trigger, shard, _ = strings.Cut(item.Key.Sort, "#")
		_, err := fmt.Sscanf(shard, "%d", &c.Shard)
		counts = append(counts, c)
		return true, err
	})
	return counts, err
}

// DeadLetterRetention is how long an event that made no job waits for somebody to look
// at it, after it was last tried.
const DeadLetterRetention = 14 * 24 * time.Hour

// DeadLetter is an event that should have made a job and could not.
type DeadLetter struct {
	Version int64            `json:"-"`
	Detail  batch.DeadLetter `json:"d"`
}

// deadLetters is the partition of all dead letters, by id, and that of OrderList in
// which the latest come last.
const deadLetters = "trigger.deadletter"

func deadLetterKey(id string) Key { return Key{deadLetters, id} }

// PutDeadLetter writes a dead letter at the version it was read at. It is kept until
// its ExpiresAt.
func (r *Records) PutDeadLetter(d DeadLetter) Op {
	return put(deadLetterKey(d.Detail.ID), d.Version, d, d.Detail.ExpiresAt.Time(),
		Entry{OrderList, deadLetters, fmt.Sprintf("%013d#%s", d.Detail.LastAt, d.Detail.ID)})
}

// DeleteDeadLetter removes a dead letter, also one that is gone already.
func (r *Records) DeleteDeadLetter(id string) Op { return Delete(deadLetterKey(id), Always()) }

// DeadLetter returns the dead letter of an id, or ErrNotFound.
func (r *Records) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	return one(ctx, r.table, deadLetterKey(id), func(d *DeadLetter, v int64) { d.Version = v })
}

// DeadLetterPage is a page of dead letters.
type DeadLetterPage struct {
	DeadLetters []DeadLetter
	Next        string
}

// DeadLetters returns dead letters, the latest first.
func (r *Records) DeadLetters(ctx context.Context, limit int, after string) (DeadLetterPage, error) {
	page, err := r.table.Query(ctx, Query{
		Ordering: OrderList, Partition: deadLetters, Descending: true, Limit: limit, After: after,
	})
	if err != nil {
		return DeadLetterPage{}, err
	}
	out := DeadLetterPage{Next: page.Next}
	for _, item := range page.Items {
		var d DeadLetter
		if err := decode(item, &d); err != nil {
			return DeadLetterPage{}, err
		}
		d.Version = item.Version
		out.DeadLetters = append(out.DeadLetters, d)
	}
	return out, nil
}

// ViewTriggers is Triggers for reading only: see ViewQueue.
func (r *Records) ViewTriggers(ctx context.Context) ([]Trigger, error) {
	return viewAll(ctx, r, "trigger", func(t *Trigger, v int64) { t.Version = v })
}
