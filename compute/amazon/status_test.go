package amazon

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// ecsTask is a task of ours that runs on a host; change says what is different.
func ecsTask(change func(*types.Task)) types.Task {
	started := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	t := types.Task{
		TaskArn:              new("arn:aws:ecs:us-east-1:123456789012:task/blue/c13b4cb40f1f4fe4a2971f76ae5a47ad"),
		ClusterArn:           new("arn:aws:ecs:us-east-1:123456789012:cluster/blue"),
		TaskDefinitionArn:    new("arn:aws:ecs:us-east-1:123456789012:task-definition/packhorse-main-align:3"),
		ContainerInstanceArn: new("arn:aws:ecs:us-east-1:123456789012:container-instance/blue/04f8c17d29e04711aa74852654e477ec"),
		StartedBy:            new("0123456789abcdef0123456789abcdef"), LastStatus: new("RUNNING"), StartedAt: &started, Version: 4,
		Containers: []types.Container{{Name: new("default")}},
		Tags: ecsTags(map[string]string{
			tagJob: "0190a0b0-0000-7000-8000-000000000001:7", tagAttempt: "2", tagHost: "h-1", tagInstance: "i-0123456789abcdef0",
		}),
	}
	change(&t)
	return t
}

func TestStatusOfARunningTask(t *testing.T) {
	got := statusOf(ecsTask(func(*types.Task) {}))
	if got.ID != "0123456789abcdef0123456789abcdef" || got.Ref != "c13b4cb40f1f4fe4a2971f76ae5a47ad" || got.Host != "h-1" ||
		got.JobID != "0190a0b0-0000-7000-8000-000000000001:7" || got.Attempt != 2 || got.Version != 4 {
		t.Errorf("status %+v does not say whose attempt it is", got)
	}
	if got.State != compute.TaskRunning || got.StartedAt.IsZero() {
		t.Errorf("state %s, started %v; want RUNNING", got.State, got.StartedAt)
	}
}

func TestStates(t *testing.T) {
	for status, want := range map[string]compute.TaskState{
		"PROVISIONING": compute.TaskPending, "PENDING": compute.TaskPending, "ACTIVATING": compute.TaskPending, "RUNNING": compute.TaskRunning,
		"DEACTIVATING": compute.TaskRunning, "STOPPING": compute.TaskRunning, "DEPROVISIONING": compute.TaskRunning, "STOPPED": compute.TaskStopped,
	} {
		got := statusOf(ecsTask(func(task *types.Task) {
			task.LastStatus = &status
			if want == compute.TaskPending {
				task.StartedAt = nil
			}
		}))
		if got.State != want {
			t.Errorf("state of %s = %s, want %s", status, got.State, want)
		}
	}
	if got := statusOf(ecsTask(func(task *types.Task) { task.LastStatus, task.StartedAt = new("STOPPING"), nil })); got.State != compute.TaskPending {
		t.Errorf("state of a task that stops before it ran = %s, want PENDING", got.State)
	}
}

