package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/logs"
)

// logsReader is the part of the CloudWatch Logs client that Logs needs.
type logsReader interface {
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
	DescribeLogStreams(context.Context, *cloudwatchlogs.DescribeLogStreamsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogStreamsOutput, error)
}

// Logs reads what jobs print from CloudWatch Logs, for callers who have a key of the
// installation and none of the account.
//
// It answers for a few groups only: that of AWS Batch, and those that whoever deploys has
// named. Groups that job definitions name are not enough, for whoever may register one
// could then read any group of the account. To a caller all others do not exist.
type Logs struct {
	Client logsReader
	Named  []string // beside batch.DefaultLogGroup
}

var _ api.Logs = (*Logs)(nil)

// open returns ErrNoGroup for a group that it does not answer for.
func (l *Logs) open(group string) error {
	if group == batch.DefaultLogGroup || slices.Contains(l.Named, group) {
		return nil
	}
	return fmt.Errorf("log group %q is not one of jobs: %w", group, logs.ErrNoGroup)
}

// Events returns a page of a stream.
func (l *Logs) Events(ctx context.Context, group, stream string, q logs.EventsQuery) (logs.EventsPage, error) {
	if err := l.open(group); err != nil {
		return logs.EventsPage{}, err
	}
	out, err := l.Client.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &group, LogStreamName: &stream, StartFromHead: &q.FromHead,
		StartTime: given(q.Start), EndTime: given(q.End), Limit: given(int32(q.Limit)), NextToken: given(q.Token),
	})
	if err != nil {
		return logs.EventsPage{}, logsError(err)
	}
	page := logs.EventsPage{Forward: aws.ToString(out.NextForwardToken), Backward: aws.ToString(out.NextBackwardToken)}
	for _, e := range out.Events {
		page.Events = append(page.Events, logs.Event{At: millis(e.Timestamp), Ingested: millis(e.IngestionTime), Message: aws.ToString(e.Message)})
	}
	return page, nil
}

// Filter returns a page of what matches in a group.
func (l *Logs) Filter(ctx context.Context, group string, q logs.FilterQuery) (logs.FilterPage, error) {
	if err := l.open(group); err != nil {
		return logs.FilterPage{}, err
	}
	out, err := l.Client.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, LogStreamNames: q.Streams, LogStreamNamePrefix: given(q.Prefix), FilterPattern: given(q.Pattern),
		StartTime: given(q.Start), EndTime: given(q.End), Limit: given(int32(q.Limit)), NextToken: given(q.Token),
	})
	if err != nil {
		return logs.FilterPage{}, logsError(err)
	}
	page := logs.FilterPage{Next: aws.ToString(out.NextToken)}
	for _, e := range out.Events {
		page.Events = append(page.Events, logs.FilteredEvent{
			Event:  logs.Event{At: millis(e.Timestamp), Ingested: millis(e.IngestionTime), Message: aws.ToString(e.Message)},
			Stream: aws.ToString(e.LogStreamName), ID: aws.ToString(e.EventId),
		})
	}
	return page, nil
}

// Streams returns a page of the streams of a group.
func (l *Logs) Streams(ctx context.Context, group string, q logs.StreamsQuery) (logs.StreamsPage, error) {
	if err := l.open(group); err != nil {
		return logs.StreamsPage{}, err
	}
	in := &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: &group, LogStreamNamePrefix: given(q.Prefix), Descending: &q.Descending, Limit: given(int32(q.Limit)), NextToken: given(q.Token),
	}
	if q.ByLastEvent {
		in.OrderBy = types.OrderByLastEventTime
	}
	out, err := l.Client.DescribeLogStreams(ctx, in)
	if err != nil {
		return logs.StreamsPage{}, logsError(err)
	}
	page := logs.StreamsPage{Next: aws.ToString(out.NextToken)}
	for _, s := range out.LogStreams {
		page.Streams = append(page.Streams, logs.StreamInfo{
			Name: aws.ToString(s.LogStreamName), Created: millis(s.CreationTime), First: millis(s.FirstEventTimestamp), Last: millis(s.LastEventTimestamp),
		})
	}
	return page, nil
}

// Groups returns the names of the groups that it answers for, and asks nobody.
func (l *Logs) Groups(_ context.Context, prefix string, _ int, token string) (logs.GroupsPage, error) {
	var page logs.GroupsPage
	if token != "" {
		return page, logs.ErrToken // all are on the first page
	}
	groups := append([]string{batch.DefaultLogGroup}, l.Named...)
	slices.Sort(groups)
	for _, name := range slices.Compact(groups) {
		if strings.HasPrefix(name, prefix) {
			page.Groups = append(page.Groups, logs.GroupInfo{Name: name})
		}
	}
	return page, nil
}

// given is nil for a value that was not given.
func given[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// millis is a time of CloudWatch Logs; zero when there is none.
func millis(at *int64) time.Time {
	if at == nil {
		return time.Time{}
	}
	return time.UnixMilli(*at)
}

// logsError translates what CloudWatch Logs answers.
func logsError(err error) error {
	var missing *types.ResourceNotFoundException
	var invalid *types.InvalidParameterException
	switch {
	case errors.As(err, &missing) && strings.Contains(missing.ErrorMessage(), "stream"):
		return fmt.Errorf("%w: %w", logs.ErrNoStream, err)
	case errors.As(err, &missing):
		return fmt.Errorf("%w: %w", logs.ErrNoGroup, err)
	case errors.As(err, &invalid) && strings.Contains(strings.ToLower(invalid.ErrorMessage()), "token"):
		return fmt.Errorf("%w: %w", logs.ErrToken, err)
	case errors.As(err, &invalid):
		return &batch.Error{Code: batch.CodeInvalid, Message: invalid.ErrorMessage(), Err: err}
	}
	return fmt.Errorf("read CloudWatch Logs: %w", err)
}
