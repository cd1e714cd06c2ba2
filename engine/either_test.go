package engine_test

import (
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// either gives a world a queue "e" on Fargate and on EC2 together, and a definition "f"
// for Fargate, of 1 vCPU and 2 GiB.
func (w *world) either(choice string) {
	w.t.Helper()
	w.environment("f", types.CRTypeFargate, 16)
	in := &awsbatch.CreateJobQueueInput{JobQueueName: ptr("e"), Priority: ptr(int32(1)), Tags: map[string]string{batch.TagEnvironments: choice}}
	for i, env := range []string{"f", "ce"} {
		in.ComputeEnvironmentOrder = append(in.ComputeEnvironmentOrder, types.ComputeEnvironmentOrder{ComputeEnvironment: ptr(env), Order: ptr(int32(i))})
	}
	_, err := w.CreateJobQueue(w.t.Context(), in)
	w.must(err)
	w.define("f", func(in *awsbatch.RegisterJobDefinitionInput) {
		in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
		in.ContainerProperties.ExecutionRoleArn = ptr("arn:aws:iam::123456789012:role/r")
		in.ContainerProperties.ResourceRequirements = need("1", "2048")
	})
}

func onEither(definition string) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) { in.JobQueue, in.JobDefinition = ptr("e"), &definition }
}

// ranOn is the environment in which a job's last attempt ran.
func (w *world) ranOn(id string) string {
	w.t.Helper()
	j, err := w.Records.Job(w.t.Context(), id)
	w.must(err)
	switch {
	case j.Placement != nil:
		return j.Placement.Environment
	case j.Last != nil:
		return j.Last.Placement.Environment
	}
	return ""
}

func TestAQueueOnFargateAndEC2TakesWhatIsCheapest(t *testing.T) {
	cfg := minute
	cfg.BootTime = sim.Constant(time.Minute)
	w := newWorld(t, cfg, nil)
	w.either(batch.EnvironmentsCheapest)
	alone := w.submit(onEither("f"))
	w.advance(time.Second)
	w.wants(types.JobStatusRunning, alone)
	if got := w.ranOn(alone); got != "f" || w.hosts("ce") != 0 {
		t.Errorf("a short job runs on %q with %d hosts up, want it on Fargate", got, w.hosts("ce"))
	}
	// A host that stays anyway.
	_, err := w.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{
		ComputeEnvironment: ptr("ce"), ComputeResources: &types.ComputeResourceUpdate{MinvCpus: ptr(int32(4))},
	})
	w.must(err)
	w.advance(2 * time.Minute)
	beside := w.submit(onEither("f"))
	w.advance(time.Second)
	w.wants(types.JobStatusRunning, beside)
	if got := w.ranOn(beside); got != "ce" {
		t.Errorf("a job runs on %q while a host stays up anyway, want it on that host", got)
	}
	w.advance(10 * time.Minute)
	w.wants(types.JobStatusSucceeded, alone, beside)
	w.check()
}

// What Fargate alone has stays there, and jobs for EC2 never go to Fargate.
func TestWhatCannotRunOnHostsStaysOnFargate(t *testing.T) {
	w := newWorld(t, minute, nil)
	w.either(batch.EnvironmentsSoonest)
	w.define("disk", func(in *awsbatch.RegisterJobDefinitionInput) {
		in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
		in.ContainerProperties.ExecutionRoleArn = ptr("arn:aws:iam::123456789012:role/r")
		in.ContainerProperties.ResourceRequirements = need("1", "2048")
		in.ContainerProperties.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: ptr(int32(100))}
	})
	hosted := w.submit(onEither("d"))
	w.advance(time.Second)
	disk, plain := w.submit(onEither("disk")), w.submit(onEither("f"))
	w.advance(time.Second)
	w.wants(types.JobStatusRunning, hosted, disk, plain)
	for id, want := range map[string]string{hosted: "ce", disk: "f", plain: "ce"} {
		if got := w.ranOn(id); got != want {
			t.Errorf("it runs on %q, want %q", got, want)
		}
	}
}
