package triggers

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/packhorse-batch/packhorse/batch"
)

// Bounds of a message.
const (
	// maxDepth is how deep messages may lie in each other: EventBridge in SNS in SQS in
	// a list is four.
	maxDepth = 5
	// maxRecords is the most records in a message; a batch of SQS has up to 10,000.
	maxRecords = 10_000
)

// message is what a message is made of.
type message struct {
	events []batch.S3Event
	broken []broken
}

// broken is a part of a message that cannot be read.
type broken struct {
	raw    []byte
	reason error
}

// envelope has the members by which the forms of messages are told apart. Go reads
// names in any case, so that "eventSource" of S3 is "EventSource" of SNS too.
type envelope struct {
	Records []json.RawMessage `json:"Records"`
	Event   string            `json:"Event"` // "s3:TestEvent"

	DetailType string          `json:"detail-type"` // EventBridge
	Source     string          `json:"source"`
	Detail     json.RawMessage `json:"detail"`
	Time       json.RawMessage `json:"time"`

	Type         string `json:"Type"` // SNS
	Message      string `json:"Message"`
	SubscribeURL string `json:"SubscribeURL"`
}

// record is one of the Records of S3, SQS or SNS.
type record struct {
	EventSource string          `json:"eventSource"`
	EventName   string          `json:"eventName"`
	EventTime   string          `json:"eventTime"`
	S3          json.RawMessage `json:"s3"`
	Body        *string         `json:"body"` // SQS
	SNS         *struct {
		Message string `json:"Message"`
	} `json:"Sns"`
}

// read takes a message apart. An error says that nothing of it can be read; a part that
// cannot is among broken.
func (m *message) read(body []byte, depth int) error {
	if depth > maxDepth {
		return refuse(fmt.Sprintf("the message has more than %d messages in each other", maxDepth), "send the innermost one")
	}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		var several []json.RawMessage
		if err := json.Unmarshal(body, &several); err != nil {
			return notJSON(err)
		}
		return m.each(several, func(raw json.RawMessage) error { return m.read(raw, depth+1) })
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return notJSON(err)
	}
	switch {
	case e.Event == "s3:TestEvent":
		return nil // S3 sends it when notifications are configured
	case e.Records != nil:
		return m.each(e.Records, func(raw json.RawMessage) error { return m.record(raw, depth) })
	case e.DetailType != "":
		return m.eventBridge(e)
	case e.Type == "Notification":
		return m.read([]byte(e.Message), depth+1)
	case e.Type == "SubscriptionConfirmation":
		return refuse("this is SNS asking whether to deliver here, and nothing here follows links", "open SubscribeURL yourself: "+e.SubscribeURL)
	}
	return refuse("this is no event of S3: it has neither Records nor detail-type", "send what S3, MinIO or EventBridge send, as they send it")
}

func notJSON(err error) error {
	return &batch.Error{Code: batch.CodeInvalid, Err: err, Message: "the event cannot be read: " + err.Error(),
		Next: "send the JSON of S3, MinIO or EventBridge as it is"}
}

// each reads parts, and goes on when one is broken.
func (m *message) each(parts []json.RawMessage, read func(json.RawMessage) error) error {
	if len(parts) > maxRecords {
		return refuse(fmt.Sprintf("the message has %d records, more than %d", len(parts), maxRecords), "send them in several")
	}
	for _, raw := range parts {
		if err := read(raw); err != nil {
			m.broken = append(m.broken, broken{raw, err})
		}
	}
	return nil
}

// inner reads a message that a record carries. When it is broken it is kept without its
// envelope, which is another one in each delivery.
func (m *message) inner(body string, depth int) {
	if err := m.read([]byte(body), depth+1); err != nil {
		m.broken = append(m.broken, broken{[]byte(body), err})
	}
}

// record reads one of the Records.
func (m *message) record(raw json.RawMessage, depth int) error {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return notJSON(err)
	}
	switch {
	case r.SNS != nil:
		m.inner(r.SNS.Message, depth)
		return nil
	case r.Body != nil:
		m.inner(*r.Body, depth)
		return nil
	case len(r.S3) == 0:
		return refuse(fmt.Sprintf("the record of %q has no member s3", r.EventSource), "send records of S3, or of SQS or SNS with such in them")
	}
	event, err := r.event()
	if err == nil {
		m.events = append(m.events, event)
	}
	return err
}
