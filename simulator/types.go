package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// fleetType is an instance type as a simulation has it.
type fleetType struct {
	name string
	// shown is the type's own name, which several may share.
	shown string
	has   batch.Resources
	usd   float64 // an hour, in the policy's market; of two, in the one that asks less
	// onDemandUSD and spotUSD are the prices where both markets are open; else both are usd.
	onDemandUSD, spotUSD float64
	boot                 time.Duration // 0: the policy's
}

// fleetTypes are the types that may be launched.
type fleetTypes struct {
	list    []fleetType // what the engine is offered
	byName  map[string]int
	real    []fleetType // the types that there really are
	catalog *catalog.Catalog
}

// needsOf returns what each job asks for as the market can give it, and what was changed.
// EC2 gives jobs of AWS Batch whole vCPUs, Fargate its fixed sizes.
func needsOf(w *workload.Workload, p *policy.Policy) (needs []batch.Resources, notes []string) {
	needs = make([]batch.Resources, len(w.Jobs))
	changed := 0
	for i := range w.Jobs {
		need := w.Jobs[i].Need
		if p.Market == policy.Fargate {
			if milli, mib, ok := catalog.FargateRoundUp(int(need.MilliVCPU), int(need.MemoryMiB)); ok {
				need.MilliVCPU, need.MemoryMiB = int64(milli), int64(mib)
			}
		} else {
			need.MilliVCPU = (need.MilliVCPU + 999) / 1000 * 1000
			need.MemoryMiB = max(need.MemoryMiB, leastMiB)
			if size, ok := fargateSize(p, need); ok {
				need = size
			}
		}
		if need != w.Jobs[i].Need {
			changed++
		}
		needs[i] = need
	}
	if changed > 0 && p.Market == policy.Fargate {
		notes = append(notes, fmt.Sprintf("%d jobs take the next larger size that Fargate has", changed))
	} else if changed > 0 && p.Environments != "" {
		notes = append(notes, fmt.Sprintf("%d jobs take the next whole vCPU, or the memory that Fargate has for theirs", changed))
	} else if changed > 0 {
		notes = append(notes, fmt.Sprintf("%d jobs ask for a fraction of a vCPU (or under %d MiB) and take the next whole one: AWS Batch gives no fractions on EC2", changed, leastMiB))
	}
	return needs, notes
}

// fargateSize is the size of Fargate, with as many vCPUs, that holds a need; false where
// there is none or the policy has no Fargate beside hosts.
func fargateSize(p *policy.Policy, need batch.Resources) (batch.Resources, bool) {
	milli, mib, ok := catalog.FargateRoundUp(int(need.MilliVCPU), int(need.MemoryMiB))
	if p.Environments == "" || !ok || need.GPUs > 0 || int64(milli) != need.MilliVCPU {
		return need, false
	}
	need.MemoryMiB = int64(mib)
	return need, true
}

// leastMiB is the least memory that AWS Batch takes on EC2.
const leastMiB = 4

// maxCutTypes bounds the types that are cut to the needs of jobs.
const maxCutTypes = 2000

// UnfitError is a job that no type holds.
type UnfitError struct {
	Job    string
	Need   batch.Resources
	Reason string
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("job %q needs %s, and %s; add a larger type to the policy, or take the job out", e.Job, e.Need, e.Reason)
}

// newFleetTypes makes the types of a policy. A job that none of them holds is an error.
func newFleetTypes(p *policy.Policy, w *workload.Workload, needs []batch.Resources) (fleetTypes, error) {
	f := fleetTypes{byName: map[string]int{}}
	if p.Market == policy.Fargate {
		f.catalog = catalog.Default()
		for i, need := range needs {
			_, _, ok := catalog.FargateRoundUp(int(need.MilliVCPU), int(need.MemoryMiB))
			if !ok || need.GPUs > 0 {
				return f, &UnfitError{w.Jobs[i].ID, need, "Fargate has no such size"}
			}
		}
		return f, nil
	}
	var entries []catalog.Type
	for i := range p.Types {
		t := p.Types[i].Type
		if p.Advertised {
			t.ECSMemoryMiB = t.MemoryMiB
		} else if t.ECSMemoryMiB == 0 {
			t.ECSMemoryMiB = catalog.ECSMemory(t.VCPUs, t.MemoryMiB)
		}
		usd := p.USDPerHour(&p.Types[i])
		onDemand, spot := usd, usd
		if p.Market == policy.Cheapest {
			onDemand, spot = t.OnDemandUSDPerHour, p.SpotUSDPerHour(&p.Types[i])
		}
		t.OnDemandUSDPerHour = onDemand
		entries = append(entries, t)
		f.real = append(f.real, fleetType{
			name: t.Name, shown: t.Name, usd: usd, onDemandUSD: onDemand, spotUSD: spot, boot: p.Types[i].Boot,
			has: batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB), GPUs: int64(t.GPUs)},
		})
	}
	if err := f.check(p, w, needs); err != nil {
		return f, err
	}
	f.list = f.real
	if p.Strategy == policy.OnePerJob {
		if distinct := distinctNeeds(needs); len(distinct) <= maxCutTypes {
			f.list, entries = cut(f.real, entries, distinct)
		}
	}
	for i := range f.list {
		f.byName[f.list[i].name] = i
	}
	var err error
	f.catalog, err = catalog.New(entries)
	return f, err
}

