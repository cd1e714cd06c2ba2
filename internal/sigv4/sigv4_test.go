package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/packhorse-batch/packhorse/internal/sigv4"
)

const (
	accessKey = "PKHRS0000000000000001"
	secret    = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func keys(id string) (string, bool) {
	if id == accessKey {
		return secret, true
	}
	return "", false
}

func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// signed returns a request as a server receives it, after the SDK's signer has
// signed it at a time.
func signed(t *testing.T, method, url, body string, at time.Time, change func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Amz-Sdk-Invocation-Id", "6e7e6f5e-0000-4000-8000-000000000001")
	if change != nil {
		change(r)
	}
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hash(body), "batch", "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
	return received(t, r)
}

// received sends a request through its bytes on the wire.
func received(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func verify(r *http.Request, at time.Time) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return sigv4.Verify(r, body, keys, at)
}

func TestVerifyAcceptsWhatTheSDKSigned(t *testing.T) {
	tests := map[string]struct {
		method, url, body string
		change            func(*http.Request)
	}{
		"a call":                           {"POST", "http://localhost:8080/v1/submitjob", `{"jobName":"n"}`, nil},
		"no body":                          {"POST", "http://localhost:8080/v1/describejobqueues", ``, nil},
		"the root":                         {"POST", "http://localhost", `Action=GetCallerIdentity`, nil},
		"an ARN in the path":               {"GET", "http://localhost/v1/tags/arn%3Aaws%3Abatch%3Aeu-west-1%3A123456789012%3Ajob-queue%2Fa", ``, nil},
		"a path with lower-case escapes":   {"GET", "http://localhost/v1/tags/arn%3aaws%2fb", ``, nil},
		"a path that is not escaped":       {"GET", "http://localhost/v1/tags/arn:aws:batch:::job-queue/a", ``, nil},
		"a path with blanks and a percent": {"GET", "http://localhost/v1/tags/a%20b%25c+d~*!", ``, nil},
		"repeated names in the query":      {"DELETE", "http://localhost/v1/tags/x?tagKeys=b&tagKeys=a&tagKeys=a%20b%2B&tagKey=z", ``, nil},
		"a query name without a value":     {"GET", "http://localhost/?b&a=1", ``, nil},
		"a header with blanks": {"POST", "http://localhost/", `{}`, func(r *http.Request) {
			r.Header.Set("X-Amz-Meta", "  a   b  ")
		}},
		"a header given twice": {"POST", "http://localhost/", `{}`, func(r *http.Request) {
			r.Header["X-Amz-Meta"] = []string{"b", "a"}
		}},
		"the hash of the body in a header": {"POST", "http://localhost/", `{}`, func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", hash(`{}`))
		}},
		"the operation in a header": {"POST", "http://localhost/", `{}`, func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "Logs_20140328.GetLogEvents")
		}},
		"temporary credentials' token": {"POST", "http://localhost/", `{}`, func(r *http.Request) {
			r.Header.Set("X-Amz-Security-Token", "token")
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := signed(t, test.method, test.url, test.body, now, test.change)
			if err := verify(r, now.Add(time.Minute)); err != nil {
				t.Errorf("Verify(%s %s): %v", test.method, test.url, err)
			}
			id, region, service, ok := sigv4.Scope(r)
			if id != accessKey || region != "eu-west-1" || service != "batch" || !ok {
				t.Errorf("Scope = %q, %q, %q, %v", id, region, service, ok)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	const url, body = "http://localhost:8080/v1/submitjob?a=1", `{"jobName":"n"}`
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	edit := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	tests := map[string]struct {
		at    time.Time             // when the server looks; the client signed at now
		after func(r *http.Request) // what happens on the way
		code  sigv4.Code
		says  string
	}{
		"another body":                     {now, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{}`)) }, sigv4.InvalidSignature, "The request signature we calculated does not match"},
		"another method":                   {now, func(r *http.Request) { r.Method = "PUT" }, sigv4.InvalidSignature, ""},
		"another path":                     {now, func(r *http.Request) { r.URL.Path = "/v1/terminatejob" }, sigv4.InvalidSignature, ""},
		"another query":                    {now, func(r *http.Request) { r.URL.RawQuery = "a=2" }, sigv4.InvalidSignature, ""},
		"a broken query":                   {now, func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, sigv4.InvalidSignature, ""},
		"another host":                     {now, func(r *http.Request) { r.Host = "elsewhere" }, sigv4.InvalidSignature, ""},
		"another header":                   {now, set("Amz-Sdk-Invocation-Id", "x"), sigv4.InvalidSignature, ""},
		"a header gone":                    {now, func(r *http.Request) { r.Header.Del("Amz-Sdk-Invocation-Id") }, sigv4.InvalidSignature, ""},
		"another service":                  {now, edit("/batch/", "/logs/"), sigv4.InvalidSignature, ""},
		"another region":                   {now, edit("/eu-west-1/", "/us-east-1/"), sigv4.InvalidSignature, ""},
		"no hexadecimals":                  {now, edit("Signature=", "Signature=zz"), sigv4.InvalidSignature, ""},
		"another day":                      {now, edit("/20260102/", "/20260103/"), sigv4.InvalidSignature, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260103' != '20260102'"},
		"too late":                         {now.Add(6 * time.Minute), nil, sigv4.InvalidSignature, "Signature expired: 20260102T030405Z is now earlier than 20260102T030505Z (20260102T031005Z - 5 min.)"},
		"too early":                        {now.Add(-6 * time.Minute), nil, sigv4.InvalidSignature, "Signature not yet current: 20260102T030405Z is still later than 20260102T030305Z (20260102T025805Z + 5 min.)"},
		"an unknown key":                   {now, edit(accessKey, "AKIDOTHER"), sigv4.UnrecognizedClient, `The security token included in the request is invalid: this server has no access key "AKIDOTHER"`},
		"no signature":                     {now, func(r *http.Request) { r.Header.Del("Authorization") }, sigv4.MissingAuthenticationToken, "Missing Authentication Token"},
		"another scheme":                   {now, set("Authorization", "Bearer x"), sigv4.IncompleteSignature, "the Authorization header is not of the form"},
		"parts missing":                    {now, set("Authorization", "AWS4-HMAC-SHA256 SignedHeaders=host"), sigv4.IncompleteSignature, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."},
		"a short scope":                    {now, edit("/aws4_request", ""), sigv4.IncompleteSignature, "Credential must have exactly 5 slash-delimited elements"},
		"an unsigned host":                 {now, edit(";host;", ";"), sigv4.IncompleteSignature, "'Host' must be a 'SignedHeader'"},
		"an operation that was not signed": {now, set("X-Amz-Target", "Logs_20140328.GetLogEvents"), sigv4.IncompleteSignature, "'X-Amz-Target' must be a 'SignedHeader'"},
		"a date in another form":           {now, set("X-Amz-Date", "2026-01-02"), sigv4.IncompleteSignature, "Date must be in ISO-8601 'basic format'"},
		"no date":                          {now, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, sigv4.IncompleteSignature, "'X-Amz-Date' or a 'Date' header"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := signed(t, "POST", url, body, now, nil)
			if test.after != nil {
				test.after(r)
			}
			err := verify(r, test.at)
			var refused *sigv4.Error
			if !errors.As(err, &refused) || refused.Code != test.code || !strings.Contains(refused.Message, test.says) {
				t.Errorf("Verify = %v, want %s with %q", err, test.code, test.says)
			}
		})
	}
}

func TestVerifyRefusesAnEmptySecret(t *testing.T) {
	r := signed(t, "POST", "http://localhost/", "", now, nil)
	err := sigv4.Verify(r, nil, func(string) (string, bool) { return "", true }, now)
	if err == nil {
		t.Error("Verify with an empty secret succeeded")
	}
}

func TestPresigned(t *testing.T) {
	presign := func(t *testing.T) *http.Request {
		r, err := http.NewRequest("GET", "http://localhost/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
		if err != nil {
			t.Fatal(err)
		}
		credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, r, hash(""), "sts", "eu-west-1", now)
		if err != nil {
			t.Fatal(err)
		}
		return httptest.NewRequest("GET", url, nil)
	}
	if err := verify(presign(t), now.Add(59*time.Second)); err != nil {
		t.Errorf("Verify before it expires: %v", err)
	}
	if id, _, service, ok := sigv4.Scope(presign(t)); id != accessKey || service != "sts" || !ok {
		t.Errorf("Scope = %q, %q, %v", id, service, ok)
	}
	for name, test := range map[string]struct {
		at    time.Time
		after func(*http.Request)
		says  string
	}{
		"expired":             {now.Add(61 * time.Second), nil, "Signature expired: 20260102T030505Z is now earlier than 20260102T030506Z"},
		"not yet":             {now.Add(-6 * time.Minute), nil, "Signature not yet current"},
		"another action":      {now, replaceQuery("GetCallerIdentity", "GetSessionToken"), "does not match"},
		"another life":        {now, replaceQuery("Expires=60", "Expires=600"), "does not match"},
		"a life of years":     {now, replaceQuery("Expires=60", "Expires=99999999"), "X-Amz-Expires must be a number of seconds"},
		"a parameter missing": {now, replaceQuery("X-Amz-SignedHeaders", "X-Amz-Other"), "must include 'X-Amz-SignedHeaders'"},
	} {
		t.Run(name, func(t *testing.T) {
			r := presign(t)
			if test.after != nil {
				test.after(r)
			}
			if err := verify(r, test.at); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Verify = %v, want %q", err, test.says)
			}
		})
	}
}

func replaceQuery(old, new string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1) }
}

// Clients as they are: every call below arrives with a signature that verifies.
func TestVerifyRealClients(t *testing.T) {
	var errs []error
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		errs = append(errs, verify(r, time.Now()))
		io.WriteString(w, `{}`)
	}))
	defer server.Close()
	config := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}, nil
		}),
	}
	client, ctx := awsbatch.NewFromConfig(config), t.Context()
	arn := new("arn:aws:batch:eu-west-1:123456789012:job-queue/näme with blanks+%")
	client.SubmitJob(ctx, &awsbatch.SubmitJobInput{JobName: new("n"), JobQueue: new("q"), JobDefinition: new("d")})
	client.DescribeJobQueues(ctx, &awsbatch.DescribeJobQueuesInput{})
	client.ListTagsForResource(ctx, &awsbatch.ListTagsForResourceInput{ResourceArn: arn})
	client.TagResource(ctx, &awsbatch.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "ü"}})
	client.UntagResource(ctx, &awsbatch.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b c", "a+", "ü/&="}})
	sts.NewFromConfig(config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if len(errs) != 6 {
		t.Errorf("%d calls arrived, want 6", len(errs))
	}
	for i, err := range errs {
		if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	body := []byte(`{"jobName":"n","jobQueue":"q","jobDefinition":"d"}`)
	r, _ := http.NewRequest("POST", "http://localhost:8080/v1/submitjob", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(b.Context(), credentials, r, hash(string(body)), "batch", "eu-west-1", now); err != nil {
		b.Fatal(err)
	}
	r.Host = r.URL.Host
	b.ReportAllocs()
	for b.Loop() {
		if err := sigv4.Verify(r, body, keys, now); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzVerify: whatever a stranger sends, Verify answers and lets nobody in.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "20260102T030405Z", "a=1&b")
	f.Add("AWS4-HMAC-SHA256", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=")
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		sigv4.Scope(r)
		if sigv4.Verify(r, nil, func(string) (string, bool) { return secret, true }, now) == nil {
			t.Errorf("let in: %q %q %q", authorization, date, query)
		}
	})
}
