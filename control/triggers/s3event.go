package triggers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/packhorse-batch/packhorse/batch"
)

// object is an object as S3 notifications tell of it (S3 user guide, "Event message
// structure"; version-id is how EventBridge spells versionId).
type object struct {
	Key         string `json:"key"`
	Size        *int64 `json:"size"`
	ETag        string `json:"eTag"`
	VersionID   string `json:"versionId"`
	VersionHyph string `json:"version-id"`
	Sequencer   string `json:"sequencer"`
}

type bucket struct {
	Name string `json:"name"`
}

// event reads a record of S3, or of what imitates it.
func (r record) event() (batch.S3Event, error) {
	var s3 struct {
		Bucket bucket `json:"bucket"`
		Object object `json:"object"`
	}
	if err := json.Unmarshal(r.S3, &s3); err != nil {
		return batch.S3Event{}, notJSON(err)
	}
	// The key is URL-encoded as in a form, a space as "+".
	key, err := url.QueryUnescape(s3.Object.Key)
	if err != nil {
		return batch.S3Event{}, refuse(fmt.Sprintf("s3.object.key %q is not URL-encoded: %v", s3.Object.Key, err), "encode it as S3 does")
	}
	if r.EventSource == "minio:s3" && s3.Object.VersionID == "1" {
		// MinIO before it had versions said so of every object.
		s3.Object.VersionID = ""
	}
	return eventOf("s3:"+strings.TrimPrefix(r.EventName, "s3:"), s3.Bucket, s3.Object, key, r.EventTime)
}

// eventBridge reads an event of EventBridge (S3 user guide, "EventBridge event message
// structure"). Its keys are not encoded. Kinds of EventBridge that have nothing to do
// with an object are left out.
func (m *message) eventBridge(e envelope) error {
	if e.Source != "aws.s3" {
		return refuse(fmt.Sprintf("this is an event of %q, not of aws.s3", e.Source), `let the EventBridge rule match {"source":["aws.s3"]}`)
	}
	var detail struct {
		Bucket       bucket `json:"bucket"`
		Object       object `json:"object"`
		Reason       string `json:"reason"`
		DeletionType string `json:"deletion-type"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return notJSON(err)
	}
	kind := kindOf(e.DetailType, detail.Reason, detail.DeletionType)
	if kind == "" {
		return nil
	}
	event, err := eventOf(kind, detail.Bucket, detail.Object, detail.Object.Key, strings.Trim(string(e.Time), `"`))
	if err == nil {
		m.events = append(m.events, event)
	}
	return err
}

// kindOf returns what S3 notifications call an event of EventBridge (S3 user guide,
// "Amazon EventBridge mapping and troubleshooting"), "" for one that they do not have.
func kindOf(detailType, reason, deletion string) string {
	member := func(family string, names map[string]string, said string) string {
		if name, known := names[said]; known {
			return "s3:" + family + ":" + name
		}
		return "s3:" + family // a member that we do not know: only "family:*" means it
	}
	switch detailType {
	case "Object Created":
		return member("ObjectCreated", map[string]string{
			"PutObject": "Put", "POST Object": "Post", "CopyObject": "Copy", "CompleteMultipartUpload": "CompleteMultipartUpload",
		}, reason)
	case "Object Deleted":
		family := "ObjectRemoved"
		if reason == "Lifecycle Expiration" {
			family = "LifecycleExpiration"
		}
		return member(family, map[string]string{
			"Permanently Deleted": "Delete", "Delete Marker Created": "DeleteMarkerCreated",
		}, deletion)
	case "Object Restore Initiated":
		return "s3:ObjectRestore:Post"
	case "Object Restore Completed":
		return "s3:ObjectRestore:Completed"
	case "Object Restore Expired":
		return "s3:ObjectRestore:Delete"
	case "Object Storage Class Changed":
		return "s3:LifecycleTransition"
	case "Object Access Tier Changed":
		return "s3:IntelligentTiering"
	case "Object ACL Updated":
		return "s3:ObjectAcl:Put"
	case "Object Tags Added":
		return "s3:ObjectTagging:Put"
	case "Object Tags Deleted":
		return "s3:ObjectTagging:Delete"
	}
	return ""
}

// eventOf checks what every event must have.
func eventOf(kind string, b bucket, o object, key, time string) (batch.S3Event, error) {
	e := batch.S3Event{
		Kind: kind, Bucket: b.Name, Key: key, Version: o.VersionID, Size: o.Size, ETag: strings.Trim(o.ETag, `"`),
		Sequencer: o.Sequencer, Time: time,
	}
	if e.Version == "" {
		e.Version = o.VersionHyph
	}
	if e.Version == "null" {
		e.Version = "" // the one version of an object in a bucket without versions
	}
	switch {
	case familyOf(kind) == "":
		return e, refuse("the record has no eventName", "send the event as S3 sends it")
	case e.Bucket == "":
		return e, refuse("the record has no bucket name", "send the event as S3 sends it")
	case e.Key == "":
		return e, refuse("the record has no object key", "send the event as S3 sends it")
	case !utf8.ValidString(e.Key) || strings.ContainsRune(e.Key, 0):
		return e, refuse(fmt.Sprintf("the key %q is not UTF-8 text without zero bytes, so no job can be given it", e.Key), "rename the object")
	}
	for _, m := range []struct{ name, value string }{
		{"bucket name", e.Bucket}, {"key", e.Key}, {"event name", e.Kind}, {"version", e.Version},
		{"ETag", e.ETag}, {"sequencer", e.Sequencer}, {"time", e.Time},
	} {
		if len(m.value) > maxKey {
			return e, refuse(fmt.Sprintf("the %s has %d bytes, and S3 has none above %d", m.name, len(m.value), maxKey), "send the event as S3 sends it")
		}
	}
	return e, nil
}

// occurrence tells events of one key apart, and is the same in each delivery of one.
//
// Where there are versions, creating and removing one happens once. Without versions it
// is the sequencer, and the ETag for what has no sequencer (moto). All that may happen
// to a version several times, such as tagging it, is told apart by its time as well.
func occurrence(e batch.S3Event) []string {
	family := familyOf(e.Kind)
	once := family == "ObjectCreated" || family == "ObjectRemoved" || family == "LifecycleExpiration"
	switch {
	case once && e.Version != "":
		return []string{family, e.Version}
	case once && e.Sequencer+e.ETag != "":
		return []string{family, "", e.Sequencer, e.ETag}
	}
	return []string{e.Kind, e.Version, e.Sequencer, e.ETag, e.Time}
}
