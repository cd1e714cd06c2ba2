package triggers

import (
	"context"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// tally is what became of the events of one message, by the name of the rule, so that
// each rule is written once for a message.
type tally map[string]*change

// change is what is to be added to a rule.
type change struct {
	id                          string // of the rule
	submitted, repeated, failed int64
	lastAt                      batch.Millis
	lastJob                     string
	failure                     *batch.TriggerFailure
}

func (c tally) of(rule store.Trigger) *change {
	if c[rule.Name()] == nil {
		c[rule.Name()] = &change{id: rule.ID}
	}
	return c[rule.Name()]
}

func (c tally) submitted(rule store.Trigger, job string, repeated bool, now batch.Millis) {
	of := c.of(rule)
	if repeated {
		of.repeated++
		return
	}
	of.submitted++
	of.lastAt, of.lastJob = now, job
}

func (c tally) failed(rule store.Trigger, letter batch.DeadLetter, first bool) {
	of := c.of(rule)
	if first {
		of.failed++
	}
	of.failure = &batch.TriggerFailure{At: letter.LastAt, Object: letter.Event.URI(), Reason: letter.Reason, DeadLetter: letter.ID}
}

// count adds a tally to the rules. Jobs and dead letters are written by then and count
// more than their number, so that one that cannot be added is only logged.
func (t *Triggers) count(ctx context.Context, counts tally) {
	for name, of := range counts {
		if err := t.add(ctx, name, of); err != nil {
			t.log.Warn("a trigger's counts are behind", "trigger", name, "submitted", of.submitted, "repeated", of.repeated, "failed", of.failed, "error", err)
		}
	}
}

func (t *Triggers) add(ctx context.Context, name string, of *change) error {
	for range maxConflicts {
		record, err := t.cfg.Records.Trigger(ctx, name)
		if store.IsNotFound(err) || err == nil && record.ID != of.id {
			return nil // it was deleted meanwhile
		}
		if err != nil {
			return err
		}
		d := &record.Detail
		d.Submitted += of.submitted
		d.Repeated += of.repeated
		d.Failed += of.failed
		if of.lastJob != "" && of.lastAt >= d.LastSubmittedAt {
			d.LastSubmittedAt, d.LastJobID = of.lastAt, of.lastJob
		}
		if of.failure != nil && (d.LastFailure == nil || of.failure.At >= d.LastFailure.At) {
			d.LastFailure = of.failure
		}
		err = t.cfg.Records.Write(ctx, t.cfg.Records.PutTrigger(record))
		if !store.IsConflict(err) {
			return err
		}
	}
	return tooManyConflicts("trigger " + name)
}
