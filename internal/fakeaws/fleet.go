package fakeaws

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// CreateFleet launches instances at once and tells what came of each pool that it
// tried: the fleet of type instant. With a token it launches once, also when nothing
// could be had; whoever wants to try again needs another token.
func (e *EC2) CreateFleet(ctx context.Context, in *ec2.CreateFleetInput, _ ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error) {
	return call(ctx, e.c, "ec2.CreateFleet", in, e.c.createFleet)
}

func (c *Cloud) createFleet(in *ec2.CreateFleetInput) (*ec2.CreateFleetOutput, error) {
	asked := *in
	asked.ClientToken = nil
	print := fingerprint(asked)
	if r, known, same := c.recall("ec2.CreateFleet", value(in.ClientToken), print); known {
		if !same {
			return nil, mismatch()
		}
		return r.answer.(*ec2.CreateFleetOutput), nil
	}
	if err := validFleet(in); err != nil {
		return nil, err
	}
	if value(in.DryRun) {
		return nil, refuse("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	pools, errors, err := c.pools(in)
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateFleetOutput{FleetId: aws.String("fleet-" + c.uuid("fleet")), Errors: errors}
	want := in.TargetCapacitySpecification
	spot, onDemand := value(want.SpotTargetCapacity), value(want.OnDemandTargetCapacity)
	if rest := value(want.TotalTargetCapacity) - spot - onDemand; want.DefaultTargetCapacityType == types.DefaultTargetCapacityTypeSpot {
		spot += rest
	} else {
		onDemand += rest
	}
	var chosen []launch
	if options := in.OnDemandOptions; onDemand > 0 {
		if options == nil {
			options = &types.OnDemandOptionsRequest{}
		}
		order := orderOnDemand(pools, options.AllocationStrategy)
		got := c.choose(out, order, onDemandMarket, float64(onDemand), float64(value(options.MinTargetCapacity)), chosen)
		chosen = append(chosen, got...)
	}
	if options := in.SpotOptions; spot > 0 {
		if options == nil {
			options = &types.SpotOptionsRequest{}
		}
		order := c.orderSpot(pools, options.AllocationStrategy)
		got := c.choose(out, order, spotMarket, float64(spot), float64(value(options.MinTargetCapacity)), chosen)
		chosen = append(chosen, got...)
	}
	for _, l := range chosen {
		i := c.launch(l, out, in)
		out.Instances = addTo(out.Instances, l, i)
	}
	c.remember("ec2.CreateFleet", value(in.ClientToken), print, out)
	return out, nil
}

func validFleet(in *ec2.CreateFleetInput) error {
	switch {
	case in.Type != types.FleetTypeInstant:
		return refuse("InvalidParameterValue", "Type is %q; this EC2 has fleets of type instant", in.Type)
	case len(in.LaunchTemplateConfigs) == 0:
		return refuse("MissingParameter", "The request must contain the parameter LaunchTemplateConfigs")
	case in.TargetCapacitySpecification == nil || in.TargetCapacitySpecification.TotalTargetCapacity == nil:
		return refuse("MissingParameter", "The request must contain the parameter TargetCapacitySpecification.TotalTargetCapacity")
	case *in.TargetCapacitySpecification.TotalTargetCapacity < 1:
		return refuse("InvalidTargetCapacitySpecification", "TotalTargetCapacity must be at least 1")
	}
	// EC2 User Guide, "Service quotas" for EC2 Fleet.
	const mostPools = 300
	n := 0
	for _, config := range in.LaunchTemplateConfigs {
		n += len(config.Overrides)
	}
	if n > mostPools {
		return refuse("InvalidParameterValue", "The fleet has %d launch template overrides; at most %d are allowed", n, mostPools)
	}
	for _, s := range in.TagSpecifications {
		if s.ResourceType != types.ResourceTypeInstance && s.ResourceType != types.ResourceTypeFleet {
			return refuse("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", s.ResourceType)
		}
		if err := validTags(s.Tags); err != nil {
			return err
		}
	}
	return nil
}

// launch is one instance to be launched, out of a pool.
type launch struct {
	pool   pool
	market string
}

func (l launch) kind() kind { return kind{l.pool.typ.Name, *l.pool.subnet.AvailabilityZone, l.market} }

func (l launch) lifecycle() types.InstanceLifecycle { return types.InstanceLifecycle(l.market) }

// choose takes instances from pools in their order until the target is met, and puts
// into out why pools gave none. Less than the least is nothing.
func (c *Cloud) choose(out *ec2.CreateFleetOutput, pools []pool, market string, target, least float64, before []launch) []launch {
	var planned []kind
	for _, l := range before {
		planned = append(planned, l.kind())
	}
	var chosen []launch
	got := 0.0
	for _, p := range pools {
		l := launch{p, market}
		for got < target {
			problem := c.unavailable(p.typ, l.kind(), planned)
			if problem == nil && market == spotMarket {
				problem = c.tooDear(p)
			}
			if problem != nil {
				problem.LaunchTemplateAndOverrides, problem.Lifecycle = p.told(), l.lifecycle()
				out.Errors = append(out.Errors, *problem)
				break
			}
			chosen, planned = append(chosen, l), append(planned, l.kind())
			got += p.weight
		}
	}
	if got < least {
		return nil
	}
	return chosen
}

func (c *Cloud) tooDear(p pool) *types.CreateFleetError {
	price := c.spotPrice(p.typ, *p.subnet.AvailabilityZone)
	var most float64
	if _, err := fmt.Sscan(value(p.override.MaxPrice), &most); err != nil || most >= price {
		return nil
	}
	return fleetError("SpotMaxPriceTooLow",
		"Your Spot request price of %g is lower than the minimum required Spot request fulfillment price of %.4f.", most, price)
}

// addTo adds an instance to those of its pool in an answer.
func addTo(all []types.CreateFleetInstance, l launch, i *instance) []types.CreateFleetInstance {
	for n := range all {
		if all[n].InstanceType == types.InstanceType(i.typ.Name) && all[n].Lifecycle == l.lifecycle() &&
			value(all[n].LaunchTemplateAndOverrides.Overrides.SubnetId) == *i.subnet.SubnetId {
			all[n].InstanceIds = append(all[n].InstanceIds, i.id)
			return all
		}
	}
	return append(all, types.CreateFleetInstance{
		InstanceIds: []string{i.id}, InstanceType: types.InstanceType(i.typ.Name), Lifecycle: l.lifecycle(),
		LaunchTemplateAndOverrides: l.pool.told(),
	})
}

// pool is where a fleet may take instances from: a type in a subnet.
type pool struct {
	template *template
	version  *types.LaunchTemplateVersion
	override types.FleetLaunchTemplateOverridesRequest
	typ      catalog.Type
	subnet   types.Subnet
	image    string
	weight   float64 // what one instance counts for the target
}

// told is how an answer names the pool.
func (p pool) told() *types.LaunchTemplateAndOverridesResponse {
	o := p.override
	return &types.LaunchTemplateAndOverridesResponse{
		LaunchTemplateSpecification: &types.FleetLaunchTemplateSpecification{
			LaunchTemplateId: p.version.LaunchTemplateId, Version: aws.String(fmt.Sprint(*p.version.VersionNumber)),
		},
		Overrides: &types.FleetLaunchTemplateOverrides{
			InstanceType: types.InstanceType(p.typ.Name), SubnetId: p.subnet.SubnetId, AvailabilityZone: p.subnet.AvailabilityZone,
			MaxPrice: o.MaxPrice, Priority: o.Priority, WeightedCapacity: o.WeightedCapacity, ImageId: o.ImageId,
		},
	}
}
