package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// defaultGroup is where the log of a job goes that says nothing else.
const defaultGroup = "/aws/batch/job"

// jobStream is the log of one container of one attempt.
type jobStream struct {
	group, name string
	attempt     int    // from 1
	container   string // its name, in jobs of several containers
}

// streamsOf lists the logs of a job that exist by now, in the order of its attempts.
func streamsOf(j types.JobDetail) []jobStream {
	var out []jobStream
	seen := map[string]bool{}
	add := func(attempt int, container string, name *string, conf *types.LogConfiguration) {
		s := jobStream{group: groupOf(conf), name: aws.ToString(name), attempt: attempt, container: container}
		if s.name != "" && !seen[s.group+"\x00"+s.name] {
			seen[s.group+"\x00"+s.name] = true
			out = append(out, s)
		}
	}
	var conf *types.LogConfiguration
	if j.Container != nil {
		conf = j.Container.LogConfiguration
	}
	confs := map[string]*types.LogConfiguration{} // of each container of a multi-container job
	if j.EcsProperties != nil {
		for _, task := range j.EcsProperties.TaskProperties {
			for _, c := range task.Containers {
				confs[aws.ToString(c.Name)] = c.LogConfiguration
			}
		}
	}
	for i, attempt := range j.Attempts {
		if attempt.Container != nil {
			add(i+1, "", attempt.Container.LogStreamName, conf)
		}
		for _, task := range attempt.TaskProperties {
			for _, c := range task.Containers {
				add(i+1, aws.ToString(c.Name), c.LogStreamName, confs[aws.ToString(c.Name)])
			}
		}
	}
	// The attempt under way is not among the attempts until it ends.
	current := len(j.Attempts) + 1
	if j.Container != nil {
		add(current, "", j.Container.LogStreamName, conf)
	}
	if j.EcsProperties != nil {
		for _, task := range j.EcsProperties.TaskProperties {
			for _, c := range task.Containers {
				add(current, aws.ToString(c.Name), c.LogStreamName, c.LogConfiguration)
			}
		}
	}
	return out
}

func groupOf(conf *types.LogConfiguration) string {
	if conf != nil {
		return firstOf(conf.Options["awslogs-group"], defaultGroup)
	}
	return defaultGroup
}

// otherDriver names the log driver of a job whose log does not go to CloudWatch Logs.
func otherDriver(j types.JobDetail) string {
	if j.Container == nil || j.Container.LogConfiguration == nil {
		return ""
	}
	if d := j.Container.LogConfiguration.LogDriver; d != "" && d != types.LogDriverAwslogs {
		return string(d)
	}
	return ""
}

// follower prints the log of a job, from where the last read ended.
type follower struct {
	app *App
	c   *client

	first      int          // the attempt to begin with
	last       int          // the attempt to end with; 0 for no end
	container  string       // only this container; empty for all
	since      time.Time    // leave out what is older
	tail       int          // begin with the last so many lines of the first attempt; 0 for all
	timestamps bool         // put the time before each line
	print      func(string) // takes a line of the log
	note       func(string) // takes a heading between attempts
	tokens     map[jobStream]string
	attempt    int // the attempt that was printed last
}

// maxLogPages bounds one read: at up to 10,000 lines a page, more than any disk holds.
const maxLogPages = 1_000_000

// maxEmptyPages is how many pages without a line are read through: CloudWatch Logs
// returns some where a log has gaps.
const maxEmptyPages = 20

// read prints what is new in the log of j, and returns how many lines that were.
func (f *follower) read(ctx context.Context, j types.JobDetail) (lines int, err error) {
	streams := streamsOf(j)
	several := false
	for _, s := range streams {
		several = several || s.container != "" && f.container == "" && s.container != streams[0].container
	}
	for _, s := range streams {
		if s.attempt < f.first || f.last > 0 && s.attempt > f.last || f.container != "" && s.container != f.container {
			continue
		}
		prefix := ""
		if several {
			prefix = s.container + " | "
		}
		n, err := f.readStream(ctx, s, prefix)
		lines += n
		if err != nil {
			return lines, err
		}
	}
	return lines, nil
}

func (f *follower) readStream(ctx context.Context, s jobStream, prefix string) (lines int, err error) {
	if f.tokens == nil {
		f.tokens = map[jobStream]string{}
	}
	empty := 0
	for range maxLogPages {
		in := &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: aws.String(s.group), LogStreamName: aws.String(s.name), StartFromHead: aws.Bool(true),
		}
		if !f.since.IsZero() {
			in.StartTime = aws.Int64(f.since.UnixMilli())
		}
		sent := f.tokens[s]
		switch {
		case sent != "":
			in.NextToken = aws.String(sent)
		case f.tail > 0 && f.attempt == 0:
			in.StartFromHead, in.Limit = aws.Bool(false), aws.Int32(int32(f.tail))
		}
		out, err := f.c.logs.GetLogEvents(ctx, in)
		if missing := (*logtypes.ResourceNotFoundException)(nil); errors.As(err, &missing) {
			return lines, nil // nothing was written yet
		}
		if err != nil {
			return lines, err
		}
		for _, e := range out.Events {
			f.line(s, prefix, e)
		}
		lines += len(out.Events)
		f.tokens[s] = aws.ToString(out.NextForwardToken)
		if len(out.Events) > 0 {
			empty = 0
		} else if empty++; empty >= maxEmptyPages {
			return lines, nil
		}
		if f.tokens[s] == "" || f.tokens[s] == sent {
			return lines, nil
		}
	}
	return lines, nil
}

func (f *follower) line(s jobStream, prefix string, e logtypes.OutputLogEvent) {
	if s.attempt != f.attempt {
		if f.attempt > 0 || s.attempt > max(f.first, 1) {
			f.note(fmt.Sprintf("--- attempt %d ---", s.attempt))
		}
		f.attempt = s.attempt
	}
	stamp := ""
	if f.timestamps {
		stamp = moment(e.Timestamp).In(f.app.Zone).Format("2006-01-02T15:04:05.000Z07:00") + " "
	}
	f.print(stamp + prefix + aws.ToString(e.Message))
}
