package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/internal/cli/batchtest"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// world is a server, a terminal and a clock for one test. Time passes only while a
// command waits, and with each wait the next step of the script happens.
type world struct {
	*testing.T
	server   *batchtest.Server
	now      time.Time
	env      map[string]string
	in       string
	out, err bytes.Buffer
	terminal bool
	width    int
	script   []func()
	signals  chan os.Signal
	pauses   int
}

// start is when every test begins.
var start = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{T: t, now: start, env: map[string]string{}, signals: make(chan os.Signal, 2)}
	w.server = batchtest.New(t, func() time.Time { return w.now })
	w.env["PACKHORSE_ENDPOINT"] = w.server.URL
	return w
}

var errScriptOver = errors.New("the command waits, and nothing more will happen")

func (w *world) app() *App {
	stream := func(b *bytes.Buffer) Stream {
		return Stream{Writer: b, Terminal: w.terminal, Width: w.width}
	}
	return &App{
		In: strings.NewReader(w.in), Out: stream(&w.out), Err: stream(&w.err),
		Env: func(k string) string { return w.env[k] },
		Now: func() time.Time { return w.now }, Zone: time.UTC,
		Pause: func(ctx context.Context, d time.Duration) error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			w.now = w.now.Add(d)
			if w.pauses >= len(w.script) {
				return errScriptOver
			}
			w.script[w.pauses]()
			w.pauses++
			return context.Cause(ctx)
		},
		Interrupts: func() (<-chan os.Signal, func()) { return w.signals, func() {} },
	}
}

// run runs a command line in a fresh process, so to speak, and returns its exit code.
// What it printed is in out and err.
func (w *world) run(args ...string) (code int) {
	w.out.Reset()
	w.err.Reset()
	w.pauses = 0
	return w.app().Run(w.Context(), args)
}

// ok is run for a command that must succeed; it returns what it printed.
func (w *world) ok(args ...string) string {
	w.Helper()
	if code := w.run(args...); code != ExitOK {
		w.Errorf("packhorse %s: exit code %d\n%s", strings.Join(args, " "), code, w.err.String())
	}
	return w.out.String()
}

// fails is run for a command that must end with a code; it returns its errors.
func (w *world) fails(code int, args ...string) string {
	w.Helper()
	if got := w.run(args...); got != code {
		w.Errorf("packhorse %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, w.out.String(), w.err.String())
	}
	return w.err.String()
}

// put changes the state of a job.
func (w *world) put(id string, status types.JobStatus, changes ...func(*types.JobDetail)) {
	w.server.Update(id, func(j *types.JobDetail) {
		j.Status = status
		if status == types.JobStatusRunning {
			j.StartedAt = aws.Int64(w.now.UnixMilli())
			j.StatusReason = nil
		}
		if ended(status) {
			j.StoppedAt = aws.Int64(w.now.UnixMilli())
		}
		for _, c := range changes {
			c(j)
		}
	})
}

func reason(text string) func(*types.JobDetail) {
	return func(j *types.JobDetail) { j.StatusReason = aws.String(text) }
}

func exited(code int32) func(*types.JobDetail) {
	return func(j *types.JobDetail) {
		j.Container.ExitCode = aws.Int32(code)
		j.StatusReason = aws.String("Essential container in task exited")
	}
}

func stream(name string) func(*types.JobDetail) {
	return func(j *types.JobDetail) { j.Container.LogStreamName = aws.String(name) }
}

// attempt ends the attempt under way and keeps it among those that were.
func attempt(reason, containerReason string, code int32, started, stopped time.Time) func(*types.JobDetail) {
	return func(j *types.JobDetail) {
		a := types.AttemptDetail{
			StatusReason: aws.String(reason), StartedAt: aws.Int64(started.UnixMilli()), StoppedAt: aws.Int64(stopped.UnixMilli()),
			Container: &types.AttemptContainerDetail{
				LogStreamName:        j.Container.LogStreamName,
				ContainerInstanceArn: aws.String("arn:aws:ecs:us-east-1:123456789012:container-instance/cluster/4f00d"),
			},
		}
		if containerReason != "" {
			a.Container.Reason = aws.String(containerReason)
		}
		if code >= 0 {
			a.Container.ExitCode = aws.Int32(code)
		}
		j.Attempts = append(j.Attempts, a)
	}
}

// golden compares with a file in testdata; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *updateGolden {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update makes it)", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

// same compares two texts.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// file writes a file for a command to read.
func (w *world) file(name, content string) string {
	w.Helper()
	path := filepath.Join(w.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

type ctx = context.Context

// redirect makes the client of a running command talk to another address.
func redirect(a *App, url string) {
	old := a.client
	a.client, a.flags.endpoint = nil, url
	moved, err := a.connect(context.Background())
	if err != nil {
		panic(err)
	}
	*old = *moved
	a.client = old
}
