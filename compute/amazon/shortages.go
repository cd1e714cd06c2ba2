package amazon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// What EC2 could not supply is one record for each market: from the names of poolKeys
// to the moment when it may be asked for again. Two processes that write at once may
// lose an entry of each other, which costs one call that EC2 refuses.
type shortages map[string]time.Time

func shortagesKey(market compute.Market) string { return "shortages/" + string(market) }

// shortages returns what cannot be had in a market now.
func (b *Backend) shortages(ctx context.Context, market compute.Market) (shortages, error) {
	all, _, err := recall[shortages](ctx, b.o.Memory, shortagesKey(market))
	if err != nil {
		return nil, err
	}
	now := b.o.Now()
	for what, until := range all {
		if !now.Before(until) {
			delete(all, what)
		}
	}
	return all, nil
}

// noteShortages adds what EC2 has just refused.
func (b *Backend) noteShortages(ctx context.Context, market compute.Market, found []shortage) error {
	if len(found) == 0 {
		return nil
	}
	all, err := b.shortages(ctx, market)
	if err != nil {
		return err
	}
	if all == nil {
		all = shortages{}
	}
	now, last := b.o.Now(), time.Time{}
	for _, s := range found {
		all[s.What] = now.Add(s.For)
	}
	for _, until := range all {
		if until.After(last) {
			last = until
		}
	}
	return remember(ctx, b.o.Memory, shortagesKey(market), all, last)
}

// of returns until when a pool is short; zero if it is not.
func (s shortages) of(instanceType string, in subnet) time.Time {
	var until time.Time
	for _, what := range poolKeys(instanceType, in.Zone, in.ID) {
		if at := s[what]; at.After(until) {
			until = at
		}
	}
	return until
}

// pools pairs types with subnets, without what is short. If nothing is left, the error
// is compute.ErrNoCapacity and says when there may be something again.
func pools(instanceTypes []string, in []subnet, short shortages) ([]pool, error) {
	var out []pool
	var first time.Time
	for rank, instanceType := range instanceTypes {
		for _, s := range in {
			until := short.of(instanceType, s)
			switch {
			case until.IsZero() && len(out) < maxPools:
				out = append(out, pool{Type: instanceType, Subnet: s.ID, Zone: s.Zone, Rank: rank})
			case !until.IsZero() && (first.IsZero() || until.Before(first)):
				first = until
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: EC2 lately had none of %s in %s; it is asked again at %s", compute.ErrNoCapacity,
			reasons(instanceTypes), reasons(zonesOf(in)), first.UTC().Format(time.RFC3339))
	}
	return out, nil
}

func zonesOf(in []subnet) []string {
	var zones []string
	for _, s := range in {
		zones = append(zones, s.Zone)
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}
