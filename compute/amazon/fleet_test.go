package amazon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/compute"
)

func TestStrategyOf(t *testing.T) {
	tests := map[string]struct {
		strategy types.CRAllocationStrategy
		market   compute.Market
		types    int
		want     string
	}{
		"On-Demand, several types: in the order of the request": {types.CRAllocationStrategyBestFitProgressive, compute.OnDemand, 3, "prioritized"},
		"On-Demand, one type: where it is cheapest":             {types.CRAllocationStrategyBestFit, compute.OnDemand, 1, "lowest-price"},
		"Spot":                    {types.CRAllocationStrategySpotPriceCapacityOptimized, compute.Spot, 3, "price-capacity-optimized"},
		"Spot, no strategy named": {"", compute.Spot, 1, "price-capacity-optimized"},
		"Spot, where it lasts":    {types.CRAllocationStrategySpotCapacityOptimized, compute.Spot, 3, "capacity-optimized"},
		"Spot, with an order":     {"SPOT_CAPACITY_OPTIMIZED_PRIORITIZED", compute.Spot, 3, "capacity-optimized-prioritized"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := strategyOf(&types.ComputeResource{AllocationStrategy: test.strategy}, test.market, test.types)
			if got != test.want {
				t.Errorf("strategyOf(%s, %s, %d types) = %s, want %s", test.strategy, test.market, test.types, got, test.want)
			}
		})
	}
}

// twoPools are a small and a large type in two zones, of one template.
func twoPools(market compute.Market, strategy string) choices {
	return choices{Market: market, Strategy: strategy, Groups: []group{{
		Template: template{ID: "lt-1", Version: "7"},
		Pools: []pool{
			{Type: "m5.large", Subnet: "subnet-a", Zone: "us-east-1a"}, {Type: "m5.large", Subnet: "subnet-b", Zone: "us-east-1b"},
			{Type: "m5.xlarge", Subnet: "subnet-a", Zone: "us-east-1a", Rank: 1}, {Type: "m5.xlarge", Subnet: "subnet-b", Zone: "us-east-1b", Rank: 1},
		},
	}}}
}

func TestFleetInput(t *testing.T) {
	in := fleetInput("h-1", twoPools(compute.OnDemand, "prioritized"), map[string]string{tagHost: "h-1"})
	if in.Type != ec2types.FleetTypeInstant || *in.ClientToken != "h-1" || *in.TargetCapacitySpecification.TotalTargetCapacity != 1 {
		t.Errorf("type %s, token %s, capacity %d; want one instance at once under the host's id", in.Type, *in.ClientToken, *in.TargetCapacitySpecification.TotalTargetCapacity)
	}
	if in.TargetCapacitySpecification.DefaultTargetCapacityType != "on-demand" || in.OnDemandOptions.AllocationStrategy != "prioritized" || in.SpotOptions != nil {
		t.Errorf("capacity %s, options %+v and %+v", in.TargetCapacitySpecification.DefaultTargetCapacityType, in.OnDemandOptions, in.SpotOptions)
	}
	config := in.LaunchTemplateConfigs[0]
	if *config.LaunchTemplateSpecification.LaunchTemplateId != "lt-1" || *config.LaunchTemplateSpecification.Version != "7" {
		t.Errorf("launch template %+v, want lt-1, version 7", config.LaunchTemplateSpecification)
	}
	var got []string
	for _, o := range config.Overrides {
		got = append(got, string(o.InstanceType)+" "+*o.SubnetId)
	}
	want := []string{"m5.large subnet-a", "m5.large subnet-b", "m5.xlarge subnet-a", "m5.xlarge subnet-b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overrides differ (-want +got):\n%s", diff)
	}
	if *config.Overrides[0].Priority != 0 || *config.Overrides[2].Priority != 1 {
		t.Error("the priorities are not the order of the request")
	}
	if spec := in.TagSpecifications[0]; spec.ResourceType != ec2types.ResourceTypeInstance || *spec.Tags[0].Value != "h-1" {
		t.Errorf("tags %+v, want the host's id on the instance", spec)
	}

	spot := fleetInput("h-2", twoPools(compute.Spot, "price-capacity-optimized"), nil)
	if spot.TargetCapacitySpecification.DefaultTargetCapacityType != "spot" || spot.SpotOptions.AllocationStrategy != "price-capacity-optimized" || spot.OnDemandOptions != nil {
		t.Errorf("Spot: capacity %s, options %+v and %+v", spot.TargetCapacitySpecification.DefaultTargetCapacityType, spot.SpotOptions, spot.OnDemandOptions)
	}
	if spot.LaunchTemplateConfigs[0].Overrides[0].Priority != nil {
		t.Error("a strategy without an order has priorities")
	}
}

// refusal is an error of a fleet for one override.
func refusal(code, message, instanceType, in string) ec2types.CreateFleetError {
	return ec2types.CreateFleetError{
		ErrorCode: &code, ErrorMessage: &message,
		LaunchTemplateAndOverrides: &ec2types.LaunchTemplateAndOverridesResponse{
			Overrides: &ec2types.FleetLaunchTemplateOverrides{InstanceType: ec2types.InstanceType(instanceType), SubnetId: &in},
		},
	}
}

