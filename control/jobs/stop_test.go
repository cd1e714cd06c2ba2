package jobs_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// Clients stop what they started without looking, also long after the job was
// forgotten. AWS Batch lets them (github.com/aws/aws-cli/issues/2551 has the answer as
// it came over the wire).
func TestStoppingAJobThatIsUnknownSucceeds(t *testing.T) {
	records := store.New(mem.Open(), store.Options{})
	service := &jobs.Jobs{
		Records: records, Lifecycle: &lifecycle.Lifecycle{Records: records, Now: time.Now}, Now: time.Now,
		Kick: func(queue string) { t.Errorf("queue %q was kicked", queue) },
	}
	for _, id := range []string{"6f5902ac-237d-4974-9b3c-6cba5a43c7c3", "6f5902ac-237d-4974-9b3c-6cba5a43c7c3:7", "nope", "n\x00pe"} {
		if _, err := service.TerminateJob(t.Context(), &awsbatch.TerminateJobInput{JobId: &id, Reason: aws.String("done")}); err != nil {
			t.Errorf("TerminateJob(%q) = %v, want success", id, err)
		}
		if _, err := service.CancelJob(t.Context(), &awsbatch.CancelJobInput{JobId: &id, Reason: aws.String("done")}); err != nil {
			t.Errorf("CancelJob(%q) = %v, want success", id, err)
		}
	}
}
