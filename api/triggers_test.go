package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/triggers"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// submitter makes jobs "job-1", "job-2" and so on, unless it has an error.
type submitter struct {
	jobs int
	err  error
}

func (s *submitter) SubmitJob(context.Context, *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.jobs++
	return &awsbatch.SubmitJobOutput{JobId: new(fmt.Sprintf("job-%d", s.jobs))}, nil
}

// withTriggers serves triggers over a store in memory with the queue "q" and the
// definition "d".
func withTriggers(t *testing.T, config api.Config) (*httptest.Server, *submitter) {
	t.Helper()
	records := store.New(mem.Open(), store.Options{})
	ops := append(
		records.PutNewDefinition(store.Definition{Detail: types.JobDefinition{
			JobDefinitionName: new("d"), Revision: new(int32(1)), Status: new(store.Active),
			ContainerProperties: &types.ContainerProperties{Image: new("busybox")},
		}}, 0),
		records.PutQueue(store.Queue{Detail: types.JobQueueDetail{JobQueueName: new("q"), State: types.JQStateEnabled}}),
	)
	if err := records.Write(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	ids := 0
	jobs := &submitter{}
	config.Triggers = triggers.New(triggers.Config{
		Records: records, Jobs: jobs, Now: time.Now,
		NewID: func() string { ids++; return fmt.Sprint(ids) },
	})
	server, _ := start(t, config)
	return server, jobs
}

const (
	aRule  = `{"name":"ingest","bucket":"incoming","prefix":"in/","jobQueue":"q","jobDefinition":"d","environment":[{"name":"KEY","value":"{key}"}]}`
	anyPut = `{"Records":[{"eventSource":"minio:s3","eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"incoming"},"object":{"key":"in%2Fa","sequencer":"1"}}}]}`
)

func TestTriggersOverHTTP(t *testing.T) {
	server, jobs := withTriggers(t, api.Config{})
	jobs.err = batch.Invalid("Job queue q is DISABLED.")
	letter := ""
	steps := []struct {
		name, method, path, body string
		status                   int
		want                     []string // parts of the answer
	}{
		{"none yet", "GET", "/packhorse/v1/triggers", "", 200, []string{`{"triggers":[]}`}},
		{"create", "POST", "/packhorse/v1/triggers", aRule, 200, []string{`"name":"ingest"`, `"events":["s3:ObjectCreated:*"]`, `"createdAt":1`, `"submitted":0`}},
		{"a rule that is wrong", "POST", "/packhorse/v1/triggers", `{"name":"a/b"}`, 400, []string{`name \"a/b\" is not valid. Use`}},
		{"a misspelt member", "POST", "/packhorse/v1/triggers", `{"name":"a","preffix":"x"}`, 400, []string{`unknown field \"preffix\"`, "prefix"}},
		{"no JSON", "POST", "/packhorse/v1/triggers", `{`, 400, []string{"cannot be read"}},
		{"two rules at once", "POST", "/packhorse/v1/triggers", aRule + aRule, 400, []string{"more behind its end"}},
		{"list", "GET", "/packhorse/v1/triggers", "", 200, []string{`{"triggers":[{"name":"ingest"`}},
		{"describe", "GET", "/packhorse/v1/triggers/ingest", "", 200, []string{`"prefix":"in/"`, `"environment":[{"name":"KEY","value":"{key}"}]`}},
		{"describe what is not there", "GET", "/packhorse/v1/triggers/other", "", 404, []string{`there is no trigger \"other\"`}},
		{"an event that cannot be submitted", "POST", "/events/s3", anyPut, 200, []string{`"jobs":[]`, `"reason":"Job queue q is DISABLED."`}},
		{"dead letters", "GET", "/packhorse/v1/deadletters?trigger=ingest&maxResults=5", "", 200, []string{`{"deadLetters":[{"id":"`, `"attempts":1`}},
		{"dead letters of another rule", "GET", "/packhorse/v1/deadletters?trigger=x", "", 200, []string{`{"deadLetters":[]}`}},
		{"dead letters, a wrong number", "GET", "/packhorse/v1/deadletters?maxResults=many", "", 400, []string{"maxResults"}},
		{"dead letters, a made-up token", "GET", "/packhorse/v1/deadletters?nextToken=x", "", 400, []string{"nextToken"}},
		{"one dead letter", "GET", "/packhorse/v1/deadletters/LETTER", "", 200, []string{`"key":"in/a"`}},
		{"tried again too early", "POST", "/packhorse/v1/deadletters/LETTER/retry", "", 400, []string{"DISABLED"}},
		{"enabled", "", "", "", 0, nil},
		{"tried again", "POST", "/packhorse/v1/deadletters/LETTER/retry", "", 200, []string{`{"trigger":"ingest","object":"s3://incoming/in/a","jobId":"job-1","repeated":false}`}},
		{"tried again when it is gone", "POST", "/packhorse/v1/deadletters/LETTER/retry", "", 404, []string{"there is no dead letter"}},
		{"delete one that is gone", "DELETE", "/packhorse/v1/deadletters/LETTER", "", 404, []string{"there is no dead letter"}},
		{"an event of another bucket", "POST", "/events/s3", strings.ReplaceAll(anyPut, "incoming", "other"), 200, []string{`{"events":1,"unmatched":1,"jobs":[],"deadLetters":[]}`}},
		{"the test event", "POST", "/events/s3", `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"incoming"}`, 200, []string{`"events":0`}},
		{"what is no event", "POST", "/events/s3", `hello`, 400, []string{"cannot be read"}},
		{"nothing", "POST", "/events/s3", ``, 400, []string{"cannot be read"}},
		{"a look at the door", "GET", "/events/s3", "", 405, []string{"takes POST"}},
		{"a wrong method", "PUT", "/packhorse/v1/triggers/ingest", "", 405, []string{"takes GET, DELETE, not PUT"}},
		{"a wrong path", "GET", "/packhorse/v1/trigger", "", 404, []string{"/packhorse/v1/triggers"}},
		{"delete", "DELETE", "/packhorse/v1/triggers/ingest", "", 200, []string{`{}`}},
		{"delete again", "DELETE", "/packhorse/v1/triggers/ingest", "", 404, []string{"there is no trigger"}},
	}
	for _, step := range steps {
		if step.method == "" {
			jobs.err = nil
			continue
		}
		got := send(t, step.method, server.URL+strings.ReplaceAll(step.path, "LETTER", letter), step.body, nil)
		if got.status != step.status {
			t.Errorf("%s: %s %s = %d %s, want %d", step.name, step.method, step.path, got.status, got.body, step.status)
		}
		for _, part := range step.want {
			if !strings.Contains(got.body, part) {
				t.Errorf("%s: %s %s answers %s, want %s in it", step.name, step.method, step.path, got.body, part)
			}
		}
		if got.status >= 400 && got.code == "" {
			t.Errorf("%s: the error has no X-Amzn-ErrorType", step.name)
		}
		var list struct{ DeadLetters []batch.DeadLetter }
		if err := json.Unmarshal([]byte(got.body), &list); err == nil && len(list.DeadLetters) == 1 {
			letter = list.DeadLetters[0].ID
		}
	}
}

// What the sender has to deliver again is no success, and no mistake of the sender's.
func TestAnEventThatTheStoreCannotTakeIsToBeSentAgain(t *testing.T) {
	server, jobs := withTriggers(t, api.Config{})
	post(t, server.URL+"/packhorse/v1/triggers", aRule)
	jobs.err = errors.New("the disk is full")
	if got := post(t, server.URL+"/events/s3", anyPut); got.status != 500 || got.code != "ServerException" {
		t.Errorf("the event is answered with %+v, want 500", got)
	}
	jobs.err = nil
	if got := post(t, server.URL+"/events/s3", anyPut); got.status != 200 || !strings.Contains(got.body, `"jobId":"job-1"`) {
		t.Errorf("sent again it is answered with %+v, want a job", got)
	}
}

func TestAServerWithoutTriggersSaysSo(t *testing.T) {
	server, _ := start(t, api.Config{})
	if got := send(t, "GET", server.URL+"/packhorse/v1/triggers", "", nil); got.status != 501 || !strings.Contains(got.body, "no S3 triggers") {
		t.Errorf("GET triggers = %+v, want 501", got)
	}
}

// signed sends a request with a signature, as packhorse itself does.
func signed(t *testing.T, id, secret, method, url, body string) response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, hash, "batch", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

func TestWhoMayCallTriggers(t *testing.T) {
	server, _ := withTriggers(t, api.Config{Keys: keys, EventToken: "tell-me", KeyOf: func(_ context.Context, id string) (api.Key, bool, error) {
		role, ok := map[string]api.Role{"READER": api.RoleRead, "SUBMITTER": api.RoleSubmit}[id]
		return api.Key{Secret: "s", Role: role}, ok, nil
	}})
	if got := signed(t, accessKey, secretKey, "POST", server.URL+"/packhorse/v1/triggers", aRule); got.status != 200 {
		t.Fatalf("an admin creates a trigger = %+v", got)
	}
	bearer := func(token string) func(method, path, body string) response {
		return func(method, path, body string) response {
			return send(t, method, server.URL+path, body, map[string]string{"Authorization": "Bearer " + token})
		}
	}
	key := func(id, secret string) func(method, path, body string) response {
		return func(method, path, body string) response { return signed(t, id, secret, method, server.URL+path, body) }
	}
	unsigned := func(method, path, body string) response { return send(t, method, server.URL+path, body, nil) }
	tests := map[string]struct {
		call                 func(method, path, body string) response
		list, create, events int // status
	}{
		"an admin":            {key(accessKey, secretKey), 200, 200, 200},
		"a submitter":         {key("SUBMITTER", "s"), 200, 403, 200},
		"a reader":            {key("READER", "s"), 200, 403, 403},
		"a wrong secret":      {key("READER", "x"), 403, 403, 403},
		"nobody":              {unsigned, 403, 403, 403},
		"the event token":     {bearer("tell-me"), 403, 403, 200},
		"another token":       {bearer("tell-you"), 403, 403, 403},
		"an empty token":      {bearer(""), 403, 403, 403},
		"a part of the token": {bearer("tell"), 403, 403, 403},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				method, path, body string
				want               int
			}{
				{"GET", "/packhorse/v1/triggers", "", test.list},
				{"POST", "/packhorse/v1/triggers", aRule, test.create},
				{"POST", "/events/s3", anyPut, test.events},
			} {
				if got := test.call(c.method, c.path, c.body); got.status != c.want {
					t.Errorf("%s %s = %d %s, want %d", c.method, c.path, got.status, got.body, c.want)
				}
			}
		})
	}
	t.Run("no token is set", func(t *testing.T) {
		server, _ := withTriggers(t, api.Config{Keys: keys})
		for _, token := range []string{"", "x"} {
			got := send(t, "POST", server.URL+"/events/s3", anyPut, map[string]string{"Authorization": "Bearer " + token})
			if got.status != 403 {
				t.Errorf("token %q = %d, want 403", token, got.status)
			}
		}
	})
}

// A server without keys answers whoever is on this machine, but for what a web page of
// somebody else's makes a browser send.
func TestEventsFromAWebPageAreRefused(t *testing.T) {
	server, _ := withTriggers(t, api.Config{})
	for name, header := range map[string]map[string]string{
		"another origin": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
		"another host":   {"Host": "evil.example"},
	} {
		if got := send(t, "POST", server.URL+"/events/s3", anyPut, header); got.status != 403 {
			t.Errorf("%s: %d %s, want 403", name, got.status, got.body)
		}
	}
}

// An object "s3" in a bucket "events" is somebody else's business.
func TestS3CallsOfThatNameAreStillToldWhereToGo(t *testing.T) {
	server, _ := withTriggers(t, api.Config{})
	got := send(t, "POST", server.URL+"/events/s3?uploads", "", map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
	})
	if got.status != 501 || !strings.Contains(got.body, "not s3") {
		t.Errorf("CreateMultipartUpload of events/s3 = %+v, want 501", got)
	}
}
