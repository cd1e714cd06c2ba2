//go:build unix

package laptop

import (
	"bufio"
	"fmt"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that takes a moment on an idle machine.
const patience = 60 * time.Second

// server is packhorse serve on one data folder and address, as one process after the
// other.
type server struct {
	*testing.T
	data    string
	address string
	args    []string // of serve, beside --data and --listen
	env     []string // beside that of the test

	process *process // the last one; nil before the first
}

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	ready  chan struct{} // closed when it serves
	exited chan struct{} // closed when it is gone, with what follows set
	state  *os.ProcessState
	output *output
}

// newServer returns a server that is not started yet. Jobs run as plain processes
// unless args say otherwise.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{T: t, data: t.TempDir(), address: freeAddress(t), args: append([]string{"--runtime", "process"}, args...)}
	t.Cleanup(func() {
		if s.process != nil {
			s.kill()
			if t.Failed() {
				t.Logf("the server's last words:\n%s", s.process.output.tail())
			}
		}
		killTasks(t, s.data)
	})
	return s
}

// freeAddress is a port that nobody has. It is below those that the kernel gives to
// clients: one that calls a server which is down could be given that very port, and
// talk to itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	pick := chance(t, "port")
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+pick.IntN(20_000))
		if listener, err := net.Listen("tcp", address); err == nil {
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			return address
		}
	}
	t.Fatal("no free port found")
	return ""
}

// spawn starts the process and does not wait for it.
func (s *server) spawn() *process {
	s.Helper()
	args := append([]string{"serve", "--listen", s.address, "--data", s.data}, s.args...)
	s.process = runBinary(s.T, s.env, args...)
	return s.process
}

// runBinary starts the binary under test.
func runBinary(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		cmd: exec.Command(packhorse, args...), ready: make(chan struct{}), exited: make(chan struct{}), output: &output{},
	}
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.Stderr = p.output
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		p.read(stdout)
		_ = p.cmd.Wait() // how it ended is in its state
		p.state = p.cmd.ProcessState
	}()
	return p
}

// cleanEnv is the environment without what steers a packhorse or an AWS client.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PACKHORSE_") && !strings.HasPrefix(v, "AWS_") {
			env = append(env, v)
		}
	}
	return env
}

// read takes what the process prints, and notices when it says that it serves.
func (p *process) read(stdout io.Reader) {
	served := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		_, _ = p.output.Write([]byte(lines.Text() + "\n"))
		if !served && strings.HasPrefix(lines.Text(), "Packhorse serves AWS Batch at ") {
			served = true
			close(p.ready)
		}
	}
}

// start starts the server and waits until it serves.
func (s *server) start() {
	s.Helper()
	p := s.spawn()
	select {
	case <-p.ready:
	case <-p.exited:
		s.Fatalf("the server ended with %v instead of serving:\n%s", p.state, p.output.tail())
	case <-time.After(patience):
		s.Fatalf("the server does not serve:\n%s", p.output.tail())
	}
}

// kill ends the server with SIGKILL: it can do nothing about it.
func (s *server) kill() {
	_ = s.process.cmd.Process.Kill() // it may have ended by itself
	<-s.process.exited
}

// stop ends the server as Ctrl-C does.
func (s *server) stop() {
	s.Helper()
	if err := s.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	if code := s.process.wait(s.T); code != 0 {
		s.Errorf("after SIGTERM the server ended with %d, want 0:\n%s", code, s.process.output.tail())
	}
}

// wait waits until the process ends, and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		t.Fatalf("packhorse does not end:\n%s", p.output.tail())
	}
	return p.state.ExitCode()
}

// output is what a process wrote.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// tail is the end of it.
func (o *output) tail() string {
	const most = 4000
	text := o.String()
	return text[max(0, len(text)-most):]
}

// supervisors are the processes that hold the tasks of a data folder, by task id; what
// waits for a task is not among them.
func supervisors(data string) map[string]int {
	processes := supervising(data)
	found := map[string]int{}
	for _, dir := range processes {
		journals, _ := filepath.Glob(supervisor.JournalPath(filepath.Join(dir, "*")))
		for _, path := range journals {
			j, err := supervisor.ReadJournal(path)
			if _, lives := processes[j.Supervisor]; err == nil && lives && j.End == nil {
				found[j.Task.ID] = j.Supervisor
			}
		}
	}
	return found
}

// supervising are all supervisors of a data folder, with or without a task, and the
// directory of their tasks.
func supervising(data string) map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		words := strings.Split(string(line), "\x00")
		if len(words) < 3 || words[1] != supervisor.Verb || !strings.HasPrefix(words[2], data+"/") {
			continue
		}
		pid := 0
		_, _ = fmt.Sscan(filepath.Base(filepath.Dir(file)), &pid)
		found[pid] = words[2]
	}
	return found
}

// killSupervisors kills what holds, or could take up, the tasks of a data folder, and
// returns how many tasks were held. Each is stopped before: else a supervisor could see
// the end of a command that it was just starting, and record it.
func killSupervisors(data string) int {
	var held int
	all := supervising(data)
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for pid := range all {
			_ = syscall.Kill(pid, signal) // it may just have ended
		}
		held = max(held, len(supervisors(data)))
	}
	return held
}

// killTasks ends what a test left running. What a supervisor started dies with it.
func killTasks(t *testing.T, data string) {
	until(t, "the tasks of the test to end", func() bool { return killSupervisors(data) == 0 })
}

// pause is the time between two looks at a condition.
const pause = 10 * time.Millisecond

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}
