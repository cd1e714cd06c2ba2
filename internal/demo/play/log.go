package play

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// defaultGroup is where the log of a job goes that says nothing else.
const defaultGroup = "/aws/batch/job"

// maxPages bounds the pages of one log; the tasks of the demo print less than one.
const maxPages = 10

func logGroup(j types.JobDetail) string {
	if j.Container != nil && j.Container.LogConfiguration != nil {
		if group := j.Container.LogConfiguration.Options["awslogs-group"]; group != "" {
			return group
		}
	}
	return defaultGroup
}

func stream(j types.JobDetail) string {
	if j.Container == nil {
		return ""
	}
	return aws.ToString(j.Container.LogStreamName)
}

// log reads a stream from its beginning. One that is not there has no lines.
func (p *Player) log(ctx context.Context, group, stream string) (lines []string, err error) {
	if stream == "" {
		return nil, nil
	}
	var token *string
	for range maxPages {
		out, err := p.Logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String(group), LogStreamName: aws.String(stream), StartFromHead: aws.Bool(true), NextToken: token,
		})
		if missing := (*logtypes.ResourceNotFoundException)(nil); errors.As(err, &missing) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		for _, e := range out.Events {
			lines = append(lines, aws.ToString(e.Message))
		}
		if next := aws.ToString(out.NextForwardToken); next == "" || next == aws.ToString(token) {
			break
		}
		token = out.NextForwardToken
	}
	return lines, nil
}
