package engine

import (
	"context"
	"math"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

const (
	// spotHalfLife is after what time the end of a Spot host counts half: pools come and go
	// within weeks.
	spotHalfLife = 14 * 24 * time.Hour
	// Before anything is known, one host in twenty is taken a month (of 730 hours), the limit
	// of the best class of AWS's Spot Instance Advisor. That counts as much as three days of
	// a host.
	priorRate  = 0.05 / 730
	priorHours = 72
	// typeHours is how long hosts of a type must have been up until the type's own record
	// counts as much as that of all types together.
	typeHours = 72
)

// noteSpotEnd records the end of a Spot host: how long it was up, and whether EC2 took it.
// What cannot be written is lost; it is one of many.
func (e *Engine) noteSpotEnd(ctx context.Context, h store.Host, taken bool, now time.Time) {
	if h.Market != compute.Spot || h.Instance == "" {
		return
	}
	const tries = 3
	for range tries {
		u, err := e.Records.SpotUse(ctx, h.Type)
		if err == nil {
			u = decayedUse(u, now)
			u.Hours += max(0, now.Sub(h.CreatedAt.Time()).Hours())
			if taken {
				u.Taken++
			}
			err = e.Records.Write(ctx, e.Records.PutSpotUse(u))
		}
		if store.IsConflict(err) {
			continue
		}
		if err != nil {
			e.Log.Debug("the end of a Spot host was not noted", "host", h.Instance, "error", err)
		}
		return
	}
}

// decayedUse is what a record counts now.
func decayedUse(u store.SpotUse, now time.Time) store.SpotUse {
	if u.AsOf > 0 {
		left := math.Exp2(-max(0, now.Sub(u.AsOf.Time()).Hours()) / spotHalfLife.Hours())
		u.Hours, u.Taken = u.Hours*left, u.Taken*left
	}
	u.AsOf = batch.MillisOf(now)
	return u
}

// spotRates are how often Spot hosts are expected to be taken, per hour.
type spotRates struct {
	all    float64
	byType map[string]float64
}

// ratesOf reckons the rates from the records of types: what was seen, with the prior; and
// for each type what was seen of it, with the rate of all types as its prior.
func ratesOf(uses []store.SpotUse, now time.Time) spotRates {
	r := spotRates{byType: make(map[string]float64, len(uses))}
	taken, hours := float64(priorRate*priorHours), float64(priorHours)
	for i := range uses {
		uses[i] = decayedUse(uses[i], now)
		taken, hours = taken+uses[i].Taken, hours+uses[i].Hours
	}
	r.all = taken / hours
	for _, u := range uses {
		r.byType[u.Type] = (u.Taken + r.all*typeHours) / (u.Hours + typeHours)
	}
	return r
}

// of is how often a Spot host of a type is expected to be taken, per hour.
func (r spotRates) of(instanceType string) float64 {
	if rate, ok := r.byType[instanceType]; ok {
		return rate
	}
	return r.all
}

// loadSpotRates reads how often Spot hosts are taken, if an environment chooses by it.
func (e *Engine) loadSpotRates(ctx context.Context, w *world, now time.Time) error {
	for _, env := range w.envs {
		if bothMarkets(env) {
			uses, err := e.Records.SpotUses(ctx)
			w.spotRates = ratesOf(uses, now)
			return err
		}
	}
	return nil
}
