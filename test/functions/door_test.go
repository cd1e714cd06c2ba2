package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// prepare makes an environment, a queue and a definition.
func (s *scene) prepare(client *batch.Client, kind types.CRType) {
	s.Helper()
	r := &types.ComputeResource{Type: kind, MaxvCpus: aws.Int32(64), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}}
	if kind == types.CRTypeEc2 || kind == types.CRTypeSpot {
		r.MinvCpus, r.InstanceTypes, r.InstanceRole = aws.Int32(0), []string{"m5.large"}, aws.String("ecsInstanceRole")
		r.AllocationStrategy = types.CRAllocationStrategyBestFitProgressive
	}
	_, err := client.CreateComputeEnvironment(s.Context(), &batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("ce"), Type: types.CETypeManaged, ComputeResources: r,
	})
	s.must(err)
	_, err = client.CreateJobQueue(s.Context(), &batch.CreateJobQueueInput{
		JobQueueName: aws.String("q"), Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: aws.String("ce"), Order: aws.Int32(0)}},
	})
	s.must(err)
	_, err = client.RegisterJobDefinition(s.Context(), &batch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("d"), Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String("busybox"), Command: []string{"true"},
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("1")}, {Type: types.ResourceTypeMemory, Value: aws.String("512")},
			},
		},
	})
	s.must(err)
}

func TestTheDoorAnswersAnSDK(t *testing.T) {
	s := newScene(t)
	client := s.batch(stage.AdminID, stage.AdminSecret)
	s.prepare(client, types.CRTypeEc2)
	out, err := client.SubmitJob(t.Context(), &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
	s.must(err)
	jobs, err := client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{*out.JobId}})
	s.must(err)
	if len(jobs.Jobs) != 1 || jobs.Jobs[0].Status != types.JobStatusRunnable {
		t.Errorf("DescribeJobs = %+v, want the job, RUNNABLE", jobs.Jobs)
	}
	if want := "arn:aws:batch:eu-central-1:123456789012:job/" + *out.JobId; *out.JobArn != want {
		t.Errorf("jobArn = %s, want %s", *out.JobArn, want)
	}
	s.until("the job to be listed", func(ctx context.Context) bool {
		list, err := client.ListJobs(ctx, &batch.ListJobsInput{JobQueue: aws.String("q"), JobStatus: types.JobStatusRunnable})
		return err == nil && len(list.JobSummaryList) == 1
	})
	// The ARN in a path is percent-encoded, and signed so.
	_, err = client.TagResource(t.Context(), &batch.TagResourceInput{ResourceArn: out.JobArn, Tags: map[string]string{"k": "v"}})
	s.must(err)
	tags, err := client.ListTagsForResource(t.Context(), &batch.ListTagsForResourceInput{ResourceArn: out.JobArn})
	if err != nil || tags.Tags["k"] != "v" {
		t.Errorf("ListTagsForResource = %+v, %v", tags, err)
	}
}

func TestTheDoorAsksForKeys(t *testing.T) {
	s := newScene(t)
	s.prepare(s.batch(stage.AdminID, stage.AdminSecret), types.CRTypeFargate)
	submit := &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")}
	tests := map[string]struct{ id, secret, code string }{
		"a reader":         {"PHKREADER", "reader-secret", "AccessDeniedException"},
		"a wrong secret":   {stage.AdminID, "x", "InvalidSignatureException"},
		"an unknown key":   {"PHKOTHER", "x", "UnrecognizedClientException"},
		"another path":     {"..PHKADMIN", "admin-secret", "UnrecognizedClientException"},
		"a broken key":     {"PHKBROKEN", "x", "ServerException"},
		"anonymous caller": {"", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := s.batch(test.id, test.secret)
			_, err := client.SubmitJob(t.Context(), submit)
			var fault smithy.APIError
			switch {
			case err == nil:
				t.Error("it was let in")
			case test.code != "" && (!errors.As(err, &fault) || fault.ErrorCode() != test.code):
				t.Errorf("SubmitJob = %v, want %s", err, test.code)
			}
		})
	}
	if _, err := s.batch("PHKREADER", "reader-secret").DescribeJobQueues(t.Context(), &batch.DescribeJobQueuesInput{}); err != nil {
		t.Errorf("a reader reads: %v", err)
	}
}

