package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/cli/batchtest"
)

// aRun is a world with a job that will be submitted by run.
func aRun(t *testing.T) (w *world, id string) {
	w = newWorld(t)
	w.server.Add("high", "align")
	return w, batchtest.ID(1)
}

func TestRunShowsProgressStreamsTheLogAndExitsAsTheJobDid(t *testing.T) {
	w, id := aRun(t)
	w.script = []func(){
		func() { w.put(id, types.JobStatusRunnable, reason("waits for a host: needs 2 vCPU, the fleet has 1")) },
		func() { w.put(id, types.JobStatusStarting, func(j *types.JobDetail) { j.StatusReason = nil }) },
		func() { w.put(id, types.JobStatusRunning, stream("align/default/1")) }, // and no line yet
		func() { w.server.Log(defaultGroup, "align/default/1", "reading", "mapping") },
		func() {
			w.server.Log(defaultGroup, "align/default/1", "giving up")
			w.put(id, types.JobStatusFailed, exited(3))
		},
	}
	errors := w.fails(3, "run", "--definition", "align")
	same(t, "standard output", w.out.String(), "reading\nmapping\ngiving up\n")
	same(t, "standard error", errors, `Submitted align to queue high as job `+id+`.
SUBMITTED
RUNNABLE: waits for a host: needs 2 vCPU, the fleet has 1
STARTING
RUNNING
Job `+id+` FAILED with exit code 3 in 0.6s: Essential container in task exited
next: `+"`packhorse explain "+id+"`"+`
`)
}

func TestRunExitCodes(t *testing.T) {
	tests := map[string]struct {
		status types.JobStatus
		end    func(*types.JobDetail)
		want   int
	}{
		"it succeeded":                   {types.JobStatusSucceeded, exited(0), 0},
		"its container failed":           {types.JobStatusFailed, exited(42), 42},
		"it failed without an exit code": {types.JobStatusFailed, reason("Host EC2 (instance i-1) terminated."), 1},
		"it was stopped and exited well": {types.JobStatusFailed, exited(0), 1},
		"one of several containers failed": {types.JobStatusFailed, func(j *types.JobDetail) {
			j.Container = nil
			j.EcsProperties = &types.EcsPropertiesDetail{TaskProperties: []types.EcsTaskDetails{{Containers: []types.TaskContainerDetails{
				{Name: aws.String("proxy"), ExitCode: aws.Int32(0)}, {Name: aws.String("main"), ExitCode: aws.Int32(9)},
			}}}}
		}, 9},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, id := aRun(t)
			w.script = []func(){func() { w.put(id, types.JobStatusRunning); w.put(id, tt.status, tt.end) }}
			w.fails(tt.want, "run", "--definition", "align")
		})
	}
}

func TestRunGoesOnWithTheLogOfTheNextAttempt(t *testing.T) {
	w, id := aRun(t)
	w.script = []func(){
		func() {
			w.put(id, types.JobStatusRunning, stream("align/default/1"))
			w.server.Log(defaultGroup, "align/default/1", "first try")
		},
		func() {
			w.server.Log(defaultGroup, "align/default/1", "the host goes away")
			w.put(id, types.JobStatusRunnable, attempt("Host EC2 (instance i-1) terminated.", "", -1, w.now, w.now),
				func(j *types.JobDetail) { j.Container.LogStreamName = nil })
		},
		func() {
			w.put(id, types.JobStatusRunning, stream("align/default/2"))
			w.server.Log(defaultGroup, "align/default/2", "second try")
		},
		func() { w.put(id, types.JobStatusSucceeded, exited(0)) },
	}
	same(t, "standard output", w.ok("run", "--definition", "align"), "first try\nthe host goes away\nsecond try\n")
	if !strings.Contains(w.err.String(), "--- attempt 2 ---\n") {
		t.Errorf("standard error does not announce the second attempt:\n%s", w.err.String())
	}
}

