package batch

import "github.com/aws/aws-sdk-go-v2/service/batch/types"

// Trigger is a rule that submits a job for each object that appears in a bucket, as
// it is shown on Packhorse's own part of the wire (AWS Batch has no such thing).
//
// In the values of Parameters, in those of Environment and in the words of Command
// these stand for the object: {bucket}, {key}, {version}, {size} in bytes, {etag}.
// What the event does not tell is empty: {version} where the bucket is not versioned,
// {size} of an object that was deleted. A literal brace is written twice, {{ or }}.
type Trigger struct {
	// Name is unique: 1 to 64 letters, digits, hyphens and underscores.
	Name string `json:"name"`
	// Bucket is the name of the bucket whose events count.
	Bucket string `json:"bucket"`
	// Prefix and Suffix are how keys must begin and end, as they are and not
	// URL-encoded; empty is any. They may overlap in a key, as in S3's own filters.
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	// Events are the kinds that count, as S3 spells them: "s3:ObjectCreated:Put", or
	// "s3:ObjectCreated:*" for all of a family, which is the default.
	Events []string `json:"events,omitempty"`

	// JobQueue and JobDefinition are named as in SubmitJob. A definition without a
	// revision means the latest at the time of the event.
	JobQueue      string `json:"jobQueue"`
	JobDefinition string `json:"jobDefinition"`
	// Parameters, Environment and Command go into the submission where they are given.
	Parameters  map[string]string    `json:"parameters,omitempty"`
	Environment []types.KeyValuePair `json:"environment,omitempty"`
	Command     []string             `json:"command,omitempty"`
	// ShareIdentifier is for queues with a fair-share policy, which need one.
	ShareIdentifier string            `json:"shareIdentifier,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
}

// TriggerDetail is a trigger with what became of it.
type TriggerDetail struct {
	Trigger
	CreatedAt Millis `json:"createdAt"`
	// Submitted counts the jobs it made, Repeated the deliveries of events that had
	// made their job before, Failed the object versions that it could not submit a job
	// for. A crash at the wrong moment may lose a count, never a job or a dead letter.
	Submitted int64 `json:"submitted"`
	Repeated  int64 `json:"repeated"`
	Failed    int64 `json:"failed"`
	// LastSubmittedAt and LastJobID tell of its latest job; 0 and empty before any.
	LastSubmittedAt Millis `json:"lastSubmittedAt,omitempty"`
	LastJobID       string `json:"lastJobId,omitempty"`
	// LastFailure is why the latest submission that failed did so; nil before any.
	LastFailure *TriggerFailure `json:"lastFailure,omitempty"`
}

// TriggerFailure is one submission that failed.
type TriggerFailure struct {
	At     Millis `json:"at"`
	Object string `json:"object"` // "s3://bucket/key"
	Reason string `json:"reason"`
	// DeadLetter is the id under which the event waits to be tried again.
	DeadLetter string `json:"deadLetter"`
}

// S3Event is what happened to one object, however it was told.
type S3Event struct {
	Kind   string `json:"kind"` // "s3:ObjectCreated:Put"
	Bucket string `json:"bucket"`
	Key    string `json:"key"` // as it is, not URL-encoded
	// Version is the object's version id, empty in a bucket without versioning.
	Version string `json:"version,omitempty"`
	Size    *int64 `json:"size,omitempty"` // bytes; nil when it was not told
	ETag    string `json:"etag,omitempty"` // without quotes
	// Sequencer orders the events of a key. It is the same in each delivery of one.
	Sequencer string `json:"sequencer,omitempty"`
	// Time is when it happened, as it was written.
	Time string `json:"time,omitempty"`
}

// URI names the object: "s3://bucket/key". It is empty for no event.
func (e S3Event) URI() string {
	if e.Bucket == "" {
		return ""
	}
	return "s3://" + e.Bucket + "/" + e.Key
}

// DeadLetter is an event that should have made a job and could not, kept until it is
// tried again with success, deleted, or too old.
type DeadLetter struct {
	ID string `json:"id"`
	// Trigger names the rule that could not submit; empty when the event itself could
	// not be read.
	Trigger string `json:"trigger,omitempty"`
	Reason  string `json:"reason"`
	// Attempts counts how often it was tried: deliveries and retries.
	Attempts  int     `json:"attempts"`
	FirstAt   Millis  `json:"firstAt"`
	LastAt    Millis  `json:"lastAt"`
	ExpiresAt Millis  `json:"expiresAt"`
	Event     S3Event `json:"event"`
	// Raw is the text of an event that could not be read, clipped where it is long.
	Raw string `json:"raw,omitempty"`
}

// TriggerReport is what became of one message.
type TriggerReport struct {
	// Events counts those that could be read, Unmatched those of them that no trigger
	// asked for.
	Events    int `json:"events"`
	Unmatched int `json:"unmatched"`
	// Jobs are those of the events, one for each trigger that matched; DeadLetters are
	// what could not be submitted.
	Jobs        []TriggeredJob `json:"jobs"`
	DeadLetters []DeadLetter   `json:"deadLetters"`
}

// TriggeredJob is the job that a trigger made of an event.
type TriggeredJob struct {
	Trigger string `json:"trigger"`
	Object  string `json:"object"` // "s3://bucket/key"
	JobID   string `json:"jobId"`
	// Repeated says that an earlier delivery of the event had made it.
	Repeated bool `json:"repeated"`
}

// DeadLetterQuery asks for a page of dead letters, the latest first.
type DeadLetterQuery struct {
	Trigger    string // only those of this rule; empty is all
	MaxResults int    // 1 to MaxDeadLetters; 0 is MaxDeadLetters
	NextToken  string // of the page before; empty begins
}

// MaxDeadLetters is the most dead letters in a page.
const MaxDeadLetters = 100
