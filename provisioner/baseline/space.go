package baseline

import (
	"cmp"
	"slices"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

// space is where waiting jobs may go: hosts that boot, and those that a plan adds.
type space struct {
	rooms []room
	// after is, for each need, the first room that may still hold it: rooms only fill.
	after map[need]int
	// headroom is how many thousandths of a vCPU may be added.
	headroom int64
	launches []provisioner.Launch
}

type room struct {
	free batch.Resources
	arch string
}

// need is what decides where a job fits.
type need struct {
	batch.Resources
	arch string
}

func newSpace(e provisioner.Environment) *space {
	s := &space{after: map[need]int{}, headroom: e.MaxMilliVCPU}
	for _, h := range e.Hosts {
		s.headroom -= h.Has.MilliVCPU
		if h.State == provisioner.Booting {
			s.rooms = append(s.rooms, room{h.Has, h.Arch})
		}
	}
	return s
}

// place puts up to d.Count jobs into the first rooms that hold them, and returns how many
// are left.
func (s *space) place(d provisioner.Demand) int {
	key, left := need{d.Need, d.Arch}, d.Count
	at := s.after[key]
	for ; at < len(s.rooms) && left > 0; at++ {
		r := &s.rooms[at]
		if !archFits(d.Arch, r.arch) {
			continue
		}
		n := min(left, times(d.Need, r.free))
		r.free = r.free.Sub(multiple(d.Need, n))
		if left -= n; left == 0 {
			break // there may be room for more
		}
	}
	s.after[key] = at
	return left
}

// launch adds a host.
func (s *space) launch(o *provisioner.Offer) {
	s.headroom -= o.Has.MilliVCPU
	s.rooms = append(s.rooms, room{o.Has, o.Arch})
	if last := len(s.launches) - 1; last >= 0 && s.launches[last].Type == o.Type && s.launches[last].Spot == o.Spot {
		s.launches[last].Count++
		return
	}
	s.launches = append(s.launches, provisioner.Launch{Type: o.Type, Spot: o.Spot, Count: 1})
}

// times is how often a need fits into free.
func times(n, free batch.Resources) int {
	most := int64(1 << 30)
	for _, r := range [...][2]int64{{n.MilliVCPU, free.MilliVCPU}, {n.MemoryMiB, free.MemoryMiB}, {n.GPUs, free.GPUs}} {
		if r[0] > 0 {
			most = min(most, max(0, r[1])/r[0])
		}
	}
	return int(most)
}

func multiple(r batch.Resources, n int) batch.Resources {
	return batch.Resources{MilliVCPU: r.MilliVCPU * int64(n), MemoryMiB: r.MemoryMiB * int64(n), GPUs: r.GPUs * int64(n)}
}

// defaultArch is the architecture of hosts that do not say.
const defaultArch = "x86_64"

func archFits(want, has string) bool { return want == "" || want == cmp.Or(has, defaultArch) }

// holds reports whether a host of an offer can run the jobs of d and may be added.
func (s *space) holds(o *provisioner.Offer, d provisioner.Demand) bool {
	return o.Has.MilliVCPU <= s.headroom && d.Need.Fits(o.Has) && archFits(d.Arch, o.Arch)
}

// memoryPerVCPU weighs memory against vCPUs where jobs are ordered by size: the 4 GiB
// per vCPU of the general-purpose families.
const memoryPerVCPU = 4096

// gpuWeight makes jobs with GPUs come first: they fit the fewest hosts.
const gpuWeight = 1000

func size(r batch.Resources) float64 {
	return max(float64(r.MilliVCPU)/1000, float64(r.MemoryMiB)/memoryPerVCPU) + gpuWeight*float64(r.GPUs)
}

// decreasing returns what waits, the largest first.
func decreasing(demand []provisioner.Demand) []provisioner.Demand {
	sorted := slices.Clone(demand)
	slices.SortStableFunc(sorted, func(a, b provisioner.Demand) int {
		return cmp.Or(cmp.Compare(size(b.Need), size(a.Need)), cmp.Compare(b.Need.MemoryMiB, a.Need.MemoryMiB))
	})
	return sorted
}
