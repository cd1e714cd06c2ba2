package store

import (
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// BuysSpot reports whether an environment may buy hosts on Spot: by its tag, else by its
// type.
func (e Environment) BuysSpot() bool {
	r := e.Detail.ComputeResources
	if r == nil {
		return false
	}
	switch e.Detail.Tags[batch.TagMarket] {
	case batch.MarketSpot, batch.MarketCheapest:
		return true
	case batch.MarketOnDemand:
		return false
	}
	return r.Type == types.CRTypeSpot
}
