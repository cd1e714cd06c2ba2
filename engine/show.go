package engine

import (
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// show brings up to date what the brains are shown of hosts: of those that have changed.
func (t *team) show(o offersOf) {
	if t.priced != o.number {
		t.priced = o.number
		for _, m := range t.hosts {
			t.change(m)
		}
	}
	for _, m := range t.changed {
		m.changed = false
		if !m.known {
			continue
		}
		usd := o.prices.of(&m.Host)
		m.usd = usd
		if i, ok := slices.BinarySearchFunc(t.hosts, m.ID, byID); ok {
			t.planned[i] = m.planned(usd)
		}
		if m.State != compute.HostReady {
			continue
		}
		if i, ok := slices.BinarySearchFunc(t.ready, m.ID, byID); ok {
			t.offered[i] = m.offered(usd)
		}
	}
	clear(t.changed)
	t.changed = t.changed[:0]
}

// planned is a host as the provisioner is shown it.
func (m *member) planned(usd float64) provisioner.Host {
	host := provisioner.Host{
		ID: m.ID, Has: m.Has, Arch: m.Arch, Tasks: m.tasks(), USDPerHour: usd, CreatedAt: m.created,
	}
	if m.IdleSince > 0 {
		host.IdleSince = m.IdleSince.Time()
	}
	switch m.State {
	case compute.HostReady:
		host.State = provisioner.Ready
	case compute.HostDraining:
		host.State = provisioner.Draining
	default:
		host.Meant = m.meant
	}
	return host
}

// offered is a host as the scheduler is shown it, but for what depends on the moment.
func (m *member) offered(usd float64) scheduler.Host {
	return scheduler.Host{ID: m.ID, Type: hostType(m.Host), Arch: m.Arch, Has: m.Has, Free: m.free(), USDPerHour: usd}
}

// offer returns the hosts that take tasks as the scheduler is shown them now. It may not
// change them, and they are good until the next call.
func (e *Engine) offer(t *team, o offersOf, slow bool, least int64, now time.Time) []scheduler.Host {
	t.show(o)
	var staying int64
	for i := range t.offered {
		host, m := &t.offered[i], t.ready[i]
		staying += host.Has.MilliVCPU
		host.USDPerHour, host.Interruptions, host.Busy, host.Meant = 0, 0, 0, nil
		if e.hinted && !slow && staying > least { // those within minvCpus stay anyway
			host.USDPerHour = m.usd
			e.hint(host, m, now)
		}
	}
	for id, until := range e.refused {
		if i, ok := slices.BinarySearchFunc(t.ready, id, byID); ok && now.Before(until) {
			t.offered[i].Free = batch.Resources{}
			t.change(t.ready[i]) // it is tried again by and by
		}
	}
	return t.offered
}
