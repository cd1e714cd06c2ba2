package computetest

import (
	"slices"
	"sync"

	"github.com/packhorse-batch/packhorse/compute"
)

func taskExits(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(0)))
	checkExit(s, task, s.stopped(task.ID), 0)
	listed, ok := s.listed(task.ID)
	if !ok {
		s.Fatal("ListTasks leaves out a task that ended and was not forgotten")
	}
	checkExit(s, task, listed, 0)
}

func taskFails(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(3)))
	checkExit(s, task, s.stopped(task.ID), 3)
}

func taskWithoutHost(s *scene) {
	task := s.run(s.task("", s.h.Exit(0)))
	checkExit(s, task, s.stopped(task.ID), 0)
}

// checkExit checks how a task of one container ended by itself.
func checkExit(s *scene, task compute.Task, got compute.TaskStatus, code int32) {
	s.Helper()
	if got.JobID != task.JobID || got.Attempt != task.Attempt || got.Host != task.Host {
		s.Errorf("task of job %s, attempt %d, host %q is told as of job %s, attempt %d, host %q",
			task.JobID, task.Attempt, task.Host, got.JobID, got.Attempt, got.Host)
	}
	if got.StopCode != compute.StopEssentialExited {
		s.Errorf("StopCode = %s (%s), want %s", got.StopCode, got.Reason, compute.StopEssentialExited)
	}
	if got.Reason == "" {
		s.Error("Reason is empty; AWS says \"Essential container in task exited\"")
	}
	if got.StartedAt.IsZero() || got.StoppedAt.Before(got.StartedAt) {
		s.Errorf("StartedAt = %v, StoppedAt = %v, want both set and in order", got.StartedAt, got.StoppedAt)
	}
	if len(got.Containers) != 1 {
		s.Fatalf("Containers = %+v, want one", got.Containers)
	}
	c := got.Containers[0]
	if c.Name != "default" || c.ExitCode == nil || *c.ExitCode != code {
		s.Errorf("container %q ended with exit code %s, want \"default\" with %d", c.Name, codeOf(c), code)
	}
}

func codeOf(c compute.ContainerStatus) any {
	if c.ExitCode == nil {
		return "none"
	}
	return *c.ExitCode
}

func taskCannotStart(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Broken()))
	got := s.stopped(task.ID)
	if got.StopCode != compute.StopFailedToStart {
		s.Errorf("StopCode = %s (%s), want %s", got.StopCode, got.Reason, compute.StopFailedToStart)
	}
	if !got.StartedAt.IsZero() {
		s.Errorf("StartedAt = %v of a task that never ran, want zero", got.StartedAt)
	}
	if got.StoppedAt.IsZero() {
		s.Error("StoppedAt is zero")
	}
	if got.Reason == "" {
		s.Error("Reason is empty")
	}
	if len(got.Containers) != 1 {
		s.Fatalf("Containers = %+v, want one", got.Containers)
	}
	if c := got.Containers[0]; c.ExitCode != nil || c.Reason == "" {
		s.Errorf("container has exit code %v and reason %q, want none, and why it could not start", codeOf(c), c.Reason)
	}
}

func taskPrints(s *scene) {
	host := s.host()
	want := []string{"one", "two", "three"}
	task := s.run(s.task(host.ID, s.h.Print(want...)))
	checkExit(s, task, s.stopped(task.ID), 0)
	s.prints(task, want)
}

