package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
)

// planner is a service that makes plans of the queue "q", and tells the age of its prices.
type planner struct {
	fakeService
	asked string
}

func (p *planner) PlanQueue(_ context.Context, queue string) (*batch.QueuePlan, error) {
	p.asked = queue
	if queue != "q" && queue != "a b/c" {
		return nil, &batch.Error{Code: batch.CodeNotFound, Message: `there is no job queue "` + queue + `"`, Next: "make it"}
	}
	return &batch.QueuePlan{
		Queue: queue, State: "ENABLED", At: 1000, Jobs: 3, StartNow: 1,
		Environments: []batch.EnvironmentPlan{{
			Environment: "ce", Waits: 2, UsdPerHour: 0.2, LowerBoundUsdPerHour: 0.15, StartsInSeconds: 60,
			ForRoom: []batch.JobsForRoom{{PlannedJobs: batch.PlannedJobs{Vcpus: 2, MemoryMiB: 4096, Count: 1}, Until: 5000}},
			Hosts:   []batch.PlannedHosts{{Type: "m5.large", Count: 2, UsdPerHour: 0.1, Jobs: []batch.PlannedJobs{{Vcpus: 0.5, MemoryMiB: 512, Count: 1}}}},
		}},
		Waiting: []batch.UnplacedJobs{},
	}, nil
}

func (p *planner) PriceSources(context.Context) (*batch.PriceSources, error) {
	return &batch.PriceSources{Parts: []batch.PriceSource{{Part: "ondemand", Source: "aws", Region: "eu-west-1", At: 2000, AgeSeconds: 3600}}}, nil
}

func TestPlanRoutes(t *testing.T) {
	tests := map[string]struct {
		service api.Service
		method  string
		path    string
		status  int
		want    string // in the answer
	}{
		"the plan of a queue": {&planner{}, "GET", "/packhorse/v1/queues/q/plan", 200,
			`{"queue":"q","state":"ENABLED","at":1000,"jobs":3,"startNow":1,"environments":[{"environment":"ce","ready":0,"booting":0,"onBooting":0,"waits":2,` +
				`"forRoom":[{"vcpus":2,"memoryMiB":4096,"count":1,"until":5000}],"hosts":[{"type":"m5.large","count":2,"usdPerHour":0.1,"jobs":[{"vcpus":0.5,"memoryMiB":512,"count":1}]}],` +
				`"usdPerHour":0.2,"lowerBoundUsdPerHour":0.15,"startsInSeconds":60}],"waiting":[]}`},
		"a name with odd letters":       {&planner{}, "GET", "/packhorse/v1/queues/a%20b%2Fc/plan", 200, `"queue":"a b/c"`},
		"a queue that is not there":     {&planner{}, "GET", "/packhorse/v1/queues/x/plan", 404, `there is no job queue \"x\"`},
		"without a name":                {&planner{}, "GET", "/packhorse/v1/queues//plan", 404, "the plan of a queue is at /packhorse/v1/queues/NAME/plan"},
		"a path that leads nowhere":     {&planner{}, "GET", "/packhorse/v1/queues/q", 404, "the plan of a queue is at"},
		"one step too far":              {&planner{}, "GET", "/packhorse/v1/queues/q/plan/x", 404, "the plan of a queue is at"},
		"nothing is made by a plan":     {&planner{}, "POST", "/packhorse/v1/queues/q/plan", 405, "takes GET, not POST"},
		"a server that plans nothing":   {&fakeService{}, "GET", "/packhorse/v1/queues/q/plan", 501, "makes no plans"},
		"the age of the prices":         {&planner{}, "GET", "/packhorse/v1/prices", 200, `{"parts":[{"part":"ondemand","source":"aws","region":"eu-west-1","at":2000,"ageSeconds":3600}]}`},
		"prices are not to be written":  {&planner{}, "PUT", "/packhorse/v1/prices", 405, "takes GET, not PUT"},
		"a server that knows no prices": {&fakeService{}, "GET", "/packhorse/v1/prices", 501, "does not tell the age"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(api.New(api.Config{Service: test.service}))
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != test.status || !strings.Contains(string(body), test.want) {
				t.Errorf("%s %s = %d %s, want %d with %s", test.method, test.path, answer.StatusCode, body, test.status, test.want)
			}
		})
	}
}
