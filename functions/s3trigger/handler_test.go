package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/triggers"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// scene is a handler over records in memory with a rule for each bucket of the samples.
// SubmitJob remembers calls as that of Packhorse does, and fails for a job's name in
// failing.
type scene struct {
	*handler
	records   *store.Records
	submitted []string // names of jobs
	failing   map[string]error
}

func (s *scene) SubmitJob(ctx context.Context, in *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error) {
	for name, err := range s.failing {
		if strings.HasSuffix(*in.JobName, name) {
			return nil, err
		}
	}
	id := fmt.Sprintf("job-%d", len(s.submitted)+1)
	if err := s.records.Write(ctx, s.records.PutOnceFor(invocation.From(ctx), id, time.Now(), invocation.Kept(ctx))); err != nil {
		return nil, err
	}
	s.submitted = append(s.submitted, *in.JobName)
	return &awsbatch.SubmitJobOutput{JobId: &id}, nil
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{records: store.New(mem.Open(), store.Options{}), failing: map[string]error{}}
	ops := append(
		s.records.PutNewDefinition(store.Definition{Detail: types.JobDefinition{
			JobDefinitionName: new("d"), Revision: new(int32(1)), Status: new(store.Active),
			ContainerProperties: &types.ContainerProperties{Image: new("busybox")},
		}}, 0),
		s.records.PutQueue(store.Queue{Detail: types.JobQueueDetail{JobQueueName: new("q"), State: types.JQStateEnabled}}),
	)
	if err := s.records.Write(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	ids := 0
	all := triggers.New(triggers.Config{
		Records: s.records, Jobs: s, Now: time.Now, NewID: func() string { ids++; return fmt.Sprint(ids) },
	})
	for i, bucket := range []string{"amzn-s3-demo-bucket", "amzn-s3-demo-bucket1", "incoming"} {
		_, err := all.CreateTrigger(t.Context(), &batch.Trigger{Name: fmt.Sprintf("rule-%d", i), Bucket: bucket, JobQueue: "q", JobDefinition: "d"})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.handler = &handler{triggers: all, log: slog.New(slog.DiscardHandler)}
	return s
}

// TestRecordedEvents brings the samples of the documentation, as Lambda does, twice.
func TestRecordedEvents(t *testing.T) {
	for file, want := range map[string][]string{
		"s3-put.json":              {"rule-0-red-flower-1-jpg"},
		"sns-s3.json":              {"rule-0-red-flower-1-jpg"},
		"sqs-s3.json":              {"rule-0-red-flower-1-jpg"},
		"sqs-sns-s3.json":          {"rule-0-red-flower-1-jpg"},
		"eventbridge-created.json": {"rule-1-red-flower-1-2B-jpg"},
		"sqs-eventbridge.json":     {"rule-1-red-flower-1-2B-jpg"},
		"eventbridge-deleted.json": nil,
		"s3-test.json":             nil,
	} {
		t.Run(file, func(t *testing.T) {
			s := newScene(t)
			event, err := os.ReadFile(filepath.Join("../../control/triggers/testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				answer, err := s.handle(t.Context(), event)
				if err != nil {
					t.Errorf("handle = %v", err)
				}
				if response, ok := answer.(events.SQSEventResponse); ok && len(response.BatchItemFailures) > 0 {
					t.Errorf("failures %v, want none", response.BatchItemFailures)
				}
			}
			if d := cmp.Diff(want, s.submitted); d != "" {
				t.Errorf("jobs (-want +got):\n%s", d)
			}
		})
	}
}

// put is the notification of an object in the bucket "incoming".
func put(key string) string {
	return `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"incoming"},"object":{"key":"` + key + `","sequencer":"1"}}}]}`
}

// sqs is a batch of messages m0, m1 and so on.
func sqs(t *testing.T, bodies ...string) json.RawMessage {
	t.Helper()
	var event events.SQSEvent
	for i, body := range bodies {
		event.Records = append(event.Records, events.SQSMessage{MessageId: fmt.Sprintf("m%d", i), Body: body, EventSource: "aws:sqs"})
	}
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var errThrottled = errors.New("ProvisionedThroughputExceededException")

func TestABatchOfSQSNamesWhatIsToComeAgain(t *testing.T) {
	s := newScene(t)
	s.failing["-c"] = errThrottled
	batch := sqs(t, put("a"), put("b"), put("c"), put("d"))
	answer, err := s.handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}`; string(text) != want {
		t.Errorf("answer %s, want %s: c failed, and d was not tried", text, want)
	}
	delete(s.failing, "-c")
	answer, err = s.handle(t.Context(), sqs(t, put("c"), put("d"), put("a")))
	if text, _ := json.Marshal(answer); err != nil || string(text) != `{"batchItemFailures":[]}` {
		t.Errorf("brought again: %s, %v, want success", text, err)
	}
	if d := cmp.Diff([]string{"rule-2-a", "rule-2-b", "rule-2-c", "rule-2-d"}, s.submitted); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
}

func TestABatchOfWhichNothingWasDoneIsAnError(t *testing.T) {
	s := newScene(t)
	s.failing["-a"] = errThrottled
	if answer, err := s.handle(t.Context(), sqs(t, put("a"), put("b"))); !errors.Is(err, errThrottled) {
		t.Errorf("handle = %v, %v, want the error", answer, err)
	}
}

// What another delivery cannot help is kept and acknowledged, and stops nothing.
func TestWhatCannotBeServedIsNotBroughtAgain(t *testing.T) {
	s := newScene(t)
	s.failing["-refused"] = batch.Invalid("Job queue q is DISABLED.")
	answer, err := s.handle(t.Context(), sqs(t, "hello", put("refused"), `{"a":1}`, put("50%"), put("good")))
	if text, _ := json.Marshal(answer); err != nil || string(text) != `{"batchItemFailures":[]}` {
		t.Errorf("handle = %s, %v, want success", text, err)
	}
	if d := cmp.Diff([]string{"rule-2-good"}, s.submitted); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
	for _, direct := range []string{`{"a":1}`, `"hello"`, `[]`, `{"Records":[]}`} {
		if _, err := s.handle(t.Context(), json.RawMessage(direct)); err != nil {
			t.Errorf("handle(%s) = %v, want no error", direct, err)
		}
	}
	page, err := s.records.DeadLetters(t.Context(), 100, "")
	if err != nil || len(page.DeadLetters) != 5 {
		t.Errorf("%d dead letters, %v, want those of hello as text and as JSON, refused, {\"a\":1} and 50%%", len(page.DeadLetters), err)
	}
}

func TestAnEventThatTheStoreCannotTakeIsAnError(t *testing.T) {
	s := newScene(t)
	s.failing["-a"] = errThrottled
	if _, err := s.handle(t.Context(), json.RawMessage(put("a"))); !errors.Is(err, errThrottled) {
		t.Errorf("handle = %v, want the error, so that Lambda brings it again", err)
	}
}
