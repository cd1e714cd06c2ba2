package amazon

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// maxStopReason is how long the reason of a stop may be (StopTask, reason).
const maxStopReason = 1024

// stopAgain is how long a task is left alone that ECS has taken the request to stop. The engine
// asks with each pass until the task has stopped, for the default stop timeout and longer, and
// ECS takes 40 such calls a second in all.
const stopAgain = time.Minute

// Stop implements [compute.Tasks].
func (b *Backend) Stop(ctx context.Context, id, reason string) error {
	if at, asked := known(&b.cache, b.cache.stopping, id); asked && b.o.Now().Sub(at) < stopAgain {
		return nil
	}
	task, ok, err := b.startedTask(ctx, id)
	if err != nil || !ok {
		return err
	}
	_, err = b.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: &task.Cluster, Task: &task.ARN, Reason: new(reason[:min(len(reason), maxStopReason)])})
	if noTask(err) {
		return nil
	}
	if err == nil {
		keep(&b.cache, b.cache.stopping, id, b.o.Now())
	}
	b.stir()
	return trouble("stopping task "+task.ARN, err)
}

// startedTask finds a task by its id: by its record, or else in all our clusters by its
// startedBy.
func (b *Backend) startedTask(ctx context.Context, id string) (started, bool, error) {
	if task, ok, err := recall[started](ctx, b.o.Memory, taskKey(id)); err != nil || ok {
		return task, ok, err
	}
	clusters, err := b.ourClusters(ctx)
	if err != nil {
		return started{}, false, err
	}
	for _, cluster := range clusters {
		arn, err := b.findTask(ctx, cluster, id)
		if err != nil {
			return started{}, false, err
		}
		if arn != "" {
			return started{Cluster: cluster, ARN: arn}, true, nil
		}
	}
	return started{}, false, nil
}

// findTask returns the ARN of the task that was started under an id; empty if there is
// none. ECS says that startedBy must be the only filter, and means filters other than the
// desired status, which has a default: RUNNING.
func (b *Backend) findTask(ctx context.Context, cluster, id string) (string, error) {
	for _, status := range []types.DesiredStatus{"", types.DesiredStatusStopped} {
		out, err := b.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, StartedBy: &id, DesiredStatus: status})
		if noCluster(err) {
			return "", nil
		}
		if err != nil {
			return "", trouble("looking for task "+id, err)
		}
		if len(out.TaskArns) > 0 {
			return out.TaskArns[0], nil
		}
	}
	return "", nil
}

// Forget implements [compute.Tasks]. ECS itself shows a stopped task for an hour; a task
// that is forgotten is left out of this process's lists. Its record stays until its time
// is over, so that a late repetition does not run it again.
func (b *Backend) Forget(ctx context.Context, id string) error {
	ref, ok := known(&b.cache, b.cache.stopped, id)
	if !ok {
		task, found, err := b.startedTask(ctx, id)
		if err != nil || !found {
			return err
		}
		seen, err := b.describeTasks(ctx, task.Cluster, []string{task.ARN})
		if err != nil {
			return err
		}
		if len(seen) > 0 && deref(seen[0].LastStatus) != taskStopped {
			return nil // it still runs
		}
		ref = lastOf(task.ARN)
	}
	b.forget(ref)
	drop(&b.cache, b.cache.stopped, id)
	return nil
}

// forget leaves a task out of lists. What ECS no longer shows need not be kept.
func (b *Backend) forget(ref string) {
	now := b.o.Now()
	b.cache.mu.Lock()
	defer b.cache.mu.Unlock()
	if len(b.cache.forgotten) >= maxCached {
		for old, since := range b.cache.forgotten {
			if now.Sub(since) > endingFor {
				delete(b.cache.forgotten, old)
			}
		}
		if len(b.cache.forgotten) >= maxCached {
			clear(b.cache.forgotten) // they are listed once more, and forgotten again
		}
	}
	b.cache.forgotten[ref] = now
}
