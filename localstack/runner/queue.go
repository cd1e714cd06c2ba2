package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"
)

// Queue is a standard queue of SQS with the event source mapping that empties it into a
// function: messages come at least once, in any order, in batches that a window fills.
//
// Lambda begins with five connections that poll, each of which gathers a batch of its own.
// So news of one moment is spread over up to five batches, here as there.
type Queue struct {
	// Invoke calls the function; Function.Invoke is one.
	Invoke func(ctx context.Context, event any) (json.RawMessage, error)
	ARN    string
	// BatchSize and Window bound a batch: so many messages, and so long after the first.
	BatchSize int
	Window    time.Duration
	// Concurrency bounds the batches that are with the function at once.
	Concurrency int
	// Visibility is how long a message that failed rests; Receives is after how many tries
	// it is a dead letter.
	Visibility time.Duration
	Receives   int
	// Dead is told of dead letters; nil drops them.
	Dead func(body string)

	mu      sync.Mutex
	waiting []*message
	under   int           // received and not settled, or resting
	news    chan struct{} // closed when something came
}

type message struct {
	id       string
	body     string
	sent     time.Time
	received int
}

const (
	// pollers is how many connections Lambda polls with (AWS Lambda developer guide, "Using
	// Lambda with Amazon SQS").
	pollers = 5
	// maxReceive is the most messages that one call of ReceiveMessage returns.
	maxReceive = 10
)

// Send puts a message into the queue.
func (q *Queue) Send(body string) {
	q.put(&message{id: uuid.NewString(), body: body, sent: time.Now()})
}

func (q *Queue) put(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	if q.news != nil {
		close(q.news)
		q.news = nil
	}
}

// Len is how many messages are in the queue, those that are being handled included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) + q.under
}

// Run brings messages to the function until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	turns := make(chan struct{}, cmp.Or(q.Concurrency, pollers))
	var working sync.WaitGroup
	for range pollers {
		working.Go(func() {
			for ctx.Err() == nil {
				batch := q.gather(ctx)
				select {
				case turns <- struct{}{}:
				case <-ctx.Done():
					return
				}
				q.bring(ctx, batch)
				<-turns
			}
		})
	}
	working.Wait()
	return ctx.Err()
}

// gather waits for a message and then for more, until the batch is full or its window ends.
func (q *Queue) gather(ctx context.Context) []*message {
	var batch []*message
	var end <-chan time.Time // of the window
	for {
		found, news := q.receive(min(maxReceive, q.BatchSize-len(batch)))
		batch = append(batch, found...)
		switch {
		case len(batch) == q.BatchSize:
			return batch
		case end == nil && len(batch) > 0:
			end = time.After(q.Window)
		}
		if news == nil {
			continue // there may be more
		}
		select {
		case <-news:
		case <-end:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
}

// receive takes up to n messages, or says when to look again.
func (q *Queue) receive(n int) (found []*message, news chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.waiting))
	if n == 0 {
		if q.news == nil {
			q.news = make(chan struct{})
		}
		return nil, q.news
	}
	found = q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.under += n
	for _, m := range found {
		m.received++
	}
	return found, nil
}

// bring hands a batch to the function, and lets rest what it could not handle.
func (q *Queue) bring(ctx context.Context, batch []*message) {
	if len(batch) == 0 {
		return // ctx has ended
	}
	out, err := q.Invoke(ctx, q.event(batch))
	var answer events.SQSEventResponse
	if err == nil && len(out) > 0 && string(out) != "null" {
		err = json.Unmarshal(out, &answer)
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	for _, m := range batch {
		switch {
		case err == nil && !failed[m.id]:
			q.settle(1)
		case q.Receives > 0 && m.received >= q.Receives:
			q.settle(1)
			if q.Dead != nil {
				q.Dead(m.body)
			}
		default:
			time.AfterFunc(q.Visibility, func() {
				q.put(m)
				q.settle(1)
			})
		}
	}
}

func (q *Queue) settle(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.under -= n
}

// event is a batch as a function gets it.
func (q *Queue) event(batch []*message) events.SQSEvent {
	var event events.SQSEvent
	for _, m := range batch {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: m.id, ReceiptHandle: uuid.NewString(), Body: m.body, EventSource: "aws:sqs", EventSourceARN: q.ARN, AWSRegion: "us-east-1",
		})
	}
	return event
}
