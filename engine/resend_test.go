package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/store"
)

// What becomes of a call that runs a task, before its answer is given.
type fate int

const (
	answered  fate = iota
	lost           // the task is taken, and the answer is lost
	failed         // it is not taken
	wrong          // it is refused for good, as one that cannot be made at all
	forgotten      // it was run, and ECS does not show it any more
)

// resending is a world over compute like ECS, whose calls that run tasks have fates.
type resending struct {
	*world
	ecs   *ecsLike
	fates []fate // of the calls to come; all later ones are answered
	calls int
	blind bool   // lists of tasks cannot be had
	gone  string // a host that EC2 does not show although ECS does
}

// cloud is the compute of a resending world.
type cloud struct {
	*ecsLike
	r *resending
}

func (c cloud) Run(ctx context.Context, task compute.Task) error {
	c.r.calls++
	of := answered
	if len(c.r.fates) > 0 {
		of, c.r.fates = c.r.fates[0], c.r.fates[1:]
	}
	switch of {
	case failed:
		return compute.ErrUnavailable
	case forgotten:
		return compute.ErrTaskGone
	case wrong:
		return &batch.Error{Code: batch.CodeInvalid, Message: "ECS does not take the task: the role does not exist."}
	}
	err := c.ecsLike.Run(ctx, task)
	if of == lost && err == nil {
		return compute.ErrUnavailable
	}
	return err
}

func (c cloud) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	if c.r.blind {
		return nil, compute.ErrUnavailable
	}
	return c.ecsLike.ListTasks(ctx)
}

func (c cloud) ListHosts(ctx context.Context) ([]compute.Host, error) {
	all, err := c.ecsLike.ListHosts(ctx)
	return slices.DeleteFunc(all, func(h compute.Host) bool { return h.ID == c.r.gone }), err
}

// newResending opens such a world: hosts boot for a minute, images are pulled for a while.
func newResending(t *testing.T, pull, runs time.Duration, fates ...fate) *resending {
	t.Helper()
	w := newWorld(t, sim.Config{
		BootTime: sim.Constant(time.Minute), PullAndStart: sim.Constant(pull),
		RunTime: func(compute.Task) time.Duration { return runs },
	}, nil)
	r := &resending{world: w, fates: fates}
	const lag = 10 * time.Second
	r.ecs = newECSLike(w.sim, func() time.Time { return w.now }, lag)
	w.ecs, w.over = true, func(compute.Backend) compute.Backend { return cloud{r.ecs, r} }
	r.again()
	return r
}

// again is another process.
func (r *resending) again() { r.restart(r.Records.Table()) }

// started submits a job and lets time pass until its task was asked for.
func (r *resending) started() (id string) {
	r.t.Helper()
	id = r.submit()
	for range 120 {
		if r.calls > 0 {
			r.wants(types.JobStatusStarting, id)
			return id
		}
		r.advance(time.Second)
	}
	r.t.Fatal("nobody asked for the task")
	return ""
}

// host is the host of the job's current attempt.
func (r *resending) host(id string) string {
	r.t.Helper()
	j, err := r.Records.Job(r.t.Context(), id)
	r.must(err)
	if j.Placement == nil {
		r.t.Fatalf("job %s is %s without a placement", id, j.Status)
	}
	return j.Placement.Host
}

// hear lets Packhorse hear of a host.
func (r *resending) hear(host string, state compute.HostState) {
	r.t.Helper()
	all, err := r.sim.ListHosts(r.t.Context())
	r.must(err)
	for _, h := range all {
		if h.ID == host {
			h.State = state
			r.Engine.Observe(r.t.Context(), []compute.News{{Host: &h}})
			return
		}
	}
	r.t.Fatalf("host %s is not up", host)
}

// minutes lets time pass, with a sweep each minute.
func (r *resending) minutes(n int) {
	r.t.Helper()
	for range n {
		r.advance(time.Minute)
		r.Engine.Sweep(r.t.Context())
	}
	r.advance(0)
}

// ended checks that a job ended well in one attempt that was started once.
func (r *resending) ended(id string) {
	r.t.Helper()
	r.wants(types.JobStatusSucceeded, id)
	r.once(id)
}

// once checks that a job had one attempt and that at most one task ran.
func (r *resending) once(id string) {
	r.t.Helper()
	if n := len(r.job(id).Attempts); n != 1 {
		r.t.Errorf("the job had %d attempts, want one", n)
	}
	if n := r.sim.Ledger().TasksStarted; n > 1 {
		r.t.Errorf("%d tasks ran, want at most one", n)
	}
	r.check()
}

