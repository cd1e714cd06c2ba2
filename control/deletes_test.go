package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/store"
)

func (s *scene) disableQueue(t *testing.T, name string) {
	t.Helper()
	must[*awsbatch.UpdateJobQueueOutput](t)(s.UpdateJobQueue(t.Context(),
		&awsbatch.UpdateJobQueueInput{JobQueue: &name, State: types.JQStateDisabled}))
}

func (s *scene) disableEnvironment(t *testing.T, name string) {
	t.Helper()
	must[*awsbatch.UpdateComputeEnvironmentOutput](t)(s.UpdateComputeEnvironment(t.Context(),
		&awsbatch.UpdateComputeEnvironmentInput{ComputeEnvironment: &name, State: types.CEStateDisabled}))
}

func (s *scene) deleteQueue(t *testing.T, name string) error {
	_, err := s.DeleteJobQueue(t.Context(), &awsbatch.DeleteJobQueueInput{JobQueue: &name})
	return err
}

func (s *scene) deleteEnvironment(t *testing.T, name string) error {
	_, err := s.DeleteComputeEnvironment(t.Context(), &awsbatch.DeleteComputeEnvironmentInput{ComputeEnvironment: &name})
	return err
}

func TestDeleteAsTerraformDoes(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	s.queue(t, "q")
	s.disableQueue(t, "q")
	if err := s.deleteQueue(t, "q"); err != nil {
		t.Fatal(err)
	}
	if got := s.shownQueues(t, "q"); len(got) != 0 {
		t.Fatalf("the queue is still there: %+v", got)
	}
	s.disableEnvironment(t, "ce")
	if err := s.deleteEnvironment(t, "ce"); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.deleteEnvironment(t, "ce"), batch.CodeNotFound,
		"arn:aws:batch:eu-central-1:123456789012:compute-environment/ce does not exist")
	wantError(t, s.deleteQueue(t, "q"), batch.CodeNotFound,
		"arn:aws:batch:eu-central-1:123456789012:job-queue/q does not exist")
	s.environment(t, "ce") // the names are free again
	s.queue(t, "q")
}

func TestDeletesThatAWSRefuses(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	s.queue(t, "q")
	wantRefused(t, s.deleteQueue(t, "q"), "Cannot delete, job queue q must be DISABLED first.")
	wantRefused(t, s.deleteEnvironment(t, "ce"), "Cannot delete, found existing JobQueue relationship")
	s.environment(t, "free")
	wantRefused(t, s.deleteEnvironment(t, "free"), "Cannot delete, compute environment free must be DISABLED first.")
	s.disableEnvironment(t, "ce")
	wantRefused(t, s.deleteEnvironment(t, "ce"), "Cannot delete, found existing JobQueue relationship")
}

func TestDeletedQueueGoesWhenItsJobsHaveEnded(t *testing.T) {
	running, reasons := true, map[string]string{}
	s := newScene(t, func(c *control.Config) {
		c.EndJobs = func(_ context.Context, queue, reason string) (bool, error) {
			reasons[queue] = reason
			return running, nil
		}
	})
	s.environment(t, "ce")
	s.queue(t, "q")
	s.disableQueue(t, "q")
	for range 2 { // asking again does no harm
		if err := s.deleteQueue(t, "q"); err != nil {
			t.Fatal(err)
		}
	}
	if reasons["q"] != "JobQueue deleted" {
		t.Errorf("jobs end with reason %q, want JobQueue deleted", reasons["q"])
	}
	if got := s.shownQueues(t, "q"); len(got) != 1 || got[0].Status != types.JQStatusDeleting {
		t.Fatalf("queue with jobs = %+v, want DELETING", got)
	}
	_, err := s.UpdateJobQueue(t.Context(), &awsbatch.UpdateJobQueueInput{JobQueue: new("q"), State: types.JQStateEnabled})
	wantRefused(t, err, "Cannot update, resource is being modified")
	if err := s.FinishDeletes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.shownQueues(t, "q"); len(got) != 1 {
		t.Fatal("the queue went although a job runs")
	}
	running = false
	if err := s.FinishDeletes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.shownQueues(t, "q"); len(got) != 0 {
		t.Errorf("queue without jobs = %+v, want it gone", got)
	}
	former, err := s.records.FormerQueues(t.Context())
	if err != nil || len(former) != 1 || former[0].Name != "q" {
		t.Errorf("former queues = %v, %v, want q, whose ended jobs are still to be purged", former, err)
	}
}

func TestDeletedQueueStaysWhileTheRecordsShowJobs(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	s.queue(t, "q")
	job := batch.Job{ID: "j1", Name: "j", Queue: "q", Status: batch.Running, CreatedAt: batch.MillisOf(start)}
	if err := s.records.Write(t.Context(), s.records.PutJob(job)); err != nil {
		t.Fatal(err)
	}
	s.disableQueue(t, "q")
	if err := s.deleteQueue(t, "q"); err != nil {
		t.Fatal(err)
	}
	if len(s.shownQueues(t, "q")) != 1 {
		t.Fatal("the queue went although a job runs")
	}
	job.Version, job.Status = 1, batch.Succeeded
	if err := s.records.Write(t.Context(), s.records.PutJob(job)); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishDeletes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.shownQueues(t, "q")) != 0 {
		t.Error("the queue stays although its last job has ended")
	}
}

