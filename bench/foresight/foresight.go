package foresight

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Job is a job of a workload.
type Job struct {
	Arrival  time.Duration // from the beginning of the workload
	Duration time.Duration
	Need     batch.Resources
}

// Type is a type of hosts.
type Type struct {
	Has        batch.Resources
	USDPerHour float64
}

// Rules are what a plan is held to.
type Rules struct {
	// Boot is what each host is paid for before its first job begins. Hosts are ordered so
	// early that no job waits for it.
	Boot time.Duration
	// Late is how much later than it arrives a job may begin, as a part of its run time.
	Late float64
}

const (
	// worthKeeping is up to which part of what its own host would cost a job is put onto a
	// host that has to be kept up longer for it. On the workloads of docs/benchmarks.md
	// the cost is the same within half a percent from 0.5 to 1.
	worthKeeping = 0.7
	// dearest is up to how many times what its own host would cost an hour hosts are looked
	// at for a job.
	dearest = 40
	// rounds is how often the jobs are gone through for a host: those that are taken late
	// make it worth while for others.
	rounds = 2
)

// USD is what the hosts for all jobs cost, in US dollars, billed by the second. It fails
// when no type holds a job.
//
// The jobs that would cost most alone come first. Such a job gets the type of host that
// costs the least in proportion to what all the jobs would cost alone that it then takes:
// those that it has room for from their first to their last second.
func USD(jobs []Job, types []Type, rules Rules) (float64, error) {
	p := plan{Rules: rules, types: worthy(types)}
	for _, j := range jobs {
		own := math.Inf(1)
		for _, t := range p.types {
			if j.Need.Fits(t.Has) {
				own = min(own, t.USDPerHour)
			}
		}
		if math.IsInf(own, 1) {
			return 0, errors.New("no type holds " + j.Need.String())
		}
		p.left = append(p.left, item{Job: j, own: own, alone: own * (rules.Boot + j.Duration).Hours()})
	}
	slices.SortStableFunc(p.left, func(a, b item) int { return cmp.Compare(b.alone, a.alone) })
	usd := 0.0
	for len(p.left) > 0 {
		best := p.host()
		usd += best.usd(rules.Boot)
		p.left = without(p.left, best.taken)
	}
	return usd, nil
}

// worthy leaves types out that another one beats.
func worthy(types []Type) []Type {
	var kept []Type
	beaten := func(t, by Type) bool { return t.Has.Fits(by.Has) && by.USDPerHour <= t.USDPerHour }
	for _, t := range types {
		if !slices.ContainsFunc(kept, func(k Type) bool { return beaten(t, k) }) {
			kept = append(slices.DeleteFunc(kept, func(k Type) bool { return beaten(k, t) }), t)
		}
	}
	return kept
}

// plan is a plan that is being made.
type plan struct {
	Rules
	types []Type
	left  []item // jobs without a host, the dearest first
}

// item is a job, with what its own host costs an hour, and for all of it, boot and all.
type item struct {
	Job
	own, alone float64
}

// host is a host with its jobs.
type host struct {
	usage
	usdPerHour float64
	from, till time.Duration
	taken      []int // of what was left, in order
	alone      float64
}

// usd is what the host costs.
func (h *host) usd(boot time.Duration) float64 {
	return h.usdPerHour * (boot + h.till - h.from).Hours()
}

// host returns the best host for the first job that is left.
func (p *plan) host() *host {
	var best *host
	least, first := math.Inf(1), &p.left[0]
	for _, t := range p.types {
		if !first.Need.Fits(t.Has) || t.USDPerHour > dearest*first.own {
			continue
		}
		h := p.filled(t)
		if ratio := h.usd(p.Boot) / h.alone; ratio < least {
			best, least = h, ratio
		}
	}
	return best
}

// filled is a host of a type with the first job that is left, and those that go with it.
func (p *plan) filled(t Type) *host {
	first := &p.left[0]
	h := &host{usage: usage{has: t.Has}, usdPerHour: t.USDPerHour, from: first.Arrival, till: first.Arrival + first.Duration}
	h.put(0, first, first.Arrival)
	has := make([]bool, len(p.left))
	for range rounds {
		for i := 1; i < len(p.left); i++ {
			if !has[i] {
				has[i] = p.join(h, i)
			}
		}
	}
	slices.Sort(h.taken)
	return h
}

// join puts a job onto a host if there is room, and it need not be kept up longer for it
// than pays.
func (p *plan) join(h *host, i int) bool {
	j := &p.left[i]
	for _, late := range [...]float64{0, 0.25, 0.5, 1} {
		if late > 0 && p.Late == 0 {
			break
		}
		begin := j.Arrival + time.Duration(late*p.Late*float64(j.Duration))
		end := begin + j.Duration
		if begin > h.till || end < h.from {
			continue
		}
		longer := max(0, end-h.till) + max(0, h.from-begin)
		if h.usdPerHour*longer.Hours() <= worthKeeping*j.alone && h.holds(j.Need, begin, end) {
			h.put(i, j, begin)
			return true
		}
	}
	return false
}

func (h *host) put(i int, j *item, begin time.Duration) {
	end := begin + j.Duration
	h.take(j.Need, begin, end)
	h.from, h.till = min(h.from, begin), max(h.till, end)
	h.taken = append(h.taken, i)
	h.alone += j.alone
}

// without leaves items out by their index, which are in order.
func without(items []item, indexes []int) []item {
	left := make([]item, 0, len(items)-len(indexes))
	for i := range items {
		if len(indexes) > 0 && indexes[0] == i {
			indexes = indexes[1:]
			continue
		}
		left = append(left, items[i])
	}
	return left
}
