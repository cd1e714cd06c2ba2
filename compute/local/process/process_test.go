//go:build unix

package process_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

func TestATaskRunsToItsEnd(t *testing.T) {
	tests := map[string]struct {
		script string
		code   int32
	}{
		"success":                 {"exit 0", 0},
		"failure":                 {"exit 3", 3},
		"the largest exit code":   {"exit 255", 255},
		"ended by a signal":       {"kill -USR1 $$", 128 + int32(syscall.SIGUSR1)},
		"killed":                  {"kill -KILL $$", 137},
		"a command of its end":    {"exec false", 1},
		"standard input is empty": {"! read line", 0},
	}
	b := newBench(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := shell(test.script)
			got := b.ends(task)
			if code(got) != test.code || got.StopCode != compute.StopEssentialExited || got.Reason != "Essential container in task exited" {
				t.Errorf("%q ended with %d, %s, %q; want %d", test.script, code(got), got.StopCode, got.Reason, test.code)
			}
			if got.JobID != task.JobID || got.Attempt != 1 || got.Host != "h1" {
				t.Errorf("status is of job %s, attempt %d, host %s", got.JobID, got.Attempt, got.Host)
			}
			if got.StartedAt.IsZero() || got.StoppedAt.Before(got.StartedAt) {
				t.Errorf("StartedAt %v, StoppedAt %v", got.StartedAt, got.StoppedAt)
			}
			if !strings.Contains(got.Notes, "image busybox ignored: this task runs as a plain process") {
				t.Errorf("Notes = %q", got.Notes)
			}
		})
	}
}

func TestNewsComesInOrder(t *testing.T) {
	b := newBench(t)
	task := b.run(shell("exit 0"))
	b.stopped(task.ID)
	var states []compute.TaskState
	var version int64
	for _, s := range b.told(task.ID) {
		if s.Version <= version {
			t.Errorf("version %d after %d", s.Version, version)
		}
		version = s.Version
		states = append(states, s.State)
	}
	if states[0] != compute.TaskPending || states[len(states)-1] != compute.TaskStopped {
		t.Errorf("states = %v", states)
	}
}

func TestOutputIsLogged(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	tests := map[string]struct {
		script string
		want   []string
	}{
		"lines":                        {"echo one; echo two", []string{"one", "two"}},
		"standard error":               {"echo problem >&2", []string{"problem"}},
		"no newline at the end":        {"printf 'one\ntwo'", []string{"one", "two"}},
		"an empty line":                {"echo; echo two", []string{"", "two"}},
		"a line in parts":              {"printf on; sleep 0.05; echo e", []string{"one"}},
		"bytes that are no text":       {`printf 'a\377\000b\n'`, []string{"a\uFFFD\x00b"}},
		"a long line":                  {"echo " + long, []string{long}},
		"a line longer than an event":  {"head -c 300000 /dev/zero | tr '\\0' y; echo end", []string{strings.Repeat("y", logs.MaxMessage), strings.Repeat("y", 300000-logs.MaxMessage) + "end"}},
		"a line as long as an event":   {"head -c 262144 /dev/zero | tr '\\0' y; sleep 0.05; echo; echo end", []string{strings.Repeat("y", logs.MaxMessage), "end"}},
		"nothing":                      {"true", []string{}},
		"of a child that outlives it":  {"(echo child; sleep 60) & sleep 0.1; echo parent", []string{"child", "parent"}},
		"after the pipe was full once": {"seq 1 2000", count(2000)},
	}
	b := newBench(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := shell(test.script)
			if got := b.ends(task); code(got) != 0 {
				t.Fatalf("exit code %d: %+v", code(got), got)
			}
			if diff := cmp.Diff(test.want, b.output(task.Containers[0])); diff != "" {
				t.Errorf("log (-want +got):\n%.2000s", diff)
			}
		})
	}
}

func count(n int) []string {
	var all []string
	for i := range n {
		all = append(all, strconv.Itoa(i+1))
	}
	return all
}

