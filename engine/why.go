package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// maxWhy is how many jobs at the front of a queue get a reason of their own.
const maxWhy = 500

// whyState is what was last written of a queue.
type whyState struct {
	store.Why
	loaded bool
}

// explain records why jobs wait, at most once a second for each queue, and acts on
// the queue's time limits for its first job.
func (e *Engine) explain(ctx context.Context, w *world, d scheduler.Decision, now time.Time, out *Outcome) {
	waits := make(map[string][]scheduler.Wait, len(w.queues))
	for from, i := 0, 1; i <= len(d.Waits); i++ { // those of a queue follow each other
		if i == len(d.Waits) || d.Waits[i].Queue != d.Waits[from].Queue {
			waits[d.Waits[from].Queue], from = d.Waits[from:i], i
		}
	}
	for _, q := range w.queues {
		if err := e.explainQueue(ctx, q, waits[q.Name()], w.more, now, out); err != nil {
			e.Log.Warn("the reasons of waiting jobs were not written", "queue", q.Name(), "error", err)
		}
	}
}

func (e *Engine) explainQueue(ctx context.Context, q store.Queue, waits []scheduler.Wait, more bool, now time.Time, out *Outcome) error {
	known := e.whys[q.Name()]
	if known == nil {
		known = &whyState{}
		e.whys[q.Name()] = known
	}
	if !known.loaded {
		why, err := e.Records.Why(ctx, q.Name())
		if err != nil {
			return err
		}
		known.Why, known.loaded = why, true
	}
	next := reasonsOf(known.Why, waits, more, now)
	e.limitHead(ctx, q, next, now, out)
	if next.SameAs(known.Why) {
		return nil
	}
	if wait := known.At.Time().Add(whyEvery); now.Before(wait) && len(known.Said) > 0 {
		out.due(wait)
		return nil
	}
	if err := e.Records.Write(ctx, e.Records.PutWhy(next)); err != nil {
		known.loaded = false
		return ignoreConflict(err)
	}
	next.Version++
	known.Why = next
	return nil
}

// reasonsOf is the record of why the jobs of a queue wait.
func reasonsOf(before store.Why, waits []scheduler.Wait, more bool, now time.Time) store.Why {
	next := store.Why{Version: before.Version, Queue: before.Queue, At: batch.MillisOf(now)}
	if len(waits) == 0 {
		return next
	}
	next.Said = make([]store.Said, 0, len(before.Said)+1) // mostly as many as before
	at := make(map[string]int, cap(next.Said))            // in Said, by what is said
	for _, w := range waits[:min(len(waits), maxWhy)] {
		text := w.Reason.String()
		i, known := at[text]
		if !known {
			i = len(next.Said)
			at[text], next.Said = i, append(next.Said, store.Said{Reason: text})
		}
		next.Said[i].Jobs = append(next.Said[i].Jobs, w.Job)
	}
	head := waits[0]
	next.Head, next.HeadToken, next.HeadSince = head.Job, string(head.Reason.Token), batch.MillisOf(now)
	if before.Head == next.Head && before.HeadToken == next.HeadToken {
		next.HeadSince = before.HeadSince
	}
	if more || len(waits) > maxWhy {
		next.Rest = fmt.Sprintf("Waiting behind %d or more jobs of its queue. The first of them: %s",
			min(len(waits), maxWhy), head.Reason)
	}
	return next
}

// limitHead cancels the first job of a queue when it has been stuck for as long as
// one of the queue's jobStateTimeLimitActions allows.
func (e *Engine) limitHead(ctx context.Context, q store.Queue, why store.Why, now time.Time, out *Outcome) {
	if why.Head == "" || why.HeadToken == "" {
		return
	}
	for _, a := range q.Detail.JobStateTimeLimitActions {
		if deref(a.Reason) != why.HeadToken || a.Action != types.JobStateTimeLimitActionsActionCancel {
			continue
		}
		over := why.HeadSince.Time().Add(time.Duration(deref(a.MaxTimeSeconds)) * time.Second)
		if now.Before(over) {
			out.due(over)
			continue
		}
		_, err := e.Lifecycle.Stop(ctx, why.Head, batch.Stop{
			Kind: batch.StopCancel, At: batch.MillisOf(now),
			Reason: "Canceled by JobStateTimeLimit action due to reason: " + why.HeadToken,
		})
		if err != nil {
			e.Log.Warn("a stuck job was not cancelled; trying again", "job", why.Head, "error", err)
			out.due(now.Add(retryEvery))
			continue
		}
		out.Again = true
		return
	}
}
