package scheduler

import (
	"math"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Choice is where the jobs of a queue go that can run on Fargate and on hosts.
type Choice int

// The choices.
const (
	InOrder  Choice = iota // the first environment that can take the job: AWS Batch's rule
	Cheapest               // where it is expected to cost least
	Soonest                // where it is expected to start first
)

const (
	// leastBilled is the least time that Fargate and EC2 bill.
	leastBilled = time.Minute
	// fargateStart is how long a task on Fargate takes to start: its image is pulled each
	// time, and Fargate bills from then on. 30 to 90 s are reported.
	fargateStart = 45 * time.Second
	// unknownRun is what a job is taken for of which nothing is known.
	unknownRun = 30 * time.Minute
)

// chooses reports whether a job of a queue is to be chosen a place for.
func (q *Queue) chooses(j *Job) bool { return q.Choice != InOrder && j.OnHosts }

// runs reports whether an environment is of a platform that can run a job.
func (e *envState) runs(j *Job) bool {
	return e.Platform == j.Platform || j.OnHosts && e.Platform == batch.PlatformEC2
}

// hostsFirst orders environments for a job that waits: hosts are waited for, Fargate has
// room or has none.
func hostsFirst(envs []*envState) []*envState {
	var hosts, others []*envState
	for _, e := range envs {
		if e.Platform == batch.PlatformEC2 {
			hosts = append(hosts, e)
		} else {
			others = append(others, e)
		}
	}
	return append(hosts, others...)
}

// choose takes room for one job of a queue where it is expected to cost least, or to start
// first. It finds none where that is a host that is still to come. alike is how many equal
// jobs wait in the queue.
//
// Room on a host that runs costs what the host is kept up longer for; mostly nothing.
// Fargate costs its price for its start and the job's time, a minute at least. A host to come costs its
// price for its boot and until its last job ends, parted among the equal jobs that wait and
// that run, as far as it holds them: where many run, others follow them. So they share its
// boot too, as often as they would fill it.
func (p *planner) choose(q *Queue, envs []*envState, j *Job, alike int) (env, host string, ok bool) {
	own := *j
	j = &own
	fargate, onFargate := cheapestFargate(envs, j)
	if q.Choice == Soonest {
		j.anyRoom = true
	} else if fargate != nil {
		j.ceiling = onFargate
	}
	coming, soon := math.Inf(1), time.Duration(math.MaxInt64)
	for _, e := range envs {
		if e.Platform != batch.PlatformEC2 {
			continue
		}
		if host, ok := e.take(j); ok {
			return e.Name, host, true
		}
		if e.possible(j) && e.room(j) > 0 {
			coming, soon = min(coming, e.coming(j, alike)), min(soon, e.Boot)
		}
	}
	onHost := coming < onFargate
	if q.Choice == Soonest {
		onHost = soon < fargateStart
	}
	if fargate == nil || onHost {
		return "", "", false
	}
	host, ok = fargate.take(j)
	return fargate.Name, host, ok
}

// cheapestFargate is the environment on Fargate with room for a job where it costs least,
// and how much; nil if there is none.
func cheapestFargate(envs []*envState, j *Job) (best *envState, usd float64) {
	usd = math.Inf(1)
	for _, e := range envs {
		if e.Platform != batch.PlatformFargate || !e.possible(j) || e.room(j) == 0 || e.reserved(j) {
			continue
		}
		if costs := e.onFargate(j); best == nil || costs < usd {
			best, usd = e, costs
		}
	}
	return best, usd
}

// onFargate is what a job costs in an environment on Fargate; without end where nobody
// knows.
func (e *envState) onFargate(j *Job) float64 {
	if j.FargateUSDPerHour <= 0 {
		return math.Inf(1)
	}
	return j.FargateUSDPerHour * e.priceFactor() * max(leastBilled, fargateStart+j.expected().Mean).Hours()
}

// priceFactor is what an environment on Fargate asks of the On-Demand price.
func (e *envState) priceFactor() float64 {
	if e.PriceFactor > 0 {
		return e.PriceFactor
	}
	return 1
}

// expected is how long a job is expected to run, if only by a guess.
func (j *Job) expected() batch.RunTime {
	if j.Runs.Known() {
		return j.Runs
	}
	return batch.RunTime{Mean: unknownRun}
}

// coming is what a job pays of the cheapest host that may be added for it, when it comes for
// this one alone, or for as many of alike equal jobs that wait and those that run as it
// holds.
func (e *envState) coming(j *Job, alike int) float64 {
	k := e.found(j)
	if k.reckoned {
		return k.coming
	}
	least := math.Inf(1)
	runs := j.expected()
	for i := range e.Shapes {
		s := &e.Shapes[i]
		if s.Short || s.USDPerHour <= 0 || !j.Need.Fits(s.Has) || !archFits(j, s.Arch) || s.Has.MilliVCPU > e.growth() {
			continue
		}
		again := float64(runs.OnSpot(s.Interruptions, e.Boot)) / float64(runs.Mean)
		var busy time.Duration
		for n := 1; n <= alike+j.Running && multiple(j.Need, n).Fits(s.Has); n++ {
			busy += runs.Beyond(busy)
			fills := 1 + float64(j.Running)/float64(n)
			up := max(leastBilled.Hours(), e.Boot.Hours()+busy.Hours()*again*fills)
			least = min(least, s.USDPerHour*up/float64(n)/fills)
		}
	}
	k.coming, k.reckoned = least, true
	return least
}

func multiple(r batch.Resources, n int) batch.Resources {
	return batch.Resources{MilliVCPU: r.MilliVCPU * int64(n), MemoryMiB: r.MemoryMiB * int64(n), GPUs: r.GPUs * int64(n)}
}

// alike counts the equal jobs that wait in a queue, by their kind. Where it does not choose,
// nobody asks.
func (p *planner) alike(q *Queue) map[int]int {
	if q.Choice == InOrder {
		return nil
	}
	counts := map[int]int{}
	for _, s := range q.Shares {
		for i := range s.Jobs {
			counts[p.kinds.of(&s.Jobs[i])] += s.Jobs[i].Count
		}
	}
	return counts
}
