package cli

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

func TestCancelStopsWhatHasNotStarted(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	waiting, running, over := w.server.Submit("a", "high", "align"), w.server.Submit("b", "high", "align"), w.server.Submit("c", "high", "align")
	w.put(waiting, types.JobStatusRunnable)
	w.put(running, types.JobStatusRunning)
	w.put(over, types.JobStatusSucceeded)
	w.fails(ExitFailure, "cancel", waiting, running, over, waiting, "--reason", "wrong input")
	same(t, "output", w.out.String(), waiting+"  cancelled\n"+running+"  is RUNNING, which cancel does not stop; use terminate\n"+over+"  has ended already: SUCCEEDED\n")
	if j := w.server.Job(waiting); j.Status != types.JobStatusFailed || aws.ToString(j.StatusReason) != "wrong input" {
		t.Errorf("the job is %s (%s), want FAILED (wrong input)", j.Status, aws.ToString(j.StatusReason))
	}
}

func TestTerminateTakesTheIDsThatJobsPrints(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	a, b := w.server.Submit("a", "high", "align"), w.server.Submit("b", "high", "align")
	w.put(a, types.JobStatusRunning)
	w.put(b, types.JobStatusSucceeded)
	w.in = w.ok("jobs", "-q")
	same(t, "output", w.ok("terminate", "-"), a+"  terminating\n"+b+"  has ended already: SUCCEEDED\n")
	if !aws.ToBool(w.server.Job(a).IsTerminated) {
		t.Error("the running job was not terminated")
	}
}

func TestANameThatMeansSeveralJobsStopsNone(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	a, b := w.server.Submit("same", "high", "align"), w.server.Submit("same", "high", "align")
	same(t, "errors", w.fails(ExitFailure, "terminate", "same"), "packhorse: \"same\" means 2 jobs\nnext: name one of them: "+a+", "+b+"\n")
	for _, id := range []string{a, b} {
		if aws.ToBool(w.server.Job(id).IsTerminated) {
			t.Errorf("job %s was terminated", id)
		}
	}
}
