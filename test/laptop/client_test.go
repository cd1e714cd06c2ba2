//go:build unix

package laptop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
)

// config is that of SDK clients of a server that may be down: a call is repeated for
// as long as patience lasts. The SDK gives all repetitions of a call the same
// amz-sdk-invocation-id.
func (s *server) config() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String("http://" + s.address),
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
		HTTPClient:   &http.Client{Timeout: patience},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = int(patience / (2 * pause))
				o.RateLimiter = ratelimit.None
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 2 * pause, nil })
				o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(noAnswer))
			})
		},
	}
}

// noAnswer finds errors that are no answer of the server: an answer cut off in the
// middle, for one.
func noAnswer(err error) aws.Ternary {
	var answer smithy.APIError
	if errors.As(err, &answer) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return aws.UnknownTernary
	}
	return aws.TrueTernary
}

func (s *server) batch() *batch.Client         { return batch.NewFromConfig(s.config()) }
func (s *server) logs() *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(s.config()) }

// once is a client that tries once.
func (s *server) once() *batch.Client {
	config := s.config()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return batch.NewFromConfig(config)
}

// describe returns jobs by id; all must be known.
func (s *server) describe(ids ...string) map[string]types.JobDetail {
	s.Helper()
	found := map[string]types.JobDetail{}
	for chunk := range slices.Chunk(ids, 100) {
		out, err := s.batch().DescribeJobs(s.Context(), &batch.DescribeJobsInput{Jobs: chunk})
		if err != nil {
			s.Fatal(err)
		}
		for _, j := range out.Jobs {
			found[*j.JobId] = j
		}
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			s.Errorf("job %s is lost: DescribeJobs does not know it", id)
		}
	}
	return found
}

// job returns one job.
func (s *server) job(id string) types.JobDetail {
	s.Helper()
	return s.describe(id)[id]
}

// reaches waits until a job is in one of these states, and returns it.
func (s *server) reaches(id string, wanted ...types.JobStatus) types.JobDetail {
	s.Helper()
	var job types.JobDetail
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		if job = s.job(id); slices.Contains(wanted, job.Status) {
			return job
		}
		if time.Now().After(deadline) || final(job.Status) {
			s.Fatalf("job %s is %s (%s), waited for %v", id, job.Status, aws.ToString(job.StatusReason), wanted)
		}
	}
}

// ends waits until a job has ended, and returns it.
func (s *server) ends(id string) types.JobDetail {
	s.Helper()
	return s.reaches(id, types.JobStatusSucceeded, types.JobStatusFailed)
}

func final(status types.JobStatus) bool {
	return status == types.JobStatusSucceeded || status == types.JobStatusFailed
}

// code is an exit code for a message; none if there is none.
func code(exit *int32) string {
	if exit == nil {
		return "none"
	}
	return fmt.Sprint(*exit)
}

// lines returns a log stream.
func (s *server) lines(group, stream string) []string {
	s.Helper()
	var all []string
	var token *string
	for client := s.logs(); ; {
		out, err := client.GetLogEvents(s.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream, StartFromHead: aws.Bool(true), NextToken: token,
		})
		if err != nil {
			s.Errorf("log stream %s: %v", stream, err)
			return all
		}
		if len(out.Events) == 0 {
			return all
		}
		for _, e := range out.Events {
			all = append(all, *e.Message)
		}
		token = out.NextForwardToken
	}
}