func TestDeletedQueueWaitsForLaggingOrderings(t *testing.T) {
	s := newScene(t, func(c *control.Config) { c.OrderingLag = time.Minute })
	s.environment(t, "ce")
	s.queue(t, "q")
	s.disableQueue(t, "q")
	if err := s.deleteQueue(t, "q"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {59 * time.Second, 1}, {time.Minute, 0}} {
		s.now = start.Add(tt.after)
		if err := s.FinishDeletes(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(s.shownQueues(t, "q")); got != tt.want {
			t.Errorf("%s after the request there are %d queues, want %d", tt.after, got, tt.want)
		}
	}
}

func TestDeletedEnvironmentGoesWithItsLastHost(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	host := store.Host{ID: "h1", Environment: "ce", State: compute.HostReady}
	if err := s.records.Write(t.Context(), s.records.PutHost(host)); err != nil {
		t.Fatal(err)
	}
	s.disableEnvironment(t, "ce")
	if err := s.deleteEnvironment(t, "ce"); err != nil {
		t.Fatal(err)
	}
	if got := s.shownEnvironment(t, "ce").Status; got != types.CEStatusDeleting {
		t.Fatalf("status = %s, want DELETING while there is a host", got)
	}
	_, err := s.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{ComputeEnvironment: new("ce"), State: types.CEStateEnabled})
	wantRefused(t, err, "Cannot update, resource is being modified")
	host.Version, host.GoneAt = 1, batch.MillisOf(start)
	if err := s.records.Write(t.Context(), s.records.MoveGone(host)...); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishDeletes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.records.Environment(t.Context(), "ce"); !store.IsNotFound(err) {
		t.Errorf("environment without hosts: %v, want it gone", err)
	}
}

func TestFinishDeletesGoesOnPastFailures(t *testing.T) {
	broken := errors.New("no answer")
	s := newScene(t, func(c *control.Config) {
		c.InUse = func(_ context.Context, kind, name string) (bool, error) {
			if name == "bad" {
				return false, broken
			}
			return kind == control.KindQueue && name == "busy", nil
		}
	})
	s.environment(t, "ce")
	for _, q := range []string{"bad", "busy", "good"} {
		s.queue(t, q)
		s.disableQueue(t, q)
		if err := s.deleteQueue(t, q); err != nil {
			t.Fatal(err) // that the rest takes time is no failure of the request
		}
	}
	if err := s.FinishDeletes(t.Context()); !errors.Is(err, broken) {
		t.Errorf("FinishDeletes = %v, want the failure of bad", err)
	}
	if got := s.shownQueues(t); len(got) != 2 {
		t.Errorf("%d queues are left, want bad and busy", len(got))
	}
}

func TestDeleteAndAttachAtTheSameMoment(t *testing.T) {
	t.Run("an environment is attached while it is deleted: it stays", func(t *testing.T) {
		s := newScene(t)
		s.environment(t, "ce")
		s.disableEnvironment(t, "ce")
		s.table.before = []func(){func() { s.queue(t, "q") }}
		wantRefused(t, s.deleteEnvironment(t, "ce"), "Cannot delete, found existing JobQueue relationship")
	})
	t.Run("an environment is deleted while it is attached: no queue comes of it", func(t *testing.T) {
		s := newScene(t)
		s.environment(t, "ce")
		s.disableEnvironment(t, "ce")
		s.table.before = []func(){func() {
			if err := s.deleteEnvironment(t, "ce"); err != nil {
				t.Fatal(err)
			}
		}}
		_, err := s.CreateJobQueue(t.Context(), newQueue("q"))
		wantError(t, err, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:compute-environment/ce does not exist")
	})
	t.Run("a policy is deleted while a queue takes it: no queue comes of it", func(t *testing.T) {
		s := newScene(t)
		s.environment(t, "ce")
		arn := s.policy(t, "fair")
		s.table.before = []func(){func() {
			must[*awsbatch.DeleteSchedulingPolicyOutput](t)(s.DeleteSchedulingPolicy(t.Context(), &awsbatch.DeleteSchedulingPolicyInput{Arn: &arn}))
		}}
		_, err := s.CreateJobQueue(t.Context(), newQueue("q", func(in *awsbatch.CreateJobQueueInput) { in.SchedulingPolicyArn = &arn }))
		wantError(t, err, batch.CodeNotFound, arn+" does not exist")
	})
	t.Run("a queue of the name comes to be meanwhile", func(t *testing.T) {
		s := newScene(t)
		s.environment(t, "ce")
		s.table.before = []func(){func() { s.queue(t, "q") }}
		_, err := s.CreateJobQueue(t.Context(), newQueue("q"))
		wantRefused(t, err, "Object already exists")
	})
}
