package dockertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// Engine is a dockerd of a test's own. Its containerd is a process apart, as where
// systemd starts both, so that containers outlive a crash of the daemon.
type Engine struct {
	t          testing.TB
	dir        string
	args       []string
	containerd *exec.Cmd
	dockerd    *exec.Cmd
}

const (
	// patience bounds how long the programs may take to start.
	patience = time.Minute
	// look is the time between two looks.
	look = 20 * time.Millisecond
)

// New starts a second daemon, with more arguments, beside the machine's; the two share
// nothing. It skips the test where it may not, or has no programs to.
func New(t testing.TB, args ...string) *Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a Docker daemon of its own")
	}
	for _, program := range []string{"dockerd", "containerd"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			t.Skipf("needs root and %s to start an engine of its own", program)
		}
	}
	dir, err := os.MkdirTemp("", "phd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{t: t, dir: dir, args: args}
	t.Cleanup(e.cleanUp)
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
		e.path("cd-root"), e.path("cd-state"), e.path("c.sock"))
	if err := os.WriteFile(e.path("containerd.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e.containerd = e.begin("containerd", "--config", e.path("containerd.toml"))
	for deadline := time.Now().Add(patience); ; time.Sleep(look) {
		if _, err := os.Stat(e.path("c.sock")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Skipf("a second containerd does not start here\n%s", e.Log())
		}
	}
	e.Start()
	return e
}

func (e *Engine) path(name string) string { return filepath.Join(e.dir, name) }

// Host is the daemon's address as DOCKER_HOST has it.
func (e *Engine) Host() string { return "unix://" + e.path("d.sock") }

// begin starts a program whose output goes to the log.
func (e *Engine) begin(name string, args ...string) *exec.Cmd {
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

// Start starts the daemon again after End, and waits until it answers.
func (e *Engine) Start() {
	e.t.Helper()
	e.dockerd = e.begin("dockerd", append([]string{
		"--host", e.Host(), "--containerd", e.path("c.sock"), "--data-root", e.path("data"), "--exec-root", e.path("exec"),
		"--pidfile", e.path("pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false"}, e.args...)...)
	api, err := client.New(client.WithHost(e.Host()))
	if err != nil {
		e.t.Fatal(err)
	}
	defer api.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(look) {
		_, err := api.Ping(e.t.Context(), client.PingOptions{})
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("the second dockerd does not start: %v\n%s", err, e.Log())
		}
	}
}

// End ends the daemon: SIGTERM is an orderly stop, SIGKILL a crash.
func (e *Engine) End(signal syscall.Signal) {
	if e.dockerd != nil {
		_ = e.dockerd.Process.Signal(signal)
		_ = e.dockerd.Wait() // how it ends is not what a test is about
		e.dockerd = nil
	}
}

// cleanUp ends all processes that this engine began, and removes its files.
func (e *Engine) cleanUp() {
	e.End(syscall.SIGTERM)
	shims, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range shims {
		line, _ := os.ReadFile(file)
		program, _, _ := strings.Cut(string(line), "\x00")
		if !strings.Contains(program, "containerd-shim") || !strings.Contains(string(line), e.dir) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		for child := range strings.FieldsSeq(string(children)) {
			n, _ := strconv.Atoi(child)
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if e.containerd != nil {
		_ = e.containerd.Process.Signal(syscall.SIGTERM)
		_ = e.containerd.Wait()
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, e.dir+"/") {
			_ = syscall.Unmount(at, syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(e.dir); err != nil {
		e.t.Logf("cannot remove %s: %v", e.dir, err)
	}
}

// Log is the end of what the programs wrote.
func (e *Engine) Log() string {
	const most = 10
	data, _ := os.ReadFile(e.path("log"))
	lines := strings.Split(string(data), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
