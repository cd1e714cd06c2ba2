package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// provision lets hosts come and go for what the decision left waiting.
func (e *Engine) provision(ctx context.Context, w *world, d scheduler.Decision, now time.Time, out *Outcome) error {
	demand := demandOf(d)
	w.roster.start(d.Placements)
	defer w.roster.started(d.Placements)
	for _, env := range w.envs {
		if fargate(env) {
			continue
		}
		t := w.roster.team(env.Name())
		if err := e.noteIdle(ctx, t, now); err != nil {
			return err
		}
		if !managed(env) {
			if err := e.joinMachine(ctx, env, t, now, out); err != nil {
				return err
			}
			continue
		}
		short := w.short[env.Name()]
		plan := e.Provision(e.fleet(env, w, demand[env.Name()], now), now)
		out.due(plan.Next)
		w.waiting[env.Name()] = plan.Waiting
		waitFor(plan.WaitsFor, env, d.Waits, short.told(now))
		if s, ok := short.next(now); ok && len(demand[env.Name()]) > 0 {
			out.due(s.Until.Time())
		}
		if err := e.carryOut(ctx, env, t, plan, short, now, out); err != nil {
			return err
		}
	}
	return nil
}

// demandOf is what a decision left waiting as the provisioner sees it, by environment.
func demandOf(d scheduler.Decision) map[string][]provisioner.Demand {
	demand := map[string][]provisioner.Demand{}
	for i := range d.Demand {
		g := &d.Demand[i]
		list, known := demand[g.Environment]
		if !known { // those of an environment follow each other
			list = make([]provisioner.Demand, 0, len(d.Demand)-i)
		}
		since := make([]provisioner.Since, len(g.Since))
		for k, s := range g.Since {
			since[k] = provisioner.Since(s)
		}
		slices.SortFunc(since, func(a, b provisioner.Since) int { return a.At.Compare(b.At) })
		demand[g.Environment] = append(list, provisioner.Demand{Need: g.Need, Arch: g.Arch, Runs: g.Runs, Count: g.Count, Since: since})
	}
	return demand
}

// fleet is an environment as the provisioner sees it.
func (e *Engine) fleet(env store.Environment, w *world, demand []provisioner.Demand, now time.Time) provisioner.Environment {
	d, t := env.Detail, w.roster.team(env.Name())
	out := provisioner.Environment{
		Name: env.Name(), Demand: demand, More: w.more, Boot: t.boot(), IdleWindow: e.idleWindow(env), BootWindow: bootWindow,
		Active: d.State != types.CEStateDisabled && d.Status == types.CEStatusValid,
		Ending: d.Status == types.CEStatusDeleting,
	}
	if r := d.ComputeResources; r != nil {
		out.MinMilliVCPU = int64(deref(r.MinvCpus)) * 1000
		out.MaxMilliVCPU = int64(deref(r.MaxvCpus)) * 1000
	}
	if env.ReplaceBefore > 0 {
		out.ReplaceBefore = env.ReplaceBefore.Time()
		out.ReplaceBy = out.ReplaceBefore.Add(updateTimeout(d.UpdatePolicy))
	}
	out.Strategy = strategy(env)
	out.Offers = e.offersNow(env, w, now)
	t.show(e.known(env))
	out.Hosts = t.planned
	both := bothMarkets(env)
	idle := map[string]int{} // hosts without tasks, by type
	for i := range out.Hosts {
		host := &out.Hosts[i]
		host.Interruptions = w.interruptions(both, &t.hosts[i].Host)
		if host.Arrivals = 0; host.State == provisioner.Ready && host.Tasks == 0 && out.IdleWindow == 0 {
			of := t.hosts[i].Type
			idle[of]++
			host.Arrivals = w.arrivals(host, now) / float64(idle[of])
		}
	}
	e.letWait(&out, env, t, now)
	return out
}

// bootWindow is how long a host may take from its launch until it takes tasks. Those
// that come take minutes; one that never joins its cluster must not be waited for.
const bootWindow = 15 * time.Minute

// defaultUpdateMinutes is how long jobs may run on after an update of their hosts (SDK
// documentation of UpdatePolicy).
const defaultUpdateMinutes = 30

// updateTimeout is how long tasks stay on hosts that an update made outdated.
func updateTimeout(p *types.UpdatePolicy) time.Duration {
	switch {
	case p == nil || deref(p.JobExecutionTimeoutMinutes) == 0 && !deref(p.TerminateJobsOnUpdate):
		return defaultUpdateMinutes * time.Minute
	case deref(p.TerminateJobsOnUpdate):
		return 0
	}
	return time.Duration(*p.JobExecutionTimeoutMinutes) * time.Minute
}

