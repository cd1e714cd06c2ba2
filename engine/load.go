package engine

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// world is what a pass has loaded.
type world struct {
	queues []store.Queue
	envs   []store.Environment
	roster *roster
	short  map[string]shortages // by environment
	fronts map[string][]scheduler.Share
	fair   map[string]*scheduler.FairShare
	jobs   map[string]*batch.Job // the jobs of the fronts
	more   bool                  // jobs wait behind a front
	// waiting is for which jobs no host is launched yet, by environment.
	waiting   map[string][]provisioner.Waiting
	running   map[alikeJobs]int     // jobs that run and may run on Fargate and on hosts; nil until asked for
	spotRates spotRates             // where an environment chooses between Spot and On-Demand
	offers    map[string]*offersNow // by environment
}

func (e *Engine) load(ctx context.Context, now time.Time) (*world, error) {
	w := &world{
		short: map[string]shortages{}, fronts: map[string][]scheduler.Share{},
		fair: map[string]*scheduler.FairShare{}, jobs: map[string]*batch.Job{},
		waiting: map[string][]provisioner.Waiting{},
	}
	var err error
	if w.queues, err = e.Records.ViewQueues(ctx); err != nil {
		return nil, err
	}
	if w.envs, err = e.Records.ViewEnvironments(ctx); err != nil {
		return nil, err
	}
	for _, env := range w.envs {
		if w.short[env.Name()], err = e.loadShortages(ctx, env, now); err != nil {
			return nil, err
		}
	}
	if err := e.loadSpotRates(ctx, w, now); err != nil {
		return nil, err
	}
	if err := e.loadRuns(ctx, w.queues); err != nil {
		return nil, err
	}
	if err := e.loadRoster(ctx, w); err != nil {
		return nil, err
	}
	w.roster = e.roster
	return w, nil
}

// loadRoster brings the roster up to date.
func (e *Engine) loadRoster(ctx context.Context, w *world) error {
	if e.follower == nil {
		e.follower = e.Records.Follow()
	}
	queues, envs := make([]string, len(w.queues)), make([]string, len(w.envs))
	for i := range w.queues {
		queues[i] = w.queues[i].Name()
	}
	for i := range w.envs {
		envs[i] = w.envs[i].Name()
	}
	changes, err := e.follower.Changes(ctx, queues, envs)
	if err != nil {
		return err
	}
	if changes.Anew {
		e.roster = newRoster()
	}
	for i := range changes.Hosts {
		if c := &changes.Hosts[i]; c.Gone {
			e.roster.dropHost(c.Host.ID)
		} else {
			e.roster.putHost(c.Host)
		}
	}
	for i := range changes.Jobs {
		if c := &changes.Jobs[i]; c.Gone {
			e.roster.dropJob(c.Job.ID)
		} else {
			e.putJob(c.Job).shown = c.Job.Version
		}
	}
	return e.complete(ctx)
}

// forget lets go of the records; the engine makes no pass any more.
func (e *Engine) forget() {
	if e.follower != nil {
		e.follower.Close()
	}
}

func (e *Engine) putJob(j batch.Job) *placed {
	return e.roster.putJob(j, e.runs.kind(j.Queue, j.Definition))
}

// emptied reports whether a queue that is being deleted has no job left on a host, or
// an environment that is has no host.
func (w *world) emptied() bool {
	return slices.ContainsFunc(w.queues, func(q store.Queue) bool {
		return q.Detail.Status == types.JQStatusDeleting && len(w.roster.queues[q.Name()]) == 0
	}) || slices.ContainsFunc(w.envs, func(env store.Environment) bool {
		return env.Detail.Status == types.CEStatusDeleting && len(w.roster.team(env.Name()).hosts) == 0
	})
}

// loadFronts reads the front of each queue, at most limit jobs of each.
func (e *Engine) loadFronts(ctx context.Context, w *world, limit func(store.Queue) int) error {
	w.more = false
	clear(w.jobs)
	clear(e.fronts)
	e.fronts = e.fronts[:0]
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
			room[env.Name()] = smallest * (left - w.roster.team(env.Name()).fargate.MilliVCPU)
			continue
		}
		t := w.roster.team(env.Name())
		room[env.Name()] = t.readyMilliVCPU - t.readyUsed + max(0, left-t.milliVCPU)
	}
	most := int64(front) * 1000
	if m := e.Compute.Machine(); m != nil {
		most = m.Room.MilliVCPU
		for _, list := range w.roster.queues {
			for _, j := range list {
				most -= min(j.Need.MilliVCPU, m.Room.MilliVCPU)
			}
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
	from := len(e.fronts)
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
		e.fronts = append(e.fronts, scheduler.Job{
			ID: j.ID, Need: j.Need, Platform: j.Platform, Arch: j.Arch, Count: count,
			Runs: e.runs.runTime(e.runs.kind(queue, j.Definition)), Since: j.CreatedAt.Time(),
		})
		if j.OnHosts {
			onEither(&e.fronts[len(e.fronts)-1], w.alike(j))
		}
	}
	share.Jobs = slices.Clip(e.fronts[from:])
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
		for _, list := range w.roster.queues {
			for _, j := range list {
				s.Machine.Used = s.Machine.Used.Add(s.Machine.Clip(j.Need))
			}
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
	t := w.roster.team(env.Name())
	if fargate(env) {
		out.Platform, out.PriceFactor = batch.PlatformFargate, fargateFactor(env)
		out.Used = t.fargate
		return out
	}
	if out.Grows {
		short := w.short[env.Name()]
		out.Shapes = e.shapesOf(env, w, now)
		out.NoCapacity = short.told(now)
	}
	out.Boot = t.boot()
	out.Booting, out.LeavingMilliVCPU = len(t.coming), t.leaving
	out.BootingMilliVCPU = t.milliVCPU - t.readyMilliVCPU - t.leaving
	var least int64
	if r := d.ComputeResources; r != nil {
		least = int64(deref(r.MinvCpus)) * 1000
	}
	out.Hosts = e.offer(t, e.known(env), comeSlowly(t, out.Boot, now), least, now)
	if bothMarkets(env) {
		for i := range out.Hosts {
			out.Hosts[i].Interruptions = w.interruptions(true, &t.ready[i].Host)
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
