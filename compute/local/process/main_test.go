//go:build unix

package process_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process"
	"github.com/packhorse-batch/packhorse/logs"
)

// serverEnv makes the test binary a server over the directory that it names: one
// that runs a task and can then be killed.
const serverEnv = "PACKHORSE_TEST_SERVER"

// As a supervisor the test binary never comes here: see package supervisor.
func TestMain(m *testing.M) {
	if dir := os.Getenv(serverEnv); dir != "" {
		os.Exit(serve(dir))
	}
	os.Exit(m.Run())
}

// serve runs the task of serverTask, says so, and lives until it is killed.
func serve(dir string) int {
	r, err := process.Open(options(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := r.Run(context.Background(), serverTask()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	select {}
}

func options(dir string) process.Options {
	return process.Options{Dir: filepath.Join(dir, "tasks"), Logs: filepath.Join(dir, "logs"), Log: slog.New(slog.DiscardHandler)}
}

// patience bounds each wait of these tests; waits end as soon as they can.
const patience = 30 * time.Second

const (
	logGroup = "/aws/batch/job"
)

// bench is a runtime over a directory, and what it told.
type bench struct {
	*testing.T
	dir     string
	runtime *process.Runtime

	mu      sync.Mutex
	history map[string][]compute.TaskStatus
	changed chan struct{}
	unwatch func()
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, dir: t.TempDir(), history: map[string][]compute.TaskStatus{}, changed: make(chan struct{}, 1)}
	t.Cleanup(b.stopAll)
	b.open()
	return b
}

func (b *bench) open() {
	b.Helper()
	r, err := process.Open(options(b.dir))
	if err != nil {
		b.Fatal(err)
	}
	b.runtime = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Watch(ctx, b.take)
	}()
	b.unwatch = func() { cancel(); <-done }
}

// close ends the runtime as the end of the server would; tasks go on.
func (b *bench) close() {
	b.Helper()
	b.unwatch()
	if err := b.runtime.Close(); err != nil {
		b.Errorf("Close() = %v", err)
	}
}

func (b *bench) reopen() {
	b.Helper()
	b.close()
	b.open()
}

// stopAll leaves nothing running when a test ends, however it ends.
func (b *bench) stopAll() {
	if b.runtime == nil {
		return
	}
	list, err := b.runtime.ListTasks(context.Background())
	if err != nil {
		return
	}
	for _, s := range list {
		b.runtime.Kill(context.Background(), s.ID, "the test is over")
	}
	for _, s := range list {
		b.stopped(s.ID)
	}
	b.close()
}

func (b *bench) take(news []compute.News) {
	b.mu.Lock()
	for _, n := range news {
		b.history[n.Task.ID] = append(b.history[n.Task.ID], *n.Task)
	}
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *bench) told(id string) []compute.TaskStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.history[id]
}

// reaches waits for news of a task in a state, and returns it.
func (b *bench) reaches(id string, state compute.TaskState) compute.TaskStatus {
	b.Helper()
	timeout := time.After(patience)
	for {
		for _, s := range b.told(id) {
			if s.State == state {
				return s
			}
		}
		select {
		case <-b.changed:
		case <-timeout:
			b.Fatalf("task %s: no news of %s after %v; told: %+v", id, state, patience, b.told(id))
		}
	}
}

func (b *bench) stopped(id string) compute.TaskStatus {
	b.Helper()
	return b.reaches(id, compute.TaskStopped)
}

func (b *bench) running(id string) compute.TaskStatus {
	b.Helper()
	return b.reaches(id, compute.TaskRunning)
}

func newID() string { return strings.ReplaceAll(uuid.NewString(), "-", "") }

// shell is a task of one container that runs a script; it has half a second
// between SIGTERM and SIGKILL.
func shell(script string) compute.Task {
	id := newID()
	return compute.Task{
		ID: id, JobID: "job-" + id[:8], Attempt: 1, Host: "h1",
		Containers: []compute.Container{container("default", id, "sh", "-c", script)},
	}
}

func container(name, id string, command ...string) compute.Container {
	return compute.Container{
		Name: name, Image: "busybox", Command: command, Essential: true,
		LogGroup: logGroup, LogStream: "test/" + name + "/" + id, StopTimeout: 500 * time.Millisecond,
	}
}

func (b *bench) run(task compute.Task) compute.Task {
	b.Helper()
	if err := b.runtime.Run(b.Context(), task); err != nil {
		b.Fatalf("Run(%s) = %v", task.ID, err)
	}
	return task
}

// ends runs a task and waits for its end.
func (b *bench) ends(task compute.Task) compute.TaskStatus {
	b.Helper()
	return b.stopped(b.run(task).ID)
}

// output is what the container of a task has logged.
func (b *bench) output(c compute.Container) []string {
	b.Helper()
	store, err := logs.Open(filepath.Join(b.dir, "logs"))
	if err != nil {
		b.Fatal(err)
	}
	page, err := store.Events(b.Context(), c.LogGroup, c.LogStream, logs.EventsQuery{FromHead: true})
	if err != nil {
		b.Fatal(err)
	}
	lines := []string{}
	for _, e := range page.Events {
		lines = append(lines, e.Message)
	}
	return lines
}

// prints waits until a task runs and its first container has logged a line, and
// returns the line.
func (b *bench) prints(task compute.Task) string {
	b.Helper()
	b.running(task.ID)
	c := task.Containers[0]
	store, err := logs.Open(filepath.Join(b.dir, "logs"))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for page, err := range store.Follow(ctx, c.LogGroup, c.LogStream, "") {
		if err != nil {
			b.Fatalf("waiting for a line of %s: %v", c.LogStream, err)
		}
		return page.Events[0].Message
	}
	return ""
}

// code is the exit code of a status's first container, -1 for none.
func code(s compute.TaskStatus) int32 {
	if len(s.Containers) == 0 || s.Containers[0].ExitCode == nil {
		return -1
	}
	return *s.Containers[0].ExitCode
}

func openAgain(dir string) (*process.Runtime, error) { return process.Open(options(dir)) }

// serverTask is what serve runs.
func serverTask() compute.Task {
	task := shell("")
	task.ID = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
	task.Containers[0].LogStream = "test/default/server"
	task.Containers[0].Command = []string{"sh", "-c", `echo before; while [ ! -e go ]; do sleep 0.01; done; echo after; exit 9`}
	return task
}

func (b *bench) taskDir(id string) string { return filepath.Join(b.dir, "tasks", id) }

// touch makes a file in the scratch directory of a task.
func (b *bench) touch(id, name string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.taskDir(id), "work", name), nil, 0o600); err != nil {
		b.Fatal(err)
	}
}
