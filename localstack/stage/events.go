package stage

import (
	"context"
	"encoding/json"
	"time"

	"github.com/packhorse-batch/packhorse/localstack/runner"
)

// The queue of news of tasks and its event source mapping, as infra/template.yaml has them.
const (
	EventsBatch       = 200
	EventsWindow      = time.Second
	EventsConcurrency = 2
	EventsVisibility  = 90 * time.Second
	EventsReceives    = 10
)

// EventsQueue is that queue, emptied into a function.
func EventsQueue(invoke func(ctx context.Context, event any) (json.RawMessage, error)) *runner.Queue {
	return &runner.Queue{
		Invoke: invoke, ARN: "arn:aws:sqs:" + Region + ":" + Account + ":" + Deployment + "-events",
		BatchSize: EventsBatch, Window: EventsWindow, Concurrency: EventsConcurrency, Visibility: EventsVisibility, Receives: EventsReceives,
	}
}

// noticeTries is how often Lambda invokes a function with an event that it brings by
// itself.
const noticeTries = 3

// Tell does with an event what the rules of the template do: news of ECS goes into the
// queue, a notice of EC2 to the function itself, again when that fails.
func (s *Stage) Tell(ctx context.Context, source string, event any) error {
	if source == "aws.ecs" {
		body, err := json.Marshal(event)
		if err != nil {
			return err
		}
		s.News.Send(string(body))
		return nil
	}
	var err error
	for range noticeTries {
		if _, err = s.Functions["events"].Invoke(ctx, event); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}
