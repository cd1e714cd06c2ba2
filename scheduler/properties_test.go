package scheduler_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// anySnapshot draws a small world: a few environments of each kind, a few queues over
// them, jobs of few sizes so that they compete.
func anySnapshot(t *rapid.T) scheduler.Snapshot {
	var s scheduler.Snapshot
	flip := func(name string) bool { return rapid.Bool().Draw(t, name) }
	upTo := func(n int, name string) int { return rapid.IntRange(0, n).Draw(t, name) }
	arch := func() string { return rapid.SampledFrom([]string{"", "", "arm64", "x86_64"}).Draw(t, "arch") }
	var names []string
	for i := range 1 + upTo(2, "environments") {
		e := scheduler.Environment{Name: fmt.Sprint("env", i), Usable: upTo(9, "usable") > 0, Why: "it is DISABLED"}
		names = append(names, e.Name)
		e.MaxMilliVCPU = int64(upTo(16, "maxvCpus")) * 1000
		e.Grows = upTo(3, "grows") > 0
		if upTo(3, "Fargate") == 0 {
			e.Platform, e.Used, e.Grows = batch.PlatformFargate, size(float64(upTo(8, "used")), 0), true
			s.Environments = append(s.Environments, e)
			continue
		}
		for h := range upTo(4, "hosts") {
			has := batch.Resources{MilliVCPU: int64(1+upTo(7, "vCPUs")) * 1000, MemoryMiB: int64(1+upTo(15, "GiB")) * 1024, GPUs: int64(upTo(1, "GPUs"))}
			free := batch.Resources{
				MilliVCPU: has.MilliVCPU * int64(upTo(4, "free vCPUs")) / 4, MemoryMiB: has.MemoryMiB * int64(upTo(4, "free memory")) / 4,
				GPUs: has.GPUs * int64(upTo(1, "free GPUs")),
			}
			e.Hosts = append(e.Hosts, scheduler.Host{ID: fmt.Sprint(e.Name, "-h", h), Type: "m5.test", Arch: arch(), Has: has, Free: free})
		}
		if flip("booting") {
			e.Booting, e.BootingMilliVCPU = 1, 4000
		}
		for range upTo(2, "shapes") {
			short := upTo(4, "short") == 0
			if short {
				e.NoCapacity = "Instance type m5.test could not be had"
			}
			e.Shapes = append(e.Shapes, scheduler.Shape{
				Type: "m5.test", Arch: arch(), Short: short, USDPerHour: float64(upTo(3, "price")) / 10,
				Has: batch.Resources{MilliVCPU: int64(1+upTo(7, "vCPUs")) * 1000, MemoryMiB: int64(1+upTo(15, "GiB")) * 1024, GPUs: int64(upTo(1, "GPUs"))},
			})
		}
		s.Environments = append(s.Environments, e)
	}
	if upTo(3, "machine") == 0 {
		s.Machine = &scheduler.Machine{Has: size(4, 8192), Used: size(float64(upTo(4, "used")), 1024), Why: "this machine"}
	}
	made := 0
	for i := range 1 + upTo(2, "queues") {
		q := scheduler.Queue{Name: fmt.Sprint("q", i), Priority: int32(upTo(2, "priority"))}
		q.Environments = slices.Clone(names[:1+upTo(len(names)-1, "environments of the queue")])
		if flip("reversed") {
			slices.Reverse(q.Environments)
		}
		q.Choice = rapid.SampledFrom([]scheduler.Choice{scheduler.InOrder, scheduler.InOrder, scheduler.Cheapest, scheduler.Soonest}).Draw(t, "choice")
		shares := 1
		if flip("fair") {
			q.Fair = &scheduler.FairShare{NewJobSeconds: 60, Reserved: []float64{0, 0, 0.25}[upTo(2, "reserved")]}
			shares = 1 + upTo(2, "shares")
		}
		for k := range shares {
			share := scheduler.Share{ID: fmt.Sprint("s", k), Weight: float64(upTo(2, "weight")), Usage: float64(upTo(200, "usage"))}
			for range upTo(5, "jobs") {
				made++
				j := scheduler.Job{ID: fmt.Sprint("j", made), Count: 1 + upTo(2, "children"), Arch: arch()}
				j.Need = batch.Resources{MilliVCPU: int64(1+upTo(8, "vCPUs")) * 500, MemoryMiB: int64(1+upTo(8, "GiB")) * 1024}
				if upTo(9, "GPU") == 0 {
					j.Need.GPUs = 1
				}
				if upTo(3, "for Fargate") == 0 {
					j.Platform = batch.PlatformFargate
					j.OnHosts, j.FargateUSDPerHour = flip("on hosts too") && q.Choice != scheduler.InOrder, float64(upTo(3, "price"))/10
				}
				share.Jobs = append(share.Jobs, j)
			}
			q.Shares = append(q.Shares, share)
		}
		s.Queues = append(s.Queues, q)
	}
	return s
}

