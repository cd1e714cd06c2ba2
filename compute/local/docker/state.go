package docker

import (
	"time"

	"github.com/moby/moby/api/types/container"
)

// absorb takes over what the engine says of a container.
func (t *task) absorb(m *member, c container.InspectResponse) {
	state := c.State
	_, generation := t.r.link.state()
	seen := m.generation
	m.generation = generation
	if m.id == "" {
		t.made(m, c.ID, c.Config.StopTimeout)
	}
	if m.phase == ended {
		return
	}
	started := engineTime(state.StartedAt)
	switch {
	case started.IsZero() && (state.Error != "" || state.ExitCode != 0):
		// It was tried before, by this server or its predecessor, and refused.
		t.fail(m, cannotStart+": Error response from daemon: "+state.Error)
		return
	case started.IsZero():
		return
	}
	if m.phase == waiting {
		t.change(func() { m.phase, m.startedAt, m.ip = running, started, address(c.NetworkSettings) })
		t.follow(m)
	}
	switch {
	case state.Running || state.Paused || state.Restarting:
	case state.Status == container.StateRemoving:
		t.lose(m, reasonRemoved)
	case t.r.takes(state.ExitCode) && !state.OOMKilled && !m.oom.Load() && !t.stopRequested() &&
		(seen != 0 && seen != generation || t.r.leaving()):
		// An engine that stops takes its containers with it, which is not the job's
		// failure. It ended while the engine was away, or the engine is going.
		t.lose(m, reasonRestarted)
	default:
		t.exit(m, state)
	}
}

// made notes the engine's side of a container that exists.
func (t *task) made(m *member, id string, stopSeconds *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.id, m.grace = id, stopGrace(stopSeconds)
}

// exit ends a container that ran.
func (t *task) exit(m *member, state *container.State) {
	t.change(func() {
		code := int32(state.ExitCode)
		m.phase, m.exitCode, m.noticed = ended, &code, time.Now()
		m.finishedAt = engineTime(state.FinishedAt)
		if m.finishedAt.Before(m.startedAt) { // the engine notes the start after the process runs
			m.finishedAt = m.startedAt
		}
		switch {
		case state.OOMKilled || m.oom.Load():
			m.reason = outOfMemory
		case state.Error != "":
			m.reason = state.Error
		}
		close(m.over)
	})
}

// lose ends a container that the engine does not have any more, or not running,
// through no act of ours. There is no exit code, as when an instance is lost.
func (t *task) lose(m *member, reason string) {
	if m.phase == ended {
		return
	}
	t.change(func() {
		m.phase, m.lost, m.reason = ended, true, reason
		m.finishedAt = time.Now().UTC()
		close(m.over)
	})
}

// takes reports whether an engine that stops may have ended a container with this exit
// code. It sends SIGTERM first, for which a program may have an exit code of its own.
// One with live-restore lets containers go on, so that the code is the program's.
func (r *Runtime) takes(code int) bool {
	return code != 0 && (killed(code) || !r.liveRestore.Load())
}

// killed reports whether an exit code is that of a process that was ended from
// outside: SIGKILL, SIGTERM, or 255, which the engine writes for a container that
// it finds dead.
func killed(code int) bool { return code == 137 || code == 143 || code == 255 }

// engineTime reads a time of the engine; "0001-01-01T00:00:00Z" is never.
func engineTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.UTC()
}

// address is the first address that the container has in its networks.
func address(n *container.NetworkSettings) string {
	if n == nil {
		return ""
	}
	for _, endpoint := range n.Networks {
		if endpoint != nil && endpoint.IPAddress.IsValid() {
			return endpoint.IPAddress.String()
		}
	}
	return ""
}
