package scheduler

import (
	"github.com/packhorse-batch/packhorse/batch"
)

// holding is how an environment could hold a job.
type holding struct {
	// ever says that some host could, there or to come under maxvCpus.
	ever bool
	// least is the smallest shape under maxvCpus that could and is not short; nil if
	// there is none.
	least *Shape
	// above is the smallest shape that could if maxvCpus allowed it.
	above *Shape
	// short says that shapes could but are short, all of them.
	short bool
	// alone is what the cheapest shape costs that could and is not short, in dollars an
	// hour; 0 where no price is known. aloneUSD is what it costs for the job, boot and all.
	alone, aloneUSD float64
}

// fit is what decides whether a host can take a job.
type fit struct {
	need    batch.Resources
	arch    string
	runs    batch.RunTime
	onHosts bool
}

func fitOf(j *Job) fit { return fit{j.Need, j.Arch, j.Runs, j.OnHosts} }

// kinds numbers the jobs of a plan: those of one fit have one number, by which environments
// keep what they found out.
type kinds struct {
	numbers map[fit]int
	// asked is the fit that was asked for last: mostly it is asked for again at once.
	asked  fit
	number int
}

// of is the number of a job's kind.
func (k *kinds) of(j *Job) int {
	f := fitOf(j)
	if k.numbers == nil {
		k.numbers = map[fit]int{}
	} else if f == k.asked {
		return k.number
	}
	n, known := k.numbers[f]
	if !known {
		n = len(k.numbers)
		k.numbers[f] = n
	}
	k.asked, k.number = f, n
	return n
}

// findings are what an environment found out of a kind of jobs.
type findings struct {
	// holding is how it could hold them, once that is held.
	holding holding
	held    bool
	// full says that no host has room: it only shrinks within a plan. dear, that there was
	// room, but dearer than a host of their own.
	full, dear bool
	// demand is the place of their demand, from 1; 0 is none.
	demand int
	// coming is what they pay of a host that comes for them, once that is reckoned.
	coming   float64
	reckoned bool
	// said is why they wait, as of so many changes.
	said   string
	saidAt int
}

// found returns what was found out of the kind of a job, to be added to.
func (e *envState) found(j *Job) *findings {
	if missing := j.kind + 1 - len(e.kinds); missing > 0 {
		e.kinds = append(e.kinds, make([]findings, missing)...)
	}
	return &e.kinds[j.kind]
}
