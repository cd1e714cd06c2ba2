package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// slow is a table in which something happens just before a job is written.
type slow struct {
	store.Table
	meanwhile func()
}

func (s *slow) Write(ctx context.Context, ops ...store.Op) error {
	if meanwhile := s.meanwhile; meanwhile != nil && strings.HasPrefix(ops[0].Item.Key.Partition, "job#") {
		s.meanwhile = nil
		meanwhile()
	}
	return s.Table.Write(ctx, ops...)
}

func (w *world) dropQueue() {
	w.t.Helper()
	_, err := w.UpdateJobQueue(w.t.Context(), &awsbatch.UpdateJobQueueInput{JobQueue: ptr("q"), State: types.JQStateDisabled})
	w.must(err)
	_, err = w.DeleteJobQueue(w.t.Context(), &awsbatch.DeleteJobQueueInput{JobQueue: ptr("q")})
	w.must(err)
	queues, err := w.DescribeJobQueues(w.t.Context(), &awsbatch.DescribeJobQueuesInput{JobQueues: []string{"q"}})
	w.must(err)
	if len(queues.JobQueues) > 0 {
		w.t.Fatalf("the queue is still there, %s", queues.JobQueues[0].Status)
	}
}

// A submission looks at its queue and then writes its job. When the queue is deleted in
// between, no pass will ever look at the job: the sweep ends it, with the reason that all
// jobs of the queue ended with.
func TestAJobThatComesAfterItsQueueIsGoneIsEnded(t *testing.T) {
	tests := map[string]func(*awsbatch.SubmitJobInput){
		"a plain job":                         nil,
		"an array":                            array(3),
		"an array, one child after the other": func(in *awsbatch.SubmitJobInput) { array(3)(in); after(types.ArrayJobDependencySequential, "")(in) },
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			table := &slow{Table: mem.Open()}
			w := newWorld(t, minute, table)
			table.meanwhile = w.dropQueue
			if edit == nil {
				edit = func(*awsbatch.SubmitJobInput) {}
			}
			id := w.submit(edit)
			w.advance(time.Minute)
			w.Engine.Sweep(t.Context())
			w.advance(time.Minute)
			w.wants(types.JobStatusFailed, id)
			if got := text(w.job(id).StatusReason); got != "JobQueue deleted" {
				t.Errorf("statusReason %q, want JobQueue deleted", got)
			}
			w.check()

			w.now = w.now.Add(8 * 24 * time.Hour)
			w.Engine.Sweep(t.Context())
			w.Engine.Sweep(t.Context())
			if former, err := w.Records.FormerQueues(t.Context()); err != nil || len(former) != 0 {
				t.Errorf("after its last job was purged the queue is still remembered: %v, %v", former, err)
			}
		})
	}
}

// The same with a job that waits for another when both come late.
func TestAJobThatWaitsInAQueueThatIsGoneIsEnded(t *testing.T) {
	table := &slow{Table: mem.Open()}
	w := newWorld(t, minute, table)
	w.queue("other", 1, "ce")
	first := w.submit(func(in *awsbatch.SubmitJobInput) { in.JobQueue = ptr("other") })
	table.meanwhile = w.dropQueue
	second := w.submit(after("", first))
	w.Engine.Sweep(t.Context())
	w.advance(time.Second)
	w.wants(types.JobStatusFailed, second)
	w.check()
}

// A queue that is made anew takes up what came late for the one before.
func TestAJobThatComesLateRunsInAQueueThatWasMadeAnew(t *testing.T) {
	table := &slow{Table: mem.Open()}
	w := newWorld(t, minute, table)
	table.meanwhile = func() {
		w.dropQueue()
		w.queue("q", 1, "ce")
	}
	id := w.submit()
	w.Engine.Sweep(t.Context())
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	w.check()
}
