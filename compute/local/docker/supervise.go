package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
)

const (
	// What the ECS agent allows the engine (agent/dockerclient/timeout.go).
	createTime = 4 * time.Minute
	startTime  = 3 * time.Minute
	// inspectTime bounds a look at one container.
	inspectTime = 30 * time.Second
	// stopMargin is how long a stop may take beyond the grace of the container.
	stopMargin = 30 * time.Second
	stopTries  = 3
	// drainTime is how long the end of a task waits for the last of its output.
	drainTime = 10 * time.Second
	// oomGrace is how long the end of a failed container waits for the news that it
	// ran out of memory. The engine hears of the kill and of the end on two ways; if
	// the end is first (some 60 ms were seen on a busy machine) it never sets
	// State.OOMKilled, and only the late event tells.
	oomGrace = 200 * time.Millisecond
)

// live is the supervisor: it takes a task from wherever it is to its end.
func (t *task) live(ctx context.Context) {
	defer t.letGo()
	defer t.giveUp()
	t.make(ctx)
	t.makeSure(ctx)
	for ctx.Err() == nil {
		changed := t.halt(ctx)
		changed = t.begin(ctx) || changed
		t.dropNote()
		t.letGo()
		changed = t.look(ctx) || changed
		if t.allEnded() {
			t.halt(ctx)
			t.finish(ctx)
			return
		}
		if changed {
			continue
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
		}
	}
}

// hold waits for a slot, of which there are as many as containers may be made and
// started at once. Tasks get them in the order in which they asked.
func (t *task) hold(ctx context.Context) error {
	if t.holding {
		return nil
	}
	err := t.r.slots.Acquire(ctx, 1)
	t.holding = err == nil
	return err
}

func (t *task) letGo() {
	if t.holding {
		t.r.slots.Release(1)
		t.holding = false
	}
}

// make makes the containers that are missing. All are made before one starts, so
// that their labels hold the whole task from then on.
func (t *task) make(ctx context.Context) {
	for _, m := range t.members {
		if m.id != "" || m.phase == ended {
			continue
		}
		err := t.makeOne(ctx, m)
		switch {
		case err == nil:
		case ctx.Err() != nil || t.stopRequested():
			return
		default:
			t.fail(m, err.Error())
			if t.essential(m) {
				return
			}
		}
	}
}

// lateStart is how long a call to start a container may be on its way in the engine
// after the server that made it was killed.
const lateStart = time.Second

// makeSure looks again at containers that a former server made, before they are
// started. That one may have asked for the start and been killed: then a short job
// may even be over when we would start it, and the engine would run it once more.
func (t *task) makeSure(ctx context.Context) {
	if !t.unsure || sleep(t.pending, lateStart) != nil {
		return
	}
	for _, m := range t.members {
		if m.phase == waiting && m.id != "" && !t.inspect(ctx, m) {
			return
		}
	}
}

// dropNote removes the journal's note once a container has started: all were made
// by then, and their labels tell the rest. Not earlier: a container that never
// started and has no note is one that must not start any more.
func (t *task) dropNote() {
	if !t.noted {
		return
	}
	for _, m := range t.members {
		if !m.startedAt.IsZero() {
			t.r.journal.remove(t.id)
			t.noted = false
			return
		}
	}
}

