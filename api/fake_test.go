package api_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/api/sdktest"
	"github.com/packhorse-batch/packhorse/batch"
)

// fakeService answers every operation with what a test put into it, and keeps what
// it was asked.
type fakeService struct {
	mu      sync.Mutex
	input   any // of the last call
	ctx     context.Context
	calls   int
	output  any // a pointer to the output; one of another operation counts as none
	err     error
	panics  any
	blocked chan struct{} // nil, or what a call waits for besides its context
}

func answer[I, O any](s *fakeService, ctx context.Context, in *I) (*O, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.input, s.ctx = in, ctx
	s.calls++
	if s.panics != nil {
		panic(s.panics)
	}
	if s.blocked != nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.blocked:
		}
	}
	out, _ := s.output.(*O)
	return out, s.err
}

func (s *fakeService) SubmitJob(ctx context.Context, in *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error) {
	return answer[awsbatch.SubmitJobInput, awsbatch.SubmitJobOutput](s, ctx, in)
}

func (s *fakeService) DescribeJobs(ctx context.Context, in *awsbatch.DescribeJobsInput) (*awsbatch.DescribeJobsOutput, error) {
	return answer[awsbatch.DescribeJobsInput, awsbatch.DescribeJobsOutput](s, ctx, in)
}

func (s *fakeService) ListJobs(ctx context.Context, in *awsbatch.ListJobsInput) (*awsbatch.ListJobsOutput, error) {
	return answer[awsbatch.ListJobsInput, awsbatch.ListJobsOutput](s, ctx, in)
}

func (s *fakeService) CancelJob(ctx context.Context, in *awsbatch.CancelJobInput) (*awsbatch.CancelJobOutput, error) {
	return answer[awsbatch.CancelJobInput, awsbatch.CancelJobOutput](s, ctx, in)
}

func (s *fakeService) TerminateJob(ctx context.Context, in *awsbatch.TerminateJobInput) (*awsbatch.TerminateJobOutput, error) {
	return answer[awsbatch.TerminateJobInput, awsbatch.TerminateJobOutput](s, ctx, in)
}

func (s *fakeService) RegisterJobDefinition(ctx context.Context, in *awsbatch.RegisterJobDefinitionInput) (*awsbatch.RegisterJobDefinitionOutput, error) {
	return answer[awsbatch.RegisterJobDefinitionInput, awsbatch.RegisterJobDefinitionOutput](s, ctx, in)
}

func (s *fakeService) DeregisterJobDefinition(ctx context.Context, in *awsbatch.DeregisterJobDefinitionInput) (*awsbatch.DeregisterJobDefinitionOutput, error) {
	return answer[awsbatch.DeregisterJobDefinitionInput, awsbatch.DeregisterJobDefinitionOutput](s, ctx, in)
}

func (s *fakeService) DescribeJobDefinitions(ctx context.Context, in *awsbatch.DescribeJobDefinitionsInput) (*awsbatch.DescribeJobDefinitionsOutput, error) {
	return answer[awsbatch.DescribeJobDefinitionsInput, awsbatch.DescribeJobDefinitionsOutput](s, ctx, in)
}

func (s *fakeService) CreateJobQueue(ctx context.Context, in *awsbatch.CreateJobQueueInput) (*awsbatch.CreateJobQueueOutput, error) {
	return answer[awsbatch.CreateJobQueueInput, awsbatch.CreateJobQueueOutput](s, ctx, in)
}

func (s *fakeService) DescribeJobQueues(ctx context.Context, in *awsbatch.DescribeJobQueuesInput) (*awsbatch.DescribeJobQueuesOutput, error) {
	return answer[awsbatch.DescribeJobQueuesInput, awsbatch.DescribeJobQueuesOutput](s, ctx, in)
}

func (s *fakeService) UpdateJobQueue(ctx context.Context, in *awsbatch.UpdateJobQueueInput) (*awsbatch.UpdateJobQueueOutput, error) {
	return answer[awsbatch.UpdateJobQueueInput, awsbatch.UpdateJobQueueOutput](s, ctx, in)
}

func (s *fakeService) DeleteJobQueue(ctx context.Context, in *awsbatch.DeleteJobQueueInput) (*awsbatch.DeleteJobQueueOutput, error) {
	return answer[awsbatch.DeleteJobQueueInput, awsbatch.DeleteJobQueueOutput](s, ctx, in)
}

func (s *fakeService) CreateComputeEnvironment(ctx context.Context, in *awsbatch.CreateComputeEnvironmentInput) (*awsbatch.CreateComputeEnvironmentOutput, error) {
	return answer[awsbatch.CreateComputeEnvironmentInput, awsbatch.CreateComputeEnvironmentOutput](s, ctx, in)
}

