package play

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

const result = `a table
and totals

flaky failed and was tried again by its retry strategy:

  attempt 1  exit code 75   0.05 s  Essential container in task exited
  attempt 2  exit code 0    0.05 s  Essential container in task exited

All of it took 1.2 s, from the first submission to the last end.

look at flaky
`

func TestShowInAPipeIsALineForEachChange(t *testing.T) {
	s := newServer(t)
	s.script = s.wellDone()
	var progress, out bytes.Buffer
	p := s.player(Screen{Writer: &progress}, &out)
	run, err := p.Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Announce(run)
	if err := p.Show(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	want := `The demo counts the identifiers in /usr/local/go:
count is an array of 8 jobs, merge adds up what they find, flaky fails once.

count  RUNNABLE  [------------------------] 0/8: 8 RUNNABLE
merge  RUNNABLE  waits for count to end
flaky  RUNNABLE
count  PENDING  [------------------------] 0/8: 8 RUNNABLE; Waiting for a host: needs 1 vCPU.
merge  PENDING  waits for count to end
flaky  RUNNABLE  Waiting behind job count.
count  PENDING  [------------------------] 0/8: 2 RUNNING, 6 RUNNABLE
count  PENDING  [######------------------] 2/8: 2 SUCCEEDED, 1 RUNNING, 5 RUNNABLE
flaky  RUNNABLE  attempt 1 ended with exit code 75, is tried again; Waiting for room.
count  SUCCEEDED  [########################] 8/8: 8 SUCCEEDED
merge  RUNNING
flaky  RUNNING  attempt 1 ended with exit code 75, is tried again
merge  SUCCEEDED
flaky  SUCCEEDED  succeeded on attempt 2

`
	if d := cmp.Diff(want, progress.String()); d != "" {
		t.Errorf("progress (-want +got):\n%s", d)
	}
	if d := cmp.Diff(result, out.String()); d != "" {
		t.Errorf("result (-want +got):\n%s", d)
	}
}

func TestShowOnATerminalDrawsOver(t *testing.T) {
	s := newServer(t)
	s.script = s.wellDone()
	var progress, out bytes.Buffer
	p := s.player(Screen{Writer: &progress, Terminal: true, Width: 60}, &out)
	run, err := p.Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Show(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	const up = "\x1b[3A"
	frames := strings.Split(strings.NewReplacer("\r", "", "\x1b[K", "").Replace(progress.String()), up)
	if len(frames) != 7 {
		t.Fatalf("%d frames, want one for each of 7 looks:\n%q", len(frames), frames)
	}
	want := `⠙ count  PENDING      0.2s  [------------------------] 0/8…
⠙ merge  PENDING      0.2s  waits for count to end
⠙ flaky  RUNNABLE     0.2s  Waiting behind job count.
`
	if d := cmp.Diff(want, frames[1]); d != "" {
		t.Errorf("second frame (-want +got):\n%s", d)
	}
	want = `✓ count  SUCCEEDED    1.0s  [########################] 8/8…
✓ merge  SUCCEEDED    1.2s
✓ flaky  SUCCEEDED    1.2s  succeeded on attempt 2

`
	if d := cmp.Diff(want, frames[6]); d != "" {
		t.Errorf("last frame (-want +got):\n%s", d)
	}
}

func TestSubmitTiesTheJobsTogether(t *testing.T) {
	s := newServer(t)
	run, err := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{}).Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count, merge := s.submitted[0], s.submitted[1]
	if *count.ArrayProperties.Size != 8 || *count.JobQueue != "default" {
		t.Errorf("count is an array of %d in queue %s, want 8 in default", *count.ArrayProperties.Size, *count.JobQueue)
	}
	if len(merge.DependsOn) != 1 || *merge.DependsOn[0].JobId != run.Count {
		t.Errorf("merge depends on %+v, want job %s", merge.DependsOn, run.Count)
	}
	want := map[string]string{"run": "20260501-100000-000", "shards": "8"}
	for _, in := range []*batch.SubmitJobInput{count, merge} {
		if d := cmp.Diff(want, in.Parameters); d != "" {
			t.Errorf("parameters of %s (-want +got):\n%s", *in.JobName, d)
		}
	}
}

func TestAnotherSourceIsForOneRunOnly(t *testing.T) {
	s := newServer(t)
	p := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{})
	p.Source = "/other"
	run, err := p.Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := *s.submitted[0].JobDefinition; !strings.HasSuffix(got, "/demo-count:2") || run.Source != "/other" {
		t.Errorf("count is of definition %s and counts %s, want demo-count:2 and /other", got, run.Source)
	}
	p.Source = ""
	if run, err = p.Submit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := *s.submitted[3].JobDefinition; !strings.HasSuffix(got, "/demo-count:1") || run.Source != "/usr/local/go" {
		t.Errorf("the next count is of definition %s and counts %s, want demo-count:1 and /usr/local/go", got, run.Source)
	}
}

func TestAServerThatPreparedNothingIsTold(t *testing.T) {
	s := newServer(t)
	s.definitions = nil
	if _, err := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{}).Submit(t.Context()); !errors.Is(err, ErrNotPrepared) {
		t.Errorf("Submit = %v, want ErrNotPrepared", err)
	}
}

