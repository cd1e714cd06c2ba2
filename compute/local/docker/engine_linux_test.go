package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/docker/dockertest"
)

// newOwnEngine starts a second daemon, where one runs already: there a second will.
func newOwnEngine(t *testing.T, args ...string) *dockertest.Engine {
	t.Helper()
	needEngine(t)
	return dockertest.New(t, args...)
}

func TestEngineStops_tasksAreLostAndSayWhy(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"in order": syscall.SIGTERM, "by a crash": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			e := newOwnEngine(t)
			g := newRig(t, func(o *Options) { o.Host = e.Host() })
			dir := t.TempDir()
			task := g.run(job("echo x >> /out/count; sleep 600", withHostDir(dir, "/out")))
			g.awaitState(task.ID, compute.TaskRunning)
			// One that has its own exit code for being told to end.
			polite := g.run(job("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
			g.awaitOutput(polite, "ready")
			e.End(signal)
			for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
				err := g.Run(t.Context(), job("true"))
				if errors.Is(err, compute.ErrUnavailable) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("Run without an engine = %v, want ErrUnavailable", err)
				}
			}
			if list, err := g.ListTasks(t.Context()); err != nil || find(list, task.ID).StartedAt.IsZero() {
				t.Errorf("without an engine ListTasks = %+v, %v; want what was last known", list, err)
			}
			e.Start()
			for _, id := range []string{task.ID, polite.ID} {
				got := g.awaitState(id, compute.TaskStopped)
				if got.StopCode != compute.StopHostLost || got.Containers[0].ExitCode != nil || got.Reason != reasonRestarted {
					t.Errorf("end = %+v, want %s without exit code, %q", got, compute.StopHostLost, reasonRestarted)
				}
			}
			if data, _ := os.ReadFile(filepath.Join(dir, "count")); string(data) != "x\n" {
				t.Errorf("it wrote %q, want one line: it was started once", data)
			}
			after := job("exit 0")
			for deadline := time.Now().Add(patience); g.Run(t.Context(), after) != nil; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("Run is still refused after the engine came back")
				}
			}
			if got := g.awaitState(after.ID, compute.TaskStopped); exitCode(got, 0) != 0 {
				t.Errorf("a task after the restart ended %+v", got)
			}
		})
	}
}

func find(list []compute.TaskStatus, id string) compute.TaskStatus {
	for _, s := range list {
		if s.ID == id {
			return s
		}
	}
	return compute.TaskStatus{}
}

func TestEngineStops_tasksGoOnWithLiveRestore(t *testing.T) {
	e := newOwnEngine(t, "--live-restore")
	g := newRig(t, func(o *Options) { o.Host = e.Host() })
	flag := t.TempDir()
	script := "echo before; while [ ! -e /flag/go ]; do sleep 0.05; done; echo after; exit 3"
	task := g.run(job(script, withHostDir(flag, "/flag")))
	stopped := g.run(job("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
	g.awaitState(task.ID, compute.TaskRunning)
	g.awaitOutput(stopped, "ready")
	e.End(syscall.SIGKILL)
	g.Stop(t.Context(), stopped.ID, "while the engine is away")
	e.Start()
	os.WriteFile(filepath.Join(flag, "go"), nil, 0o644)
	if got := g.awaitState(task.ID, compute.TaskStopped); exitCode(got, 0) != 3 || got.StopCode != compute.StopEssentialExited {
		t.Errorf("end = %+v, want exit code 3", got)
	}
	if out := g.output(task.Containers[0]); out != "before\nafter\n" {
		t.Errorf("output = %q", out)
	}
	if got := g.awaitState(stopped.ID, compute.TaskStopped); exitCode(got, 0) != 9 || got.StopCode != compute.StopUser {
		t.Errorf("end of the stopped task = %+v, want exit code 9, %s", got, compute.StopUser)
	}
}

func TestEngineStops_whileTasksStart(t *testing.T) {
	e := newOwnEngine(t)
	g := newRig(t, func(o *Options) { o.Host = e.Host() })
	dir := t.TempDir()
	var tasks []compute.Task
	for range 12 {
		task := job("echo $ID >> /out/started", withHostDir(dir, "/out"))
		task.Containers[0].Env = []compute.EnvVar{{Name: "ID", Value: task.ID}}
		tasks = append(tasks, g.run(task))
	}
	g.awaitState(tasks[0].ID, compute.TaskRunning)
	e.End(syscall.SIGKILL)
	e.Start()
	for _, task := range tasks {
		g.awaitState(task.ID, compute.TaskStopped)
	}
	data, _ := os.ReadFile(filepath.Join(dir, "started"))
	starts := map[string]int{}
	for line := range strings.Lines(string(data)) {
		starts[strings.TrimSpace(line)]++
	}
	for _, task := range tasks {
		got := find(must(g.ListTasks(t.Context())), task.ID)
		if starts[task.ID] > 1 {
			t.Errorf("task %s was started %d times", task.ID, starts[task.ID])
		}
		switch {
		case got.StopCode == compute.StopEssentialExited && exitCode(got, 0) == 0 && starts[task.ID] == 1:
		case got.StopCode == compute.StopHostLost: // it was about to start, or running
		default:
			t.Errorf("task %s was started %d times and ended %s, exit code %d, %q", task.ID, starts[task.ID], got.StopCode, exitCode(got, 0), got.Containers[0].Reason)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
