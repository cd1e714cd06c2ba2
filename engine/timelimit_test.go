package engine_test

import (
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// A queue may say how long its head may wait for a cause that waiting will not mend.
func TestAJobStateTimeLimitEndsTheHeadOfTheQueue(t *testing.T) {
	const token = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
	w := newWorld(t, minute, nil)
	_, err := w.UpdateJobQueue(t.Context(), &awsbatch.UpdateJobQueueInput{
		JobQueue: ptr("q"), JobStateTimeLimitActions: []types.JobStateTimeLimitAction{{
			Action: types.JobStateTimeLimitActionsActionCancel, State: types.JobStateTimeLimitActionsStateRunnable,
			MaxTimeSeconds: ptr(int32(600)), Reason: ptr(token),
		}},
	})
	w.must(err)
	huge := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: need("1", "900000")}
	})
	small := w.submit()
	w.advance(9 * time.Minute)
	w.wants(types.JobStatusRunnable, huge)
	w.wants(types.JobStatusSucceeded, small)
	w.advance(2 * time.Minute)
	w.wants(types.JobStatusFailed, huge)
	if got, want := text(w.job(huge).StatusReason), "Canceled by JobStateTimeLimit action due to reason: "+token; got != want {
		t.Errorf("statusReason = %q, want %q", got, want)
	}
	w.check()
}
