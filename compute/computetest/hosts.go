package computetest

import (
	"errors"
	"regexp"
	"sync"

	"github.com/packhorse-batch/packhorse/compute"
)

// instanceID is what EC2 instance ids look like.
var instanceID = regexp.MustCompile(`^i-[0-9a-f]{17}$`)

func launchHost(s *scene) {
	request := s.h.Host("h-" + newID()[:12])
	first, err := s.launch(request)
	if err != nil {
		s.Fatalf("Launch() = %v", err)
	}
	got := s.ready(request.ID)
	checkLaunched(s, request, first, got)
	if got.Has.MilliVCPU <= 0 || got.Has.MemoryMiB <= 0 {
		s.Errorf("Has = %s, want CPUs and memory", got.Has)
	}
	if got.LaunchedAt.IsZero() || got.ReadyAt.Before(got.LaunchedAt) {
		s.Errorf("LaunchedAt = %v, ReadyAt = %v, want both set and in order", got.LaunchedAt, got.ReadyAt)
	}
	if got.Version < first.Version {
		s.Errorf("Version = %d when READY, %d from Launch", got.Version, first.Version)
	}
}

// checkLaunched checks a host that was asked for: as Launch tells it, and as it is listed.
func checkLaunched(s *scene, request compute.HostRequest, first, listed compute.Host) {
	s.Helper()
	if first.State != compute.HostBooting && first.State != compute.HostReady {
		s.Errorf("Launch returns a host in state %s, want BOOTING or READY", first.State)
	}
	if listed.Environment != request.Environment || listed.Cluster != request.Cluster || listed.Type != request.Type || listed.Market != request.Market {
		s.Errorf("host %+v does not repeat its request %+v", listed, request)
	}
	if !instanceID.MatchString(listed.Instance) || listed.Instance != first.Instance {
		s.Errorf("Instance = %q, and %q from Launch, want the same \"i-\" and 17 hex digits", listed.Instance, first.Instance)
	}
}

func launchTwice(s *scene) { s.sameAgain(s.host()) }

// sameAgain launches the ID of a host that is there: it gives that host.
func (s *scene) sameAgain(host compute.Host) {
	s.Helper()
	again, err := s.launch(s.h.Host(host.ID))
	if err != nil || again.Instance != host.Instance {
		s.Errorf("Launch(%s) again = %s, %v; want %s, nil", host.ID, again.Instance, err, host.Instance)
	}
	s.counts(host.ID, 1)
}

// counts checks how often ListHosts holds a host.
func (s *scene) counts(id string, want int) {
	s.Helper()
	list, err := s.backend.ListHosts(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	got := 0
	for _, h := range list {
		if h.ID == id {
			got++
		}
	}
	if got != want {
		s.Errorf("ListHosts holds host %s %d times, want %d", id, got, want)
	}
}

func launchFromMany(s *scene) {
	request := s.h.Host("h-" + newID()[:12])
	var calls sync.WaitGroup
	for range many {
		calls.Go(func() {
			if _, err := s.launch(request); err != nil {
				s.Errorf("Launch() = %v from one of many goroutines", err)
			}
		})
	}
	calls.Wait()
	s.ready(request.ID)
	s.counts(request.ID, 1)
}

func launchGone(s *scene) {
	host := s.host()
	s.terminate(host.ID)
	s.gone(host.ID)
	s.staysGone(host.ID)
}

// staysGone launches the ID of a host that is gone: it gives none.
func (s *scene) staysGone(id string) {
	s.Helper()
	again, err := s.launch(s.h.Host(id))
	if err != nil || again.State != compute.HostGone {
		s.Errorf("Launch(%s) after its end = %s, %v; want GONE, nil", id, again.State, err)
	}
	s.counts(id, 0)
}

// terminate ends a host.
func (s *scene) terminate(id string) {
	s.Helper()
	if err := s.backend.Terminate(s.ctx, id); err != nil {
		s.Fatalf("Terminate(%s) = %v", id, err)
	}
}

func terminateHost(s *scene) {
	host, other := s.host(), s.host()
	s.terminate(host.ID)
	s.gone(host.ID)
	s.terminate(host.ID) // once more is no error
	s.counts(other.ID, 1)

	var last compute.Host
	s.until("there is news that the host is gone", func() bool {
		for _, one := range s.news.pages() {
			if one.Host != nil && one.Host.ID == host.ID && one.Host.Version >= last.Version {
				last = *one.Host
			}
		}
		return last.State == compute.HostGone
	})
	if last.Reason == "" {
		s.Error("Reason of a host that is gone is empty")
	}
	if last.Version <= host.Version {
		s.Errorf("Version = %d when GONE, %d when READY", last.Version, host.Version)
	}
	err := s.backend.Run(s.ctx, s.task(host.ID, s.h.Exit(0)))
	if !errors.Is(err, compute.ErrHostGone) {
		s.Errorf("Run() = %v on a host that is gone, want ErrHostGone", err)
	}
}

func terminateUnknown(s *scene) {
	if err := s.backend.Terminate(s.ctx, "h-"+newID()[:12]); err != nil {
		s.Errorf("Terminate() = %v of an unknown host, want nil", err)
	}
}

func loseTasks(s *scene) {
	host, other := s.host(), s.host()
	task, spared := s.running(host.ID), s.running(other.ID)
	s.terminate(host.ID)
	checkLost(s, s.stopped(task.ID), host)
	listed, _ := s.listed(task.ID)
	checkLost(s, listed, host)
	// It is known still: asking again is no error, and runs nothing.
	if err := s.backend.Run(s.ctx, task); err != nil {
		s.Errorf("Run() = %v of a task that was lost with its host, want nil", err)
	}
	if listed, _ := s.listed(spared.ID); listed.State != compute.TaskRunning {
		s.Errorf("a task on another host is %s, want RUNNING", listed.State)
	}
}

// checkLost checks the end of a task that was lost with its host.
func checkLost(s *scene, got compute.TaskStatus, host compute.Host) {
	s.Helper()
	if got.State != compute.TaskStopped || got.StopCode != compute.StopHostLost {
		s.Errorf("a task on a terminated host is %s, %s; want STOPPED, %s", got.State, got.StopCode, compute.StopHostLost)
	}
	if want := "Host EC2 (instance " + host.Instance + ") terminated."; got.Reason != want {
		s.Errorf("Reason = %q, want %q", got.Reason, want)
	}
	for _, c := range got.Containers {
		if c.ExitCode != nil {
			s.Errorf("container %q of a lost task has exit code %d, want none", c.Name, *c.ExitCode)
		}
	}
}

func endedBeforeHost(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(3)))
	s.stopped(task.ID)
	s.terminate(host.ID)
	s.gone(host.ID)
	listed, _ := s.listed(task.ID)
	checkExit(s, task, listed, 3)
}

