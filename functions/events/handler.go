package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/engine"
	"github.com/packhorse-batch/packhorse/internal/sqsevent"
)

// answerTime is what is left of an invocation's time to say what could not be done in it.
// A batch whose answer does not come is brought again as a whole.
const answerTime = 2 * time.Second

// listener turns events into news; *amazon.Backend is one.
type listener interface {
	Hear(ctx context.Context, event json.RawMessage) ([]compute.News, error)
}

// recorder records news; *engine.Engine is one.
type recorder interface {
	Hear(ctx context.Context, news []compute.News) error
}

// handler serves events. That a pass follows is the business of the table's stream.
type handler struct {
	listener listener
	// begin returns a recorder that remembers nothing of earlier invocations.
	begin func() recorder
	log   *slog.Logger
}

// handle records what a batch of events tells, or a single event. A batch comes from the
// queue that the news of tasks goes through, so that children of one array that start or
// end together are recorded together. A single event comes from EventBridge itself: a
// notice that EC2 will take an instance, which is not to wait behind anything, or any event
// in a stack that has no queue yet.
//
// What cannot be recorded comes again: for a batch the answer names the messages.
func (h *handler) handle(ctx context.Context, event json.RawMessage) (any, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	messages, ok := sqsevent.Messages(event)
	if !ok {
		messages = []sqsevent.Message{{Body: event}}
	}
	again, err := h.record(ctx, messages)
	switch {
	case !ok || len(again) == len(messages):
		return nil, err // a metric tells of it
	case err != nil:
		h.log.Error("some news will come again", "messages", len(again), "of", len(messages), "error", err)
	}
	return sqsevent.Failures(again), nil
}

// record records what messages tell, and returns those that have to come again, and why.
func (h *handler) record(ctx context.Context, messages []sqsevent.Message) (again []sqsevent.Message, err error) {
	recorder := h.begin()
	var news []compute.News
	var errs []error
	told := make([][]compute.News, len(messages)) // by message
	failed := make([]bool, len(messages))
	for i, m := range messages {
		heard, err := h.hear(ctx, m.Body)
		if err != nil {
			failed[i], errs = true, append(errs, err)
			continue
		}
		told[i], news = heard, append(news, heard...)
	}
	if len(news) > 0 {
		if err := recorder.Hear(ctx, news); err != nil {
			errs = append(errs, err)
			for i := range messages {
				failed[i] = failed[i] || slices.ContainsFunc(told[i], func(n compute.News) bool { return unheard(n, err) })
			}
		}
	}
	for i, m := range messages {
		if failed[i] {
			again = append(again, m)
		}
	}
	return again, errors.Join(errs...)
}

// hear translates an event. One that cannot be read is logged and dropped: it would be no
// better the next time, and the sweep sees what is really there.
func (h *handler) hear(ctx context.Context, event json.RawMessage) ([]compute.News, error) {
	news, err := h.listener.Hear(ctx, event)
	if err == nil {
		return news, nil
	}
	if json.Valid(event) || ctx.Err() != nil {
		return nil, fmt.Errorf("an event could not be looked into: %w", err)
	}
	h.log.Error("an event cannot be read", "error", err, "event", string(event))
	return nil, nil
}

// unheard reports whether news was not recorded, by the error of a recorder. When that does
// not say of which, it is all.
func unheard(n compute.News, err error) bool {
	var some *engine.UnheardError
	if !errors.As(err, &some) {
		return true
	}
	return n.Task != nil && slices.Contains(some.Tasks, n.Task.ID)
}
