package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/localstack/stage"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// What a million request units cost in an on-demand table of the Standard class in
// us-east-1. Source: AWS, "Amazon DynamoDB pricing for on-demand capacity", since
// November 2024.
const (
	usdPerMillionWrites = 0.625
	usdPerMillionReads  = 0.125
)

// The bars: write units of a job from its submission to SUCCEEDED.
const (
	maxUnitsPlain = 12
	maxUnitsChild = 8
)

// metered is a Packhorse as it is deployed: a door, passes that the stream of the table
// starts, and news that comes in batches through a queue, each with an engine that
// remembers nothing; with imitated compute, and with records in DynamoDB Local, counted.
type metered struct {
	*home.Home // the door
	table      store.Table
	meter      *meter
	sim        *sim.Backend
	news       *runner.Queue
	stop       context.CancelFunc
	running    sync.WaitGroup
}

func startMetered(ctx context.Context, endpoint, table string) (*metered, error) {
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: stage.Region, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	orderings := dynamo.Orderings()
	if err := dynamo.Create(ctx, client, table, orderings); err != nil {
		return nil, err
	}
	m := &metered{meter: newMeter(client, orderings)}
	var err error
	if m.table, err = dynamo.Open(ctx, dynamo.Options{Client: m.meter, Table: table}); err != nil {
		return nil, err
	}
	m.sim = sim.Start(sim.Config{
		Types: func(name string) (batch.Resources, bool) {
			t, ok := catalog.Default().Lookup(name)
			return batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB)}, ok
		},
		// Long enough that each state is seen and recorded by itself, and not the same
		// for all, so that jobs do not end together.
		PullAndStart: sim.Uniform(100*time.Millisecond, 300*time.Millisecond),
		RunTime: func(task compute.Task) time.Duration {
			return 3*time.Second + time.Duration(crc32.ChecksumIEEE([]byte(task.ID))%2000)*time.Millisecond
		},
	})
	m.Home = m.home()
	if _, err := m.FirstStart(ctx); err != nil {
		return nil, err
	}
	if _, err = m.RegisterJobDefinition(ctx, &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("align-reads"), Type: "container", ContainerProperties: container(),
	}); err != nil {
		return nil, err
	}
	stream, err := stage.PassStream(ctx, endpoint, client, table, m.pass)
	if err != nil {
		return nil, err
	}
	m.news = stage.EventsQueue(m.events)
	ctx, m.stop = context.WithCancel(ctx)
	m.running.Go(func() { _ = stream.Run(ctx) })
	m.running.Go(func() { _ = m.news.Run(ctx) })
	m.running.Go(func() { _ = m.sim.Watch(ctx, m.tell) })
	return m, nil
}

