package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/sqsevent"
)

// taker is the part of triggers.Triggers that a function needs.
type taker interface {
	Take(ctx context.Context, message []byte) (*batch.TriggerReport, error)
}

type handler struct {
	triggers taker
	log      *slog.Logger
}

// handle serves one event. An error makes Lambda bring it again: at once where it was
// called by S3, SNS or EventBridge, after the visibility timeout where SQS has it. What
// another delivery cannot help, an event that cannot be read or a rule whose queue is
// disabled, is a dead letter in the records and no error.
//
// For a batch of SQS the answer names the messages that are to come again.
func (h *handler) handle(ctx context.Context, event json.RawMessage) (any, error) {
	messages, ok := sqsevent.Messages(event)
	if !ok {
		return nil, h.take(ctx, event)
	}
	return h.each(ctx, messages)
}

// each serves the messages of a batch one by one. When the store fails for one, it will
// for the next: that one and all behind it are reported, so that the function does not
// run into its timeout and lose what it did.
func (h *handler) each(ctx context.Context, messages []sqsevent.Message) (any, error) {
	for i, m := range messages {
		err := h.take(ctx, wrap(m.Raw))
		if err == nil {
			continue
		}
		if i == 0 {
			// Nothing was done. An error says so whatever the mapping takes an answer for.
			return nil, err
		}
		h.log.Error("some messages will come again", "messages", len(messages)-i, "of", len(messages), "error", err)
		return sqsevent.Failures(messages[i:]), nil
	}
	return sqsevent.Failures(nil), nil
}

// wrap makes a batch of one message, so that one that cannot be read is told from the
// others.
func wrap(record json.RawMessage) []byte { return fmt.Appendf(nil, `{"Records":[%s]}`, record) }

// take serves one message.
func (h *handler) take(ctx context.Context, message []byte) error {
	if _, err := h.triggers.Take(ctx, message); err != nil {
		return fmt.Errorf("the event will come again: %w", err)
	}
	return nil
}
