package fakeaws

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Logs has the methods of the SDK's CloudWatch Logs client that read what containers
// wrote. The patterns of FilterLogEvents are plain terms here.
type Logs struct{ c *Cloud }

// Logs returns the cloud's log groups.
func (c *Cloud) Logs() *Logs { return &Logs{c} }

// mostEvents bounds a page of events, and is its size when the caller names none.
const mostEvents = 10_000

func noGroup() error {
	return refuse("ResourceNotFoundException", "The specified log group does not exist.")
}
func noStream() error {
	return refuse("ResourceNotFoundException", "The specified log stream does not exist.")
}

// groupName is the name of a group that is given by name or ARN.
func groupName(name, identifier *string) string {
	if name != nil {
		return *name
	}
	_, group, ok := strings.Cut(value(identifier), ":log-group:")
	if !ok {
		return value(identifier)
	}
	return strings.TrimSuffix(group, ":*")
}

// DescribeLogStreams lists the streams of a group by name.
func (l *Logs) DescribeLogStreams(ctx context.Context, in *cloudwatchlogs.DescribeLogStreamsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	return call(ctx, l.c, "logs.DescribeLogStreams", in, func(in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
		s := l.c.logs
		s.mu.Lock()
		defer s.mu.Unlock()
		g := s.groups[groupName(in.LogGroupName, in.LogGroupIdentifier)]
		if g == nil {
			return nil, noGroup()
		}
		var all []types.LogStream
		for _, name := range slices.Sorted(maps.Keys(g.streams)) {
			if !strings.HasPrefix(name, value(in.LogStreamNamePrefix)) {
				continue
			}
			stream := g.streams[name]
			d := types.LogStream{LogStreamName: &name, CreationTime: aws.Int64(stream.created.UnixMilli())}
			if n := len(stream.lines); n > 0 {
				d.FirstEventTimestamp, d.LastEventTimestamp = aws.Int64(stream.lines[0].At.UnixMilli()), aws.Int64(stream.lines[n-1].At.UnixMilli())
				d.LastIngestionTime = d.LastEventTimestamp
			}
			all = append(all, d)
		}
		if value(in.Descending) {
			slices.Reverse(all)
		}
		page, next, ok := pageOf(all, in.NextToken, int(cmp.Or(value(in.Limit), 50)), func(d types.LogStream) string { return *d.LogStreamName })
		if !ok {
			return nil, badLogToken()
		}
		return &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: page, NextToken: next}, nil
	})
}

// within reports whether a line lies in a time span: from start, before end, in
// milliseconds since 1970.
func (l LogLine) within(start, end *int64) bool {
	at := l.At.UnixMilli()
	return (start == nil || at >= *start) && (end == nil || at < *end)
}

// GetLogEvents returns a page of a stream: the last one, or with StartFromHead the
// first. A token names a direction and a line; at an end it is returned as it came.
func (l *Logs) GetLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	return call(ctx, l.c, "logs.GetLogEvents", in, func(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
		group := groupName(in.LogGroupName, in.LogGroupIdentifier)
		if !l.c.logs.has(group) {
			return nil, noGroup()
		}
		lines, ok := l.c.logs.lines(group, value(in.LogStreamName))
		if !ok {
			return nil, noStream()
		}
		lines = slices.DeleteFunc(lines, func(line LogLine) bool { return !line.within(in.StartTime, in.EndTime) })
		size := int(cmp.Or(value(in.Limit), mostEvents))
		from := max(0, len(lines)-size)
		if value(in.StartFromHead) {
			from = 0
		}
		to := min(len(lines), from+size)
		if token := value(in.NextToken); token != "" {
			direction, digits, ok := strings.Cut(token, "/")
			at, err := strconv.Atoi(digits)
			if !ok || err != nil || at < 0 {
				return nil, badLogToken()
			}
			at = min(at, len(lines))
			if direction == "f" {
				from, to = at, min(len(lines), at+size)
			} else {
				from, to = max(0, at-size), at
			}
		}
		out := &cloudwatchlogs.GetLogEventsOutput{
			Events:           []types.OutputLogEvent{},
			NextForwardToken: aws.String(fmt.Sprintf("f/%020d", to)), NextBackwardToken: aws.String(fmt.Sprintf("b/%020d", from)),
		}
		for _, line := range lines[from:to] {
			at := line.At.UnixMilli()
			out.Events = append(out.Events, types.OutputLogEvent{Message: aws.String(line.Text), Timestamp: &at, IngestionTime: &at})
		}
		return out, nil
	})
}

// FilterLogEvents returns a page of the lines of a group's streams, in order of time,
// that hold every word of the pattern.
func (l *Logs) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return call(ctx, l.c, "logs.FilterLogEvents", in, func(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
		all, err := l.c.logs.filter(in)
		if err != nil {
			return nil, err
		}
		page, next, ok := pageOf(all, in.NextToken, int(cmp.Or(value(in.Limit), mostEvents)), func(e types.FilteredLogEvent) string { return *e.EventId })
		if !ok {
			return nil, badLogToken()
		}
		return &cloudwatchlogs.FilterLogEventsOutput{Events: page, NextToken: next}, nil
	})
}

func (s *logStore) filter(in *cloudwatchlogs.FilterLogEventsInput) ([]types.FilteredLogEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[groupName(in.LogGroupName, in.LogGroupIdentifier)]
	if g == nil {
		return nil, noGroup()
	}
	type found struct {
		at    time.Time
		event types.FilteredLogEvent
	}
	var all []found
	words := strings.Fields(strings.ReplaceAll(value(in.FilterPattern), `"`, " "))
	for _, name := range slices.Sorted(maps.Keys(g.streams)) {
		if !strings.HasPrefix(name, value(in.LogStreamNamePrefix)) || len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, name) {
			continue
		}
		for n, line := range g.streams[name].lines {
			missing := slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line.Text, word) })
			if missing || !line.within(in.StartTime, in.EndTime) {
				continue
			}
			at := line.At.UnixMilli()
			all = append(all, found{line.At, types.FilteredLogEvent{
				EventId: aws.String(base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d", name, n))),
				Message: aws.String(line.Text), LogStreamName: &name, Timestamp: &at, IngestionTime: &at,
			}})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.at.Compare(b.at) })
	var events []types.FilteredLogEvent
	for _, f := range all {
		events = append(events, f.event)
	}
	return events, nil
}
