package laptop

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// most is how many attempts a job may have, as AWS Batch has it.
const most = 10

// stubborn submits jobs to a queue that are tried again when their host is lost, and
// leave daemons behind. Every other one exits with 1.
func (s *shop) stubborn(queue string) []string {
	s.Helper()
	var ids []string
	for i := range 6 {
		order := s.order("stubborn", "-leave", "-lines", "3", "-last", "400ms", "-exits", fmt.Sprint(i%2))
		order.JobQueue = &queue
		order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(most), EvaluateOnExit: []types.EvaluateOnExit{
			{OnStatusReason: aws.String("Host EC2*"), Action: types.RetryActionRetry},
			{OnReason: aws.String("*"), Action: types.RetryActionExit},
		}}
		ids = append(ids, s.submit(order))
	}
	return ids
}

// checkStubborn checks that each attempt but the last was lost with its host, that
// nothing ran beside the next one, and that nothing is left.
func (s *shop) checkStubborn(ids []string) {
	s.Helper()
	lost := 0
	for i, id := range ids {
		job := s.ends(id)
		for n, a := range job.Attempts {
			reason, last := aws.ToString(a.StatusReason), n == len(job.Attempts)-1
			switch {
			case n == most-1 && hostLost.MatchString(reason): // it had bad luck
			case last && (a.Container.ExitCode == nil || int(*a.Container.ExitCode) != i%2):
				s.Errorf("job %s: the last attempt has exit code %s (%s), want %d", id, code(a.Container.ExitCode), reason, i%2)
			case !last && (!hostLost.MatchString(reason) || a.Container.ExitCode != nil):
				s.Errorf("job %s: attempt %d ended with %q, exit code %s; want a lost host", id, n+1, reason, code(a.Container.ExitCode))
			}
		}
		lost += len(job.Attempts) - 1
		if left := processesOf(id); len(left) > 0 {
			s.Errorf("processes %v of job %s live after its end", left, id)
		}
	}
	started := attempts(s.T, readLedger(s.T, s.ledger))
	for _, id := range ids {
		all := s.job(id).Attempts
		for _, a := range started[id] {
			if a.number > len(all) {
				s.Errorf("job %s: attempt %d started, the server tells of %d", id, a.number, len(all))
			}
		}
	}
	s.Logf("%d attempts were lost", lost)
}

// The server is killed again and again, and with it all that holds its tasks: each
// attempt that ran then is lost, and the next one starts only when nothing of it lives.
func TestKill_serversAndSupervisors(t *testing.T) {
	s := newShop(t)
	draw := chance(t, "kills")
	ids := s.stubborn(queue)
	for range most - 1 {
		time.Sleep(time.Duration(draw.Int64N(int64(500 * time.Millisecond)))) // where the kill falls is the chance of this test
		s.kill()
		killSupervisors(s.data)
		s.start()
	}
	s.checkStubborn(ids)
}

// Spot hosts are taken away all the time, and the server is killed meanwhile.
func TestKill_whileSpotHostsGo(t *testing.T) {
	s := newShop(t, "--spot-interruptions", "12000") // an hour: a host lives 0.3 s in the mean
	_, err := s.batch().CreateComputeEnvironment(t.Context(), &batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String("spot"), Type: types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeSpot, AllocationStrategy: types.CRAllocationStrategySpotPriceCapacityOptimized, MinvCpus: aws.Int32(0), MaxvCpus: aws.Int32(64), InstanceTypes: []string{"m5.large"},
			InstanceRole: aws.String("ecsInstanceRole"), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	s.check(err)
	_, err = s.batch().CreateJobQueue(t.Context(), &batch.CreateJobQueueInput{
		JobQueueName: aws.String("spot"), Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{Order: aws.Int32(1), ComputeEnvironment: aws.String("spot")}},
	})
	s.check(err)
	draw := chance(t, "kills")
	ids := s.stubborn("spot")
	for range 8 {
		time.Sleep(time.Duration(draw.Int64N(int64(500 * time.Millisecond)))) // as above
		s.kill()
		s.start()
	}
	s.checkStubborn(ids)
}
