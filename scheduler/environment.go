package scheduler

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// envState is an environment as the plan fills it.
type envState struct {
	Environment
	given []Host  // of the snapshot
	taken []*Host // by the same index, those that took jobs; see host
	ready int64   // thousandths of a vCPU that they have
	used  batch.Resources
	// held is how much of maxvCpus fair share keeps for shares to come.
	held int64
	// kept is the host reserved for a job that waits, by index; -1 for none.
	kept    int
	keptFor string
	// kinds is what was found out of jobs, by their kind.
	kinds []findings
	// promised is how many thousandths of a vCPU jobs that wait will take of what may
	// be added.
	promised int64
	demand   []Demand
	// most is what the emptiest host has free; nil when it has to be looked up.
	most *batch.Resources
	// changes counts what changed what is said to those that wait; saidHosts and saidLimit are the
	// parts of it that are the same for all, as of saidAt.
	changes, saidAt      int
	saidHosts, saidLimit string
}

func newEnvState(e Environment) *envState {
	s := &envState{Environment: e, given: e.Hosts, used: e.Used, kept: -1, changes: 1}
	for i := range e.Hosts {
		h := &e.Hosts[i]
		s.used = s.used.Add(h.Has.Sub(h.Free))
		s.ready += h.Has.MilliVCPU
	}
	return s
}

// host returns a host as the plan has filled it.
func (e *envState) host(i int) *Host {
	if len(e.taken) > 0 && e.taken[i] != nil {
		return e.taken[i]
	}
	return &e.given[i]
}

// takes returns a host that may be changed.
func (e *envState) takes(i int) *Host {
	if e.taken == nil {
		e.taken = make([]*Host, len(e.given))
	}
	if e.taken[i] == nil {
		own := e.given[i]
		e.taken[i] = &own
	}
	return e.taken[i]
}

// reserve keeps a fraction of maxvCpus free.
func (e *envState) reserve(fraction float64) {
	e.changes++
	e.held = int64(fraction * float64(e.MaxMilliVCPU))
}

func archOf(arch string) string {
	if arch == "" {
		return "x86_64"
	}
	return arch
}

// archFits reports whether a host of an architecture can run a job. A job on EC2
// cannot say which it wants: the environment's only architecture is the one.
func archFits(j *Job, arch string) bool {
	return j.Arch == "" || archOf(arch) == j.Arch
}

// holds tells how e could hold the job.
func (e *envState) holds(j *Job) *holding {
	k := e.found(j)
	if !k.held {
		k.holding, k.held = e.hold(j), true
	}
	return &k.holding
}

// hold is holds, looked up.
func (e *envState) hold(j *Job) (h holding) {
	if e.Platform == batch.PlatformFargate {
		h.ever = j.Need.MilliVCPU <= e.MaxMilliVCPU
		return h
	}
	if e.Grows {
		shorts := 0
		for i := range e.Shapes {
			s := &e.Shapes[i]
			switch {
			case !j.Need.Fits(s.Has) || !archFits(j, s.Arch):
			case s.Has.MilliVCPU > e.MaxMilliVCPU:
				h.above = smaller(h.above, s)
			case s.Short:
				shorts++
			default:
				h.least = smaller(h.least, s)
				usd := s.USDPerHour * (e.Boot + j.Runs.OnSpot(s.Interruptions, e.Boot)).Hours()
				if s.USDPerHour > 0 && (h.alone == 0 || usd < h.aloneUSD) {
					h.alone, h.aloneUSD = s.USDPerHour, usd
				}
			}
		}
		h.short = shorts > 0 && h.least == nil
		h.ever = h.least != nil || h.short
	}
	h.ever = h.ever || slices.ContainsFunc(e.given, func(h Host) bool { return j.Need.Fits(h.Has) && archFits(j, h.Arch) })
	return h
}

func smaller(a, b *Shape) *Shape {
	if a == nil || b.Has.MilliVCPU < a.Has.MilliVCPU {
		return b
	}
	return a
}

// short reports whether all shapes that could hold the job could not be had lately.
func (e *envState) short(j *Job) bool { return e.holds(j).short }

// possible reports whether e will ever take the job.
func (e *envState) possible(j *Job) bool {
	return e.Usable && e.runs(j) && e.holds(j).ever
}