// An SDK that repeats a call gets the same job, whichever process answers.
func TestTheDoorForgetsNothingBetweenProcesses(t *testing.T) {
	s := newScene(t)
	client := s.batch(stage.AdminID, stage.AdminSecret)
	s.prepare(client, types.CRTypeEc2)
	s.function("api").Freeze()
	out, err := client.SubmitJob(t.Context(), &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
	s.must(err)
	s.function("api").Freeze()
	_, err = client.TerminateJob(t.Context(), &batch.TerminateJobInput{JobId: out.JobId, Reason: aws.String("no longer wanted")})
	s.must(err)
	s.function("api").Freeze()
	jobs, err := client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{*out.JobId}})
	s.must(err)
	if j := jobs.Jobs[0]; j.Status != types.JobStatusFailed || aws.ToString(j.StatusReason) != "no longer wanted" {
		t.Errorf("the job is %s: %s", j.Status, aws.ToString(j.StatusReason))
	}
	if got := s.function("api").Count(); got.ColdStarts < 4 {
		t.Errorf("%+v, want a new process for each step", got)
	}
}

// Each process keeps for a moment what submissions look at. Whoever was told of a new
// revision gets it from all of them; whoever disabled a queue is refused by all a moment
// later.
func TestTheDoorSubmitsWithWhatWasSaidBefore(t *testing.T) {
	s := newScene(t)
	client := s.batch(stage.AdminID, stage.AdminSecret)
	s.prepare(client, types.CRTypeEc2)
	together := func() []string {
		t.Helper()
		const callers = 16
		ids := make([]string, callers)
		group, ctx := errgroup.WithContext(t.Context())
		for i := range callers {
			group.Go(func() error {
				out, err := client.SubmitJob(ctx, &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
				if err == nil {
					ids[i] = *out.JobId
				}
				return err
			})
		}
		s.must(group.Wait())
		return ids
	}
	for revision := range 3 {
		jobs, err := client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: together()})
		s.must(err)
		for _, j := range jobs.Jobs {
			if want := fmt.Sprintf("job-definition/d:%d", revision+1); !strings.HasSuffix(*j.JobDefinition, want) {
				t.Errorf("a job submitted after the answer has the definition %s, want %s", *j.JobDefinition, want)
			}
		}
		_, err = client.RegisterJobDefinition(t.Context(), &batch.RegisterJobDefinitionInput{
			JobDefinitionName: aws.String("d"), Type: types.JobDefinitionTypeContainer, ContainerProperties: &types.ContainerProperties{
				Image: aws.String("busybox"), ResourceRequirements: jobs.Jobs[0].Container.ResourceRequirements,
			},
		})
		s.must(err)
	}
	if n := s.function("api").Count().ColdStarts; n < 2 {
		t.Fatalf("%d processes answered, which tells nothing of several", n)
	}
	_, err := client.UpdateJobQueue(t.Context(), &batch.UpdateJobQueueInput{JobQueue: aws.String("q"), State: types.JQStateDisabled})
	s.must(err)
	s.until("all processes to refuse", func(ctx context.Context) bool {
		_, err := client.SubmitJob(ctx, &batch.SubmitJobInput{JobName: aws.String("j"), JobQueue: aws.String("q"), JobDefinition: aws.String("d")})
		return err != nil && strings.Contains(err.Error(), "is DISABLED")
	})
}

func TestTheDoorSaysWhatIsWrongWithItsSettings(t *testing.T) {
	s := newScene(t, func(o *stage.Options) { o.Env = []string{"PACKHORSE_TABLE="} })
	_, err := s.function("api").Invoke(t.Context(), map[string]any{})
	if err == nil || !strings.Contains(err.Error(), "process ended") {
		t.Errorf("Invoke = %v, want the process to end", err)
	}
}
