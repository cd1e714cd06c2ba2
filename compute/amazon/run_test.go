package amazon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// hostTask is a task that ends at once on a host; change says what is different.
func hostTask(n int, host string, change func(*compute.Task)) compute.Task {
	c := shell("exit 0")
	c.Name, c.Need = "default", batch.Resources{MilliVCPU: 100, MemoryMiB: 32}
	c.LogStream = "hello/default/" + fmt.Sprint(n)
	c.Env = []compute.EnvVar{{Name: "AWS_BATCH_JOB_ID", Value: fmt.Sprintf("job-%d", n)}, {Name: "AWS_BATCH_JOB_ATTEMPT", Value: "1"}}
	t := compute.Task{
		ID: fmt.Sprintf("%032x", n), JobID: fmt.Sprintf("job-%d", n), Attempt: 1, Cluster: "computetest", Host: host, Definition: "hello:1",
		Containers: []compute.Container{c},
	}
	change(&t)
	return t
}

// fargateTask is a task that ends at once on Fargate.
func fargateTask(n int, change func(*compute.Task)) compute.Task {
	return hostTask(n, "", func(t *compute.Task) {
		t.Containers[0].Need = batch.Resources{MilliVCPU: 250, MemoryMiB: 512}
		t.Elsewhere = compute.Elsewhere{Environment: "spot-or-not", Settings: &types.ComputeResource{Type: types.CRTypeFargate}}
		change(t)
	})
}

func asIs(*compute.Task) {}

// mustRun runs a task.
func mustRun(t *testing.T, b *Backend, task compute.Task) {
	t.Helper()
	if err := b.Run(t.Context(), task); err != nil {
		t.Fatalf("Run(%s) = %v", task.JobID, err)
	}
}

// status waits until a task is in a state.
func (p *place) status(t *testing.T, b *Backend, id string, state compute.TaskState) compute.TaskStatus {
	t.Helper()
	var got compute.TaskStatus
	err := p.cloud.Until(t.Context(), func() bool {
		tasks, err := b.ListTasks(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tasks {
			if s.ID == id {
				got = s
			}
		}
		return got.State == state
	})
	if err != nil {
		t.Fatalf("task %s is %+v, want it %s: %v", id, got, state, err)
	}
	return got
}

func TestLongOverridesRunAll(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	p.ready(t, b, "h-1")
	long := strings.Repeat("x", maxOverrides)
	task := hostTask(1, "h-1", func(task *compute.Task) {
		c := &task.Containers[0]
		c.Command = []string{"sh", "-c", "test ${#LONG} -eq $1 && test $AWS_BATCH_JOB_ID = job-1", "sh", fmt.Sprint(len(long))}
		c.Env = append(c.Env, compute.EnvVar{Name: "LONG", Value: long})
	})
	mustRun(t, b, task)
	got := p.status(t, b, task.ID, compute.TaskStopped)
	if got.Containers[0].ExitCode == nil || *got.Containers[0].ExitCode != 0 {
		t.Errorf("it ended with %+v, want 0: the container had its variables", got)
	}
}

func TestADefinitionIsRegisteredOnceForAllProcesses(t *testing.T) {
	p := newPlace(t)
	for n := range 5 {
		mustRun(t, p.open(), fargateTask(n, asIs))
	}
	if got := p.cloud.Calls()["ecs.RegisterTaskDefinition"]; got != 1 {
		t.Errorf("RegisterTaskDefinition was called %d times, want once", got)
	}
}

func TestWhatWasRecordedAndIsGoneIsMadeAgain(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustRun(t, b, fargateTask(1, asIs))
	p.status(t, b, fargateTask(1, asIs).ID, compute.TaskStopped)
	ctx, raw := t.Context(), p.cloud.ECS()
	list, err := raw.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range list.TaskDefinitionArns {
		if _, err := raw.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, b, fargateTask(2, asIs))
	p.status(t, b, fargateTask(2, asIs).ID, compute.TaskStopped)
	if _, err := raw.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: new("computetest")}); err != nil {
		t.Fatal(err)
	}
	mustRun(t, b, fargateTask(3, asIs))
}

