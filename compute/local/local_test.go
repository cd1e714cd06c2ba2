package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/imitation"
	"github.com/packhorse-batch/packhorse/compute/local"
)

// These tests run in synctest bubbles: time.Sleep is of the bubble's clock, which
// costs nothing and lets everything happen that is due.

// launched launches a host.
func launched(t *testing.T, b *local.Backend, id string) compute.Host {
	t.Helper()
	h, err := b.Launch(t.Context(), request(id))
	if err != nil {
		t.Fatalf("Launch(%s) = %v", id, err)
	}
	return h
}

// stateOf returns a host's state as ListHosts tells it, GONE if it does not.
func stateOf(t *testing.T, b *local.Backend, id string) compute.HostState {
	t.Helper()
	list, err := b.ListHosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range list {
		if h.ID == id {
			return h.State
		}
	}
	return compute.HostGone
}

func wantState(t *testing.T, b *local.Backend, id string, want compute.HostState) {
	t.Helper()
	if got := stateOf(t, b, id); got != want {
		t.Errorf("after %s, host %s is %s, want %s", time.Since(start), id, got, want)
	}
}

// start is when every bubble's clock starts.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// forever is a task of one vCPU that runs until it is stopped.
func forever(id, host string) compute.Task {
	c := command("forever")
	c.Need = batch.Resources{MilliVCPU: 1000, MemoryMiB: 512}
	return compute.Task{ID: id, JobID: "j-" + id, Attempt: 1, Host: host, Containers: []compute.Container{c}}
}

// mustRun runs tasks, which must be accepted.
func mustRun(t *testing.T, b *local.Backend, tasks ...compute.Task) {
	t.Helper()
	for _, task := range tasks {
		if err := b.Run(t.Context(), task); err != nil {
			t.Fatalf("Run(%s) = %v", task.ID, err)
		}
	}
	synctest.Wait()
}

// taskOf returns a task as ListTasks tells it.
func taskOf(t *testing.T, b *local.Backend, id string) compute.TaskStatus {
	t.Helper()
	list, err := b.ListTasks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("ListTasks leaves out task %s", id)
	return compute.TaskStatus{}
}

func wantLost(t *testing.T, b *local.Backend, id, host string) {
	t.Helper()
	s, reason := taskOf(t, b, id), imitation.LostReason(imitation.Instance(host))
	if s.State != compute.TaskStopped || s.StopCode != compute.StopHostLost || s.Reason != reason {
		t.Errorf("task %s is %s, %s, %q; want STOPPED, %s, %q", id, s.State, s.StopCode, s.Reason, compute.StopHostLost, reason)
	}
}

func TestABootGoesOnAcrossARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}, BootTime: time.Minute}
		b := open(t, o)
		if h := launched(t, b, "h1"); h.State != compute.HostBooting {
			t.Errorf("Launch() = %s, want BOOTING", h.State)
		}
		if err := b.Run(t.Context(), forever("t1", "h1")); !errors.Is(err, compute.ErrNoRoom) {
			t.Errorf("Run() = %v on a host that boots, want ErrNoRoom", err)
		}
		time.Sleep(40 * time.Second)
		b.Close()
		b = open(t, o)
		time.Sleep(19 * time.Second)
		wantState(t, b, "h1", compute.HostBooting)
		time.Sleep(2 * time.Second)
		wantState(t, b, "h1", compute.HostReady)

		launched(t, b, "h2")
		b.Close()
		time.Sleep(time.Hour) // its boot is over while no server runs
		b = open(t, o)
		synctest.Wait()
		wantState(t, b, "h2", compute.HostReady)
	})
}

