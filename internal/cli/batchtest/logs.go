package batchtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// logEvent is a line of a log; the names are those of the CloudWatch Logs wire.
type logEvent struct {
	Timestamp     int64  `json:"timestamp"`
	Message       string `json:"message"`
	IngestionTime int64  `json:"ingestionTime"`
}

// Log appends lines to a stream, as of now.
func (s *Server) Log(group, stream string, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.now().UnixMilli()
	for _, l := range lines {
		s.logs[group+" "+stream] = append(s.logs[group+" "+stream], logEvent{at, l, at})
	}
}

// serveLogs answers GetLogEvents. A token is the index of the next line; at the end the
// same token comes back.
func (s *Server) serveLogs(w http.ResponseWriter, target string, body []byte) {
	s.calls = append(s.calls, strings.ToLower(target[strings.LastIndexByte(target, '.')+1:]))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var in struct {
		LogGroupName, LogStreamName, NextToken string
		StartFromHead                          bool
		Limit                                  int
		StartTime                              int64
	}
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	all, ok := s.logs[in.LogGroupName+" "+in.LogStreamName]
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist.",
		})
		return
	}
	size := s.PageSize
	if in.Limit > 0 {
		size = in.Limit
	}
	if size == 0 {
		size = 100
	}
	start := 0
	switch {
	case in.NextToken != "":
		_, _ = fmt.Sscanf(in.NextToken, "f/%d", &start)
	case !in.StartFromHead:
		start = max(0, len(all)-size)
	}
	end := min(start+size, len(all))
	events := []logEvent{}
	for _, e := range all[start:end] {
		if e.Timestamp >= in.StartTime {
			events = append(events, e)
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"events": events, "nextForwardToken": fmt.Sprintf("f/%d", end), "nextBackwardToken": fmt.Sprintf("b/%d", start),
	})
}
