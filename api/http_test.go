package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func post(t *testing.T, url, body string) response {
	t.Helper()
	return send(t, "POST", url, body, map[string]string{"Content-Type": "application/json"})
}

// send makes one unsigned request.
func send(t *testing.T, method, url, body string, header map[string]string) response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	return do(t, r)
}

func do(t *testing.T, r *http.Request) response {
	t.Helper()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{
		status: answer.StatusCode, code: answer.Header.Get("X-Amzn-ErrorType"), contentType: answer.Header.Get("Content-Type"),
		requestID: answer.Header.Get("X-Amzn-RequestId"), body: string(text), header: answer.Header,
	}
}
