package sqsevent

import (
	"encoding/json"
	"testing"
)

// sample is the one of the Lambda developer guide, shortened.
const sample = `{"Records": [
	{"messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...", "body": "{\"a\": 1}",
	 "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"}, "messageAttributes": {},
	 "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
	 "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2"},
	{"messageId": "2e1424d4-f796-459a-8184-9c92662be6da", "body": "no JSON", "eventSource": "aws:sqs"}
]}`

func TestMessages(t *testing.T) {
	messages, ok := Messages(json.RawMessage(sample))
	if !ok || len(messages) != 2 || messages[0].ID != "059f36b4-87a3-44ab-83d2-661975830a7d" ||
		string(messages[0].Body) != `{"a": 1}` || string(messages[1].Body) != "no JSON" {
		t.Errorf("Messages = %+v, %t; want both of the sample", messages, ok)
	}
	for name, event := range map[string]string{
		"an event of EventBridge":  `{"detail-type": "ECS Task State Change", "detail": {}}`,
		"a batch of S3":            `{"Records": [{"eventSource": "aws:s3"}]}`,
		"a batch without messages": `{"Records": []}`,
		"no JSON":                  `hello`,
		"a message without an id":  `{"Records": [{"eventSource": "aws:sqs", "body": "x"}]}`,
	} {
		if messages, ok := Messages(json.RawMessage(event)); ok {
			t.Errorf("%s is taken for a batch of %d messages", name, len(messages))
		}
	}
}

func TestFailuresAreNamedByTheirMessages(t *testing.T) {
	text, err := json.Marshal(Failures([]Message{{ID: "m1"}, {ID: "m2"}}))
	if want := `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}`; err != nil || string(text) != want {
		t.Errorf("two failures: %s, %v; want %s", text, err, want)
	}
	text, err = json.Marshal(Failures(nil))
	if want := `{"batchItemFailures":[]}`; err != nil || string(text) != want {
		t.Errorf("no failures: %s, %v; want %s", text, err, want)
	}
}
