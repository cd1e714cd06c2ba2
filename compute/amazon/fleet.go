package amazon

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// choices is all that a launch leaves to EC2: which of these types in which of these
// subnets. It is recorded before the call and never changed, since a client token
// stands for one request word for word.
type choices struct {
	Market   compute.Market `json:"market"`
	Strategy string         `json:"strategy"`
	Groups   []group        `json:"groups"`
}

// group is pools that share a launch template.
type group struct {
	Template template `json:"template"`
	Pools    []pool   `json:"pools"`
}

// pool is one override: a type in a subnet.
type pool struct {
	Type   string `json:"t"`
	Subnet string `json:"s"`
	Zone   string `json:"z"`
	Rank   int    `json:"r"` // 0 is liked best
}

// maxPools is how many overrides one fleet may have ("Quotas for EC2 Fleet": 300 over
// all launch templates).
const maxPools = 300

// strategyOf returns how EC2 is to choose. On-Demand prices are known to whoever made
// the request, so its order counts; where there is one type only, the lowest price is a
// matter of zones. Of Spot, EC2 knows better what is cheap and will last, unless the
// environment has an order of its own.
func strategyOf(s *types.ComputeResource, market compute.Market, kinds int) string {
	if market == compute.Spot {
		switch s.AllocationStrategy {
		case "SPOT_CAPACITY_OPTIMIZED":
			return string(ec2types.SpotAllocationStrategyCapacityOptimized)
		case "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED":
			return string(ec2types.SpotAllocationStrategyCapacityOptimizedPrioritized)
		}
		return string(ec2types.SpotAllocationStrategyPriceCapacityOptimized)
	}
	if kinds > 1 {
		return string(ec2types.FleetOnDemandAllocationStrategyPrioritized)
	}
	return string(ec2types.FleetOnDemandAllocationStrategyLowestPrice)
}

// fleetInput is the call that launches one host out of its choices.
func fleetInput(token string, c choices, tags map[string]string) *ec2.CreateFleetInput {
	in := &ec2.CreateFleetInput{
		Type: ec2types.FleetTypeInstant, ClientToken: &token,
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{TotalTargetCapacity: new(int32(1))},
		TagSpecifications:           []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: ec2Tags(tags)}},
	}
	if c.Market == compute.Spot {
		in.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeSpot
		in.SpotOptions = &ec2types.SpotOptionsRequest{AllocationStrategy: ec2types.SpotAllocationStrategy(c.Strategy)}
	} else {
		in.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeOnDemand
		in.OnDemandOptions = &ec2types.OnDemandOptionsRequest{AllocationStrategy: ec2types.FleetOnDemandAllocationStrategy(c.Strategy)}
	}
	ranked := strings.HasSuffix(c.Strategy, "prioritized")
	for _, g := range c.Groups {
		config := ec2types.FleetLaunchTemplateConfigRequest{
			LaunchTemplateSpecification: &ec2types.FleetLaunchTemplateSpecificationRequest{
				LaunchTemplateId: some(g.Template.ID), Version: some(g.Template.Version)},
		}
		for _, p := range g.Pools {
			override := ec2types.FleetLaunchTemplateOverridesRequest{InstanceType: ec2types.InstanceType(p.Type), SubnetId: some(p.Subnet)}
			if ranked {
				override.Priority = new(float64(p.Rank))
			}
			config.Overrides = append(config.Overrides, override)
		}
		in.LaunchTemplateConfigs = append(in.LaunchTemplateConfigs, config)
	}
	return in
}

// shortage is something that EC2 could not supply.
type shortage struct {
	What   string // a pool, in the words of poolKeys
	For    time.Duration
	Reason string // "m5.large in us-east-1a: InsufficientInstanceCapacity (...)"
}

// poolKeys are the names under which a pool may be short: the type in the zone, the
// type anywhere, the subnet.
func poolKeys(instanceType, zone, subnet string) [3]string {
	return [3]string{instanceType + "/" + zone, instanceType, "subnet/" + subnet}
}

// outcome is what came of a fleet.
type outcome struct {
	Instance, Type string // empty if nothing was launched
	Shortages      []shortage
	// Faults are errors that are no shortage: the request itself was refused.
	Faults []string
}

// maxWords bounds what an error of EC2 adds to a message.
const maxWords = 200

// outcomeOf reads the answer to a fleet: what was launched, and the error of each
// override, also where another one was fulfilled.
func outcomeOf(out *ec2.CreateFleetOutput, c choices) outcome {
	var o outcome
	for _, i := range out.Instances {
		for _, id := range i.InstanceIds {
			o.Instance, o.Type = id, string(i.InstanceType)
		}
	}
	zones := map[string]string{}
	for _, g := range c.Groups {
		for _, p := range g.Pools {
			zones[p.Subnet] = p.Zone
		}
	}
	seen := map[string]bool{}
	for _, e := range out.Errors {
		code, message := deref(e.ErrorCode), deref(e.ErrorMessage)
		var instanceType, zone, in string
		if e.LaunchTemplateAndOverrides != nil && e.LaunchTemplateAndOverrides.Overrides != nil {
			override := e.LaunchTemplateAndOverrides.Overrides
			instanceType, in = string(override.InstanceType), deref(override.SubnetId)
			zone = firstOf(deref(override.AvailabilityZone), zones[in])
		}
		if len(message) > maxWords {
			message = message[:maxWords] + "..."
		}
		reason := fmt.Sprintf("%s in %s: %s (%s)", instanceType, firstOf(zone, in, "any zone"), code, message)
		if seen[reason] {
			continue
		}
		seen[reason] = true
		scope, lasts := shortageOf(code, message)
		keys := poolKeys(instanceType, zone, in)
		switch {
		case scope == noShortage || instanceType == "":
			o.Faults = append(o.Faults, reason)
		case scope == inZone && zone != "":
			o.Shortages = append(o.Shortages, shortage{keys[0], lasts, reason})
		case scope == inSubnet && in != "":
			o.Shortages = append(o.Shortages, shortage{keys[2], lasts, reason})
		default:
			o.Shortages = append(o.Shortages, shortage{keys[1], lasts, reason})
		}
	}
	return o
}

// maxReasons bounds how many reasons a message tells.
const maxReasons = 5

func reasons(all []string) string {
	if len(all) > maxReasons {
		return strings.Join(all[:maxReasons], "; ") + fmt.Sprintf("; and %d more", len(all)-maxReasons)
	}
	return strings.Join(all, "; ")
}
