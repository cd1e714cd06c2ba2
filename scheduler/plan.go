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
	p := &planner{envs: map[string]*envState{}}
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
	for i := range queues {
		p.queue(&queues[i])
	}
	return p.decision
}

type planner struct {
	envs     map[string]*envState
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
	shares := newShareHeap(q)
	for {
		share := shares.next()
		if share == nil {
			return
		}
		j := share.Jobs[share.at]
		placed, wait := p.job(q, envs, j, share.quantum(q, j))
		share.placed += placed
		if q.Fair != nil {
			share.Usage += float64(placed) * float64(j.Need.MilliVCPU) / 1000 * q.Fair.NewJobSeconds
		}
		if left := j.Count - share.placed; left > 0 && wait == nil {
			shares.reorder() // its turn went on; others may come first now
			continue
		} else if wait != nil {
			wait.Count = left
			p.decision.Waits = append(p.decision.Waits, *wait)
		}
		share.at, share.placed = share.at+1, 0
		shares.reorder()
	}
}

// job places up to count of a job. A non-nil Wait says why it stopped short.
func (p *planner) job(q *Queue, envs []*envState, j Job, count int) (placed int, wait *Wait) {
	leave := func(env string, r Reason) (int, *Wait) {
		return placed, &Wait{Job: j.ID, Queue: q.Name, Need: j.Need, Arch: j.Arch, Environment: env, Reason: r}
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
		env, host, ok := p.find(envs, j)
		if !ok {
			home := p.home(envs, j)
			return leave(home, p.waits(envs, home, j))
		}
		if p.machine != nil {
			p.machine.Used = p.machine.Used.Add(need)
		}
		p.decision.Placements = append(p.decision.Placements, Placement{j.ID, q.Name, env, host})
	}
	return placed, nil
}

// find takes room for one job in the first environment that has it.
func (p *planner) find(envs []*envState, j Job) (env, host string, ok bool) {
	for _, e := range envs {
		if host, ok := e.take(j); ok {
			return e.Name, host, true
		}
	}
	return "", "", false
}

// home is the environment where a host for the job should be added: the first that
// could hold it and still grows, else the first that could hold it.
func (p *planner) home(envs []*envState, j Job) string {
	var fallback string
	for _, e := range envs {
		if !e.possible(j) {
			continue
		}
		if e.headroom() >= j.Need.MilliVCPU && e.NoCapacity == "" {
			return e.Name
		}
		if fallback == "" {
			fallback = e.Name
		}
	}
	return fallback
}

// waits explains a wait for room that can end, and keeps a host for the job where
// none can be added.
func (p *planner) waits(envs []*envState, home string, j Job) Reason {
	e := p.envs[home]
	if e.headroom() < j.Need.MilliVCPU || !e.Grows {
		e.keepFor(j)
	}
	r := Reason{Detail: e.shortage(j)}
	if e.NoCapacity != "" && e.Grows {
		r.Token = TokenNoCapacity
		r.Detail = e.NoCapacity + ". " + r.Detail
	}
	return r
}
