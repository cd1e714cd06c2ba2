package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/invocation"
)

// submitted is a job that a client submitted.
type submitted struct {
	id   string
	size int // children; 0 for a plain job
	in   *awsbatch.SubmitJobInput
}

// stopAsked is a cancellation or termination that was answered with success.
type stopAsked struct {
	id     string // a job, an array or a child
	reason string
	cancel bool
	before batch.Job // as it was when the client asked
}

// setScene makes environments, queues and definitions.
func (s *storm) setScene() {
	r := stream(s.seed, "scene")
	environment := func(name string, kind types.CRType, max int32, instanceTypes ...string) {
		in := &types.ComputeResource{
			Type: kind, MaxvCpus: &max, Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		}
		if kind != types.CRTypeFargate {
			in.MinvCpus, in.InstanceRole, in.InstanceTypes = ptr(int32(0)), ptr("ecsInstanceRole"), instanceTypes
		}
		switch kind {
		case types.CRTypeSpot:
			in.AllocationStrategy = types.CRAllocationStrategySpotPriceCapacityOptimized
		case types.CRTypeEc2:
			in.AllocationStrategy = types.CRAllocationStrategyBestFitProgressive
		}
		_, err := s.CreateComputeEnvironment(s.t.Context(), &awsbatch.CreateComputeEnvironmentInput{
			ComputeEnvironmentName: &name, Type: types.CETypeManaged, ComputeResources: in,
		})
		s.must(err)
		s.maxVCPU[name] = int64(max) * 1000
	}
	environment("ondemand", types.CRTypeEc2, pick[int32](r, 4, 8, 16), "m5.large", "m5.xlarge")
	environment("spot", types.CRTypeSpot, pick[int32](r, 4, 8, 24), "c5.xlarge", "m5.large", "m5.2xlarge")
	environment("fargate", types.CRTypeFargate, pick[int32](r, 2, 8))
	_, err := s.CreateSchedulingPolicy(s.t.Context(), &awsbatch.CreateSchedulingPolicyInput{
		Name: ptr("shares"), FairsharePolicy: &types.FairsharePolicy{
			ShareDistribution: []types.ShareAttributes{{ShareIdentifier: ptr("red"), WeightFactor: ptr(float32(0.5))}},
		},
	})
	s.must(err)
	queue := func(name string, priority int32, policy *string, envs ...string) {
		in := &awsbatch.CreateJobQueueInput{JobQueueName: &name, Priority: &priority, SchedulingPolicyArn: policy}
		for i, env := range envs {
			in.ComputeEnvironmentOrder = append(in.ComputeEnvironmentOrder,
				types.ComputeEnvironmentOrder{ComputeEnvironment: ptr(env), Order: ptr(int32(i))})
		}
		_, err := s.CreateJobQueue(s.t.Context(), in)
		s.must(err)
	}
	queue("urgent", 10, nil, "ondemand")
	queue("cheap", 1, nil, "spot", "ondemand")
	queue("shared", 5, ptr(s.Account().ARN("scheduling-policy", "shares")), "ondemand", "spot")
	queue("serverless", 1, nil, "fargate")
	define := func(name, vcpus, mib, command string, fargate bool) {
		in := &awsbatch.RegisterJobDefinitionInput{
			JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
			ContainerProperties: &types.ContainerProperties{
				Image: ptr("busybox"), Command: []string{command}, ResourceRequirements: need(vcpus, mib),
			},
		}
		if fargate {
			in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
			in.ContainerProperties.ExecutionRoleArn = ptr("arn:aws:iam::123456789012:role/exec")
		}
		_, err := s.RegisterJobDefinition(s.t.Context(), in)
		s.must(err)
	}
	define("small", "1", "1024", "work", false)
	define("medium", "2", "3000", "work", false)
	define("large", "4", "8192", "work", false)
	define("forever", "1", "512", "forever", false)
	define("task", "0.5", "1024", "work", true)
}