func (s *fakeService) DescribeComputeEnvironments(ctx context.Context, in *awsbatch.DescribeComputeEnvironmentsInput) (*awsbatch.DescribeComputeEnvironmentsOutput, error) {
	return answer[awsbatch.DescribeComputeEnvironmentsInput, awsbatch.DescribeComputeEnvironmentsOutput](s, ctx, in)
}

func (s *fakeService) UpdateComputeEnvironment(ctx context.Context, in *awsbatch.UpdateComputeEnvironmentInput) (*awsbatch.UpdateComputeEnvironmentOutput, error) {
	return answer[awsbatch.UpdateComputeEnvironmentInput, awsbatch.UpdateComputeEnvironmentOutput](s, ctx, in)
}

func (s *fakeService) DeleteComputeEnvironment(ctx context.Context, in *awsbatch.DeleteComputeEnvironmentInput) (*awsbatch.DeleteComputeEnvironmentOutput, error) {
	return answer[awsbatch.DeleteComputeEnvironmentInput, awsbatch.DeleteComputeEnvironmentOutput](s, ctx, in)
}

func (s *fakeService) CreateSchedulingPolicy(ctx context.Context, in *awsbatch.CreateSchedulingPolicyInput) (*awsbatch.CreateSchedulingPolicyOutput, error) {
	return answer[awsbatch.CreateSchedulingPolicyInput, awsbatch.CreateSchedulingPolicyOutput](s, ctx, in)
}

func (s *fakeService) DescribeSchedulingPolicies(ctx context.Context, in *awsbatch.DescribeSchedulingPoliciesInput) (*awsbatch.DescribeSchedulingPoliciesOutput, error) {
	return answer[awsbatch.DescribeSchedulingPoliciesInput, awsbatch.DescribeSchedulingPoliciesOutput](s, ctx, in)
}

func (s *fakeService) ListSchedulingPolicies(ctx context.Context, in *awsbatch.ListSchedulingPoliciesInput) (*awsbatch.ListSchedulingPoliciesOutput, error) {
	return answer[awsbatch.ListSchedulingPoliciesInput, awsbatch.ListSchedulingPoliciesOutput](s, ctx, in)
}

func (s *fakeService) UpdateSchedulingPolicy(ctx context.Context, in *awsbatch.UpdateSchedulingPolicyInput) (*awsbatch.UpdateSchedulingPolicyOutput, error) {
	return answer[awsbatch.UpdateSchedulingPolicyInput, awsbatch.UpdateSchedulingPolicyOutput](s, ctx, in)
}

func (s *fakeService) DeleteSchedulingPolicy(ctx context.Context, in *awsbatch.DeleteSchedulingPolicyInput) (*awsbatch.DeleteSchedulingPolicyOutput, error) {
	return answer[awsbatch.DeleteSchedulingPolicyInput, awsbatch.DeleteSchedulingPolicyOutput](s, ctx, in)
}

func (s *fakeService) ListTagsForResource(ctx context.Context, in *awsbatch.ListTagsForResourceInput) (*awsbatch.ListTagsForResourceOutput, error) {
	return answer[awsbatch.ListTagsForResourceInput, awsbatch.ListTagsForResourceOutput](s, ctx, in)
}

func (s *fakeService) TagResource(ctx context.Context, in *awsbatch.TagResourceInput) (*awsbatch.TagResourceOutput, error) {
	return answer[awsbatch.TagResourceInput, awsbatch.TagResourceOutput](s, ctx, in)
}

func (s *fakeService) UntagResource(ctx context.Context, in *awsbatch.UntagResourceInput) (*awsbatch.UntagResourceOutput, error) {
	return answer[awsbatch.UntagResourceInput, awsbatch.UntagResourceOutput](s, ctx, in)
}

// account is the one of all tests.
var account = batch.Account{Region: "eu-west-1", ID: "123456789012"}

// start serves a config until the test ends. Service is a new fakeService when it is
// not set.
func start(t testing.TB, config api.Config) (*httptest.Server, *fakeService) {
	t.Helper()
	service, _ := config.Service.(*fakeService)
	if config.Service == nil {
		service = &fakeService{}
		config.Service = service
	}
	config.Account = account
	server := httptest.NewServer(api.New(config))
	t.Cleanup(server.Close)
	return server, service
}

// Credentials of clients; the server knows them when it has keys.
const (
	accessKey = "PKHRS0000000000000001"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// sdk is the config of an AWS SDK client of a server, which tries once.
func sdk(server *httptest.Server) aws.Config { return sdktest.Config(server, accessKey, secretKey) }
