// Package home wires the parts of Packhorse into one running whole, for the server
// and for tests alike.
package home

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/control/triggers"
	"github.com/packhorse-batch/packhorse/engine"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
)

// Parts are what a home is made from.
type Parts struct {
	Table   store.Table
	Compute compute.Backend
	Account batch.Account
	Now     func() time.Time
	// IdleWindow is how long a host without tasks stays.
	IdleWindow time.Duration
	// TaskLookup keeps the ordering that finds jobs by their ECS task.
	TaskLookup bool
	// Secret returns the value of a container's secret; nil knows none.
	Secret func(name, valueFrom string) (string, bool)
	Log    *slog.Logger
	// Serial makes writes and calls of compute one after the other, in an order that
	// depends on nothing but what was done before, for simulations that a seed must
	// be able to repeat. They give NewID too.
	Serial bool
	// ECS says that compute is ECS itself; see engine.Config.
	ECS bool
	// OrderingLag is how far the table's orderings may lag behind; 0 for those that do not.
	OrderingLag time.Duration
	// RecentFor is how long what submissions look at may be out of date, where other
	// processes write to the table too. See store.Options.
	RecentFor time.Duration
	// Alone says that nobody else writes to the table: the home is one program; see
	// store.Options.
	Alone bool
	// NewID makes the ids of jobs and hosts; nil is jobs.NewID.
	NewID func() string
	// Types are the instance types there are; nil is catalog.Default.
	Types *catalog.Catalog
	// Market, where it is given, has the types in place of Types, with prices that may
	// change while the home runs.
	Market func() catalog.Market
	// Provision plans the hosts of an environment; see engine.Config.
	Provision func(provisioner.Environment, time.Time) provisioner.Plan
}

// Home is a wired Packhorse. Its operations are those of AWS Batch.
type Home struct {
	*control.Control
	*jobs.Jobs
	Triggers *triggers.Triggers
	Records  *store.Records
	Engine   *engine.Engine
	Account  batch.Account

	now func() time.Time
}

// PlanQueue says what a pass would do now for a queue, and writes nothing.
func (h *Home) PlanQueue(ctx context.Context, queue string) (*batch.QueuePlan, error) {
	return h.Engine.PlanQueue(ctx, queue)
}

// PriceSources says where the prices are from that this home plans with, and how old they
// are. What AWS has not been asked for is the table in the program.
func (h *Home) PriceSources(ctx context.Context) (*batch.PriceSources, error) {
	now := h.now()
	out := &batch.PriceSources{}
	origin := catalog.DefaultOrigin()
	for _, part := range []string{"types", "ondemand", "spot"} {
		stored, err := h.Records.Prices(ctx, part)
		switch {
		case err == nil:
			out.Parts = append(out.Parts, priceSource(part, "aws", stored.Region, stored.At, now))
		case !store.IsNotFound(err):
			return nil, err
		case part == "types":
			out.Parts = append(out.Parts, priceSource(part, "built-in", origin.Region, origin.MadeAt, now))
		case part == "ondemand":
			out.Parts = append(out.Parts, priceSource(part, "built-in", origin.Region, origin.PricesAt, now))
		} // the program has no Spot prices
	}
	return out, nil
}

func priceSource(part, source, region string, at, now time.Time) batch.PriceSource {
	return batch.PriceSource{
		Part: part, Source: source, Region: region, At: batch.MillisOf(at), AgeSeconds: now.Sub(at).Truncate(time.Second).Seconds(),
	}
}

// New wires a home. Nothing runs until Engine.Run.
func New(p Parts) *Home {
	records := store.New(p.Table, store.Options{TaskLookup: p.TaskLookup, Alone: p.Alone, RecentFor: p.RecentFor, Now: p.Now})
	market := p.Market
	if market == nil {
		market = still(p.Types)
	}
	h := &Home{Records: records, Account: p.Account, now: p.Now}
	if p.NewID == nil {
		p.NewID = jobs.NewID
	}
	atOnce := 0 // as many as there may be
	if p.Serial {
		atOnce = 1
	}
	_, scattered := p.Table.(store.Scattered) // that is DynamoDB
	life := &lifecycle.Lifecycle{Records: records, Now: p.Now, Writers: atOnce, CountApart: scattered}
	if scattered {
		life.Pause = pauseAfter
	}
	h.Engine = engine.New(engine.Config{
		Records: records, Lifecycle: life, Compute: p.Compute, Account: p.Account,
		Market:    market,
		Provision: p.Provision, Now: p.Now, NewID: p.NewID, IdleWindow: p.IdleWindow, Senders: atOnce, Secret: p.Secret, ECS: p.ECS, Log: p.Log,
	})
	life.Woken = h.Engine.Kick
	h.Control = control.New(control.Config{
		Records: records, Account: p.Account, Types: onSale(market), Now: p.Now, NewUUID: uuid.NewString,
		Kick: h.Engine.Kick, EndJobs: h.Engine.EndJobs, DesiredVCPUs: h.Engine.DesiredVCPUs,
		RemoveEnvironment: h.Engine.RemoveEnvironment, OrderingLag: p.OrderingLag, Settle: settle(p.RecentFor),
	})
	h.Engine.FinishDeletes = h.FinishDeletes
	h.Jobs = &jobs.Jobs{
		Records: records, Lifecycle: life, Account: p.Account, Now: p.Now, NewID: p.NewID, Kick: h.Engine.Kick,
	}
	if scattered {
		h.Jobs.IDOf = jobs.IDOf
	}
	h.Triggers = triggers.New(triggers.Config{Records: records, Jobs: h.Jobs, Now: p.Now, NewID: p.NewID, Log: p.Log})
	return h
}
