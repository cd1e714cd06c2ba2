package engine

import (
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// letWait tells the provisioner for how long jobs may wait for room in an environment, and
// when its tasks are expected to leave some.
func (e *Engine) letWait(fleet *provisioner.Environment, env store.Environment, w *world, now time.Time) {
	if !e.hinted || comeSlowly(w.hosts[env.Name()], fleet.Boot, now) {
		return
	}
	fleet.WaitUSDPerHour = batch.WaitUSDPerHourOf(env.Detail.Tags, provisioner.WaitUSDPerHour)
	at := make(map[string]int, len(fleet.Hosts))
	for i := range fleet.Hosts {
		at[fleet.Hosts[i].ID] = i
	}
	for i := range w.live {
		j := &w.live[i]
		if j.Placement == nil {
			continue
		}
		if h, ok := at[j.Placement.Host]; ok {
			fleet.Hosts[h].Running = append(fleet.Hosts[h].Running, provisioner.Running{Need: j.Need, Left: e.left(j, now)})
		}
	}
}

// left is how long a job that was placed is expected to go on.
func (e *Engine) left(j *batch.Job, now time.Time) time.Duration {
	r := e.runTime(j.Queue, j.Definition)
	if j.StartedAt > 0 {
		return r.Left(now.Sub(j.StartedAt.Time()))
	}
	return r.Mean
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
		if at, ok := until[kind{wait.Environment, j.Arch, j.Need}]; ok {
			wait.Reason.Detail += fmt.Sprintf(" Room is expected soon; at %s a host is launched.", at.UTC().Format("15:04:05Z"))
		}
	}
}
