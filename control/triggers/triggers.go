package triggers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Submitter submits jobs; *jobs.Jobs is one.
type Submitter interface {
	SubmitJob(context.Context, *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error)
}

// Config is what Triggers work with.
type Config struct {
	Records *store.Records
	Jobs    Submitter
	Now     func() time.Time
	// NewID makes the id of a trigger, which is never used again.
	NewID func() string
	Log   *slog.Logger // nil logs nothing
}

// Triggers keeps the rules and serves their events. Its methods may be called from many
// goroutines. Errors are *batch.Error or come from the store.
type Triggers struct {
	cfg    Config
	log    *slog.Logger
	counts counts
}

// New returns Triggers. All of Config but Log is required; without it New panics, as no
// request could be served.
func New(cfg Config) *Triggers {
	if cfg.Records == nil || cfg.Jobs == nil || cfg.Now == nil || cfg.NewID == nil {
		panic("triggers.New: Records, Jobs, Now and NewID are required")
	}
	t := &Triggers{cfg: cfg, log: cfg.Log}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	return t
}

func (t *Triggers) now() batch.Millis { return batch.MillisOf(t.cfg.Now()) }

// maxTriggers bounds how many rules there are: each event is held against all.
const maxTriggers = 1000

// CreateTrigger checks a rule and keeps it. One that exists already, with the same
// members, is returned as it is: a caller that lost the answer may ask again.
func (t *Triggers) CreateTrigger(ctx context.Context, in *batch.Trigger) (*batch.TriggerDetail, error) {
	rule, err := t.check(ctx, *in)
	if err != nil {
		return nil, err
	}
	all, err := t.cfg.Records.ViewTriggers(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) >= maxTriggers {
		return nil, refuse(fmt.Sprintf("there are %d triggers already, the most that may be", len(all)),
			"delete some that are not needed, or let one with a shorter prefix do for several")
	}
	record := store.Trigger{ID: t.cfg.NewID(), Rule: rule, CreatedAt: t.now()}
	err = t.cfg.Records.Write(ctx, t.cfg.Records.PutTrigger(record))
	if !store.IsConflict(err) {
		return &batch.TriggerDetail{Trigger: rule, CreatedAt: record.CreatedAt}, err
	}
	known, err := t.cfg.Records.Trigger(ctx, rule.Name)
	switch {
	case err != nil:
		return nil, err
	case reflect.DeepEqual(known.Rule, rule):
		return t.described(ctx, known)
	}
	return nil, refuse(fmt.Sprintf("the name %q is taken by a trigger with other members", rule.Name),
		"choose another name, or delete that trigger first")
}

// ListTriggers returns all rules by name.
func (t *Triggers) ListTriggers(ctx context.Context) ([]batch.TriggerDetail, error) {
	all, err := t.cfg.Records.ViewTriggers(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := t.cfg.Records.TriggerCounts(ctx, "")
	if err != nil {
		return nil, err
	}
	parts := map[string][]store.TriggerCount{}
	for _, c := range counts {
		parts[c.Trigger] = append(parts[c.Trigger], c)
	}
	out := make([]batch.TriggerDetail, len(all))
	for i, record := range all {
		out[i] = summed(record, parts[record.ID])
	}
	return out, nil
}

// DescribeTrigger returns one rule.
func (t *Triggers) DescribeTrigger(ctx context.Context, name string) (*batch.TriggerDetail, error) {
	record, err := t.trigger(ctx, name)
	if err != nil {
		return nil, err
	}
	return t.described(ctx, record)
}

// described is a rule with what became of it.
func (t *Triggers) described(ctx context.Context, record store.Trigger) (*batch.TriggerDetail, error) {
	counts, err := t.cfg.Records.TriggerCounts(ctx, record.ID)
	if err != nil {
		return nil, err
	}
	d := summed(record, counts)
	return &d, nil
}

// DeleteTrigger removes a rule. Its jobs and its dead letters stay.
func (t *Triggers) DeleteTrigger(ctx context.Context, name string) error {
	for range maxConflicts {
		record, err := t.trigger(ctx, name)
		if err != nil {
			return err
		}
		err = t.cfg.Records.Write(ctx, t.cfg.Records.DeleteTrigger(record)...)
		if !store.IsConflict(err) {
			return err
		}
	}
	return tooManyConflicts("trigger " + name)
}

// trigger returns the record of a name.
func (t *Triggers) trigger(ctx context.Context, name string) (store.Trigger, error) {
	record, err := t.cfg.Records.Trigger(ctx, name)
	if store.IsNotFound(err) {
		err = &batch.Error{Code: batch.CodeNotFound, Message: fmt.Sprintf("there is no trigger %q", name),
			Next: "list the triggers to see those that exist"}
	}
	return record, err
}

// maxConflicts bounds how often a change is thought through again because another
// writer was faster.
const maxConflicts = 20

func tooManyConflicts(what string) error {
	return &batch.Error{Code: batch.CodeServer, Err: store.ErrConflict,
		Message: fmt.Sprintf("%s was changed by others %d times while this request was served", what, maxConflicts),
		Next:    "send the request again"}
}

// refuse is an error about the request with a next step.
func refuse(message, next string) *batch.Error {
	return &batch.Error{Code: batch.CodeInvalid, Message: message, Next: next}
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// inField puts the name of a field before an error about it.
func inField(field string, err error) error {
	var e *batch.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", field, err)
	}
	named := *e
	named.Message = field + ": " + e.Message
	return &named
}
