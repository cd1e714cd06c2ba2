package computetest

import (
	"errors"

	"github.com/packhorse-batch/packhorse/compute"
)

func reopenTasks(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	before, _ := s.listed(task.ID)
	s.reopen()
	after, ok := s.listed(task.ID)
	if !ok || after.State != compute.TaskRunning || after.JobID != before.JobID || after.Host != before.Host || after.Attempt != before.Attempt {
		s.Fatalf("after reopening, ListTasks tells %+v, want %+v", after, before)
	}
	if after.Version < before.Version {
		s.Errorf("Version = %d after reopening, %d before", after.Version, before.Version)
	}
	s.run(task) // known still
	if again, _ := s.listed(task.ID); !again.StartedAt.Equal(after.StartedAt) {
		s.Errorf("Run after reopening started the task anew at %v, first at %v", again.StartedAt, after.StartedAt)
	}
}

func reopenEnded(s *scene) {
	host := s.host()
	task := s.run(s.task(host.ID, s.h.Exit(6)))
	s.stopped(task.ID)
	forgotten := s.run(s.task(host.ID, s.h.Exit(0)))
	s.stopped(forgotten.ID)
	if err := s.backend.Forget(s.ctx, forgotten.ID); err != nil {
		s.Fatalf("Forget() = %v", err)
	}
	s.reopen()
	var listed compute.TaskStatus
	s.until("the task that ended is listed as STOPPED", func() bool {
		var ok bool
		if listed, ok = s.listed(task.ID); !ok {
			s.Fatal("after reopening, ListTasks leaves out a task that ended and was not forgotten")
		}
		return listed.State == compute.TaskStopped
	})
	checkExit(s, task, listed, 6)
	s.until("the forgotten task is listed no more", func() bool {
		// The restart may have cut the clean-up short; then it is forgotten again.
		status, ok := s.listed(forgotten.ID)
		if ok && status.State == compute.TaskStopped {
			if err := s.backend.Forget(s.ctx, forgotten.ID); err != nil {
				s.Fatalf("Forget() = %v of a task that was forgotten before reopening", err)
			}
		}
		return !ok
	})
}

func reopenStop(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	s.reopen()
	if err := s.backend.Stop(s.ctx, task.ID, "after all"); err != nil {
		s.Fatalf("Stop() = %v after reopening", err)
	}
	checkStopped(s, s.stopped(task.ID), "after all")
}

func reopenHosts(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	s.reopen()
	after := s.ready(host.ID)
	if after.Instance != host.Instance || after.Has != host.Has || after.Type != host.Type || after.Market != host.Market ||
		after.Environment != host.Environment || !after.LaunchedAt.Equal(host.LaunchedAt) || after.Version < host.Version {
		s.Errorf("after reopening, host is %+v, want %+v", after, host)
	}
	s.sameAgain(host)
	s.terminate(host.ID)
	checkLost(s, s.stopped(task.ID), host)
}

func reopenFull(s *scene) {
	host := s.host()
	first := s.run(filling(s, host))
	s.reaches(first.ID, compute.TaskRunning)
	s.reopen()
	second := s.task(host.ID, s.h.Exit(0))
	s.remember(second.ID)
	if err := s.backend.Run(s.ctx, second); !errors.Is(err, compute.ErrNoRoom) {
		s.Fatalf("Run() = %v on a host that was full before reopening, want ErrNoRoom", err)
	}
	s.stop(first.ID)
	s.stopped(first.ID)
	s.run(second)
	checkExit(s, second, s.stopped(second.ID), 0)
}

func reopenGone(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	s.terminate(host.ID)
	s.stopped(task.ID)
	s.gone(host.ID)
	s.reopen()
	s.counts(host.ID, 0)
	if listed, ok := s.listed(task.ID); !ok {
		s.Error("after reopening, ListTasks leaves out a task that was lost and not forgotten")
	} else {
		checkLost(s, listed, host)
	}
	s.staysGone(host.ID)
}
