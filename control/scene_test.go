package control_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// scene is a Control over a store in memory, with a clock that stands still.
type scene struct {
	*control.Control
	records *store.Records
	table   *interrupted
	config  control.Config
	now     time.Time
	kicked  []string
}

func newScene(t *testing.T, change ...func(*control.Config)) *scene {
	t.Helper()
	s := &scene{table: &interrupted{Table: mem.Open()}, now: start}
	s.records = store.New(s.table, store.Options{})
	uuids := 0
	s.config = control.Config{
		Records: s.records,
		Account: batch.Account{Region: "eu-central-1", ID: "123456789012"},
		Types:   catalog.Default(),
		Now:     func() time.Time { return s.now },
		NewUUID: func() string {
			uuids++
			return fmt.Sprintf("00000000-0000-4000-8000-%012d", uuids)
		},
		Kick: func(queue string) { s.kicked = append(s.kicked, queue) },
	}
	for _, c := range change {
		c(&s.config)
	}
	s.Control = control.New(s.config)
	return s
}

// interrupted is a table on which others write while a request is served: the
// functions in before are called one by one, each before a Write.
type interrupted struct {
	store.Table
	before []func()
	writes int
}

func (i *interrupted) Write(ctx context.Context, ops ...store.Op) error {
	if len(i.before) > 0 {
		meanwhile := i.before[0]
		i.before = i.before[1:]
		meanwhile()
	}
	i.writes++
	return i.Table.Write(ctx, ops...)
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// wantRefused checks that err is the caller's mistake, with that message and a next
// step where the message itself does not say it.
func wantRefused(t *testing.T, err error, message string) {
	t.Helper()
	wantError(t, err, batch.CodeInvalid, message)
}

func wantError(t *testing.T, err error, code batch.Code, message string) {
	t.Helper()
	var e *batch.Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want %s: %s", err, code, message)
	}
	if e.Code != code || e.Message != message {
		t.Errorf("error = %s: %q\n             want %s: %q", e.Code, e.Message, code, message)
	}
}

// newEnvironment is a request for an environment on EC2 that AWS Batch would serve.
func newEnvironment(name string, change ...func(*awsbatch.CreateComputeEnvironmentInput)) *awsbatch.CreateComputeEnvironmentInput {
	in := &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: &name,
		Type:                   types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type:               types.CRTypeEc2,
			AllocationStrategy: types.CRAllocationStrategyBestFitProgressive,
			MinvCpus:           new(int32(0)),
			MaxvCpus:           new(int32(16)),
			InstanceRole:       new("ecsInstanceRole"),
			InstanceTypes:      []string{"m6i"},
			Subnets:            []string{"subnet-1"},
			SecurityGroupIds:   []string{"sg-1"},
		},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

// resources changes the computeResources of a request.
func resources(change func(*types.ComputeResource)) func(*awsbatch.CreateComputeEnvironmentInput) {
	return func(in *awsbatch.CreateComputeEnvironmentInput) { change(in.ComputeResources) }
}

// fargate makes it a request for an environment on Fargate.
func fargate(in *awsbatch.CreateComputeEnvironmentInput) {
	in.ComputeResources = &types.ComputeResource{
		Type: types.CRTypeFargate, MaxvCpus: new(int32(16)), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
	}
}

// unmanaged makes it a request for an environment into which others bring hosts.
func unmanaged(in *awsbatch.CreateComputeEnvironmentInput) {
	in.Type, in.ComputeResources, in.ServiceRole = types.CETypeUnmanaged, nil, new("AWSBatchServiceRole")
}

// spot makes it a request for Spot instances.
func spot(in *awsbatch.CreateComputeEnvironmentInput) {
	in.ComputeResources.Type = types.CRTypeSpot
	in.ComputeResources.AllocationStrategy = types.CRAllocationStrategySpotPriceCapacityOptimized
}

