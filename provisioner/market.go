package provisioner

import (
	"math"
	"time"
)

// A job on Spot costs less an hour, and is now and then taken away with all that it has
// done. Which of the two markets is cheaper depends on how long it runs: what it does again
// grows with the square of that.

// cost is what a host of an offer is expected to cost for a job, of which it holds share,
// from its launch to the job's end: the boot, the job's time, and on Spot what it does again.
func (o *Offer) cost(d Demand, share float64, boot time.Duration) float64 {
	return o.price() * share * (boot + d.Runs.OnSpot(o.Interruptions, boot)).Hours()
}

// share is the part of a host of an offer that each of the equal jobs of a group pays for,
// when as many of them as it holds run on it.
func (o *Offer) share(d Demand) float64 {
	return 1 / float64(max(1, min(times(d.Need, o.Has), int64(d.Count))))
}

// onSpot reports whether jobs of a group are expected to cost less on Spot than On-Demand,
// each market by the offer that is cheapest for them. Jobs of which nothing is known go by
// the price alone; where a market has nothing that holds them, they go to the other.
func (e *Environment) onSpot(d Demand) bool {
	spot, onDemand := math.Inf(1), math.Inf(1)
	for i := range e.Offers {
		o := &e.Offers[i]
		if o.Short || !o.fits(d) || o.Has.MilliVCPU > e.MaxMilliVCPU {
			continue
		}
		usd := o.cost(d, o.share(d), e.paidBoot())
		if o.Spot {
			spot = min(spot, usd)
		} else {
			onDemand = min(onDemand, usd)
		}
	}
	return spot < onDemand
}

// bothMarkets reports whether there are offers in both markets.
func (e *Environment) bothMarkets() bool {
	for i := range e.Offers {
		if e.Offers[i].Spot != e.Offers[0].Spot {
			return true
		}
	}
	return false
}

// byMarket parts groups among Spot and On-Demand. What a Spot host is expected to be taken
// for is added to its price, so that of two types the one that lasts is preferred.
func byMarket(e *Environment, groups []Demand) []turn {
	var spot, onDemand turn
	for _, d := range groups {
		if e.onSpot(d) {
			spot.groups = append(spot.groups, d)
		} else {
			onDemand.groups = append(onDemand.groups, d)
		}
	}
	var turns []turn
	if len(spot.groups) > 0 {
		spot.offers = inMarket(e.Offers, true)
		for i := range spot.offers {
			o := &spot.offers[i]
			o.USDPerHour, o.Interruptions = o.USDPerHour*again(o, spot.groups, e.paidBoot()), 0
		}
		turns = append(turns, spot)
	}
	if len(onDemand.groups) > 0 {
		onDemand.offers = inMarket(e.Offers, false)
		turns = append(turns, onDemand)
	}
	return turns
}

// inMarket copies the offers of one market.
func inMarket(offers []Offer, spot bool) []Offer {
	in := make([]Offer, 0, len(offers)/2+1)
	for i := range offers {
		if offers[i].Spot == spot {
			in = append(in, offers[i])
		}
	}
	return in
}

// again is how many times their own time the jobs of groups are expected to be paid for on
// hosts of an offer, in the mean.
func again(o *Offer, groups []Demand, boot time.Duration) float64 {
	var once, paid float64
	for i := range groups {
		if d := &groups[i]; d.Runs.Known() && o.fits(*d) {
			once += float64(d.Count) * d.Runs.Mean.Hours()
			paid += float64(d.Count) * d.Runs.OnSpot(o.Interruptions, boot).Hours()
		}
	}
	if once == 0 {
		return 1
	}
	return paid / once
}

// loss is what a job is expected to do again since the host that it runs on is taken, in
// dollars, at the price of a host of its own.
func (e *Environment) loss(h *Host, d Demand) float64 {
	if h.Interruptions <= 0 {
		return 0
	}
	least := math.Inf(1)
	for i := range e.Offers {
		if o := &e.Offers[i]; o.fits(d) {
			least = min(least, o.price())
		}
	}
	return least * (d.Runs.OnSpot(h.Interruptions, e.paidBoot()) - d.Runs.Mean).Hours()
}
