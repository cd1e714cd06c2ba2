package account

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

var (
	seeds = flag.Int("account.seeds", 3, "how many storms are weathered")
	first = flag.Uint64("account.first", 1, "the seed of the first")
)

// wanted is a job and what is expected of it.
type wanted struct {
	id string
	// lost says that its attempts may be lost: its hosts are Spot Instances.
	lost bool
	// stopped is the reason that it was terminated with; empty if it was not.
	stopped string
}

func TestEveryJobEndsAsItShouldInAStorm(t *testing.T) {
	n := *seeds
	if testing.Short() {
		n = min(n, 1)
	}
	for i := range n {
		seed := *first + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := newRegion(t, seed)
			r.furnish()
			r.cloud.SetFaults(fakeaws.Faults{
				CallFails: 0.05, AnswerLost: 0.15, Lag: fakeaws.Between{High: 20 * time.Second * speed}, // of a clock that runs ahead
				Interrupted: 0.5, InterruptedAfter: fakeaws.Between{Low: time.Minute, High: 5 * time.Minute}, NeverJoins: 0.05,
				EventLost: 0.3, EventDoubled: 0.2, EventLate: 0.3,
			})
			stop := r.begin()
			jobs := r.submitAll()
			defer func() {
				if t.Failed() {
					r.tell(jobs)
				}
			}()
			r.until("the jobs to end", func() bool { return r.allEnded(jobs) })
			r.cloud.SetFaults(fakeaws.Faults{})
			r.until("all hosts and tasks to go", func() bool { return len(r.cloud.Alive())+len(r.cloud.Running()) == 0 })
			stop()
			for _, j := range jobs {
				r.check(j)
			}
			if twice := r.cloud.StartedTwice(); len(twice) > 0 {
				t.Errorf("started twice: %v", twice)
			}
			r.checkInstances()
			for _, use := range r.cloud.Uses() {
				if !use.Fits() {
					t.Errorf("instance %s held more than it has: %+v", use.Instance, use)
				}
			}
			t.Logf("%v of the account's time, %d instances, %d containers; calls %v", r.clock.passed(), r.cloud.Launched(), len(r.cloud.Runs()), r.cloud.Calls())
		})
	}
}

// submitAll submits jobs on hosts, on Spot and on Fargate, and terminates some of them.
func (r *region) submitAll() []wanted {
	r.Helper()
	var all []wanted
	submit := func(queue, definition string, change func(*awsbatch.SubmitJobInput)) string {
		in := &awsbatch.SubmitJobInput{JobName: new(definition), JobQueue: &queue, JobDefinition: &definition}
		if change != nil {
			change(in)
		}
		out, err := r.door.SubmitJob(r.Context(), in)
		r.must(err)
		return *out.JobId
	}
	for range 20 {
		all = append(all, wanted{id: submit("ec2", "short", nil)})
	}
	array := submit("ec2", "short", func(in *awsbatch.SubmitJobInput) { in.ArrayProperties = &types.ArrayProperties{Size: new(int32(10))} })
	for i := range 10 {
		all = append(all, wanted{id: batch.ChildID(array, i)})
	}
	for range 15 {
		all = append(all, wanted{lost: true, id: submit("spot", "long", func(in *awsbatch.SubmitJobInput) {
			in.RetryStrategy = &types.RetryStrategy{Attempts: new(int32(spotAttempts)), EvaluateOnExit: []types.EvaluateOnExit{
				{OnStatusReason: new("Host EC2*"), Action: types.RetryActionRetry}, {OnReason: new("*"), Action: types.RetryActionExit},
			}}
		})})
	}
	for range 8 {
		all = append(all, wanted{id: submit("fargate", "tiny", nil)})
	}
	for i := range 6 {
		w := wanted{id: submit("ec2", "forever", nil), stopped: fmt.Sprint("enough of ", i)}
		all = append(all, w)
		r.after(time.Duration(i)*time.Minute, func() {
			_, err := r.door.TerminateJob(r.Context(), &awsbatch.TerminateJobInput{JobId: &w.id, Reason: &w.stopped})
			r.must(err)
		})
	}
	return all
}

// spotAttempts is how often a job on Spot may be lost.
const spotAttempts = 5

func (r *region) detail(id string) types.JobDetail {
	r.Helper()
	out, err := r.door.DescribeJobs(context.WithoutCancel(r.Context()), &awsbatch.DescribeJobsInput{Jobs: []string{id}})
	r.must(err)
	return out.Jobs[0]
}

func (r *region) allEnded(jobs []wanted) bool {
	for _, j := range jobs {
		if d := r.detail(j.id); d.Status != types.JobStatusSucceeded && d.Status != types.JobStatusFailed {
			return false
		}
	}
	return true
}

// tell logs what has not ended.
func (r *region) tell(jobs []wanted) {
	for _, j := range jobs {
		if d := r.detail(j.id); d.Status != types.JobStatusSucceeded && d.Status != types.JobStatusFailed {
			r.Logf("job %s is %s: %s", j.id, d.Status, text(d.StatusReason))
		}
	}
	r.Logf("alive are %v, running %v", r.cloud.Alive(), r.cloud.Running())
}

// check holds a job that ended to what was expected of it.
func (r *region) check(j wanted) {
	r.Helper()
	d := r.detail(j.id)
	var ends []string
	for _, a := range d.Attempts {
		ends = append(ends, text(a.StatusReason))
	}
	for i, end := range ends {
		if i < len(ends)-1 && !strings.HasPrefix(end, "Host EC2") {
			r.Errorf("job %s ran again after %q", j.id, end)
		}
	}
	switch {
	case j.stopped != "":
		if d.Status != types.JobStatusFailed || text(d.StatusReason) != j.stopped || len(ends) > 1 {
			r.Errorf("job %s is %s (%s) after %q, want it terminated: %s", j.id, d.Status, text(d.StatusReason), ends, j.stopped)
		}
	case j.lost && len(ends) == spotAttempts && strings.HasPrefix(text(d.StatusReason), "Host EC2"): // bad luck
	case d.Status != types.JobStatusSucceeded, !j.lost && len(ends) != 1:
		r.Errorf("job %s is %s (%s) after %q, want it SUCCEEDED", j.id, d.Status, text(d.StatusReason), ends)
	}
}

// checkInstances holds all instances that there were to their tags: each is another host.
func (r *region) checkInstances() {
	r.Helper()
	out, err := r.cloud.EC2().DescribeInstances(r.Context(), &ec2.DescribeInstancesInput{})
	r.must(err)
	hosts, instances := map[string]string{}, 0
	for _, reservation := range out.Reservations {
		for _, i := range reservation.Instances {
			instances++
			for _, tag := range i.Tags {
				if *tag.Key != "packhorse:host" {
					continue
				}
				if first, known := hosts[*tag.Value]; known {
					r.Errorf("host %s was launched twice, as %s and %s", *tag.Value, first, *i.InstanceId)
				}
				hosts[*tag.Value] = *i.InstanceId
			}
		}
	}
	if len(hosts) != instances || instances == 0 {
		r.Errorf("%d instances are of %d hosts", instances, len(hosts))
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