func (s *scene) environment(t *testing.T, name string, change ...func(*awsbatch.CreateComputeEnvironmentInput)) {
	t.Helper()
	must[*awsbatch.CreateComputeEnvironmentOutput](t)(s.CreateComputeEnvironment(t.Context(), newEnvironment(name, change...)))
}

// shownEnvironment is an environment as DescribeComputeEnvironments shows it.
func (s *scene) shownEnvironment(t *testing.T, name string) types.ComputeEnvironmentDetail {
	t.Helper()
	out := must[*awsbatch.DescribeComputeEnvironmentsOutput](t)(s.DescribeComputeEnvironments(t.Context(),
		&awsbatch.DescribeComputeEnvironmentsInput{ComputeEnvironments: []string{name}}))
	if len(out.ComputeEnvironments) != 1 {
		t.Fatalf("DescribeComputeEnvironments(%s) returned %d environments, want 1", name, len(out.ComputeEnvironments))
	}
	return out.ComputeEnvironments[0]
}

// newQueue is a request for a queue on environment "ce".
func newQueue(name string, change ...func(*awsbatch.CreateJobQueueInput)) *awsbatch.CreateJobQueueInput {
	in := &awsbatch.CreateJobQueueInput{JobQueueName: &name, Priority: new(int32(1)), ComputeEnvironmentOrder: order("ce")}
	for _, c := range change {
		c(in)
	}
	return in
}

// order attaches environments in that order.
func order(environments ...string) []types.ComputeEnvironmentOrder {
	var list []types.ComputeEnvironmentOrder
	for i, e := range environments {
		list = append(list, types.ComputeEnvironmentOrder{ComputeEnvironment: &e, Order: new(int32(i + 1))})
	}
	return list
}

func (s *scene) queue(t *testing.T, name string, change ...func(*awsbatch.CreateJobQueueInput)) {
	t.Helper()
	must[*awsbatch.CreateJobQueueOutput](t)(s.CreateJobQueue(t.Context(), newQueue(name, change...)))
}

func (s *scene) shownQueues(t *testing.T, names ...string) []types.JobQueueDetail {
	t.Helper()
	return must[*awsbatch.DescribeJobQueuesOutput](t)(s.DescribeJobQueues(t.Context(),
		&awsbatch.DescribeJobQueuesInput{JobQueues: names})).JobQueues
}

// policy makes a fair-share policy and returns its ARN.
func (s *scene) policy(t *testing.T, name string) string {
	t.Helper()
	out := must[*awsbatch.CreateSchedulingPolicyOutput](t)(s.CreateSchedulingPolicy(t.Context(),
		&awsbatch.CreateSchedulingPolicyInput{Name: &name, FairsharePolicy: &types.FairsharePolicy{}}))
	return *out.Arn
}

// newDefinition is a request for a job definition with one container on EC2.
func newDefinition(name string, change ...func(*awsbatch.RegisterJobDefinitionInput)) *awsbatch.RegisterJobDefinitionInput {
	in := &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: &name,
		Type:              types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: new("busybox"), ResourceRequirements: needs("1", "128"),
		},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

// needs are requirements of vCPUs and MiB; empty ones are left out.
func needs(vcpu, memory string) []types.ResourceRequirement {
	var reqs []types.ResourceRequirement
	if vcpu != "" {
		reqs = append(reqs, types.ResourceRequirement{Type: types.ResourceTypeVcpu, Value: &vcpu})
	}
	if memory != "" {
		reqs = append(reqs, types.ResourceRequirement{Type: types.ResourceTypeMemory, Value: &memory})
	}
	return reqs
}

// register registers a revision and returns "name:revision".
func (s *scene) register(t *testing.T, name string, change ...func(*awsbatch.RegisterJobDefinitionInput)) string {
	t.Helper()
	out := must[*awsbatch.RegisterJobDefinitionOutput](t)(s.RegisterJobDefinition(t.Context(), newDefinition(name, change...)))
	return fmt.Sprintf("%s:%d", *out.JobDefinitionName, *out.Revision)
}
