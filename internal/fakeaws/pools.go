package fakeaws

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// pools lists the pools of a fleet, in the order of its overrides, and the errors of
// overrides that are none.
func (c *Cloud) pools(in *ec2.CreateFleetInput) ([]pool, []types.CreateFleetError, error) {
	var pools []pool
	var problems []types.CreateFleetError
	for _, config := range in.LaunchTemplateConfigs {
		s := config.LaunchTemplateSpecification
		if s == nil {
			return nil, nil, refuse("MissingParameter", "The request must contain the parameter LaunchTemplateSpecification")
		}
		t, err := c.template(s.LaunchTemplateId, s.LaunchTemplateName)
		if err != nil {
			return nil, nil, err
		}
		v, err := t.version(value(s.Version))
		if err != nil {
			return nil, nil, err
		}
		overrides := config.Overrides
		if len(overrides) == 0 {
			overrides = []types.FleetLaunchTemplateOverridesRequest{{}}
		}
		for _, o := range overrides {
			more, problem := c.poolsOf(t, v, o)
			if problem != nil {
				problem.LaunchTemplateAndOverrides = (pool{version: v, override: o}).told()
				problem.LaunchTemplateAndOverrides.Overrides.InstanceType = o.InstanceType
				problem.LaunchTemplateAndOverrides.Overrides.SubnetId = o.SubnetId
				problems = append(problems, *problem)
			}
			pools = append(pools, more...)
		}
	}
	return pools, problems, nil
}

// poolsOf lists the pools of one override: one for each subnet that it allows.
func (c *Cloud) poolsOf(t *template, v *types.LaunchTemplateVersion, o types.FleetLaunchTemplateOverridesRequest) ([]pool, *types.CreateFleetError) {
	data := v.LaunchTemplateData
	name := cmp.Or(o.InstanceType, data.InstanceType)
	if name == "" {
		return nil, fleetError("InvalidParameterCombination", "No instance type is specified in the launch template or the override.")
	}
	typ, ok := c.o.Catalog.Lookup(string(name))
	if !ok {
		return nil, fleetError("InvalidParameterValue", "Invalid value '%s' for InstanceType.", name)
	}
	image, problem := c.image(cmp.Or(value(o.ImageId), value(data.ImageId)), typ.Arch)
	if problem != nil {
		return nil, problem
	}
	subnets, problem := c.allowedSubnets(data, o)
	if problem != nil {
		return nil, problem
	}
	for _, group := range securityGroups(data) {
		if !slices.ContainsFunc(c.network.groups, func(g types.SecurityGroup) bool { return *g.GroupId == group }) {
			return nil, fleetError("InvalidGroup.NotFound", "The security group '%s' does not exist", group)
		}
	}
	var pools []pool
	for _, s := range subnets {
		p := pool{template: t, version: v, override: o, typ: typ, subnet: s, image: image, weight: 1}
		if w := value(o.WeightedCapacity); w > 0 {
			p.weight = w
		}
		pools = append(pools, p)
	}
	return pools, nil
}

// securityGroups are those of a template, wherever it has them.
func securityGroups(data *types.ResponseLaunchTemplateData) []string {
	groups := data.SecurityGroupIds
	for _, n := range data.NetworkInterfaces {
		groups = append(groups[:len(groups):len(groups)], n.Groups...)
	}
	return groups
}

func (c *Cloud) allowedSubnets(data *types.ResponseLaunchTemplateData, o types.FleetLaunchTemplateOverridesRequest) ([]types.Subnet, *types.CreateFleetError) {
	names := value(o.SubnetId)
	for _, n := range data.NetworkInterfaces {
		names = cmp.Or(names, value(n.SubnetId))
	}
	zone := value(o.AvailabilityZone)
	if p := o.Placement; p != nil {
		zone = cmp.Or(zone, value(p.AvailabilityZone))
	}
	var subnets []types.Subnet
	if names == "" {
		for _, s := range c.network.subnets {
			if zone == "" || zone == *s.AvailabilityZone {
				subnets = append(subnets, s)
			}
		}
		if len(subnets) == 0 {
			return nil, fleetError("InvalidParameterValue", "Invalid availability zone: [%s]", zone)
		}
		return subnets, nil
	}
	for id := range strings.SplitSeq(names, ",") {
		s, ok := c.network.subnet(strings.TrimSpace(id))
		if !ok {
			return nil, fleetError("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", strings.TrimSpace(id))
		}
		subnets = append(subnets, s)
	}
	return subnets, nil
}

var amiID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

// image finds the image of an instance: an id, or a parameter of SSM that holds one.
// The ECS images have an architecture, of others nothing is known.
func (c *Cloud) image(name, arch string) (string, *types.CreateFleetError) {
	if parameter, ok := strings.CutPrefix(name, "resolve:ssm:"); ok {
		p := c.parameters[parameter]
		if p == nil {
			return "", fleetError("InvalidParameterValue", "The SSM parameter %s does not exist", parameter)
		}
		name = *p.is.Value
	}
	if name == "" {
		return "", fleetError("MissingParameter", "The request must contain the parameter ImageId")
	}
	if !amiID.MatchString(name) {
		return "", fleetError("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", name)
	}
	if own := c.imageArch(name); own != "" && own != arch {
		return "", fleetError("InvalidParameterValue",
			"The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.", arch, own)
	}
	return name, nil
}

// orderOnDemand puts pools into the order of a strategy: by price, or by priority.
func orderOnDemand(pools []pool, strategy types.FleetOnDemandAllocationStrategy) []pool {
	order := slices.Clone(pools)
	slices.SortStableFunc(order, func(a, b pool) int {
		if strategy == types.FleetOnDemandAllocationStrategyPrioritized {
			return cmp.Compare(a.priority(), b.priority())
		}
		return cmp.Compare(a.typ.OnDemandUSDPerHour/a.weight, b.typ.OnDemandUSDPerHour/b.weight)
	})
	return order
}

// orderSpot does so for Spot. How deep a pool is, for the capacity-optimized ones, is
// chance; "diversified" is not spread within one fleet here, its order is chance.
func (c *Cloud) orderSpot(pools []pool, strategy types.SpotAllocationStrategy) []pool {
	price := func(p pool) float64 { return c.spotPrice(p.typ, *p.subnet.AvailabilityZone) / p.weight }
	shallow := func(p pool) float64 { return c.stream("pool-depth", p.typ.Name+*p.subnet.SubnetId).Float64() }
	order := slices.Clone(pools)
	slices.SortStableFunc(order, func(a, b pool) int {
		switch strategy {
		case types.SpotAllocationStrategyCapacityOptimizedPrioritized:
			return cmp.Compare(a.priority(), b.priority())
		case types.SpotAllocationStrategyCapacityOptimized, types.SpotAllocationStrategyDiversified:
			return cmp.Compare(shallow(a), shallow(b))
		case types.SpotAllocationStrategyPriceCapacityOptimized:
			return cmp.Compare(price(a)*(0.5+shallow(a)), price(b)*(0.5+shallow(b)))
		}
		return cmp.Compare(price(a), price(b))
	})
	return order
}

// priority is that of the override: lower comes first, none last.
func (p pool) priority() float64 {
	if p.override.Priority == nil {
		return math.Inf(1)
	}
	return *p.override.Priority
}
