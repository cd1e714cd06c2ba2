package simulator

import (
	"math"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// books keep what happens in a simulation: for each job a few numbers, for each host what
// it cost and who used it, and sums over time.
type books struct {
	w      *workload.Workload
	policy *policy.Policy
	types  fleetTypes

	jobs    []jobBook
	waiters [][]int32 // by job: those that wait for it; nil where nothing depends
	hosts   []hostBook

	queueNames []string
	queueOf    map[string]int
	queueUSD   []float64
	series     *series
	notes      []string

	ended, failed   int
	running         int           // jobs that have a task
	up              int           // hosts
	lastChange      time.Duration // when a task last started or ended
	lastEnd         time.Duration
	usd, unusedUSD  float64
	fargate         TypeUse // tasks without a host
	lost            int     // attempts
	lostVCPUSeconds float64
	lostUSD         float64
	interrupted     int // hosts

	throttledLaunches, throttledTasks int
}

// jobBook is what is known of a job.
type jobBook struct {
	need batch.Resources
	// ready is when it could have started first: on its arrival, or when the last job
	// that it waits for had ended. start is when its container first ran.
	ready, start, end time.Duration
	accepted          time.Duration // of the present task, by compute
	unmet             int16         // jobs that it still waits for
	losses            uint8         // attempts lost with their host
	started, ended    bool
	failed            bool
	lives             bool // it has a task
	queue             int32
}

// hostBook is what is known of a host.
type hostBook struct {
	kind                  int // index of its type; -1 for a task on Fargate
	launched, ready, gone time.Duration
	isReady, isGone       bool
	interrupted           bool
	spot                  bool
	usd                   float64
	attempts              int
	// used is how long the host was used, each attempt weighed by its largest share of
	// what the host has; byQueue parts it.
	used    float64
	byQueue []float64
}

func newBooks(w *workload.Workload, p *policy.Policy, types fleetTypes, needs []batch.Resources) *books {
	b := &books{
		w: w, policy: p, types: types, jobs: make([]jobBook, len(w.Jobs)), queueOf: map[string]int{},
		queueNames: w.Queues(), series: newSeries(),
	}
	for i, q := range b.queueNames {
		b.queueOf[q] = i
	}
	b.queueUSD = make([]float64, len(b.queueNames))
	for i := range w.Jobs {
		b.jobs[i].need, b.jobs[i].queue = needs[i], int32(b.queueOf[w.Jobs[i].Queue])
		for _, on := range w.Jobs[i].After {
			if b.waiters == nil {
				b.waiters = make([][]int32, len(w.Jobs))
			}
			b.waiters[on] = append(b.waiters[on], int32(i))
		}
	}
	return b
}

// arrive notes that a job is submitted now; false for one that need not be, because a
// job that it waits for has failed.
func (b *books) arrive(at time.Duration, i int) bool {
	j := &b.jobs[i]
	if j.ended {
		return false
	}
	for _, on := range b.w.Jobs[i].After {
		if !b.jobs[on].ended {
			j.unmet++
		}
	}
	if j.unmet == 0 {
		b.becomesReady(at, j)
	}
	return true
}

func (b *books) becomesReady(at time.Duration, j *jobBook) {
	j.ready = at
	b.series.add(at, level{waiting: vcpus(j.need)})
}

func vcpus(r batch.Resources) float64 { return float64(r.MilliVCPU) / 1000 }

// launch notes a host that was asked for.
func (b *books) launch(at time.Duration, h compute.Host) {
	n, ok := numberOf(hostPrefix, h.ID)
	if !ok || h.State == compute.HostGone || n <= len(b.hosts) && b.hosts[n-1].launchedAlready() {
		return
	}
	for len(b.hosts) < n {
		b.hosts = append(b.hosts, hostBook{kind: noType})
	}
	kind := b.types.byName[h.Type]
	b.hosts[n-1] = hostBook{kind: kind, spot: h.Market == compute.Spot, launched: at, byQueue: make([]float64, len(b.queueNames))}
	b.up++
	b.series.add(at, b.hostLevel(&b.hosts[n-1]))
}

// noType is the kind of a host whose launch came to nothing.
const noType = -2

func (h *hostBook) launchedAlready() bool { return h.kind != noType }

// hostLevel is what a host adds.
func (b *books) hostLevel(h *hostBook) level {
	t := &b.types.list[h.kind]
	return level{hosts: 1, usd: t.in(h.spot), vcpu: vcpus(t.has), mib: float64(t.has.MemoryMiB), gpu: float64(t.has.GPUs)}
}

// accept notes that compute has taken a task.
func (b *books) accept(at time.Duration, task compute.Task) {
	i, ok := numberOf(jobPrefix, task.JobID)
	if !ok || b.jobs[i].lives {
		return
	}
	j := &b.jobs[i]
	j.accepted, j.lives = at, true
	b.running++
	b.lastChange = at
	if task.Host == "" {
		rate := b.fargateUSDPerHour(j.need)
		b.series.add(at, level{hosts: 1, usd: rate, vcpu: vcpus(j.need), mib: float64(j.need.MemoryMiB)})
	}
}

func (b *books) fargateUSDPerHour(need batch.Resources) float64 {
	usd, err := catalog.FargateUSDPerHour(catalog.X86, int(need.MilliVCPU), int(need.MemoryMiB))
	if err != nil {
		panic(err) // it knows x86_64
	}
	return usd
}

// hear notes news. Tasks tell their own times; of hosts it is now.
func (b *books) hear(at time.Duration, news []compute.News) {
	for i := range news {
		switch n := &news[i]; {
		case n.Task != nil:
			b.hearTask(n.Task)
		case n.Host != nil:
			b.hearHost(at, n.Host)
		}
	}
}

func (b *books) hearTask(t *compute.TaskStatus) {
	i, ok := numberOf(jobPrefix, t.JobID)
	if !ok {
		return
	}
	j := &b.jobs[i]
	switch t.State {
	case compute.TaskRunning:
		at := t.StartedAt.Sub(epoch)
		if !j.started {
			j.started, j.start = true, at
		}
		b.lastChange = at
		b.series.add(at, using(j.need))
	case compute.TaskStopped:
		b.endTask(i, j, t)
	}
}

func using(need batch.Resources) level {
	return level{waiting: -vcpus(need), usedVCPU: vcpus(need), usedMiB: float64(need.MemoryMiB), usedGPU: float64(need.GPUs), tasks: 1}
}

// endTask notes the end of an attempt.
func (b *books) endTask(i int, j *jobBook, t *compute.TaskStatus) {
	at := t.StoppedAt.Sub(epoch)
	j.lives = false
	b.running--
	b.lastChange = at
	var ran time.Duration
	if !t.StartedAt.IsZero() {
		ran = t.StoppedAt.Sub(t.StartedAt)
		u := using(j.need)
		u.waiting = 0
		b.series.add(at, u.negative())
	}
	usd := b.charge(at, j, t, ran)
	switch t.StopCode {
	case compute.StopEssentialExited:
		b.endJob(at, i, false)
	default:
		b.lost++
		b.lostVCPUSeconds += ran.Seconds() * vcpus(j.need)
		b.lostUSD += usd
		waiting := vcpus(j.need) // again
		if j.losses++; j.losses == maxAttempts {
			b.endJob(at, i, true)
			waiting = 0
		}
		if t.StartedAt.IsZero() {
			waiting -= vcpus(j.need) // it never ceased to wait
		}
		b.series.add(at, level{waiting: waiting})
	}
}

// charge notes which part of a host an attempt used, and returns what that part costs.
func (b *books) charge(at time.Duration, j *jobBook, t *compute.TaskStatus, ran time.Duration) (usd float64) {
	if t.Host == "" {
		rate := b.fargateUSDPerHour(j.need)
		hours := b.billed(at - j.accepted).Hours()
		usd = rate * hours
		b.usd += usd
		b.fargate = TypeUse{Type: "Fargate", Hosts: b.fargate.Hosts + 1, Hours: b.fargate.Hours + hours, USD: b.fargate.USD + usd}
		b.queueUSD[j.queue] += usd
		b.series.add(at, level{hosts: -1, usd: -rate, vcpu: -vcpus(j.need), mib: -float64(j.need.MemoryMiB)})
		return usd
	}
	n, ok := numberOf(hostPrefix, t.Host)
	if !ok || n > len(b.hosts) {
		return 0
	}
	h := &b.hosts[n-1]
	kind := &b.types.list[h.kind]
	used := ran.Seconds() * largestShare(j.need, kind.has)
	h.used += used
	h.byQueue[j.queue] += used
	h.attempts++
	return used / 3600 * kind.in(h.spot)
}

// largestShare is the largest part of what a host has that a job takes.
func largestShare(need, has batch.Resources) float64 {
	share := 0.0
	for _, r := range [...][2]int64{{need.MilliVCPU, has.MilliVCPU}, {need.MemoryMiB, has.MemoryMiB}, {need.GPUs, has.GPUs}} {
		if r[1] > 0 {
			share = max(share, float64(r[0])/float64(r[1]))
		}
	}
	return share
}

// billed is how long a host is billed that was up for so long: by the second, and for a
// minimum.
func (b *books) billed(up time.Duration) time.Duration {
	return max(b.policy.Minimum, time.Duration(math.Ceil(up.Seconds()-1e-9))*time.Second)
}

// endJob notes that a job is over.
func (b *books) endJob(at time.Duration, i int, failed bool) {
	j := &b.jobs[i]
	j.ended, j.failed, j.end = true, failed, at
	b.ended++
	b.lastEnd = max(b.lastEnd, at)
	if failed {
		b.failed++
	}
	if b.waiters == nil {
		return
	}
	for _, k := range b.waiters[i] {
		waiter := &b.jobs[k]
		switch {
		case waiter.ended:
		case failed:
			b.endJob(at, int(k), true) // AWS Batch fails it too
		case waiter.unmet > 0:
			if waiter.unmet--; waiter.unmet == 0 {
				b.becomesReady(at, waiter)
			}
		}
	}
}

// hearHost notes what becomes of a host.
func (b *books) hearHost(at time.Duration, told *compute.Host) {
	n, ok := numberOf(hostPrefix, told.ID)
	if !ok || n > len(b.hosts) || b.hosts[n-1].isGone {
		return
	}
	h := &b.hosts[n-1]
	switch told.State {
	case compute.HostReady:
		h.isReady, h.ready = true, told.ReadyAt.Sub(epoch)
	case compute.HostDraining: // only Spot's notice tells so
		b.interrupt(h)
	case compute.HostGone:
		h.isGone, h.gone = true, at
		if told.Reason != terminated {
			b.interrupt(h)
		}
		b.up--
		b.series.add(at, b.hostLevel(h).negative())
		b.bill(h)
	}
}

// interrupt notes that Spot takes a host away, with or without a notice before.
func (b *books) interrupt(h *hostBook) {
	if !h.interrupted {
		h.interrupted = true
		b.interrupted++
	}
}

// terminated is why a host is gone that the engine has ended; see package sim.
const terminated = "terminated on request"

// bill adds up a host that is gone. Its cost is the queues' in the proportion in which
// they used it.
func (b *books) bill(h *hostBook) {
	h.usd = b.types.list[h.kind].in(h.spot) * b.billed(h.gone-h.launched).Hours()
	b.usd += h.usd
	if h.used <= 0 {
		b.unusedUSD += h.usd
		return
	}
	for q, used := range h.byQueue {
		b.queueUSD[q] += h.usd * used / h.used
	}
}