// The answer to the call that started a task is lost, and before the task is asked for again
// its host begins to drain, or goes. Nobody may take the job for one that was not started.
func TestATaskThatRunsIsNotTakenForOneThatWasRefused(t *testing.T) {
	tests := map[string]struct {
		runs time.Duration
		do   func(r *resending, id string)
	}{
		"its host drains": {time.Minute, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(5)
		}},
		"its host drains, and it ends before anybody asks": {time.Second, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(5)
		}},
		"its host drains, and it runs for long": {10 * time.Minute, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(15)
		}},
		"its host drains, and no list can be had for long": {time.Minute, func(r *resending, id string) {
			r.blind = true
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(20)
			r.blind = false
			r.minutes(3)
		}},
		"EC2 does not show its host any more": {5 * time.Minute, func(r *resending, id string) {
			r.gone = r.host(id)
			r.hear(r.gone, compute.HostGone)
			r.minutes(10)
		}},
		"its host drains, and it is another process that asks": {time.Minute, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			r.again()
			r.minutes(5)
		}},
		"its host drains, and each minute there is a new process": {time.Minute, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			for range 5 {
				r.again()
				r.minutes(1)
			}
		}},
		"ECS says that it cannot be made at all": {time.Minute, func(r *resending, id string) {
			r.fates = []fate{wrong}
			r.minutes(5)
		}},
	}
	for name, test := range tests {
		for _, pull := range []time.Duration{time.Second, 20 * time.Second} {
			for title, deaf := range map[string]bool{"": false, ", and news is lost": true} {
				t.Run(name+", after "+pull.String()+title, func(t *testing.T) {
					r := newResending(t, pull, test.runs, lost)
					id := r.started()
					r.deaf = deaf
					test.do(r, id)
					r.ended(id)
				})
			}
		}
	}
}

// A task that was asked for without an answer, and that ECS never had.
func TestATaskThatNeverWasGoesToAnotherHost(t *testing.T) {
	tests := map[string]struct {
		fates []fate
		do    func(r *resending, id string)
	}{
		"its host drains": {[]fate{failed}, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(1)
			r.wants(types.JobStatusStarting, id) // ECS may show it yet
		}},
		"its host is gone": {[]fate{failed}, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostGone)
		}},
		"each minute there is a new process": {[]fate{failed}, func(r *resending, id string) {
			r.hear(r.host(id), compute.HostDraining)
			for range 4 {
				r.again()
				r.minutes(1)
			}
		}},
		"no list can be had for long": {[]fate{failed}, func(r *resending, id string) {
			r.blind = true
			r.hear(r.host(id), compute.HostDraining)
			r.minutes(20)
			r.wants(types.JobStatusStarting, id)
			r.blind = false
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newResending(t, 20*time.Second, time.Minute, test.fates...)
			id := r.started()
			first := r.host(id)
			test.do(r, id)
			r.minutes(8)
			r.ended(id)
			j, err := r.Records.Job(t.Context(), id)
			r.must(err)
			if j.Last == nil || j.Last.Placement.Host == first {
				t.Errorf("it ran as %+v, want another host than %s", j.Last, first)
			}
			r.minutes(15)
			if n := r.hosts("ce"); n != 0 {
				t.Errorf("%d hosts are left", n)
			}
		})
	}
}

// A task that could be placed nowhere at its first call was never anywhere: its job does not
// wait.
func TestATaskThatIsRefusedAtOnceIsPlacedAgainAtOnce(t *testing.T) {
	r := newResending(t, 20*time.Second, time.Minute)
	table := &peeked{Table: r.Records.Table()}
	r.restart(table)
	table.host = func() { // between the record of the job and the call
		jobs, err := r.Records.LiveJobs(t.Context(), "q")
		r.must(err)
		r.hear(jobs[0].Placement.Host, compute.HostDraining)
	}
	id := r.submit()
	r.advance(time.Minute + 5*time.Second)
	if table.host != nil {
		t.Fatal("nobody looked whether the host drains")
	}
	r.wants(types.JobStatusRunnable, id)
	r.advance(5 * time.Minute)
	r.ended(id)
}

// peeked is a table in which something happens just before a single host is read.
type peeked struct {
	store.Table
	host func()
}

func (p *peeked) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if host := p.host; host != nil && strings.HasPrefix(key.Partition, "host#") {
		if jobs, err := store.New(p.Table, store.Options{}).LiveJobs(ctx, "q"); err == nil && len(jobs) > 0 {
			p.host = nil
			host()
		}
	}
	return p.Table.Get(ctx, key)
}

