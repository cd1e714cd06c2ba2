package control_test

import (
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// A queue may have Fargate and EC2 environments together only while a tag says how to
// choose among them.
func TestATagAllowsEnvironmentsOfBothKinds(t *testing.T) {
	for _, first := range []string{"fargate", "ce"} {
		second := map[string]string{"fargate": "ce", "ce": "fargate"}[first]
		t.Run(first+" first", func(t *testing.T) {
			s, ctx := newScene(t), t.Context()
			s.capacity(t)
			tags := map[string]string{batch.TagEnvironments: batch.EnvironmentsCheapest}
			in := newQueue("q", attachedTo(first, second))
			in.Tags = tags
			must[*awsbatch.CreateJobQueueOutput](t)(s.CreateJobQueue(ctx, in))
			shown := must[*awsbatch.DescribeJobQueuesOutput](t)(s.DescribeJobQueues(ctx, &awsbatch.DescribeJobQueuesInput{JobQueues: []string{"q"}}))
			if got := shown.JobQueues[0]; got.JobQueueType != types.JobQueueTypeEcs || len(got.ComputeEnvironmentOrder) != 2 {
				t.Errorf("the queue is %s with %d environments, want ECS with 2", got.JobQueueType, len(got.ComputeEnvironmentOrder))
			}

			arn := foreign("job-queue/q")
			_, err := s.TagResource(ctx, &awsbatch.TagResourceInput{ResourceArn: arn, Tags: map[string]string{batch.TagEnvironments: "best"}})
			wantRefused(t, err, `The value "best" of the tag packhorse:environments is not valid. Valid values are: [cheapest, soonest]`)
			must[*awsbatch.TagResourceOutput](t)(s.TagResource(ctx, &awsbatch.TagResourceInput{
				ResourceArn: arn, Tags: map[string]string{batch.TagEnvironments: batch.EnvironmentsSoonest, "team": "a"}}))
			must[*awsbatch.UntagResourceOutput](t)(s.UntagResource(ctx, &awsbatch.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}}))
			untag := &awsbatch.UntagResourceInput{ResourceArn: arn, TagKeys: []string{batch.TagEnvironments}}
			_, err = s.UntagResource(ctx, untag)
			wantRefused(t, err, "The tag packhorse:environments is what lets the queue have Fargate and EC2 compute environments together.")

			must[*awsbatch.UpdateJobQueueOutput](t)(s.UpdateJobQueue(ctx, &awsbatch.UpdateJobQueueInput{JobQueue: new("q"), ComputeEnvironmentOrder: order(first)}))
			must[*awsbatch.UntagResourceOutput](t)(s.UntagResource(ctx, untag))
			_, err = s.UpdateJobQueue(ctx, &awsbatch.UpdateJobQueueInput{JobQueue: new("q"), ComputeEnvironmentOrder: order(first, second)})
			wantRefused(t, err, "Fargate and EC2 compute environments can not be mixed.")
		})
	}
}