// prints waits until the log stream of a task holds these lines.
func (s *scene) prints(task compute.Task, want []string) {
	s.Helper()
	c := task.Containers[0]
	var got []string
	s.until("the log stream has its lines", func() bool {
		got = s.h.Lines(s.T, c.LogGroup, c.LogStream)
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		s.Errorf("log stream %s holds %q, want %q", c.LogStream, got, want)
	}
}

func essentialEnds(s *scene) {
	host := s.host()
	task := s.task(host.ID, s.h.Exit(4))
	side := s.h.Forever()
	side.Name = "side"
	task.Containers = append(task.Containers, s.dress(task, side))
	s.run(task)
	got := s.stopped(task.ID)
	if got.StopCode != compute.StopEssentialExited {
		s.Errorf("StopCode = %s (%s), want %s", got.StopCode, got.Reason, compute.StopEssentialExited)
	}
	if len(got.Containers) != 2 {
		s.Fatalf("Containers = %+v, want two", got.Containers)
	}
	for _, c := range got.Containers {
		if c.Name == "default" && (c.ExitCode == nil || *c.ExitCode != 4) {
			s.Errorf("the essential container ended with exit code %v, want 4", codeOf(c))
		}
	}
}

func runKnown(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	before, _ := s.listed(task.ID)
	s.run(task)
	if after, _ := s.listed(task.ID); after.Version != before.Version || !after.StartedAt.Equal(before.StartedAt) {
		s.Errorf("Run of a task that runs: version %d, started %v; before it version %d, started %v",
			after.Version, after.StartedAt, before.Version, before.StartedAt)
	}

	done := s.run(s.task(host.ID, s.h.Exit(0)))
	before = s.stopped(done.ID)
	s.run(done)
	if after, ok := s.listed(done.ID); !ok || after.State != compute.TaskStopped || after.Version != before.Version {
		s.Errorf("Run of a task that ended made it %+v, want it left as %+v", after, before)
	}
}

func runTwice(s *scene) {
	host := s.host()
	task := s.task(host.ID, s.h.Print("once"))
	s.run(task)
	s.run(task)
	s.stopped(task.ID)
	s.run(task)
	// A marker after it: by the time it has printed, a second run would have too.
	marker := s.run(s.task(host.ID, s.h.Print("marker")))
	s.stopped(marker.ID)
	s.prints(marker, []string{"marker"})
	s.prints(task, []string{"once"})
}

// many is how many goroutines do the same thing at once.
const many = 8

func runFromMany(s *scene) {
	host := s.host()
	task := s.task(host.ID, s.h.Exit(5))
	s.remember(task.ID)
	var calls sync.WaitGroup
	for range many {
		calls.Go(func() {
			if err := s.backend.Run(s.ctx, task); err != nil {
				s.Errorf("Run() = %v from one of many goroutines", err)
			}
		})
	}
	calls.Wait()
	checkExit(s, task, s.stopped(task.ID), 5)
	list, err := s.backend.ListTasks(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	count := 0
	for _, status := range list {
		if status.ID == task.ID {
			count++
		}
	}
	if count != 1 {
		s.Errorf("ListTasks holds the task %d times, want once", count)
	}
}

func manyTasks(s *scene) {
	host := s.host()
	var calls sync.WaitGroup
	tasks := make([]compute.Task, many)
	for i := range tasks {
		tasks[i] = s.task(host.ID, s.h.Exit(int32(i)))
		s.remember(tasks[i].ID)
		calls.Go(func() {
			if err := s.backend.Run(s.ctx, tasks[i]); err != nil {
				s.Errorf("Run() = %v with %d at once", err, many)
			}
			if _, err := s.backend.ListTasks(s.ctx); err != nil {
				s.Errorf("ListTasks() = %v with %d at once", err, many)
			}
		})
	}
	calls.Wait()
	if s.Failed() {
		return
	}
	for i, task := range tasks {
		checkExit(s, task, s.stopped(task.ID), int32(i))
	}
}

func stopRunning(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	for range 2 { // the second does nothing
		if err := s.backend.Stop(s.ctx, task.ID, "no longer wanted"); err != nil {
			s.Fatalf("Stop() = %v", err)
		}
	}
	checkStopped(s, s.stopped(task.ID), "no longer wanted")
	if got, _ := s.listed(task.ID); got.State != compute.TaskStopped {
		s.Errorf("ListTasks tells a stopped task as %s", got.State)
	}
}

// checkStopped checks the end of a task that was stopped.
func checkStopped(s *scene, got compute.TaskStatus, reason string) {
	s.Helper()
	if got.StopCode != compute.StopUser || got.Reason != reason {
		s.Errorf("StopCode, Reason = %s, %q; want %s, %q", got.StopCode, got.Reason, compute.StopUser, reason)
	}
	if got.StoppedAt.IsZero() {
		s.Error("StoppedAt is zero")
	}
}

func stopAtOnce(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Forever()))
	if err := s.backend.Stop(s.ctx, task.ID, "too late"); err != nil {
		s.Fatalf("Stop() = %v", err)
	}
	checkStopped(s, s.stopped(task.ID), "too late")
}

func stopEnded(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(0)))
	before := s.stopped(task.ID)
	if err := s.backend.Stop(s.ctx, task.ID, "too late"); err != nil {
		s.Errorf("Stop() = %v of a task that ended", err)
	}
	after, _ := s.listed(task.ID)
	if after.Version != before.Version {
		s.Errorf("Stop of a task that ended made version %d of %d", after.Version, before.Version)
	}
	checkExit(s, task, after, 0)
}

func stopUnknown(s *scene) {
	if err := s.backend.Stop(s.ctx, newID(), "whoever you are"); err != nil {
		s.Errorf("Stop() = %v of an unknown task, want nil", err)
	}
}

func forgetEnded(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(0)))
	s.stopped(task.ID)
	for range 2 { // the second finds nothing
		if err := s.backend.Forget(s.ctx, task.ID); err != nil {
			s.Fatalf("Forget() = %v", err)
		}
	}
	if got, ok := s.listed(task.ID); ok {
		s.Errorf("ListTasks holds %+v after Forget", got)
	}
}

func forgetRunning(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	refused := s.backend.Forget(s.ctx, task.ID) // which it may be or not
	got, ok := s.listed(task.ID)
	if !ok || got.State != compute.TaskRunning {
		s.Errorf("after Forget of a task that runs (%v), ListTasks tells %+v, %t; want it RUNNING", refused, got, ok)
	}
}

func forgetUnknown(s *scene) {
	if err := s.backend.Forget(s.ctx, newID()); err != nil {
		s.Errorf("Forget() = %v of an unknown task, want nil", err)
	}
}
