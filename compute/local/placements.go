package local

import (
	"fmt"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/imitation"
)

// placement is a task on an imitated host, guarded by the backend's lock. It stays
// until the task is forgotten, so that a repeated Run knows the task.
type placement struct {
	host     *host
	need     batch.Resources
	calls    int  // of Run that are under way
	accepted bool // the runtime has the task
	stopped  bool // its room is free again
}

// place puts a task on a host, with mu held.
func (b *Backend) place(h *host, task string, need batch.Resources) *placement {
	p := &placement{host: h, need: need}
	b.placed[task] = p
	h.free = h.free.Sub(need)
	h.live++
	return p
}

// free gives back the room of a task, with mu held, once. The host goes away if it
// waited for this.
func (b *Backend) free(p *placement) {
	if p.stopped {
		return
	}
	p.stopped = true
	p.host.free = p.host.free.Add(p.need)
	p.host.live--
	if p.host.Ending && p.host.live == 0 {
		b.gone(p.host)
	}
}

// room returns the host of the given id if it takes that much more, with mu held.
func (b *Backend) room(id string, need batch.Resources) (*host, error) {
	h, ok := b.hosts[id]
	switch {
	case !ok:
		return nil, fmt.Errorf("host %q is unknown: %w", id, compute.ErrHostGone)
	case h.Ending || h.State == compute.HostGone:
		return nil, fmt.Errorf("host %q (%s) was terminated: %w", id, h.Instance, compute.ErrHostGone)
	case h.State != compute.HostReady:
		return nil, fmt.Errorf("host %q is %s: %w", id, h.State, compute.ErrNoRoom)
	case !need.Fits(h.free):
		return nil, fmt.Errorf("host %q has %s free, the task needs %s: %w", id, h.free, need, compute.ErrNoRoom)
	}
	return h, nil
}

// account books what the runtime tells of a task, with mu held.
func (b *Backend) account(s *compute.TaskStatus) {
	if s.Host == "" {
		return
	}
	p, known := b.placed[s.ID]
	if !known {
		// What it needs was lost with the journal: it counts as nothing.
		p = b.place(b.hostOf(s), s.ID, batch.Resources{})
	}
	p.accepted = true
	switch {
	case s.State == compute.TaskStopped:
		b.free(p)
	case !known && p.host.State == compute.HostGone:
		// The engine counts it as lost already and may run the next attempt.
		b.startKill(p.host)
	}
}

// hostOf returns the host of a task, with mu held. One whose record was lost is
// made up: a host that is gone.
func (b *Backend) hostOf(s *compute.TaskStatus) *host {
	if h, ok := b.hosts[s.Host]; ok {
		return h
	}
	return newHost(record{Host: compute.Host{ID: s.Host, Instance: imitation.Instance(s.Host), State: compute.HostGone}})
}

// live returns what runs on hosts, with mu held.
func (b *Backend) live() []journalLine {
	var lines []journalLine
	for task, p := range b.placed {
		if !p.stopped {
			lines = append(lines, journalLine{task: task, host: p.host.Host.ID, need: p.need})
		}
	}
	return lines
}
