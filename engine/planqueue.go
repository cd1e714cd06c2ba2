package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// maxPlanWaiting bounds the jobs without a host that a plan lists.
const maxPlanWaiting = 100

// PlanQueue says what a pass would do now for a queue, and writes nothing. It looks with
// the eyes of an engine that has just begun, so that it may be asked beside the passes.
func (e *Engine) PlanQueue(ctx context.Context, name string) (*batch.QueuePlan, error) {
	now := e.Now()
	name = batch.NameOf("job-queue", name)
	look := New(e.Config)
	look.hinted = e.hinted
	defer look.forget()
	w, err := look.load(ctx, now)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(w.queues, func(q store.Queue) bool { return q.Name() == name })
	if at < 0 {
		return nil, &batch.Error{Code: batch.CodeNotFound, Message: fmt.Sprintf("there is no job queue %q", name),
			Next: "list them with DescribeJobQueues or `packhorse queues`"}
	}
	// The other queues count with what may start of them: they share the room.
	limit := look.frontFor(w)
	err = look.loadFronts(ctx, w, func(q store.Queue) int {
		if q.Name() == name {
			return front
		}
		return limit(q)
	})
	if err != nil {
		return nil, err
	}
	d := scheduler.Plan(look.snapshot(w, now))
	out := &batch.QueuePlan{Queue: name, State: string(w.queues[at].Detail.State), At: batch.MillisOf(now), Environments: []batch.EnvironmentPlan{}, Waiting: []batch.UnplacedJobs{}}
	for _, share := range w.fronts[name] {
		out.More = out.More || share.More
		for _, j := range share.Jobs {
			out.Jobs += j.Count
		}
	}
	w.roster.start(d.Placements)
	for _, p := range d.Placements {
		if p.Queue == name {
			out.StartNow++
		}
	}
	for _, of := range w.queues[at].Environments() {
		n := slices.IndexFunc(w.envs, func(env store.Environment) bool { return env.Name() == of })
		if n < 0 {
			continue
		}
		if env := w.envs[n]; managed(env) && !fargate(env) && env.Detail.Status != types.CEStatusDeleting {
			out.Environments = append(out.Environments, look.planEnvironment(w, env, d))
		}
	}
	for _, wait := range d.Waits {
		if wait.Queue == name && (wait.Environment == "" || wait.Reason.Token != scheduler.TokenNone) && len(out.Waiting) < maxPlanWaiting {
			out.Waiting = append(out.Waiting, batch.UnplacedJobs{JobId: wait.Job, Count: wait.Count, Reason: wait.Reason.String()})
		}
	}
	return out, nil
}

// priceOf is what each host of a launch costs an hour.
func priceOf(l provisioner.Launch, offers []provisioner.Offer) float64 {
	for _, o := range offers {
		if o.Type == l.Type && o.Spot == l.Spot {
			return o.USDPerHour
		}
	}
	return 0
}

// planEnvironment is what is launched in an environment for what waits, of whatever queue.
func (e *Engine) planEnvironment(w *world, env store.Environment, d scheduler.Decision) batch.EnvironmentPlan {
	out := batch.EnvironmentPlan{Environment: env.Name(), ForRoom: []batch.JobsForRoom{}, Hosts: []batch.PlannedHosts{}}
	for _, h := range w.roster.team(env.Name()).hosts {
		switch h.State {
		case compute.HostReady:
			out.Ready++
		case compute.HostLaunching, compute.HostBooting:
			out.Booting++
		}
	}
	fleet := e.fleet(env, w, demandOf(d)[env.Name()], e.Now())
	preview := provisioner.PreviewOf(fleet, e.Now())
	short := w.short[env.Name()]
	waitFor(preview.WaitsFor, env, d.Waits, short.told(e.Now()))
	out.Waits, out.OnBooting = preview.Waits, preview.OnBooting
	out.LowerBoundUsdPerHour = preview.LowerBoundUSDPerHour
	for _, r := range preview.ForRoom {
		out.ForRoom = append(out.ForRoom, batch.JobsForRoom{PlannedJobs: plannedJobs(r.Need, r.Count), Until: batch.MillisOf(r.Until)})
	}
	for _, l := range preview.Launches {
		hosts := batch.PlannedHosts{Type: l.Type, Market: string(short.marketFor(l.Spot)), Count: l.Count, UsdPerHour: priceOf(l, fleet.Offers), Jobs: []batch.PlannedJobs{}}
		for _, m := range l.For {
			hosts.Jobs = append(hosts.Jobs, plannedJobs(m.Need, m.Count))
		}
		out.Hosts = append(out.Hosts, hosts)
		out.UsdPerHour += float64(l.Count) * hosts.UsdPerHour
	}
	switch {
	case len(out.Hosts) > 0:
		out.StartsInSeconds = fleet.Boot.Seconds()
	case out.OnBooting > 0:
		for _, h := range fleet.Hosts {
			if h.State == provisioner.Booting {
				left := h.CreatedAt.Add(fleet.Boot).Sub(e.Now())
				out.StartsInSeconds = max(out.StartsInSeconds, left.Seconds())
			}
		}
	}
	return out
}

func plannedJobs(need batch.Resources, count int) batch.PlannedJobs {
	return batch.PlannedJobs{Vcpus: float64(need.MilliVCPU) / 1000, MemoryMiB: need.MemoryMiB, Gpus: need.GPUs, Count: count}
}
