package amazon

import (
	"context"
	"slices"

	"github.com/packhorse-batch/packhorse/compute"
)

// choose lists the pools that a host may come from, without those that lately had
// nothing.
func (b *Backend) choose(ctx context.Context, r compute.HostRequest) (choices, error) {
	c := choices{Market: r.Market}
	in, err := b.subnets(ctx, r.Settings)
	if err != nil {
		return c, err
	}
	short, err := b.shortages(ctx, r.Market)
	if err != nil {
		return c, err
	}
	instanceTypes := []string{r.Type}
	for _, other := range r.Others {
		if !slices.Contains(instanceTypes, other) {
			instanceTypes = append(instanceTypes, other)
		}
	}
	all, err := pools(instanceTypes, in, short)
	if err != nil {
		return c, err
	}
	at := map[kind]int{}
	refused := map[kind]error{}
	for _, p := range all {
		k := kindOf(p.Type)
		if refused[k] != nil {
			continue
		}
		i, ok := at[k]
		if !ok {
			t, err := b.template(ctx, r, k)
			if err != nil {
				refused[k] = err
				continue
			}
			i, at[k] = len(c.Groups), len(c.Groups)
			c.Groups = append(c.Groups, group{Template: t})
		}
		c.Groups[i].Pools = append(c.Groups[i].Pools, p)
	}
	for k, err := range refused {
		if len(c.Groups) == 0 {
			return c, err
		}
		b.o.Log.Warn("some types are left out of a launch", "environment", r.Environment, "kind", k.String(), "error", err)
	}
	distinct := map[string]bool{}
	for _, p := range all {
		distinct[p.Type] = true
	}
	c.Strategy = strategyOf(r.Settings, r.Market, len(distinct))
	if bid := deref(r.Settings.BidPercentage); r.Market == compute.Spot && bid > 0 && bid < 100 {
		// A price below On-Demand's would have to be said in dollars for each type, which
		// nobody here knows; EC2 never takes more than On-Demand's.
		b.o.Log.Warn("bidPercentage is not kept to: Spot is bought at the market's price, at most that of On-Demand",
			"environment", r.Environment, "bidPercentage", bid)
	}
	return c, nil
}
