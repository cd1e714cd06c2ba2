package peers

import (
	"context"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// forever is more looks at a task than a test makes.
const forever = "1000000"

// From an empty account to a job on an instance, and back to an empty account.
func TestAHostIsLaunchedForAJobAndEndsAfterIt(t *testing.T) {
	s := newSite(t, forever)
	s.prepare(types.CRTypeEc2)
	id := s.submit()

	host := s.launched()
	if host.InstanceType != "m5.large" || tag(host, "packhorse:environment") != "ce" || tag(host, "packhorse:host") == "" {
		t.Errorf("instance of type %s with tags %v, want an m5.large that says what it is for", host.InstanceType, host.Tags)
	}
	if j := s.job(id); j.Status != types.JobStatusRunnable && j.Status != types.JobStatusStarting {
		t.Errorf("before the instance has joined the job is %s", j.Status)
	}
	if asked := s.witness.asked("RunTask"); len(asked) > 0 {
		t.Errorf("RunTask was called before the instance had joined: %v", asked)
	}

	cluster := s.join(host)
	j := s.become(id, types.JobStatusRunning)
	arn := s.onlyTask(cluster)
	if got := aws.ToString(j.Container.TaskArn); got != arn {
		t.Errorf("the job's taskArn is %s, want the one of ECS, %s", got, arn)
	}
	s.ranOn(*host.InstanceId)

	_, err := s.batch.TerminateJob(t.Context(), &batch.TerminateJobInput{JobId: &id, Reason: aws.String("seen enough")})
	s.check(err)
	if j := s.become(id, types.JobStatusFailed); aws.ToString(j.StatusReason) != "seen enough" {
		t.Errorf("the job failed because %q, want the reason that was given", aws.ToString(j.StatusReason))
	}
	if task := s.task(cluster, arn); aws.ToString(task.LastStatus) != "STOPPED" {
		t.Errorf("the task is %s, want it stopped", aws.ToString(task.LastStatus))
	}
	s.until("the queue to be empty", func(ctx context.Context) bool { return s.unfinished(ctx) == 0 })
	s.until("the instance to end", func(ctx context.Context) bool {
		all := s.instances(ctx)
		return len(all) == 1 && all[0].State.Name == ec2types.InstanceStateNameTerminated
	})
	s.stop()
}

// Fargate needs no instance. moto takes the task through its states, to exit code 0.
func TestAJobOnFargateSucceeds(t *testing.T) {
	s := newSite(t, "1")
	s.prepare(types.CRTypeFargate)
	j := s.become(s.submit(), types.JobStatusSucceeded)
	if code := j.Container.ExitCode; code == nil || *code != 0 {
		t.Errorf("exit code %v, want that of the container", code)
	}
	asked := s.witness.asked("RunTask")
	if len(asked) != 1 {
		t.Fatalf("RunTask was called %d times, want once: %v", len(asked), asked)
	}
	if _, ok := asked[0]["launchType"]; ok || asked[0]["capacityProviderStrategy"] == nil {
		t.Errorf("RunTask %v, want the capacity provider FARGATE", asked[0])
	}
	if all := s.instances(t.Context()); len(all) > 0 {
		t.Errorf("%d instances were launched", len(all))
	}
	s.stop()
}

// onlyTask returns the ARN of the one task in a cluster.
func (s *site) onlyTask(cluster string) string {
	s.Helper()
	out, err := s.ecs.ListTasks(s.Context(), &ecs.ListTasksInput{Cluster: &cluster})
	s.check(err)
	if len(out.TaskArns) != 1 {
		s.Fatalf("%d tasks in %s, want the one of the job", len(out.TaskArns), cluster)
	}
	return out.TaskArns[0]
}

func (s *site) task(cluster, arn string) ecstypes.Task {
	s.Helper()
	out, err := s.ecs.DescribeTasks(s.Context(), &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: []string{arn}})
	s.check(err)
	if len(out.Tasks) != 1 {
		s.Fatalf("DescribeTasks(%s) = %d tasks, want it", arn, len(out.Tasks))
	}
	return out.Tasks[0]
}

// ranOn holds RunTask to what keeps a task from running twice or elsewhere: the task's id
// as token and as startedBy, and the constraint that only its host meets.
func (s *site) ranOn(instance string) {
	s.Helper()
	asked := s.witness.asked("RunTask")
	if len(asked) == 0 {
		s.Fatal("RunTask was not called")
	}
	for _, call := range asked {
		token, _ := call["clientToken"].(string)
		if token == "" || call["startedBy"] != token || token != asked[0]["clientToken"] {
			s.Errorf("RunTask with clientToken %v and startedBy %v, want the id of the one task in both", call["clientToken"], call["startedBy"])
		}
		constraints, _ := call["placementConstraints"].([]any)
		if len(constraints) != 1 {
			s.Fatalf("RunTask with placementConstraints %v, want one", call["placementConstraints"])
		}
		constraint, _ := constraints[0].(map[string]any)
		if constraint["type"] != "memberOf" || constraint["expression"] != "ec2InstanceId == "+instance {
			s.Errorf("RunTask with the constraint %v, want instance %s", constraint, instance)
		}
		if call["count"] != 1.0 {
			s.Errorf("RunTask of %v tasks, want one", call["count"])
		}
	}
}

// stop asks the server to end, as Ctrl-C does.
func (s *site) stop() {
	s.Helper()
	s.check(s.process.Process.Signal(os.Interrupt))
	if err := s.process.Wait(); err != nil {
		s.Errorf("the server ended with %v, want no error", err)
	}
}