func TestATaskRunsOnceWhateverFails(t *testing.T) {
	for name, faults := range map[string]fakeaws.Faults{
		"each operation fails before and after its effect": {FailOnce: fakeaws.FailOperation},
		"each call fails before and after its effect":      {FailOnce: fakeaws.FailCall},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.cloud.SetFaults(faults)
			task := fargateTask(1, asIs)
			err := errors.New("not yet")
			for range 50 {
				if err = p.open().Run(t.Context(), task); err == nil { // each time by another process
					break
				}
				if !errors.Is(err, compute.ErrUnavailable) {
					t.Fatalf("Run() = %v of a call that failed, want ErrUnavailable", err)
				}
			}
			if err != nil {
				t.Fatalf("Run() = %v at last", err)
			}
			p.cloud.SetFaults(fakeaws.Faults{})
			mustRun(t, p.open(), task)
			p.status(t, p.open(), task.ID, compute.TaskStopped)
			if twice, runs := p.cloud.StartedTwice(), p.cloud.Runs(); len(twice) > 0 || len(runs) != 1 {
				t.Errorf("%d containers were started, twice: %v; want one", len(runs), twice)
			}
		})
	}
}

func TestAfterTheTokensTimeTheRecordKeepsATaskFromRunningAgain(t *testing.T) {
	c := newClock()
	p := newPlace(t, c.set)
	b := p.open()
	task := fargateTask(1, asIs)
	mustRun(t, b, task)
	p.status(t, b, task.ID, compute.TaskStopped)
	c.advance(30 * time.Minute)
	mustRun(t, p.open(), task)
	c.advance(36 * time.Hour)
	if err := p.open().Run(t.Context(), task); !errors.Is(err, compute.ErrTaskGone) {
		t.Errorf("Run() = %v of a task that ECS has forgotten, want ErrTaskGone", err)
	}
	if runs := p.cloud.Runs(); len(runs) != 1 {
		t.Errorf("%d containers were started, want one", len(runs))
	}
}

// jealous is an ECS whose tokens stand for calls also where those placed nothing.
type jealous struct {
	ECS
	mu   sync.Mutex
	seen []string
}

func (j *jealous) RunTask(ctx context.Context, in *ecs.RunTaskInput, with ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	j.mu.Lock()
	j.seen = append(j.seen, *in.ClientToken)
	first := len(j.seen) == 1
	j.mu.Unlock()
	if first {
		return nil, &ecstypes.ConflictException{Message: new("The provided clientToken is already in use with a different RunTask request.")}
	}
	return j.ECS.RunTask(ctx, in, with...)
}

func TestATokenThatPlacedNothingDoesNotHoldATaskBack(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	p.ready(t, b, "h-1")
	j := &jealous{ECS: b.ecs}
	b.ecs = j
	task := hostTask(1, "h-1", asIs)
	mustRun(t, b, task)
	p.status(t, b, task.ID, compute.TaskStopped)
	if len(j.seen) != 2 || j.seen[0] != task.ID || !strings.HasPrefix(j.seen[1], task.ID+"-") {
		t.Errorf("tokens were %v, want the task's id, then one for this host", j.seen)
	}
}

func TestAConflictWithATaskThatRunsIsNoError(t *testing.T) {
	p := newPlace(t)
	task := fargateTask(1, asIs)
	mustRun(t, p.open(), task)
	if err := p.memory.Forget(t.Context(), taskKey(task.ID)); err != nil {
		t.Fatal(err)
	}
	other := fargateTask(1, func(task *compute.Task) { task.Containers[0].Command = []string{"true"} })
	mustRun(t, p.open(), other)
	p.status(t, p.open(), task.ID, compute.TaskStopped)
	if runs := p.cloud.Runs(); len(runs) != 1 {
		t.Errorf("%d containers were started, want one", len(runs))
	}
	if !p.memory.Has(taskKey(task.ID)) {
		t.Error("the task that the token stands for was not recorded")
	}
}

