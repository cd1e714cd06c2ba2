package process_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// daemon is a script that leaves a process behind which has left its parent, its
// process group and its session, and logs that one's process id.
const daemon = `(setsid sh -c 'echo $$; exec sleep 3600' >&1 2>&1 &) ; sleep 0.05; `

// supervisorOf finds the process that supervises a task.
func (b *bench) supervisorOf(id string) int {
	b.Helper()
	past, err := supervisor.ReadJournal(supervisor.JournalPath(b.taskDir(id)))
	if err != nil || past.Supervisor == 0 {
		b.Fatalf("task %s has no supervisor: %v", id, err)
	}
	return past.Supervisor
}

func (b *bench) kill(pid int) {
	b.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.Fatalf("kill %d: %v", pid, err)
	}
}

// lives reports whether a process runs: neither gone nor waiting to be reaped.
func lives(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTheEndOfTheCommandEndsWhatItStarted(t *testing.T) {
	tests := map[string]string{
		"a child":                     "sh -c 'echo $$; exec sleep 3600' & sleep 0.05; exit 6",
		"a daemon":                    daemon + "exit 6",
		"one that hides its variable": `(setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 3600' &) ; sleep 0.05; exit 6`,
		"one that ignores SIGTERM":    `(setsid sh -c 'trap "" TERM HUP; echo $$; while :; do sleep 0.01; done' &) ; sleep 0.05; exit 6`,
	}
	b := newBench(t)
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			task := shell(script)
			if got := b.ends(task); code(got) != 6 {
				t.Errorf("exit code %d, want 6", code(got))
			}
			if pid := number(t, b.output(task.Containers[0])[0]); lives(pid) {
				t.Errorf("process %d lives on after its task", pid)
			}
		})
	}
}

func TestATaskWithoutItsSupervisorIsLost(t *testing.T) {
	b := newBench(t)
	task := b.run(shell(daemon + "exec sleep 3600"))
	left := number(t, b.prints(task))
	b.kill(b.supervisorOf(task.ID))
	got := b.stopped(task.ID)
	if got.StopCode != compute.StopHostLost || code(got) != -1 || got.StartedAt.IsZero() || got.Reason == "" {
		t.Errorf("status = %+v, want %s", got, compute.StopHostLost)
	}
	if lives(left) {
		t.Errorf("process %d lives although its task is told as lost", left)
	}
	b.reopen()
	if again := b.listed(task.ID); !cmp.Equal(again, got) {
		t.Errorf("after reopening (-want +got):\n%s", cmp.Diff(got, again))
	}
}

func (b *bench) listed(id string) compute.TaskStatus {
	b.Helper()
	list, err := b.runtime.ListTasks(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range list {
		if s.ID == id {
			return s
		}
	}
	return compute.TaskStatus{}
}

func TestATaskLostWhileTheServerIsDown(t *testing.T) {
	b := newBench(t)
	task := b.run(shell(daemon + "exec sleep 3600"))
	left := number(t, b.prints(task))
	pid := b.supervisorOf(task.ID)
	b.close()
	b.kill(pid)
	b.open()
	if got := b.stopped(task.ID); got.StopCode != compute.StopHostLost || got.StartedAt.IsZero() {
		t.Errorf("status = %+v, want %s", got, compute.StopHostLost)
	}
	if lives(left) {
		t.Errorf("process %d lives although its task is told as lost", left)
	}
	b.run(task)
	b.ends(shell("echo marker"))
	if diff := cmp.Diff([]string{strconv.Itoa(left)}, b.output(task.Containers[0])); diff != "" {
		t.Errorf("a lost task was run again; log (-want +got):\n%s", diff)
	}
}

func TestTasksOutliveTheServer(t *testing.T) {
	b := newBench(t)
	b.close()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), serverEnv+"="+b.dir)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("server said %q, %v", line, err)
	}
	b.kill(server.Process.Pid)
	server.Wait()

	b.open()
	task := serverTask()
	running := b.running(task.ID)
	if got := b.prints(task); got != "before" {
		t.Errorf("log begins with %q", got)
	}
	b.touch(task.ID, "go")
	got := b.stopped(task.ID)
	if code(got) != 9 || !got.StartedAt.Equal(running.StartedAt) {
		t.Errorf("ended as %+v, want exit code 9 and the start of %v", got, running.StartedAt)
	}
	if diff := cmp.Diff([]string{"before", "after"}, b.output(task.Containers[0])); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestATaskThatEndsWhileTheServerIsDown(t *testing.T) {
	b := newBench(t)
	task := b.run(shell("echo up; while [ ! -e go ]; do sleep 0.01; done; exit 8"))
	b.prints(task)
	pid := b.supervisorOf(task.ID)
	b.close()
	b.touch(task.ID, "go")
	for lives(pid) {
		time.Sleep(time.Millisecond) // it is a child of nobody here that could be waited for
	}
	b.open()
	if got := b.stopped(task.ID); code(got) != 8 || got.StopCode != compute.StopEssentialExited {
		t.Errorf("status = %+v, want exit code 8", got)
	}
}

