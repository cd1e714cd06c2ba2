package fakeaws

import (
	"sync"
	"time"
)

// defaultLogGroup is where AWS Batch's jobs write.
const defaultLogGroup = "/aws/batch/job"

// logStore keeps the lines of all containers, in memory.
type logStore struct {
	mu     sync.Mutex
	groups map[string]*logGroup
}

type logGroup struct {
	created time.Time
	days    *int32 // how long events are kept; nil is for ever
	tags    map[string]string
	streams map[string]*logStream
}

type logStream struct {
	created time.Time
	lines   []LogLine
}

// LogLine is one event of a log stream.
type LogLine struct {
	At   time.Time
	Text string
}

func newLogStore(groups []string) *logStore {
	s := &logStore{groups: map[string]*logGroup{}}
	for _, g := range groups {
		s.create(g, time.Time{})
	}
	return s
}

// with does something with a group, under the lock; false if there is none.
func (s *logStore) with(group string, do func(g *logGroup)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[group] == nil {
		return false
	}
	do(s.groups[group])
	return true
}

// create makes a group and reports whether it is new.
func (s *logStore) create(group string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[group] != nil {
		return false
	}
	s.groups[group] = &logGroup{created: at, streams: map[string]*logStream{}, tags: map[string]string{}}
	return true
}

func (s *logStore) has(group string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups[group] != nil
}

// open makes a stream of a group that there is, empty, if it is not there.
func (s *logStore) open(group, stream string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil && g.streams[stream] == nil {
		g.streams[stream] = &logStream{created: at}
	}
}

func (s *logStore) append(group, stream, text string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil && g.streams[stream] != nil {
		g.streams[stream].lines = append(g.streams[stream].lines, LogLine{at, text})
	}
}

// lines returns what a stream holds; ok is false without group or stream.
func (s *logStore) lines(group, stream string) (lines []LogLine, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[group]; g != nil && g.streams[stream] != nil {
		return append([]LogLine(nil), g.streams[stream].lines...), true
	}
	return nil, false
}

// LogLines returns the lines that a container wrote, in order; nil if there is no
// such stream.
func (c *Cloud) LogLines(group, stream string) []LogLine {
	lines, _ := c.logs.lines(group, stream)
	return lines
}
