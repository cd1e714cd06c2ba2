package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestAPlanOfAQueueSaysWhatAPassWouldDoAndWritesNothing(t *testing.T) {
	w := newWorld(t, minute, nil)
	w.advance(time.Second)
	w.submit(array(6))
	tooBig := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: need("8", "1024")}
	})
	for range 2 { // a second look finds the same: nothing was written
		p, err := w.Engine.PlanQueue(t.Context(), "q")
		w.must(err)
		if p.Jobs != 7 || p.StartNow != 0 || len(p.Environments) != 1 || w.hosts("ce") != 0 {
			t.Fatalf("the plan is %+v with %d hosts there, want 7 jobs of which none starts, and no host", p, w.hosts("ce"))
		}
		e := p.Environments[0]
		hosts, jobs := 0, 0
		for _, h := range e.Hosts {
			hosts += h.Count
			for _, j := range h.Jobs {
				jobs += h.Count * j.Count
			}
		}
		if hosts != 2 || jobs != 6 || e.Waits != 6 || e.StartsInSeconds <= 0 || e.UsdPerHour < e.LowerBoundUsdPerHour || e.LowerBoundUsdPerHour <= 0 {
			t.Errorf("in ce it is %+v, want 2 hosts with 6 jobs, a start and a cost not below the bound", e)
		}
		if len(p.Waiting) != 1 || p.Waiting[0].JobId != tooBig || !strings.Contains(p.Waiting[0].Reason, "m5.xlarge") {
			t.Errorf("without a host are %+v, want the large job, with the nearest type", p.Waiting)
		}
	}
	w.advance(time.Second)
	p, err := w.Engine.PlanQueue(t.Context(), "q")
	w.must(err)
	if e := p.Environments[0]; len(e.Hosts) != 0 || e.Booting+e.Ready != 2 || e.OnBooting > 0 && e.StartsInSeconds <= 0 {
		t.Errorf("while its hosts boot it is %+v, want no more of them, and a start for what they take", e)
	}
	if byARN, err := w.Engine.PlanQueue(t.Context(), "arn:aws:batch:us-east-1:123456789012:job-queue/q"); err != nil || byARN.Queue != "q" || byARN.State != "ENABLED" {
		t.Errorf("the plan of a queue by its ARN is %+v, %v", byARN, err)
	}
	var domain *batch.Error
	if _, err := w.Engine.PlanQueue(t.Context(), "nobody"); !errors.As(err, &domain) || domain.Code != batch.CodeNotFound {
		t.Errorf("the plan of a queue that is not there: %v, want that it is not found", err)
	}
}

func TestRunTimesAreLearnedAndRemembered(t *testing.T) {
	w := newWorld(t, minute, nil)
	w.submit(array(4))
	w.advance(time.Hour)
	runs, err := w.Records.AllRuns(t.Context(), "q", 10)
	w.must(err)
	if len(runs) != 1 || runs[0].Definition != "d" || runs[0].Count < 1 || runs[0].Seconds/runs[0].Count != 60 {
		t.Errorf("known of run times is %+v, want minutes of definition d", runs)
	}
}