func TestRunOfAnArrayCountsItsJobs(t *testing.T) {
	w, id := aRun(t)
	w.script = []func(){
		func() {
			w.put(id, types.JobStatusPending)
			for _, i := range []string{":0", ":1"} {
				w.put(id+i, types.JobStatusRunning)
			}
		},
		func() { w.put(id+":0", types.JobStatusSucceeded); w.put(id+":1", types.JobStatusFailed) },
		func() {
			w.put(id+":2", types.JobStatusSucceeded)
			w.put(id+":3", types.JobStatusSucceeded)
			w.put(id, types.JobStatusFailed, reason("Array Child Job failed"))
		},
	}
	same(t, "standard error", w.fails(1, "run", "--definition", "align", "--array", "4"), `Submitted align to queue high as job `+id+`.
[--------------------] 0/4 ended: 4 pending
[--------------------] 0/4 ended: 2 running, 2 pending
[##########----------] 2/4 ended: 1 failed, 1 succeeded, 2 pending
Job `+id+` FAILED in 0.9s: Array Child Job failed
next: `+"`packhorse explain "+id+"`"+`
`)
}

func TestCtrlCLeavesTheJobAndSaysHowToFollowIt(t *testing.T) {
	w, id := aRun(t)
	app := w.app()
	pause := app.Pause
	app.Pause = func(ctx ctx, d time.Duration) error {
		w.signals <- os.Interrupt
		<-ctx.Done()
		return pause(ctx, d)
	}
	if code := app.Run(t.Context(), []string{"run", "--definition", "align"}); code != ExitInterrupted {
		t.Errorf("exit code %d, want %d", code, ExitInterrupted)
	}
	want := "packhorse: left job " + id + ", which goes on\nnext: `packhorse logs -f " + id + "` follows it, `packhorse terminate " + id + "` stops it\n"
	if got := w.err.String(); !strings.HasSuffix(got, want) {
		t.Errorf("standard error = %q, want it to end with %q", got, want)
	}
	if j := w.server.Job(id); ended(j.Status) {
		t.Errorf("the job is %s, want it left alone", j.Status)
	}
}

func TestCtrlCTerminatesTheJobWhenToldTo(t *testing.T) {
	w, id := aRun(t)
	w.server.Called = make(chan string, 100)
	w.script = []func(){
		func() {
			w.put(id, types.JobStatusRunning)
			w.signals <- os.Interrupt
			for op := range w.server.Called {
				if op == "terminatejob" {
					break
				}
			}
		},
	}
	got := w.fails(1, "run", "--definition", "align", "--terminate-on-interrupt")
	if !strings.Contains(got, "Terminating job "+id+"; Ctrl-C again leaves it.\n") || !strings.Contains(got, "FAILED in 0.0s: Interrupted at packhorse run.\n") {
		t.Errorf("standard error:\n%s", got)
	}
}

func TestRunOutlivesARestartOfTheServer(t *testing.T) {
	w, id := aRun(t)
	app := w.app()
	away := "http://127.0.0.1:1" // nobody listens there
	w.script = []func(){
		func() { w.put(id, types.JobStatusRunning) },
		func() { redirect(app, away) },
		func() {},
		func() { redirect(app, w.server.URL); w.put(id, types.JobStatusSucceeded, exited(0)) },
	}
	if code := app.Run(t.Context(), []string{"run", "--definition", "align"}); code != ExitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	if got := w.err.String(); strings.Count(got, "Lost the server") != 1 || strings.Count(got, "is back.") != 1 {
		t.Errorf("standard error, want one loss and one return of the server:\n%s", got)
	}
}

func TestOnATerminalTheStatusIsOneLineThatGoesAway(t *testing.T) {
	w, id := aRun(t)
	w.terminal, w.width = true, 40
	w.script = []func(){
		func() { w.put(id, types.JobStatusRunnable, reason("waits for a host with more memory than there is")) },
		func() {
			w.put(id, types.JobStatusRunning, stream("s"))
			w.server.Log(defaultGroup, "s", "hello")
		},
		func() { w.put(id, types.JobStatusSucceeded, exited(0)) },
	}
	w.ok("run", "--definition", "align")
	got := w.err.String()
	for line := range strings.SplitSeq(got, "\r") {
		if shown := strings.TrimSuffix(line, "\x1b[K"); strings.HasPrefix(shown, "⠙") {
			same(t, "the line while it waits", shown, "⠙ RUNNABLE 0s: waits for a host with m…")
		}
	}
	if !strings.HasSuffix(got, "\r\x1b[KJob "+id+" SUCCEEDED in 0.3s.\n") {
		t.Errorf("standard error = %q, want the status wiped before the last line", got)
	}
}
