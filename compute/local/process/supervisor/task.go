//go:build unix

package supervisor

import (
	"fmt"
	"syscall"
	"time"
)

// The texts that ECS has for the end of a task; clients match them.
const (
	reasonEssentialExited = "Essential container in task exited"
	reasonFailedToStart   = "Task failed to start"
)

// killAgain is the time between two SIGKILLs to a group: a process that was just
// being forked may miss the first.
const killAgain = time.Second

// startReady starts every container that waits for nothing more. Those that can
// never start end here.
func (s *supervisor) startReady() {
	for again := true; again; {
		again = false
		for _, c := range s.containers {
			if c.state != waiting {
				continue
			}
			ready, never := s.condition(c)
			switch {
			case s.ending:
				c.state = ended
			case never != "":
				s.cannotStart(c, never)
			case ready:
				if err := s.start(c); err != nil {
					s.cannotStart(c, err.Error())
				}
			default:
				continue
			}
			again = true
		}
	}
	if stuck := s.stuck(); stuck != nil {
		s.cannotStart(stuck, "CannotStartContainerError: the containers depend on each other in a circle: remove one dependsOn")
		s.startReady()
		return
	}
	if s.status.State == pending && len(s.alive()) > 0 {
		s.status.State = running
		s.status.StartedAt = time.Now().UTC()
		s.changed()
	}
}

// condition says whether what c depends on has come about, or why it never can.
func (s *supervisor) condition(c *container) (ready bool, never string) {
	ready = true
	for _, dependency := range c.DependsOn {
		other := s.named(dependency.Container)
		switch {
		case other == nil:
			return false, fmt.Sprintf("CannotStartContainerError: dependsOn names container %q, which the task does not have", dependency.Container)
		case other.state == ended && !other.ran:
			return false, fmt.Sprintf("CannotStartContainerError: container %q, which it depends on, did not start", other.Name)
		case dependency.Condition == "START":
			ready = ready && other.ran
		case dependency.Condition == "SUCCESS" && other.state == ended && *other.code != 0:
			return false, fmt.Sprintf("CannotStartContainerError: container %q exited with %d, and dependsOn asks for SUCCESS", other.Name, *other.code)
		default: // COMPLETE, SUCCESS
			ready = ready && other.state == ended
		}
	}
	return ready, ""
}

func (s *supervisor) named(name string) *container {
	for _, c := range s.containers {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// stuck returns a container that waits while nothing runs that it could wait for.
func (s *supervisor) stuck() *container {
	var waits *container
	for _, c := range s.containers {
		switch c.state {
		case started:
			return nil
		case waiting:
			waits = c
		}
	}
	return waits
}

// cannotStart ends a container that never ran; with an essential one the task.
func (s *supervisor) cannotStart(c *container, reason string) {
	c.state = ended
	s.status.Containers[c.number].Reason = reason
	if c.Essential {
		s.end(stopFailedToStart, reasonFailedToStart)
	}
}

// exited is called when the command of a container has ended: whatever else it
// started ends too, and its output is read to the end.
func (s *supervisor) exited(c *container) {
	c.state = ended
	s.killRest(c)
	c.drain()
	code := exitCode(c.exit)
	c.code = &code
	s.status.Containers[c.number].ExitCode = c.code
	if note := c.lost.note(c.Name); note != "" {
		s.status.Notes = joinNotes(s.status.Notes, note)
	}
	if c.Essential {
		s.end(stopEssentialExited, reasonEssentialExited)
	}
	if !s.over() {
		s.changed()
	}
}

// killRest kills the processes that a container has left behind.
func (s *supervisor) killRest(c *container) {
	_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	others := s.alive()
	if len(others) == 0 {
		killDescendants()
		return
	}
	killMarked(c.mark(s.spec.Mark), others)
}

// end begins the end of the task: nothing more is started, what runs gets SIGTERM
// now and SIGKILL after its stop timeout. The first reason stays.
func (s *supervisor) end(code, reason string) {
	if s.ending {
		return
	}
	s.ending = true
	s.status.StopCode, s.status.Reason = code, reason
	for _, c := range s.containers {
		if c.state == started {
			_ = syscall.Kill(-c.pid, syscall.SIGTERM)
			c.killAt = time.Now().Add(c.StopTimeout)
		}
	}
}

// obey does what the server asks.
func (s *supervisor) obey(request Request) {
	switch {
	case request.Kill:
		s.end(stopUser, request.Reason)
		for _, c := range s.containers {
			c.killAt = time.Now()
		}
		s.killOverdue(time.Now())
	case request.Stop:
		s.end(stopUser, request.Reason)
	}
}

// nextKill is a channel that is ready when the next container has had its time to
// end, nil when none is asked to; stop releases it.
func (s *supervisor) nextKill() (overdue <-chan time.Time, stop func()) {
	var next time.Time
	for _, c := range s.containers {
		if c.state == started && !c.killAt.IsZero() && (next.IsZero() || c.killAt.Before(next)) {
			next = c.killAt
		}
	}
	if next.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(next))
	return timer.C, func() { timer.Stop() }
}

// killOverdue kills the containers that did not end in time.
func (s *supervisor) killOverdue(now time.Time) {
	for _, c := range s.containers {
		if c.state == started && !c.killAt.IsZero() && !c.killAt.After(now) {
			_ = syscall.Kill(-c.pid, syscall.SIGKILL)
			c.killAt = now.Add(killAgain)
		}
	}
}

func joinNotes(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
