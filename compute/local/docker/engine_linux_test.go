package docker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// ownEngine is a dockerd of the test's own, which it may stop and kill. Its
// containerd is a process apart, as where systemd starts both, so that containers
// outlive a crash of the daemon.
type ownEngine struct {
	t          *testing.T
	dir        string
	args       []string
	containerd *exec.Cmd
	dockerd    *exec.Cmd
}

// newOwnEngine starts a second daemon beside the machine's, sharing nothing with it.
func newOwnEngine(t *testing.T, args ...string) *ownEngine {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a Docker daemon of its own")
	}
	for _, program := range []string{"dockerd", "containerd"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			t.Skipf("needs root and %s to start an engine of its own", program)
		}
	}
	needEngine(t)                       // where one runs, a second will
	dir, err := os.MkdirTemp("", "phd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	e := &ownEngine{t: t, dir: dir, args: args}
	t.Cleanup(e.cleanUp)
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		e.path("cd-root"), e.path("cd-state"), e.path("c.sock"))
	if err := os.WriteFile(e.path("containerd.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e.containerd = e.begin("containerd", "--config", e.path("containerd.toml"))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(e.path("c.sock")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Skipf("a second containerd does not start here\n%s", e.log())
		}
	}
	e.start()
	return e
}

func (e *ownEngine) path(name string) string { return filepath.Join(e.dir, name) }

func (e *ownEngine) host() string { return "unix://" + e.path("d.sock") }

// begin starts a program whose output goes to the log.
func (e *ownEngine) begin(name string, args ...string) *exec.Cmd {
	e.t.Helper()
	output, err := os.OpenFile(e.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer output.Close()
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = output, output
	// In a network of its own: without one, a daemon that is told to make no bridge
	// deletes the docker0 of the machine's daemon.
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		e.t.Fatal(err)
	}
	return command
}

func (e *ownEngine) start() {
	e.t.Helper()
	e.dockerd = e.begin("dockerd", append([]string{
		"--host", e.host(), "--containerd", e.path("c.sock"), "--data-root", e.path("data"), "--exec-root", e.path("exec"),
		"--pidfile", e.path("pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false"}, e.args...)...)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, err := Probe(e.t.Context(), e.host())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("the second dockerd does not start: %v\n%s", err, e.log())
		}
	}
}

// end ends the daemon: SIGTERM is an orderly stop, SIGKILL a crash.
func (e *ownEngine) end(signal syscall.Signal) {
	if e.dockerd != nil {
		e.dockerd.Process.Signal(signal)
		e.dockerd.Wait()
		e.dockerd = nil
	}
}

// cleanUp ends all processes that this engine began, and removes its files.
func (e *ownEngine) cleanUp() {
	e.end(syscall.SIGTERM)
	shims, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range shims {
		line, _ := os.ReadFile(file)
		if !strings.Contains(strings.SplitN(string(line), "\x00", 2)[0], "containerd-shim") || !strings.Contains(string(line), e.dir) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		for child := range strings.FieldsSeq(string(children)) {
			n, _ := strconv.Atoi(child)
			syscall.Kill(n, syscall.SIGKILL)
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if e.containerd != nil {
		e.containerd.Process.Signal(syscall.SIGTERM)
		e.containerd.Wait()
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, e.dir+"/") {
			syscall.Unmount(at, syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(e.dir); err != nil {
		e.t.Logf("cannot remove %s: %v", e.dir, err)
	}
}

func (e *ownEngine) log() string {
	f, err := os.Open(e.path("log"))
	if err != nil {
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(f)
	lines := strings.Split(string(data), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

func TestEngineStops_tasksAreLostAndSayWhy(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"in order": syscall.SIGTERM, "by a crash": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			e := newOwnEngine(t)
			g := newRig(t, func(o *Options) { o.Host = e.host() })
			dir := t.TempDir()
			task := g.run(job("echo x >> /out/count; sleep 600", withHostDir(dir, "/out")))
			g.awaitState(task.ID, compute.TaskRunning)
			e.end(signal)
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
			e.start()
			got := g.awaitState(task.ID, compute.TaskStopped)
			if got.StopCode != compute.StopHostLost || got.Containers[0].ExitCode != nil || got.Reason != reasonRestarted {
				t.Errorf("end = %+v, want %s without exit code, %q", got, compute.StopHostLost, reasonRestarted)
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
	g := newRig(t, func(o *Options) { o.Host = e.host() })
	flag := t.TempDir()
	script := "echo before; while [ ! -e /flag/go ]; do sleep 0.05; done; echo after; exit 3"
	task := g.run(job(script, withHostDir(flag, "/flag")))
	stopped := g.run(job("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"))
	g.awaitState(task.ID, compute.TaskRunning)
	g.awaitOutput(stopped, "ready")
	e.end(syscall.SIGKILL)
	g.Stop(t.Context(), stopped.ID, "while the engine is away")
	e.start()
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
	g := newRig(t, func(o *Options) { o.Host = e.host() })
	dir := t.TempDir()
	var tasks []compute.Task
	for range 12 {
		task := job("echo $ID >> /out/started", withHostDir(dir, "/out"))
		task.Containers[0].Env = []compute.EnvVar{{Name: "ID", Value: task.ID}}
		tasks = append(tasks, g.run(task))
	}
	g.awaitState(tasks[0].ID, compute.TaskRunning)
	e.end(syscall.SIGKILL)
	e.start()
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
