package triggers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
)

// readOf reads a message.
func readOf(body string) (message, error) {
	var m message
	err := m.read([]byte(body), 0)
	return m, err
}

// TestEveryFormOfMessageIsRead reads the samples in testdata, which are those of the
// documentation of S3, EventBridge, SNS and Lambda, and one that MinIO sent.
func TestEveryFormOfMessageIsRead(t *testing.T) {
	put := batch.S3Event{
		Kind: "s3:ObjectCreated:Put", Bucket: "amzn-s3-demo-bucket", Key: "red flower+1.jpg", Size: new(int64(1024)),
		Version: "096fKKXTRTtl3on89fVO.nfljtsv6qko", ETag: "d41d8cd98f00b204e9800998ecf8427e",
		Sequencer: "0055AED6DCD90281E5", Time: "1970-01-01T00:00:00.000Z",
	}
	created := batch.S3Event{
		Kind: "s3:ObjectCreated:Put", Bucket: "amzn-s3-demo-bucket1", Key: "red flower+1%2B.jpg", Size: new(int64(5)),
		Version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", ETag: "b1946ac92492d2347c6235b4d2611184",
		Sequencer: "617f08299329d189", Time: "2021-11-12T00:00:00Z",
	}
	tests := map[string][]batch.S3Event{
		"s3-put.json":      {put},
		"sqs-s3.json":      {put},
		"sns-s3.json":      {put},
		"sns-http-s3.json": {put},
		"sqs-sns-s3.json":  {put},
		"s3-test.json":     nil,
		"minio-put.json": {{
			Kind: "s3:ObjectCreated:Put", Bucket: "vd-main", Key: "Tile_+002_+002.mtl", Size: new(int64(210)),
			ETag: "775ff5def9531772a2bb12853cd46fce", Sequencer: "17A76FE05CF3469B", Time: "2024-01-05T11:26:33.408Z",
		}},
		"s3-lifecycle-delete.json": {{
			Kind: "s3:LifecycleExpiration:Delete", Bucket: "amzn-s3-demo-bucket", Key: "expiration/delete",
			Sequencer: "0055AED6DCD90281E5", Time: "1970-01-01T00:00:00.000Z",
		}},
		"eventbridge-created.json": {created},
		"sqs-eventbridge.json":     {created},
		"eventbridge-deleted.json": {{
			Kind: "s3:ObjectRemoved:DeleteMarkerCreated", Bucket: "amzn-s3-demo-bucket1", Key: "example-key",
			Version: "1QW9g1Z99LUNbvaaYVpW9xDlOLU.qxgF", ETag: "d41d8cd98f00b204e9800998ecf8427e",
			Sequencer: "617f0837b476e463", Time: "2021-11-12T00:00:00Z",
		}},
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(tests) {
		t.Errorf("testdata has %d samples (%v), the test knows %d", len(files), err, len(tests))
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			m, err := readOf(string(body))
			if err != nil || len(m.broken) > 0 {
				t.Fatalf("read = %v, broken %v", err, m.broken)
			}
			if d := cmp.Diff(want, m.events); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// s3Record is a record of S3 as short as it may be.
func s3Record(name, bucket, key string) string {
	return `{"eventSource":"aws:s3","eventName":"` + name + `","s3":{"bucket":{"name":"` + bucket + `"},"object":{"key":"` + key + `"}}}`
}

func TestOneBrokenRecordDoesNotHideTheOthers(t *testing.T) {
	m, err := readOf(`{"Records":[` + strings.Join([]string{
		s3Record("ObjectCreated:Put", "b", "first"),
		s3Record("ObjectCreated:Put", "b", "50%"),      // not URL-encoded
		s3Record("ObjectCreated:Put", "b", "%ff"),      // not UTF-8
		s3Record("ObjectCreated:Put", "b", "a%00b"),    // no argument or variable holds it
		s3Record("ObjectCreated:Put", "", "k"),         // of no bucket
		s3Record("ObjectCreated:Put", "b", ""),         // of no object
		s3Record("", "b", "k"),                         // no event
		`{"eventSource":"aws:dynamodb","dynamodb":{}}`, // of another service
		`7`, // nothing at all
		`{"eventSource":"aws:sqs","body":"hello"}`, // what is in it cannot be read
		`{"EventSource":"aws:sns","Sns":{"Message":""}}`,
		s3Record("ObjectCreated:Put", "b", "last"),
	}, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, e := range m.events {
		keys = append(keys, e.Key)
	}
	if d := cmp.Diff([]string{"first", "last"}, keys); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	if len(m.broken) != 10 {
		t.Errorf("%d records are broken, want 10: %v", len(m.broken), m.broken)
	}
}

func TestAMessageThatIsNoneIsRefused(t *testing.T) {
	deep := `{"Records":[` + s3Record("ObjectCreated:Put", "b", "k") + `]}`
	for range maxDepth + 1 {
		text, err := json.Marshal(deep)
		if err != nil {
			t.Fatal(err)
		}
		deep = `{"Type":"Notification","Message":` + string(text) + `}`
	}
	for name, test := range map[string]struct{ body, want string }{
		"nothing":              {"", "cannot be read"},
		"text":                 {"hello", "cannot be read"},
		"a list of nothing":    {"[", "cannot be read"},
		"another object":       {`{"a":1}`, "no event of S3"},
		"a wrong type":         {`{"Records":7}`, "cannot be read"},
		"EventBridge of EC2":   {`{"detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{}}`, "aws.ec2"},
		"EventBridge, no body": {`{"detail-type":"Object Created","source":"aws.s3"}`, "cannot be read"},
		"SNS asks":             {`{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns/x"}`, "https://sns/x"},
		"too deep":             {deep, "in each other"},
		"too many":             {`{"Records":[` + strings.Repeat("{},", maxRecords) + `{}]}`, "records"},
	} {
		_, err := readOf(test.body)
		if err == nil || batch.CodeOf(err) != batch.CodeInvalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: read = %v, want a refusal with %q", name, err, test.want)
		}
	}
}

func TestKindsOfEventBridge(t *testing.T) {
	for _, test := range []struct{ detail, reason, deletion, want string }{
		{"Object Created", "PutObject", "", "s3:ObjectCreated:Put"},
		{"Object Created", "POST Object", "", "s3:ObjectCreated:Post"},
		{"Object Created", "CopyObject", "", "s3:ObjectCreated:Copy"},
		{"Object Created", "CompleteMultipartUpload", "", "s3:ObjectCreated:CompleteMultipartUpload"},
		{"Object Created", "what will be", "", "s3:ObjectCreated"},
		{"Object Deleted", "DeleteObject", "Permanently Deleted", "s3:ObjectRemoved:Delete"},
		{"Object Deleted", "DeleteObject", "Delete Marker Created", "s3:ObjectRemoved:DeleteMarkerCreated"},
		{"Object Deleted", "Lifecycle Expiration", "Permanently Deleted", "s3:LifecycleExpiration:Delete"},
		{"Object Restore Initiated", "", "", "s3:ObjectRestore:Post"},
		{"Object Restore Completed", "", "", "s3:ObjectRestore:Completed"},
		{"Object Restore Expired", "", "", "s3:ObjectRestore:Delete"},
		{"Object Storage Class Changed", "", "", "s3:LifecycleTransition"},
		{"Object Access Tier Changed", "", "", "s3:IntelligentTiering"},
		{"Object ACL Updated", "", "", "s3:ObjectAcl:Put"},
		{"Object Tags Added", "", "", "s3:ObjectTagging:Put"},
		{"Object Tags Deleted", "", "", "s3:ObjectTagging:Delete"},
		{"Bucket Sang", "", "", ""},
	} {
		if got := kindOf(test.detail, test.reason, test.deletion); got != test.want {
			t.Errorf("kindOf(%q, %q, %q) = %q, want %q", test.detail, test.reason, test.deletion, got, test.want)
		}
	}
}

func TestWantedKinds(t *testing.T) {
	for _, test := range []struct {
		asked, kind string
		want        bool
	}{
		{"s3:ObjectCreated:*", "s3:ObjectCreated:Put", true},
		{"s3:ObjectCreated:*", "s3:ObjectCreated", true},
		{"s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", false},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated:Put", true},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated:Post", false},
		{"s3:ObjectCreated:Put", "s3:ObjectCreated", false},
		{"s3:LifecycleTransition", "s3:LifecycleTransition", true},
	} {
		if got := wanted([]string{test.asked}, test.kind); got != test.want {
			t.Errorf("wanted(%q, %q) = %v, want %v", test.asked, test.kind, got, test.want)
		}
	}
}

func TestSubstitute(t *testing.T) {
	e := batch.S3Event{Bucket: "b", Key: "in/{key}.gz", Version: "v1", Size: new(int64(7)), ETag: "e"}
	for _, test := range []struct{ template, want string }{
		{"", ""},
		{"plain", "plain"},
		{"s3://{bucket}/{key}", "s3://b/in/{key}.gz"}, // what is put in is not looked at again
		{"{version} {size} {etag}", "v1 7 e"},
		{`{{"k":"{etag}"}}`, `{"k":"e"}`},
		{"{{key}}", "{key}"},
		{"{{{etag}}}", "{e}"},
	} {
		if got, err := substitute(test.template, e); err != nil || got != test.want {
			t.Errorf("substitute(%q) = %q, %v, want %q", test.template, got, err, test.want)
		}
	}
	if got, err := substitute("{version}|{size}", batch.S3Event{}); err != nil || got != "|" {
		t.Errorf("what an event does not tell becomes %q, %v, want nothing", got, err)
	}
	for _, template := range []string{"{", "}", "{key", "key}", "{Key}", "{ key }", "{}", "{name}", `{"a":1}`, "{{key}"} {
		if got, err := substitute(template, e); err == nil || !strings.Contains(err.Error(), "{{ or }}") {
			t.Errorf("substitute(%q) = %q, %v, want an error that says how braces are written", template, got, err)
		}
	}
}

func TestJobNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, test := range []struct{ rule, key, want string }{
		{"ingest", "in/2026/a b.tar.gz", "ingest-in-2026-a-b-tar-gz"},
		{"ingest", "/_under_", "ingest-_under_"},
		{"ingest", "日本", "ingest"},
		{"ingest", "日本/ok", "ingest-ok"},
		{"ingest", long + "/end", "ingest-" + strings.Repeat("x", 117) + "-end"},
		{strings.Repeat("r", 64), long, strings.Repeat("r", 64) + "-" + strings.Repeat("x", 63)},
		{"ingest", strings.Repeat("x", 50) + "/" + strings.Repeat("y", 121), "ingest-" + strings.Repeat("y", 121)},
	} {
		got := jobName(test.rule, test.key)
		if got != test.want {
			t.Errorf("jobName(%q, %q) = %q, want %q", test.rule, test.key, got, test.want)
		}
		if err := batch.CheckJobName(got); err != nil {
			t.Errorf("jobName(%q, %q) = %q: %v", test.rule, test.key, got, err)
		}
	}
}

// Deliveries of one event are the same occurrence, whatever else is new in them; other
// events are others.
func TestOccurrences(t *testing.T) {
	created := batch.S3Event{Kind: "s3:ObjectCreated:Put", Bucket: "b", Key: "k", Version: "v", ETag: "e", Sequencer: "1", Time: "t"}
	unversioned := created
	unversioned.Version = ""
	tagged := created
	tagged.Kind = "s3:ObjectTagging:Put"
	with := func(e batch.S3Event, change func(*batch.S3Event)) batch.S3Event { change(&e); return e }
	for name, test := range map[string]struct {
		a, b batch.S3Event
		same bool
	}{
		"told by EventBridge as well":     {created, with(created, func(e *batch.S3Event) { e.Kind, e.Time, e.Sequencer = "s3:ObjectCreated", "t2", "001" }), true},
		"another version":                 {created, with(created, func(e *batch.S3Event) { e.Version = "w" }), false},
		"another key":                     {created, with(created, func(e *batch.S3Event) { e.Key = "l" }), false},
		"removed after it was created":    {created, with(created, func(e *batch.S3Event) { e.Kind = "s3:ObjectRemoved:Delete" }), false},
		"written again, no versions":      {unversioned, with(unversioned, func(e *batch.S3Event) { e.Sequencer = "2" }), false},
		"told again, no versions":         {unversioned, with(unversioned, func(e *batch.S3Event) { e.Time = "t2" }), true},
		"moto: no sequencer, new content": {with(unversioned, func(e *batch.S3Event) { e.Sequencer = "" }), with(unversioned, func(e *batch.S3Event) { e.Sequencer, e.ETag = "", "f" }), false},
		"tagged twice":                    {tagged, with(tagged, func(e *batch.S3Event) { e.Time = "t2" }), false},
		"tagging told twice":              {tagged, tagged, true},
	} {
		if same := event("r", test.a) == event("r", test.b); same != test.same {
			t.Errorf("%s: the same occurrence: %v, want %v", name, same, test.same)
		}
	}
	if event("r", created) == event("s", created) {
		t.Error("two rules make one job of an event")
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	f.Fuzz(func(t *testing.T, body string) {
		m, err := readOf(body)
		if err != nil && batch.CodeOf(err) != batch.CodeInvalid {
			t.Errorf("read(%q) = %v, want a refusal", body, err)
		}
		for _, e := range m.events {
			if e.Bucket == "" || e.Key == "" || familyOf(e.Kind) == "" {
				t.Errorf("read(%q) gives %+v, which lacks something", body, e)
			}
			if err := batch.CheckJobName(jobName("rule", e.Key)); err != nil {
				t.Errorf("the job of key %q: %v", e.Key, err)
			}
		}
	})
}
