package sim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// world is a backend in virtual time with somebody who takes its news.
type world struct {
	t *testing.T
	*sim.Backend
	clock *clock
	news  []string // "at what": in the order in which it came
}

func newWorld(t *testing.T, cfg sim.Config) *world {
	t.Helper()
	w := &world{t: t, clock: newClock()}
	cfg.Now = w.clock.Now
	w.Backend = sim.New(cfg)
	epoch := w.clock.Now()
	detach, err := w.Attach(t.Context(), func(news []compute.News) {
		for _, one := range news {
			at := w.clock.Now().Sub(epoch)
			if s := one.Task; s != nil {
				w.news = append(w.news, fmt.Sprintf("%s task %s %s v%d", at, s.ID, s.State, s.Version))
			}
			if h := one.Host; h != nil {
				w.news = append(w.news, fmt.Sprintf("%s host %s %s v%d", at, h.ID, h.State, h.Version))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(detach)
	return w
}

// launch launches a host of a type; the error is the caller's to judge.
func (w *world) launch(id, instanceType string, market compute.Market) (compute.Host, error) {
	return w.Launch(w.t.Context(), compute.HostRequest{ID: id, Type: instanceType, Market: market})
}

// run runs a task of 1 vCPU, which must be accepted.
func (w *world) run(id, job, host string) {
	w.t.Helper()
	task := compute.Task{ID: id, JobID: job, Attempt: 1, Host: host, Containers: []compute.Container{
		{Name: "default", Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 512}},
	}}
	if err := w.Run(w.t.Context(), task); err != nil {
		w.t.Fatalf("Run(%s) = %v", id, err)
	}
}

// settle lets everything happen that will.
func (w *world) settle() {
	w.t.Helper()
	const most = 100_000
	for range most {
		if !w.clock.step(w.Backend) {
			return
		}
	}
	w.t.Fatalf("not settled after %d steps", most)
}

func (w *world) wants(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.news); diff != "" {
		w.t.Errorf("news (-want +got):\n%s", diff)
	}
}

func TestEventsComeInTheirOrderAndAtTheirTime(t *testing.T) {
	w := newWorld(t, sim.Config{
		BootTime:     sim.Constant(90 * time.Second),
		PullAndStart: sim.Constant(10 * time.Second),
		RunTime:      func(compute.Task) time.Duration { return time.Minute },
	})
	if h, err := w.launch("h1", "m5.large", compute.OnDemand); err != nil || h.State != compute.HostBooting {
		t.Fatalf("Launch() = %s, %v; want BOOTING", h.State, err)
	}
	w.settle()
	w.run("t1", "j1", "h1")
	w.run("t2", "j2", "h1")
	w.settle()
	w.wants(
		"1m30s host h1 READY v2",
		"1m40s task t1 RUNNING v2",
		"1m40s task t2 RUNNING v2",
		"2m40s task t1 STOPPED v3",
		"2m40s task t2 STOPPED v3",
	)
	l := w.Ledger()
	if want := 160 * time.Second; l.HostTime[sim.Pool{Type: "m5.large", Market: compute.OnDemand}] != want {
		t.Errorf("HostTime = %v, want %s", l.HostTime, want)
	}
	if l.PeakRunning != 2 || l.TasksStarted != 2 || l.TaskVCPUHours < 0.0333 || l.TaskVCPUHours > 0.0334 {
		t.Errorf("ledger = %+v, want 2 tasks of 1 vCPU for a minute", l)
	}
}

func TestALostHostTakesItsTasksWithItFirst(t *testing.T) {
	w := newWorld(t, sim.Config{
		RunTime:            func(compute.Task) time.Duration { return sim.UntilStopped },
		InterruptionNotice: 2 * time.Minute,
	})
	if _, err := w.launch("h1", "m5.large", compute.Spot); err != nil {
		t.Fatal(err)
	}
	w.run("t2", "j2", "h1")
	w.run("t1", "j1", "h1")
	w.settle()
	w.Interrupt("h1")
	w.settle()
	w.wants(
		"0s host h1 READY v1",
		"0s task t2 RUNNING v2",
		"0s task t1 RUNNING v2",
		"0s host h1 DRAINING v2",
		"2m0s task t2 STOPPED v3",
		"2m0s task t1 STOPPED v3",
		"2m0s host h1 GONE v3",
	)
	if l := w.Ledger(); l.HostsInterrupted != 1 || l.TasksLost != 2 {
		t.Errorf("ledger = %+v, want 1 interruption that lost 2 tasks", l)
	}
	if spans := w.Spans(); len(spans) != 1 || spans[0].GoneAt.Sub(spans[0].Host.LaunchedAt) != 2*time.Minute {
		t.Errorf("Spans() = %+v, want one host that was up for 2 minutes", spans)
	}
}

func TestSpotHostsAreReclaimedAtTheirRate(t *testing.T) {
	const hosts, perHour = 2000, 0.5
	w := newWorld(t, sim.Config{Seed: 7, InterruptionsPerHour: perHour})
	for i := range hosts {
		if _, err := w.launch(fmt.Sprint("spot", i), "m5.large", compute.Spot); err != nil {
			t.Fatal(err)
		}
		if _, err := w.launch(fmt.Sprint("od", i), "m5.large", compute.OnDemand); err != nil {
			t.Fatal(err)
		}
	}
	w.settle()
	l := w.Ledger()
	if l.HostsInterrupted != hosts || l.HostsUp[sim.Pool{Type: "m5.large", Market: compute.OnDemand}] != hosts {
		t.Errorf("%d interruptions, %v up; want all Spot hosts reclaimed and no other", l.HostsInterrupted, l.HostsUp)
	}
	mean := l.HostTime[sim.Pool{Type: "m5.large", Market: compute.Spot}].Hours() / hosts
	if mean < 1.9 || mean > 2.1 {
		t.Errorf("a Spot host lived %.2f h in the mean, want about %.1f", mean, 1/perHour)
	}
}

func TestCapacityEnds(t *testing.T) {
	spot := sim.Pool{Type: "m5.large", Market: compute.Spot}
	w := newWorld(t, sim.Config{
		Capacity: sim.Limits(map[sim.Pool]int{spot: 1}),
		Types: func(name string) (batch.Resources, bool) {
			return batch.Resources{MilliVCPU: 2000, MemoryMiB: 7600}, name == "m5.large"
		},
	})
	launch := func(id, instanceType string, market compute.Market, want error) {
		t.Helper()
		if _, err := w.launch(id, instanceType, market); !errors.Is(err, want) {
			t.Errorf("Launch(%s, %s, %s) = %v, want %v", id, instanceType, market, err, want)
		}
	}
	launch("h1", "m5.large", compute.Spot, nil)
	launch("h2", "m5.large", compute.Spot, compute.ErrNoCapacity)
	launch("h1", "m5.large", compute.Spot, nil) // the one that is up
	launch("h3", "m5.large", compute.OnDemand, nil)
	launch("h4", "z9.huge", compute.OnDemand, compute.ErrNoCapacity)
	if err := w.Terminate(t.Context(), "h1"); err != nil {
		t.Fatal(err)
	}
	launch("h2", "m5.large", compute.Spot, nil)
	if l := w.Ledger(); l.RefusedNoCapacity != 2 || l.HostsUp[spot] != 1 {
		t.Errorf("ledger = %+v, want 2 refusals and 1 Spot host up", l)
	}
}

func TestCallsFailBeforeOrAfterTheyTakeEffect(t *testing.T) {
	tests := map[string]struct {
		faults sim.Faults
		hosts  int // that are up after one call
	}{
		"before": {sim.Faults{CallFails: 1}, 0},
		"after":  {sim.Faults{AnswerLost: 1}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sim.Config{Faults: test.faults})
			if _, err := w.launch("h1", "m5.large", compute.OnDemand); !errors.Is(err, compute.ErrUnavailable) {
				t.Errorf("Launch() = %v, want ErrUnavailable", err)
			}
			if got := w.Ledger().HostsLaunched; got != test.hosts {
				t.Errorf("%d hosts launched, want %d", got, test.hosts)
			}
			if _, err := w.ListTasks(t.Context()); !errors.Is(err, compute.ErrUnavailable) {
				t.Errorf("ListTasks() = %v, want ErrUnavailable", err)
			}
		})
	}
}

