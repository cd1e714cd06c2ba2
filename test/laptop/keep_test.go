//go:build unix

package laptop

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

// everything is all that a server tells of itself.
type everything struct {
	Environments []types.ComputeEnvironmentDetail
	Queues       []types.JobQueueDetail
	Definitions  []types.JobDefinition
	Policies     []types.SchedulingPolicyDetail
	Tags         map[string]map[string]string
	Jobs         map[string]types.JobDetail
}

// look asks a server for everything. The first error ends the test.
func (s *server) look(jobs, arns []string) everything {
	s.Helper()
	client, ctx := s.batch(), s.Context()
	all := everything{Tags: map[string]map[string]string{}, Jobs: s.describe(jobs...)}
	environments, err := client.DescribeComputeEnvironments(ctx, &batch.DescribeComputeEnvironmentsInput{})
	s.check(err)
	queues, err := client.DescribeJobQueues(ctx, &batch.DescribeJobQueuesInput{})
	s.check(err)
	definitions, err := client.DescribeJobDefinitions(ctx, &batch.DescribeJobDefinitionsInput{})
	s.check(err)
	listed, err := client.ListSchedulingPolicies(ctx, &batch.ListSchedulingPoliciesInput{})
	s.check(err)
	for _, p := range listed.SchedulingPolicies {
		policies, err := client.DescribeSchedulingPolicies(ctx, &batch.DescribeSchedulingPoliciesInput{Arns: []string{*p.Arn}})
		s.check(err)
		all.Policies = append(all.Policies, policies.SchedulingPolicies...)
	}
	for _, arn := range arns {
		tags, err := client.ListTagsForResource(ctx, &batch.ListTagsForResourceInput{ResourceArn: &arn})
		s.check(err)
		all.Tags[arn] = tags.Tags
	}
	all.Environments, all.Queues, all.Definitions = environments.ComputeEnvironments, queues.JobQueues, definitions.JobDefinitions
	return all
}

func (s *server) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	s := newShop(t)
	client, ctx := s.batch(), t.Context()
	s.defineSmall()
	s.define() // the second revision
	policy, err := client.CreateSchedulingPolicy(ctx, &batch.CreateSchedulingPolicyInput{
		Name: aws.String("fair"), Tags: map[string]string{"team": "a"},
		FairsharePolicy: &types.FairsharePolicy{
			ComputeReservation: aws.Int32(10), ShareDecaySeconds: aws.Int32(600),
			ShareDistribution: []types.ShareAttributes{{ShareIdentifier: aws.String("red*"), WeightFactor: aws.Float32(0.5)}},
		},
	})
	s.check(err)
	fair, err := client.CreateJobQueue(ctx, &batch.CreateJobQueueInput{
		JobQueueName: aws.String("fair"), Priority: aws.Int32(7), SchedulingPolicyArn: policy.Arn, Tags: map[string]string{"a": "1", "b": "2"},
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{Order: aws.Int32(1), ComputeEnvironment: aws.String("local")}},
		JobStateTimeLimitActions: []types.JobStateTimeLimitAction{{
			Action: types.JobStateTimeLimitActionsActionCancel, MaxTimeSeconds: aws.Int32(600),
			Reason: aws.String("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"), State: types.JobStateTimeLimitActionsStateRunnable,
		}},
	})
	s.check(err)
	_, err = client.TagResource(ctx, &batch.TagResourceInput{ResourceArn: fair.JobQueueArn, Tags: map[string]string{"c": "3"}})
	s.check(err)
	_, err = client.UntagResource(ctx, &batch.UntagResourceInput{ResourceArn: fair.JobQueueArn, TagKeys: []string{"a"}})
	s.check(err)
	_, err = client.DeregisterJobDefinition(ctx, &batch.DeregisterJobDefinitionInput{JobDefinition: aws.String(definition + ":1")})
	s.check(err)
	_, err = client.UpdateComputeEnvironment(ctx, &batch.UpdateComputeEnvironmentInput{
		ComputeEnvironment: aws.String(small), State: types.CEStateDisabled,
	})
	s.check(err)

	good := s.order("good", "-lines", "2")
	good.Tags, good.Parameters = map[string]string{"owner": "me"}, map[string]string{"p": "q"}
	retried := s.order("retried", "-exits", "3,0")
	retried.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
	array := s.order("array", "-exits", "0")
	array.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(3)}
	jobs := []string{s.submit(good), s.submit(s.order("bad", "-exits", "9")), s.submit(retried), s.submit(array)}
	for _, id := range jobs {
		s.ends(id)
	}
	never := s.order("never")
	never.DependsOn = dependsOn(jobs[1])
	waits := s.order("waits") // for an environment that is DISABLED
	waits.JobQueue, waits.JobDefinition = aws.String(small), aws.String(small)
	jobs = append(jobs, s.submit(never), s.submit(waits), child(jobs[3], 1))
	s.ends(jobs[4])
	until(t, "the reason of the job that waits", func() bool {
		return strings.Contains(aws.ToString(s.job(jobs[5]).StatusReason), "it is DISABLED")
	})

	arns := []string{*policy.Arn, *fair.JobQueueArn, *s.job(jobs[0]).JobArn}
	before := s.look(jobs, arns)
	for how, end := range map[string]func(*server){"kill -9": (*server).kill, "SIGTERM": (*server).stop} {
		end(s.server)
		s.start()
		if diff := cmp.Diff(before, s.look(jobs, arns), besidesTheMoment); diff != "" {
			t.Errorf("after %s and a new start (-before +after):\n%s", how, diff)
		}
		if got := s.lines("/aws/batch/job", *s.job(jobs[0]).Container.LogStreamName); len(got) != 2 {
			t.Errorf("after %s the log of a finished job has %d lines, want 2", how, len(got))
		}
	}
}
