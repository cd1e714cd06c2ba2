package triggers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// How much of a text is kept, in bytes: of an event that cannot be read, and of a reason,
// which may quote it.
const (
	maxRaw    = 16 << 10
	maxReason = 2 << 10
)

// letterID is the id of the dead letter of a rule and an event, or of a text that could
// not be read: one for each, however often it fails.
func letterID(rule, event string) string { return digest("deadletter", rule, event) }

// letterOf is the dead letter of an event whose job could not be submitted.
func letterOf(rule store.Trigger, e batch.S3Event, cause error) batch.DeadLetter {
	return batch.DeadLetter{
		ID: letterID(rule.Name(), event(rule.ID, e)), Trigger: rule.Name(), Reason: clip(cause.Error(), maxReason), Event: e,
	}
}

// unreadable is the dead letter of what is no event.
func unreadable(b broken) batch.DeadLetter {
	raw := string(b.raw)
	return batch.DeadLetter{ID: letterID("", raw), Reason: clip(b.reason.Error(), maxReason), Raw: clip(raw, maxRaw)}
}

// clip is text that a record can hold: UTF-8, of at most some bytes and three dots.
func clip(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// bury keeps a dead letter: a new one, or one more attempt of the one that there is.
func (t *Triggers) bury(ctx context.Context, letter batch.DeadLetter) (kept batch.DeadLetter, first bool, err error) {
	for range maxConflicts {
		record, err := t.cfg.Records.DeadLetter(ctx, letter.ID)
		first := store.IsNotFound(err)
		if err != nil && !first {
			return letter, false, err
		}
		now := t.now()
		letter.FirstAt = now
		if !first {
			letter.FirstAt = record.Detail.FirstAt
		}
		letter.Attempts = record.Detail.Attempts + 1
		letter.LastAt, letter.ExpiresAt = now, now.Add(store.DeadLetterRetention)
		record.Detail = letter
		err = t.cfg.Records.Write(ctx, t.cfg.Records.PutDeadLetter(record))
		if err == nil {
			t.log.Warn("an event made no job", "trigger", letter.Trigger, "object", letter.Event.URI(), "reason", letter.Reason,
				"attempts", letter.Attempts, "deadletter", letter.ID)
		}
		if !store.IsConflict(err) {
			return letter, first, err
		}
	}
	return letter, false, tooManyConflicts("dead letter " + letter.ID)
}

// exhume removes a dead letter whose job was made after all.
func (t *Triggers) exhume(ctx context.Context, id string) error {
	_, err := t.cfg.Records.DeadLetter(ctx, id)
	if store.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.cfg.Records.Write(ctx, t.cfg.Records.DeleteDeadLetter(id))
}

// ListDeadLetters returns a page of dead letters, the latest first, and where the next
// begins, "" at the end. A page may hold fewer although more follow.
func (t *Triggers) ListDeadLetters(ctx context.Context, q batch.DeadLetterQuery) (letters []batch.DeadLetter, next string, err error) {
	switch {
	case q.MaxResults == 0:
		q.MaxResults = batch.MaxDeadLetters
	case q.MaxResults < 0 || q.MaxResults > batch.MaxDeadLetters:
		return nil, "", refuse(fmt.Sprintf("maxResults must be between 1 and %d, got %d", batch.MaxDeadLetters, q.MaxResults), "ask for the rest in further pages")
	}
	page, err := t.cfg.Records.DeadLetters(ctx, q.MaxResults, q.NextToken)
	if errors.Is(err, store.ErrInvalid) {
		return nil, "", refuse("nextToken is not valid for this request", "send the nextToken of the previous answer unchanged, or leave it out to start again")
	}
	if err != nil {
		return nil, "", err
	}
	now := t.now()
	for _, record := range page.DeadLetters {
		if d := record.Detail; d.ExpiresAt > now && (q.Trigger == "" || q.Trigger == d.Trigger) {
			letters = append(letters, d)
		}
	}
	return letters, page.Next, nil
}

// DescribeDeadLetter returns one dead letter.
func (t *Triggers) DescribeDeadLetter(ctx context.Context, id string) (*batch.DeadLetter, error) {
	record, err := t.cfg.Records.DeadLetter(ctx, id)
	if store.IsNotFound(err) {
		err = &batch.Error{Code: batch.CodeNotFound, Message: fmt.Sprintf("there is no dead letter %q", id),
			Next: "list the dead letters to see those that wait; one goes when its job was made, and after 14 days"}
	}
	return &record.Detail, err
}

// DeleteDeadLetter removes a dead letter: nobody will try it again.
func (t *Triggers) DeleteDeadLetter(ctx context.Context, id string) error {
	if _, err := t.DescribeDeadLetter(ctx, id); err != nil {
		return err
	}
	return t.cfg.Records.Write(ctx, t.cfg.Records.DeleteDeadLetter(id))
}

// RetryDeadLetter submits the job of a dead letter by the rule as it is now, and removes
// the letter. When it fails again the letter says why this time, and so does the error.
func (t *Triggers) RetryDeadLetter(ctx context.Context, id string) (*batch.TriggeredJob, error) {
	letter, err := t.DescribeDeadLetter(ctx, id)
	if err != nil {
		return nil, err
	}
	if letter.Trigger == "" {
		return nil, refuse(fmt.Sprintf("dead letter %q could not be read, so that trying again cannot help", id), "mend what sends it, then delete this one")
	}
	rule, err := t.cfg.Records.Trigger(ctx, letter.Trigger)
	if store.IsNotFound(err) {
		return nil, refuse(fmt.Sprintf("the trigger %q of dead letter %q is gone", letter.Trigger, id), "create it again, or delete the dead letter")
	}
	if err != nil {
		return nil, err
	}
	counts := tally{}
	defer func() { t.count(context.WithoutCancel(ctx), counts) }()
	job, repeated, err := t.submit(ctx, rule, letter.Event)
	switch {
	case err == nil:
	case final(err):
		letter.Reason = clip(err.Error(), maxReason)
		kept, _, buried := t.bury(ctx, *letter)
		if buried != nil {
			return nil, buried
		}
		counts.failed(rule, kept, false)
		return nil, err
	default:
		return nil, err
	}
	counts.submitted(rule, letter.Event, job, repeated, t.now())
	if err := t.cfg.Records.Write(ctx, t.cfg.Records.DeleteDeadLetter(id)); err != nil {
		return nil, err
	}
	return &batch.TriggeredJob{Trigger: rule.Name(), Object: letter.Event.URI(), JobID: job, Repeated: repeated}, nil
}
