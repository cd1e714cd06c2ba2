package engine

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// world is what a pass has loaded.
type world struct {
	queues []store.Queue
	envs   []store.Environment
	hosts  map[string][]store.Host // by environment
	short  map[string]shortages    // by environment
	live   []batch.Job
	fronts map[string][]scheduler.Share
	fair   map[string]*scheduler.FairShare
	jobs   map[string]batch.Job // the jobs of the fronts
	more   bool                 // jobs wait behind a front
	used   map[string]batch.Resources
	tasks  map[string]int           // by host
	busy   map[string]time.Duration // by host: how long its tasks are expected to run on

	running   map[alikeJobs]int // jobs that run and may run on Fargate and on hosts; nil until asked for
	spotRates spotRates         // where an environment chooses between Spot and On-Demand
}

func (e *Engine) load(ctx context.Context, now time.Time) (*world, error) {
	w := &world{
		short: map[string]shortages{},
		hosts: map[string][]store.Host{}, fronts: map[string][]scheduler.Share{},
		fair: map[string]*scheduler.FairShare{}, jobs: map[string]batch.Job{},
	}
	var err error
	if w.queues, err = e.Records.ViewQueues(ctx); err != nil {
		return nil, err
	}
	if w.envs, err = e.Records.ViewEnvironments(ctx); err != nil {
		return nil, err
	}
	for _, env := range w.envs {
		if w.hosts[env.Name()], err = e.Records.Hosts(ctx, env.Name()); err != nil {
			return nil, err
		}
		if w.short[env.Name()], err = e.loadShortages(ctx, env, now); err != nil {
			return nil, err
		}
	}
	if err := e.loadSpotRates(ctx, w, now); err != nil {
		return nil, err
	}
	for _, q := range w.queues {
		live, err := e.Records.LiveJobs(ctx, q.Name())
		if err != nil {
			return nil, err
		}
		if w.live == nil {
			w.live = live
		} else {
			w.live = append(w.live, live...)
		}
	}
	if w.live, err = e.complete(ctx, w.live); err != nil {
		return nil, err
	}
	hosts := 0
	for _, list := range w.hosts {
		hosts += len(list)
	}
	if err := e.loadRuns(ctx, w.queues); err != nil {
		return nil, err
	}
	w.busy = make(map[string]time.Duration, hosts)
	w.used, w.tasks = make(map[string]batch.Resources, hosts), make(map[string]int, hosts)
	for i := range w.live {
		j := &w.live[i]
		if j.Placement == nil {
			continue
		}
		if h := j.Placement.Host; h != "" {
			w.used[h] = w.used[h].Add(j.Need)
			w.tasks[h]++
			e.keepBusy(w, j, now)
		} else {
			env := fargateKey(j.Placement.Environment)
			w.used[env] = w.used[env].Add(j.Need)
		}
	}
	return w, nil
}

// emptied reports whether a queue that is being deleted has no job left on a host, or
// an environment that is has no host.
func (w *world) emptied() bool {
	busy := func(queue string) bool {
		return slices.ContainsFunc(w.live, func(j batch.Job) bool { return j.Queue == queue })
	}
	return slices.ContainsFunc(w.queues, func(q store.Queue) bool {
		return q.Detail.Status == types.JQStatusDeleting && !busy(q.Name())
	}) || slices.ContainsFunc(w.envs, func(env store.Environment) bool {
		return env.Detail.Status == types.CEStatusDeleting && len(w.hosts[env.Name()]) == 0
	})
}

// loadFronts reads the front of each queue, at most limit jobs of each.
func (e *Engine) loadFronts(ctx context.Context, w *world, limit func(store.Queue) int) error {
	w.more = false
	clear(w.jobs)
	for _, q := range w.queues {
		if err := e.loadFront(ctx, w, q, limit(q)); err != nil {
			return err
		}
	}
	e.heedJobs(w, e.Now())
	return nil
}

// minFront is how many jobs of a queue a pass looks at even when nothing is free:
// those that get a reason of their own.
const minFront = 20

// frontFor bounds how many jobs of a queue a pass need look at: what could start on
// the room there is, or on hosts that may be added. A queue that is full costs the
// same however many wait.
func (e *Engine) frontFor(w *world) func(store.Queue) int {
	room := map[string]int64{} // thousandths of a vCPU by environment
	for _, env := range w.envs {
		left := int64(0)
		if r := env.Detail.ComputeResources; r != nil {
			left = int64(deref(r.MaxvCpus)) * 1000
		}
		if fargate(env) {
			const smallest = 4 // a job may be a quarter of a vCPU
			room[env.Name()] = smallest * (left - w.used[fargateKey(env.Name())].MilliVCPU)
			continue
		}
		free := int64(0)
		for _, h := range w.hosts[env.Name()] {
			left -= h.Has.MilliVCPU
			if h.State == compute.HostReady {
				free += h.Has.MilliVCPU - w.used[h.ID].MilliVCPU
			}
		}
		room[env.Name()] = free + max(0, left)
	}
	most := int64(front) * 1000
	if m := e.Compute.Machine(); m != nil {
		most = m.Room.MilliVCPU
		for _, j := range w.live {
			most -= min(j.Need.MilliVCPU, m.Room.MilliVCPU)
		}
	}
	return func(q store.Queue) int {
		sum := int64(0)
		for _, name := range q.Environments() {
			sum += max(0, room[name])
		}
		return int(min(front, minFront+max(0, min(sum, most))/1000))
	}
}