func TestMuchOutputIsLoggedWhole(t *testing.T) {
	b := newBench(t)
	task := shell("seq 1 300000")
	b.ends(task)
	store, _ := logs.Open(filepath.Join(b.dir, "logs"))
	token, next := "", 1
	for {
		page, err := store.Events(t.Context(), logGroup, task.Containers[0].LogStream, logs.EventsQuery{FromHead: true, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) == 0 {
			break
		}
		for _, e := range page.Events {
			if e.Message != strconv.Itoa(next) {
				t.Fatalf("line %d = %q", next, e.Message)
			}
			next++
		}
		token = page.Forward
	}
	if next != 300001 {
		t.Errorf("lines = %d, want 300000", next-1)
	}
}

func TestWithoutALogGroupOutputIsDropped(t *testing.T) {
	b := newBench(t)
	task := shell("seq 1 100000; exit 4")
	task.Containers[0].LogGroup = ""
	if got := b.ends(task); code(got) != 4 {
		t.Errorf("exit code %d, want 4", code(got))
	}
}

func TestTheEnvironmentIsSmall(t *testing.T) {
	t.Setenv("PATH", os.Getenv("PATH"))
	t.Setenv("HOME", "/home/of/server")
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("TMPDIR", "/tmp")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not for jobs")
	b := newBench(t)
	task := shell("env | sort; pwd")
	c := &task.Containers[0]
	c.Env = []compute.EnvVar{{Name: "AWS_BATCH_JOB_ID", Value: "j1"}, {Name: "LANG", Value: "de_DE.UTF-8"}, {Name: "SPACED", Value: "a b"}}
	task.Volumes = []compute.Volume{{Name: "ref-data", HostPath: "/data/ref"}, {Name: "scratch"}}
	c.Mounts = []compute.Mount{{Volume: "ref-data", Path: "/mnt/ref"}, {Volume: "scratch", Path: "/scratch"}}
	got := b.ends(task)
	dir := filepath.Join(b.dir, "tasks", task.ID)
	want := []string{
		"AWS_BATCH_JOB_ID=j1",
		"HOME=/home/of/server",
		"LANG=de_DE.UTF-8",
		"PACKHORSE_MOUNT_REF_DATA=/data/ref",
		"PACKHORSE_MOUNT_SCRATCH=" + dir + "/volumes/SCRATCH",
		"PATH=" + os.Getenv("PATH"),
		"SPACED=a b",
		"TMPDIR=/tmp",
		dir + "/work",
	}
	var lines []string
	for _, line := range b.output(*c) {
		name, _, _ := strings.Cut(line, "=")
		if name != "PACKHORSE_TASK" && name != "PWD" && name != "_" && name != "SHLVL" && name != "OLDPWD" { // the shell's own
			lines = append(lines, line)
		}
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	for _, note := range []string{"volume ref-data is not at /mnt/ref but at $PACKHORSE_MOUNT_REF_DATA", "CPU and memory are not limited"} {
		if !strings.Contains(got.Notes, note) {
			t.Errorf("Notes = %q, want %q in it", got.Notes, note)
		}
	}
	if info, err := os.Stat(dir + "/volumes/SCRATCH"); err != nil || !info.IsDir() {
		t.Errorf("the task's own volume: %v, %v", info, err)
	}
}

func TestWhatCannotStart(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(notExecutable, []byte("echo"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		command []string
		reason  string
	}{
		"no command":          {nil, `CannotStartContainerError: container "default" has no command, and the image's own is not known without Docker: give the job a command`},
		"not in PATH":         {[]string{"no-such-program"}, `CannotStartContainerError: exec: "no-such-program": executable file not found in $PATH`},
		"no such file":        {[]string{"/no/such/file"}, `CannotStartContainerError: exec: "/no/such/file": no such file or directory`},
		"not executable":      {[]string{notExecutable}, "permission denied"},
		"a directory":         {[]string{"/tmp"}, "permission denied"},
		"relative, not there": {[]string{"./run.sh"}, `"./run.sh": no such file or directory`},
	}
	b := newBench(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := shell("")
			task.Containers[0].Command = test.command
			got := b.ends(task)
			if got.StopCode != compute.StopFailedToStart || got.Reason != "Task failed to start" || !got.StartedAt.IsZero() || code(got) != -1 {
				t.Errorf("status = %+v", got)
			}
			if !strings.Contains(got.Containers[0].Reason, test.reason) {
				t.Errorf("reason = %q, want %q in it", got.Containers[0].Reason, test.reason)
			}
		})
	}
}

func TestStop(t *testing.T) {
	tests := map[string]struct {
		script string
		code   int32
	}{
		"obeys":                     {"echo up; exec sleep 60", 143},
		"cleans up first":           {"trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done", 7},
		"ignores SIGTERM":           {"trap '' TERM; echo up; while :; do sleep 0.01; done", 137},
		"its child gets it as well": {"sh -c 'trap \"exit 5\" TERM; echo up; while :; do sleep 0.01; done'; exit $?", 143},
	}
	b := newBench(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := b.run(shell(test.script))
			b.prints(task)
			for range 2 { // the second does nothing
				if err := b.runtime.Stop(t.Context(), task.ID, "no longer wanted"); err != nil {
					t.Fatal(err)
				}
			}
			got := b.stopped(task.ID)
			if code(got) != test.code || got.StopCode != compute.StopUser || got.Reason != "no longer wanted" {
				t.Errorf("ended with %d, %s, %q; want %d", code(got), got.StopCode, got.Reason, test.code)
			}
		})
	}
}