func TestStops(t *testing.T) {
	const lost = "Host EC2 (instance i-0123456789abcdef0) terminated."
	tests := map[string]struct {
		change      func(*types.Task)
		code        compute.StopCode
		reason      string
		exit        bool   // the exit code is told
		ofContainer string // reason of the container
	}{
		"its container ended": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.Containers[0].ExitCode = "EssentialContainerExited", new("Essential container in task exited"), new(int32(3))
		}, compute.StopEssentialExited, "Essential container in task exited", true, ""},
		"the memory was too small": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.Containers[0].ExitCode = "EssentialContainerExited", new("Essential container in task exited"), new(int32(137))
			task.Containers[0].Reason = new("OutOfMemoryError: Container killed due to memory usage")
		}, compute.StopEssentialExited, "Essential container in task exited", true, "OutOfMemoryError: Container killed due to memory usage"},
		"the image is not there": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.StartedAt = "TaskFailedToStart", new("Task failed to start"), nil
			task.Containers[0].Reason = new("CannotPullContainerError: pull access denied")
		}, compute.StopFailedToStart, "Task failed to start", false, "CannotPullContainerError: pull access denied"},
		"a secret is not there, which is said of the task only": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.StartedAt = "TaskFailedToStart", new("ResourceInitializationError: unable to pull secrets"), nil
		}, compute.StopFailedToStart, "ResourceInitializationError: unable to pull secrets", false, "ResourceInitializationError: unable to pull secrets"},
		"StopTask was called": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.Containers[0].ExitCode = "UserInitiated", new("Terminated by ada"), new(int32(143))
		}, compute.StopUser, "Terminated by ada", true, ""},
		"its host ended": {func(task *types.Task) {
			task.StoppedReason, task.Containers[0].ExitCode = new(lost), new(int32(137))
		}, compute.StopHostLost, lost, false, ""},
		"its host ended before it ran": {func(task *types.Task) {
			task.StopCode, task.StoppedReason, task.StartedAt = "TaskFailedToStart", new(lost), nil
		}, compute.StopHostLost, lost, false, ""},
		"a Spot host was taken back": {func(task *types.Task) {
			task.StopCode, task.StoppedReason = "SpotInterruption", new("Your Spot Task was interrupted.")
		}, compute.StopHostLost, lost, false, ""},
		"a Fargate Spot task was taken back": {func(task *types.Task) {
			task.StopCode, task.StoppedReason = "TerminationNotice", new("Your Spot Task was interrupted.")
			task.ContainerInstanceArn, task.Tags = nil, ecsTags(map[string]string{tagJob: "j", tagAttempt: "1"})
		}, compute.StopHostLost, "Your Spot Task was interrupted.", false, ""},
		"the hardware of Fargate failed": {func(task *types.Task) {
			task.StopCode, task.StoppedReason = "InfrastructureHealth", new("infrastructure")
		}, compute.StopHostLost, lost, false, ""},
		"ECS does not say why, and it ended": {func(task *types.Task) {
			task.Containers[0].ExitCode = new(int32(0))
		}, compute.StopEssentialExited, "Essential container in task exited", true, ""},
		"ECS does not say why, and it never ran":  {func(task *types.Task) { task.StartedAt = nil }, compute.StopFailedToStart, "Task failed to start", false, "Task failed to start"},
		"ECS does not say why, and nothing ended": {func(*types.Task) {}, compute.StopHostLost, lost, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := ecsTask(func(task *types.Task) {
				task.LastStatus, task.StoppedAt = new("STOPPED"), new(task.StartedAt.Add(time.Minute))
				test.change(task)
			})
			got := statusOf(task)
			if got.State != compute.TaskStopped || got.StopCode != test.code || got.Reason != test.reason || got.StoppedAt.IsZero() {
				t.Errorf("it stopped at %v with %s, %q; want %s, %q", got.StoppedAt, got.StopCode, got.Reason, test.code, test.reason)
			}
			if c := got.Containers[0]; (c.ExitCode != nil) != test.exit || c.Reason != test.ofContainer {
				t.Errorf("its container has an exit code: %t, and reason %q; want %t, %q", c.ExitCode != nil, c.Reason, test.exit, test.ofContainer)
			}
		})
	}
}

func TestContainersComeInTheOrderOfTheTask(t *testing.T) {
	got := statusOf(ecsTask(func(task *types.Task) {
		task.Containers = []types.Container{{Name: new("aws-guardduty-agent-x1")}, {Name: new("side")}, {Name: new("main")}}
		task.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: new("main")}, {Name: new("side")}}}
	}))
	if len(got.Containers) != 2 || got.Containers[0].Name != "main" || got.Containers[1].Name != "side" {
		t.Errorf("containers %+v, want main and side: the third one is AWS's own", got.Containers)
	}
}

func TestATaskWithoutOurTagsIsNobodys(t *testing.T) {
	got := statusOf(ecsTask(func(task *types.Task) {
		task.Tags, task.TaskDefinitionArn = nil, new("arn:aws:ecs:us-east-1:123456789012:task-definition/web:1")
		task.Overrides = &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
			Name: new("web"), Environment: []types.KeyValuePair{{Name: new("AWS_BATCH_JOB_ID"), Value: new("another-batch")}},
		}}}
	}))
	if got.JobID != "" {
		t.Errorf("job %q, want none", got.JobID)
	}
}
