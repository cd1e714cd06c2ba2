package docker

import (
	"testing"

	"github.com/packhorse-batch/packhorse/compute"
)

// The engine learns of an out-of-memory kill and of the end of the process by two
// ways; whichever comes first, the reason must be told. The tasks live a moment
// first: under cgroup v1 containerd's shim begins to listen for such kills only after
// the process has started, and on a busy machine no engine knows of an earlier one.
func TestRun_tellsEveryOutOfMemoryKill(t *testing.T) {
	g := newRig(t)
	var tasks []compute.Task
	for i := range 16 {
		script := "sleep 0.5; exec tail /dev/zero" // the process that is killed is the container's first
		if i%2 == 1 {
			script = "sleep 0.5; tail /dev/zero; exit 1" // or a child of it
		}
		tasks = append(tasks, g.run(job(script, first(func(c *compute.Container) {
			c.Need.MemoryMiB, c.MaxSwapMiB = 12, new(int64)
		}))))
	}
	unseen := 0
	for i, task := range tasks {
		got := g.awaitState(task.ID, compute.TaskStopped)
		want := 137
		if i%2 == 1 {
			want = 1
		}
		if c, ok := g.engineHas(task); ok && got.Containers[0].Reason == "" && !c.Container.State.OOMKilled {
			t.Logf("task %d: the engine itself did not notice the kill", i)
			unseen++
			continue
		}
		if got.Containers[0].Reason != outOfMemory || exitCode(got, 0) != want {
			t.Errorf("task %d: exit code %d, reason %q; want %d, %q", i, exitCode(got, 0), got.Containers[0].Reason, want, outOfMemory)
		}
	}
	if unseen > len(tasks)/2 {
		t.Errorf("of %d kills the engine did not notice %d, too many to have tested anything", len(tasks), unseen)
	}
}