// in is what a host costs an hour in a market.
func (t *fleetType) in(spot bool) float64 {
	if spot {
		return t.spotUSD
	}
	return t.onDemandUSD
}

// market is what the engine is told of types and prices.
func (f *fleetTypes) market() catalog.Market {
	m := catalog.Market{Types: f.catalog, SpotUSDPerHour: make(map[string]float64, len(f.list))}
	for i := range f.list {
		m.SpotUSDPerHour[f.list[i].name] = f.list[i].spotUSD
	}
	return m
}

func distinctNeeds(needs []batch.Resources) []batch.Resources {
	seen := map[batch.Resources]bool{}
	var list []batch.Resources
	for _, need := range needs {
		if !seen[need] {
			seen[need] = true
			list = append(list, need)
		}
	}
	return list
}

// cut makes for each need the cheapest type that holds it, with just as much as it needs:
// so that a host made for one job has no room for another.
func cut(from []fleetType, entries []catalog.Type, needs []batch.Resources) ([]fleetType, []catalog.Type) {
	var list []fleetType
	var cuts []catalog.Type
	for i, need := range needs {
		at := cheapestFor(from, need)
		t, entry := from[at], entries[at]
		t.name += "-" + strconv.Itoa(i)
		t.has = need
		entry.Name = t.name
		entry.VCPUs, entry.MemoryMiB, entry.ECSMemoryMiB, entry.GPUs = int(need.MilliVCPU/1000), int(need.MemoryMiB), int(need.MemoryMiB), int(need.GPUs)
		list, cuts = append(list, t), append(cuts, entry)
	}
	return list, cuts
}

// cheapestFor returns the index of the cheapest type that holds a need, -1 for none.
func cheapestFor(list []fleetType, need batch.Resources) int {
	best := -1
	for i := range list {
		if need.Fits(list[i].has) && (best < 0 || list[i].usd < list[best].usd) {
			best = i
		}
	}
	return best
}

// check fails for the first job that no type holds, or none under max_vcpus.
func (f *fleetTypes) check(p *policy.Policy, w *workload.Workload, needs []batch.Resources) error {
	known := map[batch.Resources]bool{}
	for i, need := range needs {
		if known[need] {
			continue
		}
		known[need] = true
		fits := slices.ContainsFunc(f.real, func(t fleetType) bool { return need.Fits(t.has) })
		under := slices.ContainsFunc(f.real, func(t fleetType) bool {
			return need.Fits(t.has) && t.has.MilliVCPU <= int64(p.MaxVCPUs)*1000
		})
		switch {
		case !fits:
			return &UnfitError{w.Jobs[i].ID, need, "no type holds it: " + nearest(f.real, need)}
		case !under:
			return &UnfitError{w.Jobs[i].ID, need, fmt.Sprintf("each type that holds it has more vCPUs than max_vcpus %d", p.MaxVCPUs)}
		}
	}
	return nil
}

// nearest names the type that lacks the least of a need.
func nearest(list []fleetType, need batch.Resources) string {
	lacks := func(t fleetType) float64 {
		worst := 1.0
		for _, r := range [...][2]int64{{need.MilliVCPU, t.has.MilliVCPU}, {need.MemoryMiB, t.has.MemoryMiB}, {need.GPUs, t.has.GPUs}} {
			if r[0] > r[1] {
				worst = max(worst, float64(r[0])/max(0.5, float64(r[1])))
			}
		}
		return worst
	}
	best := slices.MinFunc(list, func(a, b fleetType) int {
		return cmp.Or(cmp.Compare(lacks(a), lacks(b)), cmp.Compare(a.usd, b.usd), strings.Compare(a.name, b.name))
	})
	return fmt.Sprintf("the nearest is %s with %s", best.name, best.has)
}
