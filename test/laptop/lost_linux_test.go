package laptop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// killSupervisor kills what holds the only task that runs.
func (s *shop) killSupervisor() {
	s.Helper()
	if killed := killSupervisors(s.data); killed != 1 {
		s.Fatalf("%d supervisors ran, want the one of the job", killed)
	}
}

// Only where server and supervisor are gone does an attempt count as lost, with its
// host, and only the retry strategy decides what follows.
func TestAttemptLostWithItsSupervisor(t *testing.T) {
	hostGone := types.EvaluateOnExit{OnStatusReason: aws.String("Host EC2*"), Action: types.RetryActionRetry}
	allElse := types.EvaluateOnExit{OnReason: aws.String("*"), Action: types.RetryActionExit}
	exitOnHost := types.EvaluateOnExit{OnStatusReason: aws.String("Host EC2*"), Action: types.RetryActionExit}
	tests := map[string]struct {
		retry    *types.RetryStrategy
		attempts int
	}{
		"no strategy":                {nil, 1},
		"two attempts":               {&types.RetryStrategy{Attempts: aws.Int32(2)}, 2},
		"retried for a lost host":    {&types.RetryStrategy{Attempts: aws.Int32(3), EvaluateOnExit: []types.EvaluateOnExit{hostGone, allElse}}, 2},
		"not retried for this cause": {&types.RetryStrategy{Attempts: aws.Int32(3), EvaluateOnExit: []types.EvaluateOnExit{exitOnHost}}, 1},
	}
	losses := map[string]func(*shop){
		"killed together": func(s *shop) {
			s.kill()
			s.killSupervisor()
			s.start()
		},
		"the supervisor alone": (*shop).killSupervisor,
	}
	for how, lose := range losses {
		t.Run(how, func(t *testing.T) {
			s := newShop(t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					s := s.in(t)
					// It leaves a daemon behind, which must not live beside the next attempt.
					wait := s.file("go-" + how + name)
					order := s.order("lost", "-leave", "-lines", "2", "-exits", "0,4", "-wait", wait)
					order.RetryStrategy = test.retry
					id := s.submit(order)
					s.started(id, 1)
					s.reaches(id, types.JobStatusRunning)
					lose(s)
					if test.attempts > 1 {
						s.started(id, 2)
						touch(t, wait)
					}
					job := s.ends(id)
					if left := processesOf(id); len(left) > 0 {
						t.Errorf("processes %v of the job live after its end", left)
					}
					if job.Status != types.JobStatusFailed || len(job.Attempts) != test.attempts {
						t.Fatalf("job is %s (%s) after %d attempts, want FAILED after %d",
							job.Status, aws.ToString(job.StatusReason), len(job.Attempts), test.attempts)
					}
					lost := job.Attempts[0]
					if reason := aws.ToString(lost.StatusReason); !hostLost.MatchString(reason) {
						t.Errorf("statusReason of the lost attempt = %q, want %v", reason, hostLost)
					}
					if lost.Container.ExitCode != nil {
						t.Errorf("the lost attempt has exit code %d, want none", *lost.Container.ExitCode)
					}
					if test.attempts > 1 {
						if exit := job.Attempts[1].Container.ExitCode; exit == nil || *exit != 4 {
							t.Errorf("exit code of the second attempt = %s, want 4", code(exit))
						}
					} else if reason := aws.ToString(job.StatusReason); !hostLost.MatchString(reason) {
						t.Errorf("statusReason of the job = %q, want %v", reason, hostLost)
					}
					if got := len(attempts(t, readLedger(t, s.ledger))[id]); got != test.attempts {
						t.Errorf("%d attempts started, want %d", got, test.attempts)
					}
				})
			}
		})
	}
}

// in is the shop in a subtest.
func (s *shop) in(t *testing.T) *shop {
	server, shop := *s.server, *s
	server.T, shop.server = t, &server
	t.Cleanup(func() { s.process = server.process })
	return &shop
}

// processesOf finds what lives of a job, daemons included: they have its environment.
func processesOf(job string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && strings.Contains("\x00"+string(data), "\x00AWS_BATCH_JOB_ID="+job+"\x00") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}
