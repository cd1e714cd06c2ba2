package provisioner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

// anyEnvironment draws a small fleet with jobs of few sizes before it.
func anyEnvironment(t *rapid.T) provisioner.Environment {
	upTo := func(n int, name string) int { return rapid.IntRange(0, n).Draw(t, name) }
	e := environment(offers())
	e.MaxMilliVCPU = int64(upTo(32, "maxvCpus")) * 1000
	e.MinMilliVCPU = min(e.MaxMilliVCPU, int64(upTo(12, "minvCpus"))*1000)
	e.Active = upTo(4, "active") > 0
	e.Ending = !e.Active && upTo(1, "ending") == 0
	if upTo(3, "outdated") == 0 {
		e.ReplaceBefore, e.ReplaceBy = now.Add(-10*time.Minute), now.Add(time.Duration(upTo(2, "by")-1)*time.Minute)
	}
	e.Boot = time.Minute
	e.Strategy = rapid.SampledFrom([]provisioner.Strategy{provisioner.Cheapest, provisioner.Cheapest, provisioner.BestFit, provisioner.Ordered}).Draw(t, "strategy")
	resources := func() batch.Resources {
		return batch.Resources{MilliVCPU: int64(1+upTo(7, "vCPUs")) * 1000, MemoryMiB: int64(1+upTo(15, "GiB")) * 1024, GPUs: int64(upTo(8, "GPUs") / 8)}
	}
	for i := range upTo(4, "offers") {
		e.Offers = append(e.Offers, provisioner.Offer{
			Type: fmt.Sprint("type", i), Has: resources(), USDPerHour: float64(1 + upTo(20, "price")), Rank: upTo(1, "rank"),
			Short: e.Strategy == provisioner.BestFit && upTo(3, "short") == 0,
			Arch:  rapid.SampledFrom([]string{"", "", "arm64"}).Draw(t, "arch"),
		})
	}
	if upTo(2, "both markets") == 0 {
		for _, o := range slices.Clone(e.Offers) {
			o.Spot, o.USDPerHour, o.Interruptions = true, o.USDPerHour/3, float64(upTo(10, "interruptions"))/10
			e.Offers = append(e.Offers, o)
		}
	}
	for i := range upTo(4, "hosts") {
		h := provisioner.Host{ID: fmt.Sprint("h", i), Has: resources(), USDPerHour: float64(upTo(5, "price")), CreatedAt: now.Add(-time.Duration(upTo(20, "age")) * time.Minute)}
		h.State = rapid.SampledFrom([]provisioner.HostState{provisioner.Booting, provisioner.Ready, provisioner.Draining}).Draw(t, "state")
		if h.State != provisioner.Booting {
			h.Tasks = upTo(2, "tasks")
		}
		if h.Tasks == 0 && upTo(3, "known") > 0 {
			h.IdleSince = now.Add(-time.Duration(upTo(10, "idle")) * time.Minute)
		}
		e.Hosts = append(e.Hosts, h)
	}
	for range upTo(4, "groups") {
		need := resources()
		need.MilliVCPU /= 2
		d := provisioner.Demand{
			Need: need, Count: 1 + upTo(5, "count"), Arch: rapid.SampledFrom([]string{"", "", "arm64"}).Draw(t, "arch"),
			Runs: batch.RunTime{Mean: time.Duration(upTo(3, "hours")) * time.Hour, Spread: float64(upTo(3, "spread"))},
		}
		if !slices.ContainsFunc(e.Demand, func(o provisioner.Demand) bool { return o.Need == d.Need && o.Arch == d.Arch }) {
			e.Demand = append(e.Demand, d)
		}
	}
	return e
}

func offer(t *rapid.T, e provisioner.Environment, name string) provisioner.Offer {
	at := slices.IndexFunc(e.Offers, func(o provisioner.Offer) bool { return o.Type == name })
	if at < 0 {
		t.Fatalf("%q is launched, which is not on offer", name)
	}
	return e.Offers[at] // on Spot it has the same size
}

func find(t *rapid.T, e provisioner.Environment, id string) provisioner.Host {
	at := slices.IndexFunc(e.Hosts, func(h provisioner.Host) bool { return h.ID == id })
	if at < 0 {
		t.Fatalf("host %q is not there", id)
	}
	return e.Hosts[at]
}

func TestAnyPlanKeepsThePromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnvironment(t)
		before := fmt.Sprintf("%+v", e)
		p := provisioner.Make(e, now)
		if after := fmt.Sprintf("%+v", e); after != before {
			t.Fatalf("Make changed the environment:\n%s", cmp.Diff(before, after))
		}
		if diff := cmp.Diff(p, provisioner.Make(e, now)); diff != "" {
			t.Fatalf("made again the plan differs:\n%s", diff)
		}
		checkLaunches(t, e, p)
		checkEnds(t, e, p)
	})
}

// checkLaunches: hosts come only where they may, never above maxvCpus, and each of them
// has something to do.
func checkLaunches(t *rapid.T, e provisioner.Environment, p provisioner.Plan) {
	var have, staying, launched int64
	for _, h := range e.Hosts {
		have += h.Has.MilliVCPU
		late := h.State == provisioner.Booting && now.Sub(h.CreatedAt) >= e.BootWindow
		if h.State != provisioner.Draining && !h.CreatedAt.Before(e.ReplaceBefore) && !late {
			staying += h.Has.MilliVCPU
		}
	}
	waiting := 0
	for _, d := range e.Demand {
		waiting += d.Count
	}
	hosts := 0
	for _, l := range p.Launches {
		o := offer(t, e, l.Type)
		if o.Short {
			t.Fatalf("a %s is launched, which cannot be had", l.Type)
		}
		if l.Count <= 0 {
			t.Fatalf("launch of %d hosts", l.Count)
		}
		launched += int64(l.Count) * o.Has.MilliVCPU
		hosts += l.Count
		holds := slices.ContainsFunc(e.Demand, func(d provisioner.Demand) bool { return fits(d, o) })
		if !holds && staying >= e.MinMilliVCPU {
			t.Fatalf("a %s is launched, which holds nothing that waits", l.Type)
		}
	}
	switch {
	case hosts > 0 && (!e.Active || e.Ending):
		t.Fatalf("hosts are launched into an environment that must not grow")
	case hosts > 0 && have+launched > e.MaxMilliVCPU:
		t.Fatalf("%d + %d thousandths of a vCPU are above maxvCpus %d", have, launched, e.MaxMilliVCPU)
	case hosts > waiting && staying >= e.MinMilliVCPU:
		t.Fatalf("%d hosts are launched for %d jobs", hosts, waiting)
	}
}

func fits(d provisioner.Demand, o provisioner.Offer) bool {
	arch := o.Arch
	if arch == "" {
		arch = "x86_64"
	}
	return d.Need.Fits(o.Has) && (d.Arch == "" || d.Arch == arch)
}

// checkEnds: drained and ended are only those that may be, minvCpus stay, and what time
// will bring is announced.
func checkEnds(t *rapid.T, e provisioner.Environment, p provisioner.Plan) {
	var staying int64
	outdated := func(h provisioner.Host) bool { return h.CreatedAt.Before(e.ReplaceBefore) }
	for _, h := range e.Hosts {
		if h.State != provisioner.Draining && !outdated(h) && !slices.Contains(p.Drain, h.ID) && !slices.Contains(p.Terminate, h.ID) {
			staying += h.Has.MilliVCPU
		}
	}
	for _, id := range p.Drain {
		h := find(t, e, id)
		optional := !e.Ending && !outdated(h)
		switch {
		case h.State != provisioner.Ready:
			t.Fatalf("host %+v is drained", h)
		case optional && h.Tasks > 0:
			t.Fatalf("host %+v is drained with tasks on it", h)
		case optional && staying < e.MinMilliVCPU:
			t.Fatalf("host %+v is drained and %d thousandths of a vCPU stay of minvCpus %d", h, staying, e.MinMilliVCPU)
		case optional && len(e.Demand) == 0 && (h.IdleSince.IsZero() || now.Sub(h.IdleSince) < e.IdleWindow):
			t.Fatalf("host %+v is drained within its idle window", h)
		}
	}
	for _, id := range p.Terminate {
		h := find(t, e, id)
		drained := h.State == provisioner.Draining && (h.Tasks == 0 || outdated(h) && !now.Before(e.ReplaceBy))
		unwanted := h.State == provisioner.Booting && (e.Ending || outdated(h) || now.Sub(h.CreatedAt) >= e.BootWindow)
		if !drained && !unwanted {
			t.Fatalf("host %+v is ended", h)
		}
	}
	for _, h := range e.Hosts {
		if h.State == provisioner.Draining && h.Tasks == 0 && !slices.Contains(p.Terminate, h.ID) {
			t.Fatalf("host %+v is drained and not ended", h)
		}
	}
	if !p.Next.IsZero() && !p.Next.After(now) {
		t.Fatalf("the plan is to be made again at %s, which is not after %s", p.Next, now)
	}
}

