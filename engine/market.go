package engine

import (
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// marketOf is how hosts of an environment are bought: by its tag, else by its type. Where
// both markets are open it is Spot.
func marketOf(env store.Environment) compute.Market {
	return market(env.BuysSpot())
}

// bothMarkets reports whether an environment buys for each job in the market that is
// expected to cost less.
func bothMarkets(env store.Environment) bool {
	return env.Detail.Tags[batch.TagMarket] == batch.MarketCheapest && managed(env) && !fargate(env)
}

func market(spot bool) compute.Market {
	if spot {
		return compute.Spot
	}
	return compute.OnDemand
}

// marketFor is the market in which an offer is bought now.
func (s shortages) marketFor(spot bool) compute.Market {
	if s.both {
		return market(spot)
	}
	return s.market
}

// pool is a type in a market.
type pool struct {
	instanceType string
	market       compute.Market
}

// prices are what hosts cost, in dollars an hour.
type prices map[pool]float64

// of is what a host costs; 0 where nobody knows.
func (p prices) of(h *store.Host) float64 {
	return p[pool{h.Type, market(h.Market == compute.Spot)}]
}

// interruptions is how often a host is expected to be taken, per hour; 0 where its
// environment does not choose by it, which buys in both markets.
func (w *world) interruptions(both bool, h *store.Host) float64 {
	if !both || h.Market != compute.Spot {
		return 0
	}
	return w.spotRates.of(h.Type)
}

// offersKept is how long the market is taken for what it was: prices move.
const offersKept = 5 * time.Minute

// offersOf is what an environment of a version may launch. One that was deleted and
// made anew under its name is told by its uuid.
type offersOf struct {
	uuid    string
	version int64
	number  uint64 // tells it from those before
	market  catalog.Market
	at      time.Time // when that was the market last
	offers  []provisioner.Offer
	// worthy are those that none of the same vCPUs beats; nil where the order of the list
	// or both markets count.
	worthy []provisioner.Offer
	prices prices            // in both markets
	shapes []scheduler.Shape // of the offers, when none is short; nil until asked for
}

// offersOf returns the types that an environment may launch, in each market that it buys
// in, as they were while neither the environment nor the market has changed. Bare metal is offered only where
// it is named, which the expansion of the names sees to.
func (e *Engine) offersOf(env store.Environment) []provisioner.Offer {
	uuid, now := deref(env.Detail.Uuid), e.Now()
	known, ok := e.offers[env.Name()]
	if ok = ok && known.version == env.Version && known.uuid == uuid; ok && now.Sub(known.at) < offersKept {
		return known.offers
	}
	market := e.Market()
	if ok && market.Same(known.market) {
		known.at = now
		e.offers[env.Name()] = known
		return known.offers
	}
	var offers []provisioner.Offer
	usd := prices{}
	if r := env.Detail.ComputeResources; r != nil {
		sold, _ := market.Types.Expand(r.InstanceTypes)
		for _, t := range sold {
			spot := spotPrice(market, t)
			usd[pool{t.Name, compute.OnDemand}], usd[pool{t.Name, compute.Spot}] = t.OnDemandUSDPerHour, spot
			o := provisioner.Offer{
				Type: t.Name, Arch: t.Arch, USDPerHour: t.OnDemandUSDPerHour,
				Has: batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB), GPUs: int64(t.GPUs)},
			}
			if marketOf(env) == compute.Spot {
				o.Spot, o.USDPerHour = true, spot
			}
			offers = append(offers, o)
			if bothMarkets(env) {
				o.Spot, o.USDPerHour = false, t.OnDemandUSDPerHour
				offers = append(offers, o)
			}
		}
	}
	slices.SortStableFunc(offers, func(a, b provisioner.Offer) int { return int(a.Has.MilliVCPU - b.Has.MilliVCPU) })
	rank(env, market.Types, offers)
	e.offersMade++
	e.offers[env.Name()] = offersOf{uuid: uuid, version: env.Version, number: e.offersMade, market: market, at: now, offers: offers, worthy: worthy(env, offers), prices: usd}
	return offers
}

