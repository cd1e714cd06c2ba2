package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/logs"
	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// logsCalls are the operations of CloudWatch Logs with which logs are read.
var logsCalls = callTable{
	service: "CloudWatch Logs",
	prefix:  "Logs_20140328.",
	names:   []string{"GetLogEvents", "FilterLogEvents", "DescribeLogStreams", "DescribeLogGroups"},
	serve: map[string]func(context.Context, *handler, *call) (any, error){
		"GetLogEvents":       rpc((*handler).getLogEvents),
		"FilterLogEvents":    rpc((*handler).filterLogEvents),
		"DescribeLogStreams": rpc((*handler).describeLogStreams),
		"DescribeLogGroups":  rpc((*handler).describeLogGroups),
	},
}

// Bounds of CloudWatch Logs on a page.
const (
	maxEvents = 10_000
	maxListed = 50
)

func invalidParameter(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "InvalidParameterException", message: fmt.Sprintf(format, args...)}
}

// logStore returns the logs, or why there are none.
func (h *handler) logStore() (Logs, error) {
	if h.Logs == nil {
		return nil, &failure{status: http.StatusBadRequest, code: codeUnknown,
			message: "this server keeps no logs; they are in CloudWatch Logs, unset AWS_ENDPOINT_URL_CLOUDWATCH_LOGS to read them there"}
	}
	return h.Logs, nil
}

// logError translates the errors of package logs.
func logError(err error) error {
	var pattern *logs.PatternError
	var name *logfile.NameError
	switch {
	case errors.As(err, &name):
		return invalidParameter("%v", name)
	case errors.Is(err, logs.ErrNoGroup):
		return &failure{status: http.StatusBadRequest, code: "ResourceNotFoundException", message: "The specified log group does not exist."}
	case errors.Is(err, logs.ErrNoStream):
		return &failure{status: http.StatusBadRequest, code: "ResourceNotFoundException", message: "The specified log stream does not exist."}
	case errors.Is(err, logs.ErrToken):
		return invalidParameter("The specified nextToken is invalid.")
	case errors.As(err, &pattern):
		return invalidParameter("Invalid filter pattern: %v", pattern)
	}
	return err
}

// logGroup returns the logs and the group that a call names.
func (h *handler) logGroup(name, identifier string) (Logs, string, error) {
	store, err := h.logStore()
	if err != nil {
		return nil, "", err
	}
	group, err := groupOf(name, identifier)
	return store, group, err
}

// groupOf takes the group's name from the two members that may have it; the
// identifier may be an ARN.
func groupOf(name, identifier string) (string, error) {
	switch {
	case name != "" && identifier != "":
		return "", invalidParameter("LogGroup name and LogGroup identifier are mutually exclusive parameters.")
	case name != "":
		return name, nil
	case identifier == "":
		return "", invalidParameter("Either logGroupName or logGroupIdentifier must be given.")
	}
	if _, rest, ok := strings.Cut(identifier, ":log-group:"); ok && strings.HasPrefix(identifier, "arn:") {
		return strings.TrimSuffix(rest, ":*"), nil
	}
	return identifier, nil
}

// limitOf reads a limit of 1 to most; 0 when it is not given.
func limitOf(limit *int32, most int32) (int, error) {
	switch {
	case limit == nil:
		return 0, nil
	case *limit < 1:
		return 0, invalidParameter("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1", *limit)
	case *limit > most:
		return 0, invalidParameter("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return int(*limit), nil
}

// timeOf reads a bound in milliseconds since 1970; 0 when it is not given.
func timeOf(name string, bound *int64) (int64, error) {
	if bound == nil {
		return 0, nil
	}
	if *bound < 0 {
		return 0, invalidParameter("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value greater than or equal to 0", *bound, name)
	}
	return *bound, nil
}

// windowOf reads which events of a group or stream are asked for: those from start on and
// before end, at most so many. Each is 0 when it is not given.
func windowOf(startTime, endTime *int64, most *int32) (start, end int64, limit int, err error) {
	start, err = timeOf("startTime", startTime)
	if err == nil {
		end, err = timeOf("endTime", endTime)
	}
	if err == nil {
		limit, err = limitOf(most, maxEvents)
	}
	return start, end, limit, err
}

// millis is a time on this wire; absent when there is none.
func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return new(t.UnixMilli())
}

type getLogEventsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamName, NextToken string

	StartTime, EndTime *int64
	Limit              *int32
	StartFromHead      bool
}

type logEvent struct {
	Timestamp     int64
	Message       *string // also when it is empty
	IngestionTime int64
}

type getLogEventsOutput struct {
	Events            []logEvent
	NextForwardToken  string
	NextBackwardToken string
}

// getLogEvents ends a stream in the way that satisfies all readers: with no events
// and the token that was sent.
func (h *handler) getLogEvents(ctx context.Context, in *getLogEventsInput) (*getLogEventsOutput, error) {
	store, group, err := h.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamName == "" {
		return nil, invalidParameter("1 validation error detected: Value '' at 'logStreamName' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	q := logs.EventsQuery{FromHead: in.StartFromHead, Token: in.NextToken}
	if q.Start, q.End, q.Limit, err = windowOf(in.StartTime, in.EndTime, in.Limit); err != nil {
		return nil, err
	}
	page, err := store.Events(ctx, group, in.LogStreamName, q)
	if err != nil {
		return nil, logError(err)
	}
	out := &getLogEventsOutput{Events: make([]logEvent, len(page.Events)), NextForwardToken: page.Forward, NextBackwardToken: page.Backward}
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = logEvent{e.At.UnixMilli(), &e.Message, e.Ingested.UnixMilli()}
	}
	return out, nil
}

type filterLogEventsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamNamePrefix, FilterPattern, NextToken string

	LogStreamNames     []string
	StartTime, EndTime *int64
	Limit              *int32
}

