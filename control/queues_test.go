package control_test

import (
	"fmt"
	"slices"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
)

type createQueue = func(*awsbatch.CreateJobQueueInput)

func attachedTo(environments ...string) createQueue {
	return func(in *awsbatch.CreateJobQueueInput) { in.ComputeEnvironmentOrder = order(environments...) }
}

func timeLimit(change func(*types.JobStateTimeLimitAction)) types.JobStateTimeLimitAction {
	a := types.JobStateTimeLimitAction{
		State: "RUNNABLE", Action: "CANCEL", MaxTimeSeconds: new(int32(600)),
		Reason: new("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"),
	}
	change(&a)
	return a
}

func limits(actions ...types.JobStateTimeLimitAction) createQueue {
	return func(in *awsbatch.CreateJobQueueInput) { in.JobStateTimeLimitActions = actions }
}

// capacity makes one environment of each kind: ce, ce2 and spot on x86_64, arm,
// fargate, and own, which is unmanaged.
func (s *scene) capacity(t *testing.T) {
	t.Helper()
	s.environment(t, "ce")
	s.environment(t, "ce2")
	s.environment(t, "spot", spot)
	s.environment(t, "arm", resources(func(r *types.ComputeResource) { r.InstanceTypes = []string{"m6g"} }))
	s.environment(t, "fargate", fargate)
	s.environment(t, "own", unmanaged)
}

func TestCreateJobQueueRefusesAsAWSDoes(t *testing.T) {
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = fmt.Sprintf("ce%d", i)
	}
	plain := timeLimit(func(*types.JobStateTimeLimitAction) {})
	tests := map[string]struct {
		change createQueue
		want   string
	}{
		"a bad name":           {func(in *awsbatch.CreateJobQueueInput) { in.JobQueueName = new("q:1") }, "Job Queue name should match a valid pattern."},
		"no priority":          {func(in *awsbatch.CreateJobQueueInput) { in.Priority = nil }, "priority is required."},
		"a priority below 0":   {func(in *awsbatch.CreateJobQueueInput) { in.Priority = new(int32(-1)) }, "priority must be between 0 and 1000, got -1."},
		"an unknown state":     {func(in *awsbatch.CreateJobQueueInput) { in.State = "JUNK" }, "state JUNK is not valid. Valid values are: [ENABLED, DISABLED]"},
		"no environment":       {attachedTo(), "computeEnvironmentOrder is required."},
		"eleven environments":  {attachedTo(eleven...), "Only 10 environments are allowed in job queue request."},
		"an environment twice": {attachedTo("ce", "arn:aws:batch:eu-west-1:1:compute-environment/ce"), "Duplicate ComputeEnvironments within order list."},
		"an order twice": {func(in *awsbatch.CreateJobQueueInput) {
			in.ComputeEnvironmentOrder = append(order("ce"), order("ce2")...)
		}, "Duplicate ComputeEnvironment order values."},
		"an order without number": {func(in *awsbatch.CreateJobQueueInput) { in.ComputeEnvironmentOrder[0].Order = nil },
			"computeEnvironment and order are required in each computeEnvironmentOrder."},
		"Fargate beside EC2": {attachedTo("ce", "fargate"), "Fargate and EC2 compute environments can not be mixed."},
		"EC2 beside Fargate": {attachedTo("fargate", "own"), "Fargate and EC2 compute environments can not be mixed."},
		"both, with a tag that says something else": {func(in *awsbatch.CreateJobQueueInput) {
			attachedTo("ce", "fargate")(in)
			in.Tags = map[string]string{batch.TagEnvironments: "best"}
		}, `The value "best" of the tag packhorse:environments is not valid. Valid values are: [cheapest, soonest]`},
		"Arm beside x86_64": {attachedTo("own", "ce", "arm"), "Compute environments of different architectures can not be mixed."},
		"a SageMaker environment": {func(in *awsbatch.CreateJobQueueInput) {
			in.ServiceEnvironmentOrder = make([]types.ServiceEnvironmentOrder, 1)
		}, "serviceEnvironmentOrder (SageMaker) is not supported by Packhorse yet."},
		"a SageMaker queue":       {func(in *awsbatch.CreateJobQueueInput) { in.JobQueueType = types.JobQueueTypeSagemakerTraining }, "jobQueueType SAGEMAKER_TRAINING is not supported by Packhorse yet."},
		"a Kubernetes queue":      {func(in *awsbatch.CreateJobQueueInput) { in.JobQueueType = types.JobQueueTypeEks }, "EKS job queue type must have EKS compute environment."},
		"a Fargate queue on EC2":  {func(in *awsbatch.CreateJobQueueInput) { in.JobQueueType = types.JobQueueTypeEcsFargate }, "ECS_FARGATE job queue type must have ECS_FARGATE compute environment."},
		"a policy that is no ARN": {func(in *awsbatch.CreateJobQueueInput) { in.SchedulingPolicyArn = new("fair") }, "Only scheduling policy Arn can be allowed."},
		"a policy of another kind": {func(in *awsbatch.CreateJobQueueInput) {
			in.SchedulingPolicyArn = new("arn:aws:batch:r:1:job-queue/fair")
		}, "Only scheduling policy Arn can be allowed."},
		"a limit in RUNNING":         {limits(timeLimit(func(a *types.JobStateTimeLimitAction) { a.State = "RUNNING" })), "Invalid job state. Valid job states: [RUNNABLE]"},
		"a limit that terminates":    {limits(timeLimit(func(a *types.JobStateTimeLimitAction) { a.Action = "TERMINATE" })), "Invalid job action. Valid job actions: [CANCEL]"},
		"a limit for free text":      {limits(timeLimit(func(a *types.JobStateTimeLimitAction) { a.Reason = new("too slow") })), "Invalid job reason"},
		"a limit of a minute":        {limits(timeLimit(func(a *types.JobStateTimeLimitAction) { a.MaxTimeSeconds = new(int32(60)) })), "maxTimeSeconds must be between 600 and 86400, got 60."},
		"a limit of more than a day": {limits(timeLimit(func(a *types.JobStateTimeLimitAction) { a.MaxTimeSeconds = new(int32(86401)) })), "maxTimeSeconds must be between 600 and 86400, got 86401."},
		"two limits for one reason":  {limits(plain, plain), "Duplicate job state limit actions are not allowed."},
		"a reserved tag":             {func(in *awsbatch.CreateJobQueueInput) { in.Tags = map[string]string{"aws:a": ""} }, `The tag key "aws:a" starts with aws:, which is reserved.`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.capacity(t)
			_, err := s.CreateJobQueue(t.Context(), newQueue("q", tt.change))
			wantRefused(t, err, tt.want)
		})
	}
}

