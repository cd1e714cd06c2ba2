package laptop

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// The server is killed again and again, and with it all that holds its tasks: each
// attempt that ran then is lost, and the next one starts only when nothing of it lives.
func TestKill_serversAndSupervisors(t *testing.T) {
	s := newShop(t)
	draw := chance(t, "kills")
	const most = 10 // attempts, as AWS Batch has it
	var ids []string
	for i := range 6 {
		order := s.order("stubborn", "-leave", "-lines", "3", "-last", "400ms", "-exits", fmt.Sprint(i%2))
		order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(most), EvaluateOnExit: []types.EvaluateOnExit{
			{OnStatusReason: aws.String("Host EC2*"), Action: types.RetryActionRetry},
			{OnReason: aws.String("*"), Action: types.RetryActionExit},
		}}
		ids = append(ids, s.submit(order))
	}
	for range most - 1 {
		time.Sleep(time.Duration(draw.Int64N(int64(500 * time.Millisecond)))) // where the kill falls is the chance of this test
		s.kill()
		for _, pid := range supervisors(s.data) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may just have ended
		}
		s.start()
	}
	lost := 0
	for i, id := range ids {
		job := s.ends(id)
		want := types.JobStatusSucceeded
		if i%2 != 0 {
			want = types.JobStatusFailed
		}
		if job.Status != want {
			t.Errorf("job %s is %s (%s), want %s", id, job.Status, aws.ToString(job.StatusReason), want)
		}
		for n, a := range job.Attempts {
			reason, last := aws.ToString(a.StatusReason), n == len(job.Attempts)-1
			switch {
			case last && (a.Container.ExitCode == nil || int(*a.Container.ExitCode) != i%2):
				t.Errorf("job %s: the last attempt has exit code %v (%s), want %d", id, a.Container.ExitCode, reason, i%2)
			case !last && (!hostLost.MatchString(reason) || a.Container.ExitCode != nil):
				t.Errorf("job %s: attempt %d ended with %q, exit code %v; want a lost host", id, n+1, reason, a.Container.ExitCode)
			}
		}
		lost += len(job.Attempts) - 1
		if left := processesOf(id); len(left) > 0 {
			t.Errorf("processes %v of job %s live after its end", left, id)
		}
	}
	started := attempts(t, readLedger(t, s.ledger))
	for _, id := range ids {
		all := s.job(id).Attempts
		for _, a := range started[id] {
			if a.number > len(all) {
				t.Errorf("job %s: attempt %d started, the server tells of %d", id, a.number, len(all))
			}
		}
	}
	t.Logf("%d attempts were lost", lost)
}
