package engine

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// Allocation strategies that AWS Batch has and SDK v1.65 does not name.
const (
	bestFitProgressiveOrdered        types.CRAllocationStrategy = "BEST_FIT_PROGRESSIVE_ORDERED"
	spotCapacityOptimizedPrioritized types.CRAllocationStrategy = "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED"
)

// strategy is what an environment's allocation strategy means for the types that are
// launched in it. One without a strategy has BEST_FIT, as with AWS Batch.
func strategy(env store.Environment) provisioner.Strategy {
	r := env.Detail.ComputeResources
	if r == nil {
		return provisioner.Cheapest
	}
	switch r.AllocationStrategy {
	case "", types.CRAllocationStrategyBestFit:
		return provisioner.BestFit
	case bestFitProgressiveOrdered, spotCapacityOptimizedPrioritized:
		return provisioner.Ordered
	}
	return provisioner.Cheapest
}

// rank gives offers their place in the environment's list where its strategy keeps to
// that: the sizes of a family have the same.
func rank(env store.Environment, sold *catalog.Catalog, offers []provisioner.Offer) {
	if strategy(env) != provisioner.Ordered {
		return
	}
	ranks := map[string]int{}
	for i, entry := range env.Detail.ComputeResources.InstanceTypes {
		meant, _ := sold.Expand([]string{entry})
		for _, t := range meant {
			if _, known := ranks[t.Name]; !known {
				ranks[t.Name] = i
			}
		}
	}
	for i := range offers {
		offers[i].Rank = ranks[offers[i].Type]
	}
}

// offersNow is what an environment may launch now: without what could not be had lately,
// except where its strategy waits for that.
func (e *Engine) offersNow(env store.Environment, w *world, now time.Time) []provisioner.Offer {
	offers := e.allOffers(env, w, now)
	if strategy(env) == provisioner.BestFit {
		return offers
	}
	if !slices.ContainsFunc(offers, func(o provisioner.Offer) bool { return o.Short }) {
		return offers
	}
	return slices.DeleteFunc(slices.Clone(offers), func(o provisioner.Offer) bool { return o.Short })
}

// waitFor tells the jobs that wait for hosts of an environment that their one type cannot
// be had, if one is waited for. told says so in words.
func waitFor(instanceType string, env store.Environment, waits []scheduler.Wait, told string) {
	if instanceType == "" {
		return
	}
	for i := range waits {
		if w := &waits[i]; w.Environment == env.Name() && w.Reason.Token == scheduler.TokenNone {
			w.Reason.Token = scheduler.TokenNoCapacity
			w.Reason.Detail = told + ". The allocation strategy BEST_FIT waits for it. " + w.Reason.Detail
		}
	}
}
