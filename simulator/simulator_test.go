package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// One job on one host: what a person can add up. m6i.large costs $0.096 an hour.
func TestOneJob(t *testing.T) {
	p := policyOf(t)
	p.Idle = time.Minute
	r := simulate(t, jobsOf(t, "a,0,600,1,2000,0"), p)
	// 60 s of boot, 600 s of work, and 60 s until the idle window is over.
	if want := 0.096 * 720 / 3600; !near(r.CostUSD, want) {
		t.Errorf("CostUSD = %f, want %f", r.CostUSD, want)
	}
	if r.Hosts != 1 || r.Wait.Max != 60 || r.Completion.Max != 660 {
		t.Errorf("Hosts = %d, Wait = %v, Completion = %v; want 1 host, 60 s, 660 s", r.Hosts, r.Wait, r.Completion)
	}
	if want := 0.096 * 660 / 3600; !near(r.OnePerJobUSD, want) {
		t.Errorf("OnePerJobUSD = %f, want %f", r.OnePerJobUSD, want)
	}
	if want := 0.5 * 600 / 720; !near(r.Utilisation.VCPU, want) {
		t.Errorf("Utilisation.VCPU = %f, want %f", r.Utilisation.VCPU, want)
	}
}

func TestShortHostsAreBilledTheMinimum(t *testing.T) {
	p := policyOf(t, strategy(policy.OnePerJob), func(p *policy.Policy) { p.Boot = policy.Constant(time.Second) })
	r := simulate(t, jobsOf(t, "a,0,5,2,2000,0"), p)
	if want := 0.096 / 60; !near(r.CostUSD, want) {
		t.Errorf("CostUSD = %f, want a minute of an m6i.large, %f", r.CostUSD, want)
	}
}

func TestAHostForEachJob(t *testing.T) {
	w := jobsOf(t, "a,0,600,1,2000,0", "b,0,600,1,2000,0", "c,30,600,1,2000,0", "d,40,600,4,9000,0")
	r := simulate(t, w, policyOf(t, strategy(policy.OnePerJob)))
	if r.Hosts != 4 || !near(r.CostUSD, r.OnePerJobUSD) {
		t.Errorf("%d hosts for $%f, want 4 for $%f", r.Hosts, r.CostUSD, r.OnePerJobUSD)
	}
	if packed := simulate(t, w, policyOf(t, strategy(policy.FirstFit))); packed.Hosts >= 4 {
		t.Errorf("first-fit decreasing has %d hosts, want fewer than 4", packed.Hosts)
	}
}

func TestDependenciesAndQueues(t *testing.T) {
	w := jobsOf(t,
		"a,0,100,1,2000,0,day", "b,1,100,1,2000,0,day,,,a", "c,2,50,1,2000,0,night,,,a b", "d,500,50,1,2000,0,night,,,a")
	r := simulate(t, w, policyOf(t))
	// a waits for a host to boot; the others find one when they may start.
	if r.Wait.Max != 60 || r.Completion.Max != 60+100+100+50-2 {
		t.Errorf("Wait = %+v, Completion = %+v, want at most 60 s and 308 s", r.Wait, r.Completion)
	}
	if len(r.Queues) != 2 || r.Queues[0].Queue != "day" || r.Queues[0].Jobs != 2 || r.Queues[1].USD <= 0 {
		t.Errorf("Queues = %+v, want day and night with 2 jobs each", r.Queues)
	}
}

