package api

import (
	"context"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
)

// Service is what answers the operations of AWS Batch that are served; package
// control has it. The input is never nil and, but for what JSON itself asks for,
// unchecked. An error is a *[batch.Error], or else something that failed here; the
// output may be nil for operations that answer nothing.
//
// The id of the call is in the context: see package internal/invocation.
type Service interface {
	SubmitJob(context.Context, *awsbatch.SubmitJobInput) (*awsbatch.SubmitJobOutput, error)
	DescribeJobs(context.Context, *awsbatch.DescribeJobsInput) (*awsbatch.DescribeJobsOutput, error)
	ListJobs(context.Context, *awsbatch.ListJobsInput) (*awsbatch.ListJobsOutput, error)
	CancelJob(context.Context, *awsbatch.CancelJobInput) (*awsbatch.CancelJobOutput, error)
	TerminateJob(context.Context, *awsbatch.TerminateJobInput) (*awsbatch.TerminateJobOutput, error)

	RegisterJobDefinition(context.Context, *awsbatch.RegisterJobDefinitionInput) (*awsbatch.RegisterJobDefinitionOutput, error)
	DeregisterJobDefinition(context.Context, *awsbatch.DeregisterJobDefinitionInput) (*awsbatch.DeregisterJobDefinitionOutput, error)
	DescribeJobDefinitions(context.Context, *awsbatch.DescribeJobDefinitionsInput) (*awsbatch.DescribeJobDefinitionsOutput, error)

	CreateJobQueue(context.Context, *awsbatch.CreateJobQueueInput) (*awsbatch.CreateJobQueueOutput, error)
	DescribeJobQueues(context.Context, *awsbatch.DescribeJobQueuesInput) (*awsbatch.DescribeJobQueuesOutput, error)
	UpdateJobQueue(context.Context, *awsbatch.UpdateJobQueueInput) (*awsbatch.UpdateJobQueueOutput, error)
	DeleteJobQueue(context.Context, *awsbatch.DeleteJobQueueInput) (*awsbatch.DeleteJobQueueOutput, error)

	CreateComputeEnvironment(context.Context, *awsbatch.CreateComputeEnvironmentInput) (*awsbatch.CreateComputeEnvironmentOutput, error)
	DescribeComputeEnvironments(context.Context, *awsbatch.DescribeComputeEnvironmentsInput) (*awsbatch.DescribeComputeEnvironmentsOutput, error)
	UpdateComputeEnvironment(context.Context, *awsbatch.UpdateComputeEnvironmentInput) (*awsbatch.UpdateComputeEnvironmentOutput, error)
	DeleteComputeEnvironment(context.Context, *awsbatch.DeleteComputeEnvironmentInput) (*awsbatch.DeleteComputeEnvironmentOutput, error)

	CreateSchedulingPolicy(context.Context, *awsbatch.CreateSchedulingPolicyInput) (*awsbatch.CreateSchedulingPolicyOutput, error)
	DescribeSchedulingPolicies(context.Context, *awsbatch.DescribeSchedulingPoliciesInput) (*awsbatch.DescribeSchedulingPoliciesOutput, error)
	ListSchedulingPolicies(context.Context, *awsbatch.ListSchedulingPoliciesInput) (*awsbatch.ListSchedulingPoliciesOutput, error)
	UpdateSchedulingPolicy(context.Context, *awsbatch.UpdateSchedulingPolicyInput) (*awsbatch.UpdateSchedulingPolicyOutput, error)
	DeleteSchedulingPolicy(context.Context, *awsbatch.DeleteSchedulingPolicyInput) (*awsbatch.DeleteSchedulingPolicyOutput, error)

	ListTagsForResource(context.Context, *awsbatch.ListTagsForResourceInput) (*awsbatch.ListTagsForResourceOutput, error)
	TagResource(context.Context, *awsbatch.TagResourceInput) (*awsbatch.TagResourceOutput, error)
	UntagResource(context.Context, *awsbatch.UntagResourceInput) (*awsbatch.UntagResourceOutput, error)
}
