package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// fair makes a fair-share queue "fair" and returns how to submit to a share of it.
func (w *world) fair() func(share string, edits ...func(*awsbatch.SubmitJobInput)) string {
	policy, err := w.CreateSchedulingPolicy(w.t.Context(), &awsbatch.CreateSchedulingPolicyInput{Name: ptr("fair")})
	w.must(err)
	_, err = w.CreateJobQueue(w.t.Context(), &awsbatch.CreateJobQueueInput{
		JobQueueName: ptr("fair"), Priority: ptr(int32(1)), SchedulingPolicyArn: policy.Arn,
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: ptr("ce"), Order: ptr(int32(1))}},
	})
	w.must(err)
	return func(share string, edits ...func(*awsbatch.SubmitJobInput)) string {
		w.t.Helper()
		return w.submit(append(edits, func(in *awsbatch.SubmitJobInput) {
			in.JobQueue, in.ShareIdentifier, in.SchedulingPriorityOverride = ptr("fair"), &share, ptr(int32(1))
		})...)
	}
}

func (w *world) shares() []string {
	w.t.Helper()
	records, err := w.Records.Shares(w.t.Context(), "fair")
	w.must(err)
	var ids []string
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// An identifier for each user or each run must not fill a queue up in the course of
// the years, nor make each pass look for jobs of all who ever were.
func TestSharesAreForgottenWhenTheyAreNoLongerActive(t *testing.T) {
	w := newWorld(t, minute, nil)
	submit := w.fair()
	huge := func(in *awsbatch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: need("1", "900000")}
	}
	stuck := submit("waits-for-a-host", huge)
	submit("ended")
	submit("waits-for-a-job", after("", stuck))
	submit("array-waits-for-a-job", array(2), after("", stuck))
	w.advance(10 * time.Minute)
	w.Engine.Sweep(t.Context())
	if got := len(w.shares()); got != 4 {
		t.Errorf("%d shares within the window, want 4", got)
	}
	w.advance(3 * time.Hour)
	w.Engine.Sweep(t.Context())
	if got, want := w.shares(), []string{"array-waits-for-a-job", "waits-for-a-host", "waits-for-a-job"}; !slices.Equal(got, want) {
		t.Errorf("shares after hours = %q, want %q", got, want)
	}
	again := submit("ended")
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, again)
	w.check()
}

// A share that a job is submitted to just now is not forgotten under it.
func TestAShareThatComesBackIsNotForgotten(t *testing.T) {
	w := newWorld(t, minute, nil)
	submit := w.fair()
	submit("s")
	w.advance(3 * time.Hour)
	late := submit("s")
	w.Engine.Sweep(t.Context())
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, late)
	w.check()
}

func TestOnlyActiveSharesCountForTheLimit(t *testing.T) {
	w := newWorld(t, minute, nil)
	submit := w.fair()
	for i := range 500 {
		now := batch.MillisOf(w.now)
		w.must(w.Records.Write(t.Context(), w.Records.PutShare(store.Share{Queue: "fair", ID: fmt.Sprint("s", i), AsOf: now, SeenAt: now})))
	}
	_, err := w.SubmitJob(t.Context(), &awsbatch.SubmitJobInput{
		JobName: ptr("j"), JobQueue: ptr("fair"), JobDefinition: ptr("d"), ShareIdentifier: ptr("more"), SchedulingPriorityOverride: ptr(int32(1)),
	})
	if err == nil || !strings.Contains(err.Error(), "500 active share identifiers") {
		t.Errorf("submit to share 501 = %v, want the limit", err)
	}
	w.advance(2 * time.Hour)
	late := submit("more")
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, late)
}