// worthy leaves out what is beaten where cost alone decides: a type as dear as another one
// of the same vCPUs, or dearer, that has no more of anything.
func worthy(env store.Environment, offers []provisioner.Offer) []provisioner.Offer {
	if strategy(env) != provisioner.Cheapest || bothMarkets(env) {
		return nil
	}
	beaten := func(o, by *provisioner.Offer) bool {
		return o.Has.MilliVCPU == by.Has.MilliVCPU && o.Arch == by.Arch && o.Spot == by.Spot && o.Has.Fits(by.Has) &&
			by.USDPerHour > 0 && by.USDPerHour <= o.USDPerHour
	}
	kept := make([]provisioner.Offer, 0, len(offers))
	for i := range offers {
		o := &offers[i]
		if slices.ContainsFunc(kept, func(k provisioner.Offer) bool { return beaten(o, &k) }) {
			continue
		}
		kept = slices.DeleteFunc(kept, func(k provisioner.Offer) bool { return beaten(&k, o) })
		kept = append(kept, *o)
	}
	return kept
}

// known is offersOf with what belongs to it.
func (e *Engine) known(env store.Environment) offersOf {
	e.offersOf(env)
	return e.offers[env.Name()]
}

// spotPrice is what a type costs on Spot, in dollars an hour; the On-Demand price, which it
// never exceeds, where nobody knows.
func spotPrice(m catalog.Market, t catalog.Type) float64 {
	if usd, ok := m.SpotUSDPerHour[t.Name]; ok {
		return usd
	}
	return t.OnDemandUSDPerHour
}

// allOffers are the offers of an environment as they are now: those that could not be had
// lately are short, and all are bought On-Demand while Spot is given up. Nobody changes
// them.
func (e *Engine) allOffers(env store.Environment, w *world, now time.Time) []provisioner.Offer {
	offers, short := e.offersOf(env), w.short[env.Name()]
	if len(short.all) == 0 && !short.both {
		if worthy := e.offers[env.Name()].worthy; worthy != nil {
			return worthy
		}
		return offers
	}
	as, number := w.offers[env.Name()], e.offers[env.Name()].number
	if as != nil && as.number == number && as.market == short.market {
		return as.offers
	}
	offers = slices.Clone(offers)
	usd := e.prices(env)
	for i := range offers {
		o := &offers[i]
		if len(short.all) > 0 {
			_, o.Short = short.of(o, now)
		}
		if !short.both {
			o.USDPerHour = usd[pool{o.Type, short.market}]
		} else if o.Spot {
			o.Interruptions = w.spotRates.of(o.Type)
		}
	}
	if w.offers == nil {
		w.offers = map[string]*offersNow{}
	}
	w.offers[env.Name()] = &offersNow{number: number, market: short.market, offers: offers}
	return offers
}

// offersNow are the offers of an environment as a pass finds them, where they are not the
// same for all passes: made of those of a number, and bought in a market.
type offersNow struct {
	number uint64
	market compute.Market
	offers []provisioner.Offer
}

// shapesOf is what an environment may launch as the scheduler sees it.
func (e *Engine) shapesOf(env store.Environment, w *world, now time.Time) []scheduler.Shape {
	offers, short := e.allOffers(env, w, now), w.short[env.Name()]
	known := e.offers[env.Name()]
	same := len(short.all) == 0 && !short.both
	if same && known.shapes != nil {
		return known.shapes // nobody changes them
	}
	shapes := make([]scheduler.Shape, len(offers))
	for i, o := range offers {
		shapes[i] = scheduler.Shape{Type: o.Type, Has: o.Has, Arch: o.Arch, USDPerHour: o.USDPerHour, Short: o.Short, Interruptions: o.Interruptions}
	}
	if same {
		known.shapes = shapes
		e.offers[env.Name()] = known
	}
	return shapes
}
