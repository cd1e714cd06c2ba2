package play

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/packhorse-batch/packhorse/internal/demo"
)

// server is a small AWS Batch: it keeps what is submitted, and changes jobs by a script,
// one step for each time that the player waits.
type server struct {
	*testing.T
	now         time.Time
	definitions []types.JobDefinition
	jobs        map[string]*types.JobDetail
	submitted   []*batch.SubmitJobInput
	logs        map[string][]string
	script      []func()
	down        error // what calls are answered with
}

var start = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

func newServer(t *testing.T) *server {
	s := &server{T: t, now: start, jobs: map[string]*types.JobDetail{}, logs: map[string][]string{}}
	for _, d := range demo.Definitions(demo.Place{Program: "/bin/packhorse", Source: "/usr/local/go", Results: "/data"}) {
		if _, err := s.RegisterJobDefinition(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *server) RegisterJobDefinition(_ context.Context, in *batch.RegisterJobDefinitionInput, _ ...func(*batch.Options)) (*batch.RegisterJobDefinitionOutput, error) {
	revision := int32(1)
	for _, d := range s.definitions {
		if *d.JobDefinitionName == *in.JobDefinitionName {
			revision = *d.Revision + 1
		}
	}
	properties := *in.ContainerProperties
	properties.Command = slices.Clone(properties.Command)
	arn := "arn:aws:batch:us-east-1:000000000000:job-definition/" + *in.JobDefinitionName + ":" + strconv.Itoa(int(revision))
	s.definitions = append(s.definitions, types.JobDefinition{
		JobDefinitionName: in.JobDefinitionName, JobDefinitionArn: &arn, Revision: &revision,
		ContainerProperties: &properties, Parameters: in.Parameters, Status: aws.String("ACTIVE"),
	})
	return &batch.RegisterJobDefinitionOutput{JobDefinitionArn: &arn, Revision: &revision}, nil
}

func (s *server) DeregisterJobDefinition(_ context.Context, in *batch.DeregisterJobDefinitionInput, _ ...func(*batch.Options)) (*batch.DeregisterJobDefinitionOutput, error) {
	s.definitions = slices.DeleteFunc(s.definitions, func(d types.JobDefinition) bool { return *d.JobDefinitionArn == *in.JobDefinition })
	return &batch.DeregisterJobDefinitionOutput{}, nil
}

func (s *server) DescribeJobDefinitions(_ context.Context, in *batch.DescribeJobDefinitionsInput, _ ...func(*batch.Options)) (*batch.DescribeJobDefinitionsOutput, error) {
	out := &batch.DescribeJobDefinitionsOutput{}
	for _, d := range s.definitions {
		if *d.JobDefinitionName == *in.JobDefinitionName {
			properties := *d.ContainerProperties // the wire hands out copies
			properties.Command = slices.Clone(properties.Command)
			d.ContainerProperties = &properties
			out.JobDefinitions = append(out.JobDefinitions, d)
		}
	}
	return out, nil
}

func (s *server) SubmitJob(_ context.Context, in *batch.SubmitJobInput, _ ...func(*batch.Options)) (*batch.SubmitJobOutput, error) {
	s.submitted = append(s.submitted, in)
	id := *in.JobName
	s.add(id, *in.JobName, types.JobStatusRunnable)
	if a := in.ArrayProperties; a != nil {
		for i := range *a.Size {
			child := childID(id, int(i))
			s.add(child, *in.JobName, types.JobStatusRunnable)
			s.jobs[child].ArrayProperties = &types.ArrayPropertiesDetail{Index: aws.Int32(i)}
		}
	}
	return &batch.SubmitJobOutput{JobId: &id}, nil
}

func (s *server) add(id, name string, status types.JobStatus) {
	s.jobs[id] = &types.JobDetail{
		JobId: &id, JobName: &name, Status: status, CreatedAt: aws.Int64(s.now.UnixMilli()), Container: &types.ContainerDetail{},
	}
}

func (s *server) DescribeJobs(_ context.Context, in *batch.DescribeJobsInput, _ ...func(*batch.Options)) (*batch.DescribeJobsOutput, error) {
	if s.down != nil {
		return nil, s.down
	}
	out := &batch.DescribeJobsOutput{}
	for _, id := range in.Jobs {
		if j := s.jobs[id]; j != nil {
			out.Jobs = append(out.Jobs, *j)
		}
	}
	return out, nil
}

func (s *server) GetLogEvents(_ context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	lines, ok := s.logs[*in.LogStreamName]
	if !ok {
		return nil, &logtypes.ResourceNotFoundException{}
	}
	// As CloudWatch Logs: a page and a token, and at the end the same token again.
	out := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String("end")}
	if in.NextToken == nil {
		for _, text := range lines {
			out.Events = append(out.Events, logtypes.OutputLogEvent{Message: &text})
		}
	}
	return out, nil
}

// put changes jobs to a status.
func (s *server) put(status types.JobStatus, ids ...string) {
	for _, id := range ids {
		j := s.jobs[id]
		j.Status, j.StatusReason = status, nil
		if ended(*j) {
			j.StoppedAt = aws.Int64(s.now.UnixMilli())
		}
	}
}

func (s *server) why(id, reason string) { s.jobs[id].StatusReason = &reason }

// exit ends an attempt of a job.
func (s *server) exit(id string, code int32) {
	s.jobs[id].Attempts = append(s.jobs[id].Attempts, types.AttemptDetail{
		StatusReason: aws.String("Essential container in task exited"), Container: &types.AttemptContainerDetail{ExitCode: &code},
		StartedAt: aws.Int64(s.now.UnixMilli()), StoppedAt: aws.Int64(s.now.Add(50 * time.Millisecond).UnixMilli()),
	})
	s.jobs[id].Container.ExitCode = &code
}

// log gives a job a log.
func (s *server) log(id string, lines ...string) {
	s.jobs[id].Container.LogStreamName = aws.String("stream-of-" + id)
	s.logs["stream-of-"+id] = lines
}

var errScriptOver = errors.New("the player waits, and nothing more will happen")

// player plays on the server; what it shows goes to progress, its result to out.
func (s *server) player(progress Screen, out *bytes.Buffer) *Player {
	return &Player{
		Batch: s, Logs: s, Queue: "default", Progress: progress, Out: out, Now: func() time.Time { return s.now },
		Hints: func(run Run) string { return "look at " + run.Flaky + "\n" },
		Pause: func(ctx context.Context, d time.Duration) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if len(s.script) == 0 {
				return errScriptOver
			}
			s.now = s.now.Add(d)
			s.script[0]()
			s.script = s.script[1:]
			return nil
		},
	}
}

func children(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, childID("count", i))
	}
	return ids
}

// wellDone is a run in which all goes as it should.
func (s *server) wellDone() []func() {
	return []func(){
		func() {
			s.put(types.JobStatusPending, "count", "merge")
			s.why("count:0", "Waiting for a host: needs 1 vCPU.")
			s.why("flaky", "Waiting behind job count.")
		},
		func() { s.put(types.JobStatusRunning, children(0, 2)...) },
		func() {
			s.put(types.JobStatusSucceeded, children(0, 2)...)
			s.put(types.JobStatusRunning, children(2, 3)...)
			s.exit("flaky", 75)
			s.why("flaky", "Waiting for room.")
		},
		func() {}, // nothing new
		func() {
			s.put(types.JobStatusSucceeded, children(2, 8)...)
			s.put(types.JobStatusSucceeded, "count")
			s.put(types.JobStatusRunning, "merge", "flaky")
		},
		func() {
			s.exit("flaky", 0)
			s.put(types.JobStatusSucceeded, "merge", "flaky")
			s.log("merge", "a table", "and totals")
		},
	}
}
