package engine_test

import (
	"regexp"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// steady gives a world an environment of many m5.xlarge with tags, and a queue "s" on it,
// and submits a job of a host's size to it every 20 seconds for half an hour, then more until one
// has to wait; each runs for ten minutes. It returns how many hosts were launched, whether
// the last job told that room is expected, and the plan of the queue then.
func (w *world) steady(tags map[string]string) (launched int, told bool, plan *batch.QueuePlan) {
	w.t.Helper()
	_, err := w.CreateComputeEnvironment(w.t.Context(), &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: ptr("steady"), Type: types.CETypeManaged, Tags: tags,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeEc2, MinvCpus: ptr(int32(0)), MaxvCpus: ptr(int32(4000)), InstanceTypes: []string{"m5.xlarge"},
			Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}, InstanceRole: ptr("ecsInstanceRole"),
		},
	})
	w.must(err)
	w.queue("s", 1, "steady")
	w.define("whole", func(in *awsbatch.RegisterJobDefinitionInput) {
		in.ContainerProperties.ResourceRequirements = need("4", "8192")
	})
	expected := regexp.MustCompile(`Room is expected soon; at \d\d:\d\d:\d\dZ a host is launched\.`)
	var ids []string
	submit := func() {
		ids = append(ids, w.submit(func(in *awsbatch.SubmitJobInput) { in.JobQueue, in.JobDefinition = ptr("s"), ptr("whole") }))
	}
	for range 90 {
		submit()
		w.advance(20 * time.Second)
	}
	for last := ""; last != string(types.JobStatusRunnable); {
		submit()
		w.advance(2 * time.Second) // reasons are written once a second
		job := w.job(ids[len(ids)-1])
		last, told = string(job.Status), expected.MatchString(text(job.StatusReason))
	}
	plan, err = w.Engine.PlanQueue(w.t.Context(), "s")
	w.must(err)
	w.advance(15 * time.Minute)
	w.wants(types.JobStatusSucceeded, ids...)
	return w.sim.Ledger().HostsLaunched, told, plan
}

func TestJobsWaitForRoomWhereJobsEndAllTheTime(t *testing.T) {
	ten := sim.Config{BootTime: sim.Constant(time.Minute), RunTime: func(compute.Task) time.Duration { return 10 * time.Minute }}
	at := func(usd string) (launched int, told bool, plan *batch.QueuePlan) {
		return newWorld(t, ten, nil).steady(map[string]string{batch.TagWaitUSDPerHour: usd})
	}
	launched, told, plan := at("0.05")
	if !told {
		t.Error("the last job does not tell that room is expected")
	}
	if e := plan.Environments[0]; len(e.ForRoom) != 1 || e.ForRoom[0].Vcpus != 4 || e.ForRoom[0].Count < 1 || e.ForRoom[0].Count > e.Waits || e.ForRoom[0].Until <= plan.At {
		t.Errorf("the plan of the queue is %+v, want that it says which jobs wait for room, and until when", e)
	}
	dear, never, plan := at("1000")
	if e := plan.Environments[0]; len(e.ForRoom) != 0 {
		t.Errorf("the plan of the queue is %+v, want that no job waits for room", e)
	}
	if never {
		t.Error("it waits for room although that costs more than any host")
	}
	if launched >= dear {
		t.Errorf("%d hosts were launched, and %d where nobody waits: want fewer", launched, dear)
	}
}
