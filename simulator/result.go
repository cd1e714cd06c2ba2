package simulator

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/simulator/policy"
)

// Result is what a simulation found. Its JSON is the answer of packhorse simulate -o json;
// times are seconds, money is US dollars.
type Result struct {
	Workload string `json:"workload"`
	Policy   string `json:"policy"`
	Strategy string `json:"strategy"`
	Market   string `json:"market"`
	Types    string `json:"types"` // where they are from
	Seed     uint64 `json:"seed"`

	Jobs      int     `json:"jobs"`
	Failed    int     `json:"failed"`      // lost with their host as often as AWS Batch tries again
	Simulated float64 `json:"simulated_s"` // until the last job had ended

	CostUSD       float64 `json:"cost_usd"`
	USDPerJob     float64 `json:"usd_per_job"`
	Bound         Bounded `json:"lower_bound"`
	CostToBound   float64 `json:"cost_to_bound"` // CostUSD by the bound
	OnePerJobUSD  float64 `json:"one_per_job_usd"`
	CostToOnePer  float64 `json:"cost_to_one_per_job"`
	UnusedHostUSD float64 `json:"unused_hosts_usd"` // of hosts on which nothing ever ran

	Utilisation Utilisation `json:"utilisation"`
	Wait        Spread      `json:"wait_s"`       // from when a job could start until its container runs
	Completion  Spread      `json:"completion_s"` // from its arrival to its end

	Hosts         int         `json:"hosts_launched"`
	PeakHosts     int         `json:"peak_hosts"`
	PeakVCPUs     float64     `json:"peak_vcpus"`
	PeakTasks     int         `json:"peak_running_jobs"`
	ByType        []TypeUse   `json:"by_type"`
	Queues        []QueueUse  `json:"queues"`
	Interruptions Interrupted `json:"interruptions"`
	Throttled     Throttled   `json:"throttled"`
	Notes         []string    `json:"notes"`

	Timeline Timeline `json:"timeline"`
	// Spans are the lives of the first hosts, for the report.
	Spans []HostSpan `json:"hosts"`
	// Waits are the waits at each percent, from the shortest to the longest.
	Waits []float64 `json:"wait_percentiles_s"`
}

// Bounded is a lower bound with the way it was found.
type Bounded struct {
	USD    float64 `json:"usd"`
	Method string  `json:"method"`
}

// Utilisation is how much of what hosts had, from launch to end, jobs used: 0 to 1.
type Utilisation struct {
	VCPU   float64 `json:"vcpu"`
	Memory float64 `json:"memory"`
	GPU    float64 `json:"gpu"`
}

// Spread is how values are spread.
type Spread struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// TypeUse is what hosts of a type came to, or tasks on Fargate.
type TypeUse struct {
	Type  string  `json:"type"`
	Hosts int     `json:"hosts"`
	Hours float64 `json:"hours"` // billed
	USD   float64 `json:"usd"`
}

// QueueUse is what a queue came to. A host's cost is parted by how much each queue used it.
type QueueUse struct {
	Queue     string  `json:"queue"`
	Jobs      int     `json:"jobs"`
	USD       float64 `json:"usd"`
	USDPerJob float64 `json:"usd_per_job"`
	Wait      Spread  `json:"wait_s"`
}

// Interrupted is what Spot took away.
type Interrupted struct {
	Hosts       int     `json:"hosts"`
	Attempts    int     `json:"attempts_lost"`
	VCPUHours   float64 `json:"wasted_vcpu_hours"` // that lost attempts had run
	USD         float64 `json:"wasted_usd"`        // their part of what their hosts cost
	JobsTouched int     `json:"jobs_touched"`
}

// Throttled is how often AWS's limits refused a call, which was made again later.
type Throttled struct {
	Launches int `json:"launches"`
	RunTask  int `json:"run_task"`
}

// Timeline is what there was over time, in parts of equal length.
type Timeline struct {
	StepSeconds  float64   `json:"step_s"`
	VCPUs        []float64 `json:"vcpus"`         // of hosts
	UsedVCPUs    []float64 `json:"used_vcpus"`    // by jobs that run
	WaitingVCPUs []float64 `json:"waiting_vcpus"` // of jobs that could run
	Hosts        []float64 `json:"hosts"`
	USDPerHour   []float64 `json:"usd_per_hour"`
}

// HostSpan is the life of a host.
type HostSpan struct {
	Type        string  `json:"type"`
	Launched    float64 `json:"launched_s"`
	Ready       float64 `json:"ready_s"` // 0: it never was
	Gone        float64 `json:"gone_s"`
	Used        float64 `json:"used"` // 0 to 1: of its largest resource, over its life
	Jobs        int     `json:"jobs"`
	Interrupted bool    `json:"interrupted"`
}

// maxSpans bounds the hosts that a result tells of one by one.
const maxSpans = 400

