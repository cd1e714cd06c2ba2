package peers

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// witness stands between the server and moto, and remembers what ECS was asked.
type witness struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string][]map[string]any // by operation, such as "RunTask"
}

func newWitness(t *testing.T, endpoint string) *witness {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{calls: map[string][]map[string]any{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonEC2ContainerServiceV20141113."); ok {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadGateway)
				return
			}
			w.note(operation, body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *witness) note(operation string, body []byte) {
	var call map[string]any
	if json.Unmarshal(body, &call) != nil {
		call = map[string]any{"not JSON": string(body)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[operation] = append(w.calls[operation], call)
}

// asked returns all calls of an operation.
func (w *witness) asked(operation string) []map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]map[string]any(nil), w.calls[operation]...)
}
