package triggers

import (
	"context"
	"hash/fnv"
	"sync"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// tally is what is to be added to the counts of rules, by the id of the rule.
type tally map[string]*addition

// addition is what is to be added to the counts of one rule.
type addition struct {
	store.TriggerCount
	name string // of the rule
}

// of returns the part of a rule that an event counts in. Events are spread over the
// parts by their digest, and one message goes to the part of its last event.
func (c tally) of(rule store.Trigger, e batch.S3Event) *addition {
	part := c[rule.ID]
	if part == nil {
		part = &addition{store.TriggerCount{Trigger: rule.ID}, rule.Name()}
		c[rule.ID] = part
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(event(rule.ID, e))) // never fails
	part.Shard = int(sum.Sum32() % store.TriggerShards)
	return part
}

func (c tally) submitted(rule store.Trigger, e batch.S3Event, job string, repeated bool, now batch.Millis) {
	part := c.of(rule, e)
	if repeated {
		part.Repeated++
		return
	}
	part.Submitted++
	part.LastSubmittedAt, part.LastJobID = now, job
}

func (c tally) failed(rule store.Trigger, letter batch.DeadLetter, first bool) {
	part := c.of(rule, letter.Event)
	if first {
		part.Failed++
	}
	part.LastFailure = &batch.TriggerFailure{At: letter.LastAt, Object: letter.Event.URI(), Reason: letter.Reason, DeadLetter: letter.ID}
}

// plus adds what is new to a part.
func plus(part, more store.TriggerCount) store.TriggerCount {
	part.Submitted += more.Submitted
	part.Repeated += more.Repeated
	part.Failed += more.Failed
	if more.LastJobID != "" && more.LastSubmittedAt >= part.LastSubmittedAt {
		part.LastSubmittedAt, part.LastJobID = more.LastSubmittedAt, more.LastJobID
	}
	if more.LastFailure != nil && (part.LastFailure == nil || more.LastFailure.At >= part.LastFailure.At) {
		part.LastFailure = more.LastFailure
	}
	return part
}

// summed is a rule with the sum of its parts.
func summed(record store.Trigger, parts []store.TriggerCount) batch.TriggerDetail {
	var sum store.TriggerCount
	for _, part := range parts {
		sum = plus(sum, part)
	}
	return batch.TriggerDetail{
		Trigger: record.Rule, CreatedAt: record.CreatedAt,
		Submitted: sum.Submitted, Repeated: sum.Repeated, Failed: sum.Failed,
		LastSubmittedAt: sum.LastSubmittedAt, LastJobID: sum.LastJobID, LastFailure: sum.LastFailure,
	}
}

// counts gathers what messages that are served at the same time have to add: while one
// writes, the others add to what is written next.
type counts struct {
	writing sync.Mutex // held by who writes

	mu      sync.Mutex
	waiting tally
}

// count adds a tally to the counts of its rules. Jobs and dead letters are written by
// then and count more than their number, so that one that cannot be added is only logged.
func (t *Triggers) count(ctx context.Context, more tally) {
	if len(more) == 0 {
		return
	}
	t.counts.mu.Lock()
	if t.counts.waiting == nil {
		t.counts.waiting = tally{}
	}
	for id, part := range more {
		if waits := t.counts.waiting[id]; waits != nil {
			waits.TriggerCount = plus(waits.TriggerCount, part.TriggerCount)
		} else {
			t.counts.waiting[id] = part
		}
	}
	t.counts.mu.Unlock()

	t.counts.writing.Lock()
	defer t.counts.writing.Unlock()
	t.counts.mu.Lock()
	all := t.counts.waiting // perhaps of others only, or of nobody: then another has ours
	t.counts.waiting = nil
	t.counts.mu.Unlock()
	for _, part := range all {
		if err := t.add(ctx, *part); err != nil {
			t.log.Warn("a trigger's counts are behind", "trigger", part.name,
				"submitted", part.Submitted, "repeated", part.Repeated, "failed", part.Failed, "error", err)
		}
	}
}

// add adds to one part. Another process may write to the same.
func (t *Triggers) add(ctx context.Context, more addition) error {
	for range maxConflicts {
		part, err := t.cfg.Records.TriggerCount(ctx, more.Trigger, more.Shard)
		if err != nil {
			return err
		}
		if part.Version == 0 {
			// A part that is new must not outlive its rule, which may be gone by now.
			rule, err := t.cfg.Records.Trigger(ctx, more.name)
			if store.IsNotFound(err) || err == nil && rule.ID != more.Trigger {
				return nil
			}
			if err != nil {
				return err
			}
		}
		err = t.cfg.Records.Write(ctx, t.cfg.Records.PutTriggerCount(plus(part, more.TriggerCount)))
		if !store.IsConflict(err) {
			return err
		}
	}
	return tooManyConflicts("the counts of trigger " + more.name)
}
