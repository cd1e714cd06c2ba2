package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// told is all that passes ask of a roster.
type told struct {
	Live    map[string][]string // by queue
	OnHost  map[string][]string // jobs by host
	Sums    map[string][6]int64 // by environment
	Fargate map[string]batch.Resources
	Coming  []string
	Planned []provisioner.Host
	Offered []scheduler.Host
	ToStop  []string
	Next    batch.Millis
	Lately  map[batch.Resources]int
}

func (r *roster) tell(now time.Time, prices offersOf) told {
	out := told{
		Live: map[string][]string{}, OnHost: map[string][]string{}, Sums: map[string][6]int64{},
		Fargate: map[string]batch.Resources{}, Lately: map[batch.Resources]int{},
	}
	ids := func(jobs []*placed) (ids []string) {
		for _, j := range jobs {
			ids = append(ids, j.ID)
		}
		return ids
	}
	for name, jobs := range r.queues {
		out.Live[name] = ids(jobs)
	}
	for id, m := range r.hosts {
		out.OnHost[id] = ids(m.jobs)
	}
	for _, name := range []string{"one", "two"} {
		t := r.team(name)
		out.Sums[name] = [6]int64{t.milliVCPU, t.readyMilliVCPU, t.leaving, t.readyUsed, int64(t.boots), int64(t.booted)}
		out.Fargate[name] = t.fargate
		t.show(prices)
		for _, m := range t.coming {
			out.Coming = append(out.Coming, m.ID)
		}
		out.Planned, out.Offered = append(out.Planned, t.planned...), append(out.Offered, t.offered...)
	}
	var due []*placed
	due, out.Next = r.toStop(now)
	out.ToStop = ids(due)
	for _, a := range r.starts.lately(now) {
		out.Lately[a.need] = a.count
	}
	return out
}

// A roster that has followed each change tells the same as one that is filled from what
// there is in the end.
func TestARosterThatFollowsIsOneFilledAnew(t *testing.T) {
	states := []compute.HostState{compute.HostLaunching, compute.HostBooting, compute.HostReady, compute.HostDraining}
	rapid.Check(t, func(t *rapid.T) {
		r := newRoster()
		jobs, hosts := map[string]batch.Job{}, map[string]store.Host{}
		now := time.UnixMilli(1_000_000)
		prices := offersOf{number: 1, prices: prices{{"small", compute.OnDemand}: 1, {"large", compute.OnDemand}: 2}}
		draw := func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(t, label) }
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(draw(400, "seconds")) * time.Second)
			switch draw(6, "what") {
			case 0, 1:
				id := fmt.Sprint("j", draw(6, "job"))
				if draw(3, "child") == 0 {
					id = batch.ChildID("array", draw(3, "index"))
				}
				j, there := jobs[id]
				if !there {
					j = batch.Job{ID: id, Queue: fmt.Sprint("q", draw(2, "queue")), CreatedAt: batch.Millis(1 + draw(3, "created"))}
				}
				j.Need = batch.Resources{MilliVCPU: int64(1000 * (1 + draw(2, "vcpus"))), MemoryMiB: 64}
				j.Status, j.StartedAt, j.Stop = batch.Running, 0, nil
				if draw(3, "started") > 0 {
					j.StartedAt = batch.MillisOf(now)
				}
				j.TimeoutSeconds = int32(300 * draw(3, "timeout"))
				if draw(5, "stop") == 0 {
					j.Stop = &batch.Stop{Kind: batch.StopTerminate}
				}
				j.Placement = &batch.Placement{Environment: "two"}
				if host := draw(5, "host"); host > 0 {
					j.Placement = &batch.Placement{Environment: "one", Host: fmt.Sprint("h", host)}
				}
				jobs[id] = j
				r.putJob(j, &kind{})
			case 2:
				id := fmt.Sprint("j", draw(6, "job"))
				delete(jobs, id)
				r.dropJob(id)
			case 3, 4:
				h := store.Host{
					ID: fmt.Sprint("h", draw(5, "host")), Environment: "one", Type: rapid.SampledFrom([]string{"small", "large"}).Draw(t, "type"),
					State: rapid.SampledFrom(states).Draw(t, "state"), CreatedAt: 1000, ReadyAt: batch.Millis(1000 * draw(4, "ready")),
					Has: batch.Resources{MilliVCPU: int64(4000 * (1 + draw(2, "size"))), MemoryMiB: 4096},
				}
				if draw(2, "meant") == 0 {
					h.For = "2x1000/64/0"
				}
				hosts[h.ID] = h
				r.putHost(h)
			case 5:
				id := fmt.Sprint("h", draw(5, "host"))
				delete(hosts, id)
				r.dropHost(id)
			}
			if draw(4, "look") == 0 {
				r.tell(now, prices)
			}
		}
		anew := newRoster()
		for _, id := range slices.Sorted(maps.Keys(jobs)) {
			anew.putJob(jobs[id], &kind{})
		}
		for _, id := range slices.Sorted(maps.Keys(hosts)) {
			anew.putHost(hosts[id])
		}
		if diff := cmp.Diff(anew.tell(now, prices), r.tell(now, prices)); diff != "" {
			t.Fatalf("it tells something else (-anew +followed):\n%s", diff)
		}
	})
}