// home is what an invocation of a function works with.
func (m *metered) home() *home.Home {
	return home.New(home.Parts{
		Table: m.table, Compute: m.sim, Account: batch.Account{Region: "us-east-1", ID: "123456789012"}, Now: time.Now,
		IdleWindow: time.Minute, OrderingLag: account.OrderingLag, RecentFor: account.RecentFor,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// tell puts each piece of news into the queue, as EventBridge does with its events.
func (m *metered) tell(news []compute.News) {
	for _, n := range news {
		body, err := json.Marshal(n)
		if err != nil {
			panic(err) // plain values
		}
		m.news.Send(string(body))
	}
}

// events does what functions/events does with a batch.
func (m *metered) events(ctx context.Context, event any) (json.RawMessage, error) {
	var news []compute.News
	for _, message := range event.(events.SQSEvent).Records {
		var n compute.News
		if err := json.Unmarshal([]byte(message.Body), &n); err != nil {
			return nil, err
		}
		news = append(news, n)
	}
	return nil, m.home().Engine.Hear(ctx, news)
}

// pass does what functions/pass does when records have changed.
func (m *metered) pass(ctx context.Context, event any) (json.RawMessage, error) {
	e := m.home().Engine
	_, err := e.Alone(ctx, "all", uuid.NewString(), time.Minute, func(ctx context.Context) error {
		_, err := e.Once(ctx)
		return err
	})
	return nil, err
}

func (m *metered) close() error {
	m.stop()
	m.running.Wait()
	return m.sim.Close()
}

// usual is a submission as people write them: a command of its own, a few parameters
// and variables, a tag.
func usual(i int) *awsbatch.SubmitJobInput {
	return &awsbatch.SubmitJobInput{
		JobName:       aws.String(fmt.Sprintf("align-sample-%04d", i)),
		JobQueue:      aws.String("arn:aws:batch:us-east-1:123456789012:job-queue/default"),
		JobDefinition: aws.String("align-reads"),
		ContainerOverrides: &types.ContainerOverrides{
			Command: []string{"align.sh", fmt.Sprintf("s3://sequencing-data/run-42/sample-%04d.fastq.gz", i), "--threads", "1"},
			Environment: []types.KeyValuePair{
				{Name: aws.String("REFERENCE"), Value: aws.String("s3://sequencing-data/reference/GRCh38.fa")},
				{Name: aws.String("OUTPUT"), Value: aws.String("s3://sequencing-results/run-42/")},
			},
		},
		Tags: map[string]string{"project": "run-42"},
	}
}

// submit submits n inputs, each as one call of an SDK.
func (m *metered) submit(ctx context.Context, n int, in func(i int) *awsbatch.SubmitJobInput) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	for i := range n {
		group.Go(func() error {
			_, err := m.SubmitJob(invocation.With(ctx, uuid.NewString()), in(i))
			return err
		})
	}
	return group.Wait()
}

// wait waits until n tasks have ended and all that follows was recorded.
func (m *metered) wait(ctx context.Context, n int) error {
	for ctx.Err() == nil {
		if l := m.sim.Ledger(); l.TasksStarted-l.TasksKnown >= n && m.news.Len() == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// unitsPerJob counts what jobs cost in DynamoDB.
func unitsPerJob(ctx context.Context, b *bench) error {
	endpoint, err := peers.StartDynamoDBLocal()
	if err != nil {
		fmt.Println("skipped:", err)
		return nil
	}
	n := b.n(1200)
	m, err := startMetered(ctx, endpoint, "units-"+uuid.NewString())
	if err != nil {
		return err
	}
	m.meter.reset()
	if err := m.submit(ctx, n, usual); err != nil {
		return err
	}
	if err := m.wait(ctx, n); err != nil {
		return err
	}
	if err := m.reportUnits(b, "a plain job", n, maxUnitsPlain); err != nil {
		return err
	}
	m.meter.reset()
	if err := m.submit(ctx, 1, func(i int) *awsbatch.SubmitJobInput {
		in := usual(i)
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(int32(n))}
		return in
	}); err != nil {
		return err
	}
	if err := m.wait(ctx, 2*n); err != nil {
		return err
	}
	if err := m.reportUnits(b, "an array child", n, maxUnitsChild); err != nil {
		return err
	}
	return m.close()
}

// reportUnits reports what was spent on n jobs.
func (m *metered) reportUnits(b *bench, what string, n int, bar float64) error {
	write, read, by, writes, err := m.meter.spent()
	if err != nil {
		return err
	}
	each, reads := write/float64(n), read/float64(n)
	b.report(fmt.Sprintf("write units of %s, submit to SUCCEEDED", what), fmt.Sprintf("%.2f", each), fmt.Sprintf("<= %g", bar), each <= bar)
	b.report("  read units", fmt.Sprintf("%.2f", reads), "", true)
	b.report("  in us-east-1, on demand", fmt.Sprintf("%.2f USD per million", each*usdPerMillionWrites+reads*usdPerMillionReads), "", true)
	fmt.Println("  of the write units:", breakdown(by, n))
	fmt.Println("  items written:", writes)
	return nil
}
