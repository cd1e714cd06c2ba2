package functions

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// streamBatch is a batch of a table's stream as Lambda brings it (AWS Lambda developer
// guide, "Using AWS Lambda with Amazon DynamoDB"), of records of these partitions.
func streamBatch(partitions ...string) map[string]any {
	var records []any
	for i, partition := range partitions {
		records = append(records, map[string]any{
			"eventID": string(rune('1' + i)), "eventVersion": "1.0", "awsRegion": "us-west-2", "eventName": "INSERT", "eventSource": "aws:dynamodb",
			"eventSourceARN": "arn:aws:dynamodb:us-west-2:111122223333:table/TestTable/stream/2015-05-11T21:21:33.291",
			"dynamodb": map[string]any{
				"Keys":           map[string]any{"p": map[string]any{"S": partition}, "s": map[string]any{"S": "state"}},
				"SequenceNumber": string(rune('1'+i)) + "11", "SizeBytes": 26, "StreamViewType": "KEYS_ONLY",
			},
		})
	}
	return map[string]any{"Records": records}
}

// failuresOf are the sequence numbers that a function reports as failed.
func failuresOf(t *testing.T, answer json.RawMessage) []string {
	t.Helper()
	var out struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("answer %s: %v", answer, err)
	}
	var all []string
	for _, f := range out.BatchItemFailures {
		all = append(all, f.ItemIdentifier)
	}
	return all
}

func TestThePassReportsABatchThatItCouldNotHandle(t *testing.T) {
	r := newRegion(t, fakeaws.Options{Seed: 1})
	pass := r.function("pass")
	answer, err := pass.Invoke(t.Context(), streamBatch("job#1", "job#2"))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 0 {
		t.Errorf("with a table: failures %v, want none", failed)
	}
	answer, err = pass.Invoke(t.Context(), map[string]any{"source": "aws.events", "detail-type": "Scheduled Event", "detail": map[string]any{}})
	if err != nil {
		t.Errorf("the schedule: %s, %v", answer, err)
	}
	if _, err := r.DynamoDB.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &r.Table}); err != nil {
		t.Fatal(err)
	}
	answer, err = pass.Invoke(t.Context(), streamBatch("job#1", "job#2"))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 1 || failed[0] != "111" {
		t.Errorf("without a table: failures %v, want the batch again from its first record", failed)
	}
	answer, err = pass.Invoke(t.Context(), streamBatch("lease", "note", "why"))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 0 {
		t.Errorf("records that wake no pass: failures %v, want none: nothing is to be done", failed)
	}
	if _, err = pass.Invoke(t.Context(), map[string]any{"source": "aws.events"}); err == nil {
		t.Error("the schedule without a table succeeds, want an error that an alarm can see")
	}
}

// sqsBatch is a batch of a queue as Lambda brings it (AWS Lambda developer guide, "Using
// Lambda with Amazon SQS"), of these messages.
func sqsBatch(bodies ...string) map[string]any {
	var records []any
	for i, body := range bodies {
		records = append(records, map[string]any{
			"messageId": fmt.Sprint("m", i), "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "body": body,
			"attributes": map[string]any{
				"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185",
			},
			"messageAttributes": map[string]any{}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2",
		})
	}
	return map[string]any{"Records": records}
}

// taskEvent is an event of a task of ours, which no job has.
func taskEvent(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/events/ecs-task.json")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(text), "task-definition/web:1", "task-definition/packhorse-"+stage.Deployment+"-d-1:1", 1)
}

func TestNewsThatCannotBeRecordedComesAgain(t *testing.T) {
	r := newRegion(t, fakeaws.Options{Seed: 1})
	other, err := os.ReadFile("testdata/events/ecs-container-instance.json")
	r.must(err)
	hear := r.function("events")
	answer, err := hear.Invoke(t.Context(), sqsBatch(string(other), taskEvent(t), "no JSON"))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 0 {
		t.Errorf("with a table: failures %v, want none", failed)
	}
	if _, err := r.DynamoDB.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &r.Table}); err != nil {
		t.Fatal(err)
	}
	answer, err = hear.Invoke(t.Context(), sqsBatch(string(other), taskEvent(t), "no JSON"))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 1 || failed[0] != "m1" {
		t.Errorf("without a table: failures %v, want m1, the task's news", failed)
	}
	if answer, err := hear.Invoke(t.Context(), sqsBatch(taskEvent(t))); err == nil {
		t.Errorf("a batch of which nothing could be recorded: %s, want an error that a metric counts", answer)
	}
}

// What EventBridge brings of others is no business of ours, and no failure.
func TestEventsOfOthersAreLeftAlone(t *testing.T) {
	r := newRegion(t, fakeaws.Options{Seed: 1})
	samples, err := filepath.Glob("testdata/events/*.json")
	r.must(err)
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	var bodies []string
	for _, path := range samples {
		text, err := os.ReadFile(path)
		r.must(err)
		bodies = append(bodies, string(text))
		if _, err := r.function("events").Invoke(t.Context(), json.RawMessage(text)); err != nil {
			t.Errorf("%s: %v, want it left alone", filepath.Base(path), err)
		}
	}
	answer, err := r.function("events").Invoke(t.Context(), sqsBatch(bodies...))
	r.must(err)
	if failed := failuresOf(t, answer); len(failed) != 0 {
		t.Errorf("all in one batch: failures %v, want none", failed)
	}
}
