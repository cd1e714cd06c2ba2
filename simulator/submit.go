package simulator

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/simulator/policy"
)

// maxAttempts lets jobs run again that were lost with a host: as often as AWS Batch
// allows.
const maxAttempts = 10

// arrivals submits the jobs whose time has come, and returns how many.
func (r *run) arrivals(ctx context.Context) (n int, err error) {
	for ; r.arrived < len(r.Workload.Jobs); n++ {
		i := r.arrived
		if epoch.Add(r.Workload.Jobs[i].Arrival).After(r.now) {
			break
		}
		r.arrived++
		if !r.books.arrive(r.at(), i) {
			continue // a job that it waits for has failed
		}
		if err := r.submit(ctx, i); err != nil {
			return n, fmt.Errorf("job %q: %w", r.Workload.Jobs[i].ID, err)
		}
	}
	return n, nil
}

func (r *run) submit(ctx context.Context, i int) error {
	j := &r.Workload.Jobs[i]
	need := r.books.jobs[i].need
	def, err := r.definition(ctx, j.Definition, need)
	if err != nil {
		return err
	}
	in := &awsbatch.SubmitJobInput{JobName: aws.String("job"), JobQueue: &j.Queue, JobDefinition: &def}
	if r.fair[j.Queue] {
		share := j.Share
		if share == "" {
			share = defaultShare
		}
		in.ShareIdentifier, in.SchedulingPriorityOverride = &share, aws.Int32(j.Priority)
	}
	for _, on := range j.After {
		// One that has ended may be purged already.
		if !r.books.jobs[on].ended {
			in.DependsOn = append(in.DependsOn, types.JobDependency{JobId: aws.String(jobID(int(on)))})
		}
	}
	r.newJob = i
	_, err = r.SubmitJob(ctx, in)
	r.newJob = -1
	return err
}

// defaultShare is the share of jobs without one in a fair-share queue.
const defaultShare = "default"

// definition returns the job definition of a kind of work with a need, and registers it
// when it is new.
func (r *run) definition(ctx context.Context, kind string, need batch.Resources) (string, error) {
	key := kind + " " + need.String()
	n, known := r.defs[key]
	if !known {
		n = len(r.defs)
		r.defs[key] = n
	}
	if kind == "" {
		kind = "job"
	}
	// A definition's name has at most 128 characters.
	name := kind[:min(len(kind), 100)] + "-" + strconv.Itoa(n)
	if known {
		return name, nil
	}
	reqs := []types.ResourceRequirement{
		{Type: types.ResourceTypeVcpu, Value: aws.String(batch.FormatVCPU(need.MilliVCPU))},
		{Type: types.ResourceTypeMemory, Value: aws.String(strconv.FormatInt(need.MemoryMiB, 10))},
	}
	if need.GPUs > 0 {
		reqs = append(reqs, types.ResourceRequirement{Type: types.ResourceTypeGpu, Value: aws.String(strconv.FormatInt(need.GPUs, 10))})
	}
	in := &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{Image: aws.String("simulated"), Command: []string{"run"}, ResourceRequirements: reqs},
		RetryStrategy:       &types.RetryStrategy{Attempts: aws.Int32(maxAttempts)},
		SchedulingPriority:  aws.Int32(0),
	}
	if _, either := fargateSize(&r.Policy, need); either || r.Policy.Market == policy.Fargate {
		in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
		in.ContainerProperties.ExecutionRoleArn = aws.String(role)
	}
	_, err := r.RegisterJobDefinition(ctx, in)
	return name, err
}

// The ids of jobs and hosts are those of a run, and say which job of the workload or
// which host it is: chance is drawn by them.
const (
	jobPrefix  = "00000000-0000-4000-8000-"
	hostPrefix = "00000000-0000-4000-9000-"
)

func jobID(i int) string { return jobPrefix + hex12(i) }

func hex12(n int) string { return fmt.Sprintf("%012x", n) }

// newID is home.Parts.NewID.
func (r *run) newID() string {
	if r.newJob >= 0 {
		return jobID(r.newJob)
	}
	r.hosts++
	return hostPrefix + hex12(r.hosts)
}

// numberOf is the number in an id; false for one that is not of its kind.
func numberOf(prefix, id string) (int, bool) {
	if len(id) != len(prefix)+12 || id[:len(prefix)] != prefix {
		return 0, false
	}
	n, err := strconv.ParseUint(id[len(prefix):], 16, 48)
	return int(n), err == nil
}
