package baseline

import (
	"slices"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner"
)

// shrink drains hosts whose idle window is over while minvCpus stay, and ends those that
// are drained and those that do not come.
func shrink(e provisioner.Environment, now time.Time, p *provisioner.Plan) {
	var staying int64
	for _, h := range e.Hosts {
		if h.State != provisioner.Draining {
			staying += h.Has.MilliVCPU
		}
	}
	due := func(at time.Time) {
		if p.Next.IsZero() || at.Before(p.Next) {
			p.Next = at
		}
	}
	var idle []*provisioner.Host
	for i := range e.Hosts {
		h := &e.Hosts[i]
		switch {
		case h.State == provisioner.Draining:
			if h.Tasks == 0 {
				p.Terminate = append(p.Terminate, h.ID)
			}
		case h.State == provisioner.Booting:
			switch over := h.CreatedAt.Add(e.BootWindow); {
			case e.Ending || e.BootWindow > 0 && !now.Before(over):
				p.Terminate = append(p.Terminate, h.ID)
			case e.BootWindow > 0:
				due(over)
			}
		case e.Ending:
			p.Drain = append(p.Drain, h.ID)
		case h.Tasks == 0:
			idle = append(idle, h)
		}
	}
	// The longest idle go first, while minvCpus stay.
	slices.SortStableFunc(idle, func(a, b *provisioner.Host) int { return a.IdleSince.Compare(b.IdleSince) })
	for _, h := range idle {
		over := h.IdleSince.Add(e.IdleWindow)
		if h.IdleSince.IsZero() {
			over = now.Add(e.IdleWindow)
		}
		switch {
		case staying-h.Has.MilliVCPU < e.MinMilliVCPU:
		case now.Before(over):
			due(over)
		default:
			p.Drain = append(p.Drain, h.ID)
			staying -= h.Has.MilliVCPU
		}
	}
}
