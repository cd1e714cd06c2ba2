package provisioner

import (
	"cmp"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Make plans one environment as of now.
func Make(e Environment, now time.Time) Plan {
	var p Plan
	groups := unmet(e)
	if e.Active && !e.Ending {
		grow(e, groups, now, &p)
	}
	shrink(e, inTheWay(e, groups), now, &p)
	return p
}

// unmet returns the demand that hosts on their way will not take, largest first.
func unmet(e Environment) []Demand {
	groups := slices.Clone(e.Demand)
	slices.SortStableFunc(groups, func(a, b Demand) int { return cmp.Compare(size(b.Need), size(a.Need)) })
	for i := range e.Hosts {
		if e.Hosts[i].State == Booting {
			e.cover(groups, &e.Hosts[i])
		}
	}
	return slices.DeleteFunc(groups, func(g Demand) bool { return g.Count == 0 })
}

// cover takes from groups what a host on its way will take: the jobs that it is meant for,
// and others as the scheduler would give them to it.
func (e *Environment) cover(groups []Demand, h *Host) {
	if len(h.Meant) == 0 {
		fill(groups, h.Has, h.Arch)
		return
	}
	room, busy := h.Has, time.Duration(0)
	take := func(g *Demand, n int) {
		g.Count -= n
		for range n {
			busy += g.Runs.Beyond(busy)
			room = room.Sub(g.Need)
		}
	}
	for _, m := range h.Meant {
		for i := range groups {
			if g := &groups[i]; g.Need == m.Need && archFits(g.Arch, h.Arch) {
				n := min(m.Count, g.Count)
				m.Count -= n
				take(g, n)
			}
		}
	}
	for i := range groups {
		g := &groups[i]
		for g.Count > 0 && g.Need.Fits(room) && archFits(g.Arch, h.Arch) &&
			h.USDPerHour*g.Runs.Beyond(busy).Hours() <= e.alone(*g) {
			take(g, 1)
		}
	}
}

// memoryPerVCPU weighs memory against vCPUs where jobs are ordered by size: the
// 4 GiB per vCPU of the general-purpose families.
const memoryPerVCPU = 4096

// gpuWeight makes jobs with GPUs come first: they fit the fewest hosts.
const gpuWeight = 1000

// size orders jobs; larger ones are placed first.
func size(r batch.Resources) float64 {
	return max(float64(r.MilliVCPU)/1000, float64(r.MemoryMiB)/memoryPerVCPU) + gpuWeight*float64(r.GPUs)
}

func archFits(want, has string) bool {
	if has == "" {
		has = "x86_64"
	}
	return want == "" || want == has
}

// fill takes from groups, in their order, what fits into room; it returns how many
// of each.
func fill(groups []Demand, room batch.Resources, arch string) []int {
	taken := pattern(groups, room, arch)
	for i, n := range taken {
		groups[i].Count -= n
	}
	return taken
}

// pattern is what one host of a size takes of groups.
func pattern(groups []Demand, room batch.Resources, arch string) []int {
	taken := make([]int, len(groups))
	for i, g := range groups {
		if !archFits(g.Arch, arch) {
			continue
		}
		n := g.Count
		for _, bound := range [][2]int64{
			{room.MilliVCPU, g.Need.MilliVCPU}, {room.MemoryMiB, g.Need.MemoryMiB}, {room.GPUs, g.Need.GPUs},
		} {
			if bound[1] > 0 {
				n = min(n, int(bound[0]/bound[1]))
			}
		}
		taken[i] = n
		room.MilliVCPU -= int64(n) * g.Need.MilliVCPU
		room.MemoryMiB -= int64(n) * g.Need.MemoryMiB
		room.GPUs -= int64(n) * g.Need.GPUs
	}
	return taken
}

// outdated reports whether a host is of a make that an update replaced.
func outdated(e *Environment, h *Host) bool {
	return !e.ReplaceBefore.IsZero() && h.CreatedAt.Before(e.ReplaceBefore)
}

// overdue reports whether a host should have been ready long ago.
func overdue(e *Environment, h *Host, now time.Time) bool {
	return h.State == Booting && e.BootWindow > 0 && !now.Before(h.CreatedAt.Add(e.BootWindow))
}

// leaving reports whether a host goes or is about to go.
func leaving(e *Environment, h *Host, now time.Time) bool {
	return h.State == Draining || outdated(e, h) || overdue(e, h, now)
}