// view is a snapshot with its parts by name.
type view struct {
	envs   map[string]scheduler.Environment
	hosts  map[string]scheduler.Host
	queues map[string]scheduler.Queue
	jobs   map[string]scheduler.Job
	of     map[string]string // queue of a job
}

func look(s scheduler.Snapshot) view {
	v := view{
		map[string]scheduler.Environment{}, map[string]scheduler.Host{}, map[string]scheduler.Queue{},
		map[string]scheduler.Job{}, map[string]string{},
	}
	for _, e := range s.Environments {
		v.envs[e.Name] = e
		for _, h := range e.Hosts {
			v.hosts[h.ID] = h
		}
	}
	for _, q := range s.Queues {
		v.queues[q.Name] = q
		for _, share := range q.Shares {
			for _, j := range share.Jobs {
				v.jobs[j.ID], v.of[j.ID] = j, q.Name
			}
		}
	}
	return v
}

func runsOn(j scheduler.Job, e scheduler.Environment) bool {
	return e.Platform == j.Platform || j.OnHosts && e.Platform == batch.PlatformEC2
}

func archFits(j scheduler.Job, arch string) bool {
	if arch == "" {
		arch = "x86_64"
	}
	return j.Arch == "" || j.Arch == arch
}

func TestAnyPlanKeepsThePromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		before := fmt.Sprintf("%+v", s)
		d := scheduler.Plan(s)
		if after := fmt.Sprintf("%+v", s); before != after {
			t.Fatalf("Plan changed its snapshot:\n%s", cmp.Diff(before, after))
		}
		v := look(s)
		counts := checkPlacements(t, s, d, v)
		checkWaits(t, d, v, counts)
		checkIdleRoom(t, s, d, v)
	})
}

// checkPlacements: every job is where it may be, no host holds more than it has, no
// environment without hosts and no machine more than its bound.
func checkPlacements(t *rapid.T, s scheduler.Snapshot, d scheduler.Decision, v view) map[string]int {
	counts := map[string]int{}
	used := map[string]batch.Resources{}
	var machine batch.Resources
	for _, p := range d.Placements {
		j, q, e := v.jobs[p.Job], v.queues[p.Queue], v.envs[p.Environment]
		counts[p.Job]++
		if v.of[p.Job] != p.Queue || !slices.Contains(q.Environments, p.Environment) || !e.Usable || !runsOn(j, e) {
			t.Fatalf("%+v does not belong there", p)
		}
		if s.Machine != nil {
			machine = machine.Add(s.Machine.Clip(j.Need))
		}
		if e.Platform == batch.PlatformFargate {
			used[p.Environment] = used[p.Environment].Add(j.Need)
			continue
		}
		h, ok := v.hosts[p.Host]
		if !ok || !slices.ContainsFunc(e.Hosts, func(o scheduler.Host) bool { return o.ID == p.Host }) || !archFits(j, h.Arch) {
			t.Fatalf("%+v: the host is not one for it", p)
		}
		used[p.Host] = used[p.Host].Add(j.Need)
	}
	for name, sum := range used {
		if h, ok := v.hosts[name]; ok && !sum.Fits(h.Free) {
			t.Fatalf("host %s has %s free and gets %s", name, h.Free, sum)
		}
		if e, ok := v.envs[name]; ok && e.Used.Add(sum).MilliVCPU > e.MaxMilliVCPU {
			t.Fatalf("environment %s gets %s on top of %s", name, sum, e.Used)
		}
	}
	if s.Machine != nil && len(d.Placements) > 0 && !s.Machine.Used.Add(machine).Fits(s.Machine.Has) {
		t.Fatalf("the machine has %s, used are %s and %s more", s.Machine.Has, s.Machine.Used, machine)
	}
	return counts
}

