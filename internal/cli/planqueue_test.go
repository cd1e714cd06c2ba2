package cli

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/api"
	domain "github.com/packhorse-batch/packhorse/batch"
)

// planningService has the queues "busy", "quiet" and "closed", and plans them.
type planningService struct {
	api.Service
	plans map[string]domain.QueuePlan
}

func (s *planningService) DescribeJobQueues(context.Context, *batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) {
	out := &batch.DescribeJobQueuesOutput{}
	for _, name := range []string{"busy", "closed", "quiet"} {
		out.JobQueues = append(out.JobQueues, types.JobQueueDetail{JobQueueName: aws.String(name)})
	}
	return out, nil
}

func (s *planningService) PlanQueue(_ context.Context, queue string) (*domain.QueuePlan, error) {
	p, ok := s.plans[queue]
	if !ok {
		return nil, &domain.Error{Code: domain.CodeNotFound, Message: "there is no job queue " + queue}
	}
	return &p, nil
}

// newPlanningWorld is a world whose server makes plans.
func newPlanningWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	server := httptest.NewServer(api.New(api.Config{Service: &planningService{plans: map[string]domain.QueuePlan{
		"busy": {
			Queue: "busy", State: "ENABLED", Jobs: 9, StartNow: 2,
			Environments: []domain.EnvironmentPlan{
				{
					Environment: "spot", Ready: 1, Booting: 2, Waits: 6, OnBooting: 4, UsdPerHour: 0.2, LowerBoundUsdPerHour: 0.15, StartsInSeconds: 45,
					ForRoom: []domain.JobsForRoom{
						{PlannedJobs: domain.PlannedJobs{Vcpus: 2, MemoryMiB: 4096, Count: 1}, Until: 3_723_000},
						{PlannedJobs: domain.PlannedJobs{Vcpus: 1, MemoryMiB: 1024, Gpus: 1, Count: 1}, Until: 3_730_000},
					},
					Hosts: []domain.PlannedHosts{{Type: "m5.large", Count: 2, UsdPerHour: 0.1, Jobs: []domain.PlannedJobs{
						{Vcpus: 0.5, MemoryMiB: 512, Count: 1}, {Vcpus: 1, MemoryMiB: 1024, Gpus: 1, Count: 2},
					}}},
				},
				{Environment: "ondemand"},
			},
			Waiting: []domain.UnplacedJobs{{JobId: "job-9", Count: 1, Reason: "It needs 600 vCPU; the nearest type is m5.large."}},
		},
		"quiet":  {Queue: "quiet", State: "ENABLED", Environments: []domain.EnvironmentPlan{{Environment: "spot"}}},
		"closed": {Queue: "closed", State: "DISABLED"},
	}}}))
	t.Cleanup(server.Close)
	w.env["PACKHORSE_ENDPOINT"] = server.URL
	return w
}

func TestPlanOfAQueue(t *testing.T) {
	tests := map[string]struct {
		queue string
		want  []string
		not   string
	}{
		"what waits, what is launched and when it starts": {"busy", []string{
			"Queue:           busy\n", "Jobs that wait:  9\n", "Start at once:   2\n",
			"Environment spot: 1 host ready, 2 on the way", "6 jobs of all queues, of which 4 go to hosts on their way",
			"Wait for room:    2 jobs that others are expected to leave room for: 1 × 2 vCPU, 4096 MiB until 01:02:03Z; 1 × 1 vCPU, 1024 MiB, 1 GPU until 01:02:10Z",
			"$0.2000 per hour for the hosts to launch", "$0.1500 per hour: no hosts for these jobs cost less", "in 45 s, when the hosts are ready",
			"2  m5.large", "1 × 0.5 vCPU, 512 MiB; 2 × 1 vCPU, 1024 MiB, 1 GPU",
			"Environment ondemand: 0 hosts ready, 0 on the way\n  No job waits for a host here.",
			"Without a host\n  job-9 (1): It needs 600 vCPU; the nearest type is m5.large.",
		}, "DISABLED"},
		"by its ARN":                      {"arn:aws:batch:us-east-1:000000000000:job-queue/busy", []string{"Queue:           busy\n"}, ""},
		"nothing waits":                   {"quiet", []string{"Jobs that wait:  0\n", "No job waits for a host here."}, "Without a host"},
		"a disabled queue is named as it": {"closed", []string{"closed (DISABLED: it takes no new jobs; those that wait go on)"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := newPlanningWorld(t).ok("plan", test.queue)
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("plan %s printed\n%s\nwithout %q", test.queue, out, want)
				}
			}
			if test.not != "" && strings.Contains(out, test.not) {
				t.Errorf("plan %s printed\n%s\nwith %q", test.queue, out, test.not)
			}
		})
	}
}

func TestPlanOfAQueueForPrograms(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(newPlanningWorld(t).ok("plan", "busy", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	env := got["environments"].([]any)[0].(map[string]any)
	if room := env["forRoom"].([]any)[0].(map[string]any); room["vcpus"] != 2.0 || room["memoryMiB"] != 4096.0 || room["count"] != 1.0 || room["until"] != 3_723_000.0 {
		t.Errorf("those that wait for room are %v as JSON", env["forRoom"])
	}
	if got["jobs"] != 9.0 || got["startNow"] != 2.0 || env["usdPerHour"] != 0.2 || env["lowerBoundUsdPerHour"] != 0.15 || env["startsInSeconds"] != 45.0 {
		t.Errorf("the plan as JSON is %v", got)
	}
}

func TestPlanOfAQueueRefuses(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"a queue that is not there": {[]string{"plan", "bsuy"}, ExitFailure, "packhorse: there is no job queue \"bsuy\"\nnext: use one that exists: busy, closed, quiet\n"},
		"an empty name":             {[]string{"plan", ""}, ExitUsage, "the name of the queue is empty"},
		"a queue and a file":        {[]string{"plan", "busy", "--jobs", "x.csv"}, ExitUsage, "name a queue or give --jobs, not both"},
		"two queues":                {[]string{"plan", "busy", "quiet"}, ExitUsage, ""},
		"AWS":                       {[]string{"plan", "busy", "--endpoint", "aws"}, ExitUsage, "AWS Batch makes no plans"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := newPlanningWorld(t).fails(test.code, test.args...); !strings.Contains(got, test.want) {
				t.Errorf("%v: %s, want %s", test.args, got, test.want)
			}
		})
	}
}

func TestAServerWithoutPlans(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(api.New(api.Config{Service: struct{ *noPlans }{}}))
	t.Cleanup(server.Close)
	w.env["PACKHORSE_ENDPOINT"] = server.URL
	if got := w.fails(ExitFailure, "plan", "busy"); !strings.Contains(got, "this server makes no plans") {
		t.Errorf("a server without plans: %s", got)
	}
}

// noPlans has the queue "busy" and makes no plans.
type noPlans struct{ api.Service }

func (*noPlans) DescribeJobQueues(context.Context, *batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) {
	return &batch.DescribeJobQueuesOutput{JobQueues: []types.JobQueueDetail{{JobQueueName: aws.String("busy")}}}, nil
}
