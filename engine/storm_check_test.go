package engine_test

import (
	"slices"
	"strings"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// stored returns a job as it really is; a child that has no record as its parent
// tells it.
func (s *storm) stored(id string) batch.Job {
	s.t.Helper()
	truth := lifecycle.Lifecycle{Records: s.truth}
	known, err := truth.Describe(s.t.Context(), []string{id})
	s.must(err)
	j, ok := known[id]
	if !ok {
		s.t.Fatalf("job %s is not stored", id)
	}
	return j
}

func (s *storm) allEnded() bool {
	return !slices.ContainsFunc(s.jobs, func(j *submitted) bool { return !batch.Final(s.stored(j.id).Status) })
}

// checkNow is what must be true at any moment.
func (s *storm) checkNow() {
	s.t.Helper()
	if err := s.sim.Ledger().Check(); err != nil {
		s.t.Error(err)
	}
	s.checkHosts()
	const each = 8 // looking at all jobs takes longer than the turn
	if s.turns%each == 0 {
		for _, j := range s.jobs {
			s.checkFamily(j)
		}
		s.checkReasons()
	}
}

// checkHosts: no host holds more than it has, no environment more than maxvCpus.
func (s *storm) checkHosts() {
	used := map[string]batch.Resources{}
	for _, queue := range []string{"urgent", "cheap", "shared", "serverless"} {
		live, err := s.truth.LiveJobs(s.t.Context(), queue)
		s.must(err)
		for _, j := range live {
			if j.Placement == nil || j.Placement.Task != batch.TaskID(j.ID, j.Attempts) {
				s.t.Errorf("job %s is %s with placement %+v at attempt %d", j.ID, j.Status, j.Placement, j.Attempts)
				continue
			}
			used[j.Placement.Host] = used[j.Placement.Host].Add(j.Need)
		}
	}
	for env, most := range s.maxVCPU {
		hosts, err := s.truth.Hosts(s.t.Context(), env)
		s.must(err)
		var sum int64
		for _, h := range hosts {
			sum += h.Has.MilliVCPU
			if !used[h.ID].Fits(h.Has) {
				s.t.Errorf("host %s has %s, placed on it are %s", h.ID, h.Has, used[h.ID])
			}
		}
		if sum > most {
			s.t.Errorf("the hosts of %s have %s vCPU, more than %s", env, batch.FormatVCPU(sum), batch.FormatVCPU(most))
		}
	}
}

// checkFamily: an array's counts are those of its children, and no job leaves a final
// state.
func (s *storm) checkFamily(sub *submitted) {
	s.t.Helper()
	note := func(j batch.Job) {
		if before, ok := s.ended[j.ID]; ok && before != j.Status {
			s.t.Errorf("job %s was %s and is %s now", j.ID, before, j.Status)
		}
		if batch.Final(j.Status) {
			s.ended[j.ID] = j.Status
			if j.StoppedAt == 0 {
				s.t.Errorf("job %s is %s and has no stoppedAt", j.ID, j.Status)
			}
		}
	}
	parent := s.stored(sub.id)
	note(parent)
	if sub.size == 0 {
		return
	}
	children, err := s.truth.Children(s.t.Context(), sub.id, 0, 0)
	s.must(err)
	var want batch.Counts
	for _, c := range children {
		want.Move("", c.Status, 1)
		note(c)
	}
	unstarted := sub.size - len(children)
	want.Move("", parent.UnstartedStatus(), unstarted)
	counts := parent.Array.Counts
	if s.scattered { // a crash may leave a child that runs counted as STARTING
		counts.Starting, want.Starting = counts.Starting+counts.Running, want.Starting+want.Running
		counts.Running, want.Running = 0, 0
	}
	if a := parent.Array; counts != want || a.Unstarted != unstarted {
		s.t.Errorf("array %s counts %+v, %d unstarted; its children are %+v, %d unstarted", sub.id, a.Counts, a.Unstarted, want, unstarted)
	}
	if done := want.Ended() == sub.size; done != batch.Final(parent.Status) {
		s.t.Errorf("array %s is %s while %d of %d children have ended", sub.id, parent.Status, want.Ended(), sub.size)
	}
}

// checkReasons: every job that waits says why, and every one that ended when.
func (s *storm) checkReasons() {
	s.t.Helper()
	var ids []string
	for _, j := range s.jobs {
		ids = append(ids, j.id)
		if j.size > 0 {
			ids = append(ids, batch.ChildID(j.id, s.turns%j.size))
		}
	}
	for chunk := range slices.Chunk(ids, 100) {
		for _, j := range s.shown(chunk...) {
			switch j.Status {
			case types.JobStatusPending, types.JobStatusRunnable, types.JobStatusSucceeded, types.JobStatusFailed:
				if j.StatusReason == nil && !(j.Status == types.JobStatusSucceeded && j.ArrayProperties != nil && j.ArrayProperties.Size != nil) {
					s.t.Errorf("job %s is %s and does not say why", *j.JobId, j.Status)
				}
			}
			if final := batch.Final(j.Status); final != (j.StoppedAt != nil) {
				s.t.Errorf("job %s is %s with stoppedAt %v", *j.JobId, j.Status, j.StoppedAt)
			}
		}
	}
}

// shown returns jobs as clients would see them in good weather.
func (s *storm) shown(ids ...string) []types.JobDetail {
	s.t.Helper()
	clear := jobs.Jobs{
		Records: s.truth, Lifecycle: &lifecycle.Lifecycle{Records: s.truth}, Now: func() time.Time { return s.now },
	}
	out, err := clear.DescribeJobs(s.t.Context(), &awsbatch.DescribeJobsInput{Jobs: ids})
	s.must(err)
	return out.Jobs
}

// checkJobs is what must be true of all jobs when everything has calmed down.
func (s *storm) checkJobs() {
	starts := 0
	for _, sub := range s.jobs {
		s.checkFamily(sub)
		if sub.size == 0 {
			starts += s.checkEnd(sub, s.stored(sub.id))
			continue
		}
		parent := s.stored(sub.id)
		if !batch.Final(parent.Status) {
			s.t.Errorf("array %s is still %s: %+v", sub.id, parent.Status, *parent.Array)
		}
		if want := parent.Array.Counts.Failed == 0; want != (parent.Status == batch.Succeeded) {
			s.t.Errorf("array %s is %s with %+v", sub.id, parent.Status, parent.Array.Counts)
		}
		for i := range sub.size {
			starts += s.checkEnd(sub, s.stored(batch.ChildID(sub.id, i)))
		}
	}
	l := s.sim.Ledger()
	if l.TasksStarted != starts {
		s.t.Errorf("%d tasks ran, %d attempts with a start are recorded", l.TasksStarted, starts)
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// checkEnd holds a plain job or a child to its history, and returns how many of its
// attempts ran.
func (s *storm) checkEnd(sub *submitted, j batch.Job) (starts int) {
	s.t.Helper()
	if !batch.Final(j.Status) {
		s.t.Errorf("job %s is still %s (%s)", j.ID, j.Status, text(s.shown(j.ID)[0].StatusReason))
		return 0
	}
	attempts, err := s.truth.Attempts(s.t.Context(), j.ID)
	s.must(err)
	if j.Last != nil {
		attempts = append(attempts, *j.Last)
	}
	if len(attempts) != j.Attempts || len(attempts) > j.MaxAttempts {
		s.t.Errorf("job %s shows %d attempts, counts %d and may have %d", j.ID, len(attempts), j.Attempts, j.MaxAttempts)
	}
	stopped := s.reasonsToStop(j)
	ready := s.checkDependencies(sub, j)
	for i, a := range attempts {
		if a.StartedAt > 0 {
			starts++
		}
		if a.Number != i+1 || a.StatusReason == "" {
			s.t.Errorf("job %s: attempt %d is %+v", j.ID, i+1, a)
		}
		if a.StartedAt > 0 && a.StartedAt < ready {
			s.t.Errorf("job %s: attempt %d ran at %d, its dependencies ended at %d", j.ID, i+1, a.StartedAt, ready)
		}
		if ready = max(ready, a.StoppedAt); a.StoppedAt == 0 {
			s.t.Errorf("job %s: attempt %d has no end", j.ID, i+1)
		}
		s.checkAttempt(j, a, i+1 == len(attempts), sub.in.RetryStrategy, stopped)
	}
	if j.Status == batch.Failed && len(attempts) == 0 {
		dependency := strings.HasPrefix(j.Reason, lifecycle.DependentJobFailed)
		if !dependency && !slices.Contains(stopped, j.Reason) {
			s.t.Errorf("job %s never ran and failed because %q", j.ID, j.Reason)
		}
	}
	return starts
}

// checkAttempt: an attempt ended as it was planned to or for a cause, and was followed
// by another exactly if the retry strategy says so.
func (s *storm) checkAttempt(j batch.Job, a batch.Attempt, last bool, retry *types.RetryStrategy, stopped []string) {
	s.t.Helper()
	planned := s.plannedEnd(j.ID, a.Number)
	if a.StatusReason == "no job is placed on this task" {
		s.t.Errorf("job %s: the task of attempt %d was stopped as one of no job: %+v", j.ID, a.Number, a)
	}
	wasStopped := slices.Contains(stopped, a.StatusReason) || a.StatusReason == lifecycle.TimedOut
	if a.StatusReason == lifecycle.EssentialExited && (a.ExitCode == nil || *a.ExitCode != planned.Exit || planned.NeverStarts) {
		s.t.Errorf("job %s: attempt %d ended as %+v, planned was %+v", j.ID, a.Number, a, planned)
	}
	good := a.StatusReason == lifecycle.EssentialExited && planned == sim.Outcome{}
	switch {
	case !last && (good || wasStopped || !batch.ShouldRetry(retry, a.Number, a)):
		s.t.Errorf("job %s ran again after attempt %d: %+v", j.ID, a.Number, a)
	case !last:
	case (j.Status == batch.Succeeded) != good:
		s.t.Errorf("job %s is %s (%s) after %+v", j.ID, j.Status, j.Reason, a)
	case j.Status == batch.Failed && !wasStopped && j.Reason == a.StatusReason && batch.ShouldRetry(retry, a.Number, a):
		s.t.Errorf("job %s failed although attempt %d of %d could be followed by another: %+v", j.ID, a.Number, j.MaxAttempts, a)
	}
}

// reasonsToStop lists the reasons that clients gave to stop a job, its array and its
// queue included.
func (s *storm) reasonsToStop(j batch.Job) []string {
	id := j.ID
	parent, _, _ := batch.SplitChild(id)
	var reasons []string
	if j.Queue == s.deleted {
		reasons = append(reasons, lifecycle.QueueDeletedReason)
	}
	for _, stop := range s.stops {
		if stop.id == id || stop.id == parent {
			reasons = append(reasons, stop.reason)
		}
	}
	return reasons
}

// checkDependencies: a job ran only if all that it depends on succeeded, and failed
// without an attempt if one did not. It returns when the last of them ended.
func (s *storm) checkDependencies(sub *submitted, j batch.Job) (ready batch.Millis) {
	s.t.Helper()
	_, index, child := batch.SplitChild(j.ID)
	broken := false
	for _, d := range sub.in.DependsOn {
		var on string
		switch {
		case d.Type == types.ArrayJobDependencySequential && index == 0:
			continue
		case d.Type == types.ArrayJobDependencySequential:
			on = batch.ChildID(sub.id, index-1)
		case d.Type == types.ArrayJobDependencyNToN && child:
			on = batch.ChildID(*d.JobId, index)
		default:
			on = *d.JobId
		}
		other := s.stored(on)
		ready = max(ready, other.StoppedAt)
		broken = broken || other.Status == batch.Failed
		if other.Status != batch.Succeeded && (j.Attempts > 0 || j.Status == batch.Succeeded) {
			s.t.Errorf("job %s ran although %s is %s", j.ID, on, other.Status)
		}
	}
	if !broken && j.Status == batch.Failed && strings.HasPrefix(j.Reason, lifecycle.DependentJobFailed) {
		s.t.Errorf("job %s failed because %q, and all that it depends on succeeded", j.ID, j.Reason)
	}
	return ready
}

// checkFleet: when no job is left and the idle window is over, no host is left, here
// or there, and compute remembers no task.
func (s *storm) checkFleet() {
	for env := range s.maxVCPU {
		hosts, err := s.truth.Hosts(s.t.Context(), env)
		s.must(err)
		for _, h := range hosts {
			s.t.Errorf("host %s of %s is still %s", h.ID, env, h.State)
		}
	}
	l := s.sim.Ledger()
	if len(l.HostsUp) > 0 {
		s.t.Errorf("hosts are still up: %v", l.HostsUp)
	}
	if l.TasksKnown > 0 {
		list, _ := s.sim.ListTasks(s.t.Context())
		s.t.Errorf("compute still knows %d tasks, the first is %+v", l.TasksKnown, list[0])
	}
}

// checkPurge: what ended long ago leaves nothing behind.
func (s *storm) checkPurge() {
	s.moveTo(s.now.Add(store.Retention + time.Hour))
	for range 20 { // an ordering that lags shows all of it in the end
		s.doing(func() { s.Engine.Sweep(s.t.Context()) })
	}
	ctx := s.t.Context()
	for _, sub := range s.jobs {
		if _, err := s.truth.Job(ctx, sub.id); !store.IsNotFound(err) {
			s.t.Errorf("job %s is still stored: %v", sub.id, err)
		}
		if _, err := s.truth.Spec(ctx, sub.id); !store.IsNotFound(err) {
			s.t.Errorf("what was submitted as %s is still stored: %v", sub.id, err)
		}
		for what, page := range map[string]store.Query{
			"job": {Partition: "job#" + sub.id, Limit: 1}, "waiters": {Partition: "waits#" + sub.id, Limit: 1},
		} {
			if got, err := s.truth.Table().Query(ctx, page); err != nil || len(got.Items) > 0 {
				s.t.Errorf("%s of %s are still stored: %v, %v", what, sub.id, got.Items, err)
			}
		}
	}
}
