package triggers_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/control/triggers"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

var (
	start   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	account = batch.Account{Region: "eu-central-1", ID: "123456789012"}
)

// scene is triggers and all that they stand on, over a store in memory, with a queue
// "q", a definition "d" and a clock that the test sets.
type scene struct {
	*testing.T
	*triggers.Triggers
	control *control.Control
	jobs    *jobs.Jobs
	records *store.Records
	memory  *mem.Table
	faults  *faults
	now     time.Time
	ids     atomic.Int64
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, memory: mem.Open(), now: start}
	s.faults = &faults{Table: s.memory}
	s.records = store.New(s.faults, store.Options{})
	now := func() time.Time { return s.now }
	newID := func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.ids.Add(1)) }
	s.control = control.New(control.Config{Records: s.records, Account: account, Now: now, NewUUID: newID})
	s.jobs = &jobs.Jobs{
		Records: s.records, Lifecycle: &lifecycle.Lifecycle{Records: s.records, Now: now}, Account: account,
		Now: now, NewID: newID, Kick: func(string) {},
	}
	s.Triggers = triggers.New(triggers.Config{Records: s.records, Jobs: s.jobs, Now: now, NewID: newID})

	ctx := t.Context()
	_, err := s.control.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: new("ce"), Type: types.CETypeManaged, ServiceRole: new("arn:aws:iam::123456789012:role/r"),
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeEc2, MinvCpus: new(int32(0)), MaxvCpus: new(int32(16)), InstanceTypes: []string{"optimal"},
			InstanceRole: new("ecsInstanceRole"), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	s.must(err)
	s.queue("q", "")
	s.define("d", "run")
	return s
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// queue creates a queue, with a fair-share policy where one is named.
func (s *scene) queue(name, policy string) {
	s.Helper()
	in := &awsbatch.CreateJobQueueInput{
		JobQueueName: &name, Priority: new(int32(1)), State: types.JQStateEnabled,
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: new("ce"), Order: new(int32(1))}},
	}
	if policy != "" {
		out, err := s.control.CreateSchedulingPolicy(s.Context(), &awsbatch.CreateSchedulingPolicyInput{Name: &policy, FairsharePolicy: &types.FairsharePolicy{}})
		s.must(err)
		in.SchedulingPolicyArn = out.Arn
	}
	_, err := s.control.CreateJobQueue(s.Context(), in)
	s.must(err)
}

// enable sets the state of the queue "q".
func (s *scene) enable(state types.JQState) {
	s.Helper()
	_, err := s.control.UpdateJobQueue(s.Context(), &awsbatch.UpdateJobQueueInput{JobQueue: new("q"), State: state})
	s.must(err)
}

// define registers a revision of a definition with a command.
func (s *scene) define(name string, command ...string) {
	s.Helper()
	_, err := s.control.RegisterJobDefinition(s.Context(), &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: new("busybox"), Command: command,
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: new("1")}, {Type: types.ResourceTypeMemory, Value: new("64")},
			},
		},
	})
	s.must(err)
}

// ingest is a rule that a test changes where it is about it.
func ingest(changes ...func(*batch.Trigger)) *batch.Trigger {
	rule := &batch.Trigger{
		Name: "ingest", Bucket: "incoming", JobQueue: "q", JobDefinition: "d",
		Environment: []types.KeyValuePair{{Name: new("OBJECT"), Value: new("s3://{bucket}/{key}")}},
	}
	for _, change := range changes {
		change(rule)
	}
	return rule
}

// create keeps a rule that must be good.
func (s *scene) create(rule *batch.Trigger) {
	s.Helper()
	_, err := s.CreateTrigger(s.Context(), rule)
	s.must(err)
}

// put is the notification of an object that was put into the bucket "incoming".
func put(key, version string) string {
	return `{"Records":[` + putRecord(key, version) + `]}`
}

func putRecord(key, version string) string {
	return fmt.Sprintf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-03-01T12:00:00.000Z",
		"s3":{"bucket":{"name":"incoming"},"object":{"key":%q,"size":7,"eTag":"e-%s","versionId":%q,"sequencer":"0055AED6DCD90281E5"}}}`, key, version, version)
}

// handle serves a message that must be served.
func (s *scene) handle(body string) *batch.TriggerReport {
	s.Helper()
	report, err := s.Handle(s.Context(), []byte(body))
	s.must(err)
	return report
}

// submitted are the jobs that there are, newest first.
func (s *scene) submitted() []batch.Job {
	s.Helper()
	page, err := s.records.ListJobs(s.Context(), "q", store.Ready, store.ListRange{Limit: store.MaxPage})
	s.must(err)
	return page.Jobs
}

// request is what was submitted as the only job.
func (s *scene) request() *awsbatch.SubmitJobInput {
	s.Helper()
	all := s.submitted()
	if len(all) != 1 {
		s.Fatalf("%d jobs, want one", len(all))
	}
	spec, err := s.records.Spec(s.Context(), all[0].ID)
	s.must(err)
	return spec.Request
}

// described is a rule as it is shown.
func (s *scene) described(name string) *batch.TriggerDetail {
	s.Helper()
	d, err := s.DescribeTrigger(s.Context(), name)
	s.must(err)
	return d
}

// letters are all dead letters.
func (s *scene) letters() []batch.DeadLetter {
	s.Helper()
	all, next, err := s.ListDeadLetters(s.Context(), batch.DeadLetterQuery{})
	s.must(err)
	if next != "" {
		s.Fatal("there are more dead letters than a test expects")
	}
	return all
}

// faults is a table whose writes fail on demand.
type faults struct {
	store.Table
	// refuse is asked before each write; nil lets all pass.
	refuse func(ops []store.Op) error
	// after is told of each write that was done.
	after func(ops []store.Op) error
}

func (f *faults) Write(ctx context.Context, ops ...store.Op) error {
	if f.refuse != nil {
		if err := f.refuse(ops); err != nil {
			return err
		}
	}
	err := f.Table.Write(ctx, ops...)
	if err == nil && f.after != nil {
		err = f.after(ops)
	}
	return err
}
