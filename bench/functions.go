package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/localstack/stage"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// The bars of the functions.
const (
	maxColdStart    = 150 * time.Millisecond
	minFunctionRate = 1000 // SubmitJob a second: 20 times AWS Batch's limit of 50
	functionCallers = 16
	functionJobs    = 4000
	warmUpJobs      = 1000 // DynamoDB Local is compiled as it runs
	coldStartsEach  = 5
)

// dynamoDBLocal is what the command line of DynamoDB Local has.
const dynamoDBLocal = "dynamodb-local"

// functions measures the built Lambda functions over DynamoDB Local.
func functions(ctx context.Context, b *bench) error {
	endpoint, binaries, remove, err := builtFunctions(ctx)
	if err != nil || endpoint == "" {
		return err
	}
	defer remove()
	s, err := stage.Open(ctx, stage.Options{DynamoDB: endpoint, Binaries: binaries, Doors: functionCallers})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := coldStarts(ctx, b, s); err != nil {
		return err
	}
	return functionRate(ctx, b, s, binaries)
}

// coldEvents are events that each function answers without much to do.
var coldEvents = map[string]any{
	"api":       map[string]any{"version": "2.0", "rawPath": "/healthz", "requestContext": map[string]any{"http": map[string]any{"method": "GET", "path": "/healthz"}}},
	"pass":      map[string]any{"Records": []any{map[string]any{"eventSource": "aws:dynamodb", "dynamodb": map[string]any{"Keys": map[string]any{"p": map[string]any{"S": "note"}}}}}},
	"events":    map[string]any{"detail-type": "none", "detail": map[string]any{}},
	"s3trigger": map[string]any{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"},
}

// coldStarts measures each function from the start of its process to its first answer.
func coldStarts(ctx context.Context, b *bench, s *stage.Stage) error {
	for _, name := range stage.Names {
		event, ok := coldEvents[name]
		if !ok {
			continue // the sweep asks ECS and EC2, which are not here; its binary is that of the pass
		}
		var took []time.Duration
		for range coldStartsEach {
			s.Functions[name].Freeze()
			begin := time.Now()
			if _, err := s.Functions[name].Invoke(ctx, event); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		median := took[len(took)/2]
		b.report("cold start of functions/"+name+" to its first answer, median of 5", median.Round(time.Millisecond).String(), "<= "+maxColdStart.String(), median <= maxColdStart)
	}
	return nil
}

// functionRate measures SubmitJob through functions/api.
func functionRate(ctx context.Context, b *bench, s *stage.Stage, binaries string) error {
	client := s.Batch(stage.AdminID, stage.AdminSecret)
	if err := prepareFunctions(ctx, client); err != nil {
		return err
	}
	if err := submitTogether(ctx, client, b.n(warmUpJobs)); err != nil {
		return err
	}
	jobs := b.n(functionJobs)
	shares := map[string]func() time.Duration{
		"the functions":                        func() time.Duration { return cpuOf(binaries) },
		"DynamoDB Local":                       func() time.Duration { return cpuOf(dynamoDBLocal) },
		"the callers and the Lambda imitation": func() time.Duration { return usedCPU("/proc/self") },
	}
	before := map[string]time.Duration{}
	for name, cpu := range shares {
		before[name] = cpu()
	}
	begin := time.Now()
	if err := submitTogether(ctx, client, jobs); err != nil {
		return err
	}
	took := time.Since(begin)
	rate := float64(jobs) / took.Seconds()
	b.report("SubmitJob through functions/api on DynamoDB Local, 16 callers", fmt.Sprintf("%.0f jobs/s", rate),
		fmt.Sprintf(">= %d jobs/s", minFunctionRate), rate >= minFunctionRate)
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		used := shares[name]() - before[name]
		b.report("  CPU of "+name+" for each job", (used / time.Duration(jobs)).Round(time.Microsecond).String(), "", true)
	}
	return bareWrites(ctx, b, s, rate)
}

// submitTogether submits jobs, functionCallers at once.
func submitTogether(ctx context.Context, client *awsbatch.Client, jobs int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(functionCallers)
	for range jobs {
		group.Go(func() error {
			_, err := client.SubmitJob(ctx, &awsbatch.SubmitJobInput{
				JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d"),
			})
			return err
		})
	}
	return group.Wait()
}

// prepareFunctions makes what a job needs.
func prepareFunctions(ctx context.Context, client *awsbatch.Client) error {
	_, err := client.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("ce"), Type: types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeFargate, MaxvCpus: aws.Int32(64), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	if err != nil {
		return err
	}
	if _, err = client.CreateJobQueue(ctx, &awsbatch.CreateJobQueueInput{
		JobQueueName: aws.String("q"), Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: aws.String("ce"), Order: aws.Int32(0)}},
	}); err != nil {
		return err
	}
	_, err = client.RegisterJobDefinition(ctx, &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("d"), Type: types.JobDefinitionTypeContainer, PlatformCapabilities: []types.PlatformCapability{types.PlatformCapabilityFargate},
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String("busybox"), Command: []string{"true"}, ExecutionRoleArn: aws.String("arn:aws:iam::" + stage.Account + ":role/execution"),
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("0.25")}, {Type: types.ResourceTypeMemory, Value: aws.String("512")},
			},
		},
	})
	return err
}

