package docker

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
)

const (
	// removeTime bounds the removal of one container or volume.
	removeTime  = 2 * time.Minute
	removeTries = 5
)

// Forget cleans up after a task that has stopped; see compute.Tasks. The task is
// gone at once. Its containers and volumes are removed in the background, since
// the engine takes some hundredths of a second for each; should that be cut short,
// the next Open finds the task again.
func (r *Runtime) Forget(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[id]
	if t == nil {
		return nil
	}
	if state := t.report().State; state != compute.TaskStopped {
		return fmt.Errorf("task %s is %s and cannot be forgotten; stop it first", id, state)
	}
	if r.closed {
		return fmt.Errorf("%w: the runtime is closed", compute.ErrUnavailable)
	}
	delete(r.tasks, id)
	r.journal.remove(id)
	r.wg.Go(func() { r.remove(r.ctx, t) })
	return nil
}

// remove removes the containers of a task, then its volumes.
func (r *Runtime) remove(ctx context.Context, t *task) {
	if r.removals.Acquire(ctx, 1) != nil {
		return
	}
	defer r.removals.Release(1)
	for _, m := range t.members {
		if m.unfollow != nil {
			m.unfollow()
		}
		if m.id == "" || m.lost {
			continue
		}
		r.untilDone(ctx, "container", m.id, func(ctx context.Context) error {
			_, err := r.api.ContainerRemove(ctx, m.id, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
			return err
		})
	}
	for _, name := range t.volumes {
		r.removeVolume(ctx, name)
	}
}

func (r *Runtime) removeVolume(ctx context.Context, name string) {
	r.untilDone(ctx, "volume", name, func(ctx context.Context) error {
		_, err := r.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
		return err
	})
}

// untilDone repeats a removal that got no answer or was refused for the moment. A
// conflict is a removal that somebody else has begun.
func (r *Runtime) untilDone(ctx context.Context, kind, name string, remove func(context.Context) error) {
	for range removeTries {
		call, cancel := context.WithTimeout(ctx, removeTime)
		err := remove(call)
		cancel()
		if err == nil || cerrdefs.IsNotFound(err) || ctx.Err() != nil {
			return
		}
		r.log.Warn("cannot remove what a task left", kind, name, "error", err)
		if r.link.again(ctx) != nil {
			return
		}
	}
}

// removeOrphanVolumes removes volumes of tasks that are known no more: their
// containers were removed by somebody else.
func (r *Runtime) removeOrphanVolumes(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, err := r.api.VolumeList(call, client.VolumeListOptions{Filters: r.ours()})
	if err != nil {
		return
	}
	for _, v := range list.Items {
		if r.find(v.Labels[labelTask]) == nil {
			r.removeVolume(ctx, v.Name)
		}
	}
}