func TestWhatIsWrongWithATaskIsTold(t *testing.T) {
	p := newPlace(t)
	for name, task := range map[string]compute.Task{
		"no image":                          fargateTask(1, func(task *compute.Task) { task.Containers[0].Image = "" }),
		"a size that Fargate does not have": fargateTask(2, func(task *compute.Task) { task.Containers[0].Need.MemoryMiB = 100 }),
		"a subnet that is not there": fargateTask(3, func(task *compute.Task) {
			task.Elsewhere.Settings = &types.ComputeResource{Subnets: []string{"subnet-00000000000000000"}}
		}),
	} {
		var invalid *batch.Error
		if err := p.open().Run(t.Context(), task); !errors.As(err, &invalid) || invalid.Next == "" {
			t.Errorf("%s: Run() = %v, want a *batch.Error that says what to do", name, err)
		}
	}
}

func TestFargateSpot(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	task := fargateTask(1, func(task *compute.Task) {
		task.Containers[0].Command = []string{"sleep", "1000"}
		task.Elsewhere.Settings = &types.ComputeResource{Type: types.CRTypeFargateSpot, SecurityGroupIds: []string{p.cloud.SecurityGroup()}}
		task.Elsewhere.AssignPublicIP = true
	})
	in, err := b.runInput(t.Context(), task, "", "arn", task.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	network := in.NetworkConfiguration.AwsvpcConfiguration
	if fargateOf(in.CapacityProviderStrategy) != fargateSpot || in.LaunchType != "" || network.AssignPublicIp != ecstypes.AssignPublicIpEnabled ||
		len(network.Subnets) == 0 || network.SecurityGroups[0] != p.cloud.SecurityGroup() {
		t.Errorf("the call is %+v, network %+v", in, network)
	}
	mustRun(t, b, task)
	running := p.status(t, b, task.ID, compute.TaskRunning)
	arn := fmt.Sprintf("arn:aws:ecs:%s:%s:task/computetest/%s", p.cloud.Region(), p.cloud.Account(), running.Ref)
	if err := p.cloud.InterruptTask(arn); err != nil {
		t.Fatal(err)
	}
	if got := p.status(t, b, task.ID, compute.TaskStopped); got.StopCode != compute.StopHostLost || got.Reason != "Your Spot Task was interrupted." {
		t.Errorf("it stopped with %s, %q; want %s in ECS's words", got.StopCode, got.Reason, compute.StopHostLost)
	}
}

func TestATaskIsFoundWithoutItsRecord(t *testing.T) {
	p := newPlace(t)
	task := fargateTask(1, func(task *compute.Task) { task.Containers[0].Command = []string{"sleep", "1000"} })
	mustRun(t, p.open(), task)
	p.status(t, p.open(), task.ID, compute.TaskRunning)
	if err := p.memory.Forget(t.Context(), taskKey(task.ID)); err != nil {
		t.Fatal(err)
	}
	if err := p.open().Stop(t.Context(), task.ID, strings.Repeat("because ", 1000)); err != nil {
		t.Fatalf("Stop() = %v", err)
	}
	if got := p.status(t, p.open(), task.ID, compute.TaskStopped); got.StopCode != compute.StopUser || len(got.Reason) != maxStopReason {
		t.Errorf("it stopped with %s and a reason of %d characters", got.StopCode, len(got.Reason))
	}
}

func TestAForgottenTaskIsNotDescribedAgain(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	task := fargateTask(1, asIs)
	mustRun(t, b, task)
	p.status(t, b, task.ID, compute.TaskStopped)
	if err := b.Forget(t.Context(), task.ID); err != nil {
		t.Fatal(err)
	}
	before := p.cloud.Calls()["ecs.DescribeTasks"]
	if tasks, err := b.ListTasks(t.Context()); err != nil || len(tasks) != 0 {
		t.Errorf("ListTasks() = %+v, %v; want nothing", tasks, err)
	}
	if got := p.cloud.Calls()["ecs.DescribeTasks"]; got != before {
		t.Errorf("DescribeTasks was called %d times for a task that is forgotten", got-before)
	}
}

func TestOnlyTasksOfOurClustersAreListed(t *testing.T) {
	p := newPlace(t)
	other := p.open()
	other.o.Deployment = "other"
	mustRun(t, other, fargateTask(1, func(task *compute.Task) { task.Cluster = "elsewhere" }))
	mustRun(t, p.open(), fargateTask(2, asIs))
	tasks, err := p.open().ListTasks(t.Context())
	if err != nil || len(tasks) != 1 || tasks[0].JobID != "job-2" {
		t.Errorf("ListTasks() = %+v, %v; want job-2 only", tasks, err)
	}
}

func TestAHostAndATaskCostOneCallEach(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-0"))
	p.ready(t, b, "h-0")
	mustRun(t, b, hostTask(0, "h-0", asIs))
	before := p.cloud.Calls()
	const each = 5
	for n := range each {
		mustLaunch(t, p.open(), request(fmt.Sprintf("h-%d", n+1))) // a process each, with the records only
		mustRun(t, p.open(), hostTask(n+1, "h-0", asIs))
	}
	for operation, calls := range p.cloud.Calls() {
		want := before[operation]
		if operation == "ec2.CreateFleet" || operation == "ecs.RunTask" {
			want += each
		}
		if calls != want {
			t.Errorf("%s was called %d times, want %d", operation, calls, want)
		}
	}
}

// lossy is an ECS whose first task starts while the answer is lost.
type lossy struct {
	ECS
	lost bool
}

func (l *lossy) RunTask(ctx context.Context, in *ecs.RunTaskInput, with ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	out, err := l.ECS.RunTask(ctx, in, with...)
	if err == nil && !l.lost {
		l.lost = true
		return nil, io.ErrUnexpectedEOF
	}
	return out, err
}

// The answer that a task was started is lost, and then its host takes no more.
func TestATaskWhoseAnswerWasLostIsKnownAlthoughItsHostIsNot(t *testing.T) {
	tests := map[string]struct {
		end func(ctx context.Context, b *Backend) error
	}{
		"drains":      {func(ctx context.Context, b *Backend) error { return b.Drain(ctx, "h-1") }},
		"terminated":  {func(ctx context.Context, b *Backend) error { return b.Terminate(ctx, "h-1") }},
		"as they are": {func(context.Context, *Backend) error { return nil }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			b := p.open()
			mustLaunch(t, b, request("h-1"))
			p.ready(t, b, "h-1")
			b.ecs = &lossy{ECS: b.ecs}
			task := hostTask(1, "h-1", func(task *compute.Task) { task.Containers[0].Command = []string{"sleep", "1000"} })
			if err := b.Run(t.Context(), task); !errors.Is(err, compute.ErrUnavailable) {
				t.Fatalf("Run() = %v, want ErrUnavailable: the answer was lost", err)
			}
			if err := test.end(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			mustRun(t, b, task)
			mustRun(t, p.open(), task) // by another process
			if !p.memory.Has(taskKey(task.ID)) {
				t.Error("the task was not recorded")
			}
			if twice := p.cloud.StartedTwice(); len(twice) > 0 {
				t.Errorf("started twice: %v", twice)
			}
		})
	}
}

// What ECS never had is refused, also when it is asked for again.
func TestATaskThatECSNeverHadIsRefusedOnAHostThatIsGone(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	p.ready(t, b, "h-1")
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context(), hostTask(1, "h-1", asIs)); !errors.Is(err, compute.ErrHostGone) {
		t.Errorf("Run() = %v, want ErrHostGone", err)
	}
}