func TestKillDoesNotWait(t *testing.T) {
	b := newBench(t)
	task := shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
	task.Containers[0].StopTimeout = time.Hour
	b.run(task)
	b.prints(task)
	if err := b.runtime.Stop(t.Context(), task.ID, "first"); err != nil {
		t.Fatal(err)
	}
	if err := b.runtime.Kill(t.Context(), task.ID, "second"); err != nil {
		t.Fatal(err)
	}
	if got := b.stopped(task.ID); code(got) != 137 || got.Reason != "first" {
		t.Errorf("ended with %d, %q; want 137, \"first\"", code(got), got.Reason)
	}
}

func TestStopOfWhatDoesNotRun(t *testing.T) {
	b := newBench(t)
	if err := b.runtime.Stop(t.Context(), newID(), "x"); err != nil {
		t.Errorf("Stop of an unknown task = %v", err)
	}
	task := shell("exit 0")
	before := b.ends(task)
	if err := b.runtime.Stop(t.Context(), task.ID, "x"); err != nil {
		t.Errorf("Stop of an ended task = %v", err)
	}
	b.reopen()
	list, _ := b.runtime.ListTasks(t.Context())
	if len(list) != 1 || list[0].StopCode != before.StopCode || list[0].Version != before.Version {
		t.Errorf("after Stop and reopening: %+v, want %+v", list, before)
	}
}

func TestATaskRunsOnceHoweverOftenItIsRun(t *testing.T) {
	b := newBench(t)
	var tasks []compute.Task
	var calls sync.WaitGroup
	for range 20 {
		task := shell("echo once")
		tasks = append(tasks, task)
		for range 2 {
			calls.Go(func() {
				if err := b.runtime.Run(b.Context(), task); err != nil {
					b.Errorf("Run = %v", err)
				}
			})
		}
	}
	calls.Wait()
	for _, task := range tasks {
		b.stopped(task.ID)
	}
	b.reopen()
	for _, task := range tasks {
		b.run(task) // after its end, and after a restart
	}
	b.ends(shell("echo marker"))
	for _, task := range tasks {
		if diff := cmp.Diff([]string{"once"}, b.output(task.Containers[0])); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	}
}

func TestManyShortTasks(t *testing.T) {
	b := newBench(t)
	const tasks = 500
	begin := time.Now()
	var ids []string
	for i := range tasks {
		task := shell(fmt.Sprintf("exit %d", i%8))
		ids = append(ids, b.run(task).ID)
	}
	for i, id := range ids {
		if got := b.stopped(id); code(got) != int32(i%8) {
			t.Errorf("task %d ended with %d, want %d", i, code(got), i%8)
		}
	}
	t.Logf("%d tasks in %v: %.0f/s", tasks, time.Since(begin), tasks/time.Since(begin).Seconds())
	for _, id := range ids {
		if err := b.runtime.Forget(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := b.runtime.ListTasks(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ListTasks after Forget = %d tasks, %v", len(list), err)
	}
}

func TestForget(t *testing.T) {
	b := newBench(t)
	running := b.run(shell("sleep 60"))
	b.running(running.ID)
	if err := b.runtime.Forget(t.Context(), running.ID); err != nil {
		t.Errorf("Forget of a task that runs = %v", err)
	}
	ended := shell("mkdir sealed; touch sealed/file; chmod 500 sealed; echo hello")
	b.ends(ended)
	dir := filepath.Join(b.dir, "tasks", ended.ID)
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the directory of an ended task: %v", err)
	}
	for range 2 {
		if err := b.runtime.Forget(t.Context(), ended.ID); err != nil {
			t.Errorf("Forget = %v", err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory of a forgotten task: %v, want none", err)
	}
	if diff := cmp.Diff([]string{"hello"}, b.output(ended.Containers[0])); diff != "" {
		t.Errorf("log after Forget (-want +got):\n%s", diff)
	}
	list, _ := b.runtime.ListTasks(t.Context())
	if len(list) != 1 || list[0].ID != running.ID || list[0].State != compute.TaskRunning {
		t.Errorf("ListTasks = %+v, want the one that runs", list)
	}
	b.mu.Lock()
	delete(b.history, ended.ID)
	b.mu.Unlock()
	if got := b.ends(ended); code(got) != 0 { // forgotten: as new
		t.Errorf("a forgotten task run again: %+v", got)
	}
}

func TestOneRuntimePerDirectory(t *testing.T) {
	b := newBench(t)
	if r, err := openAgain(b.dir); err == nil {
		r.Close()
		t.Error("a second Open of the directory succeeded")
	}
}

func TestAfterCloseNothingIsAccepted(t *testing.T) {
	b := newBench(t)
	b.close()
	defer b.open()
	if err := b.runtime.Run(context.Background(), shell("true")); err == nil {
		t.Error("Run after Close succeeded")
	}
	if _, err := b.runtime.ListTasks(context.Background()); err == nil {
		t.Error("ListTasks after Close succeeded")
	}
}
