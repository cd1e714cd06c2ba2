package triggers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/store"
)

// Remembered is how long an event that made its job is recognised when it is delivered
// again: a message lives in SQS for 14 days at most, and a day is for clocks that differ.
const Remembered = 15 * 24 * time.Hour

// Handle serves one message. What it returns is what became of each event in it; what
// cannot be submitted, or read, becomes a dead letter. An error says that the sender has
// to do something: a message of which nothing can be read is refused (a *batch.Error
// with CodeInvalid), any other error means to deliver the whole of it again.
func (t *Triggers) Handle(ctx context.Context, body []byte) (*batch.TriggerReport, error) {
	var m message
	if err := m.read(body, 0); err != nil {
		return nil, err
	}
	return t.serve(ctx, m)
}

// Take is Handle for senders that cannot be told that they sent something unreadable, as
// when Lambda is called by an event: that becomes a dead letter as well.
func (t *Triggers) Take(ctx context.Context, body []byte) (*batch.TriggerReport, error) {
	var m message
	if err := m.read(body, 0); err != nil {
		m.broken = append(m.broken, broken{body, err})
	}
	return t.serve(ctx, m)
}

func (t *Triggers) serve(ctx context.Context, m message) (*batch.TriggerReport, error) {
	report := &batch.TriggerReport{Events: len(m.events), Jobs: []batch.TriggeredJob{}, DeadLetters: []batch.DeadLetter{}}
	for _, b := range m.broken {
		letter, _, err := t.bury(ctx, unreadable(b))
		if err != nil {
			return report, err
		}
		report.DeadLetters = append(report.DeadLetters, letter)
	}
	if len(m.events) == 0 {
		return report, nil
	}
	rules, err := t.cfg.Records.ViewTriggers(ctx)
	if err != nil {
		return report, err
	}
	counts := tally{}
	// What was done is counted also when the rest is not: the next delivery sees it as
	// a repetition.
	defer func() { t.count(context.WithoutCancel(ctx), counts) }()
	for _, e := range m.events {
		matched := false
		for i := range rules {
			if !matches(rules[i].Rule, e) {
				continue
			}
			matched = true
			if err := t.fire(ctx, rules[i], e, report, counts); err != nil {
				return report, err
			}
		}
		if !matched {
			report.Unmatched++
		}
	}
	return report, nil
}

// matches reports whether a rule asks for an event.
func matches(rule batch.Trigger, e batch.S3Event) bool {
	return rule.Bucket == e.Bucket && wanted(rule.Events, e.Kind) &&
		strings.HasPrefix(e.Key, rule.Prefix) && strings.HasSuffix(e.Key, rule.Suffix)
}

// fire submits the job of a rule and an event, or buries the event. An error is the
// store's.
func (t *Triggers) fire(ctx context.Context, rule store.Trigger, e batch.S3Event, report *batch.TriggerReport, counts tally) error {
	job, repeated, err := t.submit(ctx, rule, e)
	if err != nil && !final(err) {
		return err
	}
	if err != nil {
		letter, first, buried := t.bury(ctx, letterOf(rule, e, err))
		if buried != nil {
			return buried
		}
		counts.failed(rule, letter, first)
		report.DeadLetters = append(report.DeadLetters, letter)
		return nil
	}
	// An earlier delivery may have failed.
	if err := t.exhume(ctx, letterID(rule.Name(), event(rule.ID, e))); err != nil {
		return err
	}
	counts.submitted(rule, e, job, repeated, t.now())
	t.log.Info("an object made a job", "trigger", rule.Name(), "object", e.URI(), "job", job, "repeated", repeated)
	report.Jobs = append(report.Jobs, batch.TriggeredJob{Trigger: rule.Name(), Object: e.URI(), JobID: job, Repeated: repeated})
	return nil
}

// submit submits the job of a rule and an event, unless an earlier delivery did.
func (t *Triggers) submit(ctx context.Context, rule store.Trigger, e batch.S3Event) (job string, repeated bool, err error) {
	call := event(rule.ID, e)
	job, err = t.cfg.Records.Once(ctx, call)
	if err == nil || !store.IsNotFound(err) {
		return job, err == nil, err
	}
	in, err := request(rule.Rule, e)
	if err != nil {
		return "", false, err
	}
	// Another delivery that is served at this moment is met by the write of the job.
	out, err := t.cfg.Jobs.SubmitJob(invocation.Keep(invocation.With(ctx, call), Remembered), in)
	if err != nil {
		return "", false, err
	}
	return deref(out.JobId), jobs.Repeated(out), nil
}

// event is the invocation id of the submission that a rule makes of an event: the same
// for each delivery.
func event(rule string, e batch.S3Event) string {
	return "s3trigger/" + digest(append([]string{rule, e.Bucket, e.Key}, occurrence(e)...)...)
}

// digest is a hash of texts, 32 hexadecimal digits. The texts have no zero bytes.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// final reports whether an error of a submission will be the same next time: it is about
// the request and not about the store.
func final(err error) bool {
	switch batch.CodeOf(err) {
	case batch.CodeInvalid, batch.CodeNotFound, batch.CodeDenied:
		return true
	}
	return false
}
