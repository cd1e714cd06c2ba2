package engine_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// hooked is compute with some calls replaced; those that are nil are the simulation's.
type hooked struct {
	compute.Backend
	run       func(context.Context, compute.Task) error
	launch    func(context.Context, compute.HostRequest) (compute.Host, error)
	terminate func(context.Context, string) error
}

func (h *hooked) Run(ctx context.Context, task compute.Task) error {
	if h.run != nil {
		return h.run(ctx, task)
	}
	return h.Backend.Run(ctx, task)
}

func (h *hooked) Launch(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
	if h.launch != nil {
		return h.launch(ctx, r)
	}
	return h.Backend.Launch(ctx, r)
}

func (h *hooked) Terminate(ctx context.Context, id string) error {
	if h.terminate != nil {
		return h.terminate(ctx, id)
	}
	return h.Backend.Terminate(ctx, id)
}

// hook gives a world's Packhorse compute whose calls a test replaces.
func (w *world) hook() *hooked {
	h := &hooked{}
	w.over = func(b compute.Backend) compute.Backend {
		h.Backend = b
		return h
	}
	w.restart(w.Records.Table())
	return h
}

func TestATaskIsNotStoppedForATimeoutThatIsNotRecorded(t *testing.T) {
	failing := false
	table := storetest.Faulty(mem.Open(), func(c storetest.Call) storetest.Fault {
		if failing && c.Method == "Write" {
			return storetest.Before
		}
		return storetest.None
	})
	w := newWorld(t, sim.Config{RunTime: func(compute.Task) time.Duration { return sim.UntilStopped }}, table)
	id := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: ptr(int32(60))}
		in.RetryStrategy = &types.RetryStrategy{Attempts: ptr(int32(3))}
	})
	w.advance(59 * time.Second)
	failing = true
	w.advance(10 * time.Second)
	w.wants(types.JobStatusRunning, id)
	failing = false
	w.advance(10 * time.Second)
	if j := w.job(id); j.Status != types.JobStatusFailed || text(j.StatusReason) != "Job attempt duration exceeded timeout" || len(j.Attempts) != 1 {
		t.Errorf("job is %s (%s) after %d attempts, want a timeout without retry", j.Status, text(j.StatusReason), len(j.Attempts))
	}
}

func TestAJobThatIsToStopEndsWhereItsHostRefusesIt(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	h.run = func(ctx context.Context, task compute.Task) error {
		_, err := w.TerminateJob(ctx, &awsbatch.TerminateJobInput{JobId: &task.JobID, Reason: ptr("enough")})
		w.must(err)
		return compute.ErrNoRoom
	}
	id := w.submit()
	w.advance(time.Minute)
	if j := w.job(id); j.Status != types.JobStatusFailed || text(j.StatusReason) != "enough" || len(j.Attempts) != 0 {
		t.Errorf("job is %s (%s) after %d attempts, want it terminated", j.Status, text(j.StatusReason), len(j.Attempts))
	}
}

func TestAJobThatIsToStopAndWasNeverSentDoesNotRun(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	h.run = func(context.Context, compute.Task) error { return compute.ErrUnavailable }
	id := w.submit()
	w.advance(time.Second)
	w.wants(types.JobStatusStarting, id)
	_, err := w.TerminateJob(t.Context(), &awsbatch.TerminateJobInput{JobId: &id, Reason: ptr("enough")})
	w.must(err)
	h.run = nil
	w.advance(10 * time.Second)
	w.Engine.Sweep(t.Context())
	w.wants(types.JobStatusFailed, id)
	if n := w.sim.Ledger().TasksStarted; n != 0 {
		t.Errorf("%d tasks ran", n)
	}
}

func TestAHostThatRefusesIsLeftAloneForAWhile(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	calls := map[string]int{}
	h.run = func(ctx context.Context, task compute.Task) error {
		if calls[task.Host]++; calls[task.Host] == 1 {
			return compute.ErrNoRoom
		}
		return w.sim.Run(ctx, task)
	}
	id := w.submit()
	w.advance(time.Second)
	for host, n := range calls {
		if n != 1 {
			t.Errorf("host %s was asked %d times within a second, want once", host, n)
		}
	}
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	w.check()
}

func TestAHostThatCameAndWentUnseenIsReplaced(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	calls := 0
	h.launch = func(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
		if calls++; calls > 1 {
			return w.sim.Launch(ctx, r)
		}
		_, err := w.sim.Launch(ctx, r)
		w.must(err)
		w.must(w.sim.Terminate(ctx, r.ID))
		return compute.Host{}, compute.ErrUnavailable // and nobody learns of either
	}
	w.deaf = true
	id := w.submit()
	w.advance(time.Second)
	w.deaf = false
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	w.advance(10 * time.Minute)
	if n := w.hosts("ce"); n != 0 {
		t.Errorf("%d hosts are left", n)
	}
}

