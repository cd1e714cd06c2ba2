package play

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/demo"
)

// ErrNotPrepared is returned where a server does not have the demo's definitions.
var ErrNotPrepared = errors.New("this server has no job definition for the demo")

// Submit submits the demo's jobs.
func (p *Player) Submit(ctx context.Context) (Run, error) {
	definition, err := p.newest(ctx, demo.CountDefinition)
	if err != nil {
		return Run{}, err
	}
	run := Run{Name: runName(p.Now()), Source: demo.SourceOf(definition.ContainerProperties), StartedAt: p.Now()}
	count := aws.ToString(definition.JobDefinitionArn)
	if p.Source != "" {
		if count, err = p.registerSource(ctx, definition); err != nil {
			return Run{}, err
		}
		run.Source = demo.LabelOf(p.Source)
	}
	parameters := map[string]string{demo.RunParameter: run.Name, demo.ShardsParameter: strconv.Itoa(demo.Shards)}
	if run.Count, err = p.submit(ctx, &batch.SubmitJobInput{
		JobName: aws.String("count"), JobDefinition: aws.String(count), Parameters: parameters,
		ArrayProperties: &types.ArrayProperties{Size: aws.Int32(demo.Shards)},
	}); err != nil {
		return run, err
	}
	if p.Source != "" {
		// The job goes on with what it was submitted with; the next demo counts what
		// the server prepared.
		if _, err := p.Batch.DeregisterJobDefinition(ctx, &batch.DeregisterJobDefinitionInput{JobDefinition: aws.String(count)}); err != nil {
			return run, fmt.Errorf("deregister the definition that counts %s: %w", p.Source, err)
		}
	}
	if run.Merge, err = p.submit(ctx, &batch.SubmitJobInput{
		JobName: aws.String("merge"), JobDefinition: aws.String(demo.MergeDefinition), Parameters: parameters,
		DependsOn: []types.JobDependency{{JobId: aws.String(run.Count)}},
		ContainerOverrides: &types.ContainerOverrides{Environment: []types.KeyValuePair{
			{Name: aws.String(demo.LabelVariable), Value: aws.String(run.Source)},
		}},
	}); err != nil {
		return run, err
	}
	run.Flaky, err = p.submit(ctx, &batch.SubmitJobInput{
		JobName: aws.String("flaky"), JobDefinition: aws.String(demo.FlakyDefinition),
	})
	return run, err
}

// runName is unique among the runs that one person starts. Results are named after it.
func runName(now time.Time) string {
	now = now.UTC()
	return fmt.Sprintf("%s-%03d", now.Format("20060102-150405"), now.Nanosecond()/int(time.Millisecond))
}

func (p *Player) submit(ctx context.Context, in *batch.SubmitJobInput) (id string, err error) {
	in.JobQueue = aws.String(p.Queue)
	out, err := p.Batch.SubmitJob(ctx, in)
	if err != nil {
		return "", fmt.Errorf("submit %s to queue %s: %w", *in.JobName, p.Queue, err)
	}
	return aws.ToString(out.JobId), nil
}

// newest returns the newest active revision of a definition. One page of them is
// looked at: servers show the newest first.
func (p *Player) newest(ctx context.Context, name string) (types.JobDefinition, error) {
	out, err := p.Batch.DescribeJobDefinitions(ctx, &batch.DescribeJobDefinitionsInput{
		JobDefinitionName: aws.String(name), Status: aws.String("ACTIVE"),
	})
	if err != nil {
		return types.JobDefinition{}, err
	}
	var newest types.JobDefinition
	for _, d := range out.JobDefinitions {
		if aws.ToInt32(d.Revision) > aws.ToInt32(newest.Revision) {
			newest = d
		}
	}
	if newest.ContainerProperties == nil {
		return newest, fmt.Errorf("%w (%s)", ErrNotPrepared, name)
	}
	return newest, nil
}

// registerSource registers a revision that counts p.Source.
func (p *Player) registerSource(ctx context.Context, d types.JobDefinition) (arn string, err error) {
	demo.SetSource(d.ContainerProperties, p.Source)
	out, err := p.Batch.RegisterJobDefinition(ctx, &batch.RegisterJobDefinitionInput{
		JobDefinitionName: d.JobDefinitionName, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: d.ContainerProperties, Parameters: d.Parameters,
		RetryStrategy: d.RetryStrategy, Timeout: d.Timeout,
	})
	if err != nil {
		return "", fmt.Errorf("register a definition that counts %s: %w", p.Source, err)
	}
	return aws.ToString(out.JobDefinitionArn), nil
}