// Each pass stops again what is to stop, which may be a thousand tasks and several passes a
// second. ECS is told once in a while.
func TestATaskThatECSIsStoppingIsNotStoppedAgainAtOnce(t *testing.T) {
	c := newClock()
	p := newPlace(t, c.set)
	b := p.open()
	task := fargateTask(1, func(task *compute.Task) { task.Containers[0].Command = []string{"sleep", "1000"} })
	mustRun(t, b, task)
	p.status(t, b, task.ID, compute.TaskRunning)
	stop := func(want int) {
		t.Helper()
		if err := b.Stop(t.Context(), task.ID, "enough"); err != nil {
			t.Fatalf("Stop() = %v", err)
		}
		if got := p.cloud.Calls()["ecs.StopTask"]; got != want {
			t.Errorf("StopTask was called %d times, want %d", got, want)
		}
	}
	p.cloud.SetFaults(fakeaws.Faults{CallFails: 1})
	if err := b.Stop(t.Context(), task.ID, "enough"); !errors.Is(err, compute.ErrUnavailable) {
		t.Fatalf("Stop() = %v of a call that fails, want ErrUnavailable", err)
	}
	p.cloud.SetFaults(fakeaws.Faults{})
	stop(2)
	stop(2)
	c.advance(stopAgain)
	stop(3)
}
