package amazon

import "context"

// Drained implements [compute.Drainer]: ECS is asked, which knows of tasks that no record
// shows yet.
func (b *Backend) Drained(ctx context.Context, id string) (bool, error) {
	found, err := b.findHost(ctx, id)
	if err != nil {
		return false, err
	}
	for _, i := range found {
		if isOver(i) {
			continue
		}
		joined, err := b.joined(ctx, tagsOfInstance(i)[tagCluster], deref(i.InstanceId))
		if err != nil {
			return false, err
		}
		for _, c := range joined {
			if c.RunningTasksCount+c.PendingTasksCount > 0 {
				return false, nil
			}
		}
	}
	return true, nil
}