// fargateKey is where the use of an environment without hosts is kept.
func fargateKey(environment string) string { return "fargate/" + environment }

// loadFront reads the front of a queue, share by share.
func (e *Engine) loadFront(ctx context.Context, w *world, q store.Queue, limit int) error {
	if !q.FairShare() {
		share, err := e.loadShare(ctx, w, q.Name(), "", limit)
		if err != nil {
			return err
		}
		w.fronts[q.Name()] = []scheduler.Share{share}
		return nil
	}
	return e.loadShares(ctx, w, q, limit)
}

func (e *Engine) loadShare(ctx context.Context, w *world, queue, id string, limit int) (scheduler.Share, error) {
	share := scheduler.Share{ID: id, Weight: 1}
	jobs, err := e.Records.Front(ctx, queue, id, limit)
	if err != nil {
		return share, err
	}
	share.More = len(jobs) == limit
	w.more = w.more || share.More
	for _, j := range jobs {
		if e.recent.supersedes(j) {
			continue
		}
		count := 1
		if j.Array != nil {
			count = min(j.Array.Unstarted, limit)
			w.more = w.more || j.Array.Unstarted > limit
		}
		w.jobs[j.ID] = j
		share.Jobs = append(share.Jobs, scheduler.Job{
			ID: j.ID, Need: j.Need, Platform: j.Platform, Arch: j.Arch, Count: count,
			Runs: e.runTime(queue, j.Definition),
		})
		if j.OnHosts {
			onEither(&share.Jobs[len(share.Jobs)-1], w.alike(j))
		}
	}
	return share, nil
}

// snapshot is the world as the scheduler sees it.
func (e *Engine) snapshot(w *world, now time.Time) scheduler.Snapshot {
	var s scheduler.Snapshot
	for _, q := range w.queues {
		s.Queues = append(s.Queues, scheduler.Queue{
			Name: q.Name(), Priority: deref(q.Detail.Priority), Environments: q.Environments(),
			Shares: w.fronts[q.Name()], Fair: w.fair[q.Name()], Choice: choiceOf(q),
		})
	}
	for _, env := range w.envs {
		s.Environments = append(s.Environments, e.environment(w, env, now))
	}
	if m := e.Compute.Machine(); m != nil {
		s.Machine = &scheduler.Machine{Has: m.Room, Why: m.Why}
		for _, j := range w.live {
			s.Machine.Used = s.Machine.Used.Add(s.Machine.Clip(j.Need))
		}
	}
	return s
}

func (e *Engine) environment(w *world, env store.Environment, now time.Time) scheduler.Environment {
	d := env.Detail
	out := scheduler.Environment{Name: env.Name(), Usable: true, Grows: managed(env)}
	switch {
	case d.State == types.CEStateDisabled:
		out.Usable, out.Why = false, "it is DISABLED"
	case d.Status != types.CEStatusValid && d.Status != types.CEStatusUpdating:
		out.Usable, out.Why = false, "it is "+string(d.Status)
	}
	if d.ComputeResources != nil {
		out.MaxMilliVCPU = int64(deref(d.ComputeResources.MaxvCpus)) * 1000
	}
	if fargate(env) {
		out.Platform, out.PriceFactor = batch.PlatformFargate, fargateFactor(env)
		out.Used = w.used[fargateKey(env.Name())]
		return out
	}
	if out.Grows {
		short := w.short[env.Name()]
		out.Shapes = e.shapesOf(env, w, now)
		out.NoCapacity = short.told(now)
	}
	hosts := w.hosts[env.Name()]
	out.Boot = bootTime(hosts)
	slow := comeSlowly(hosts, out.Boot, now)
	prices := e.prices(env)
	var staying, least int64
	if r := d.ComputeResources; r != nil {
		least = int64(deref(r.MinvCpus)) * 1000
	}
	out.Hosts = make([]scheduler.Host, 0, len(hosts))
	for i := range hosts {
		h := &hosts[i]
		switch h.State {
		case compute.HostReady:
			host := scheduler.Host{ID: h.ID, Type: hostType(*h), Arch: h.Arch, Has: h.Has, Free: h.Has.Sub(w.used[h.ID])}
			if staying += h.Has.MilliVCPU; e.hinted && !slow && staying > least {
				host.USDPerHour, host.Interruptions = prices.of(h), w.interruptions(env, h) // those within minvCpus stay anyway
				hint(&host, w, h, now)
			}
			if now.Before(e.refused[h.ID]) {
				host.Free = batch.Resources{}
			}
			out.Hosts = append(out.Hosts, host)
		case compute.HostLaunching, compute.HostBooting:
			out.Booting++
			out.BootingMilliVCPU += h.Has.MilliVCPU
		default:
			out.LeavingMilliVCPU += h.Has.MilliVCPU
		}
	}
	return out
}

func hostType(h store.Host) string {
	if h.Type == "" {
		return "this machine"
	}
	return h.Type
}

// managed reports whether hosts of an environment are launched here.
func managed(env store.Environment) bool { return env.Detail.Type != types.CETypeUnmanaged }

func fargate(env store.Environment) bool {
	r := env.Detail.ComputeResources
	return r != nil && (r.Type == types.CRTypeFargate || r.Type == types.CRTypeFargateSpot)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
