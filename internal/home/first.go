package home

import (
	"context"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// The names of what a new home begins with.
const (
	FirstEnvironment = "local"
	FirstQueue       = "default"
)

// firstMaxVCPUs is maxvCpus of the first environment. Its hosts are imitated, so it
// is a round number; the machine is the bound on what really runs.
const firstMaxVCPUs = 256

// FirstStart gives a home that has nothing yet a compute environment and a queue,
// so that the first job can be submitted at once. Clients such as Metaflow and
// Snakemake's plugin insist on an environment of type EC2. It reports whether it
// made them.
func (h *Home) FirstStart(ctx context.Context) (bool, error) {
	envs, err := h.Records.Environments(ctx)
	if err != nil {
		return false, err
	}
	queues, err := h.Records.Queues(ctx)
	if err != nil || len(envs)+len(queues) > 0 {
		return false, err
	}
	account := "arn:aws:iam::" + h.Account.ID + ":"
	_, err = h.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: new(FirstEnvironment),
		Type:                   types.CETypeManaged,
		State:                  types.CEStateEnabled,
		ServiceRole:            new(account + "role/AWSBatchServiceRole"),
		ComputeResources: &types.ComputeResource{
			Type:               types.CRTypeEc2,
			AllocationStrategy: types.CRAllocationStrategyBestFitProgressive,
			MinvCpus:           new(int32(0)),
			MaxvCpus:           new(int32(firstMaxVCPUs)),
			InstanceTypes:      []string{"optimal"},
			InstanceRole:       new(account + "instance-profile/ecsInstanceRole"),
			Subnets:            []string{"subnet-local"},
			SecurityGroupIds:   []string{"sg-local"},
		},
	})
	if err != nil {
		return false, err
	}
	_, err = h.CreateJobQueue(ctx, &awsbatch.CreateJobQueueInput{
		JobQueueName: new(FirstQueue), Priority: new(int32(1)), State: types.JQStateEnabled,
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: new(FirstEnvironment), Order: new(int32(1))}},
	})
	return err == nil, err
}
