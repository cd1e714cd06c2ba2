package amazon

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// Terminate implements [compute.Hosts]. Only what carries our tag is ended. An instance
// that has ended while ECS still lists it is taken out of its cluster, so that its tasks
// stop.
func (b *Backend) Terminate(ctx context.Context, id string) error {
	defer b.stir()
	found, err := b.findHost(ctx, id)
	if err != nil {
		return err
	}
	record, known, err := recall[launch](ctx, b.o.Memory, launchKey(id))
	if err != nil {
		return err
	}
	drop(&b.cache, b.cache.instances, id)
	if known && !record.Ended {
		// ECS takes tasks for an instance that shuts down until it has noticed.
		record.Ended = true
		if err := remember(ctx, b.o.Memory, launchKey(id), record, b.o.Now().Add(launchFor)); err != nil {
			return err
		}
	}
	if len(found) == 0 && record.Instance != "" && b.o.Now().Sub(record.At) < visibleAfter {
		// Launched just now: EC2 does not list it yet, and may not know it in this call
		// either.
		known, err := b.end(ctx, record.Instance)
		if err == nil && !known {
			err = fmt.Errorf("%w: EC2 does not know %s yet, which it has just launched", compute.ErrUnavailable, record.Instance)
		}
		return err
	}
	for _, i := range found {
		if tagsOfInstance(i)[tagAdopted] != "" {
			continue // not ours to end
		}
		if i.State != nil && i.State.Name == ec2types.InstanceStateNameTerminated {
			if err := b.deregister(ctx, i); err != nil {
				return err
			}
			continue
		}
		if _, err := b.end(ctx, deref(i.InstanceId)); err != nil {
			return err
		}
	}
	return nil
}

// end terminates one instance; known is false if EC2 knows none of that id.
func (b *Backend) end(ctx context.Context, instance string) (known bool, err error) {
	if err := b.noteEnding(ctx, instance); err != nil {
		return true, err
	}
	_, err = b.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instance}})
	if noInstance(err) {
		return false, nil
	}
	return true, trouble("terminating "+instance, err)
}

// deregister takes an instance that has ended out of its cluster.
func (b *Backend) deregister(ctx context.Context, i ec2types.Instance) error {
	cluster := tagsOfInstance(i)[tagCluster]
	if cluster == "" {
		return nil
	}
	left, err := b.joined(ctx, cluster, deref(i.InstanceId))
	if err != nil {
		return err
	}
	for _, c := range left {
		_, err := b.ecs.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{
			Cluster: &cluster, ContainerInstance: c.ContainerInstanceArn, Force: new(true),
		})
		if err != nil && !noContainerInstance(err) {
			return trouble("deregistering "+deref(c.ContainerInstanceArn), err)
		}
	}
	return nil
}

// Drain implements [compute.Drainer]. A host that has not joined its cluster yet is
// marked by a tag, so that it is never told as READY.
func (b *Backend) Drain(ctx context.Context, id string) error {
	found, err := b.findHost(ctx, id)
	if err != nil {
		return err
	}
	for _, i := range found {
		if isOver(i) {
			continue
		}
		if err := b.drain(ctx, i, "drained"); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) drain(ctx context.Context, i ec2types.Instance, why string) error {
	cluster := tagsOfInstance(i)[tagCluster]
	joined, err := b.joined(ctx, cluster, deref(i.InstanceId))
	if err != nil {
		return err
	}
	if len(joined) == 0 {
		_, err := b.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{deref(i.InstanceId)}, Tags: ec2Tags(map[string]string{tagDraining: why})})
		if noInstance(err) {
			return nil
		}
		return trouble("tagging "+deref(i.InstanceId), err)
	}
	for _, c := range joined {
		if deref(c.Status) != containerActive {
			continue
		}
		_, err := b.ecs.UpdateContainerInstancesState(ctx, &ecs.UpdateContainerInstancesStateInput{
			Cluster: &cluster, ContainerInstances: []string{deref(c.ContainerInstanceArn)}, Status: ecstypes.ContainerInstanceStatusDraining,
		})
		if err != nil && !noContainerInstance(err) {
			return trouble("draining "+deref(c.ContainerInstanceArn), err)
		}
	}
	return nil
}

// An instance that is about to end is remembered: its shutdown kills containers, and
// its agent may still report them as ended by themselves, with exit code 143 or 137.
func endingKey(instance string) string { return "ending/" + instance }

func (b *Backend) noteEnding(ctx context.Context, instance string) error {
	now := b.o.Now()
	return remember(ctx, b.o.Memory, endingKey(instance), now, now.Add(endingFor))
}

// endingSince returns since when an instance is known to end.
func (b *Backend) endingSince(ctx context.Context, instance string) (time.Time, bool, error) {
	return recall[time.Time](ctx, b.o.Memory, endingKey(instance))
}

var _ compute.Drainer = (*Backend)(nil)
