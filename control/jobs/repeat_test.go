package jobs_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// door is SubmitJob over records with a queue and a definition.
func door(t *testing.T, idOf func(string) string) *jobs.Jobs {
	t.Helper()
	records := store.New(mem.Open(), store.Options{})
	queue := store.Queue{Detail: types.JobQueueDetail{JobQueueName: aws.String("q")}}
	def := store.Definition{Detail: types.JobDefinition{
		JobDefinitionName: aws.String("d"), Revision: aws.Int32(1),
		ContainerProperties: &types.ContainerProperties{Image: aws.String("busybox"), ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: aws.String("1")}, {Type: types.ResourceTypeMemory, Value: aws.String("64")}}},
	}}
	if err := records.Write(t.Context(), append(records.PutNewDefinition(def, 0), records.PutQueue(queue))...); err != nil {
		t.Fatal(err)
	}
	return &jobs.Jobs{
		Records: records, Lifecycle: &lifecycle.Lifecycle{Records: records, Now: time.Now}, Account: batch.Account{Region: "us-east-1", ID: "123456789012"},
		Now: time.Now, NewID: jobs.NewID, IDOf: idOf, Kick: func(string) {},
	}
}

// A call that an SDK repeats is answered with the job that the first try made, whether
// the store remembers calls or the job's id is made from the call.
func TestARepeatedSubmissionMakesNoSecondJob(t *testing.T) {
	for name, idOf := range map[string]func(string) string{"remembered": nil, "told by the id": jobs.IDOf} {
		t.Run(name, func(t *testing.T) {
			s := door(t, idOf)
			in := &awsbatch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")}
			submit := func(call string, keep time.Duration) string {
				t.Helper()
				out, err := s.SubmitJob(invocation.Keep(invocation.With(t.Context(), call), keep), in)
				if err != nil {
					t.Fatal(err)
				}
				return *out.JobId
			}
			for _, keep := range []time.Duration{0, time.Hour, 30 * 24 * time.Hour} {
				call := "call for " + keep.String()
				first, again, other := submit(call, keep), submit(call, keep), submit("other "+call, keep)
				if first != again || first == other {
					t.Errorf("kept %v: jobs %s, %s when repeated, %s of another call; want the first two alike only", keep, first, again, other)
				}
			}
			if one, two := submit("", 0), submit("", 0); one == two {
				t.Error("two calls without an invocation id made one job")
			}
			q, err := s.Records.Queue(t.Context(), "q")
			if err == nil {
				err = s.Records.Write(t.Context(), s.Records.DeleteQueue(q))
			}
			if err != nil {
				t.Fatal(err)
			}
			submit("call for 0s", 0) // also when its queue is gone
			if _, err := s.SubmitJob(invocation.With(t.Context(), "a new call"), in); err == nil {
				t.Error("a new call to a queue that is gone succeeds")
			}
		})
	}
}
