package batch

import (
	"cmp"
	"fmt"
)

// TagMarket is the tag of a compute environment that says how its hosts are bought,
// whether its type is EC2 or SPOT: one of the values below. Without it the type says it.
const TagMarket = "packhorse:market"

// The values of TagMarket.
const (
	MarketSpot     = "spot"
	MarketOnDemand = "on-demand"
	// MarketCheapest buys for each job Spot or On-Demand, whichever is expected to cost
	// less until the job has ended, interruptions included.
	MarketCheapest = "cheapest"
)

// CheckEnvironmentTags returns what is wrong with the tags of an environment that mean
// something to Packhorse; hosts says that the environment launches hosts.
func CheckEnvironmentTags(tags map[string]string, hosts bool) error {
	return cmp.Or(CheckMarketTag(tags, hosts), CheckWaitTag(tags, hosts))
}

// CheckMarketTag returns what is wrong with TagMarket among the tags of an environment;
// hosts says that the environment launches hosts.
func CheckMarketTag(tags map[string]string, hosts bool) error {
	value, ok := tags[TagMarket]
	switch {
	case !ok:
		return nil
	case !hosts:
		return onlyForHosts(TagMarket)
	case value == MarketSpot, value == MarketOnDemand, value == MarketCheapest:
		return nil
	}
	return &Error{Code: CodeInvalid,
		Message: fmt.Sprintf("The value %q of the tag %s is not valid. Valid values are: [%s, %s, %s]", value, TagMarket, MarketSpot, MarketOnDemand, MarketCheapest),
		Next:    "set it to one of them, or leave the tag out: then the environment's type says it"}
}

// onlyForHosts refuses a tag on an environment that launches no hosts.
func onlyForHosts(tag string) error {
	return &Error{Code: CodeInvalid,
		Message: fmt.Sprintf("The tag %s is for managed compute environments of type EC2 or SPOT.", tag),
		Next:    "leave the tag out"}
}
