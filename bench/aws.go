package main

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/localstack/stage"
)

const (
	accountJobs = 1000
	// cloudSpeed is how much faster than life the imitated hosts boot.
	cloudSpeed = 50
)

// accountCalls measures what a thousand jobs ask of an account: passes, and calls of EC2
// and ECS.
func accountCalls(ctx context.Context, b *bench) error {
	endpoint, binaries, remove, err := builtFunctions(ctx)
	if err != nil || endpoint == "" {
		return err
	}
	defer remove()
	cloud := fakeaws.New(fakeaws.Options{Seed: 1, Region: stage.Region, Account: stage.Account, Speed: cloudSpeed})
	defer cloud.Close()
	server := httptest.NewServer(cloud.Handler())
	defer server.Close()
	if _, err := cloud.SSM().PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(stage.KeyPath + stage.AdminID), Value: aws.String(stage.AdminKey), Type: ssmtypes.ParameterTypeSecureString,
	}); err != nil {
		return err
	}
	s, err := stage.Open(ctx, stage.Options{
		DynamoDB: endpoint, AWS: server.URL, Binaries: binaries, SweepEvery: time.Minute / cloudSpeed, NewsWindow: stage.EventsWindow / cloudSpeed, Env: []string{"PACKHORSE_IDLE_WINDOW=2s"},
	})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var playing sync.WaitGroup
	defer playing.Wait()
	defer cancel()
	cloud.Subscribe(func(e fakeaws.Event) {
		playing.Go(func() { _ = s.Tell(ctx, e.Source, e) }) // the sweep sees what is not heard
	})
	played := make(chan error, 1)
	playing.Go(func() { played <- s.Play(ctx) })

	client := s.Batch(stage.AdminID, stage.AdminSecret)
	if err := accountQueue(ctx, client, cloud.EC2()); err != nil {
		return err
	}
	jobs := b.n(accountJobs)
	begin := time.Now()
	if err := submitEach(ctx, client, jobs); err != nil {
		return err
	}
	if err := allSucceed(ctx, client, jobs, played); err != nil {
		return err
	}
	took := time.Since(begin)
	per := func(n int) string { return fmt.Sprintf("%.0f", float64(n)*accountJobs/float64(jobs)) }
	calls := cloud.Calls()
	total := 0
	for name, n := range calls {
		if strings.HasPrefix(name, "ec2.") || strings.HasPrefix(name, "ecs.") {
			total += n
		}
	}
	b.report(fmt.Sprintf("%d jobs of a vCPU in an account, %d hosts", jobs, cloud.Launched()), took.Round(time.Second).String(), "", true)
	b.report("  passes per 1,000 jobs", per(s.Functions["pass"].Count().Invocations), "", true)
	b.report("  batches of news per 1,000 jobs", per(s.Functions["events"].Count().Invocations), "", true)
	b.report("  calls of EC2 and ECS per 1,000 jobs", per(total), "", true)
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if strings.HasPrefix(name, "ec2.") || strings.HasPrefix(name, "ecs.") {
			b.report("    "+name, per(calls[name]), "", true)
		}
	}
	return nil
}

// accountQueue makes an environment, a queue and a definition.
func accountQueue(ctx context.Context, client *awsbatch.Client, network interface {
	DescribeSubnets(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
}) error {
	subnets, err := network.DescribeSubnets(ctx, nil)
	if err != nil {
		return err
	}
	groups, err := network.DescribeSecurityGroups(ctx, nil)
	if err != nil {
		return err
	}
	resources := &types.ComputeResource{
		Type: types.CRTypeEc2, AllocationStrategy: types.CRAllocationStrategyBestFitProgressive, MinvCpus: aws.Int32(0), MaxvCpus: aws.Int32(128),
		InstanceTypes: []string{"m5"}, InstanceRole: aws.String("ecsInstanceRole"), SecurityGroupIds: []string{*groups.SecurityGroups[0].GroupId},
	}
	for _, subnet := range subnets.Subnets {
		resources.Subnets = append(resources.Subnets, *subnet.SubnetId)
	}
	if _, err := client.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("ce"), Type: types.CETypeManaged, ComputeResources: resources,
	}); err != nil {
		return err
	}
	if _, err := client.CreateJobQueue(ctx, &awsbatch.CreateJobQueueInput{
		JobQueueName: aws.String("q"), Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: aws.String("ce"), Order: aws.Int32(0)}},
	}); err != nil {
		return err
	}
	_, err = client.RegisterJobDefinition(ctx, &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("d"), Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String("busybox"), Command: []string{"true"},
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("1")}, {Type: types.ResourceTypeMemory, Value: aws.String("512")},
			},
		},
	})
	return err
}

// submitEach submits jobs one by one, some at a time.
func submitEach(ctx context.Context, client *awsbatch.Client, jobs int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for range jobs {
		group.Go(func() error {
			_, err := client.SubmitJob(ctx, &awsbatch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
			return err
		})
	}
	return group.Wait()
}

// accountPatience bounds the wait for the jobs.
const accountPatience = 10 * time.Minute

// allSucceed waits until all jobs of the queue have succeeded.
func allSucceed(ctx context.Context, client *awsbatch.Client, jobs int, played <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, accountPatience)
	defer cancel()
	for {
		done := 0
		pages := awsbatch.NewListJobsPaginator(client, &awsbatch.ListJobsInput{JobQueue: aws.String("q"), JobStatus: types.JobStatusSucceeded})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			done += len(page.JobSummaryList)
		}
		if done == jobs {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case err := <-played:
			return err
		case <-ctx.Done():
			return fmt.Errorf("%d of %d jobs succeeded: %w", done, jobs, ctx.Err())
		}
	}
}
