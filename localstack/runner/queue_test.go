package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// desk is a function that notes its batches and fails what it is told to.
type desk struct {
	mu      sync.Mutex
	batches []string
	most    int // invocations at once
	now     int
	takes   time.Duration
	answer  func(bodies []string) (failed []string, err error)
}

func (d *desk) invoke(_ context.Context, event any) (json.RawMessage, error) {
	d.mu.Lock()
	d.now++
	d.most = max(d.most, d.now)
	var bodies []string
	ids := map[string]string{}
	for _, m := range event.(events.SQSEvent).Records {
		bodies = append(bodies, m.Body)
		ids[m.Body] = m.MessageId
	}
	slices.Sort(bodies)
	d.batches = append(d.batches, strings.Join(bodies, " "))
	d.mu.Unlock()
	time.Sleep(d.takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now--
	if d.answer == nil {
		return nil, nil
	}
	failed, err := d.answer(bodies)
	var response events.SQSEventResponse
	for _, body := range failed {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: ids[body]})
	}
	text, _ := json.Marshal(response)
	return text, err
}

func (d *desk) had() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.batches)
}

func (d *desk) atOnce() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.most
}

// elapse lets time pass, and all that happens by then.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAQueueFillsBatchesForAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		q := &Queue{Invoke: d.invoke, BatchSize: 100, Window: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		q.Send("a")
		elapse(900 * time.Millisecond)
		if len(d.had()) > 0 {
			t.Errorf("within the window: %q, want nothing yet", d.had())
		}
		elapse(200 * time.Millisecond)
		if len(d.had()) != 1 || d.had()[0] != "a" || q.Len() != 0 {
			t.Errorf("after the window: %q and %d messages left, want one batch", d.had(), q.Len())
		}
		for i := range 1000 {
			q.Send(fmt.Sprint(i))
		}
		elapse(2 * time.Second)
		if n := len(d.had()) - 1; n < 10 || n > 20 {
			t.Errorf("1,000 messages at once make %d batches of up to 100, want few", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAQueueBringsAgainWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		fails.Store(true)
		var dead []string
		d := &desk{answer: func(bodies []string) ([]string, error) {
			switch {
			case slices.Contains(bodies, "throws"):
				return nil, errors.New("it threw")
			case fails.Load() && slices.Contains(bodies, "b"):
				return []string{"b"}, nil
			}
			return nil, nil
		}}
		q := &Queue{Invoke: d.invoke, BatchSize: 10, Window: time.Second, Visibility: time.Minute, Receives: 3, Dead: func(body string) { dead = append(dead, body) }}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		q.Send("b")
		elapse(30 * time.Second)
		fails.Store(false)
		if q.Len() != 1 {
			t.Errorf("%d messages in the queue after a failure, want the one", q.Len())
		}
		elapse(time.Minute)
		if got := strings.Join(d.had(), " | "); got != "b | b" || q.Len() != 0 {
			t.Errorf("batches %q, %d left; want it brought again once and gone", got, q.Len())
		}
		q.Send("throws")
		elapse(5 * time.Minute)
		if strings.Join(dead, " ") != "throws" || q.Len() != 0 {
			t.Errorf("dead letters %q, %d left; want the one that failed three times", dead, q.Len())
		}
		cancel()
		synctest.Wait()
	})
}

func TestAQueueBoundsBatchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{takes: time.Minute}
		q := &Queue{Invoke: d.invoke, BatchSize: 1, Concurrency: 2}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		for i := range 9 {
			q.Send(fmt.Sprint(i))
		}
		elapse(time.Hour)
		if d.atOnce() != 2 || len(d.had()) != 9 {
			t.Errorf("%d batches, %d at once; want 9, 2 at once", len(d.had()), d.atOnce())
		}
		cancel()
		synctest.Wait()
	})
}