func TestAFailedChildIsShownWithItsReasonAndLog(t *testing.T) {
	s := newServer(t)
	s.script = []func(){func() {
		s.put(types.JobStatusSucceeded, children(0, 8)...)
		s.put(types.JobStatusFailed, "count", "count:3", "count:4", "merge")
		s.exit("count:3", 1)
		s.log("count:3", strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12")...)
		s.why("count:3", "Essential container in task exited")
		s.why("merge", "Dependent Job failed")
		s.put(types.JobStatusSucceeded, "flaky")
	}}
	var progress, out bytes.Buffer
	p := s.player(Screen{Writer: &progress}, &out)
	run, err := p.Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = p.Show(t.Context(), run)
	want := &FailedError{ID: "count:3", Name: "count:3", Reason: "Essential container in task exited, exit code 1"}
	var got *FailedError
	if !errors.As(err, &got) || *got != *want {
		t.Errorf("Show = %v, want %v", err, want)
	}
	_, shown, _ := strings.Cut(progress.String(), "\n\n")
	wantShown := "count:3 (count:3) FAILED: " + want.Reason + "\n    3\n    4\n    5\n    6\n    7\n    8\n    9\n    10\n    11\n    12\n" +
		"merge (merge) FAILED: Dependent Job failed\n"
	if d := cmp.Diff(wantShown, shown); d != "" {
		t.Errorf("after the end (-want +got):\n%s", d)
	}
	if out.Len() > 0 {
		t.Errorf("result of a failed demo: %q, want none", out.String())
	}
}

func TestAServerThatIsStartedAgainIsWaitedFor(t *testing.T) {
	s := newServer(t)
	back := s.wellDone()
	s.script = append([]func(){func() { s.down = errors.New("connection refused") }, func() {}, func() { s.down = nil }}, back...)
	p := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{})
	run, err := p.Submit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Show(t.Context(), run); err != nil {
		t.Errorf("Show = %v, want the demo to its end", err)
	}
}

func TestAServerThatStaysAwayIsGivenUp(t *testing.T) {
	s := newServer(t)
	s.down = errors.New("connection refused")
	s.script = slices.Repeat([]func(){func() {}}, 2*maxLost)
	p := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{})
	if err := p.Show(t.Context(), Run{Count: "count", Merge: "merge", Flaky: "flaky"}); !errors.Is(err, s.down) {
		t.Errorf("Show = %v, want %v", err, s.down)
	}
}

func TestFirst(t *testing.T) {
	tests := map[string]struct {
		before    func(*server, func() error) // the first starts before
		submitted int                         // jobs, in all starts
		shown     bool
		says      string
	}{
		"on a first start it is submitted and shown": {
			before: func(s *server, _ func() error) { s.script = s.wellDone() }, submitted: 3, shown: true,
			says: "The demo counts the identifiers in /usr/local/go:",
		},
		"afterwards it is not": {
			before: func(s *server, first func() error) {
				s.script = s.wellDone()
				if err := first(); err != nil {
					s.Fatal(err)
				}
			}, submitted: 3, shown: false,
		},
		"after a failure it is not": {
			before: func(s *server, first func() error) {
				s.script = []func(){func() {
					s.put(types.JobStatusSucceeded, "count", "merge")
					s.put(types.JobStatusFailed, "flaky")
				}}
				if err := first(); err == nil {
					s.Fatal("the failed demo is no error")
				}
			}, submitted: 3, shown: false,
		},
		"after an interruption it goes on": {
			before: func(s *server, first func() error) {
				all := s.wellDone()
				s.script = all[:3]
				if err := first(); !errors.Is(err, errScriptOver) {
					s.Fatal(err)
				}
				s.script = all[3:]
			}, submitted: 3, shown: true, says: "The demo was not shown to its end before; it goes on.",
		},
		"with jobs that the server has lost it starts again": {
			before: func(s *server, first func() error) {
				if err := first(); !errors.Is(err, errScriptOver) {
					s.Fatal(err)
				}
				clear(s.jobs)
				s.script = s.wellDone()
			}, submitted: 6, shown: true, says: "The demo counts the identifiers in /usr/local/go:",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, file := newServer(t), filepath.Join(t.TempDir(), "demo", "first.json")
			var progress bytes.Buffer
			first := func() (bool, error) {
				progress.Reset()
				return s.player(Screen{Writer: &progress}, &bytes.Buffer{}).First(t.Context(), file)
			}
			test.before(s, func() error { _, err := first(); return err })
			shown, err := first()
			if err != nil || shown != test.shown || len(s.submitted) != test.submitted {
				t.Errorf("First = %v, %v after %d jobs; want %v after %d", shown, err, len(s.submitted), test.shown, test.submitted)
			}
			if !strings.Contains(progress.String(), test.says) {
				t.Errorf("it says %q, want %q in it", progress.String(), test.says)
			}
		})
	}
}

func TestABrokenFileOfTheFirstDemoIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "first.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	_, err := s.player(Screen{Writer: &bytes.Buffer{}}, &bytes.Buffer{}).First(t.Context(), file)
	if err == nil || !strings.Contains(err.Error(), file) || len(s.submitted) > 0 {
		t.Errorf("First = %v after %d jobs, want an error that names %s", err, len(s.submitted), file)
	}
}
