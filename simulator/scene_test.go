package simulator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// jobsOf reads a workload from the lines of a CSV file, without its header.
func jobsOf(t *testing.T, lines ...string) *workload.Workload {
	t.Helper()
	header := "job_id,arrival_s,duration_s,vcpus,memory_mib,gpus,queue,share,priority,depends_on\n"
	for i, l := range lines {
		lines[i] = l + strings.Repeat(",", 9-strings.Count(l, ","))
	}
	w, err := workload.Read("jobs.csv", strings.NewReader(header+strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// policyOf is the default policy on m6i types, changed by edits.
func policyOf(t testing.TB, edits ...func(*policy.Policy)) policy.Policy {
	t.Helper()
	p := policy.Default()
	if err := p.NameTypes([]string{"m6i"}); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func strategy(name string) func(*policy.Policy) {
	return func(p *policy.Policy) { p.Strategy = name }
}

// simulate runs a workload and checks the run after each turn and at its end.
func simulate(t testing.TB, w *workload.Workload, p policy.Policy) *Result {
	t.Helper()
	out, err := checked(t, w, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checked runs a workload and returns what went wrong, broken invariants included.
func checked(t testing.TB, w *workload.Workload, p policy.Policy) (*Result, error) {
	t.Helper()
	r, err := newRun(t.Context(), Config{Workload: w, Policy: p, afterTurn: holds, remember: true})
	if err != nil {
		return nil, err
	}
	if err := r.drive(t.Context()); err != nil {
		return nil, err
	}
	if err := ends(r); err != nil {
		return nil, err
	}
	return r.result(), nil
}

// holds is what must be true whenever the engine has done all it could: no host has more
// on it than it has room, no job is in two places, nothing starts before what it waits for.
func holds(r *run) error {
	ctx := context.Background()
	used, seen := map[string]batch.Resources{}, map[string]bool{}
	for _, q := range r.books.queueNames {
		live, err := r.Records.LiveJobs(ctx, q)
		if err != nil {
			return err
		}
		for _, j := range live {
			if seen[j.ID] {
				return fmt.Errorf("job %s has two places", j.ID)
			}
			seen[j.ID] = true
			used[j.Placement.Host] = used[j.Placement.Host].Add(j.Need)
			i, _ := numberOf(jobPrefix, j.ID)
			for _, on := range r.Workload.Jobs[i].After {
				if !r.books.jobs[on].ended {
					return fmt.Errorf("job %d has started before job %d has ended", i, on)
				}
			}
		}
	}
	hosts, err := r.Records.Hosts(ctx, environment)
	if err != nil {
		return err
	}
	var all int64
	for _, h := range hosts {
		all += h.Has.MilliVCPU
		if !used[h.ID].Fits(h.Has) {
			return fmt.Errorf("host %s has %s and is given %s", h.ID, h.Has, used[h.ID])
		}
	}
	if all > int64(r.Policy.MaxVCPUs)*1000 {
		return fmt.Errorf("hosts have %d thousandths of a vCPU, max_vcpus is %d", all, r.Policy.MaxVCPUs)
	}
	return r.sim.Ledger().Check()
}

// ends is what must be true when all is over: each job has ended, and after those that it
// waited for; the money is that of the hosts.
func ends(r *run) error {
	for i := range r.books.jobs {
		j := &r.books.jobs[i]
		if !j.ended {
			return fmt.Errorf("job %d has not ended", i)
		}
		for _, on := range r.Workload.Jobs[i].After {
			if before := &r.books.jobs[on]; j.started && j.start < before.end {
				return fmt.Errorf("job %d started at %s, job %d ended at %s", i, j.start, on, before.end)
			}
		}
		if ran := j.end - j.start; j.started && !j.failed && j.losses == 0 && ran != r.Workload.Jobs[i].Duration {
			return fmt.Errorf("job %d ran for %s, want %s", i, ran, r.Workload.Jobs[i].Duration)
		}
	}
	var usd float64
	for _, span := range r.sim.Spans() {
		if span.GoneAt.IsZero() {
			return fmt.Errorf("host %s is still up", span.Host.ID)
		}
		t := r.types.list[r.types.byName[span.Host.Type]]
		usd += t.in(span.Host.Market == compute.Spot) * r.books.billed(span.GoneAt.Sub(span.Host.LaunchedAt)).Hours()
	}
	var queues float64
	for _, q := range r.books.queueUSD {
		queues += q
	}
	if !near(usd+r.books.fargate.USD, r.books.usd) {
		return fmt.Errorf("the hosts cost %f, the books say %f", usd, r.books.usd)
	}
	if !near(queues+r.books.unusedUSD, r.books.usd) {
		return fmt.Errorf("the queues have %f and unused hosts %f of %f", queues, r.books.unusedUSD, r.books.usd)
	}
	if bound := r.books.bound().USD; r.books.failed == 0 && bound > r.books.usd*(1+1e-9) {
		return fmt.Errorf("the bound %f is above the cost %f", bound, r.books.usd)
	}
	return nil
}

func near(a, b float64) bool { return a-b < 1e-6*(1+b) && b-a < 1e-6*(1+b) }

func minutes(n float64) float64 { return time.Duration(n * float64(time.Minute)).Seconds() }

func hasOf(vcpus, gib int64) batch.Resources {
	return batch.Resources{MilliVCPU: vcpus * 1000, MemoryMiB: gib * 1024}
}
