package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/store"
)

// shortageFor is how long a type that could not be had is not asked for again.
const shortageFor = 3 * time.Minute

// maxShortageWhy bounds how much of what compute said is told to those who wait, in bytes.
const maxShortageWhy = 300

// onDemandFor is how long On-Demand hosts are bought in place of Spot before Spot is
// tried again.
const onDemandFor = 10 * time.Minute

// shortages are what an environment could not get lately.
type shortages struct {
	market compute.Market // that hosts are bought in now
	both   bool           // they are bought in the other one too
	all    []store.Shortage
}

// loadShortages reads what an environment could not get, and decides in which market it
// buys now.
func (e *Engine) loadShortages(ctx context.Context, env store.Environment, now time.Time) (shortages, error) {
	s := shortages{market: marketOf(env), both: bothMarkets(env)}
	if !managed(env) || fargate(env) {
		return s, nil
	}
	var err error
	if s.all, err = e.Records.Shortages(ctx, env.Name()); err != nil {
		return s, err
	}
	if s.market == compute.Spot && !s.both && s.spotGivenUp([]*batch.OnDemandAfter{batch.OnDemandAfterOf(env.Detail.Tags)}, now) {
		s.market = compute.OnDemand
	}
	return s, nil
}

// spotGivenUp reports whether one of the policies asks for On-Demand hosts by now.
func (s shortages) spotGivenUp(policies []*batch.OnDemandAfter, now time.Time) bool {
	tries, first, last := 0, batch.Millis(0), batch.Millis(0)
	for _, short := range s.all {
		if short.Market != compute.Spot {
			continue
		}
		tries += short.Tries
		if first == 0 || short.First < first {
			first = short.First
		}
		last = max(last, short.Until)
	}
	if tries == 0 || now.After(last.Time().Add(onDemandFor)) {
		return false
	}
	for _, p := range policies {
		if p.Over(tries, now.Sub(first.Time())) {
			return true
		}
	}
	return false
}

// heedJobs lets the jobs at the front of the queues ask for On-Demand hosts too.
func (e *Engine) heedJobs(w *world, now time.Time) {
	var policies map[string][]*batch.OnDemandAfter // by queue
	for _, j := range w.jobs {
		if j.OnDemand != nil {
			if policies == nil {
				policies = map[string][]*batch.OnDemandAfter{}
			}
			policies[j.Queue] = append(policies[j.Queue], j.OnDemand)
		}
	}
	if policies == nil {
		return
	}
	for _, q := range w.queues {
		for _, name := range q.Environments() {
			s, ok := w.short[name]
			if ok && s.market == compute.Spot && !s.both && s.spotGivenUp(policies[q.Name()], now) {
				s.market = compute.OnDemand
				w.short[name] = s
			}
		}
	}
}

// of returns the shortage of an offer, if it is not over.
func (s shortages) of(o *provisioner.Offer, now time.Time) (store.Shortage, bool) {
	for _, short := range s.all {
		if short.Type == o.Type && short.Market == s.marketFor(o.Spot) && now.Before(short.Until.Time()) {
			return short, true
		}
	}
	return store.Shortage{}, false
}

// next returns the shortage that is over first.
func (s shortages) next(now time.Time) (store.Shortage, bool) {
	var first store.Shortage
	for _, short := range s.all {
		sooner := first.Until == 0 || short.Until < first.Until || short.Until == first.Until && short.Type < first.Type
		if (s.both || short.Market == s.market) && now.Before(short.Until.Time()) && sooner {
			first = short
		}
	}
	return first, first.Until != 0
}

// told says which type could not be had lately, the one first that is asked for again
// first; empty for none.
func (s shortages) told(now time.Time) string {
	short, ok := s.next(now)
	if !ok {
		return ""
	}
	told := fmt.Sprintf("Instance type %s could not be had; it is asked for again at %s",
		short.Type, short.Until.Time().UTC().Format(time.RFC3339))
	if why := strings.TrimSuffix(short.Why, ": "+compute.ErrNoCapacity.Error()); why != "" {
		told += " (" + why[:min(len(why), maxShortageWhy)] + ")"
	}
	return told
}

// noteShortage records that a type could not be had.
func (e *Engine) noteShortage(ctx context.Context, h store.Host, why error, now time.Time) error {
	known, err := e.Records.Shortages(ctx, h.Environment)
	if err != nil {
		return err
	}
	short := store.Shortage{Environment: h.Environment, Type: h.Type, Market: h.Market, First: batch.MillisOf(now)}
	for _, k := range known {
		// An old one counts no more: nobody asked for a long time.
		if k.Type == h.Type && k.Market == h.Market {
			short.Version = k.Version
			if now.Before(k.Until.Time().Add(onDemandFor)) {
				short = k
			}
		}
	}
	short.Tries++
	short.Until, short.Why = batch.MillisOf(now.Add(shortageFor)), why.Error()
	return ignoreConflict(e.Records.Write(ctx, e.Records.PutShortage(short)))
}

// endShortage forgets that a type could not be had, when it was.
func (e *Engine) endShortage(ctx context.Context, h store.Host, known shortages) error {
	for _, k := range known.all {
		if k.Type == h.Type && k.Market == h.Market {
			return ignoreConflict(e.Records.Write(ctx, e.Records.DeleteShortage(k)))
		}
	}
	return nil
}
