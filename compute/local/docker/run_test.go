package docker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

func TestRun_endsOfAContainer(t *testing.T) {
	g := newRig(t)
	tests := map[string]struct {
		task      compute.Task
		exitCode  int // -1: none
		ran       bool
		code      compute.StopCode
		reason    string
		container string // part of the container's reason
	}{
		"success": {
			task: job("exit 0"), exitCode: 0, ran: true,
			code: compute.StopEssentialExited, reason: reasonEssential,
		},
		"failure": {
			task: job("exit 42"), exitCode: 42, ran: true,
			code: compute.StopEssentialExited, reason: reasonEssential,
		},
		"the exit code of SIGKILL, with memory to spare": {
			task: job("exit 137"), exitCode: 137, ran: true,
			code: compute.StopEssentialExited, reason: reasonEssential,
		},
		"more memory than it may have": {
			task: job("sleep 0.5; tail /dev/zero", first(func(c *compute.Container) {
				c.Need.MemoryMiB, c.MaxSwapMiB = 16, new(int64)
			})), exitCode: 137, ran: true,
			code: compute.StopEssentialExited, reason: reasonEssential, container: outOfMemory,
		},
		"a command that is not there": {
			task: job("", first(func(c *compute.Container) { c.Command = []string{"/nonesuch"} })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: cannotStart + ": Error response from daemon: ",
		},
		"a mount of no volume": {
			task: job("", first(func(c *compute.Container) { c.Mounts = []compute.Mount{{Volume: "data", Path: "/data"}} })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: cannotCreate + `: mount point /data: the task has no volume "data"`,
		},
		"a ulimit that does not exist": {
			task: job("", first(func(c *compute.Container) { c.Ulimits = []compute.Ulimit{{Name: "nonesuch", Soft: 1, Hard: 1}} })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: "RLIMIT_NONESUCH",
		},
		"an image name that is none": {
			task: job("", first(func(c *compute.Container) { c.Image = "Not An Image" })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: cannotPull + ": Error response from daemon: invalid reference format",
		},
		"an image that cannot be pulled": { // nothing listens on port 1
			task: job("", first(func(c *compute.Container) { c.Image = "127.0.0.1:1/nonesuch:latest" })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: cannotPull + ": ",
		},
		"a GPU where there is none": {
			task: job("", first(func(c *compute.Container) { c.Need.GPUs = 1 })), exitCode: -1,
			code: compute.StopFailedToStart, reason: reasonFailed, container: cannotCreate + ": the container needs 1 GPU and the Docker Engine has none",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := g.finish(test.task)
			if exitCode(got, 0) != test.exitCode || got.StopCode != test.code || got.Reason != test.reason {
				t.Errorf("end = exit code %d, %s, %q; want %d, %s, %q",
					exitCode(got, 0), got.StopCode, got.Reason, test.exitCode, test.code, test.reason)
			}
			if !strings.Contains(got.Containers[0].Reason, test.container) || test.container == "" && got.Containers[0].Reason != "" {
				t.Errorf("container reason = %q, want %q in it", got.Containers[0].Reason, test.container)
			}
			if ran := !got.StartedAt.IsZero(); ran != test.ran {
				t.Errorf("StartedAt = %v, want set: %v", got.StartedAt, test.ran)
			}
			if got.StoppedAt.Before(got.StartedAt) || got.StoppedAt.IsZero() {
				t.Errorf("StoppedAt = %v, StartedAt = %v", got.StoppedAt, got.StartedAt)
			}
		})
	}
}

func TestRun_newsRiseInVersionAndNameTheTask(t *testing.T) {
	g := newRig(t)
	task := job("exit 3")
	g.finish(task)
	news := g.newsOf(task.ID)
	if len(news) < 2 || news[0].State != compute.TaskRunning {
		t.Fatalf("news = %+v, want RUNNING first, STOPPED last", news)
	}
	for i, n := range news {
		if n.JobID != task.JobID || n.Attempt != task.Attempt || n.Host != task.Host {
			t.Errorf("news %d is of job %q, attempt %d, host %q", i, n.JobID, n.Attempt, n.Host)
		}
		if i > 0 && n.Version <= news[i-1].Version {
			t.Errorf("news %d has version %d after %d", i, n.Version, news[i-1].Version)
		}
	}
	if list, err := g.ListTasks(t.Context()); err != nil || len(list) != 1 || list[0].Version != news[len(news)-1].Version {
		t.Errorf("ListTasks = %+v, %v; want the state of the last news", list, err)
	}
}

func TestRun_sameIDRunsOnce(t *testing.T) {
	g := newRig(t)
	dir := t.TempDir()
	task := job("echo x >> /out/count", withHostDir(dir, "/out"))
	for range 5 {
		g.run(task)
	}
	g.awaitState(task.ID, compute.TaskStopped)
	g.run(task) // it has ended: still known
	data, err := os.ReadFile(filepath.Join(dir, "count"))
	if string(data) != "x\n" {
		t.Errorf("the task ran %d times (%v), want once", strings.Count(string(data), "x"), err)
	}
}

func withHostDir(host, inside string) func(*compute.Task) {
	return func(task *compute.Task) {
		task.Volumes = append(task.Volumes, compute.Volume{Name: "host", HostPath: host})
		task.Containers[0].Mounts = append(task.Containers[0].Mounts, compute.Mount{Volume: "host", Path: inside})
	}
}

func TestRun_isRefusedWithoutValidID(t *testing.T) {
	g := newRig(t)
	task := job("true")
	task.ID = "../../etc"
	if err := g.Run(t.Context(), task); err == nil {
		t.Error("Run with a path as id succeeded")
	}
}

func TestStop(t *testing.T) {
	g := newRig(t)
	tests := map[string]struct {
		script   string
		exitCode int
	}{
		"a container that heeds SIGTERM ends by itself":            {"trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done", 7},
		"a container that does not is killed after its stop grace": {"trap '' TERM; echo ready; while :; do sleep 0.1; done", 137},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := g.run(job(test.script, first(func(c *compute.Container) { c.StopTimeout = time.Second })))
			g.awaitState(task.ID, compute.TaskRunning)
			g.awaitOutput(task, "ready")
			for range 2 { // stopping again does nothing
				if err := g.Stop(t.Context(), task.ID, "no longer wanted"); err != nil {
					t.Fatal(err)
				}
			}
			got := g.awaitState(task.ID, compute.TaskStopped)
			if exitCode(got, 0) != test.exitCode || got.StopCode != compute.StopUser || got.Reason != "no longer wanted" {
				t.Errorf("end = exit code %d, %s, %q; want %d, %s, the given reason",
					exitCode(got, 0), got.StopCode, got.Reason, test.exitCode, compute.StopUser)
			}
			if err := g.Stop(t.Context(), task.ID, "again"); err != nil {
				t.Errorf("Stop of an ended task = %v, want nil", err)
			}
		})
	}
	if err := g.Stop(t.Context(), random(16), "unknown"); err != nil {
		t.Errorf("Stop of an unknown task = %v, want nil", err)
	}
}

// awaitOutput waits until the first container of a task has written text.
func (g *rig) awaitOutput(task compute.Task, text string) {
	g.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(g.output(task.Containers[0]), text); {
		if time.Now().After(deadline) {
			g.t.Fatalf("task %s wrote %q, want %q in it", task.ID, g.output(task.Containers[0]), text)
		}
		time.Sleep(5 * time.Millisecond) // output has no signal to wait for
	}
}

func TestStop_beforeTheContainerStarts(t *testing.T) {
	g := newRig(t)
	task := job("sleep 60")
	g.run(task)
	g.Stop(t.Context(), task.ID, "changed my mind")
	got := g.awaitState(task.ID, compute.TaskStopped)
	if got.StopCode != compute.StopUser {
		t.Errorf("StopCode = %s, want %s", got.StopCode, compute.StopUser)
	}
	if got.StartedAt.IsZero() {
		if _, there := g.engineHas(task); there {
			t.Error("the container that never started is still there; the next server would start it")
		}
	}
	g.reopen()
	if list, _ := g.ListTasks(t.Context()); len(list) != 1 || list[0].StopCode != compute.StopUser {
		t.Errorf("after a restart ListTasks = %+v, want the stopped task", list)
	}
}

func TestForget_removesContainersAndVolumes(t *testing.T) {
	g := newRig(t)
	task := job("echo kept > /scratch/file; cat /scratch/file", func(task *compute.Task) {
		task.Volumes = []compute.Volume{{Name: "scratch"}}
		task.Containers[0].Mounts = []compute.Mount{{Volume: "scratch", Path: "/scratch"}}
	})
	g.run(task)
	if err := g.Forget(t.Context(), task.ID); err == nil {
		t.Error("Forget of a running task succeeded")
	}
	g.awaitState(task.ID, compute.TaskStopped)
	if got := g.output(task.Containers[0]); got != "kept\n" {
		t.Errorf("output = %q, want the file of the empty volume", got)
	}
	if n := g.volumes(); n != 1 {
		t.Errorf("%d volumes of the task before Forget, want 1", n)
	}
	for range 2 { // an unknown task is no error
		if err := g.Forget(t.Context(), task.ID); err != nil {
			t.Errorf("Forget = %v", err)
		}
	}
	if list, _ := g.ListTasks(t.Context()); len(list) != 0 {
		t.Errorf("ListTasks after Forget = %+v, want none", list)
	}
	for deadline := time.Now().Add(patience); g.volumes() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the volume is still there")
		}
	}
	if _, there := g.engineHas(task); there {
		t.Error("the container is still there")
	}
	if got := g.output(task.Containers[0]); got != "kept\n" {
		t.Errorf("output after Forget = %q; logs stay", got)
	}
}