func TestSpotHostsAreTakenAwayAlsoAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perHour = 2
		o := local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}, InterruptionsPerHour: perHour}
		life := imitation.Lifetime(0, "spot", perHour)
		b := open(t, o)
		launched(t, b, "spot")
		onDemand := request("od")
		onDemand.Market = compute.OnDemand
		if _, err := b.Launch(t.Context(), onDemand); err != nil {
			t.Fatal(err)
		}
		mustRun(t, b, forever("t1", "spot"), forever("t2", "od"))
		time.Sleep(life / 2)
		b.Close()
		b = open(t, o)
		time.Sleep(life/2 - time.Second)
		wantState(t, b, "spot", compute.HostReady)
		time.Sleep(2 * time.Second)
		wantState(t, b, "spot", compute.HostGone)
		wantLost(t, b, "t1", "spot")
		time.Sleep(100 * time.Hour)
		wantState(t, b, "od", compute.HostReady)
		if s := taskOf(t, b, "t2"); s.State != compute.TaskRunning {
			t.Errorf("a task on an On-Demand host is %s, want RUNNING", s.State)
		}
	})
}

func TestThisMachineIsRegisteredForAnUnmanagedEnvironment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := compute.Machine{Room: batch.Resources{MilliVCPU: 2000, MemoryMiB: 4000}, Why: "this machine"}
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}, Machine: machine, BootTime: time.Hour})
		r := request("h1")
		r.Type = ""
		h, err := b.Launch(t.Context(), r)
		if err != nil || h.State != compute.HostReady || h.Has != machine.Room {
			t.Errorf("Launch() = %s with %s, %v; want READY at once with %s", h.State, h.Has, err, machine.Room)
		}
		if got := b.Machine(); *got != machine {
			t.Errorf("Machine() = %+v, want %+v", got, machine)
		}
	})
}

func TestAnUnknownTypeIsNoCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}})
		r := request("h1")
		r.Type = "z9.huge"
		if _, err := b.Launch(t.Context(), r); !errors.Is(err, compute.ErrNoCapacity) {
			t.Errorf("Launch() = %v, want ErrNoCapacity", err)
		}
	})
}

func TestARefusedTaskGivesItsRoomBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := newEngine(t)
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{engine}})
		launched(t, b, "h1")
		engine.goAway()
		for range 10 { // of which two would fill the host
			if err := b.Run(t.Context(), forever("t1", "h1")); !errors.Is(err, compute.ErrUnavailable) {
				t.Fatalf("Run() = %v while the engine is away, want ErrUnavailable", err)
			}
		}
		engine.comeBack()
		mustRun(t, b, forever("t1", "h1"), forever("t2", "h1"))
		if err := b.Run(t.Context(), forever("t3", "h1")); !errors.Is(err, compute.ErrNoRoom) {
			t.Errorf("Run() = %v of a third task, want ErrNoRoom", err)
		}
	})
}

func TestAnEngineThatIsAwayStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := newEngine(t)
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{engine}})
		var mu sync.Mutex
		var last compute.TaskStatus
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go b.Watch(ctx, func(news []compute.News) {
			mu.Lock()
			defer mu.Unlock()
			for _, one := range news {
				if one.Task != nil && one.Task.ID == "t1" {
					last = *one.Task
				}
			}
		})
		launched(t, b, "h1")
		mustRun(t, b, forever("t1", "h1"), forever("t2", "h1"))

		engine.goAway()
		synctest.Wait()
		if _, err := b.ListTasks(t.Context()); !errors.Is(err, compute.ErrUnavailable) {
			t.Errorf("ListTasks() = %v while the engine is away, want ErrUnavailable", err)
		}
		wantState(t, b, "h1", compute.HostReady)
		engine.tasks.Stop(t.Context(), "t1", "behind the server's back")
		time.Sleep(time.Minute)

		engine.comeBack()
		time.Sleep(time.Minute)
		mu.Lock()
		told := last.State
		mu.Unlock()
		if told != compute.TaskStopped {
			t.Errorf("a task that ended while the engine was away is told as %s, want STOPPED", told)
		}
		mustRun(t, b, forever("t3", "h1")) // in the room of t1
	})
}

