package runner

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"
)

// maxRequest is the most that a function URL takes: 6 MB.
const maxRequest = 6 << 20

// URL answers HTTP by a function, as a Lambda function URL would (payload version 2.0).
func URL(f *Function) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, `{"Message":"Request Entity Too Large"}`, http.StatusRequestEntityTooLarge)
			return
		}
		out, err := f.Invoke(r.Context(), request(r, body))
		var response events.LambdaFunctionURLResponse
		if err == nil {
			err = json.Unmarshal(out, &response)
		}
		if err != nil {
			status := http.StatusBadGateway
			if errors.Is(err, r.Context().Err()) {
				status = http.StatusGatewayTimeout
			}
			http.Error(w, `{"Message":"Internal Server Error"}`, status)
			return
		}
		answerWith(w, response)
	})
}

// request is what a function gets of an HTTP request.
func request(r *http.Request, body []byte) events.LambdaFunctionURLRequest {
	headers := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[name] = strings.Join(values, ",")
	}
	now := time.Now()
	out := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: headers, QueryStringParameters: query,
		RequestContext: events.LambdaFunctionURLRequestContext{
			RequestID: uuid.NewString(), DomainName: r.Host, TimeEpoch: now.UnixMilli(), Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: r.RemoteAddr, UserAgent: r.UserAgent(),
			},
		},
	}
	if out.IsBase64Encoded = !utf8.Valid(body); out.IsBase64Encoded {
		out.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		out.Body = string(body)
	}
	return out
}

func answerWith(w http.ResponseWriter, response events.LambdaFunctionURLResponse) {
	body := []byte(response.Body)
	if response.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(response.Body)
		if err != nil {
			http.Error(w, `{"Message":"Internal Server Error"}`, http.StatusBadGateway)
			return
		}
		body = decoded
	}
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(max(response.StatusCode, http.StatusOK))
	_, _ = w.Write(body) // the client is gone: nobody is left to tell
}