func TestQueuesNeedWhatExists(t *testing.T) {
	s := newScene(t)
	s.capacity(t)
	t.Run("an environment", func(t *testing.T) {
		_, err := s.CreateJobQueue(t.Context(), newQueue("q", attachedTo("ce", "nope")))
		wantError(t, err, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:compute-environment/nope does not exist")
	})
	t.Run("an environment that is not being deleted", func(t *testing.T) {
		env, err := s.records.Environment(t.Context(), "ce2")
		if err != nil {
			t.Fatal(err)
		}
		env.Detail.Status = types.CEStatusDeleting
		if err := s.records.Write(t.Context(), s.records.PutEnvironment(env)); err != nil {
			t.Fatal(err)
		}
		_, err = s.CreateJobQueue(t.Context(), newQueue("q", attachedTo("ce2")))
		wantRefused(t, err, "Compute Environments must be created and valid before attaching them to a job queue")
	})
	t.Run("a policy", func(t *testing.T) {
		_, err := s.CreateJobQueue(t.Context(), newQueue("q", func(in *awsbatch.CreateJobQueueInput) {
			in.SchedulingPolicyArn = new("arn:aws:batch:r:1:scheduling-policy/nope")
		}))
		wantError(t, err, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:scheduling-policy/nope does not exist")
	})
}

func TestNewQueueIsValidAtOnce(t *testing.T) {
	s := newScene(t)
	s.capacity(t)
	policy := s.policy(t, "fair")
	s.kicked = nil
	s.queue(t, "q", func(in *awsbatch.CreateJobQueueInput) {
		in.ComputeEnvironmentOrder = []types.ComputeEnvironmentOrder{
			{ComputeEnvironment: new("spot"), Order: new(int32(20))},
			{ComputeEnvironment: new("arn:aws:batch:us-east-1:000000000000:compute-environment/ce"), Order: new(int32(10))},
		}
		in.SchedulingPolicyArn = &policy
		in.JobStateTimeLimitActions = []types.JobStateTimeLimitAction{timeLimit(func(a *types.JobStateTimeLimitAction) { a.State = "runnable" })}
		in.Tags = map[string]string{"team": "a"}
	})
	want := []types.JobQueueDetail{{
		JobQueueName: new("q"),
		JobQueueArn:  new("arn:aws:batch:eu-central-1:123456789012:job-queue/q"),
		JobQueueType: types.JobQueueTypeEcs,
		Priority:     new(int32(1)),
		State:        types.JQStateEnabled,
		Status:       types.JQStatusValid,
		StatusReason: new("JobQueue Healthy"),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{ // as sent, not as used
			{ComputeEnvironment: new("arn:aws:batch:eu-central-1:123456789012:compute-environment/spot"), Order: new(int32(20))},
			{ComputeEnvironment: new("arn:aws:batch:eu-central-1:123456789012:compute-environment/ce"), Order: new(int32(10))},
		},
		SchedulingPolicyArn:      &policy,
		JobStateTimeLimitActions: []types.JobStateTimeLimitAction{timeLimit(func(*types.JobStateTimeLimitAction) {})},
		Tags:                     map[string]string{"team": "a"},
	}}
	if diff := cmp.Diff(want, s.shownQueues(t, "q"), ignoreUnexported); diff != "" {
		t.Errorf("DescribeJobQueues (-want +got):\n%s", diff)
	}
	stored, err := s.records.Queue(t.Context(), "q")
	if err != nil || !slices.Equal(stored.Environments(), []string{"ce", "spot"}) {
		t.Errorf("environments in use = %v, %v, want ce before spot", stored.Environments(), err)
	}
	if !slices.Equal(s.kicked, []string{"q"}) {
		t.Errorf("kicked %q, want q", s.kicked)
	}
	_, err = s.CreateJobQueue(t.Context(), newQueue("q"))
	wantRefused(t, err, "Object already exists")
}

func TestQueuesOfEachPlatform(t *testing.T) {
	for environments, want := range map[[2]string]types.JobQueueType{
		{"ce", "spot"}:  types.JobQueueTypeEcs,
		{"own", "ce"}:   types.JobQueueTypeEcs,
		{"arm", "own"}:  types.JobQueueTypeEcs,
		{"fargate", ""}: types.JobQueueTypeEcsFargate,
	} {
		s := newScene(t)
		s.capacity(t)
		names := slices.DeleteFunc(environments[:], func(name string) bool { return name == "" })
		s.queue(t, "q", attachedTo(names...), func(in *awsbatch.CreateJobQueueInput) { in.JobQueueType = want })
		if got := s.shownQueues(t, "q")[0].JobQueueType; got != want {
			t.Errorf("queue on %v is %s, want %s", names, got, want)
		}
	}
}

func TestTenEnvironmentsPerQueue(t *testing.T) {
	s := newScene(t)
	var ten []string
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("ce%d", i))
		s.environment(t, ten[i])
	}
	s.queue(t, "q", attachedTo(ten...))
}