// filling makes a task that leaves no CPU on a host.
func filling(s *scene, host compute.Host) compute.Task {
	c := s.h.Forever()
	c.Need = small
	c.Need.MilliVCPU = host.Has.MilliVCPU
	return s.task(host.ID, c)
}

func hostFull(s *scene) {
	host := s.host()
	first := s.run(filling(s, host))
	s.reaches(first.ID, compute.TaskRunning)

	second := s.task(host.ID, s.h.Exit(0))
	s.remember(second.ID)
	if err := s.backend.Run(s.ctx, second); !errors.Is(err, compute.ErrNoRoom) {
		s.Fatalf("Run() = %v on a full host, want ErrNoRoom", err)
	}
	if _, ok := s.listed(second.ID); ok {
		s.Error("ListTasks holds a task that was refused")
	}
	if err := s.backend.Run(s.ctx, first); err != nil {
		s.Errorf("Run() = %v of the task that fills the host, want nil", err)
	}

	s.stop(first.ID)
	s.stopped(first.ID)
	s.run(second) // its ID was refused, not used up
	checkExit(s, second, s.stopped(second.ID), 0)

	tooBig := filling(s, host)
	tooBig.Containers[0].Need.MilliVCPU++
	if err := s.backend.Run(s.ctx, tooBig); !errors.Is(err, compute.ErrNoRoom) {
		s.remember(tooBig.ID)
		s.Errorf("Run() = %v of a task larger than its host, want ErrNoRoom", err)
	}
}

func unknownHost(s *scene) {
	task := s.task("h-"+newID()[:12], s.h.Exit(0))
	if err := s.backend.Run(s.ctx, task); !errors.Is(err, compute.ErrHostGone) {
		s.Errorf("Run() = %v on an unknown host, want ErrHostGone", err)
	}
	if _, ok := s.listed(task.ID); ok {
		s.Error("ListTasks holds a task that was refused")
	}
}

func drainHost(s *scene) {
	d := s.backend.(compute.Drainer)
	host := s.host()
	task := s.running(host.ID)
	for range 2 { // the second does nothing
		if err := d.Drain(s.ctx, host.ID); err != nil {
			s.Fatalf("Drain() = %v", err)
		}
	}
	s.run(task) // it is known
	refused := s.task(host.ID, s.h.Exit(0))
	if err := s.backend.Run(s.ctx, refused); !errors.Is(err, compute.ErrNoRoom) {
		s.Errorf("Run() = %v of a task on a host that drains, want ErrNoRoom", err)
	}
	if got, _ := s.listed(task.ID); got.State != compute.TaskRunning {
		s.Errorf("a task is %s on a host that drains, want it to go on", got.State)
	}
	if empty, err := d.Drained(s.ctx, host.ID); err != nil || empty {
		s.Errorf("Drained() = %t, %v while a task runs", empty, err)
	}
	if err := s.backend.Stop(s.ctx, task.ID, "enough"); err != nil {
		s.Fatalf("Stop() = %v", err)
	}
	s.stopped(task.ID)
	s.until("the host is drained", func() bool {
		empty, err := d.Drained(s.ctx, host.ID)
		return err == nil && empty
	})
}