func (g *rig) volumes() int {
	g.t.Helper()
	list, err := g.api.VolumeList(g.t.Context(), clientVolumes(g.ours()))
	if err != nil {
		g.t.Fatal(err)
	}
	return len(list.Items)
}

func TestContainerRemovedBehindOurBack(t *testing.T) {
	g := newRig(t)
	task := g.run(job("sleep 60"))
	g.awaitState(task.ID, compute.TaskRunning)
	c, _ := g.engineHas(task)
	if _, err := g.api.ContainerRemove(t.Context(), c.Container.ID, forced); err != nil {
		t.Fatal(err)
	}
	got := g.awaitState(task.ID, compute.TaskStopped)
	if got.StopCode != compute.StopHostLost || exitCode(got, 0) != -1 {
		t.Errorf("end = %s, exit code %d; want %s and none", got.StopCode, exitCode(got, 0), compute.StopHostLost)
	}
}

func TestOpen_withoutAnEngine(t *testing.T) {
	begin := time.Now()
	_, err := Open(t.Context(), Options{Host: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	if !errors.Is(err, compute.ErrUnavailable) {
		t.Errorf("Open = %v, want ErrUnavailable", err)
	}
	if err == nil || !strings.Contains(err.Error(), "DOCKER_HOST") {
		t.Errorf("Open = %v, want the next step in it", err)
	}
	if took := time.Since(begin); took > answerTime+time.Second {
		t.Errorf("Open took %v, want at most %v", took, answerTime)
	}
}

func TestInfo(t *testing.T) {
	g := newRig(t)
	if info := g.Info(); info.CPUs == 0 || info.MemoryMiB == 0 || info.Version == "" || info.Host == "" {
		t.Errorf("Info = %+v, want CPUs, memory, version and host", info)
	}
}

func TestHasImage(t *testing.T) {
	g := newRig(t)
	for image, want := range map[string]bool{testImage: true, "packhorse-nonesuch:latest": false} {
		if got, err := g.HasImage(t.Context(), image); err != nil || got != want {
			t.Errorf("HasImage(%s) = %v, %v; want %v", image, got, err, want)
		}
	}
}