type filteredLogEvent struct {
	LogStreamName string
	Timestamp     int64
	Message       *string
	IngestionTime int64
	EventId       string
}

type filterLogEventsOutput struct {
	Events             []filteredLogEvent
	SearchedLogStreams []struct{} // CloudWatch itself leaves it empty now
	NextToken          string
}

func (h *handler) filterLogEvents(ctx context.Context, in *filterLogEventsInput) (*filterLogEventsOutput, error) {
	store, group, err := h.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return nil, invalidParameter("logStreamNames and logStreamNamePrefix cannot both be given; leave one out.")
	}
	if len(in.LogStreamNames) > 100 {
		return nil, invalidParameter("logStreamNames may have 100 names at most, not %d.", len(in.LogStreamNames))
	}
	q := logs.FilterQuery{Streams: in.LogStreamNames, Prefix: in.LogStreamNamePrefix, Pattern: in.FilterPattern, Token: in.NextToken}
	if q.Start, q.End, q.Limit, err = windowOf(in.StartTime, in.EndTime, in.Limit); err != nil {
		return nil, err
	}
	page, err := store.Filter(ctx, group, q)
	if err != nil {
		return nil, logError(err)
	}
	out := &filterLogEventsOutput{Events: make([]filteredLogEvent, len(page.Events)), SearchedLogStreams: []struct{}{}, NextToken: page.Next}
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = filteredLogEvent{e.Stream, e.At.UnixMilli(), &e.Message, e.Ingested.UnixMilli(), e.ID}
	}
	return out, nil
}

type describeLogStreamsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamNamePrefix, OrderBy, NextToken string

	Descending bool
	Limit      *int32
}

type logStream struct {
	LogStreamName       string
	Arn                 string
	CreationTime        *int64
	FirstEventTimestamp *int64
	LastEventTimestamp  *int64
	LastIngestionTime   *int64
	StoredBytes         int64
}

type describeLogStreamsOutput struct {
	LogStreams []logStream
	NextToken  string
}

func (h *handler) describeLogStreams(ctx context.Context, in *describeLogStreamsInput) (*describeLogStreamsOutput, error) {
	store, group, err := h.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	q := logs.StreamsQuery{Prefix: in.LogStreamNamePrefix, Descending: in.Descending, Token: in.NextToken}
	switch in.OrderBy {
	case "", "LogStreamName":
	case "LastEventTime":
		if q.ByLastEvent = true; q.Prefix != "" {
			return nil, invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
		}
	default:
		return nil, invalidParameter("1 validation error detected: Value '%s' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value set: [LogStreamName, LastEventTime]", clip(in.OrderBy))
	}
	if q.Limit, err = limitOf(in.Limit, maxListed); err != nil {
		return nil, err
	}
	page, err := store.Streams(ctx, group, q)
	if err != nil {
		return nil, logError(err)
	}
	out := &describeLogStreamsOutput{LogStreams: make([]logStream, len(page.Streams)), NextToken: page.Next}
	for i, s := range page.Streams {
		out.LogStreams[i] = logStream{
			LogStreamName: s.Name, Arn: h.logGroupARN(group) + ":log-stream:" + s.Name, CreationTime: millis(s.Created),
			FirstEventTimestamp: millis(s.First), LastEventTimestamp: millis(s.Last), LastIngestionTime: millis(s.Last), StoredBytes: s.Bytes,
		}
	}
	return out, nil
}

type describeLogGroupsInput struct {
	LogGroupNamePrefix, LogGroupNamePattern, NextToken string

	Limit *int32
}

type logGroup struct {
	LogGroupName  string
	Arn           string // with ":*" at its end, as in CloudWatch
	LogGroupArn   string // without
	LogGroupClass string
	CreationTime  *int64
	StoredBytes   int64

	MetricFilterCount int
}

type describeLogGroupsOutput struct {
	LogGroups []logGroup
	NextToken string
}

func (h *handler) describeLogGroups(ctx context.Context, in *describeLogGroupsInput) (*describeLogGroupsOutput, error) {
	store, err := h.logStore()
	if err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, invalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	limit, err := limitOf(in.Limit, maxListed)
	if err != nil {
		return nil, err
	}
	page, err := store.Groups(ctx, in.LogGroupNamePrefix, limit, in.NextToken)
	if err != nil {
		return nil, logError(err)
	}
	out := &describeLogGroupsOutput{LogGroups: []logGroup{}, NextToken: page.Next}
	for _, g := range page.Groups {
		if !strings.Contains(strings.ToLower(g.Name), strings.ToLower(in.LogGroupNamePattern)) {
			continue
		}
		arn := h.logGroupARN(g.Name)
		out.LogGroups = append(out.LogGroups, logGroup{LogGroupName: g.Name, Arn: arn + ":*", LogGroupArn: arn,
			LogGroupClass: "STANDARD", CreationTime: millis(g.Created), StoredBytes: g.Bytes})
	}
	return out, nil
}

func (h *handler) logGroupARN(group string) string {
	return "arn:aws:logs:" + h.Account.Region + ":" + h.Account.ID + ":log-group:" + group
}
