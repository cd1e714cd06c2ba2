package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/store"
)

// maxAsked bounds how many hosts are asked for at once. A call of CreateFleet takes about
// a second.
const maxAsked = 8

// asked is what became of asking for a host.
type asked struct {
	again bool      // another pass finds more to do
	due   time.Time // when to look again; zero: not
	later bool      // it could not be asked for
	short bool      // it could not be had
	err   error     // of the store
}

// askAgain asks for the hosts that are recorded but perhaps were never asked for, unless
// they were just ended.
func (e *Engine) askAgain(ctx context.Context, env store.Environment, t *team, ended []string, now time.Time, out *Outcome) error {
	var recorded []store.Host
	for _, h := range t.coming {
		if h.State == compute.HostLaunching && !slices.Contains(ended, h.ID) {
			recorded = append(recorded, h.Host)
		}
	}
	if len(recorded) == 0 {
		return nil
	}
	_, err := e.askAll(ctx, env, recorded, shortages{}, now, out)
	return err
}

// askAll asks for hosts that are recorded, and reports whether all could be had.
func (e *Engine) askAll(ctx context.Context, env store.Environment, hosts []store.Host, known shortages, now time.Time, out *Outcome) (had bool, err error) {
	results := make([]asked, len(hosts))
	var wait sync.WaitGroup
	slots := make(chan struct{}, e.outbox.atOnce(maxAsked))
	for i, h := range hosts {
		slots <- struct{}{}
		ask := func() {
			if results[i] = e.ask(ctx, env, h, now); !results[i].short && !results[i].later {
				results[i].err = errors.Join(results[i].err, e.endShortage(ctx, h, known))
			}
			<-slots
		}
		if cap(slots) == 1 {
			ask() // in order, for those who must be able to do it again
			continue
		}
		wait.Go(ask)
	}
	wait.Wait()
	had = true
	for _, r := range results {
		out.Again = out.Again || r.again
		out.due(r.due)
		had = had && !r.short
		err = errors.Join(err, r.err)
	}
	return had, err
}

// ask asks compute for a host that is recorded. Its id is the token.
func (e *Engine) ask(ctx context.Context, env store.Environment, h store.Host, now time.Time) asked {
	got, err := e.Compute.Launch(ctx, compute.HostRequest{
		ID: h.ID, Environment: h.Environment, Cluster: h.Cluster, Type: h.Type, Market: h.Market,
		Others: e.others(env, h), Settings: env.Detail.ComputeResources,
	})
	switch {
	case errors.Is(err, compute.ErrNoCapacity):
		if err := e.noteShortage(ctx, h, err, now); err != nil {
			return asked{err: err}
		}
		h.GoneAt, h.Reason = batch.MillisOf(now), err.Error()
		return asked{again: true, short: true, err: ignoreConflict(e.Records.Write(ctx, e.Records.MoveGone(h)...))}
	case err != nil:
		e.Log.Warn("a host could not be launched; trying again", "type", h.Type, "error", err)
		return asked{due: now.Add(retryEvery), later: true}
	case got.State == compute.HostGone:
		// It came and went, and the news of it was lost.
		h.Instance, h.GoneAt, h.Reason = got.Instance, batch.MillisOf(now), got.Reason
		return asked{again: true, err: ignoreConflict(e.Records.Write(ctx, e.Records.MoveGone(h)...))}
	}
	updated := joined(h, got, now)
	if updated.Type != h.Type && got.Has == (batch.Resources{}) {
		updated.Has = e.offerOf(env, updated.Type).Has // one of the others was to be had
	}
	if updated != h {
		if err := ignoreConflict(e.Records.Write(ctx, e.Records.PutHost(updated))); err != nil {
			return asked{err: err}
		}
	}
	if got.State == compute.HostReady {
		return asked{again: true, err: e.noteJoined(ctx, h.Environment)}
	}
	return asked{due: h.CreatedAt.Time().Add(bootWindow)}
}

// offerOf is what an environment expects of a type.
func (e *Engine) offerOf(env store.Environment, instanceType string) provisioner.Offer {
	for _, o := range e.offersOf(env) {
		if o.Type == instanceType {
			return o
		}
	}
	return provisioner.Offer{}
}

const (
	// maxOthers bounds the types offered in place of the planned one. EC2 Fleet takes 300
	// overrides, types times subnets (EC2 user guide, "EC2 Fleet and Spot Fleet quotas").
	maxOthers = 20
	// maxOtherPrice is how many times the price of the planned type another may have.
	maxOtherPrice = 1.5
)

// others are the types that hold whatever the planned one does, with as many vCPUs, so
// that maxvCpus is kept: in the order of the environment's list where its strategy keeps
// to that, the cheapest first. BEST_FIT waits for its one type.
func (e *Engine) others(env store.Environment, h store.Host) []string {
	if h.Type == "" || env.Detail.ComputeResources == nil || strategy(env) == provisioner.BestFit {
		return nil
	}
	plan, usd := e.offerOf(env, h.Type), e.prices(env)
	priceOf := func(o provisioner.Offer) float64 { return usd[pool{o.Type, market(h.Market == compute.Spot)}] }
	var alike []provisioner.Offer
	for _, o := range e.offersOf(env) {
		switch {
		case o.Has.MilliVCPU != plan.Has.MilliVCPU, o.Type == plan.Type, o.Spot != plan.Spot, o.Arch != plan.Arch, !plan.Has.Fits(o.Has):
		case o.Has.GPUs == plan.Has.GPUs && priceOf(o) <= priceOf(plan)*maxOtherPrice:
			alike = append(alike, o)
		}
	}
	slices.SortStableFunc(alike, func(a, b provisioner.Offer) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(priceOf(a), priceOf(b)))
	})
	var others []string
	for _, o := range alike[:min(len(alike), maxOthers)] {
		others = append(others, o.Type)
	}
	return others
}
