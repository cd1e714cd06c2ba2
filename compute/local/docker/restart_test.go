package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

func TestReopen_goesOnWithARunningContainer(t *testing.T) {
	g := newRig(t)
	task := g.run(job("echo before; while [ ! -e /flag/go ]; do sleep 0.05; done; echo after; exit 5", withHostDir(t.TempDir(), "/flag")))
	before := g.awaitState(task.ID, compute.TaskRunning)
	g.awaitOutput(task, "before")
	g.reopen()
	list, err := g.ListTasks(t.Context())
	if err != nil || len(list) != 1 || list[0].State != compute.TaskRunning || !list[0].StartedAt.Equal(before.StartedAt) || list[0].Version != before.Version {
		t.Fatalf("after a restart ListTasks = %+v, %v; want the task as it was: %+v", list, err, before)
	}
	if list[0].JobID != task.JobID || list[0].Attempt != task.Attempt || list[0].Host != task.Host {
		t.Errorf("after a restart the task is of job %q, attempt %d, host %q", list[0].JobID, list[0].Attempt, list[0].Host)
	}
	g.run(task) // asked again: left as it is
	os.WriteFile(filepath.Join(task.Volumes[0].HostPath, "go"), nil, 0o644)
	got := g.awaitState(task.ID, compute.TaskStopped)
	if exitCode(got, 0) != 5 || got.StopCode != compute.StopEssentialExited {
		t.Errorf("end = %+v, want exit code 5", got)
	}
	if out := g.output(task.Containers[0]); out != "before\nafter\n" {
		t.Errorf("output = %q", out)
	}
}

func TestReopen_findsWhatEndedMeanwhile(t *testing.T) {
	g := newRig(t)
	flag := t.TempDir()
	task := g.run(job("echo before; while [ ! -e /flag/go ]; do sleep 0.05; done; echo after; exit 9", withHostDir(flag, "/flag")))
	g.awaitState(task.ID, compute.TaskRunning)
	g.awaitOutput(task, "before")
	g.close()
	os.WriteFile(filepath.Join(flag, "go"), nil, 0o644)
	api := mustClient(t)
	result := api.ContainerWait(t.Context(), containerName(&task, 0), client.ContainerWaitOptions{})
	select {
	case <-result.Result:
	case err := <-result.Error:
		t.Fatal(err)
	}
	inspected, err := api.ContainerInspect(t.Context(), containerName(&task, 0), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	g.open()
	got := g.awaitState(task.ID, compute.TaskStopped)
	if exitCode(got, 0) != 9 {
		t.Errorf("exit code = %d, want 9", exitCode(got, 0))
	}
	if want := engineTime(inspected.Container.State.FinishedAt); !got.StoppedAt.Equal(want) {
		t.Errorf("StoppedAt = %v, want the engine's %v", got.StoppedAt, want)
	}
	if out := g.output(task.Containers[0]); out != "before\nafter\n" {
		t.Errorf("output = %q", out)
	}
	g.Forget(t.Context(), task.ID)
}

func mustClient(t *testing.T) *client.Client {
	t.Helper()
	api, err := newClient("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	return api
}

func TestReopen_startsAContainerThatWasMadeButNeverStarted(t *testing.T) {
	g := newRig(t)
	dir := t.TempDir()
	task := job("echo x >> /out/count", withHostDir(dir, "/out"))
	g.make(task)
	if err := g.journal.write(task.ID, entry{Task: &task}); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if got := g.awaitState(task.ID, compute.TaskStopped); exitCode(got, 0) != 0 {
		t.Errorf("end = %+v, want exit code 0", got)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "count")); string(data) != "x\n" {
		t.Errorf("it wrote %q, want one line", data)
	}
}

// A server that is killed may leave a call behind that still makes a container, after
// the next server has told the task's end and forgotten it.
func TestReopen_startsNothingThatIsForgotten(t *testing.T) {
	g := newRig(t)
	dir := t.TempDir()
	task := job("echo x >> /out/count", withHostDir(dir, "/out"))
	g.make(task)
	g.reopen()
	if list, err := g.ListTasks(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ListTasks = %+v, %v; want nothing", list, err)
	}
	if c, ok := g.engineHas(task); ok {
		t.Errorf("the container is still there: %+v", c.Container.State)
	}
	g.finish(job("true")) // time enough for another to start
	if data, err := os.ReadFile(filepath.Join(dir, "count")); err == nil {
		t.Errorf("a forgotten task was started; it wrote %q", data)
	}
}

func TestRun_keepsItsNoteUntilTheContainerRuns(t *testing.T) {
	e := newFakeEngine(t)
	e.starts = make(chan struct{})
	e.images["genomics/aligner:1.2"] = true
	g := newFakeRig(t, e)
	task := g.run(unpulled())
	for deadline := time.Now().Add(patience); e.count() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no container is made")
		}
	}
	if notes, err := g.journal.load(); err != nil || notes[task.ID].Task == nil {
		t.Errorf("notes while the container is made and not started = %v, %v; want one of the task", notes, err)
	}
	close(e.starts)
	g.awaitState(task.ID, compute.TaskRunning)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		notes, err := g.journal.load()
		if err == nil && len(notes) == 0 {
			return // its labels tell all
		}
		if time.Now().After(deadline) {
			t.Fatalf("notes while the container runs = %v, %v; want none: its labels tell all", notes, err)
		}
	}
}