// makeOne makes one container, pulling its image if the engine has not got it. Its
// error is the reason that the container shows.
func (t *task) makeOne(ctx context.Context, m *member) error {
	gpus, err := t.r.gpus.take(m.Need.GPUs)
	if err != nil {
		return fmt.Errorf("%s: %w", cannotCreate, err)
	}
	m.gpus = gpuIDs(gpus)
	options, err := t.r.settings.createOptions(&t.spec, m.index, gpus)
	if err != nil {
		return fmt.Errorf("%s: %w", cannotCreate, err)
	}
	began := time.Now()
	for pulled := false; ; {
		if err := t.hold(t.pending); err != nil {
			return err
		}
		m.tried = true
		err := t.create(ctx, m, options)
		switch {
		case err == nil:
			return nil
		case unreachable(err):
			t.letGo()
			if err := t.r.link.again(t.pending); err != nil {
				return err
			}
		case errors.Is(err, errBeingMade) && time.Since(began) < createTime:
			t.letGo()
			if err := sleep(t.pending, lookAgain); err != nil {
				return err
			}
		case noSuchImage(err) && !pulled:
			t.letGo()
			if err := t.pull(m.Image); err != nil {
				return err
			}
			pulled = true
		case noSuchImage(err), badImageName(err):
			return fmt.Errorf("%s: %w", cannotPull, err)
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("%s: Could not transition to created; timed out after waiting %v", dockerTime, createTime)
		default:
			return fmt.Errorf("%s: %w", cannotCreate, err)
		}
	}
}

// pull gets an image, however often the engine goes away meanwhile.
func (t *task) pull(image string) error {
	for {
		err := t.r.puller.pull(t.pending, image, t.note)
		switch {
		case err == nil:
			t.note("")
			return nil
		case t.pending.Err() != nil:
			return t.pending.Err()
		case !unreachable(err):
			return fmt.Errorf("%s: %w", cannotPull, err)
		}
		if err := t.r.link.again(t.pending); err != nil {
			return err
		}
	}
}

// create makes a container, or finds that it was made before: its name is the token.
func (t *task) create(ctx context.Context, m *member, options client.ContainerCreateOptions) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTime)
	defer cancel()
	result, err := t.r.api.ContainerCreate(ctx, options)
	if cerrdefs.IsConflict(err) {
		return t.adopt(ctx, m, options.Name, err)
	}
	if err != nil {
		return err
	}
	if len(result.Warnings) > 0 {
		t.r.log.Debug("the Docker Engine warns of a container", "task", t.id, "warnings", result.Warnings)
	}
	t.made(m, result.ID, options.Config.StopTimeout)
	return nil
}

// errBeingMade: the name is taken, but there is no container of that name. A call of a
// server that was killed is still making it, or the engine is about to drop it.
var errBeingMade = errors.New("a container of that name is being made")

// lookAgain is the time between two looks at a name that is taken.
const lookAgain = 100 * time.Millisecond

// adopt takes the container that has our name already.
func (t *task) adopt(ctx context.Context, m *member, name string, conflict error) error {
	found, err := t.r.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return fmt.Errorf("%w: %w", errBeingMade, conflict)
	case err != nil:
		return err
	case found.Container.Config.Labels[labelInstance] != t.r.settings.instance,
		found.Container.Config.Labels[labelTask] != t.id:
		return fmt.Errorf("%w; that container is not of this server (label %s); remove it", conflict, labelInstance)
	}
	t.absorb(m, found.Container)
	return nil
}

// begin starts the containers whose dependencies are met.
func (t *task) begin(ctx context.Context) (changed bool) {
	for _, m := range t.members {
		if m.phase != waiting || m.id == "" || t.cause != nil || t.stopRequested() {
			continue
		}
		ready, never := t.ready(m)
		switch {
		case never != "":
			t.fail(m, cannotStart+": "+never)
			changed = true
		case ready:
			t.start(ctx, m)
			changed = true
		}
	}
	return changed
}

// ready reports whether the dependencies of m are met, or why they never will be.
func (t *task) ready(m *member) (ready bool, never string) {
	for _, d := range m.DependsOn {
		on := t.member(d.Container)
		switch {
		case on == nil:
			return false, fmt.Sprintf("dependency: the task has no container %q", d.Container)
		case on.phase == ended && on.startedAt.IsZero():
			return false, fmt.Sprintf("dependency: container %q did not start", d.Container)
		case d.Condition == "SUCCESS" && on.phase == ended && (on.exitCode == nil || *on.exitCode != 0):
			return false, fmt.Sprintf("dependency: container %q did not end with exit code 0", d.Container)
		case on.startedAt.IsZero(), d.Condition != "START" && on.phase != ended:
			return false, ""
		}
	}
	return true, ""
}

