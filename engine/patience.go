package engine

import (
	"fmt"
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
	var known [][]provisioner.Running // by host
	fleet.Running = func(host int) []provisioner.Running {
		if known == nil {
			known = make([][]provisioner.Running, len(t.hosts))
		}
		if known[host] == nil {
			tasks := make([]provisioner.Running, 0, len(t.hosts[host].jobs))
			for _, j := range t.hosts[host].jobs {
				tasks = append(tasks, provisioner.Running{Need: j.Need, Left: e.left(j, now)})
			}
			known[host] = tasks
		}
		return known[host]
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
	until := map[kind]time.Time{}
	for name, list := range w.waiting {
		for _, x := range list {
			until[kind{name, x.Arch, x.Need}] = x.Until
		}
	}
	if len(until) == 0 {
		return
	}
	for i := range d.Waits {
		wait := &d.Waits[i]
		j := w.jobs[wait.Job]
		if j == nil {
			continue
		}
		if at, ok := until[kind{wait.Environment, j.Arch, j.Need}]; ok {
			wait.Reason.Detail += fmt.Sprintf(" Room is expected soon; at %s a host is launched.", at.UTC().Format("15:04:05Z"))
		}
	}
}
