package amazon

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

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
