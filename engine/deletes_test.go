package engine_test

import (
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// Terraform disables, deletes and looks until nothing is there any more: what has
// become empty goes with the pass that saw it, not with the next sweep.
func TestWhatIsDeletedGoesAtOnce(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit()
	w.advance(time.Second)
	w.wants(types.JobStatusRunning, id)
	_, err := w.UpdateJobQueue(t.Context(), &awsbatch.UpdateJobQueueInput{JobQueue: ptr("q"), State: types.JQStateDisabled})
	w.must(err)
	_, err = w.DeleteJobQueue(t.Context(), &awsbatch.DeleteJobQueueInput{JobQueue: ptr("q")})
	w.must(err)
	w.advance(time.Second)
	w.wants(types.JobStatusFailed, id)
	queues, err := w.DescribeJobQueues(t.Context(), &awsbatch.DescribeJobQueuesInput{JobQueues: []string{"q"}})
	w.must(err)
	if len(queues.JobQueues) > 0 {
		t.Errorf("the queue is still %s a second after its deletion", queues.JobQueues[0].Status)
	}
	if w.hosts("ce") != 1 {
		t.Fatalf("the environment has %d hosts, want the one that ran the job", w.hosts("ce"))
	}
	_, err = w.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{
		ComputeEnvironment: ptr("ce"), State: types.CEStateDisabled,
	})
	w.must(err)
	_, err = w.DeleteComputeEnvironment(t.Context(), &awsbatch.DeleteComputeEnvironmentInput{ComputeEnvironment: ptr("ce")})
	w.must(err)
	w.advance(time.Second)
	envs, err := w.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{ComputeEnvironments: []string{"ce"}})
	w.must(err)
	if len(envs.ComputeEnvironments) > 0 {
		t.Errorf("the environment is still %s a second after its deletion", envs.ComputeEnvironments[0].Status)
	}
	w.check()
}