// carried returns an environment as it is when a plan was carried out: launched hosts
// boot, drained ones drain, ended ones are gone.
func carried(t *rapid.T, e provisioner.Environment, p provisioner.Plan, at time.Time) provisioner.Environment {
	e.Hosts = slices.DeleteFunc(slices.Clone(e.Hosts), func(h provisioner.Host) bool { return slices.Contains(p.Terminate, h.ID) })
	for i := range e.Hosts {
		if slices.Contains(p.Drain, e.Hosts[i].ID) {
			e.Hosts[i].State = provisioner.Draining
		}
	}
	for _, l := range p.Launches {
		o := offer(t, e, l.Type)
		for i := range l.Count {
			e.Hosts = append(e.Hosts, provisioner.Host{
				ID: fmt.Sprint(at.Unix(), "-", len(e.Hosts), "-", i), State: provisioner.Booting, Has: o.Has, Arch: o.Arch, CreatedAt: at,
				USDPerHour: o.USDPerHour, Meant: provisioner.ReadMeant(provisioner.WriteMeant(l.For)),
			})
		}
	}
	return e
}

// A plan that was carried out leaves nothing more to launch: the hosts on their way
// take what they were launched for.
func TestNothingIsLaunchedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnvironment(t)
		p := provisioner.Make(e, now)
		if len(p.Drain)+len(p.Terminate) > 0 {
			return // they may make room for more
		}
		if again := provisioner.Make(carried(t, e, p, now), now); len(again.Launches) > 0 {
			t.Fatalf("after %v come %v", p.Launches, again.Launches)
		}
	})
}

// Without demand a fleet shrinks to minvCpus, by time alone and within the windows.
func TestAFleetWithoutWorkGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnvironment(t)
		e.Demand = nil
		for i := range e.Hosts {
			e.Hosts[i].Tasks = 0
		}
		at, end := now, now.Add(e.BootWindow+2*e.IdleWindow+time.Minute)
		const most = 200
		for range most {
			p := provisioner.Make(e, at)
			before := len(e.Hosts)
			e = carried(t, e, p, at)
			for i := range e.Hosts {
				if h := &e.Hosts[i]; h.State == provisioner.Booting && at.Sub(h.CreatedAt) > time.Minute && h.Has.MilliVCPU%2000 == 0 {
					h.State, h.IdleSince = provisioner.Ready, at
				}
				if h := &e.Hosts[i]; h.State == provisioner.Ready && h.IdleSince.IsZero() {
					h.IdleSince = at
				}
			}
			if len(p.Launches)+len(p.Drain)+len(p.Terminate) > 0 || len(e.Hosts) != before {
				continue
			}
			if p.Next.IsZero() || p.Next.After(end) {
				break
			}
			at = p.Next
		}
		var staying, least int64
		for _, h := range e.Hosts {
			if h.State == provisioner.Draining {
				t.Fatalf("host %+v has drained and is not ended at %s", h, at)
			}
			staying += h.Has.MilliVCPU
			if least == 0 || h.Has.MilliVCPU < least {
				least = h.Has.MilliVCPU
			}
		}
		switch {
		case e.Ending && staying > 0:
			t.Fatalf("%d hosts stay in an environment that is deleted", len(e.Hosts))
		case !e.Ending && staying-least >= e.MinMilliVCPU && staying > 0:
			t.Fatalf("%d thousandths of a vCPU stay, of which %d could go above minvCpus %d: %+v", staying, least, e.MinMilliVCPU, e.Hosts)
		}
	})
}