// idleWindow is how long an idle host of an environment stays: its scaling policy's
// minScaleDownDelayMinutes, or the engine's.
func (e *Engine) idleWindow(env store.Environment) time.Duration {
	if r := env.Detail.ComputeResources; r != nil && r.ScalingPolicy != nil {
		if minutes := deref(r.ScalingPolicy.MinScaleDownDelayMinutes); minutes > 0 {
			return time.Duration(minutes) * time.Minute
		}
	}
	return e.IdleWindow
}

// noteIdle keeps in each host's record since when it has had no task.
func (e *Engine) noteIdle(ctx context.Context, t *team, now time.Time) error {
	wrong := t.settle()
	for i, h := range wrong {
		changed := h.Host
		if changed.IdleSince = 0; h.tasks() == 0 {
			changed.IdleSince = batch.MillisOf(now)
		}
		err := e.Records.Write(ctx, e.Records.PutHost(changed))
		if store.IsConflict(err) {
			t.change(h) // the next pass sees it as it is
			continue
		}
		if err != nil {
			for _, h := range wrong[i:] {
				t.change(h)
			}
			return err
		}
		changed.Version++
		e.roster.putHost(changed)
	}
	return nil
}

// joinMachine gives an unmanaged environment its one host: this machine.
func (e *Engine) joinMachine(ctx context.Context, env store.Environment, t *team, now time.Time, out *Outcome) error {
	gone := env.Detail.Status == types.CEStatusDeleting
	switch {
	case len(t.hosts) == 0 && !gone:
		return e.launch(ctx, env, provisioner.Launch{Count: 1}, shortages{market: marketOf(env)}, now, out)
	case gone:
		for _, h := range t.hosts {
			if err := e.terminate(ctx, h.Host, "its environment is deleted", now, out); err != nil {
				return err
			}
		}
	default:
		return e.askAgain(ctx, env, t, nil, now, out)
	}
	return nil
}

// carryOut records and does what a plan says.
func (e *Engine) carryOut(ctx context.Context, env store.Environment, t *team, plan provisioner.Plan, short shortages, now time.Time, out *Outcome) error {
	host := func(id string) store.Host { return e.roster.member(id).Host }
	for _, l := range plan.Launches {
		if err := e.launch(ctx, env, l, short, now, out); err != nil {
			return err
		}
	}
	for _, id := range plan.Drain {
		h := host(id)
		h.State = compute.HostDraining
		if err := e.Records.Write(ctx, e.Records.PutHost(h)); err != nil && !store.IsConflict(err) {
			return err
		}
		e.drain(ctx, h)
		e.Log.Info("host drains", "host", h.Instance, "type", h.Type, "environment", h.Environment)
		out.Again = true
	}
	for _, id := range plan.Terminate {
		h := host(id)
		if e.roster.member(id).tasks() == 0 && !e.drained(ctx, h, now, out) {
			continue
		}
		if err := e.terminate(ctx, h, whyEnded(h), now, out); err != nil {
			return err
		}
	}
	return e.askAgain(ctx, env, t, plan.Terminate, now, out)
}

// whyEnded says why a plan ends a host.
func whyEnded(h store.Host) string {
	if h.State == compute.HostLaunching || h.State == compute.HostBooting {
		return fmt.Sprintf("it was not ready %s after its launch, or no longer wanted", bootWindow)
	}
	return "it was idle"
}

// launch records hosts and asks for them, some at a time: when one cannot be had the
// others of its type are not asked for.
func (e *Engine) launch(ctx context.Context, env store.Environment, l provisioner.Launch, short shortages, now time.Time, out *Outcome) error {
	offer := e.offerOf(env, l.Type)
	for left := l.Count; left > 0; {
		hosts := make([]store.Host, min(left, e.outbox.atOnce(maxAsked)))
		left -= len(hosts)
		ops := make([]store.Op, len(hosts))
		for i := range hosts {
			hosts[i] = store.Host{
				ID: e.NewID(), Environment: env.Name(), Cluster: env.Cluster(), Type: l.Type, Market: short.marketFor(l.Spot),
				State: compute.HostLaunching, Has: offer.Has, Arch: offer.Arch, CreatedAt: batch.MillisOf(now),
				For: provisioner.WriteMeant(l.For),
			}
			ops[i] = e.Records.PutHost(hosts[i])
			hosts[i].Version = 1
		}
		if err := e.Records.Write(ctx, ops...); err != nil {
			return err
		}
		out.Launched += len(hosts)
		had, err := e.askAll(ctx, env, hosts, short, now, out)
		if err != nil || !had {
			return err
		}
	}
	return nil
}
func ignoreConflict(err error) error {
	if store.IsConflict(err) {
		return nil
	}
	return err
}

