package fakeaws_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestLogEventsPage(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	const lines = 25
	arn := w.run(on(w.host(), w.define("seq", "seq", "1", fmt.Sprint(lines))))
	w.reaches(arn, "STOPPED")
	logs := w.cloud.Logs()
	read := func(in cloudwatchlogs.GetLogEventsInput) (texts []string, out *cloudwatchlogs.GetLogEventsOutput) {
		t.Helper()
		in.LogGroupName, in.LogStreamName, in.Limit = aws.String(logGroup), aws.String(stream(arn)), aws.Int32(10)
		out = must[*cloudwatchlogs.GetLogEventsOutput](t)(logs.GetLogEvents(t.Context(), &in))
		for _, e := range out.Events {
			texts = append(texts, *e.Message)
		}
		return texts, out
	}
	var want, all []string
	for n := range lines {
		want = append(want, fmt.Sprint(n+1))
	}
	in := cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true)}
	for {
		page, out := read(in)
		all = append(all, page...)
		if in.NextToken != nil && *out.NextForwardToken == *in.NextToken {
			break // as it came: this is the end
		}
		in.NextToken = out.NextForwardToken
	}
	if !slices.Equal(all, want) {
		t.Errorf("from the head: %q, want 1 to %d", all, lines)
	}
	last, out := read(cloudwatchlogs.GetLogEventsInput{})
	before, _ := read(cloudwatchlogs.GetLogEventsInput{NextToken: out.NextBackwardToken})
	if !slices.Equal(last, want[15:]) || !slices.Equal(before, want[5:15]) {
		t.Errorf("the last page is %q, the one before %q", last, before)
	}
	_, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(logGroup), LogStreamName: aws.String("none")})
	var notFound *logstypes.ResourceNotFoundException
	if !errors.As(err, &notFound) {
		t.Errorf("GetLogEvents of no stream = %v, want ResourceNotFoundException", err)
	}
	_, err = logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(logGroup), LogStreamName: aws.String(stream(arn)), NextToken: aws.String("x")})
	var invalid *logstypes.InvalidParameterException
	if !errors.As(err, &invalid) {
		t.Errorf("GetLogEvents with a token of none = %v, want InvalidParameterException", err)
	}
}