// result sums the books up.
func (r *run) result() *Result {
	b := r.books
	b.series.advance(r.at())
	total := b.series.total
	share := func(used, has float64) float64 {
		if has <= 0 {
			return 0
		}
		return used / has
	}
	out := &Result{
		Workload: r.Workload.Name, Policy: r.Policy.Title(), Strategy: r.Policy.Strategy, Market: string(r.Policy.Market),
		Types: r.Policy.TypesFrom, Seed: r.Policy.Seed,
		Jobs: len(b.jobs), Failed: b.failed, Simulated: b.lastEnd.Seconds(),
		CostUSD: b.usd, USDPerJob: b.usd / float64(len(b.jobs)), UnusedHostUSD: b.unusedUSD,
		Utilisation: Utilisation{
			VCPU: share(total.usedVCPU, total.vcpu), Memory: share(total.usedMiB, total.mib), GPU: share(total.usedGPU, total.gpu),
		},
		PeakHosts: int(b.series.peak.hosts), PeakVCPUs: b.series.peak.vcpu, PeakTasks: int(b.series.peak.tasks),
		Throttled: Throttled{b.throttledLaunches, b.throttledTasks},
		Notes:     slices.Concat(r.Workload.Notes, b.notes),
	}
	out.Bound = b.bound()
	out.OnePerJobUSD = b.onePerJob()
	out.CostToBound, out.CostToOnePer = share(out.CostUSD, out.Bound.USD), share(out.CostUSD, out.OnePerJobUSD)
	b.waits(out)
	b.hostsOf(out)
	out.Interruptions = Interrupted{Hosts: b.interrupted, Attempts: b.lost, VCPUHours: b.lostVCPUSeconds / 3600, USD: b.lostUSD}
	for i := range b.jobs {
		if b.jobs[i].losses > 0 {
			out.Interruptions.JobsTouched++
		}
	}
	out.Timeline = b.series.timeline()
	if out.Notes == nil {
		out.Notes = []string{}
	}
	return out
}

// waits fills in how long jobs waited and took.
func (b *books) waits(out *Result) {
	all, completions := make([]float64, 0, len(b.jobs)), make([]float64, 0, len(b.jobs))
	byQueue := make([][]float64, len(b.queueNames))
	counts := make([]int, len(b.queueNames))
	for i := range b.jobs {
		j := &b.jobs[i]
		counts[j.queue]++
		if !j.started {
			continue
		}
		wait := (j.start - j.ready).Seconds()
		all = append(all, wait)
		byQueue[j.queue] = append(byQueue[j.queue], wait)
		completions = append(completions, (j.end - b.w.Jobs[i].Arrival).Seconds())
	}
	out.Wait, out.Completion = spread(all), spread(completions)
	for percent := range 101 {
		out.Waits = append(out.Waits, quantile(all, float64(percent)/100))
	}
	out.Queues = make([]QueueUse, len(b.queueNames))
	for i, name := range b.queueNames {
		out.Queues[i] = QueueUse{
			Queue: name, Jobs: counts[i], USD: b.queueUSD[i], USDPerJob: b.queueUSD[i] / float64(max(1, counts[i])), Wait: spread(byQueue[i]),
		}
	}
}

// hostsOf fills in what is known of the hosts.
func (b *books) hostsOf(out *Result) {
	uses := map[string]*TypeUse{}
	for i := range b.hosts {
		h := &b.hosts[i]
		if !h.launchedAlready() {
			continue
		}
		out.Hosts++
		kind := &b.types.list[h.kind]
		name := kind.shown
		if h.spot && b.policy.Market == policy.Cheapest {
			name += " on Spot"
		}
		use := uses[name]
		if use == nil {
			use = &TypeUse{Type: name}
			uses[name] = use
		}
		use.Hosts++
		use.USD += h.usd
		use.Hours += b.billed(h.gone - h.launched).Hours()
		if len(out.Spans) < maxSpans {
			span := HostSpan{
				Type: name, Launched: h.launched.Seconds(), Gone: h.gone.Seconds(), Jobs: h.attempts, Interrupted: h.interrupted,
				Used: min(1, h.used/max(1e-9, (h.gone-h.launched).Seconds())),
			}
			if h.isReady {
				span.Ready = h.ready.Seconds()
			}
			out.Spans = append(out.Spans, span)
		}
	}
	for _, use := range uses {
		out.ByType = append(out.ByType, *use)
	}
	if b.fargate.Hosts > 0 {
		out.ByType = append(out.ByType, b.fargate)
	}
	slices.SortFunc(out.ByType, func(a, b TypeUse) int {
		return cmp.Or(cmp.Compare(b.USD, a.USD), strings.Compare(a.Type, b.Type))
	})
}

// timeline is the series as means of its parts.
func (s *series) timeline() Timeline {
	t := Timeline{StepSeconds: s.width.Seconds()}
	for i, sum := range s.buckets {
		// The last part is not full.
		seconds := min(s.width, s.at-time.Duration(i)*s.width).Seconds()
		if seconds <= 0 {
			break
		}
		t.VCPUs = append(t.VCPUs, clean(sum.vcpu/seconds))
		t.UsedVCPUs = append(t.UsedVCPUs, clean(sum.usedVCPU/seconds))
		t.WaitingVCPUs = append(t.WaitingVCPUs, clean(sum.waiting/seconds))
		t.Hosts = append(t.Hosts, clean(sum.hosts/seconds))
		t.USDPerHour = append(t.USDPerHour, clean(sum.usd/seconds))
	}
	return t
}

// clean rounds to a millionth: what additions and subtractions leave is not data.
func clean(v float64) float64 { return max(0, math.Round(v*1e6)/1e6) }

// spread sorts values and sums them up.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	var sum float64
	for _, v := range values {
		sum += v
	}
	return Spread{
		Mean: sum / float64(len(values)), P50: quantile(values, 0.5), P90: quantile(values, 0.9),
		P99: quantile(values, 0.99), Max: values[len(values)-1],
	}
}

// quantile is the least of sorted values that a part q of them does not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(len(sorted)-1, max(0, at))]
}
