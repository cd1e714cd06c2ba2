package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/engine"
)

// ear understands events that are the name of a task, "host", or "throttled".
type ear struct{}

var errThrottled = errors.New("ECS is asked too often")

func (ear) Hear(ctx context.Context, event json.RawMessage) ([]compute.News, error) {
	var name string
	if err := json.Unmarshal(event, &name); err != nil {
		return nil, err
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case name == "throttled":
		return nil, errThrottled
	case name == "others":
		return nil, nil
	case name == "host":
		return []compute.News{{Host: &compute.Host{Instance: "i-1"}}}, nil
	}
	return []compute.News{{Task: &compute.TaskStatus{ID: name}}}, nil
}

// book notes what it hears, batch by batch, but for the tasks that it cannot.
type book struct {
	cannot []string
	fails  error
	wait   time.Duration
	heard  [][]string
}

func (b *book) Hear(ctx context.Context, news []compute.News) error {
	select {
	case <-time.After(b.wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	var names, unheard []string
	for _, n := range news {
		name := "host"
		if n.Task != nil {
			name = n.Task.ID
		}
		if names = append(names, name); slices.Contains(b.cannot, name) {
			unheard = append(unheard, name)
		}
	}
	b.heard = append(b.heard, names)
	if len(unheard) > 0 {
		return &engine.UnheardError{Tasks: unheard}
	}
	return b.fails
}

func handlerOver(b *book) *handler {
	return &handler{listener: ear{}, begin: func() recorder { return b }, log: slog.New(slog.DiscardHandler)}
}

// of is a batch of messages m0, m1 and so on.
func of(bodies ...string) json.RawMessage {
	var batch events.SQSEvent
	for i, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint("m", i), EventSource: "aws:sqs", Body: body})
	}
	text, err := json.Marshal(batch)
	if err != nil {
		panic(err)
	}
	return text
}

func again(answer any) string {
	var ids []string
	for _, f := range answer.(events.SQSEventResponse).BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return strings.Join(ids, " ")
}

func TestABatchIsRecordedAtOnceAndItsFailuresAreNamed(t *testing.T) {
	tests := map[string]struct {
		book  book
		event json.RawMessage
		heard string // in one go
		again string
	}{
		"all is recorded":                    {event: of(`"a"`, `"b"`, `"host"`), heard: "a b host"},
		"two news of one task":               {event: of(`"a"`, `"a"`), heard: "a a"},
		"what is no business of ours":        {event: of(`"others"`, `"a"`), heard: "a"},
		"nothing of it is":                   {event: of(`"others"`)},
		"one that cannot be read is dropped": {event: of(`no JSON`, `"a"`), heard: "a"},
		"one that could not be looked into":  {event: of(`"a"`, `"throttled"`, `"b"`), heard: "a b", again: "m1"},
		"tasks that could not be recorded":   {book: book{cannot: []string{"b"}}, event: of(`"a"`, `"b"`, `"host"`, `"b"`), heard: "a b host b", again: "m1 m3"},
		"nothing was told of which":          {book: book{fails: errThrottled}, event: of(`"others"`, `"a"`, `"b"`), heard: "a b", again: "m1 m2"},
		"one of each":                        {book: book{cannot: []string{"c"}}, event: of(`"a"`, `"throttled"`, `"c"`), heard: "a c", again: "m1 m2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := test.book
			answer, err := handlerOver(&b).handle(t.Context(), test.event)
			if err != nil {
				t.Fatal(err)
			}
			if got := again(answer); got != test.again {
				t.Errorf("messages that come again: %q, want %q", got, test.again)
			}
			var heard []string
			for _, names := range b.heard {
				heard = append(heard, strings.Join(names, " "))
			}
			if got := strings.Join(heard, " | "); got != test.heard {
				t.Errorf("recorded %q, want %q", got, test.heard)
			}
		})
	}
}

// A batch of which nothing was done is an error, which Lambda counts, and comes again.
func TestABatchOfWhichNothingWasDoneIsAnError(t *testing.T) {
	b := &book{cannot: []string{"a"}}
	if answer, err := handlerOver(b).handle(t.Context(), of(`"a"`, `"throttled"`)); !errors.Is(err, errThrottled) {
		t.Errorf("handle = %v, %v; want an error", answer, err)
	}
}

// Events that EventBridge brings itself: notices of EC2, and all events in a stack from
// before there was a queue.
func TestASingleEventIsRecordedOrAnError(t *testing.T) {
	b := &book{cannot: []string{"b"}}
	h := handlerOver(b)
	for event, fails := range map[string]bool{`"a"`: false, `"b"`: true, `"throttled"`: true, `"others"`: false, `no JSON`: false} {
		if answer, err := h.handle(t.Context(), json.RawMessage(event)); (err != nil) != fails {
			t.Errorf("%s: %v, %v; want an error: %t", event, answer, err, fails)
		}
	}
}

// A store that hangs must not take the whole time of an invocation, or Lambda would count
// all messages as failed without a word in the log.
func TestTheAnswerComesBeforeTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		answer, err := handlerOver(&book{wait: time.Hour}).handle(ctx, of(`"others"`, `"a"`))
		if ctx.Err() != nil || err != nil || again(answer) != "m1" {
			t.Errorf("handle = %v, %v, with its time up: %v; want m1 again before that", answer, err, ctx.Err())
		}
	})
}