func TestUpdateJobQueue(t *testing.T) {
	type update = awsbatch.UpdateJobQueueInput
	fair := "arn:aws:batch:eu-central-1:123456789012:scheduling-policy/fair"
	other := "arn:aws:batch:eu-central-1:123456789012:scheduling-policy/other"
	withPolicy := func(in *awsbatch.CreateJobQueueInput) { in.SchedulingPolicyArn = &fair }
	tests := map[string]struct {
		queue []createQueue
		up    update
		want  string // empty: served
		look  func(types.JobQueueDetail) bool
	}{
		"disable": {nil, update{State: "disabled"}, "", func(d types.JobQueueDetail) bool {
			return d.State == types.JQStateDisabled && d.Status == types.JQStatusValid && *d.Priority == 1
		}},
		"another priority":   {nil, update{Priority: new(int32(5))}, "", func(d types.JobQueueDetail) bool { return *d.Priority == 5 }},
		"a bad priority":     {nil, update{Priority: new(int32(1001))}, "priority must be between 0 and 1000, got 1001.", nil},
		"other environments": {nil, update{ComputeEnvironmentOrder: order("spot", "ce")}, "", func(d types.JobQueueDetail) bool { return len(d.ComputeEnvironmentOrder) == 2 }},
		"to Fargate": {nil, update{ComputeEnvironmentOrder: order("fargate")}, "", func(d types.JobQueueDetail) bool {
			return d.JobQueueType == types.JobQueueTypeEcsFargate
		}},
		"a mixture": {nil, update{ComputeEnvironmentOrder: order("fargate", "ce")}, "Fargate and EC2 compute environments can not be mixed.", nil},
		"an empty order is none": {nil, update{ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{}}, "",
			func(d types.JobQueueDetail) bool { return len(d.ComputeEnvironmentOrder) == 1 }},
		"an environment that does not exist": {nil, update{ComputeEnvironmentOrder: order("nope")},
			"arn:aws:batch:eu-central-1:123456789012:compute-environment/nope does not exist", nil},
		"drop the time limits": {[]createQueue{limits(timeLimit(func(*types.JobStateTimeLimitAction) {}))},
			update{JobStateTimeLimitActions: []types.JobStateTimeLimitAction{}}, "",
			func(d types.JobQueueDetail) bool { return len(d.JobStateTimeLimitActions) == 0 }},
		"swap the policy": {[]createQueue{withPolicy}, update{SchedulingPolicyArn: &other}, "",
			func(d types.JobQueueDetail) bool { return *d.SchedulingPolicyArn == other }},
		"add a policy":         {nil, update{SchedulingPolicyArn: &fair}, "A scheduling policy can not be added to a job queue that was created without one.", nil},
		"drop the policy":      {[]createQueue{withPolicy}, update{SchedulingPolicyArn: new("")}, "The scheduling policy of a job queue can be replaced but not removed.", nil},
		"no policy as before":  {nil, update{SchedulingPolicyArn: new("")}, "", func(d types.JobQueueDetail) bool { return d.SchedulingPolicyArn == nil }},
		"SageMaker":            {nil, update{ServiceEnvironmentOrder: make([]types.ServiceEnvironmentOrder, 1)}, "serviceEnvironmentOrder (SageMaker) is not supported by Packhorse yet.", nil},
		"a queue not there":    {nil, update{JobQueue: new("nope")}, "arn:aws:batch:eu-central-1:123456789012:job-queue/nope does not exist", nil},
		"a name that can't be": {nil, update{JobQueue: new("a b")}, "arn:aws:batch:eu-central-1:123456789012:job-queue/a b does not exist", nil},
		"no queue":             {nil, update{JobQueue: new("")}, "arn:aws:batch:eu-central-1:123456789012:job-queue/ does not exist", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.capacity(t)
			s.policy(t, "fair")
			s.policy(t, "other")
			s.queue(t, "q", tt.queue...)
			if tt.up.JobQueue == nil {
				tt.up.JobQueue = new("arn:aws:batch:us-west-1:000000000000:job-queue/q")
			}
			out, err := s.UpdateJobQueue(t.Context(), &tt.up)
			if tt.want != "" {
				if err == nil || err.(*batch.Error).Message != tt.want {
					t.Errorf("error = %v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if *out.JobQueueArn != "arn:aws:batch:eu-central-1:123456789012:job-queue/q" {
				t.Errorf("jobQueueArn = %s, want one of this account", *out.JobQueueArn)
			}
			if d := s.shownQueues(t, "q")[0]; !tt.look(d) {
				t.Errorf("queue after the update: %+v", d)
			}
		})
	}
}

func TestDescribeJobQueues(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	for _, name := range []string{"b", "c", "a"} {
		s.queue(t, name)
	}
	if got := s.shownQueues(t, "nope"); len(got) != 0 {
		t.Errorf("an unknown queue is shown: %v", got)
	}
	var names []string
	var next *string
	for range 4 {
		out := must[*awsbatch.DescribeJobQueuesOutput](t)(s.DescribeJobQueues(t.Context(),
			&awsbatch.DescribeJobQueuesInput{MaxResults: new(int32(1)), NextToken: next}))
		for _, d := range out.JobQueues {
			names = append(names, *d.JobQueueName)
		}
		if next = out.NextToken; next == nil {
			break
		}
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("pages of one show %v, want a, b, c and the end", names)
	}
	_, err := s.DescribeJobQueues(t.Context(), &awsbatch.DescribeJobQueuesInput{JobQueues: []string{"a"}, MaxResults: new(int32(1))})
	wantRefused(t, err, "JobQueues and MaxResults cannot both be set")
}
