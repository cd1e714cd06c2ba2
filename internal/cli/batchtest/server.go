package batchtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// Server is one account in one region.
type Server struct {
	URL string
	// PageSize is how many items a page has, at most; 0 means 100.
	PageSize int
	// Invalid names environments that turn out INVALID, and the reason for each.
	Invalid map[string]string
	// Called, if not nil, gets the name of each operation when it is done. It needs room
	// for all of them.
	Called chan string
	// Missing names operations that this server does not know, as older mocks.
	Missing []string

	now   func() time.Time
	http  *httptest.Server
	mu    sync.Mutex
	calls []string

	environments map[string]*types.ComputeEnvironmentDetail
	queues       map[string]*types.JobQueueDetail
	policies     map[string]*types.SchedulingPolicyDetail
	definitions  []*types.JobDefinition
	jobs         map[string]*types.JobDetail
	order        []string // ids of jobs as they were submitted
	logs         map[string][]logEvent
}

// New starts a server that takes the time from now. It stops when the test ends.
func New(t testing.TB, now func() time.Time) *Server {
	s := &Server{
		Invalid: map[string]string{}, now: now,
		environments: map[string]*types.ComputeEnvironmentDetail{},
		queues:       map[string]*types.JobQueueDetail{},
		policies:     map[string]*types.SchedulingPolicyDetail{},
		jobs:         map[string]*types.JobDetail{},
		logs:         map[string][]logEvent{},
	}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// Stop makes the server unreachable.
func (s *Server) Stop() { s.http.Close() }

// Calls returns the operations that were asked for so far, in order.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// ARN makes an ARN of this account.
func ARN(kind, name string) string {
	return "arn:aws:batch:us-east-1:123456789012:" + kind + "/" + name
}

// refusal is a ClientException.
type refusal struct{ message string }

func (r refusal) Error() string { return r.message }

// refuse is an error in the dress that AWS gives many of its messages.
func refuse(format string, args ...any) error {
	return refusal{"Error executing request, Exception : " + fmt.Sprintf(format, args...) + ", RequestId: 6fb1c2a0-0000-4000-8000-000000000001"}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		s.serveLogs(w, target, body)
		return
	}
	op, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/")
	if arn, isTag := strings.CutPrefix(op, "tags/"); isTag {
		op = "tags"
		if arn, err = url.PathUnescape(arn); err == nil {
			body, err = json.Marshal(map[string]any{"arn": arn, "body": json.RawMessage(body)})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.calls = append(s.calls, op)
	handle, known := s.operations()[op]
	if !ok || !known || slices.Contains(s.Missing, op) {
		http.Error(w, `{"message":"not found"}`, http.StatusNotFound)
		return
	}
	out, err := handle(body)
	if s.Called != nil {
		s.Called <- op
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.Header().Set("X-Amzn-ErrorType", "ClientException")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": err.Error()})
		return
	}
	text, err := wire.Marshal(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(text)
}

// page cuts a page out of a list. A token is the index of its first item.
func page[T any](s *Server, list []T, token *string, most *int32) (part []T, next *string) {
	size := s.PageSize
	if size == 0 {
		size = 100
	}
	if n := int(aws.ToInt32(most)); n > 0 {
		size = min(size, n)
	}
	start := 0
	if token != nil {
		_, _ = fmt.Sscan(*token, &start)
	}
	start = min(start, len(list))
	end := min(start+size, len(list))
	if end < len(list) {
		next = aws.String(fmt.Sprint(end))
	}
	return list[start:end], next
}

// name takes the name out of an ARN.
func name(ref *string) string {
	s := aws.ToString(ref)
	if strings.HasPrefix(s, "arn:") {
		_, s, _ = strings.Cut(s, "/")
	}
	return s
}
