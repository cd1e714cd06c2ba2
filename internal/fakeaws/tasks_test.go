package fakeaws_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestTaskRunsItsCommand(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	definition := w.define("script", "/bin/sh", "-c", `echo "one $NAME"; echo two >&2; exit 3`)
	in := on(w.host(), definition)
	in.StartedBy = aws.String("job-1")
	in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{
		Name: aws.String("default"), Environment: []ecstypes.KeyValuePair{{Name: aws.String("NAME"), Value: aws.String("x y")}}}}}
	arn := w.run(in)
	got := w.reaches(arn, "STOPPED")
	if c := got.Containers[0]; c.ExitCode == nil || *c.ExitCode != 3 {
		t.Errorf("exit code = %v, want 3", c.ExitCode)
	}
	if got.StopCode != ecstypes.TaskStopCodeEssentialContainerExited || *got.StoppedReason != "Essential container in task exited" {
		t.Errorf("it stopped with %s, %q", got.StopCode, *got.StoppedReason)
	}
	if got.StartedAt == nil || got.StoppedAt.Before(*got.StartedAt) || *got.StartedBy != "job-1" {
		t.Errorf("it ran from %v to %v for %q, want both times, in order, for job-1", got.StartedAt, got.StoppedAt, *got.StartedBy)
	}
	if lines := texts(w.cloud.LogLines(logGroup, stream(arn))); !slices.Equal(lines, []string{"one x y", "two"}) {
		t.Errorf("log lines = %q", lines)
	}
}

func TestStopTaskTerminatesThenKills(t *testing.T) {
	tests := map[string]struct {
		script string
		want   int32
	}{
		"one that listens ends as it likes": {`trap "exit 7" TERM; echo up; while :; do sleep 0.01; done`, 7},
		"one that does not is terminated":   {`echo up; exec sleep 60`, 143},
		"one that refuses is killed":        {`trap "" TERM; echo up; while :; do sleep 0.01; done`, 137},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{}).furnish()
			arn := w.run(on(w.host(), w.define("script", "/bin/sh", "-c", test.script)))
			w.until("it is up", func() bool { return len(w.cloud.LogLines(logGroup, stream(arn))) > 0 })
			must[*ecs.StopTaskOutput](t)(w.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("c"), Task: &arn, Reason: aws.String("enough")}))
			got := w.reaches(arn, "STOPPED")
			if *got.Containers[0].ExitCode != test.want || got.StopCode != ecstypes.TaskStopCodeUserInitiated || *got.StoppedReason != "enough" {
				t.Errorf("exit code %d, %s, %q; want %d, UserInitiated, enough", *got.Containers[0].ExitCode, got.StopCode, *got.StoppedReason, test.want)
			}
		})
	}
}

func TestTerminatedHostTakesItsTasksAlong(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	host := w.host()
	arn := w.run(on(host, w.define("sleep", "sleep", "60")))
	w.reaches(arn, "RUNNING")
	must[*ec2.TerminateInstancesOutput](t)(w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{host}}))
	got := w.reaches(arn, "STOPPED")
	if want := "Host EC2 (instance " + host + ") terminated."; *got.StoppedReason != want || got.StopCode != ecstypes.TaskStopCodeTerminationNotice {
		t.Errorf("it stopped with %s, %q; want TerminationNotice, %q", got.StopCode, *got.StoppedReason, want)
	}
	if got.Containers[0].ExitCode != nil {
		t.Errorf("exit code = %d of a container that was lost, want none", *got.Containers[0].ExitCode)
	}
	w.until("the host is gone", func() bool { return len(w.cloud.Alive()) == 0 && w.agent(host) == nil })
}