// start starts a container that was never started. Whatever the call answers, the
// container's own state decides. The call is repeated only if it never reached the
// engine: an engine that dies in the middle of it may have started the process and
// not have written that down. Close does not cut the call short, since some engines
// would then give up the container halfway.
func (t *task) start(ctx context.Context, m *member) {
	for ctx.Err() == nil && !t.stopRequested() {
		if t.hold(t.pending) != nil {
			return
		}
		_, m.generation = t.r.link.state()
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTime)
		_, err := t.r.api.ContainerStart(call, m.id, client.ContainerStartOptions{})
		cancel()
		if unreachable(err) && t.r.link.again(ctx) != nil {
			return
		}
		if !t.inspect(ctx, m) || m.phase != waiting {
			return
		}
		switch {
		case undelivered(err):
			continue
		case unreachable(err):
			t.lose(m, reasonHalfway)
		case errors.Is(err, context.DeadlineExceeded):
			t.fail(m, fmt.Sprintf("%s: Could not transition to started; timed out after waiting %v", dockerTime, startTime))
		default:
			t.fail(m, fmt.Sprintf("%s: %v", cannotStart, err))
		}
		return
	}
}

// look inspects the containers that something may have happened to.
func (t *task) look(ctx context.Context) (changed bool) {
	for _, m := range t.members {
		if m.phase != ended && m.id != "" && m.check.Swap(false) {
			before := m.phase
			changed = t.inspect(ctx, m) && m.phase != before || changed
		}
	}
	return changed
}

// inspect reads the state of a container, waiting for the engine if need be. It
// reports false if ctx ended before.
func (t *task) inspect(ctx context.Context, m *member) bool {
	for {
		call, cancel := context.WithTimeout(ctx, inspectTime)
		result, err := t.r.api.ContainerInspect(call, m.id, client.ContainerInspectOptions{})
		cancel()
		switch {
		case err == nil:
			t.absorb(m, result.Container)
			return true
		case cerrdefs.IsNotFound(err):
			t.lose(m, reasonRemoved)
			return true
		case ctx.Err() != nil:
			return false
		}
		if !unreachable(err) {
			t.r.log.Warn("cannot inspect a container; trying again", "task", t.id, "container", m.id, "error", err)
		}
		if t.r.link.again(ctx) != nil {
			return false
		}
	}
}

// halt finds out whether the task is at its end, and then ends what is left of it.
func (t *task) halt(ctx context.Context) (changed bool) {
	t.mu.Lock()
	if t.cause == nil {
		t.cause = t.findCause()
	}
	over := t.cause != nil
	t.mu.Unlock()
	if !over {
		return false
	}
	for _, m := range t.members {
		switch {
		case m.phase == waiting:
			t.change(func() {
				m.phase = ended
				close(m.over)
			})
			changed = true
		case m.phase == running && m.stopping.CompareAndSwap(false, true):
			t.r.wg.Go(func() { t.stopOne(ctx, m) })
		}
	}
	return changed
}

// findCause returns why the task ends, nil if it does not; t.mu is held.
func (t *task) findCause() *cause {
	if t.stop != "" {
		return &cause{compute.StopUser, t.stop}
	}
	for _, m := range t.members {
		switch {
		case m.phase != ended || !t.essential(m):
			continue
		case m.failed:
			return &cause{compute.StopFailedToStart, reasonFailed}
		case m.lost:
			return &cause{compute.StopHostLost, m.reason}
		default:
			return &cause{compute.StopEssentialExited, reasonEssential}
		}
	}
	return nil
}

