package docker

import (
	"context"
	"fmt"
	"slices"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/compute"
)

// maxInspects is how many containers are inspected at once while taking up.
const maxInspects = 8

// found is a container of ours that is there when the server starts.
type found struct {
	identity
	state container.InspectResponse
}

// takeUp goes on with all that a former server of this instance left behind:
// running containers, ended ones, and tasks that have no container yet.
func (r *Runtime) takeUp(ctx context.Context) error {
	noted, err := r.journal.load()
	if err != nil {
		return err
	}
	containers, err := r.findContainers(ctx)
	if err != nil {
		return err
	}
	groups := map[string][]found{}
	for _, c := range containers {
		groups[c.Task.ID] = append(groups[c.Task.ID], c)
	}
	r.removeForgotten(ctx, groups, noted)
	for id := range noted {
		if groups[id] == nil {
			groups[id] = nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, group := range groups {
		t := r.resume(group, noted[id])
		r.tasks[id] = t
		if t.final == nil {
			r.wg.Go(func() { t.live(r.ctx) })
		}
	}
	if len(groups) > 0 {
		r.log.Info("took up the tasks that were here", "tasks", len(groups), "containers", len(containers))
	}
	r.wg.Go(func() { r.removeOrphanVolumes(r.ctx) })
	return nil
}

// removeForgotten removes containers that never started and whose task has no note,
// and takes them from groups. A note stays until a container of its task has started:
// the task was forgotten, and a call of a server that was killed made them, or was
// cut short in removing them. They must not start any more.
func (r *Runtime) removeForgotten(ctx context.Context, groups map[string][]found, noted map[string]entry) {
	var removals errgroup.Group
	removals.SetLimit(maxRemovals)
	for id, group := range groups {
		if _, ok := noted[id]; ok || slices.ContainsFunc(group, found.ran) {
			continue
		}
		delete(groups, id)
		for _, c := range group {
			removals.Go(func() error {
				call, cancel := context.WithTimeout(ctx, removeTime)
				defer cancel()
				// Not by force: should it run after all, it stays.
				_, err := r.api.ContainerRemove(call, c.state.ID, client.ContainerRemoveOptions{RemoveVolumes: true})
				if err != nil && !cerrdefs.IsNotFound(err) {
					r.log.Warn("cannot remove a container of a task that is forgotten", "task", id, "container", c.state.ID, "error", err)
				}
				return nil
			})
		}
	}
	_ = removals.Wait() // its functions log what goes wrong
}

// ran reports whether a container was ever started.
func (c found) ran() bool { return !engineTime(c.state.State.StartedAt).IsZero() }

// findContainers lists and inspects the containers of this instance.
func (r *Runtime) findContainers(ctx context.Context) ([]found, error) {
	call, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := r.api.ContainerList(call, client.ContainerListOptions{All: true, Filters: r.ours()})
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []found
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxInspects)
	for _, c := range list.Items {
		id, err := identify(c.Labels)
		if err != nil {
			r.log.Warn("a container is left alone", "container", c.ID, "error", err)
			continue
		}
		group.Go(func() error {
			result, err := r.api.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
			if cerrdefs.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("inspect container %s: %w", c.ID, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found{id, result.Container})
			return nil
		})
	}
	return all, group.Wait()
}

// resume builds a task from its containers and its note. At least one is there.
func (r *Runtime) resume(group []found, note entry) *task {
	var t *task
	switch {
	case note.End != nil:
		t = r.newTask(compute.Task{ID: note.End.ID, JobID: note.End.JobID, Attempt: note.End.Attempt, Host: note.End.Host})
		t.final = note.End
		t.members = nil
	case note.Task != nil:
		t = r.newTask(*note.Task)
	default:
		t = r.newTask(group[0].Task)
	}
	if note.Task == nil && len(group) > 0 {
		t.members, t.volumes = membersOf(group), group[0].Volumes
	}
	seen := make([]bool, len(t.members))
	for _, c := range group {
		if c.Index >= len(t.members) {
			continue
		}
		m := t.members[c.Index]
		seen[c.Index] = true
		m.gpus = c.GPUs
		t.made(m, c.state.ID, c.state.Config.StopTimeout)
		if t.final == nil {
			r.gpus.reserve(c.GPUs)
			t.absorb(m, c.state)
			t.unsure = t.unsure || m.phase == waiting
		}
	}
	for i, m := range t.members {
		if !seen[i] && note.Task == nil && t.final == nil {
			t.lose(m, reasonRemoved) // it was made, and is gone
		}
	}
	t.mu.Lock()
	t.publish()
	t.mu.Unlock()
	return t
}

// membersOf makes the members that the labels of a group tell of.
func membersOf(group []found) []*member {
	members := make([]*member, group[0].Count)
	for i := range members {
		members[i] = newMember(compute.Container{}, i)
	}
	for _, c := range group {
		if c.Index < len(members) {
			members[c.Index] = newMember(c.Container, c.Index)
		}
	}
	return members
}