// take finds the host that costs the least for the job, and takes the room. On Fargate
// there is no host, only maxvCpus.
func (e *envState) take(j *Job) (host string, ok bool) {
	if !e.Usable || !e.runs(j) {
		return "", false
	}
	if e.reserved(j) {
		return "", false
	}
	if e.Platform == batch.PlatformFargate {
		if e.used.MilliVCPU+j.Need.MilliVCPU > e.MaxMilliVCPU {
			return "", false
		}
		e.used = e.used.Add(j.Need)
		return "", true
	}
	k := e.found(j)
	if k.full || k.dear && e.room(j) > 0 && !j.anyRoom {
		return "", false
	}
	if e.most != nil && j.Need.MilliVCPU > e.most.MilliVCPU {
		return "", false
	}
	best, leastUSD, known := -1, math.Inf(1), j.Runs.Known() && !j.anyRoom
	if known {
		leastUSD = e.alone(j)
	}
	if j.ceiling > 0 {
		leastUSD = min(leastUSD, j.ceiling)
	}
	for i := range e.given {
		h := e.host(i)
		if (i == e.kept && e.keptFor != j.ID) || !j.Need.Fits(h.Free) || !archFits(j, h.Arch) {
			continue
		}
		usd := 0.0
		if known && h.USDPerHour > 0 {
			usd = h.keeping(j) + e.again(h, j)
		}
		switch {
		case usd > leastUSD:
			k.dear = true
		case best < 0, usd < leastUSD, fuller(h, e.host(best)):
			best, leastUSD = i, usd
		}
	}
	if best < 0 {
		k.full = k.full || !k.dear
		return "", false
	}
	k.dear = false
	chosen := e.takes(best)
	chosen.add(j)
	e.used = e.used.Add(j.Need)
	e.most = nil
	e.changes++
	return chosen.ID, true
}

// alone is what a host of its own would cost a job whose run time is known; without end
// where none can be added or nobody knows its price.
func (e *envState) alone(j *Job) float64 {
	h := e.holds(j)
	if h.alone == 0 || e.room(j) == 0 {
		return math.Inf(1)
	}
	return h.aloneUSD
}

// keeping is what it costs to keep the host up for the job, longer than for those that it
// has. One that was launched for such jobs costs them nothing.
func (h *Host) keeping(j *Job) float64 {
	for i := range h.Meant {
		if h.Meant[i].Count > 0 && h.Meant[i].Need == j.Need {
			return 0
		}
	}
	return h.USDPerHour * j.Runs.Beyond(h.Busy).Hours()
}

// again is what a job costs that has to begin again since its host is taken: that time, at
// the price of a host of its own.
func (e *envState) again(h *Host, j *Job) float64 {
	if h.Interruptions <= 0 {
		return 0
	}
	return e.holds(j).alone * (j.Runs.OnSpot(h.Interruptions, e.Boot) - j.Runs.Mean).Hours()
}

// add puts a job on the host.
func (h *Host) add(j *Job) {
	h.Free = h.Free.Sub(j.Need)
	h.Busy += j.Runs.Beyond(h.Busy)
	for i, m := range h.Meant {
		if m.Count > 0 && m.Need == j.Need {
			h.Meant = slices.Clone(h.Meant)
			h.Meant[i].Count--
			return
		}
	}
}

// fuller orders hosts for placement: one with GPUs is the last choice for jobs
// without (jobs with GPUs only fit those), then the one with less left.
func fuller(a, b *Host) bool {
	if (a.Free.GPUs > 0) != (b.Free.GPUs > 0) {
		return b.Free.GPUs > 0
	}
	if a.Free.MilliVCPU != b.Free.MilliVCPU {
		return a.Free.MilliVCPU < b.Free.MilliVCPU
	}
	return a.Free.MemoryMiB < b.Free.MemoryMiB
}

// reserved reports whether the job must leave room for shares to come.
func (e *envState) reserved(j *Job) bool {
	return e.held > 0 && e.used.MilliVCPU+j.Need.MilliVCPU > e.MaxMilliVCPU-e.held
}

// growth is how many thousandths of a vCPU hosts may have that are not ready yet.
func (e *envState) growth() int64 { return e.MaxMilliVCPU - e.LeavingMilliVCPU - e.ready }

// vcpusTaken is how much of maxvCpus its hosts have, those on their way and those that
// leave included.
func (e *envState) vcpusTaken() int64 { return e.MaxMilliVCPU - e.growth() + e.BootingMilliVCPU }

// room is how many of a job e can still take by adding hosts, those on their way
// included, besides what was promised to others.
func (e *envState) room(j *Job) int {
	if !e.Grows || j.Need.MilliVCPU <= 0 {
		return 0
	}
	var left int64
	if e.Platform == batch.PlatformFargate {
		left = e.MaxMilliVCPU - e.used.MilliVCPU
	} else {
		left = e.growth()
		if least := e.holds(j).least; least == nil || least.Has.MilliVCPU > left {
			return 0
		}
	}
	if e.held > 0 {
		left = min(left, e.MaxMilliVCPU-e.held-e.used.MilliVCPU)
	}
	return int(max(0, left-e.promised) / j.Need.MilliVCPU)
}

