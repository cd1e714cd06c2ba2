// Package functionurl lets an http.Handler answer what a Lambda function URL, or an HTTP
// API with a Lambda integration, is asked: both bring requests as events of payload
// version 2.0 (AWS Lambda developer guide, "Invoking Lambda function URLs"; API Gateway
// developer guide, "AWS Lambda proxy integrations for HTTP APIs").
package functionurl

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Handler is h as a function.
func Handler(h http.Handler) func(context.Context, events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	return func(ctx context.Context, event events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
		r, err := request(ctx, event)
		if err != nil {
			return events.LambdaFunctionURLResponse{
				StatusCode: http.StatusBadRequest, Headers: map[string]string{"Content-Type": "application/json"},
				Body: fmt.Sprintf(`{"message":%q}`, err.Error()),
			}, nil
		}
		w := &answer{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.response(), nil
	}
}

// request is the HTTP request that an event stands for.
func request(ctx context.Context, event events.LambdaFunctionURLRequest) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return nil, fmt.Errorf("the event's body is not base64: %w", err)
		}
	}
	u, err := url.ParseRequestURI(event.RawPath)
	if err != nil {
		return nil, fmt.Errorf("the event's path %q is none: %w", event.RawPath, err)
	}
	u.RawQuery = event.RawQueryString
	r, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the event is no HTTP request: %w", err)
	}
	for name, value := range event.Headers {
		r.Header.Set(name, value)
	}
	if len(event.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = event.RequestContext.DomainName
	}
	r.Header.Del("Host") // net/http keeps it apart
	r.RequestURI, r.RemoteAddr = u.String(), event.RequestContext.HTTP.SourceIP
	return r, nil
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader takes the first status, as net/http does.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) response() events.LambdaFunctionURLResponse {
	a.WriteHeader(http.StatusOK)
	out := events.LambdaFunctionURLResponse{StatusCode: a.status, Headers: map[string]string{}}
	for name, values := range a.header {
		if name == "Set-Cookie" {
			out.Cookies = values
			continue
		}
		out.Headers[name] = strings.Join(values, ",")
	}
	if utf8.Valid(a.body.Bytes()) {
		out.Body = a.body.String()
	} else {
		out.Body, out.IsBase64Encoded = base64.StdEncoding.EncodeToString(a.body.Bytes()), true
	}
	return out
}