func TestAHostThatNeverJoinsIsReplaced(t *testing.T) {
	hosts := 0
	w := newWorld(t, sim.Config{BootTime: func(*rand.Rand) time.Duration {
		if hosts++; hosts == 1 {
			return 1000 * time.Hour
		}
		return time.Minute
	}}, nil)
	id := w.submit()
	w.advance(10 * time.Minute)
	w.wants(types.JobStatusRunnable, id)
	w.advance(10 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	w.advance(10 * time.Minute)
	if n := w.hosts("ce"); n != 0 || len(w.sim.Ledger().HostsUp) != 0 {
		t.Errorf("%d hosts are left, up are %v", n, w.sim.Ledger().HostsUp)
	}
}

func TestAHostThatCannotBeEndedIsTriedAgainAtLeisure(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	calls := 0
	h.terminate = func(ctx context.Context, id string) error {
		if calls++; calls <= 10 {
			return compute.ErrUnavailable
		}
		return w.sim.Terminate(ctx, id)
	}
	w.submit()
	w.advance(time.Minute + 5*time.Minute + 10*time.Second)
	if calls < 2 || calls > 7 {
		t.Errorf("the end of the host was tried %d times in 10 s, want once in 2 s", calls)
	}
	w.advance(time.Minute)
	if n := w.hosts("ce"); n != 0 {
		t.Errorf("%d hosts are left", n)
	}
}

func TestTheMachineOfAnUnmanagedEnvironmentIsAskedForUntilItIsThere(t *testing.T) {
	w := newWorld(t, minute, nil)
	h := w.hook()
	calls := 0
	h.launch = func(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
		if calls++; calls <= 3 {
			return compute.Host{}, compute.ErrUnavailable
		}
		return w.sim.Launch(ctx, r)
	}
	_, err := w.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: ptr("mine"), Type: types.CETypeUnmanaged, ServiceRole: ptr("AWSBatchServiceRole"),
	})
	w.must(err)
	w.queue("own", 1, "mine")
	id := w.submit(func(in *awsbatch.SubmitJobInput) { in.JobQueue = ptr("own") })
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	if calls != 4 || w.hosts("mine") != 1 {
		t.Errorf("the machine was asked for %d times and is there %d times, want 4 and once", calls, w.hosts("mine"))
	}
}

func TestAJobGoesWhereAHostForItCanBeAdded(t *testing.T) {
	w := newWorld(t, minute, nil)
	w.environment("small", types.CRTypeEc2, 4, "m5.2xlarge", "m5.large") // 8 vCPUs are above maxvCpus
	w.queue("both", 1, "small", "ce")
	id := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.JobQueue = ptr("both")
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: need("4", "2048")}
	})
	w.advance(5 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
}

func TestMoreJobsThanOneEnvironmentHoldsGoToTheNextAtOnce(t *testing.T) {
	cfg := minute
	cfg.BootTime = sim.Constant(time.Minute)
	w := newWorld(t, cfg, nil)
	w.environment("next", types.CRTypeEc2, 16, "m5.xlarge")
	w.queue("both", 1, "ce", "next")
	w.submit(array(24), func(in *awsbatch.SubmitJobInput) { in.JobQueue = ptr("both") })
	w.advance(time.Second)
	if one, two := w.hosts("ce"), w.hosts("next"); one != 4 || two != 2 {
		t.Errorf("%d and %d hosts of 4 vCPUs are booting for 24 vCPUs, want 4 and 2", one, two)
	}
	w.advance(30 * time.Second) // and no more while they boot
	if one, two := w.hosts("ce"), w.hosts("next"); one != 4 || two != 2 {
		t.Errorf("%d and %d hosts are booting half a minute later, want 4 and 2", one, two)
	}
}

// What an ordering does not show yet still takes its room.
func TestALaggingOrderingLeadsToNoPlacementThatIsRefused(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, minute, storetest.Lagging(mem.Open(), seed))
		ids := []string{w.submit(array(60))}
		for range 20 {
			ids = append(ids, w.submit())
			w.advance(time.Duration(seed) * time.Second)
		}
		w.advance(30 * time.Minute)
		w.wants(types.JobStatusSucceeded, ids...)
		if l := w.sim.Ledger(); l.RefusedNoRoom > 0 {
			t.Errorf("seed %d: %d tasks were refused for want of room", seed, l.RefusedNoRoom)
		}
		w.check()
	}
}

func TestAReasonNamesTheTypeThatCannotBeHad(t *testing.T) {
	cfg := minute
	cfg.Capacity = sim.Limits(map[sim.Pool]int{{Type: "m5.xlarge", Market: compute.OnDemand}: 0})
	w := newWorld(t, cfg, nil)
	id := w.submit()
	w.advance(time.Second)
	if reason := text(w.job(id).StatusReason); !strings.HasPrefix(reason, "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - ") ||
		!strings.Contains(reason, "m5.xlarge could not be had; it is asked for again at 2026-01-02T03:07:05Z") {
		t.Errorf("it waits because %q, want the type and the next try", reason)
	}
}