// A host that is terminated while the engine is away waits for its tasks, even
// across a restart of the server, and they are ended when the engine is back.
func TestTasksOfATerminatedHostAreEndedWhenTheEngineIsBack(t *testing.T) {
	for name, restart := range map[string]bool{"same server": false, "restarted server": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := newEngine(t)
				o := local.Options{Dir: t.TempDir(), Runtime: runtime{engine}}
				b := open(t, o)
				launched(t, b, "h1")
				mustRun(t, b, forever("t1", "h1"))
				engine.goAway()
				if err := b.Terminate(t.Context(), "h1"); err != nil {
					t.Fatalf("Terminate() = %v while the engine is away, want nil", err)
				}
				if err := b.Run(t.Context(), forever("t2", "h1")); !errors.Is(err, compute.ErrHostGone) {
					t.Errorf("Run() = %v on a terminated host, want ErrHostGone", err)
				}
				time.Sleep(20 * time.Second)
				wantState(t, b, "h1", compute.HostDraining)
				if restart {
					b.Close()
					b = open(t, o)
				}
				engine.comeBack()
				time.Sleep(time.Minute)
				wantState(t, b, "h1", compute.HostGone)
				wantLost(t, b, "t1", "h1")
			})
		})
	}
}

func TestAHostIsGivenUpWhenItsTasksDoNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := newEngine(t)
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{engine}})
		launched(t, b, "h1")
		mustRun(t, b, forever("t1", "h1"))
		engine.goAway()
		if err := b.Terminate(t.Context(), "h1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Minute)
		wantState(t, b, "h1", compute.HostGone)
		engine.comeBack()
		time.Sleep(time.Minute)
		wantLost(t, b, "t1", "h1")
	})
}

func TestATaskWhoseHostWasLostWithItsRecordIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}}
		b := open(t, o)
		launched(t, b, "h1")
		launched(t, b, "h2")
		mustRun(t, b, forever("t1", "h1"), forever("t2", "h2"))
		b.Close()
		file := filepath.Join(o.Dir, "hosts", "h1.json")
		if err := os.WriteFile(file, []byte("torn {"), 0o600); err != nil {
			t.Fatal(err)
		}
		b = open(t, o)
		synctest.Wait()
		wantState(t, b, "h1", compute.HostGone)
		wantLost(t, b, "t1", "h1")
		wantState(t, b, "h2", compute.HostReady)
		if s := taskOf(t, b, "t2"); s.State != compute.TaskRunning {
			t.Errorf("a task on a host with its record is %s, want RUNNING", s.State)
		}
		if _, err := os.Stat(file + ".bad"); err != nil {
			t.Errorf("the torn record is not kept: %v", err)
		}
	})
}

// A user's stop stays the user's, also on a host that is terminated afterwards.
func TestAUsersStopIsNotTakenForALoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}})
		launched(t, b, "h1")
		mustRun(t, b, forever("t1", "h1"))
		if err := b.Stop(t.Context(), "t1", "enough"); err != nil {
			t.Fatal(err)
		}
		if err := b.Terminate(t.Context(), "h1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := taskOf(t, b, "t1"); s.StopCode != compute.StopUser || s.Reason != "enough" {
			t.Errorf("task is told as %s, %q; want %s, %q", s.StopCode, s.Reason, compute.StopUser, "enough")
		}
	})
}

func TestAGoneHostIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := local.Options{Dir: t.TempDir(), Runtime: runtime{newEngine(t)}}
		b := open(t, o)
		launched(t, b, "h1")
		if err := b.Terminate(t.Context(), "h1"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(23 * time.Hour)
		if h := launched(t, b, "h1"); h.State != compute.HostGone {
			t.Errorf("Launch() of a host that is gone since 23 h = %s, want GONE", h.State)
		}
		b.Close()
		time.Sleep(2 * time.Hour)
		open(t, o)
		files, err := filepath.Glob(filepath.Join(o.Dir, "hosts", "*"))
		if err != nil || len(files) != 0 {
			t.Errorf("files of hosts after 25 h = %v, %v; want none", files, err)
		}
	})
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	for field, o := range map[string]local.Options{
		"Runtime": {Dir: "d", Types: types},
		"Dir":     {Runtime: runtime{}, Types: types},
		"Types":   {Runtime: runtime{}, Dir: "d"},
	} {
		if _, err := local.Open(t.Context(), o); err == nil {
			t.Errorf("Open without %s succeeds, want an error", field)
		}
	}
}