func TestNewsIsLostDoubledAndLate(t *testing.T) {
	late := sim.Constant(time.Hour)
	tests := map[string]struct {
		faults sim.Faults
		want   []string
	}{
		"lost":    {sim.Faults{NewsLost: 1}, nil},
		"late":    {sim.Faults{NewsLate: 1, Late: late}, []string{"1h0m0s host h1 READY v1"}},
		"doubled": {sim.Faults{NewsDoubled: 1, Late: late}, []string{"0s host h1 READY v1", "1h0m0s host h1 READY v1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sim.Config{Faults: test.faults})
			if _, err := w.launch("h1", "m5.large", compute.OnDemand); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.wants(test.want...)
		})
	}
}

func TestSomeHostsNeverJoin(t *testing.T) {
	w := newWorld(t, sim.Config{Faults: sim.Faults{NeverJoins: 1}})
	h, err := w.launch("h1", "m5.large", compute.OnDemand)
	if err != nil || h.State != compute.HostBooting {
		t.Fatalf("Launch() = %s, %v; want BOOTING", h.State, err)
	}
	w.settle()
	w.wants()
}

func TestAMachineIsRegisteredNotLaunched(t *testing.T) {
	room := batch.Resources{MilliVCPU: 8000, MemoryMiB: 16_000}
	w := newWorld(t, sim.Config{BootTime: sim.Constant(time.Hour), Machine: &compute.Machine{Room: room}})
	h, err := w.launch("h1", "", compute.OnDemand)
	if err != nil || h.State != compute.HostReady || h.Has != room {
		t.Errorf("Launch() = %s with %s, %v; want READY with %s", h.State, h.Has, err, room)
	}
}