// The name is taken before the container can be seen. Whoever is killed in the middle
// of making one leaves it like that to the next server for a moment.
func TestRun_waitsForAContainerThatIsBeingMade(t *testing.T) {
	e := newFakeEngine(t)
	e.reserved = 2
	e.images["genomics/aligner:1.2"] = true
	g := newFakeRig(t, e)
	task := g.run(unpulled())
	g.awaitState(task.ID, compute.TaskRunning)
	e.one(t)
}

// make makes a task's container as a server does that is killed before the start.
func (g *rig) make(task compute.Task) string {
	g.t.Helper()
	options, err := g.settings.createOptions(&task, 0, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	result, err := g.api.ContainerCreate(g.t.Context(), options)
	if err != nil {
		g.t.Fatal(err)
	}
	return result.ID
}

func TestRun_adoptsTheContainerThatHasItsName(t *testing.T) {
	g := newRig(t)
	t.Run("made: it is started", func(t *testing.T) {
		task := job("exit 3")
		id := g.make(task)
		g.run(task)
		got := g.awaitState(task.ID, compute.TaskStopped)
		if c, _ := g.engineHas(task); exitCode(got, 0) != 3 || c.Container.ID != id {
			t.Errorf("end = %+v in container %s, want exit code 3 in %s", got, c.Container.ID, id)
		}
	})
	t.Run("ended: it is not started again", func(t *testing.T) {
		dir := t.TempDir()
		task := job("echo x >> /out/count; exit 4", withHostDir(dir, "/out"))
		id := g.make(task)
		if _, err := g.api.ContainerStart(t.Context(), id, client.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
		<-g.api.ContainerWait(t.Context(), id, client.ContainerWaitOptions{}).Result
		g.run(task)
		if got := g.awaitState(task.ID, compute.TaskStopped); exitCode(got, 0) != 4 {
			t.Errorf("end = %+v, want exit code 4", got)
		}
		if data, _ := os.ReadFile(filepath.Join(dir, "count")); string(data) != "x\n" {
			t.Errorf("it wrote %q, want one line", data)
		}
		if got := g.output(task.Containers[0]); got != "" {
			t.Errorf("output = %q, want none", got)
		}
	})
	t.Run("of somebody else: the task fails and says so", func(t *testing.T) {
		task := job("exit 3")
		g.settings.instance += "-another"
		id := g.make(task)
		g.settings.instance = g.options.Instance
		defer g.api.ContainerRemove(t.Context(), id, forced)
		g.run(task)
		got := g.awaitState(task.ID, compute.TaskStopped)
		if got.StopCode != compute.StopFailedToStart || !strings.Contains(got.Containers[0].Reason, "is not of this server") {
			t.Errorf("end = %+v, want %s that names the stranger", got, compute.StopFailedToStart)
		}
	})
}

func TestReopen_goesOnWithATaskThatHasNoContainerYet(t *testing.T) {
	g := newRig(t)
	task := job("exit 6")
	if err := g.journal.write(task.ID, entry{Task: &task}); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if got := g.awaitState(task.ID, compute.TaskStopped); exitCode(got, 0) != 6 {
		t.Errorf("end = %+v, want exit code 6", got)
	}
}

func TestReopen_knowsATaskThatFailedToStart(t *testing.T) {
	g := newRig(t)
	task := job("", first(func(c *compute.Container) { c.Image = "127.0.0.1:1/nonesuch" }))
	want, _ := g.finish(task)
	g.reopen()
	list, _ := g.ListTasks(t.Context())
	if len(list) != 1 || list[0].Reason != want.Reason || list[0].Version != want.Version || list[0].Containers[0].Reason != want.Containers[0].Reason {
		t.Errorf("after a restart ListTasks = %+v, want %+v", list, want)
	}
	g.Forget(t.Context(), task.ID)
	g.reopen()
	if list, _ := g.ListTasks(t.Context()); len(list) != 0 {
		t.Errorf("after Forget and a restart ListTasks = %+v, want none", list)
	}
}

func TestReopen_leavesOtherInstancesAlone(t *testing.T) {
	g, other := newRig(t), newRig(t)
	task := g.run(job("sleep 60"))
	g.awaitState(task.ID, compute.TaskRunning)
	other.reopen()
	if list, _ := other.ListTasks(t.Context()); len(list) != 0 {
		t.Errorf("the other instance lists %+v", list)
	}
	g.Stop(t.Context(), task.ID, "")
	if got := g.awaitState(task.ID, compute.TaskStopped); got.Reason != reasonUser {
		t.Errorf("reason = %q, want %q", got.Reason, reasonUser)
	}
}

func TestReopen_resumesOutputWithoutLossOrDoubling(t *testing.T) {
	g := newRig(t)
	const lines = 3000
	task := g.run(job(fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo line $i; done", lines)))
	g.awaitState(task.ID, compute.TaskRunning)
	for range 4 {
		g.reopen()
	}
	g.awaitState(task.ID, compute.TaskStopped)
	got := strings.Split(strings.TrimSuffix(g.output(task.Containers[0]), "\n"), "\n")
	for i, line := range got {
		if want := fmt.Sprintf("line %d", i+1); line != want {
			t.Fatalf("line %d of the log = %q, want %q", i+1, line, want)
		}
	}
	if len(got) != lines {
		t.Errorf("%d lines in the log, want %d", len(got), lines)
	}
}

func TestLogs_joinLongLines(t *testing.T) {
	g := newRig(t)
	task := job(`dd if=/dev/zero bs=50000 count=1 2>/dev/null | tr '\0' x; echo; echo short; printf unfinished`)
	_, got := g.finish(task)
	if want := strings.Repeat("x", 50000) + "\nshort\nunfinished\n"; got != want {
		t.Errorf("output has %d bytes, want one line of 50000, then two short ones; its end is %q", len(got), got[max(0, len(got)-40):])
	}
}

func TestLogs_haveTheEnginesTimes(t *testing.T) {
	g := newRig(t)
	task := job("echo one; sleep 0.3; echo two")
	status, _ := g.finish(task)
	page, err := g.options.Logs.Events(t.Context(), task.Containers[0].LogGroup, task.Containers[0].LogStream, headFirst)
	if err != nil || len(page.Events) != 2 {
		t.Fatalf("events = %+v, %v; want two", page.Events, err)
	}
	gap := page.Events[1].At.Sub(page.Events[0].At)
	if gap < 250*time.Millisecond || page.Events[1].At.After(status.StoppedAt.Add(time.Second)) {
		t.Errorf("times = %v and %v of a task that ended %v", page.Events[0].At, page.Events[1].At, status.StoppedAt)
	}
}

var headFirst = logs.EventsQuery{FromHead: true}

func TestReopen_stopIsAskedForAgain(t *testing.T) {
	g := newRig(t)
	task := g.run(job("trap 'sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.05; done", first(func(c *compute.Container) {
		c.StopTimeout = 20 * time.Second
	})))
	g.awaitOutput(task, "ready")
	g.Stop(t.Context(), task.ID, "first")
	g.reopen()
	g.Stop(t.Context(), task.ID, "second")
	if got := g.awaitState(task.ID, compute.TaskStopped); exitCode(got, 0) != 7 || got.StopCode != compute.StopUser || got.Reason != "second" {
		t.Errorf("end = %+v, want exit code 7 after the second stop", got)
	}
}