// Account is the account that the storm is in.
func (s *storm) Account() batch.Account { return s.Home.Account }

// something is what a client does next.
func (s *storm) something() {
	switch roll := s.work.IntN(100); {
	case roll < 75 || len(s.jobs) == 0:
		s.submit()
	case roll < 95:
		s.stop()
	default:
		s.update()
	}
	s.turn()
}

// call makes a client's call, again and again until it is answered, as SDKs do. The
// answer of an operation that refuses is returned.
func (s *storm) call(operation func(context.Context) error) error {
	s.called++
	ctx := invocation.With(s.t.Context(), fmt.Sprintf("call-%d", s.called))
	const tries = 1000
	for range tries {
		var err error
		s.doing(func() { err = operation(ctx) })
		var refused *batch.Error
		if err == nil || errors.As(err, &refused) {
			return err
		}
		s.moveTo(s.now.Add(time.Second))
	}
	s.t.Fatalf("a call was not answered in %d tries", tries)
	return nil
}

func (s *storm) submit() {
	r := s.work
	in := &awsbatch.SubmitJobInput{JobName: ptr(fmt.Sprintf("job-%d", len(s.jobs)))}
	in.JobQueue = ptr(pick(r, "urgent", "cheap", "cheap", "shared", "serverless"))
	in.JobDefinition = ptr(pick(r, "small", "small", "medium", "large", "forever"))
	switch *in.JobQueue {
	case "serverless":
		in.JobDefinition = ptr("task")
	case "shared":
		in.ShareIdentifier, in.SchedulingPriorityOverride = ptr(pick(r, "red", "green", "blue")), ptr(r.Int32N(3))
	}
	if *in.JobDefinition == "forever" || r.IntN(6) == 0 {
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: ptr(60 + r.Int32N(120))}
	}
	if r.IntN(2) == 0 {
		in.RetryStrategy = &types.RetryStrategy{Attempts: ptr(1 + r.Int32N(4))}
		if r.IntN(2) == 0 {
			in.RetryStrategy.EvaluateOnExit = []types.EvaluateOnExit{
				{OnStatusReason: ptr("Host EC2*"), Action: types.RetryActionRetry},
				{OnExitCode: ptr("137"), Action: types.RetryActionRetry},
				{OnReason: ptr("*"), Action: types.RetryActionExit},
			}
		}
	}
	size := 0
	if r.IntN(3) == 0 {
		size = 2 + r.IntN(pick(r, 4, 30, 120))
		in.ArrayProperties = &types.ArrayProperties{Size: ptr(int32(size))}
		s.gate(in, &size)
	}
	for len(s.jobs) > 0 && r.IntN(3) == 0 {
		on := s.jobs[r.IntN(len(s.jobs))]
		id := on.id
		if on.size > 0 && r.IntN(3) == 0 {
			id = batch.ChildID(id, r.IntN(on.size))
		}
		in.DependsOn = append(in.DependsOn, types.JobDependency{JobId: &id})
	}
	var out *awsbatch.SubmitJobOutput
	s.must(s.call(func(ctx context.Context) (err error) {
		out, err = s.SubmitJob(ctx, in)
		return err
	}))
	s.jobs = append(s.jobs, &submitted{id: *out.JobId, size: size, in: in})
}

// gate makes some arrays wait child by child.
func (s *storm) gate(in *awsbatch.SubmitJobInput, size *int) {
	r := s.work
	if r.IntN(4) == 0 {
		in.DependsOn = append(in.DependsOn, types.JobDependency{Type: types.ArrayJobDependencySequential})
	}
	for _, j := range s.jobs {
		if j.size > 0 && r.IntN(4) == 0 && (len(in.DependsOn) == 0 || j.size == *size) {
			*size = j.size
			in.ArrayProperties.Size = ptr(int32(j.size))
			in.DependsOn = append(in.DependsOn, types.JobDependency{Type: types.ArrayJobDependencyNToN, JobId: ptr(j.id)})
		}
	}
}

