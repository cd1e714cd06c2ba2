package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/logs"
)

// written is a log store in which /aws/batch/job has a stream "a" with the lines
// 1 to 5, a second apart, and a stream "b" with an empty line.
func written(t *testing.T) *logs.Store {
	t.Helper()
	store, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(stream string, lines ...string) {
		w, err := store.Writer("/aws/batch/job", stream)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			if err := w.Append(began.Add(time.Duration(i)*time.Second), []byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("a", "line 1", "line 2", "line 3", "line 4 <b>", "line 5")
	write("b", "")
	return store
}

func TestGetLogEventsToTheEnd(t *testing.T) {
	server, _ := start(t, api.Config{Logs: written(t)})
	client := cloudwatchlogs.NewFromConfig(sdk(server))
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: new("/aws/batch/job"), LogStreamName: new("a"), StartFromHead: new(true), Limit: new(int32(2))}
	var lines []string
	for page := 0; ; page++ {
		out, err := client.GetLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			lines = append(lines, *e.Message)
		}
		// Some clients stop at an empty page, the others at a token they have sent.
		empty, same := len(out.Events) == 0, in.NextToken != nil && *in.NextToken == *out.NextForwardToken
		if empty != same {
			t.Fatalf("page %d: empty is %v, the same token is %v", page, empty, same)
		}
		if empty {
			break
		}
		in.NextToken = out.NextForwardToken
	}
	if got := strings.Join(lines, "|"); got != "line 1|line 2|line 3|line 4 <b>|line 5" {
		t.Errorf("lines: %s", got)
	}
}

func TestGetLogEventsFromTheTail(t *testing.T) {
	server, _ := start(t, api.Config{Logs: written(t)})
	client := cloudwatchlogs.NewFromConfig(sdk(server))
	arn := "arn:aws:logs:us-east-2:123456789012:log-group:/aws/batch/job:*"
	out, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupIdentifier: &arn, LogStreamName: new("a"),
		StartTime: new(began.UnixMilli()), EndTime: new(began.Add(3 * time.Second).UnixMilli()), Limit: new(int32(1))})
	if err != nil || len(out.Events) != 1 || *out.Events[0].Message != "line 3" || *out.Events[0].Timestamp != began.Add(2*time.Second).UnixMilli() {
		t.Errorf("GetLogEvents = %+v, %v", out, err)
	}
	out, err = client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: new("/aws/batch/job"), LogStreamName: new("b")})
	if err != nil || len(out.Events) != 1 || *out.Events[0].Message != "" {
		t.Errorf("an empty line is an event: %+v, %v", out, err)
	}
}

func TestFilterLogEvents(t *testing.T) {
	server, _ := start(t, api.Config{Logs: written(t)})
	client := cloudwatchlogs.NewFromConfig(sdk(server))
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: new("/aws/batch/job"), LogStreamNamePrefix: new("a"), FilterPattern: new("line -3"), Limit: new(int32(3))})
	var lines []string
	ids := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			lines = append(lines, *e.LogStreamName+":"+*e.Message)
			ids[*e.EventId] = true
		}
	}
	if got := strings.Join(lines, "|"); got != "a:line 1|a:line 2|a:line 4 <b>|a:line 5" || len(ids) != 4 {
		t.Errorf("lines: %s with %d ids", got, len(ids))
	}
}

func TestStreamsAndGroups(t *testing.T) {
	server, _ := start(t, api.Config{Logs: written(t)})
	client, ctx := cloudwatchlogs.NewFromConfig(sdk(server)), t.Context()
	streams, err := client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: new("/aws/batch/job"),
		OrderBy: logtypes.OrderByLastEventTime, Descending: new(true)})
	if err != nil || len(streams.LogStreams) != 2 {
		t.Fatalf("DescribeLogStreams = %+v, %v", streams, err)
	}
	a := streams.LogStreams[0]
	if *a.LogStreamName != "a" || *a.FirstEventTimestamp != began.UnixMilli() || *a.LastEventTimestamp != began.Add(4*time.Second).UnixMilli() ||
		*a.Arn != "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/batch/job:log-stream:a" {
		t.Errorf("the last stream is %+v", a)
	}
	for pattern, want := range map[string]int{"BATCH": 1, "lambda": 0} {
		groups, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: &pattern})
		if err != nil || len(groups.LogGroups) != want {
			t.Errorf("DescribeLogGroups like %s = %+v, %v; want %d", pattern, groups, err, want)
		}
	}
}

