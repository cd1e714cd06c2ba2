package scheduler

import (
	"fmt"
	"slices"

	"github.com/packhorse-batch/packhorse/batch"
)

// envState is an environment as the plan fills it.
type envState struct {
	Environment
	hosts []Host // with Free going down
	used  batch.Resources
	// held is how much of maxvCpus fair share keeps for shares to come.
	held int64
	// kept is the host reserved for a job that waits, by index; -1 for none.
	kept    int
	keptFor string
	// full remembers needs that found no host: room only shrinks within a plan.
	full map[fit]struct{}
}

// fit is what decides whether a host can take a job.
type fit struct {
	need batch.Resources
	arch string
}

func newEnvState(e Environment) *envState {
	s := &envState{Environment: e, hosts: slices.Clone(e.Hosts), used: e.Used, kept: -1, full: map[fit]struct{}{}}
	for _, h := range e.Hosts {
		s.used = s.used.Add(h.Has.Sub(h.Free))
	}
	return s
}

// reserve keeps a fraction of maxvCpus free.
func (e *envState) reserve(fraction float64) {
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
func archFits(j Job, arch string) bool {
	return j.Arch == "" || archOf(arch) == j.Arch
}

// couldHold reports whether some host of e, there or to come, could hold the job
// when empty.
func (e *envState) couldHold(j Job) bool {
	if e.Platform == batch.PlatformFargate {
		return j.Need.MilliVCPU <= e.MaxMilliVCPU
	}
	if e.Grows && slices.ContainsFunc(e.Shapes, func(s Shape) bool { return j.Need.Fits(s.Has) && archFits(j, s.Arch) }) {
		return true
	}
	return slices.ContainsFunc(e.hosts, func(h Host) bool { return j.Need.Fits(h.Has) && archFits(j, h.Arch) })
}

// possible reports whether e will ever take the job.
func (e *envState) possible(j Job) bool {
	return e.Usable && e.Platform == j.Platform && (!e.Grows || j.Need.MilliVCPU <= e.MaxMilliVCPU) && e.couldHold(j)
}

// take finds the fullest host that fits, and takes the room. On Fargate there is no
// host, only maxvCpus.
func (e *envState) take(j Job) (host string, ok bool) {
	if !e.Usable || e.Platform != j.Platform {
		return "", false
	}
	if e.held > 0 && e.used.MilliVCPU+j.Need.MilliVCPU > e.MaxMilliVCPU-e.held {
		return "", false
	}
	if e.Platform == batch.PlatformFargate {
		if e.used.MilliVCPU+j.Need.MilliVCPU > e.MaxMilliVCPU {
			return "", false
		}
		e.used = e.used.Add(j.Need)
		return "", true
	}
	key := fit{j.Need, j.Arch}
	if _, known := e.full[key]; known {
		return "", false
	}
	best := -1
	for i := range e.hosts {
		h := &e.hosts[i]
		if (i == e.kept && e.keptFor != j.ID) || !j.Need.Fits(h.Free) || !archFits(j, h.Arch) {
			continue
		}
		if best < 0 || fuller(h, &e.hosts[best]) {
			best = i
		}
	}
	if best < 0 {
		e.full[key] = struct{}{}
		return "", false
	}
	e.hosts[best].Free = e.hosts[best].Free.Sub(j.Need)
	e.used = e.used.Add(j.Need)
	return e.hosts[best].ID, true
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

// headroom is how many thousandths of a vCPU may still be added under maxvCpus.
func (e *envState) headroom() int64 {
	if !e.Grows {
		return 0
	}
	if e.Platform == batch.PlatformFargate {
		return e.MaxMilliVCPU - e.used.MilliVCPU
	}
	left := e.MaxMilliVCPU
	for _, h := range e.hosts {
		left -= h.Has.MilliVCPU
	}
	return left
}

// keepFor reserves for the job the host that lacks the least, unless one is
// reserved already.
func (e *envState) keepFor(j Job) {
	if e.kept >= 0 {
		return
	}
	for i := range e.hosts {
		h := &e.hosts[i]
		if !j.Need.Fits(h.Has) || !archFits(j, h.Arch) {
			continue
		}
		if e.kept < 0 || h.Free.MilliVCPU > e.hosts[e.kept].Free.MilliVCPU {
			e.kept, e.keptFor = i, j.ID
		}
	}
}

// shortage says with numbers what a job waits for in e.
func (e *envState) shortage(j Job) string {
	if e.Platform == batch.PlatformFargate {
		return fmt.Sprintf("Waiting for capacity: needs %s; environment %s uses %s of %s vCPU.",
			j.Need, e.Name, e.used.VCPUs(), batch.FormatVCPU(e.MaxMilliVCPU))
	}
	var most batch.Resources
	for _, h := range e.hosts {
		if h.Free.MilliVCPU > most.MilliVCPU || h.Free.MilliVCPU == most.MilliVCPU && h.Free.MemoryMiB > most.MemoryMiB {
			most = h.Free
		}
	}
	text := fmt.Sprintf("Waiting for a host: needs %s; environment %s has %d hosts", j.Need, e.Name, len(e.hosts))
	if len(e.hosts) > 0 {
		text += fmt.Sprintf(", the emptiest with %s free", most)
	}
	if e.Booting > 0 {
		text += fmt.Sprintf(", %d booting", e.Booting)
	}
	if e.held > 0 {
		text += fmt.Sprintf(", %s vCPU reserved for new shares", batch.FormatVCPU(e.held))
	}
	if e.Grows {
		text += fmt.Sprintf("; %s of %s maxvCpus taken", batch.FormatVCPU(e.MaxMilliVCPU-e.headroom()), batch.FormatVCPU(e.MaxMilliVCPU))
	}
	return text + "."
}

// largest says what the biggest host of e is, for a job that fits none.
func (e *envState) largest(j Job) string {
	var best *Shape
	shapes := e.Shapes
	if !e.Grows {
		shapes = nil
		for _, h := range e.hosts {
			shapes = append(shapes, Shape{h.Type, h.Has, h.Arch})
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
