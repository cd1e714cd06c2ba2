package prices

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/packhorse-batch/packhorse/internal/account/book"
	"github.com/packhorse-batch/packhorse/store"
)

// How old each part of the book may become. AWS changes On-Demand prices a few times a
// year and adds types every few weeks; Spot prices follow demand over hours and days.
var maxAge = map[string]time.Duration{
	book.Types:    24 * time.Hour,
	book.OnDemand: 24 * time.Hour,
	book.Spot:     30 * time.Minute,
}

const (
	// patience bounds what Keep does at a time. A whole price list takes about ten seconds.
	patience = 40 * time.Second
	// margin is what Keep leaves of its caller's time.
	margin = 5 * time.Second
	// againAfter is when a part that failed is asked for again.
	againAfter = 10 * time.Minute
	// leastShare is how much of what it had before a part must have at least. A list that
	// has lost more than half is taken for a broken one, not for a closing sale.
	leastShare = 0.5
)

// Keeper keeps the book of a deployment up to date. Its options are set before the first
// call of Keep; calls follow each other.
type Keeper struct {
	Clients Clients
	Records *store.Records
	Region  string
	Now     func() time.Time
	Log     *slog.Logger

	next map[string]time.Time // when a part is looked at again
}

// Keep asks AWS for the parts of the book that are out of date and writes them. It ends
// after 40 s, or 5 s before ctx does, whatever became of it: what could not be done is
// logged and tried again later, and the book stays as it was so far.
func (k *Keeper) Keep(ctx context.Context) {
	if end, ok := ctx.Deadline(); ok {
		var before context.CancelFunc
		ctx, before = context.WithDeadline(ctx, end.Add(-margin))
		defer before()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if k.next == nil {
		k.next = map[string]time.Time{}
	}
	// Spot first: it is what changes. The Pricing API last: it is in another region, and may
	// be out of reach.
	for _, part := range []string{book.Spot, book.Types, book.OnDemand} {
		now := k.Now()
		if now.Before(k.next[part]) || part == book.OnDemand && PricingRegion(k.Region) == "" {
			continue
		}
		at, err := k.keep(ctx, part, now)
		if err != nil {
			k.next[part] = now.Add(againAfter)
			k.Log.Warn("the prices could not be refreshed; those from before stay in use", "part", part, "againAt", k.next[part], "error", err)
			continue
		}
		k.next[part] = at.Add(maxAge[part])
	}
}

// keep refreshes a part if it is out of date, and returns when AWS was asked for what is
// there now. Spot prices are the largest part and change most; where nobody buys Spot they
// are left alone, and whether somebody does is looked at again after againAfter.
func (k *Keeper) keep(ctx context.Context, part string, now time.Time) (time.Time, error) {
	stored, err := k.Records.Prices(ctx, part)
	if err != nil && !store.IsNotFound(err) {
		return now, err
	}
	here := stored.Region == k.Region
	if here && now.Sub(stored.At) < maxAge[part] {
		return stored.At, nil
	}
	b := book.Book{Region: k.Region, At: map[string]time.Time{}}
	if part == book.Spot {
		if buys, err := k.buysSpot(ctx); err != nil || !buys {
			return now.Add(againAfter - maxAge[part]), err
		}
	}
	if err := refresh(ctx, k.Clients, &b, part, now); err != nil {
		return now, err
	}
	if had := (&book.Book{}); here && had.Read(stored) == nil {
		if few := float64(had.Len(part)) * leastShare; float64(b.Len(part)) < few {
			return now, fmt.Errorf("prices %q of %s: AWS named %d entries and %d before; that looks like a part of them", part, k.Region, b.Len(part), had.Len(part))
		}
	}
	next, err := b.Write(part)
	if err != nil {
		return now, err
	}
	next.Version = stored.Version
	op, err := k.Records.PutPrices(next)
	if err != nil {
		return now, err
	}
	if err := k.Records.Write(ctx, op); err != nil && !store.IsConflict(err) { // then another has done it
		return now, err
	}
	k.Log.Info("the prices were refreshed", "part", part, "region", k.Region, "entries", b.Len(part), "bytes", len(op.Item.Data))
	return now, nil
}

// buysSpot reports whether an environment buys Spot.
func (k *Keeper) buysSpot(ctx context.Context) (bool, error) {
	envs, err := k.Records.ViewEnvironments(ctx)
	for i := range envs {
		if envs[i].BuysSpot() {
			return true, err
		}
	}
	return false, err
}
