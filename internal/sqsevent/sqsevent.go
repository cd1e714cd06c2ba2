// Package sqsevent takes apart the batches of SQS that a Lambda function is called with
// (AWS Lambda developer guide, "Using Lambda with Amazon SQS").
package sqsevent

import (
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
)

// Message is a message of a batch: as it came, and how its failure is told.
type Message struct {
	ID   string
	Raw  json.RawMessage // the whole record
	Body json.RawMessage // what was sent; it may be no JSON
}

// Messages returns the messages of a batch of SQS; false for any other event.
func Messages(event json.RawMessage) ([]Message, bool) {
	var envelope struct{ Records []json.RawMessage }
	if err := json.Unmarshal(event, &envelope); err != nil {
		return nil, false
	}
	var messages []Message
	for _, raw := range envelope.Records {
		var record events.SQSMessage
		if err := json.Unmarshal(raw, &record); err != nil || record.EventSource != "aws:sqs" || record.MessageId == "" {
			return nil, false
		}
		messages = append(messages, Message{record.MessageId, raw, json.RawMessage(record.Body)})
	}
	return messages, len(messages) > 0
}

// Failures is the answer that names the messages which are to come again. The event
// source mapping must have ReportBatchItemFailures among its FunctionResponseTypes, or
// Lambda takes each answer for success.
func Failures(messages []Message) events.SQSEventResponse {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, m := range messages {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
	}
	return response
}
