package scheduler

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/packhorse-batch/packhorse/batch"
)

// Plan decides what starts now and why the rest waits. It changes nothing of s and
// is deterministic.
func Plan(s Snapshot) Decision {
	p := &planner{envs: make(map[string]*envState, len(s.Environments))}
	for _, e := range s.Environments {
		p.envs[e.Name] = newEnvState(e)
	}
	if s.Machine != nil {
		m := *s.Machine
		p.machine = &m
	}
	queues := slices.Clone(s.Queues)
	slices.SortStableFunc(queues, func(a, b Queue) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name))
	})
	p.decision.Waits = make([]Wait, 0, jobs(queues))
	for i := range queues {
		p.queue(&queues[i])
	}
	for _, e := range s.Environments {
		p.decision.Demand = append(p.decision.Demand, p.envs[e.Name].demand...)
	}
	return p.decision
}

// jobs counts the jobs of queues, arrays as one.
func jobs(queues []Queue) int {
	n := 0
	for i := range queues {
		for k := range queues[i].Shares {
			n += len(queues[i].Shares[k].Jobs)
		}
	}
	return n
}

type planner struct {
	envs     map[string]*envState
	kinds    kinds
	machine  *Machine
	decision Decision
	// held is the reason why nothing more starts on this machine: an earlier job
	// waits for room on it.
	held string
}

// queue plans one queue: job after job in order of dispatch.
func (p *planner) queue(q *Queue) {
	envs := make([]*envState, 0, len(q.Environments))
	for _, name := range q.Environments {
		if e, ok := p.envs[name]; ok {
			envs = append(envs, e)
		}
	}
	if q.Fair != nil {
		for _, e := range envs {
			e.reserve(q.Fair.Reserved)
		}
		defer func() {
			for _, e := range envs {
				e.reserve(0)
			}
		}()
	}
	shares, alike := newShareHeap(q), p.alike(q)
	var j Job
	for {
		share := shares.next()
		if share == nil {
			return
		}
		j = share.Jobs[share.at]
		j.kind = p.kinds.of(&j)
		where := envs
		if q.chooses(&j) {
			where = hostsFirst(envs)
		}
		placed, wait, waits := p.job(q, where, &j, share.quantum(q, &j), alike[j.kind])
		share.placed += placed
		if q.Fair != nil {
			share.Usage += float64(placed) * float64(j.Need.MilliVCPU) / 1000 * q.Fair.NewJobSeconds
		}
		if left := j.Count - share.placed; left > 0 && !waits {
			shares.reorder() // its turn went on; others may come first now
			continue
		} else if waits {
			wait.Count = left
			if wait.Environment != "" {
				p.promise(where, &j, left)
			}
			p.decision.Waits = append(p.decision.Waits, wait)
		}
		share.at, share.placed = share.at+1, 0
		shares.reorder()
	}
}

// job places up to count of a job, of which alike equal ones wait. Where it stopped short
// the job waits, and wait says why.
func (p *planner) job(q *Queue, envs []*envState, j *Job, count, alike int) (placed int, wait Wait, waits bool) {
	leave := func(env string, r Reason) (int, Wait, bool) {
		return placed, Wait{Job: j.ID, Queue: q.Name, Environment: env, Reason: r}, true
	}
	if r, never := unfit(j, envs); never {
		return leave("", r)
	}
	var need batch.Resources
	if p.machine != nil {
		if j.Need.GPUs > p.machine.Has.GPUs {
			return leave("", Reason{Detail: fmt.Sprintf("It needs %d GPU; %s has %d.", j.Need.GPUs, p.machine.Why, p.machine.Has.GPUs)})
		}
		need = p.machine.Clip(j.Need)
	}
	for ; placed < count; placed++ {
		if p.held != "" {
			return leave("", Reason{Detail: p.held}) // another host would not help
		}
		if p.machine != nil && !need.Fits(p.machine.Has.Sub(p.machine.Used)) {
			free := p.machine.Has.Sub(p.machine.Used)
			detail := fmt.Sprintf("Waiting for room: needs %s, free %s (%s).", need, free, p.machine.Why)
			p.held = fmt.Sprintf("Waiting behind job %s, which needs %s: free %s (%s).", j.ID, need, free, p.machine.Why)
			return leave("", Reason{Detail: detail})
		}
		env, host, ok := p.find(q, envs, j, alike)
		if !ok {
			return leave(p.waits(envs, j))
		}
		if p.machine != nil {
			p.machine.Used = p.machine.Used.Add(need)
		}
		p.decision.Placements = append(p.decision.Placements, Placement{j.ID, q.Name, env, host})
	}
	return placed, Wait{}, false
}

// find takes room for one job in the first environment that has it, or where its queue
// chooses.
func (p *planner) find(q *Queue, envs []*envState, j *Job, alike int) (env, host string, ok bool) {
	if q.chooses(j) {
		return p.choose(q, envs, j, alike)
	}
	for _, e := range envs {
		if host, ok := e.take(j); ok {
			return e.Name, host, true
		}
		if e.found(j).dear {
			break // it waits for a host here
		}
	}
	return "", "", false
}

// waits explains a wait for room that can end, and keeps a host for the job where
// none can be added. The environment is the one that should find room: the first that
// can add a host for the job, else the first that could hold it. It is empty when
// hosts would not help.
func (p *planner) waits(envs []*envState, j *Job) (env string, r Reason) {
	e := home(envs, j)
	if e.room(j) == 0 {
		e.keepFor(j)
	}
	r = Reason{Detail: e.shortage(j)}
	if e.Grows && e.short(j) {
		r.Token = TokenNoCapacity
		r.Detail = e.NoCapacity + ". " + r.Detail
	}
	if e.reserved(j) {
		return "", r
	}
	return e.Name, r
}

// home is the first environment that can still add a host for the job, else the first
// that could hold it.
func home(envs []*envState, j *Job) *envState {
	var fallback *envState
	for _, e := range envs {
		switch {
		case !e.possible(j):
		case e.room(j) > 0:
			return e
		case fallback == nil:
			fallback = e
		}
	}
	return fallback
}

// promise spreads count of a job that waits over the environments that can grow for
// it, in their order; what none can take waits in the first that could hold it.
func (p *planner) promise(envs []*envState, j *Job, count int) {
	first := home(envs, j)
	for _, e := range envs {
		if count == 0 {
			return
		}
		if e.possible(j) {
			if n := min(count, e.room(j)); n > 0 {
				e.promise(j, n)
				count -= n
			}
		}
	}
	if first.held == 0 {
		first.promise(j, count)
	}
}
