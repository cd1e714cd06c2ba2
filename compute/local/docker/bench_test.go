package docker

import (
	"os/exec"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// BenchmarkStart compares the time from Run to the news that the task runs with
// that of "docker run -d" of the same image. The difference is what Packhorse costs
// above the engine (the command itself takes some 20 ms to load).
func BenchmarkStart(b *testing.B) {
	g := newRig(b)
	b.Run("packhorse", func(b *testing.B) {
		for range b.N {
			task := g.run(job("sleep 600"))
			g.awaitState(task.ID, compute.TaskRunning)
			b.StopTimer()
			g.discard(task)
			b.StartTimer()
		}
	})
	b.Run("docker-run", func(b *testing.B) {
		if _, err := exec.LookPath("docker"); err != nil {
			b.Skip("needs the docker command")
		}
		for range b.N {
			name := "packhorse-bench-" + random(6)
			out, err := exec.Command("docker", "run", "-d", "--network", "none", "--memory", "64m", "--name", name,
				"--label", labelInstance+"="+g.options.Instance, testImage, "/bin/sleep", "600").CombinedOutput()
			b.StopTimer()
			if err != nil {
				b.Fatalf("docker run: %v\n%s", err, out)
			}
			g.api.ContainerRemove(b.Context(), name, forced)
			b.StartTimer()
		}
	})
}

// discard ends a task and waits until its container is gone.
func (g *rig) discard(task compute.Task) {
	g.t.Helper()
	c, _ := g.engineHas(task)
	g.api.ContainerRemove(g.t.Context(), c.Container.ID, forced)
	g.awaitState(task.ID, compute.TaskStopped)
	g.Forget(g.t.Context(), task.ID)
}

// BenchmarkThroughput runs short tasks, all asked for at once, from Run to STOPPED.
func BenchmarkThroughput(b *testing.B) {
	for name, parallel := range map[string]int{"1": 1, "4": 4, "8": 8, "16": 16} {
		b.Run("parallel-"+name, func(b *testing.B) {
			g := newRig(b, func(o *Options) { o.Parallel = parallel })
			b.ResetTimer()
			begin := time.Now()
			var tasks []compute.Task
			for range b.N {
				tasks = append(tasks, g.run(job("true")))
			}
			for _, task := range tasks {
				g.awaitState(task.ID, compute.TaskStopped)
			}
			b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "tasks/s")
		})
	}
}