func TestErrorsOfLogs(t *testing.T) {
	server, _ := start(t, api.Config{Logs: written(t)})
	none, _ := start(t, api.Config{})
	client, ctx := cloudwatchlogs.NewFromConfig(sdk(server)), t.Context()
	events := func(change func(*cloudwatchlogs.GetLogEventsInput)) error {
		in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: new("/aws/batch/job"), LogStreamName: new("a")}
		change(in)
		_, err := client.GetLogEvents(ctx, in)
		return err
	}
	filter := func(change func(*cloudwatchlogs.FilterLogEventsInput)) error {
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: new("/aws/batch/job")}
		change(in)
		_, err := client.FilterLogEvents(ctx, in)
		return err
	}
	_, order := client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: new("/aws/batch/job"), LogStreamNamePrefix: new("a"), OrderBy: logtypes.OrderByLastEventTime})
	_, put := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: new("g")})
	_, absent := cloudwatchlogs.NewFromConfig(sdk(none)).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	for _, test := range []struct {
		err        error
		code, says string
	}{
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogGroupName = new("g") }), "ResourceNotFoundException", "The specified log group does not exist."},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogStreamName = new("s") }), "ResourceNotFoundException", "The specified log stream does not exist."},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogStreamName = new("") }), "InvalidParameterException", "logStreamName"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogGroupName = new(strings.Repeat("g", 513)) }), "InvalidParameterException", "the log group name must have 1 to 512 characters, got 513"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogStreamName = new(strings.Repeat("s", 513)) }), "InvalidParameterException", "the log stream name must have 1 to 512 characters, got 513"},
		{filter(func(in *cloudwatchlogs.FilterLogEventsInput) { in.LogGroupName = new(strings.Repeat("g", 513)) }), "InvalidParameterException", "the log group name must have 1 to 512 characters, got 513"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.NextToken = new("x") }), "InvalidParameterException", "The specified nextToken is invalid."},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.Limit = new(int32(0)) }), "InvalidParameterException", "greater than or equal to 1"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.Limit = new(int32(10001)) }), "InvalidParameterException", "less than or equal to 10000"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.StartTime = new(int64(-1)) }), "InvalidParameterException", "'startTime'"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogGroupName = nil }), "InvalidParameterException", "must be given"},
		{events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogGroupIdentifier = new("g") }), "InvalidParameterException", "mutually exclusive"},
		{filter(func(in *cloudwatchlogs.FilterLogEventsInput) { in.FilterPattern = new("{ $.a = 1 }") }), "InvalidParameterException", "JSON patterns are not supported here"},
		{filter(func(in *cloudwatchlogs.FilterLogEventsInput) {
			in.LogStreamNames, in.LogStreamNamePrefix = []string{"a"}, new("a")
		}), "InvalidParameterException", "cannot both be given"},
		{order, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix."},
		{put, "UnknownOperationException", "X-Amz-Target Logs_20140328.CreateLogGroup is not served here; of CloudWatch Logs Packhorse has GetLogEvents, "},
		{absent, "UnknownOperationException", "this server keeps no logs"},
	} {
		var fault smithy.APIError
		if !errors.As(test.err, &fault) || fault.ErrorCode() != test.code || !strings.Contains(fault.ErrorMessage(), test.says) {
			t.Errorf("error %v, want %s with %q", test.err, test.code, test.says)
		}
	}
	var missing *logtypes.ResourceNotFoundException
	if err := events(func(in *cloudwatchlogs.GetLogEventsInput) { in.LogGroupName = new("g") }); !errors.As(err, &missing) {
		t.Errorf("the SDK takes a missing group for %T", err)
	}
}
