package play

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Batch is the part of the AWS Batch client that the demo needs.
type Batch interface {
	SubmitJob(context.Context, *batch.SubmitJobInput, ...func(*batch.Options)) (*batch.SubmitJobOutput, error)
	DescribeJobs(context.Context, *batch.DescribeJobsInput, ...func(*batch.Options)) (*batch.DescribeJobsOutput, error)
	DescribeJobDefinitions(context.Context, *batch.DescribeJobDefinitionsInput, ...func(*batch.Options)) (*batch.DescribeJobDefinitionsOutput, error)
	RegisterJobDefinition(context.Context, *batch.RegisterJobDefinitionInput, ...func(*batch.Options)) (*batch.RegisterJobDefinitionOutput, error)
	DeregisterJobDefinition(context.Context, *batch.DeregisterJobDefinitionInput, ...func(*batch.Options)) (*batch.DeregisterJobDefinitionOutput, error)
}

// Logs is the part of the CloudWatch Logs client that the demo needs.
type Logs interface {
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
}

// Screen is somewhere to show things, and what it can do.
type Screen struct {
	io.Writer
	Terminal bool // lines may be redrawn
	Colour   bool
	Width    int // columns; 0 for no limit
}

// Player runs the demo and shows it. All fields are required but Source.
type Player struct {
	Batch    Batch
	Logs     Logs
	Queue    string
	Progress Screen    // how the jobs do
	Out      io.Writer // the result
	// Source is a source tree on the server's machine that is counted instead of the
	// one that the server prepared.
	Source string
	// Hints are what can be done next: shown at the end, when all went well.
	Hints func(Run) string
	Now   func() time.Time
	// Pause waits d between two looks at the server, or until ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
}

// Run is a demo that was submitted: the ids of its jobs. It can be written down and
// shown later.
type Run struct {
	Name, Source        string
	Count, Merge, Flaky string
	StartedAt           time.Time
}
