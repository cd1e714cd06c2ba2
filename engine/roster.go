package engine

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// roster is the hosts and the jobs that hold a place on them, with what passes ask of
// them: sums over each host and each environment, and deadlines in their order. It is kept
// from pass to pass and follows the records, so that a pass costs what has changed and not
// what lives.
//
// It only saves work. A new engine fills its own from the records and finds the same.
type roster struct {
	jobs   map[string]*placed
	queues map[string][]*placed // by name, in the order in which records are listed
	hosts  map[string]*member   // by id
	teams  map[string]*team     // by environment
	// stopping are the jobs that are to stop, limits the deadlines of those that have one.
	stopping map[string]*placed
	limits   deadlines
	starts   starts
}

func newRoster() *roster {
	return &roster{
		jobs: map[string]*placed{}, queues: map[string][]*placed{}, hosts: map[string]*member{},
		teams: map[string]*team{}, stopping: map[string]*placed{},
		starts: newStarts(),
	}
}

// placed is a job that holds a place.
type placed struct {
	batch.Job
	child bool
	on    *member // nil on Fargate, or without a placement
	kind  *kind
	// shown is the version at which the ordering of live jobs last showed it.
	shown int64
	// counted says that it is one of the starts.
	counted bool
}

// order is that in which records list live jobs: children behind all others, the oldest
// first.
func (p *placed) order(o *placed) int {
	if p.child != o.child {
		if o.child {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(p.CreatedAt, o.CreatedAt), strings.Compare(p.ID, o.ID))
}

// member is a host and what is placed on it.
type member struct {
	store.Host
	known bool // it has a record; otherwise jobs are all that is known of it
	jobs  []*placed
	used  batch.Resources
	// starting is how many jobs the pass under way has placed on it.
	starting int
	meant    []provisioner.Meant // what it was launched for
	waits    []scheduler.Meant   // the same, as the scheduler has it
	created  time.Time
	usd      float64 // what it costs an hour, as the brains were shown it last
	// running is jobs as the provisioner was shown them with a fleet, by its number: good as
	// long as that is the last one.
	running []provisioner.Running
	fleet   uint64
	// changed says that what the brains are shown of it is out of date, unsettled that it
	// may be noted as idle or busy while it is not.
	changed, unsettled bool
}

// tasks is how many jobs are placed on the host, by the pass under way as well.
func (m *member) tasks() int { return len(m.jobs) + m.starting }

// free is what no job has taken.
func (m *member) free() batch.Resources { return m.Has.Sub(m.used) }

// team is the hosts of an environment.
type team struct {
	hosts []*member // those with a record, in the order of their ids
	// coming are those of them that are launched and not ready yet, ready those that take
	// tasks, in the same order.
	coming, ready []*member
	// planned is hosts as the provisioner is shown them and offered is ready as the
	// scheduler is, each at the same index; changed are those that are shown anew.
	planned []provisioner.Host
	offered []scheduler.Host
	changed []*member
	// unsettled are those of which it may have to be noted since when they are idle.
	unsettled []*member
	// priced is the prices that they are shown with, fleets how often the provisioner was
	// shown them.
	priced, fleets uint64
	// boots and booted sum up how long those that are ready took.
	boots  time.Duration
	booted int
	// milliVCPU is what all of them have; readyMilliVCPU and leaving are the parts of those
	// that take tasks and of those that take none any more, and readyUsed is what jobs hold.
	milliVCPU, readyMilliVCPU, leaving, readyUsed int64
	// fargate is what jobs without a host take.
	fargate batch.Resources
}

func (r *roster) team(environment string) *team {
	t := r.teams[environment]
	if t == nil {
		t = &team{}
		r.teams[environment] = t
	}
	return t
}

// member returns a host, known or not.
func (r *roster) member(id string) *member {
	m := r.hosts[id]
	if m == nil {
		m = &member{Host: store.Host{ID: id}}
		r.hosts[id] = m
	}
	return m
}

// count adds a host to the sums of its environment, or with -1 takes it away.
func (t *team) count(m *member, sign int64) {
	has := sign * m.Has.MilliVCPU
	t.milliVCPU += has
	switch m.State {
	case compute.HostReady:
		t.readyMilliVCPU += has
		t.readyUsed += sign * m.used.MilliVCPU
	case compute.HostLaunching, compute.HostBooting:
	default:
		t.leaving += has
	}
	if m.ReadyAt > m.CreatedAt {
		t.boots += time.Duration(sign*int64(m.ReadyAt-m.CreatedAt)) * time.Millisecond
		t.booted += int(sign)
	}
}

func byID(m *member, id string) int { return strings.Compare(m.ID, id) }

// at is where a host stands in a list, or would.
func at(list []*member, m *member) int {
	i, _ := slices.BinarySearchFunc(list, m.ID, byID)
	return i
}

// join adds a host to those in its state.
func (t *team) join(m *member) {
	switch m.State {
	case compute.HostLaunching, compute.HostBooting:
		t.coming = slices.Insert(t.coming, at(t.coming, m), m)
	case compute.HostReady:
		i := at(t.ready, m)
		t.ready, t.offered = slices.Insert(t.ready, i, m), slices.Insert(t.offered, i, scheduler.Host{})
	}
}

// part is the inverse.
func (t *team) part(m *member) {
	switch m.State {
	case compute.HostLaunching, compute.HostBooting:
		i := at(t.coming, m)
		t.coming = slices.Delete(t.coming, i, i+1)
	case compute.HostReady:
		i := at(t.ready, m)
		t.ready, t.offered = slices.Delete(t.ready, i, i+1), slices.Delete(t.offered, i, i+1)
	}
}

// change notes that a host is to be shown anew.
func (t *team) change(m *member) {
	if !m.changed {
		m.changed = true
		t.changed = append(t.changed, m)
	}
	if !m.unsettled {
		m.unsettled = true
		t.unsettled = append(t.unsettled, m)
	}
}

// putHost notes a host as it is now.
func (r *roster) putHost(h store.Host) {
	m := r.member(h.ID)
	t := r.team(h.Environment)
	if m.known {
		if m.Environment != h.Environment {
			r.dropHost(h.ID)
			r.putHost(h)
			return
		}
		t.count(m, -1)
		if m.State != h.State {
			t.part(m)
		}
	} else {
		i := at(t.hosts, m)
		t.hosts, t.planned = slices.Insert(t.hosts, i, m), slices.Insert(t.planned, i, provisioner.Host{})
	}
	joins := !m.known || m.State != h.State
	if m.Host.For != h.For || !m.known {
		m.mean(h.For)
	}
	m.Host, m.known, m.created = h, true, h.CreatedAt.Time()
	t.count(m, 1)
	if joins {
		t.join(m)
	}
	t.change(m)
}

// settle returns, in their order, the hosts that take tasks and of which it is not noted
// rightly whether they have any.
func (t *team) settle() (wrong []*member) {
	for _, m := range t.unsettled {
		m.unsettled = false
		if m.known && m.State == compute.HostReady && (m.tasks() > 0) == (m.IdleSince > 0) {
			wrong = append(wrong, m)
		}
	}
	clear(t.unsettled)
	t.unsettled = t.unsettled[:0]
	slices.SortFunc(wrong, func(a, b *member) int { return strings.Compare(a.ID, b.ID) })
	return wrong
}

// mean notes what a host was launched for.
func (m *member) mean(text string) {
	m.meant, m.waits = provisioner.ReadMeant(text), nil
	for _, one := range m.meant {
		m.waits = append(m.waits, scheduler.Meant{Need: one.Need, Count: one.Count})
	}
}

// dropHost forgets the record of a host.
func (r *roster) dropHost(id string) {
	m := r.hosts[id]
	if m == nil || !m.known {
		return
	}
	t := r.team(m.Environment)
	t.count(m, -1)
	i := at(t.hosts, m)
	t.hosts, t.planned = slices.Delete(t.hosts, i, i+1), slices.Delete(t.planned, i, i+1)
	t.part(m)
	m.Host, m.known, m.changed, m.meant, m.waits = store.Host{ID: id}, false, false, nil, nil
	m.unsettled = false
	r.tidy(m)
}

// tidy forgets a host of which nothing is known.
func (r *roster) tidy(m *member) {
	if !m.known && len(m.jobs) == 0 {
		delete(r.hosts, m.ID)
	}
}

// use adds to what jobs hold of a host, or with -1 takes it away.
func (r *roster) use(m *member, need batch.Resources, sign int64) {
	if sign > 0 {
		m.used = m.used.Add(need)
	} else {
		m.used = m.used.Sub(need)
	}
	if !m.known {
		return
	}
	t := r.team(m.Environment)
	if t.change(m); m.State == compute.HostReady {
		t.readyUsed += sign * need.MilliVCPU
	}
}

// putJob notes a job that holds a place as it is now.
func (r *roster) putJob(j batch.Job, of *kind) *placed {
	p, before := r.jobs[j.ID], batch.Millis(0)
	if p != nil && (p.Queue != j.Queue || p.CreatedAt != j.CreatedAt) {
		r.dropJob(j.ID)
		p = nil
	}
	if p == nil {
		_, _, child := batch.SplitChild(j.ID)
		p = &placed{child: child}
		p.Job = j
		r.jobs[j.ID] = p
		list := r.queues[j.Queue]
		i, _ := slices.BinarySearchFunc(list, p, (*placed).order)
		r.queues[j.Queue] = slices.Insert(list, i, p)
	} else {
		before, _ = p.deadline()
		r.unplace(p)
		p.Job = j
	}
	p.kind = of
	r.place(p)
	if p.Stop != nil {
		r.stopping[p.ID] = p
	}
	if at, ok := p.deadline(); ok && at != before {
		r.limit(deadline{at, p.ID})
	}
	return p
}

// place adds a job to what it is placed on.
func (r *roster) place(p *placed) {
	if p.Placement == nil {
		return
	}
	if p.Placement.Host == "" {
		t := r.team(p.Placement.Environment)
		t.fargate = t.fargate.Add(p.Need)
		r.starts.add(p)
		return
	}
	m := r.member(p.Placement.Host)
	i, _ := slices.BinarySearchFunc(m.jobs, p, r.across)
	m.jobs = slices.Insert(m.jobs, i, p)
	p.on = m
	r.use(m, p.Need, 1)
	r.starts.add(p)
}

// unplace is the inverse.
func (r *roster) unplace(p *placed) {
	delete(r.stopping, p.ID)
	r.starts.remove(p)
	if m := p.on; m != nil {
		r.use(m, p.Need, -1)
		if i, ok := slices.BinarySearchFunc(m.jobs, p, r.across); ok {
			m.jobs = slices.Delete(m.jobs, i, i+1)
		}
		p.on = nil
		r.tidy(m)
	} else if p.Placement != nil {
		t := r.team(p.Placement.Environment)
		t.fargate = t.fargate.Sub(p.Need)
	}
}

// across orders jobs of several queues: by the queue's name first.
func (*roster) across(a, b *placed) int {
	return cmp.Or(strings.Compare(a.Queue, b.Queue), a.order(b))
}

// dropJob forgets a job that holds no place any more.
func (r *roster) dropJob(id string) {
	p := r.jobs[id]
	if p == nil {
		return
	}
	r.unplace(p)
	delete(r.jobs, id)
	list := r.queues[p.Queue]
	if i, ok := slices.BinarySearchFunc(list, p, (*placed).order); ok {
		list = slices.Delete(list, i, i+1)
	}
	if r.queues[p.Queue] = list; len(list) == 0 {
		delete(r.queues, p.Queue)
	}
}

// deadline is when the time of an attempt is over.
type deadline struct {
	at batch.Millis
	id string
}

// deadline is when a job's attempt is out of time, if it has begun and has a limit.
func (p *placed) deadline() (batch.Millis, bool) {
	if p.Placement == nil || p.Stop != nil || p.TimeoutSeconds <= 0 || p.StartedAt <= 0 {
		return 0, false
	}
	return p.StartedAt.Add(time.Duration(p.TimeoutSeconds) * time.Second), true
}

// deadlines is a heap, the earliest first. One that is out of date stays until its turn
// comes.
type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// start notes what a pass has placed, until the next is told.
func (r *roster) start(placements []scheduler.Placement) {
	for i := range placements {
		if m := r.hosts[placements[i].Host]; m != nil {
			m.starting++
			r.team(m.Environment).change(m)
		}
	}
}

// started is the inverse: the records show them now.
func (r *roster) started(placements []scheduler.Placement) {
	for i := range placements {
		if m := r.hosts[placements[i].Host]; m != nil {
			m.starting = 0
			r.team(m.Environment).change(m)
		}
	}
}

// limit notes a deadline. When most of those that are noted are out of date it gathers
// them anew.
func (r *roster) limit(d deadline) {
	const few = 1000
	if heap.Push(&r.limits, d); len(r.limits) <= few+2*len(r.jobs) {
		return
	}
	r.limits = r.limits[:0]
	for _, p := range r.jobs {
		if at, ok := p.deadline(); ok {
			r.limits = append(r.limits, deadline{at, p.ID})
		}
	}
	heap.Init(&r.limits)
}

// toStop returns the jobs that are to stop now, in their order, those out of time
// included; next is when the time of another is over, 0 if never.
func (r *roster) toStop(now time.Time) (jobs []*placed, next batch.Millis) {
	for _, p := range r.stopping {
		if p.Placement != nil {
			jobs = append(jobs, p)
		}
	}
	stopping := len(jobs)
	for len(r.limits) > 0 {
		first := r.limits[0]
		p := r.jobs[first.id]
		if p != nil {
			if at, ok := p.deadline(); ok && at == first.at {
				if now.Before(at.Time()) {
					next = at
					break
				}
				jobs = append(jobs, p)
			}
		}
		heap.Pop(&r.limits)
	}
	for _, p := range jobs[stopping:] { // until it is recorded that they are to stop
		at, _ := p.deadline()
		heap.Push(&r.limits, deadline{at, p.ID})
	}
	slices.SortFunc(jobs, r.across)
	return slices.Compact(jobs), next
}