// bareWrites measures what DynamoDB Local takes of the writes alone, without Packhorse and
// without what a submission reads: one item, on condition that it is new, which stands in
// both orderings (see store.Records.PutNewJob).
func bareWrites(ctx context.Context, b *bench, s *stage.Stage, rate float64) error {
	const name = "packhorse-bare"
	if err := dynamo.Create(ctx, s.DynamoDB, name, dynamo.Orderings()); err != nil {
		return err
	}
	table, err := dynamo.Open(ctx, dynamo.Options{Client: s.DynamoDB, Table: name})
	if err != nil {
		return err
	}
	const itemBytes = 500 // about what a small job has
	writes := b.n(functionJobs)
	var next atomic.Int64
	errs := make([]error, functionCallers)
	var wait sync.WaitGroup
	begin, used := time.Now(), cpuOf(dynamoDBLocal)
	for i := range functionCallers {
		wait.Go(func() {
			for n := next.Add(1); n <= int64(writes) && errs[i] == nil; n = next.Add(1) {
				id := fmt.Sprintf("%08d", n)
				errs[i] = table.Write(ctx, store.Put(store.Item{
					Key: store.Key{Partition: "job#" + id, Sort: "state"}, Data: make([]byte, itemBytes), Entries: []store.Entry{
						{Ordering: store.OrderList, Partition: "q", Sort: id}, {Ordering: store.OrderReady, Partition: "q", Sort: id},
					},
				}, store.IfAbsent()))
			}
		})
	}
	wait.Wait()
	bare := float64(writes) / time.Since(begin).Seconds()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	b.report("  one such item a write, without Packhorse", fmt.Sprintf("%.0f/s", bare), "", true)
	b.report("    CPU of DynamoDB Local for each", ((cpuOf(dynamoDBLocal) - used) / time.Duration(writes)).Round(time.Microsecond).String(), "", true)
	b.report("  against them", fmt.Sprintf("%.2f x", rate/bare), "", true)
	return nil
}

// builtFunctions builds the Lambda functions into a directory that remove removes, and
// starts DynamoDB Local. Without that one there is nothing to measure: endpoint is empty,
// and why has been said.
func builtFunctions(ctx context.Context) (endpoint, binaries string, remove func(), err error) {
	endpoint, err = peers.StartDynamoDBLocal()
	if err != nil {
		fmt.Println("skipped:", err)
		return "", "", func() {}, nil
	}
	if binaries, err = os.MkdirTemp("", "packhorse-functions-"); err != nil {
		return "", "", func() {}, err
	}
	remove = func() { os.RemoveAll(binaries) }
	if err = stage.Build(ctx, ".", binaries, stage.Names...); err != nil {
		remove()
		return "", "", func() {}, err
	}
	return endpoint, binaries, remove, nil
}