func TestTheLedgerSeesBrokenPromises(t *testing.T) {
	w := newWorld(t, sim.Config{RunTime: func(compute.Task) time.Duration { return time.Minute }})
	w.run("t1", "j1", "")
	w.settle()
	if err := w.Ledger().Check(); err != nil {
		t.Errorf("Check() = %v after one run", err)
	}
	w.run("t2", "j2", "")
	w.run("t3", "j2", "")
	w.settle()
	if l := w.Ledger(); len(l.Overlaps) != 1 || l.Overlaps[0].Task != "t3" || l.Check() == nil {
		t.Errorf("Overlaps = %+v, want t3 beside t2", l.Overlaps)
	}
	if err := w.Forget(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	w.run("t1", "j1", "")
	w.settle()
	if l := w.Ledger(); len(l.StartedTwice) != 1 || l.StartedTwice[0] != "t1" {
		t.Errorf("StartedTwice = %q, want t1", l.StartedTwice)
	}
}

// A run is reproduced by its seed, and what becomes of one host does not depend
// on which others there are.
func TestChanceComesFromSeedAndSubject(t *testing.T) {
	bootOf := func(seed uint64, ids ...string) map[string]time.Duration {
		w := newWorld(t, sim.Config{Seed: seed, BootTime: sim.Skewed(time.Minute, 3*time.Minute)})
		for _, id := range ids {
			if _, err := w.launch(id, "m5.large", compute.OnDemand); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		boots := map[string]time.Duration{}
		for _, span := range w.Spans() {
			boots[span.Host.ID] = span.Host.ReadyAt.Sub(span.Host.LaunchedAt)
		}
		return boots
	}
	all := bootOf(1, "a", "b", "c")
	if diff := cmp.Diff(all, bootOf(1, "a", "b", "c")); diff != "" {
		t.Errorf("the same seed gave another run:\n%s", diff)
	}
	if other := bootOf(1, "c", "x"); other["c"] != all["c"] {
		t.Errorf("host c boots in %s among a, b and %s beside x, want the same", all["c"], other["c"])
	}
	if other := bootOf(2, "a"); other["a"] == all["a"] {
		t.Errorf("host a boots in %s with two seeds", all["a"])
	}
}

// Following the clock: nothing comes early, one timer is enough, and Close ends it.
func TestStartFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sim.Start(sim.Config{
			PullAndStart: sim.Constant(time.Minute),
			RunTime:      func(compute.Task) time.Duration { return 2 * time.Hour },
		})
		begin := time.Now()
		var got []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		watch := make(chan error)
		go func() {
			watch <- b.Watch(ctx, func(news []compute.News) {
				for range news {
					got = append(got, time.Since(begin))
				}
			})
		}()
		synctest.Wait()
		for _, id := range []string{"t1", "t2"} {
			if err := b.Run(t.Context(), compute.Task{ID: id, Containers: make([]compute.Container, 1)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second) // of the bubble's clock
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		want := []time.Duration{time.Minute, 90 * time.Second, 2*time.Hour + time.Minute, 2*time.Hour + 90*time.Second}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("news came at (-want +got):\n%s", diff)
		}
		cancel()
		if err := <-watch; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch() = %v, want context.Canceled", err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := b.Stop(t.Context(), "t1", ""); !errors.Is(err, compute.ErrUnavailable) {
			t.Errorf("Stop() = %v after Close, want ErrUnavailable", err)
		}
	})
}
