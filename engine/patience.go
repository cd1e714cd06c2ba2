package engine

import (
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// letWait tells the provisioner what waiting counts in an environment, and when its tasks
// are expected to leave room.
func (e *Engine) letWait(fleet *provisioner.Environment, env store.Environment, t *team, now time.Time) {
	if !e.hinted || comeSlowly(t, fleet.Boot, now) {
		return
	}
	fleet.WaitUSDPerHour = batch.WaitUSDPerHourOf(env.Detail.Tags, provisioner.WaitUSDPerHour)
	t.fleets++
	fleet.Running = func(host int) []provisioner.Running {
		m := t.hosts[host]
		if m.fleet != t.fleets {
			m.fleet, m.running = t.fleets, m.running[:0]
			for _, j := range m.jobs {
				m.running = append(m.running, provisioner.Running{Need: j.Need, Left: e.left(j, now)})
			}
		}
		return m.running
	}
}

// left is how long a job is expected to go on that was placed.
func (e *Engine) left(j *placed, now time.Time) time.Duration { return e.expected(j, now).Mean }

// expected is what is known of how long a job goes on that was placed: the run time of its
// kind, with what it has run already taken off the mean.
func (e *Engine) expected(j *placed, now time.Time) batch.RunTime {
	r := e.runs.runTime(j.kind)
	if r.Known() && j.StartedAt > 0 {
		r.Mean = r.Left(now.Sub(j.StartedAt.Time()))
	}
	return r
}

// saying adds to the reasons of a decision which jobs wait for room that is expected, and
// until when.
func (w *world) saying(d *scheduler.Decision) {
	type kind struct {
		environment, arch string
		need              batch.Resources
	}
	// told is what is added, and the reason of the last job of a kind before and after it:
	// mostly that of the next.
	type told struct{ adds, before, after string }
	kinds := map[kind]*told{}
	for name, list := range w.waiting {
		for _, x := range list {
			at := x.Until.UTC().Format("15:04:05Z")
			kinds[kind{name, x.Arch, x.Need}] = &told{adds: " Room is expected soon; at " + at + " a host is launched."}
		}
	}
	if len(kinds) == 0 {
		return
	}
	for i := range d.Waits {
		wait := &d.Waits[i]
		j := w.jobs[wait.Job]
		if j == nil {
			continue
		}
		if t := kinds[kind{wait.Environment, j.Arch, j.Need}]; t != nil {
			if t.after == "" || t.before != wait.Reason.Detail {
				t.before, t.after = wait.Reason.Detail, wait.Reason.Detail+t.adds
			}
			wait.Reason.Detail = t.after
		}
	}
}
