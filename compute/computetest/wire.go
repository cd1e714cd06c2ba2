package computetest

import (
	"testing"

	"github.com/packhorse-batch/packhorse/compute"
)

// Wire holds backends to those promises that can be kept where nothing really runs, such
// as behind an imitation of AWS that answers calls and starts no containers: what is
// asked twice is there once, lists tell what was asked for, and what is unknown is no
// error. The harness needs Host, and Join if hosts do not join by themselves.
func Wire(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range wireCases() {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, open(t))
			if lacks := c.lacks(s.h); lacks != "" {
				t.Skipf("the backend lacks %s", lacks)
			}
			c.run(s)
		})
	}
}

func wireCases() []promise {
	return []promise{
		{"Launch gives a host that is listed", wireLaunch, []need{hosts}},
		{"launching an ID again gives the same host", wireLaunchTwice, []need{hosts}},
		{"another ID is another host", wireLaunchTwo, []need{hosts}},
		{"Terminate makes a host go away, and again is no error", wireTerminate, []need{hosts}},
		{"a host whose ID is gone is not launched again", wireLaunchGone, []need{hosts}},
		{"a host that has joined is READY with what it has", wireJoin, []need{hosts}},
		{"running a task twice runs it once", wireRunTwice, []need{hosts}},
		{"hosts are there after reopening", wireReopen, []need{hosts, reopening}},
		{"Terminate of an unknown host is no error", terminateUnknown, []need{hosts}},
		{"a task on an unknown host is refused", unknownHost, []need{hosts}},
		{"Stop of an unknown task is no error", stopUnknown, nil},
		{"Forget of an unknown task is no error", forgetUnknown, nil},
	}
}

// asked launches a host and returns it as Launch tells it.
func (s *scene) asked() compute.Host {
	s.Helper()
	host, err := s.launch(s.h.Host("h-" + newID()[:12]))
	if err != nil {
		s.Fatalf("Launch() = %v", err)
	}
	return host
}

func wireLaunch(s *scene) {
	request := s.h.Host("h-" + newID()[:12])
	host, err := s.launch(request)
	if err != nil {
		s.Fatalf("Launch() = %v", err)
	}
	got, ok := s.listedHost(request.ID)
	if !ok {
		s.Fatal("ListHosts leaves out a host that was launched")
	}
	checkLaunched(s, request, host, got)
	if got.LaunchedAt.IsZero() || got.Zone == "" {
		s.Errorf("LaunchedAt = %v, Zone = %q, want both", got.LaunchedAt, got.Zone)
	}
}

func wireLaunchTwice(s *scene) { s.sameAgain(s.asked()) }

func wireLaunchTwo(s *scene) {
	first, second := s.asked(), s.asked()
	if first.Instance == second.Instance {
		s.Errorf("hosts %s and %s are both instance %s", first.ID, second.ID, first.Instance)
	}
	s.counts(first.ID, 1)
	s.counts(second.ID, 1)
}

func wireTerminate(s *scene) {
	host, other := s.asked(), s.asked()
	s.terminate(host.ID)
	s.gone(host.ID)
	s.terminate(host.ID)
	s.counts(other.ID, 1)
}

func wireLaunchGone(s *scene) {
	host := s.asked()
	s.terminate(host.ID)
	s.gone(host.ID)
	s.staysGone(host.ID)
}

// joinedHost launches a host and lets it join.
func (s *scene) joinedHost() compute.Host {
	s.Helper()
	host := s.asked()
	if s.h.Join != nil {
		s.h.Join(s.T, host)
	}
	return s.ready(host.ID)
}

func wireJoin(s *scene) {
	host := s.joinedHost()
	if host.Has.MilliVCPU <= 0 || host.Has.MemoryMiB <= 0 {
		s.Errorf("Has = %s, want CPUs and memory", host.Has)
	}
	if host.ReadyAt.IsZero() {
		s.Error("ReadyAt is zero")
	}
}

func wireRunTwice(s *scene) {
	host := s.joinedHost()
	task := s.task(host.ID, s.h.Forever())
	s.run(task)
	s.run(task)
	list, err := s.backend.ListTasks(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	var found []compute.TaskStatus
	for _, status := range list {
		if status.ID == task.ID {
			found = append(found, status)
		}
	}
	if len(found) != 1 {
		s.Fatalf("ListTasks holds the task %d times, want once", len(found))
	}
	if got := found[0]; got.JobID != task.JobID || got.Attempt != task.Attempt || got.Host != host.ID {
		s.Errorf("the task of job %s, attempt %d, host %s is told as of job %s, attempt %d, host %s",
			task.JobID, task.Attempt, host.ID, got.JobID, got.Attempt, got.Host)
	}
}

func wireReopen(s *scene) {
	host := s.asked()
	s.reopen()
	s.sameAgain(host)
	s.terminate(host.ID)
	s.gone(host.ID)
}
