package functionurl_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/packhorse-batch/packhorse/internal/functionurl"
)

func event(change func(*events.LambdaFunctionURLRequest)) events.LambdaFunctionURLRequest {
	e := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: "/v1/submitjob", RawQueryString: "", Body: `{"jobName":"j"}`,
		Headers: map[string]string{"host": "abc.lambda-url.us-east-1.on.aws", "content-type": "application/json", "x-amz-date": "20260301T120000Z"},
	}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = "POST", "192.0.2.7"
	if change != nil {
		change(&e)
	}
	return e
}

func TestARequestArrivesAsItWasSent(t *testing.T) {
	tests := map[string]struct {
		change                        func(*events.LambdaFunctionURLRequest)
		method, path, query, body, is string
	}{
		"a post": {nil, "POST", "/v1/submitjob", "", `{"jobName":"j"}`, ""},
		"in base64": {func(e *events.LambdaFunctionURLRequest) {
			e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\xff\x00")), true
		}, "POST", "/v1/submitjob", "", "\xff\x00", ""},
		"an encoded path": {func(e *events.LambdaFunctionURLRequest) { e.RawPath = "/v1/tags/arn%3Aaws%3Abatch" }, "POST", "/v1/tags/arn%3Aaws%3Abatch", "", `{"jobName":"j"}`, ""},
		"a query":         {func(e *events.LambdaFunctionURLRequest) { e.RawQueryString = "tagKeys=a%20b&tagKeys=c" }, "POST", "/v1/submitjob", "tagKeys=a%20b&tagKeys=c", `{"jobName":"j"}`, ""},
		"without a body":  {func(e *events.LambdaFunctionURLRequest) { e.Body, e.RequestContext.HTTP.Method = "", "GET" }, "GET", "/v1/submitjob", "", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			called := false
			h := functionurl.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				called = true
				body, err := io.ReadAll(r.Body)
				if err != nil || r.Method != test.method || r.URL.EscapedPath() != test.path || r.URL.RawQuery != test.query || string(body) != test.body {
					t.Errorf("arrived: %s %s ? %s with %q, %v", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body, err)
				}
				if r.Host != "abc.lambda-url.us-east-1.on.aws" || r.Header.Get("X-Amz-Date") == "" || r.ContentLength != int64(len(test.body)) {
					t.Errorf("host %q, headers %v, length %d", r.Host, r.Header, r.ContentLength)
				}
			}))
			out, err := h(t.Context(), event(test.change))
			if !called || err != nil || out.StatusCode != 200 {
				t.Errorf("answered %+v, %v", out, err)
			}
		})
	}
}

func TestAnAnswerLeavesAsItWasGiven(t *testing.T) {
	h := functionurl.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ClientException")
		w.WriteHeader(400)
		if r.Method == "GET" {
			_, _ = w.Write([]byte{0xff, 0})
			return
		}
		_, _ = w.Write([]byte("text"))
	}))
	out, err := h(t.Context(), event(nil))
	if err != nil || out.StatusCode != 400 || out.Body != "text" || out.IsBase64Encoded || out.Headers["X-Amzn-Errortype"] != "ClientException" {
		t.Errorf("answer = %+v, %v", out, err)
	}
	out, err = h(t.Context(), event(func(e *events.LambdaFunctionURLRequest) { e.RequestContext.HTTP.Method = "GET" }))
	if err != nil || out.Body != "/wA=" || !out.IsBase64Encoded {
		t.Errorf("answer of bytes = %+v, %v", out, err)
	}
}

func TestAnEventThatIsNoRequestIsRefused(t *testing.T) {
	h := functionurl.Handler(http.NotFoundHandler())
	for name, change := range map[string]func(*events.LambdaFunctionURLRequest){
		"a body that is no base64": func(e *events.LambdaFunctionURLRequest) { e.Body, e.IsBase64Encoded = "***", true },
		"no path":                  func(e *events.LambdaFunctionURLRequest) { e.RawPath = "" },
		"no method":                func(e *events.LambdaFunctionURLRequest) { e.RequestContext.HTTP.Method = "no method" },
	} {
		if out, err := h(t.Context(), event(change)); err != nil || out.StatusCode != 400 {
			t.Errorf("%s: %+v, %v; want 400", name, out, err)
		}
	}
}
