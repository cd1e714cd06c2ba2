package fakeaws_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// insist calls until a call succeeds: what a careful caller does. Tokens make it safe.
func insist[In, Out any](w *world, call func(In) (Out, error), in In) Out {
	w.Helper()
	const most = 20
	for range most - 1 {
		if out, err := call(in); err == nil {
			return out
		}
	}
	return must[Out](w)(call(in))
}

// TestCarefulCallersGetThrough runs jobs for a caller that repeats what fails, with a
// token for each thing it wants, in a cloud where every call fails twice: once before
// and once after its effect. Everything happens once all the same.
func TestCarefulCallersGetThrough(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Seed: 11}).furnish()
	w.cloud.SetFaults(fakeaws.Faults{
		FailOnce: fakeaws.FailCall, EventLost: 0.2, EventDoubled: 0.2, EventLate: 0.2,
		Lag: fakeaws.Between{High: 5 * time.Second}, Shortages: []fakeaws.Shortage{{Zone: "us-east-1a"}},
	})
	fleet := w.fleet()
	fleet.ClientToken = aws.String("hosts")
	fleet.LaunchTemplateConfigs[0].Overrides = append(fleet.LaunchTemplateConfigs[0].Overrides, override("m5.large", w.cloud.Subnets()[1]))
	fleet.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(2)
	launch := func(in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error) {
		return w.ec2.CreateFleet(t.Context(), in)
	}
	launched := insist(w, launch, fleet)
	if n := w.cloud.Launched(); n != 2 || len(launched.Errors) != 1 {
		t.Fatalf("%d instances were launched with errors %s, want 2 and one for the zone that is short", n, asJSON(launched.Errors))
	}

	const jobs = 40
	run := func(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) { return w.ecs.RunTask(t.Context(), in) }
	for n := range jobs {
		name := fmt.Sprint("job-", n)
		in := &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("echo"), StartedBy: &name, ClientToken: &name}
		w.until("job has room", func() bool {
			out, err := run(in)
			return err == nil && len(out.Tasks) == 1
		})
	}
	w.until("all have ended", func() bool { return len(w.cloud.Running()) == 0 })
	if twice := w.cloud.StartedTwice(); len(twice) != 0 || len(w.cloud.Runs()) != jobs {
		t.Errorf("%d commands ran, twice %v; want %d, each once", len(w.cloud.Runs()), twice, jobs)
	}
	for _, use := range w.cloud.Uses() {
		if !use.Fits() {
			t.Errorf("%+v: more than it has", use)
		}
	}
	end := func(in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
		return w.ec2.TerminateInstances(t.Context(), in)
	}
	insist(w, end, &ec2.TerminateInstancesInput{InstanceIds: w.cloud.Alive()})
	w.until("no host remains", func() bool { return len(w.cloud.Alive()) == 0 })
}
