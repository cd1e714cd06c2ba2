package laptop

import (
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute/local/docker/dockertest"
)

// ownEngine is an engine that a test may stop.
func ownEngine(t *testing.T, args ...string) (*dockertest.Engine, *engine) {
	t.Helper()
	daemon := dockertest.New(t, args...)
	return daemon, newEngine(t, daemon.Host())
}

// An engine that stops takes its containers with it: those attempts are lost with
// their host. Nothing else is, and the server goes on.
func TestEngineStopsWhileJobsRun(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"in order": syscall.SIGTERM, "by a crash": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			daemon, e := ownEngine(t)
			s := e.shop()
			s.start()
			s.define()
			done := s.submit(s.order("done", "-lines", "2"))
			s.checkEnd(s.ends(done), 0, 2)
			once := s.submit(s.order("once", "-wait", s.file("never")))
			order := s.order("twice", "-exits", "0,3", "-wait", s.file("go"))
			order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
			twice := s.submit(order)
			s.started(once, 1)
			s.started(twice, 1)
			s.reaches(once, types.JobStatusRunning)
			s.reaches(twice, types.JobStatusRunning)

			daemon.End(signal)
			// Without an engine the server answers and takes jobs.
			meanwhile := s.submit(s.order("meanwhile", "-lines", "1"))
			if got := s.job(once).Status; signal == syscall.SIGKILL && got != types.JobStatusRunning {
				t.Errorf("after the engine's crash job %s is %s, want RUNNING as before: nobody knows better", once, got)
			}
			daemon.Start()
			s.started(twice, 2)
			touch(t, s.file("go"))

			job := s.ends(once)
			if reason := aws.ToString(job.StatusReason); job.Status != types.JobStatusFailed || !hostLost.MatchString(reason) {
				t.Errorf("job %s is %s (%q), want FAILED, its host lost", once, job.Status, reason)
			}
			job = s.ends(twice)
			if len(job.Attempts) != 2 || !hostLost.MatchString(aws.ToString(job.Attempts[0].StatusReason)) {
				t.Errorf("attempts of job %s = %+v, want two, the first lost with its host", twice, job.Attempts)
			} else if exit := job.Attempts[1].Container.ExitCode; exit == nil || *exit != 3 {
				t.Errorf("exit code of the second attempt = %s, want 3", code(exit))
			}
			s.checkEnd(s.ends(meanwhile), 0, 1)
			s.checkEnd(s.job(done), 0, 2)
			attempts(t, readLedger(t, s.ledger))
		})
	}
}

// With live-restore containers outlive the engine, as they outlive the server.
func TestJobsRunOnWithoutEngineAndServer(t *testing.T) {
	daemon, e := ownEngine(t, "--live-restore")
	s := e.shop()
	s.start()
	s.define()
	wait := s.file("go")
	id := s.submit(s.order("on", "-lines", "5", "-wait", wait, "-exits", "6"))
	s.started(id, 1)
	s.reaches(id, types.JobStatusRunning)
	s.kill()
	daemon.End(syscall.SIGKILL)
	daemon.Start()
	s.start()
	if got := s.job(id).Status; got != types.JobStatusRunning {
		t.Errorf("the job is %s, want RUNNING", got)
	}
	touch(t, wait)
	s.checkEnd(s.ends(id), 6, 5)
	attempts(t, readLedger(t, s.ledger))
}

// Asked for Docker, a server without an engine says so and ends; left to choose, it
// runs plain processes and says that.
func TestServeWithoutAnEngine(t *testing.T) {
	s := newServer(t, "--runtime", "docker")
	s.env = []string{"DOCKER_HOST=unix://" + s.data + "/no.sock"}
	s.refuses("no Docker Engine", "start Docker", "process")
	s = newServer(t, "--runtime", "auto")
	s.env = []string{"DOCKER_HOST=unix://" + s.data + "/no.sock"}
	s.start()
	until(t, "the server to say that jobs run as plain processes, and what to do", func() bool {
		said := s.process.output.String()
		return strings.Contains(said, "plain processes") && strings.Contains(said, "start Docker")
	})
}
