package policy

import (
	"math/rand/v2"
	"time"

	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/baseline"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// Market is how capacity is bought.
type Market string

// The markets.
const (
	OnDemand Market = "on-demand"
	Spot     Market = "spot"
	Cheapest Market = "cheapest" // for each job the one that is expected to cost less
	Fargate  Market = "fargate"
)

// The strategies.
const (
	Packhorse   = "packhorse"
	OnePerJob   = "one-per-job"
	FirstFit    = "first-fit-decreasing"
	Progressive = "best-fit-progressive"
)

// Strategies lists their names.
var Strategies = []string{Packhorse, OnePerJob, FirstFit, Progressive}

// aliases are short names for them.
var aliases = map[string]string{
	"ours": Packhorse, "one": OnePerJob, "ffd": FirstFit, "bfp": Progressive, "BEST_FIT_PROGRESSIVE": Progressive,
}

// Policy is how a simulated fleet behaves. Make one with Default or Read.
type Policy struct {
	Name     string
	Strategy string
	Market   Market
	// Environments, when it is not empty, lets jobs of a size that Fargate has run there
	// too: "cheapest" or "soonest", as the tag packhorse:environments of a queue.
	Environments string
	// Types are the instance types that may be launched.
	Types []Type
	// TypesFrom says where they are from, for reports.
	TypesFrom string
	// Advertised lets jobs use all memory that EC2 advertises, and not what the ECS agent
	// registers.
	Advertised bool
	MaxVCPUs   int
	// Idle is how long a host without tasks stays; Learned leaves that to the strategy.
	Idle time.Duration
	// WaitUSDPerHour is what an hour of a job's waiting counts for Packhorse's own strategy;
	// 0: as it does where nobody says otherwise.
	WaitUSDPerHour float64
	Boot           Delay
	Start          Delay
	// Minimum is the least time that a host is billed; after it each second counts.
	Minimum time.Duration
	Spot    SpotMarket
	API     Rates
	// PassEvery is the shortest time between two passes.
	PassEvery time.Duration
	Seed      uint64
}

// Type is an instance type, and how long its hosts boot where that is the type's own.
type Type struct {
	catalog.Type
	Boot time.Duration // 0: Policy.Boot
	// SpotUSDPerHour is its Spot price; 0: SpotMarket.PriceFactor of the On-Demand price.
	SpotUSDPerHour float64
}

// SpotMarket is what Spot is like.
type SpotMarket struct {
	PriceFactor          float64 // of the On-Demand price
	InterruptionsPerHour float64 // of each host, in the mean
	Notice               time.Duration
}

// Rates bound the calls of each second; 0 is no bound.
type Rates struct {
	LaunchesPerSecond float64
	RunTaskPerSecond  float64
}

// Learned is the idle rule of the strategy: Packhorse's own chooses how long each host stays
// from how often jobs come, with a host for each job none stays, and the others keep theirs
// for usualIdle.
const (
	Learned   time.Duration = -1
	usualIdle               = time.Minute
)

// IdleWindow is how long a host without tasks stays; 0 for Packhorse's own rule.
func (p *Policy) IdleWindow() time.Duration {
	switch {
	case p.Strategy == OnePerJob:
		return 0 // none is kept for the next
	case p.Idle == 0 && p.Strategy == Packhorse:
		return time.Millisecond // at once, which 0 would not say to the engine
	case p.Idle != Learned:
		return p.Idle
	case p.Strategy == Packhorse:
		return 0
	}
	return usualIdle
}

// Default is what a policy file need not say.
//
// Boot is a round minute: ECS-optimised images take 30 to 90 s from the launch until the
// agent takes tasks. Spot's figures are of the kind that AWS's Spot Instance Advisor shows
// for large pools (60 to 70 % below On-Demand, below 5 % of hosts interrupted a month);
// set them for what you know of yours.
func Default() Policy {
	return Policy{
		Strategy: Packhorse, Market: OnDemand, MaxVCPUs: 1_000_000, Idle: Learned,
		Boot: Constant(time.Minute), Minimum: time.Minute, PassEvery: time.Second, Seed: 1,
		Spot: SpotMarket{PriceFactor: 0.35, InterruptionsPerHour: 0.01, Notice: 2 * time.Minute},
	}
}

// Title is what a report calls the policy.
func (p *Policy) Title() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Strategy
}

// Provision is the strategy as the engine takes it; nil is Packhorse's own.
func (p *Policy) Provision() func(provisioner.Environment, time.Time) provisioner.Plan {
	switch p.Strategy {
	case OnePerJob:
		return baseline.OnePerJob
	case FirstFit:
		return baseline.FirstFitDecreasing
	case Progressive:
		return baseline.BestFitProgressive
	}
	return nil
}

// USDPerHour is what a host of a type costs; where both markets are open, in the one that
// asks less.
func (p *Policy) USDPerHour(t *Type) float64 {
	switch p.Market {
	case Spot:
		return p.SpotUSDPerHour(t)
	case Cheapest:
		return min(t.OnDemandUSDPerHour, p.SpotUSDPerHour(t))
	}
	return t.OnDemandUSDPerHour
}

// SpotUSDPerHour is what a host of a type costs on Spot.
func (p *Policy) SpotUSDPerHour(t *Type) float64 {
	if t.SpotUSDPerHour > 0 {
		return t.SpotUSDPerHour
	}
	return t.OnDemandUSDPerHour * p.Spot.PriceFactor
}

// Delay is how long something takes: in words, and the draw.
type Delay struct {
	Text string
	// Typical is its mean; of a skewed one, its median.
	Typical time.Duration
	Dist    sim.Dist
}

// Constant always takes d.
func Constant(d time.Duration) Delay {
	return Delay{Text: d.String(), Typical: d, Dist: sim.Constant(d)}
}

// fargateStart is how long a task on Fargate takes to start beside hosts that boot; 30 to
// 90 s are reported.
const fargateStart = 45 * time.Second

// FargateStart is how long a task on Fargate takes to start: there is no host to boot
// before it, and what a host's boot does is done for each task.
func (p *Policy) FargateStart() sim.Dist {
	boot, start := p.Boot.Dist, p.Start.Dist
	if p.Environments != "" { // Boot is that of the hosts beside it
		boot = sim.Constant(fargateStart)
	}
	return func(r *rand.Rand) time.Duration {
		var sum time.Duration
		for _, d := range []sim.Dist{boot, start} {
			if d != nil {
				sum += d(r)
			}
		}
		return sum
	}
}