// checkWaits: each job is placed in full or waits for the rest, with a reason that has
// numbers, and with AWS's token exactly where waiting alone cannot help.
func checkWaits(t *rapid.T, d scheduler.Decision, v view, counts map[string]int) {
	waiting, demanded := map[string]int{}, 0
	for _, w := range d.Waits {
		j := v.jobs[w.Job]
		if _, twice := waiting[w.Job]; twice || w.Count <= 0 {
			t.Fatalf("job %s waits twice, or %d times", w.Job, w.Count)
		}
		waiting[w.Job] = w.Count
		text := w.Reason.String()
		if !strings.ContainsAny(text, "0123456789") {
			t.Fatalf("job %s waits because %q: no number in it", w.Job, text)
		}
		ever := possible(v, v.queues[w.Queue], j)
		switch w.Reason.Token {
		case scheduler.TokenRequirement, scheduler.TokenMaxResource, scheduler.TokenInvalid:
			if ever {
				t.Fatalf("job %s waits because %q, but some environment could hold it", w.Job, text)
			}
		default:
			if !ever {
				t.Fatalf("job %s waits because %q, but none could ever hold it", w.Job, text)
			}
		}
		if w.Environment != "" && !possible(v, scheduler.Queue{Environments: []string{w.Environment}}, j) {
			t.Fatalf("job %s waits for %s, which cannot hold it", w.Job, w.Environment)
		}
	}
	for id, j := range v.jobs {
		if counts[id]+waiting[id] != j.Count {
			t.Fatalf("%d of job %s are placed and %d wait, of %d", counts[id], id, waiting[id], j.Count)
		}
	}
	for _, g := range d.Demand {
		if g.Count <= 0 || v.envs[g.Environment].Platform == batch.PlatformFargate && !v.envs[g.Environment].Usable {
			t.Fatalf("demand %+v", g)
		}
		demanded += g.Count
	}
	most := 0
	for _, w := range d.Waits {
		if w.Environment != "" {
			most += w.Count
		}
	}
	if demanded > most {
		t.Fatalf("%d are demanded, %d wait for an environment", demanded, most)
	}
}

// possible reports whether an environment of the queue could ever hold the job.
func possible(v view, q scheduler.Queue, j scheduler.Job) bool {
	for _, name := range q.Environments {
		e, ok := v.envs[name]
		if !ok || !e.Usable || !runsOn(j, e) {
			continue
		}
		if e.Platform == batch.PlatformFargate {
			if j.Need.MilliVCPU <= e.MaxMilliVCPU {
				return true
			}
			continue
		}
		for _, h := range e.Hosts {
			if j.Need.Fits(h.Has) && archFits(j, h.Arch) {
				return true
			}
		}
		for _, shape := range e.Shapes {
			if e.Grows && shape.Has.MilliVCPU <= e.MaxMilliVCPU && j.Need.Fits(shape.Has) && archFits(j, shape.Arch) {
				return true
			}
		}
	}
	return false
}

// checkIdleRoom: while a job waits, at most one host of an environment has room for it:
// the one that is kept for a job in front.
func checkIdleRoom(t *rapid.T, s scheduler.Snapshot, d scheduler.Decision, v view) {
	if s.Machine != nil {
		return
	}
	free := map[string]batch.Resources{}
	for id, h := range v.hosts {
		free[id] = h.Free
	}
	for _, p := range d.Placements {
		if p.Host != "" {
			free[p.Host] = free[p.Host].Sub(v.jobs[p.Job].Need)
		}
	}
	for _, w := range d.Waits {
		j, q := v.jobs[w.Job], v.queues[w.Queue]
		if q.Fair != nil && q.Fair.Reserved > 0 {
			continue
		}
		for _, name := range q.Environments {
			e := v.envs[name]
			if !e.Usable || !runsOn(j, e) {
				continue
			}
			var open []string
			for _, h := range e.Hosts {
				if j.Need.Fits(free[h.ID]) && archFits(j, h.Arch) {
					open = append(open, h.ID)
				}
			}
			if len(open) > 1 {
				t.Fatalf("job %s waits while %v have room", w.Job, open)
			}
		}
	}
}

// The same snapshot gives the same plan, in whatever order queues and environments are
// listed.
func TestPlansDependOnNothingButTheSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		one := scheduler.Plan(s)
		shuffled := s
		shuffled.Queues = slices.Clone(s.Queues)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		random.Shuffle(len(shuffled.Queues), func(i, j int) {
			shuffled.Queues[i], shuffled.Queues[j] = shuffled.Queues[j], shuffled.Queues[i]
		})
		if diff := cmp.Diff(one, scheduler.Plan(shuffled)); diff != "" {
			t.Fatalf("the plan differs (-first +second):\n%s", diff)
		}
	})
}

// No job of a lower queue is placed while an equal one of a higher queue waits.
func TestEqualJobsOfAHigherQueueGoFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		s.Machine = nil
		for i := range s.Queues {
			s.Queues[i].Fair, s.Queues[i].Environments = nil, s.Queues[0].Environments
		}
		d := scheduler.Plan(s)
		v := look(s)
		for _, w := range d.Waits {
			waits := v.jobs[w.Job]
			for _, p := range d.Placements {
				j := v.jobs[p.Job]
				equal := j.Need == waits.Need && j.Arch == waits.Arch && j.Platform == waits.Platform
				if equal && v.queues[p.Queue].Priority < v.queues[w.Queue].Priority {
					t.Fatalf("%s of priority %d is placed, its equal %s of priority %d waits",
						p.Job, v.queues[p.Queue].Priority, w.Job, v.queues[w.Queue].Priority)
				}
			}
		}
	})
}