func TestARunThatWasInterruptedCanBeRepeated(t *testing.T) {
	tests := map[string]func(dir string) error{
		"an empty directory": func(dir string) error { return nil },
		"half a description": func(dir string) error {
			return os.WriteFile(supervisor.JournalPath(dir), []byte(`{"Task": {"ID": "`), 0o600)
		},
		"a description without a supervisor": func(dir string) error {
			return os.WriteFile(supervisor.JournalPath(dir), []byte(`{"Task": {"ID": "`+filepath.Base(dir)+`"}}`+"\n"), 0o600)
		},
	}
	for name, leave := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.close()
			task, other := shell("exit 2"), shell("")
			for _, id := range []string{task.ID, other.ID} {
				if err := errors.Join(os.Mkdir(b.taskDir(id), 0o700), leave(b.taskDir(id))); err != nil {
					t.Fatal(err)
				}
			}
			b.open()
			if got := b.listed(task.ID); got.ID != "" {
				t.Errorf("ListTasks tells %+v before anything was run", got)
			}
			if got := b.ends(task); code(got) != 2 {
				t.Errorf("status = %+v, want exit code 2", got)
			}
			if err := b.runtime.Forget(t.Context(), other.ID); err != nil {
				t.Errorf("Forget = %v", err)
			}
			if _, err := os.Stat(b.taskDir(other.ID)); !os.IsNotExist(err) {
				t.Errorf("the directory after Forget: %v, want none", err)
			}
		})
	}
}

// A power cut takes the supervisor, and maybe the end that it had written.
func TestAStartedTaskWithoutAnEndIsNeverStartedAgain(t *testing.T) {
	b := newBench(t)
	task := shell("echo once")
	b.ends(task)
	b.close()
	path := supervisor.JournalPath(b.taskDir(task.ID))
	journal, err := os.ReadFile(path)
	if err := errors.Join(err, os.Truncate(path, int64(len(journal)-20))); err != nil {
		t.Fatal(err)
	}
	b.history = map[string][]compute.TaskStatus{}
	b.open()
	if got := b.stopped(task.ID); got.StopCode != compute.StopHostLost {
		t.Errorf("status = %+v, want %s", got, compute.StopHostLost)
	}
	b.run(task)
	b.ends(shell("echo marker"))
	if diff := cmp.Diff([]string{"once"}, b.output(task.Containers[0])); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// superviseAgain hands a task over to a supervisor of its own, and returns what that
// has to complain of.
func superviseAgain(t *testing.T, dir, taskDir string) string {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s")})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	message, control := supervisor.Handover(taskDir, socket.Fd())
	if err := syscall.Sendmsg(pair[0], message, control, nil, 0); err != nil {
		t.Fatal(err)
	}
	ours.Close()
	second := exec.Command(os.Args[0], supervisor.Verb, dir)
	second.Env = []string{supervisor.EarlyEnv + "=1"}
	second.ExtraFiles = []*os.File{theirs}
	out, err := second.CombinedOutput()
	if err != nil {
		t.Errorf("second supervisor = %v", err)
	}
	return string(out)
}

func TestASecondSupervisorLeaves(t *testing.T) {
	b := newBench(t)
	running := b.run(shell("echo once; exec sleep 3600"))
	b.prints(running)
	ended := shell("echo once")
	b.ends(ended)
	for _, task := range []compute.Task{running, ended} {
		if out := superviseAgain(t, b.dir, b.taskDir(task.ID)); out != "" {
			t.Errorf("second supervisor says %s; want it to leave the task alone quietly", out)
		}
		if diff := cmp.Diff([]string{"once"}, b.output(task.Containers[0])); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	}
	byHand := exec.Command(os.Args[0], supervisor.Verb, b.taskDir(ended.ID))
	byHand.Env = []string{supervisor.EarlyEnv + "=1"}
	if out, err := byHand.CombinedOutput(); err == nil || !strings.Contains(string(out), "packhorse serve starts supervisors") {
		t.Errorf("a supervisor started by hand = %v, %s; want it to say who starts them", err, out)
	}
	if got := process.Supervise(nil); got != 2 {
		t.Errorf("Supervise without a directory = %d, want 2", got)
	}
}

// Something removes old files from the temporary directory.
func TestATaskWhoseSocketIsGone(t *testing.T) {
	t.Parallel() // the supervisor looks for a request to stop every 10 s
	b := newBench(t)
	script := "echo up; while [ ! -e go ]; do sleep 0.01; done; exit 4"
	ends, stops := b.run(shell(script)), b.run(shell(script))
	b.prints(ends)
	b.prints(stops)
	b.close()
	for _, task := range []compute.Task{ends, stops} {
		past, err := supervisor.ReadJournal(supervisor.JournalPath(b.taskDir(task.ID)))
		if err := errors.Join(err, os.Remove(past.Task.Socket)); err != nil {
			t.Fatal(err)
		}
	}
	b.history = map[string][]compute.TaskStatus{}
	b.open()
	for _, task := range []compute.Task{ends, stops} {
		if got := b.running(task.ID); got.StartedAt.IsZero() {
			t.Errorf("status = %+v, want it RUNNING since some time", got)
		}
	}
	b.touch(ends.ID, "go")
	if got := b.stopped(ends.ID); code(got) != 4 {
		t.Errorf("ended as %+v, want exit code 4", got)
	}
	if testing.Short() {
		b.touch(stops.ID, "go") // Stop takes up to 10 s
		return
	}
	if err := b.runtime.Stop(t.Context(), stops.ID, "no longer wanted"); err != nil {
		t.Fatal(err)
	}
	if got := b.stopped(stops.ID); got.StopCode != compute.StopUser || got.Reason != "no longer wanted" {
		t.Errorf("ended as %+v, want it stopped", got)
	}
}