func TestOutcomeReadsTheErrorOfEachOverride(t *testing.T) {
	c := twoPools(compute.Spot, "price-capacity-optimized")
	tests := map[string]struct {
		code, message string
		what          string // empty: a fault of the request
		lasts         time.Duration
	}{
		"no capacity":              {"InsufficientInstanceCapacity", "We currently do not have sufficient capacity", "m5.large/us-east-1b", capacityFor},
		"no capacity for fleets":   {"UnfulfillableCapacity", "Unable to fulfill capacity", "m5.large/us-east-1b", capacityFor},
		"the price is above ours":  {"SpotMaxPriceTooLow", "Your Spot request price is lower than the minimum", "m5.large/us-east-1b", priceFor},
		"the quota of Spot":        {"MaxSpotInstanceCountExceeded", "Max spot instance count exceeded", "m5.large", limitFor},
		"the quota of vCPUs":       {"VcpuLimitExceeded", "You have requested more vCPU capacity than your current limit", "m5.large", limitFor},
		"no addresses":             {"InsufficientFreeAddressesInSubnet", "not enough free addresses", "subnet/subnet-b", addressesFor},
		"not in that zone":         {"InvalidFleetConfiguration", "Your requested instance type (m5.large) is not supported in your requested Availability Zone", "m5.large/us-east-1b", unsupportedFor},
		"no such type":             {"InvalidInstanceType", "no such type", "m5.large", unsupportedFor},
		"we may not":               {"UnauthorizedOperation", "You are not authorized to perform this operation", "", 0},
		"the request is wrong":     {"InvalidFleetConfiguration", "The security group does not exist", "", 0},
		"the profile is not there": {"InvalidParameterValue", "Invalid IAM Instance Profile name", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := outcomeOf(&ec2.CreateFleetOutput{Errors: []ec2types.CreateFleetError{refusal(test.code, test.message, "m5.large", "subnet-b")}}, c)
			if test.what == "" {
				if len(o.Faults) != 1 || len(o.Shortages) != 0 {
					t.Errorf("outcome of %s = %+v, want a fault", test.code, o)
				}
				return
			}
			if len(o.Shortages) != 1 || o.Shortages[0].What != test.what || o.Shortages[0].For != test.lasts {
				t.Errorf("outcome of %s = %+v, want no %s for %s", test.code, o, test.what, test.lasts)
			}
			if reason := o.Shortages[0].Reason; !strings.Contains(reason, "m5.large in us-east-1b: "+test.code) {
				t.Errorf("reason %q does not say what and why", reason)
			}
		})
	}
}

func TestOutcomeOfAFleetThatIsFulfilledInPart(t *testing.T) {
	o := outcomeOf(&ec2.CreateFleetOutput{
		Instances: []ec2types.CreateFleetInstance{{InstanceIds: []string{"i-1"}, InstanceType: "m5.xlarge"}},
		Errors: []ec2types.CreateFleetError{
			refusal("InsufficientInstanceCapacity", "none", "m5.large", "subnet-a"),
			refusal("InsufficientInstanceCapacity", "none", "m5.large", "subnet-a"),
			refusal("InsufficientInstanceCapacity", "none", "m5.large", "subnet-b"),
		},
	}, twoPools(compute.OnDemand, "prioritized"))
	if o.Instance != "i-1" || o.Type != "m5.xlarge" {
		t.Errorf("outcome = %+v, want i-1, an m5.xlarge", o)
	}
	if len(o.Shortages) != 2 {
		t.Errorf("%d shortages, want the two zones of m5.large once each", len(o.Shortages))
	}
}

func TestPoolsLeaveOutWhatIsShort(t *testing.T) {
	later := time.Date(2026, 11, 23, 12, 3, 0, 0, time.UTC)
	a, b := subnet{"subnet-a", "us-east-1a"}, subnet{"subnet-b", "us-east-1b"}
	tests := map[string]struct {
		short shortages
		want  []string
	}{
		"nothing is short":           {nil, []string{"m5.large a", "m5.large b", "c5.large a", "c5.large b"}},
		"a type in a zone":           {shortages{"m5.large/us-east-1a": later}, []string{"m5.large b", "c5.large a", "c5.large b"}},
		"a type everywhere":          {shortages{"m5.large": later}, []string{"c5.large a", "c5.large b"}},
		"a subnet without addresses": {shortages{"subnet/subnet-b": later}, []string{"m5.large a", "c5.large a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			all, err := pools([]string{"m5.large", "c5.large"}, []subnet{a, b}, test.short)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range all {
				got = append(got, p.Type+" "+strings.TrimPrefix(p.Subnet, "subnet-"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("pools differ (-want +got):\n%s", diff)
			}
		})
	}
	_, err := pools([]string{"m5.large"}, []subnet{a, b}, shortages{"m5.large": later})
	if !errors.Is(err, compute.ErrNoCapacity) || !strings.Contains(err.Error(), "asked again at 2026-11-23T12:03:00Z") {
		t.Errorf("pools() = %v with all short, want ErrNoCapacity and when it is asked again", err)
	}
}

func TestPoolsAreNoMoreThanAFleetTakes(t *testing.T) {
	var many []subnet
	for i := range maxPools {
		many = append(many, subnet{ID: "subnet-" + string(rune('a'+i%26)), Zone: "us-east-1a"})
	}
	if all, err := pools([]string{"m5.large", "c5.large"}, many, nil); err != nil || len(all) != maxPools {
		t.Errorf("%d pools, %v; want %d", len(all), err, maxPools)
	}
}
