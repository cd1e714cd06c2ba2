package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/packhorse-batch/packhorse/scheduler"
)

// round is a fleet that the test lets run: each task ends after some rounds.
type round struct {
	hosts []scheduler.Host
	ends  map[string][]int // by host: the round in which each of its tasks ends
	needs map[string][]scheduler.Job
}

func (r *round) place(d scheduler.Decision, jobs map[string]scheduler.Job, now int, length func() int) (placed map[string]bool) {
	placed = map[string]bool{}
	for _, p := range d.Placements {
		placed[p.Job] = true
		r.ends[p.Host] = append(r.ends[p.Host], now+length())
		r.needs[p.Host] = append(r.needs[p.Host], jobs[p.Job])
		r.free(p.Host, jobs[p.Job], -1)
	}
	return placed
}

func (r *round) free(host string, j scheduler.Job, sign int64) {
	for i := range r.hosts {
		if h := &r.hosts[i]; h.ID == host {
			h.Free.MilliVCPU += sign * j.Need.MilliVCPU
			h.Free.MemoryMiB += sign * j.Need.MemoryMiB
		}
	}
}

func (r *round) end(now int) {
	for host, ends := range r.ends {
		for i := 0; i < len(ends); {
			if ends[i] > now {
				i++
				continue
			}
			r.free(host, r.needs[host][i], 1)
			ends = append(ends[:i], ends[i+1:]...)
			r.needs[host] = append(r.needs[host][:i], r.needs[host][i+1:]...)
		}
		r.ends[host] = ends
	}
}

// A job that needs a whole host waits in front of a stream of small ones that never
// leave a host empty. Tasks take up to 10 rounds, so a host that takes no more is
// empty after 10. The host that is kept may change, when another comes to lack as
// little; what is lacking never grows.
func TestABigJobIsNotStarvedBySmallOnes(t *testing.T) {
	const longest = 10
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := &round{ends: map[string][]int{}, needs: map[string][]scheduler.Job{}}
		for i := range 1 + random.IntN(6) {
			r.hosts = append(r.hosts, host(fmt.Sprint("h", i), 4))
		}
		made, waited, served := 0, 0, 0
		small := func() scheduler.Job {
			made++
			return job(fmt.Sprint("small", made), 1+float64(random.IntN(2)))
		}
		big := job("big", 4)
		var waiting []scheduler.Job
		for now := range 300 {
			r.end(now)
			for len(waiting) < 40 {
				waiting = append(waiting, small())
			}
			front := waiting
			if now > 20 { // the fleet is full by then
				front = append([]scheduler.Job{big}, waiting...)
			}
			jobs := map[string]scheduler.Job{}
			for _, j := range front {
				jobs[j.ID] = j
			}
			e := fixed("ce", r.hosts...)
			if random.IntN(2) == 0 { // one that grows but may not any more is the same
				e = environment("ce", r.hosts...)
				e.MaxMilliVCPU = int64(len(r.hosts)) * 4000
			}
			placed := r.place(scheduler.Plan(on(e, front...)), jobs, now, func() int { return 1 + random.IntN(longest) })
			var left []scheduler.Job
			for _, j := range waiting {
				if !placed[j.ID] {
					left = append(left, j)
				}
			}
			waiting = left
			if waited++; placed["big"] || now <= 20 {
				waited = 0
			}
			if placed["big"] {
				served++
			}
			if waited > 2*longest {
				t.Fatalf("seed %d: with %d hosts the big job waits for %d rounds, tasks take %d", seed, len(r.hosts), waited, longest)
			}
		}
		if served < 10 {
			t.Errorf("seed %d: %d big jobs ran in 280 rounds", seed, served)
		}
	}
}

func TestAHostIsKeptForTheFirstJobThatWaits(t *testing.T) {
	e := fixed("ce", host("h1", 1), host("h2", 3), host("h3", 2))
	d := scheduler.Plan(on(e, job("big", 4), job("second", 4), array("small", 10, 1)))
	// h2 lacks the least and is kept; h1 and h3 go on taking small ones.
	wants(t, "placed", placed(d), "small>h1", "small>h3", "small>h3")
	wants(t, "waits", waits(d), "big", "second", "small*7")
}

func TestNoHostIsKeptWhileOneCanBeAdded(t *testing.T) {
	e := environment("ce", host("h1", 3))
	d := scheduler.Plan(on(e, job("big", 4), array("small", 3, 1)))
	wants(t, "placed", placed(d), "small>h1", "small>h1", "small>h1")
	wants(t, "demand", demand(d), "ce: 1 of 4 vCPU, 4096 MiB")
}

func TestNoHostIsKeptThatCouldNotHoldTheJob(t *testing.T) {
	little := host("little", 3)
	little.Has = size(3, 12000)
	d := scheduler.Plan(on(fixed("ce", little, host("h", 0)), job("big", 4), array("small", 3, 1)))
	wants(t, "placed", placed(d), "small>little", "small>little", "small>little")
}