// promise counts n of a job as demand here.
func (e *envState) promise(j *Job, n int) {
	if n == 0 {
		return
	}
	e.promised += int64(n) * j.Need.MilliVCPU
	k := e.found(j)
	if k.demand == 0 {
		e.demand = append(e.demand, Demand{Environment: e.Name, Need: j.Need, Arch: j.Arch, Runs: j.Runs})
		k.demand = len(e.demand)
	}
	e.demand[k.demand-1].wait(j.Since, n)
}

// wait adds n jobs that wait since a moment.
func (d *Demand) wait(since time.Time, n int) {
	d.Count += n
	if since.IsZero() {
		return
	}
	if last := len(d.Since) - 1; last >= 0 && d.Since[last].At.Equal(since) {
		d.Since[last].Count += n
		return
	}
	d.Since = append(d.Since, Since{since, n})
}

// keepFor reserves for the job the host that lacks the least, unless one is
// reserved already.
func (e *envState) keepFor(j *Job) {
	if e.kept >= 0 {
		return
	}
	for i := range e.given {
		h := e.host(i)
		if !j.Need.Fits(h.Has) || !archFits(j, h.Arch) {
			continue
		}
		if e.kept < 0 || h.Free.MilliVCPU > e.host(e.kept).Free.MilliVCPU {
			e.kept, e.keptFor = i, j.ID
		}
	}
}

// shortage says with numbers what a job waits for in e.
func (e *envState) shortage(j *Job) string {
	if e.Platform == batch.PlatformFargate {
		return fmt.Sprintf("Waiting for capacity: needs %s; environment %s uses %s of %s vCPU.",
			j.Need, e.Name, e.used.VCPUs(), batch.FormatVCPU(e.MaxMilliVCPU))
	}
	k := e.found(j)
	if k.saidAt == e.changes {
		return k.said
	}
	e.say()
	dear := ""
	if k.dear {
		dear = ", a host of its own costs less than to keep those for it that have room"
	}
	k.said, k.saidAt = "Waiting for a host: needs "+j.Need.String()+e.saidHosts+dear+e.saidLimit, e.changes
	return k.said
}

// say puts into words what is the same for all jobs that wait: which hosts are there, and
// what is taken. There are hundreds that wait, and all are told again whenever a host changes.
func (e *envState) say() {
	if e.saidAt == e.changes {
		return
	}
	e.saidAt = e.changes
	hosts := "hosts"
	if len(e.given) == 1 {
		hosts = "host"
	}
	e.saidHosts = fmt.Sprintf("; environment %s has %d %s", e.Name, len(e.given), hosts)
	if len(e.given) > 0 {
		e.saidHosts += fmt.Sprintf(", the emptiest with %s free", e.emptiest())
	}
	if e.Booting > 0 {
		e.saidHosts += fmt.Sprintf(", %d booting", e.Booting)
	}
	e.saidLimit = "."
	if e.Grows {
		e.saidLimit = fmt.Sprintf("; %s of %s maxvCpus taken.", batch.FormatVCPU(e.vcpusTaken()), batch.FormatVCPU(e.MaxMilliVCPU))
	}
	if e.held > 0 {
		e.saidLimit = fmt.Sprintf(", %s vCPU reserved for new shares", batch.FormatVCPU(e.held)) + e.saidLimit
	}
}

// emptiest returns what the host has free that has the most vCPUs free.
func (e *envState) emptiest() batch.Resources {
	if e.most == nil {
		var most batch.Resources
		for i := range e.given {
			free := &e.host(i).Free
			if free.MilliVCPU > most.MilliVCPU || free.MilliVCPU == most.MilliVCPU && free.MemoryMiB > most.MemoryMiB {
				most = *free
			}
		}
		e.most = &most
	}
	return *e.most
}

// tooSmall says why e cannot hold the job even when it is empty.
func (e *envState) tooSmall(j *Job) string {
	if above := e.holds(j).above; above != nil {
		return fmt.Sprintf("the smallest host that holds it is %s with %s, above maxvCpus %s",
			above.Type, above.Has, batch.FormatVCPU(e.MaxMilliVCPU))
	}
	return e.largest(j)
}

// largest says what the biggest host of e is, for a job that fits none.
func (e *envState) largest(j *Job) string {
	var best *Shape
	shapes := e.Shapes
	if !e.Grows {
		shapes = nil
		for _, h := range e.given {
			shapes = append(shapes, Shape{Type: h.Type, Has: h.Has, Arch: h.Arch})
		}
	}
	for i := range shapes {
		s := &shapes[i]
		switch {
		case best == nil,
			s.Has.GPUs > best.Has.GPUs && j.Need.GPUs > best.Has.GPUs,
			s.Has.GPUs >= min(best.Has.GPUs, j.Need.GPUs) && s.Has.MemoryMiB > best.Has.MemoryMiB:
			best = s
		}
	}
	if best == nil {
		return "it has no host and none can be added"
	}
	return fmt.Sprintf("its largest host is %s with %s", best.Type, best.Has)
}
