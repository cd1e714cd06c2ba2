package cli

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

func TestWaitPrintsEachEndAndExitsByAll(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	a, b := w.server.Submit("first", "high", "align"), w.server.Submit("second", "high", "align")
	w.script = []func(){
		func() { w.put(b, types.JobStatusSucceeded, exited(0)) },
		func() { w.put(a, types.JobStatusSucceeded, exited(0)) },
	}
	same(t, "both succeed", w.ok("wait", a, b), b+"  second  SUCCEEDED\n"+a+"  first  SUCCEEDED\n")

	c := w.server.Submit("third", "high", "align")
	w.script = []func(){func() { w.put(c, types.JobStatusFailed, exited(3)) }}
	w.in = a + "\n" + c + "\n"
	w.fails(ExitFailure, "wait", "-")
	same(t, "one fails", w.out.String(), a+"  first  SUCCEEDED\n"+c+"  third  FAILED  Essential container in task exited\n")
}

func TestWaitGivesUp(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	id := w.server.Submit("slow", "high", "align")
	w.script = []func(){func() {}, func() {}, func() {}, func() {}}
	same(t, "errors", w.fails(ExitFailure, "wait", id, "--timeout", "1s"),
		"packhorse: 1 job not there yet after 1s: "+id+"\nnext: `packhorse explain "+id+"` says what it waits for\n")
}

func TestWaitForAStatus(t *testing.T) {
	for _, tt := range []struct {
		status, want types.JobStatus
		done, good   bool
	}{
		{"RUNNABLE", "RUNNING", false, true},
		{"RUNNING", "RUNNING", true, true},
		{"RUNNING", "RUNNABLE", true, true}, // it has been there
		{"SUCCEEDED", "RUNNING", true, true},
		{"FAILED", "RUNNING", true, false},
		{"FAILED", "FAILED", true, true},
		{"SUCCEEDED", "FAILED", true, false},
		{"RUNNING", "SUCCEEDED", false, false},
		{"SUCCEEDED", "", true, true},
		{"FAILED", "", true, false},
		{"STARTING", "", false, false},
	} {
		if done, good := waited(tt.status, tt.want); done != tt.done || done && good != tt.good {
			t.Errorf("waited(%s, %q) = %v, %v, want %v, %v", tt.status, tt.want, done, good, tt.done, tt.good)
		}
	}
}