// A share with less use goes first, though its jobs came last.
func TestSharesAreServedInTurn(t *testing.T) {
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("a%d,0,300,2,2000,0,q,loud", i))
	}
	lines = append(lines, "b,1,300,2,2000,0,q,quiet")
	p := policyOf(t, func(p *policy.Policy) { p.MaxVCPUs = 4 })
	w := jobsOf(t, lines...)
	r, err := newRun(t.Context(), Config{Workload: w, Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	quiet := r.books.jobs[12]
	if wait := quiet.start - quiet.ready; wait > 10*time.Minute {
		t.Errorf("the job of the quiet share waited %s, want less than two turns of the loud one", wait)
	}
}

func TestSpotTakesHostsAway(t *testing.T) {
	var lines []string
	for i := range 60 {
		lines = append(lines, fmt.Sprintf("j%d,%d,1800,2,6000,0", i, i))
	}
	p := policyOf(t, func(p *policy.Policy) {
		p.Market, p.Spot.InterruptionsPerHour, p.Spot.Notice = policy.Spot, 0.5, 0
	})
	r := simulate(t, jobsOf(t, lines...), p)
	if i := r.Interruptions; i.Hosts == 0 || i.Attempts == 0 || i.USD <= 0 || i.VCPUHours <= 0 || i.JobsTouched == 0 {
		t.Errorf("Interruptions = %+v, want some", i)
	}
	if r.Failed > 0 {
		t.Errorf("%d jobs failed, want all to run again", r.Failed)
	}
	calm := simulate(t, jobsOf(t, lines...), policyOf(t))
	if r.CostUSD >= calm.CostUSD {
		t.Errorf("Spot costs %f, On-Demand %f", r.CostUSD, calm.CostUSD)
	}
}

// Of long jobs and short ones each kind runs where it costs less, once it is known how
// long they run and how often Spot hosts are taken.
func TestCheapestBuysEachJobWhereItCostsLess(t *testing.T) {
	var lines []string
	for i := range 60 {
		lines = append(lines, fmt.Sprintf("long%d,%d,43200,4,12000,0", i, 7200*i))
		for k := range 24 {
			lines = append(lines, fmt.Sprintf("short%d-%d,%d,600,2,6000,0", i, k, 7200*i+300*k))
		}
	}
	cost := map[policy.Market]float64{}
	for _, market := range []policy.Market{policy.OnDemand, policy.Spot, policy.Cheapest} {
		r, err := Run(t.Context(), Config{Workload: jobsOf(t, slices.Clone(lines)...), Policy: policyOf(t, func(p *policy.Policy) {
			p.Market, p.Idle, p.PassEvery = market, 0, 20*time.Second
			p.Spot = policy.SpotMarket{PriceFactor: 0.5, InterruptionsPerHour: 0.15}
		})})
		if err != nil {
			t.Fatal(err)
		}
		cost[market] = r.CostUSD / float64(r.Jobs-r.Failed)
		if market == policy.Cheapest {
			use := map[string]float64{}
			for _, u := range r.ByType {
				use[u.Type] = u.Hours
			}
			if use["m6i.xlarge"] < 500 || use["m6i.large on Spot"] < 5 || use["m6i.large"] > 0 {
				t.Errorf("hours by type are %v, want long jobs mostly On-Demand and short ones on Spot", use)
			}
		}
	}
	if cost[policy.Cheapest] >= cost[policy.OnDemand] || cost[policy.Cheapest] >= cost[policy.Spot] {
		t.Errorf("a job costs %v, want cheapest below both others", cost)
	}
}

func TestFargate(t *testing.T) {
	p := policyOf(t, func(p *policy.Policy) { p.Market, p.Start = policy.Fargate, policy.Constant(5*time.Second) })
	r := simulate(t, jobsOf(t, "a,0,535,0.3,700,0"), p)
	// 0.5 vCPU and 1 GB for 60 + 5 + 535 s.
	if want := (0.5*0.04048 + 0.004445) / 6; !near(r.CostUSD, want) {
		t.Errorf("CostUSD = %f, want %f", r.CostUSD, want)
	}
	if r.Wait.Max != 65 || len(r.Notes) != 1 {
		t.Errorf("Wait = %+v, Notes = %q; want 65 s and a note on the size", r.Wait, r.Notes)
	}
}

// A small job now and then costs less on Fargate, many at once on hosts that they fill.
func TestFargateBesideHosts(t *testing.T) {
	beside := func(p *policy.Policy) { p.Environments = batch.EnvironmentsCheapest }
	var seldom, many []string
	for i := range 24 {
		seldom = append(seldom, fmt.Sprintf("j%d,%d,300,1,2048,0", i, 3600*i))
		many = append(many, fmt.Sprintf("j%d,0,3600,1,2048,0", i))
	}
	alone := simulate(t, jobsOf(t, slices.Clone(seldom)...), policyOf(t))
	r := simulate(t, jobsOf(t, seldom...), policyOf(t, beside))
	if want := 24 * (0.04048 + 2*0.004445) * 345 / 3600; !near(r.CostUSD, want) || r.Hosts != 0 || r.Wait.Max != 45 {
		t.Errorf("a job now and then: $%f on %d hosts after a wait of %g s, want $%f on Fargate after 45", r.CostUSD, r.Hosts, r.Wait.Max, want)
	}
	if r.CostUSD > alone.CostUSD*0.7 {
		t.Errorf("it costs $%f with Fargate and $%f without, want much less", r.CostUSD, alone.CostUSD)
	}
	r = simulate(t, jobsOf(t, many...), policyOf(t, beside))
	if r.Hosts == 0 || slices.ContainsFunc(r.ByType, func(u TypeUse) bool { return u.Type == "Fargate" }) {
		t.Errorf("many at once ran on %+v, want hosts alone", r.ByType)
	}
	r = simulate(t, jobsOf(t, "small,0,300,1,2000,0", "odd,0,300,3,3000,0"), policyOf(t, beside))
	if len(r.ByType) != 2 || len(r.Notes) != 1 {
		t.Errorf("jobs ran on %+v with notes %q, want the one that Fargate has no size for on a host, and a note on the memory of the other", r.ByType, r.Notes)
	}
}

func TestLimitsOfTheAPIs(t *testing.T) {
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("j%d,0,600,2,6000,0", i))
	}
	p := policyOf(t, strategy(policy.OnePerJob), func(p *policy.Policy) { p.API = policy.Rates{LaunchesPerSecond: 1, RunTaskPerSecond: 2} })
	r := simulate(t, jobsOf(t, lines...), p)
	if r.Throttled.Launches == 0 || r.Wait.Max < 60+39 {
		t.Errorf("Throttled = %+v, Wait = %+v; want launches refused and the last job to wait 99 s", r.Throttled, r.Wait)
	}
}

func TestAJobThatFitsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		edit func(*policy.Policy)
		want string
	}{
		"no type is large enough": {"big,0,60,4,900000,0", func(*policy.Policy) {}, "the nearest is m6i.32xlarge"},
		"max_vcpus is too small":  {"big,0,60,32,2000,0", func(p *policy.Policy) { p.MaxVCPUs = 16 }, "max_vcpus 16"},
		"no GPU":                  {"big,0,60,1,2000,1", func(*policy.Policy) {}, "no type holds it"},
		"Fargate":                 {"big,0,60,32,2000,0", func(p *policy.Policy) { p.Market = policy.Fargate }, "Fargate has no such size"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t.Context(), Config{Workload: jobsOf(t, test.line), Policy: policyOf(t, test.edit)})
			var unfit *UnfitError
			if !errors.As(err, &unfit) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"big"`) {
				t.Errorf("Run() = %v, want an UnfitError with %q", err, test.want)
			}
		})
	}
}

// anyWorkload draws jobs of a few sizes, some of which wait for others.
func anyWorkload(t *rapid.T) *workload.Workload {
	var text strings.Builder
	text.WriteString("job_id,arrival_s,duration_s,vcpus,memory_mib,gpus,queue,share,priority,depends_on\n")
	at := 0
	for i := range rapid.IntRange(1, 40).Draw(t, "jobs") {
		at += rapid.SampledFrom([]int{0, 0, 1, 7, 90, 900}).Draw(t, "gap")
		on := ""
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "waits") == 0 {
			on = fmt.Sprintf("j%d", rapid.IntRange(0, i-1).Draw(t, "on"))
		}
		fmt.Fprintf(&text, "j%d,%d,%d,%g,%d,0,%s,%s,%d,%s\n", i, at, rapid.IntRange(0, 4000).Draw(t, "duration"),
			rapid.SampledFrom([]float64{0.5, 1, 2, 3, 4, 16}).Draw(t, "vcpus"), rapid.SampledFrom([]int{1, 500, 2000, 7000, 30000}).Draw(t, "mib"),
			rapid.SampledFrom([]string{"", "q"}).Draw(t, "queue"), rapid.SampledFrom([]string{"", "s"}).Draw(t, "share"),
			rapid.IntRange(0, 2).Draw(t, "priority"), on)
	}
	w, err := workload.Read("any.csv", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Whatever is asked of whatever fleet: no host above its room, no job in two places, each
// job ends after those that it waits for, the money adds up, the bound holds.
func TestAnySimulationKeepsThePromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := anyWorkload(rt)
		p := policyOf(t, strategy(rapid.SampledFrom(policy.Strategies).Draw(rt, "strategy")))
		p.Seed = rapid.Uint64().Draw(rt, "seed")
		p.MaxVCPUs = rapid.SampledFrom([]int{32, 64, 10_000}).Draw(rt, "max_vcpus")
		p.Idle = time.Duration(rapid.IntRange(0, 300).Draw(rt, "idle")) * time.Second
		p.Market = rapid.SampledFrom([]policy.Market{policy.OnDemand, policy.Spot, policy.Cheapest}).Draw(rt, "market")
		p.Environments = rapid.SampledFrom([]string{"", "cheapest", "soonest"}).Draw(rt, "environments")
		if p.Market != policy.OnDemand {
			p.Spot.InterruptionsPerHour = rapid.SampledFrom([]float64{0, 0.3, 3}).Draw(rt, "interruptions")
		}
		if rapid.Bool().Draw(rt, "limits") {
			p.API = policy.Rates{LaunchesPerSecond: 2, RunTaskPerSecond: 3}
		}
		r, err := checked(t, w, p)
		if err != nil {
			rt.Fatal(err)
		}
		if r.Failed == 0 && r.Bound.USD > 0 && r.CostToBound < 1-1e-9 {
			rt.Fatalf("it costs $%f, which is %f of the bound", r.CostUSD, r.CostToBound)
		}
	})
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("j%d,%d,%d,%d,%d,0,q%d", i, i*7, 60+i*13%900, 1+i%4, 1000+i%5*1500, i%3))
	}
	answer := func(seed uint64) []byte {
		p := policyOf(t, func(p *policy.Policy) {
			p.Seed, p.Market, p.Spot.InterruptionsPerHour = seed, policy.Spot, 0.2
			p.Boot = policy.Delay{Text: "skewed", Typical: time.Minute, Dist: sim.Skewed(time.Minute, 2*time.Minute)}
		})
		out, err := json.Marshal(simulate(t, jobsOf(t, append([]string(nil), lines...)...), p))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := answer(1)
	if !bytes.Equal(first, answer(1)) {
		t.Error("two runs with seed 1 differ")
	}
	if bytes.Equal(first, answer(2)) {
		t.Error("seeds 1 and 2 give the same run")
	}
}

// A pause of weeks between two jobs is no reason to give up.
func TestALongPauseBetweenJobs(t *testing.T) {
	const month = 30 * 24 * 3600
	r := simulate(t, jobsOf(t, "a,0,60,1,1000,0", fmt.Sprintf("b,%d,60,1,1000,0", month)), policyOf(t))
	if r.Hosts != 2 || r.Wait.Max != 60 {
		t.Errorf("Hosts = %d, Wait = %v; want a host for each, after a minute", r.Hosts, r.Wait)
	}
}

// Fargate alone: each job its own task, for a minute at least.
func TestOnFargateTheBoundHoldsToo(t *testing.T) {
	p := policyOf(t, func(p *policy.Policy) { p.Market = policy.Fargate })
	r := simulate(t, jobsOf(t, "a,0,10,1,2048,0", "b,5,3600,0.25,512,0"), p)
	if r.CostToBound < 1 {
		t.Errorf("it costs $%f, which is %f of the bound", r.CostUSD, r.CostToBound)
	}
}

func TestSeriesKeepsSumsWhenItsStepsDouble(t *testing.T) {
	s := newSeries()
	s.add(0, level{vcpu: 2})
	s.add(100*time.Second, level{vcpu: 2})
	s.add(3*time.Hour, level{vcpu: -4})
	s.advance(4 * time.Hour)
	if want := 2.0*100 + 4*(3*3600-100); !near(s.total.vcpu, want) {
		t.Errorf("total = %f vCPU seconds, want %f", s.total.vcpu, want)
	}
	var sum float64
	timeline := s.timeline()
	for i, v := range timeline.VCPUs {
		sum += v * min(timeline.StepSeconds, minutes(240)-float64(i)*timeline.StepSeconds)
	}
	if len(timeline.VCPUs) > maxBuckets || !near(sum/s.total.vcpu, 1) {
		t.Errorf("%d steps that sum up to %f, want at most %d and %f", len(timeline.VCPUs), sum, maxBuckets, s.total.vcpu)
	}
}

func TestBoundOfMixedTypes(t *testing.T) {
	// Compute and memory types side by side: 1 vCPU is worth $0.02 and 1 GiB $0.005 at most.
	types := []fleetType{
		{name: "c.large", has: hasOf(2, 4), usd: 0.06}, {name: "r.large", has: hasOf(2, 16), usd: 0.12}, {name: "dear.large", has: hasOf(2, 8), usd: 0.5},
	}
	price := dearestPrices(types, [resources]float64{2, 8 * 1024, 0})
	if worth := 2*price[0] + 8*1024*price[1]; !near(worth, 0.08) {
		t.Errorf("2 vCPU with 8 GiB are worth %f (prices %v), want 0.08", worth, price)
	}
}
