package jobs_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// A client counts attempts to tell how often a job ran. At every moment it must see
// those that have ended, all of them, and not the one that runs.
func TestDescribeJobs_attempts(t *testing.T) {
	now := time.Now()
	placed := &batch.Placement{Environment: "local", Cluster: "local", Host: "h", Task: "t"}
	ended := func(number int) batch.Attempt {
		return batch.Attempt{Number: number, Placement: *placed, StartedAt: batch.MillisOf(now), StoppedAt: batch.MillisOf(now)}
	}
	last := ended(2)
	tests := map[string]struct {
		job     batch.Job
		records int // of attempts that ended
		want    int
	}{
		"the first runs":             {batch.Job{Status: batch.Running, Attempts: 1, Placement: placed}, 0, 0},
		"between first and second":   {batch.Job{Status: batch.Runnable, Attempts: 1, Retried: true}, 1, 1},
		"the second runs":            {batch.Job{Status: batch.Running, Attempts: 2, Placement: placed, Retried: true}, 1, 1},
		"placed again, never ran":    {batch.Job{Status: batch.Runnable, Retried: true}, 0, 0},
		"the second was the last":    {batch.Job{Status: batch.Failed, Attempts: 2, Last: &last, Retried: true}, 1, 2},
		"the second ended just now":  {batch.Job{Status: batch.Running, Attempts: 2, Placement: placed, Retried: true}, 2, 1},
		"the first ended just now":   {batch.Job{Status: batch.Running, Attempts: 1, Placement: placed}, 1, 0},
		"terminated between the two": {batch.Job{Status: batch.Failed, Attempts: 1, Retried: true}, 1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			records := store.New(mem.Open(), store.Options{})
			test.job.ID, test.job.Queue, test.job.Definition = "j", "q", "d:1"
			ops := []store.Op{
				records.PutJob(test.job),
				records.PutSpec("j", store.Spec{Definition: "d:1", Request: &awsbatch.SubmitJobInput{JobName: aws.String("j")}}),
				records.PutDefinition(store.Definition{Detail: types.JobDefinition{
					JobDefinitionName: aws.String("d"), Revision: aws.Int32(1), Type: aws.String("container"), Status: aws.String("ACTIVE"),
					ContainerProperties: &types.ContainerProperties{Image: aws.String("i")},
				}}),
			}
			for n := range test.records {
				ops = append(ops, records.PutAttempt("j", ended(n+1)))
			}
			if err := records.Write(t.Context(), ops...); err != nil {
				t.Fatal(err)
			}
			service := &jobs.Jobs{
				Records: records, Lifecycle: &lifecycle.Lifecycle{Records: records, Now: time.Now}, Now: time.Now,
				Account: batch.Account{ID: "000000000000", Region: "us-east-1"},
			}
			out, err := service.DescribeJobs(t.Context(), &awsbatch.DescribeJobsInput{Jobs: []string{"j"}})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(out.Jobs[0].Attempts); got != test.want {
				t.Errorf("DescribeJobs shows %d attempts, want %d", got, test.want)
			}
		})
	}
}
