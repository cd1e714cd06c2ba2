package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/compute"
)

// several builds a task of several containers.
func several(containers ...compute.Container) compute.Task {
	task := job("")
	task.Containers = nil
	for _, c := range containers {
		script := c.Command[0]
		whole := shell(c.Name, task.ID, script)
		whole.Essential, whole.DependsOn = c.Essential, c.DependsOn
		if c.Image != "" {
			whole.Image = c.Image
		}
		task.Containers = append(task.Containers, whole)
	}
	return task
}

func essential(name, script string, on ...compute.Dependency) compute.Container {
	return compute.Container{Name: name, Command: []string{script}, Essential: true, DependsOn: on}
}

func sidecar(name, script string, on ...compute.Dependency) compute.Container {
	return compute.Container{Name: name, Command: []string{script}, DependsOn: on}
}

func on(name, condition string) compute.Dependency {
	return compute.Dependency{Container: name, Condition: condition}
}

func TestRun_severalContainers(t *testing.T) {
	g := newRig(t)
	const none = -1
	tests := map[string]struct {
		task   compute.Task
		exits  []int
		code   compute.StopCode
		reason string // of any container
	}{
		"the end of the essential one ends all": {
			task:  several(essential("main", "sleep 0.3; exit 3"), sidecar("side", "sleep 60")),
			exits: []int{3, 137}, code: compute.StopEssentialExited,
		},
		"the end of another ends nothing": {
			task:  several(sidecar("side", "exit 8"), essential("main", "sleep 0.5; exit 0")),
			exits: []int{8, 0}, code: compute.StopEssentialExited,
		},
		"one after the success of another": {
			task:  several(essential("main", "exit 4", on("prepare", "SUCCESS")), sidecar("prepare", "sleep 0.2")),
			exits: []int{4, 0}, code: compute.StopEssentialExited,
		},
		"one whose condition of success fails does not start": {
			task:  several(essential("main", "exit 0", on("prepare", "SUCCESS")), sidecar("prepare", "exit 1")),
			exits: []int{none, 1}, code: compute.StopFailedToStart, reason: `container "prepare" did not end with exit code 0`,
		},
		"one after another, however that ended": {
			task:  several(sidecar("prepare", "exit 1"), essential("main", "exit 5", on("prepare", "COMPLETE"))),
			exits: []int{1, 5}, code: compute.StopEssentialExited,
		},
		"one after another has started": {
			task:  several(essential("main", "exit 6", on("side", "START")), sidecar("side", "sleep 60")),
			exits: []int{6, 137}, code: compute.StopEssentialExited,
		},
		"an essential one that cannot start": {
			task: several(sidecar("side", "sleep 60"), compute.Container{
				Name: "main", Command: []string{""}, Essential: true, Image: "127.0.0.1:1/nonesuch"}),
			exits: []int{none, none}, code: compute.StopFailedToStart, reason: cannotPull,
		},
		"another that cannot start ends nothing": {
			task: several(essential("main", "exit 0"), compute.Container{
				Name: "side", Command: []string{""}, Image: "127.0.0.1:1/nonesuch"}),
			exits: []int{0, none}, code: compute.StopEssentialExited, reason: cannotPull,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := g.finish(test.task)
			reasons := ""
			for i, want := range test.exits {
				reasons += got.Containers[i].Reason + "\n"
				if got.Containers[i].Name != test.task.Containers[i].Name || exitCode(got, i) != want {
					t.Errorf("container %d = %q, exit code %d; want %q, %d", i, got.Containers[i].Name, exitCode(got, i), test.task.Containers[i].Name, want)
				}
			}
			if got.StopCode != test.code || !strings.Contains(reasons, test.reason) {
				t.Errorf("end = %s, %q; want %s, %q in it", got.StopCode, reasons, test.code, test.reason)
			}
		})
	}
}

func TestRun_severalContainersShareVolumes(t *testing.T) {
	g := newRig(t)
	task := several(sidecar("write", "echo shared > /v/file"), essential("read", "cat /v/file", on("write", "SUCCESS")))
	task.Volumes = []compute.Volume{{Name: "v"}}
	for i := range task.Containers {
		task.Containers[i].Mounts = []compute.Mount{{Volume: "v", Path: "/v"}}
	}
	g.finish(task)
	if got := g.output(task.Containers[1]); got != "shared\n" {
		t.Errorf("the reader saw %q", got)
	}
}

// A restarted server knows dependencies from the labels alone.
func TestReopen_goesOnWithSeveralContainers(t *testing.T) {
	g := newRig(t)
	flag := t.TempDir()
	task := several(
		sidecar("prepare", "while [ ! -e /flag/go ]; do sleep 0.05; done"),
		essential("main", "echo main; exit 2", on("prepare", "SUCCESS")))
	withHostDir(flag, "/flag")(&task)
	g.run(task)
	g.awaitState(task.ID, compute.TaskRunning)
	g.reopen()
	os.WriteFile(filepath.Join(flag, "go"), nil, 0o644)
	got := g.awaitState(task.ID, compute.TaskStopped)
	if exitCode(got, 0) != 0 || exitCode(got, 1) != 2 {
		t.Errorf("exit codes = %d, %d; want 0, 2", exitCode(got, 0), exitCode(got, 1))
	}
	if out := g.output(task.Containers[1]); out != "main\n" {
		t.Errorf("output of main = %q", out)
	}
}