// joined is a host's record with what compute knows of it.
func joined(h store.Host, got compute.Host, now time.Time) store.Host {
	h.Instance, h.Ref, h.Zone, h.PrivateIP = got.Instance, got.Ref, got.Zone, got.PrivateIP
	if got.Type != "" {
		h.Type = got.Type
	}
	switch {
	case h.State == compute.HostDraining:
	case got.State == compute.HostReady && h.State != compute.HostReady:
		h.State = compute.HostReady
		h.ReadyAt, h.IdleSince = batch.MillisOf(now), batch.MillisOf(now)
	case got.State == compute.HostDraining:
		h.State, h.Taken = compute.HostDraining, true // it is about to be taken away
	case got.State == compute.HostBooting && h.State == compute.HostLaunching:
		h.State = compute.HostBooting
	}
	if got.Has != (batch.Resources{}) {
		h.Has = got.Has
	}
	return h
}

// observeHost notes news of a host.
func (e *Engine) observeHost(ctx context.Context, got compute.Host) {
	now := e.Now()
	for range 5 {
		h, err := e.Records.Host(ctx, got.Environment, got.ID)
		if err != nil {
			return // gone already, or not ours
		}
		if got.State == compute.HostGone {
			h.GoneAt, h.Reason = batch.MillisOf(now), got.Reason
			if err = e.Records.Write(ctx, e.Records.MoveGone(h)...); err == nil {
				e.noteSpotEnd(ctx, h, h.Taken || h.State != compute.HostDraining, now)
			}
		} else {
			updated := joined(h, got, now)
			if updated == h {
				return
			}
			err = e.Records.Write(ctx, e.Records.PutHost(updated))
		}
		if err == nil && h.State != compute.HostReady && got.State == compute.HostReady {
			err = e.noteJoined(ctx, got.Environment)
		}
		if !store.IsConflict(err) {
			if err != nil {
				e.Log.Error("news of a host was not recorded; the sweep will see it again", "host", got.ID, "error", err)
			}
			return
		}
	}
}

// terminate ends a host and records that it is gone.
func (e *Engine) terminate(ctx context.Context, h store.Host, why string, now time.Time, out *Outcome) error {
	if err := e.Compute.Terminate(ctx, h.ID); err != nil {
		e.Log.Warn("a host could not be ended; trying again", "host", h.Instance, "error", err, "in", retryEvery)
		out.due(now.Add(retryEvery))
		return nil
	}
	out.Again = true // what waited for its vCPUs under maxvCpus may go on
	h.GoneAt, h.Reason = batch.MillisOf(now), why
	e.Log.Info("host is gone", "host", h.Instance, "type", h.Type, "environment", h.Environment, "why", why)
	err := e.Records.Write(ctx, e.Records.MoveGone(h)...)
	if err == nil {
		e.noteSpotEnd(ctx, h, h.Taken, now)
		if neverJoined(h, now) { // counted when it is gone, not each time that its end is tried
			err = e.noteUnjoined(ctx, h)
		}
	}
	return ignoreConflict(err)
}

// DesiredVCPUs returns the vCPUs of the hosts that an environment has or is about
// to have; false if that cannot be told now.
func (e *Engine) DesiredVCPUs(ctx context.Context, env store.Environment) (int32, bool) {
	hosts, err := e.Records.Hosts(ctx, env.Name())
	if err != nil {
		return 0, false
	}
	var milli int64
	for _, h := range hosts {
		if h.State != compute.HostDraining {
			milli += h.Has.MilliVCPU
		}
	}
	return int32(milli / 1000), true
}

// RemoveEnvironment lets compute remove what it keeps for an environment that is empty.
func (e *Engine) RemoveEnvironment(ctx context.Context, env store.Environment) error {
	keeper, ok := e.Compute.(compute.Environments)
	if !ok {
		return nil
	}
	return keeper.RemoveEnvironment(ctx, env.Name(), env.Cluster())
}
