package functions

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
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

// What EventBridge brings of others is no business of ours, and no failure.
func TestEventsOfOthersAreLeftAlone(t *testing.T) {
	r := newRegion(t, fakeaws.Options{Seed: 1})
	samples, err := filepath.Glob("testdata/events/*.json")
	r.must(err)
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	for _, path := range samples {
		text, err := os.ReadFile(path)
		r.must(err)
		if _, err := r.function("events").Invoke(t.Context(), json.RawMessage(text)); err != nil {
			t.Errorf("%s: %v, want it left alone", filepath.Base(path), err)
		}
	}
}