// stop cancels or terminates a job, an array or a child.
func (s *storm) stop() {
	r := s.work
	on := s.jobs[max(0, len(s.jobs)-1-r.IntN(min(10, len(s.jobs))))]
	stop := stopAsked{id: on.id, cancel: r.IntN(2) == 0, reason: fmt.Sprintf("enough, call %d", s.called)}
	if on.size > 0 && r.IntN(2) == 0 {
		stop.id = batch.ChildID(on.id, r.IntN(on.size))
	}
	stop.before = s.stored(stop.id)
	s.must(s.call(func(ctx context.Context) (err error) {
		if stop.cancel {
			_, err = s.CancelJob(ctx, &awsbatch.CancelJobInput{JobId: &stop.id, Reason: &stop.reason})
		} else {
			_, err = s.TerminateJob(ctx, &awsbatch.TerminateJobInput{JobId: &stop.id, Reason: &stop.reason})
		}
		return err
	}))
	s.stops = append(s.stops, stop)
}

// update changes an environment: it may take more, its hosts are made of something
// else, or it rests for a minute.
func (s *storm) update() {
	name := pick(s.work, "ondemand", "spot")
	set := func(in *awsbatch.UpdateComputeEnvironmentInput) {
		in.ComputeEnvironment = &name
		s.must(s.call(func(ctx context.Context) error {
			_, err := s.UpdateComputeEnvironment(ctx, in)
			return err
		}))
	}
	switch s.work.IntN(3) {
	case 0:
		more := int32(s.maxVCPU[name]/1000) + 4
		s.maxVCPU[name] = int64(more) * 1000
		set(&awsbatch.UpdateComputeEnvironmentInput{ComputeResources: &types.ComputeResourceUpdate{MaxvCpus: &more}})
	case 1:
		set(&awsbatch.UpdateComputeEnvironmentInput{
			ComputeResources: &types.ComputeResourceUpdate{ImageId: ptr(fmt.Sprintf("ami-%d", s.called))},
			UpdatePolicy: &types.UpdatePolicy{
				TerminateJobsOnUpdate: ptr(s.work.IntN(2) == 0), JobExecutionTimeoutMinutes: ptr(1 + s.work.Int64N(10)),
			},
		})
	default:
		set(&awsbatch.UpdateComputeEnvironmentInput{State: types.CEStateDisabled})
		s.advance(time.Minute)
		set(&awsbatch.UpdateComputeEnvironmentInput{State: types.CEStateEnabled})
	}
}

// mend is what the owner of an environment does that is INVALID: three hosts in a row may
// have failed to join by chance.
func (s *storm) mend() {
	for _, name := range slices.Sorted(maps.Keys(s.maxVCPU)) {
		env, err := s.truth.Environment(s.t.Context(), name)
		s.must(err)
		if env.Detail.Status == types.CEStatusInvalid {
			_, err := s.UpdateComputeEnvironment(s.t.Context(), &awsbatch.UpdateComputeEnvironmentInput{
				ComputeEnvironment: &name, State: types.CEStateEnabled,
			})
			s.must(err)
		}
	}
}

// deleteQueue deletes a queue with all that is in it.
func (s *storm) deleteQueue(name string) {
	s.deleted = name
	s.must(s.call(func(ctx context.Context) error {
		_, err := s.UpdateJobQueue(ctx, &awsbatch.UpdateJobQueueInput{JobQueue: &name, State: types.JQStateDisabled})
		return err
	}))
	err := s.call(func(ctx context.Context) error {
		_, err := s.DeleteJobQueue(ctx, &awsbatch.DeleteJobQueueInput{JobQueue: &name})
		return err
	})
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return // the answer to the first call was lost
	}
	s.must(err)
}
