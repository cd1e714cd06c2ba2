package amazon

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

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
		switch {
		case !isOver(i):
			_, err = b.end(ctx, deref(i.InstanceId))
		case i.State.Name == ec2types.InstanceStateNameTerminated:
			err = b.deregister(ctx, i)
		}
		if err != nil {
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

// An instance that is about to end is remembered: its shutdown kills containers, and
// its agent may still report them as ended by themselves, with exit code 143 or 137.
func endingKey(instance string) string { return "ending/" + instance }

// noteEnding remembers since when; the first time counts.
func (b *Backend) noteEnding(ctx context.Context, instance string) error {
	if _, known, err := b.endingSince(ctx, instance); err != nil || known {
		return err
	}
	now := b.o.Now()
	return remember(ctx, b.o.Memory, endingKey(instance), now, now.Add(endingFor))
}

// endingSince returns since when an instance is known to end.
func (b *Backend) endingSince(ctx context.Context, instance string) (time.Time, bool, error) {
	return recall[time.Time](ctx, b.o.Memory, endingKey(instance))
}
