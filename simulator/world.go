package simulator

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// retention is how long the store keeps jobs that have ended.
const retention = store.Retention

// The environment, the one on Fargate beside it, and what AWS Batch wants to be told of
// them.
const (
	environment = "fleet"
	fargate     = "fargate"
	role        = "arn:aws:iam::000000000000:role/simulated"
)

// newRun makes a Packhorse with an environment as the policy has it and the queues of
// the workload.
func newRun(ctx context.Context, c Config) (*run, error) {
	r := &run{Config: c, now: epoch, newJob: -1, defs: map[string]int{}, fair: map[string]bool{}}
	var err error
	needs, notes := needsOf(c.Workload, &c.Policy)
	if r.types, err = newFleetTypes(&c.Policy, c.Workload, needs); err != nil {
		return nil, err
	}
	r.books = newBooks(c.Workload, &r.Config.Policy, r.types, needs)
	r.books.notes = notes
	r.sim = sim.New(r.imitation())
	r.fleet = newFleet(r.sim, r.books, &r.Config.Policy, r.at, func() time.Time { return r.now })
	market := r.types.market()
	r.Home = home.New(home.Parts{
		Table: mem.Open(), Compute: r.fleet, Account: batch.Account{Region: "us-east-1", ID: "000000000000"},
		Now: func() time.Time { return r.now }, IdleWindow: r.Policy.IdleWindow(), Serial: true, Alone: true, NewID: r.newID,
		Market: func() catalog.Market { return market }, Provision: c.Policy.Provision(), Log: slog.New(slog.DiscardHandler),
	})
	if err := r.createEnvironment(ctx); err != nil {
		return nil, err
	}
	for i := range c.Workload.Jobs {
		if j := &c.Workload.Jobs[i]; j.Share != "" || j.Priority != 0 {
			r.fair[j.Queue] = true
		}
	}
	for _, q := range r.books.queueNames {
		if err := r.createQueue(ctx, q); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// imitation is how compute behaves.
func (r *run) imitation() sim.Config {
	p := &r.Policy
	c := sim.Config{
		Now: func() time.Time { return r.now }, Seed: p.Seed, CountOnly: !r.remember,
		BootTime: p.Boot.Dist, PullAndStart: p.Start.Dist,
		Types: func(name string) (batch.Resources, bool) {
			i, ok := r.types.byName[name]
			if !ok {
				return batch.Resources{}, false
			}
			return r.types.list[i].has, true
		},
		TypeBootTime: func(name string) sim.Dist {
			if i, ok := r.types.byName[name]; ok && r.types.list[i].boot > 0 {
				return sim.Constant(r.types.list[i].boot)
			}
			return nil
		},
		RunTime: func(t compute.Task) time.Duration {
			i, _ := numberOf(jobPrefix, t.JobID)
			return r.Workload.Jobs[i].Duration
		},
	}
	switch p.Market {
	case policy.Spot, policy.Cheapest:
		c.InterruptionsPerHour, c.InterruptionNotice = p.Spot.InterruptionsPerHour, p.Spot.Notice
	case policy.Fargate:
		c.PullAndStart = p.FargateStart()
	}
	if p.Environments != "" {
		c.FargateStart = p.FargateStart()
	}
	return c
}

func (r *run) createEnvironment(ctx context.Context) error {
	resources := &types.ComputeResource{
		Type: types.CRTypeEc2, MaxvCpus: aws.Int32(int32(r.Policy.MaxVCPUs)),
		Subnets: []string{"subnet-0"}, SecurityGroupIds: []string{"sg-0"},
	}
	var tags map[string]string
	switch r.Policy.Market {
	case policy.Fargate:
		resources.Type = types.CRTypeFargate
	case policy.Spot:
		resources.Type = types.CRTypeSpot
	case policy.Cheapest:
		tags = map[string]string{batch.TagMarket: batch.MarketCheapest}
	}
	if r.Policy.Market != policy.Fargate {
		resources.MinvCpus, resources.InstanceRole = aws.Int32(0), aws.String(role)
		resources.AllocationStrategy = types.CRAllocationStrategyBestFitProgressive
		for i := range r.types.list {
			resources.InstanceTypes = append(resources.InstanceTypes, r.types.list[i].name)
		}
	}
	if usd := r.Policy.WaitUSDPerHour; usd > 0 && r.Policy.Market != policy.Fargate { // there is no room to wait for
		if tags == nil {
			tags = map[string]string{}
		}
		tags[batch.TagWaitUSDPerHour] = strconv.FormatFloat(usd, 'g', -1, 64)
	}
	_, err := r.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String(environment), Type: types.CETypeManaged, ComputeResources: resources, Tags: tags,
	})
	if err != nil || r.Policy.Environments == "" {
		return err
	}
	_, err = r.CreateComputeEnvironment(ctx, &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String(fargate), Type: types.CETypeManaged, ComputeResources: &types.ComputeResource{
			Type: types.CRTypeFargate, MaxvCpus: resources.MaxvCpus, Subnets: resources.Subnets, SecurityGroupIds: resources.SecurityGroupIds,
		},
	})
	return err
}

func (r *run) createQueue(ctx context.Context, name string) error {
	in := &awsbatch.CreateJobQueueInput{
		JobQueueName: &name, Priority: aws.Int32(1),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: aws.String(environment), Order: aws.Int32(1)}},
	}
	if r.Policy.Environments != "" {
		in.Tags = map[string]string{batch.TagEnvironments: r.Policy.Environments}
		in.ComputeEnvironmentOrder = append(in.ComputeEnvironmentOrder,
			types.ComputeEnvironmentOrder{ComputeEnvironment: aws.String(fargate), Order: aws.Int32(2)})
	}
	if r.fair[name] {
		out, err := r.CreateSchedulingPolicy(ctx, &awsbatch.CreateSchedulingPolicyInput{
			Name: aws.String(name), FairsharePolicy: &types.FairsharePolicy{},
		})
		if err != nil {
			return err
		}
		in.SchedulingPolicyArn = out.Arn
	}
	_, err := r.CreateJobQueue(ctx, in)
	return err
}