// The one who placed a job is slow to ask for its task, and a sweep of another process does
// before. Then the host drains: that the first one is refused says nothing.
func TestWhoPlacedAJobIsNotTheOnlyOneWhoAsks(t *testing.T) {
	r := newResending(t, 20*time.Second, time.Minute)
	table := &peeked{Table: r.Records.Table()}
	other := r.Home
	r.restart(table)
	table.host = func() {
		jobs, err := r.Records.LiveJobs(t.Context(), "q")
		r.must(err)
		other.Engine.Sweep(t.Context())
		if r.calls != 1 {
			t.Fatalf("the other process asked %d times, want once", r.calls)
		}
		r.hear(jobs[0].Placement.Host, compute.HostDraining)
	}
	id := r.submit()
	r.advance(time.Minute + 5*time.Second)
	r.minutes(5)
	r.ended(id)
}

// A throttled sweep may have a list once in a while only.
func TestADoubtEndsHoweverSeldomListsCanBeHad(t *testing.T) {
	r := newResending(t, time.Second, time.Minute, failed)
	id := r.started()
	r.hear(r.host(id), compute.HostDraining)
	for range 3 {
		r.advance(30 * time.Minute)
		r.Engine.Sweep(t.Context())
	}
	r.advance(5 * time.Minute)
	r.ended(id)
}

// A job that is to stop while nobody knows whether its task runs.
func TestAJobOfWhichNobodyKnowsWhetherItRunsCanBeStopped(t *testing.T) {
	tests := map[string]struct {
		fate fate
		runs int // tasks that ran
	}{
		"it runs":    {lost, 1},
		"it did not": {failed, 0},
	}
	for name, test := range tests {
		for _, drains := range []bool{false, true} {
			title := name
			if drains {
				title += ", and its host drains"
			}
			t.Run(title, func(t *testing.T) {
				r := newResending(t, 20*time.Second, time.Hour, test.fate)
				id := r.started()
				if drains {
					r.hear(r.host(id), compute.HostDraining)
				}
				terminate(r.world, id)
				if test.fate == failed {
					r.fates = []fate{failed, failed, failed, failed}
				}
				r.Engine.Sweep(t.Context()) // no list shows it yet
				r.minutes(5)
				if j := r.job(id); j.Status != types.JobStatusFailed || text(j.StatusReason) != "enough" {
					t.Errorf("job is %s (%s), want it terminated", j.Status, text(j.StatusReason))
				}
				l := r.sim.Ledger()
				if l.TasksStarted > test.runs {
					t.Errorf("%d tasks ran, want at most %d", l.TasksStarted, test.runs)
				}
				r.check()
				r.minutes(10)
				if l := r.sim.Ledger(); l.TasksKnown != 0 || r.hosts("ce") != 0 {
					t.Errorf("%d tasks and %d hosts are left", l.TasksKnown, r.hosts("ce"))
				}
			})
		}
	}
}

// A host that began to drain while it had a job is empty by the records when that one has
// ended. ECS may know of a task there that they do not.
func TestAHostThatDrainsIsEndedWhenECSSaysThatItIsEmpty(t *testing.T) {
	r := newResending(t, time.Second, time.Minute)
	id := r.started()
	host := r.host(id)
	r.advance(30 * time.Second)
	r.must(r.ecs.Run(t.Context(), compute.Task{ID: batch.TaskID("other", 1), JobID: "other", Attempt: 1, Host: host}))
	r.hear(host, compute.HostDraining)
	r.advance(40 * time.Second)
	r.wants(types.JobStatusSucceeded, id)
	r.minutes(5)
	if l := r.sim.Ledger(); l.TasksLost != 0 || len(l.HostsUp) != 0 {
		t.Errorf("%d tasks were lost with their host, and %v are up; want none of either", l.TasksLost, l.HostsUp)
	}
}

// A task that ended while nobody looked, for longer than ECS shows it, is lost: it ran, or may
// have, so its attempt counts, and the job runs again only as its retry strategy has it.
func TestATaskThatECSHasForgottenIsLost(t *testing.T) {
	tests := map[string]struct {
		attempts int32 // that it may have
		want     types.JobStatus
	}{
		"one attempt":  {1, types.JobStatusFailed},
		"two attempts": {2, types.JobStatusSucceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newResending(t, time.Second, time.Minute, failed, forgotten)
			id := r.submit(func(in *awsbatch.SubmitJobInput) {
				in.RetryStrategy = &types.RetryStrategy{Attempts: &test.attempts}
			})
			r.minutes(5)
			r.wants(test.want, id)
			attempts := r.job(id).Attempts
			if len(attempts) != int(test.attempts) || !strings.HasPrefix(text(attempts[0].StatusReason), "Host EC2") {
				t.Errorf("it had %d attempts, the first ended because %q; want %d, the first lost with its host",
					len(attempts), text(attempts[0].StatusReason), test.attempts)
			}
		})
	}
}

func terminate(w *world, id string) {
	w.t.Helper()
	_, err := w.TerminateJob(w.t.Context(), &awsbatch.TerminateJobInput{JobId: &id, Reason: ptr("enough")})
	w.must(err)
}