// stopOne asks the engine to stop a container: SIGTERM (or the image's own signal),
// then SIGKILL after the container's grace. That it ended comes as an event.
func (t *task) stopOne(ctx context.Context, m *member) {
	defer t.poke()
	defer m.check.Store(true)
	defer m.stopping.Store(false)
	for range stopTries {
		call, cancel := context.WithTimeout(ctx, m.grace+stopMargin)
		_, err := t.r.api.ContainerStop(call, m.id, client.ContainerStopOptions{})
		cancel()
		if err == nil || cerrdefs.IsNotFound(err) || ctx.Err() != nil {
			return
		}
		t.r.log.Warn("cannot stop a container", "task", t.id, "container", m.id, "error", err)
		if t.r.link.again(ctx) != nil {
			return
		}
	}
}

func (t *task) allEnded() bool {
	for _, m := range t.members {
		if m.phase != ended {
			return false
		}
	}
	return true
}

// finish tells that the task has stopped, after its output was read to the end.
func (t *task) finish(ctx context.Context) {
	t.letGo()
	t.drain(ctx)
	t.awaitOutOfMemory(ctx)
	if ctx.Err() != nil {
		return // the next Open comes to the same end
	}
	t.mu.Lock()
	final := t.status()
	if t.cause == nil { // no container is essential, and all have ended
		t.cause = &cause{compute.StopEssentialExited, reasonEssential}
	}
	final.State, final.Version, final.Notes = compute.TaskStopped, versionStopped, ""
	final.StopCode, final.Reason = t.cause.code, t.cause.reason
	for _, m := range t.members {
		if m.finishedAt.After(final.StoppedAt) {
			final.StoppedAt = m.finishedAt
		}
	}
	if final.StoppedAt.IsZero() {
		final.StoppedAt = time.Now().UTC()
	}
	t.mu.Unlock()
	if final.StopCode != compute.StopEssentialExited {
		t.r.journal.end(final)
	}
	t.removeUnstarted(ctx)
	for _, m := range t.members {
		t.r.gpus.give(m.gpus)
	}
	t.mu.Lock()
	t.final = &final
	t.publish()
	t.mu.Unlock()
}

// drain waits until the output of all containers is in the log streams.
func (t *task) drain(ctx context.Context) {
	limit := time.NewTimer(drainTime)
	defer limit.Stop()
	for _, m := range t.members {
		if m.drained == nil {
			continue
		}
		select {
		case <-m.drained:
		case <-limit.C:
			t.r.log.Warn("the output of a task is still being read when its end is told", "task", t.id, "container", m.Name)
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitOutOfMemory gives the reason of failed containers time to arrive.
func (t *task) awaitOutOfMemory(ctx context.Context) {
	for _, m := range t.members {
		if m.exitCode == nil || *m.exitCode == 0 || m.reason != "" || t.stopRequested() {
			continue
		}
		limit := time.NewTimer(time.Until(m.noticed.Add(oomGrace)))
		for waiting := true; waiting && !m.oom.Load(); {
			select {
			case <-t.wake:
			case <-limit.C:
				waiting = false
			case <-ctx.Done():
				waiting = false
			}
		}
		limit.Stop()
		if m.oom.Load() {
			t.mu.Lock()
			m.reason = outOfMemory
			t.mu.Unlock()
		}
	}
}

// removeUnstarted removes containers that were made and shall not start any more:
// the next server would take them for a task to begin.
func (t *task) removeUnstarted(ctx context.Context) {
	for _, m := range t.members {
		name := m.id
		switch {
		case !m.startedAt.IsZero():
			continue
		case name == "" && m.tried:
			name = containerName(&t.spec, m.index)
		case name == "":
			continue
		}
		call, cancel := context.WithTimeout(ctx, inspectTime)
		_, err := t.r.api.ContainerRemove(call, name, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
		cancel()
		if err != nil && !cerrdefs.IsNotFound(err) {
			t.r.log.Warn("cannot remove a container that shall not start", "task", t.id, "container", name, "error", err)
		}
	}
}
