package amazon

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

type clusters interface {
	CreateCluster(context.Context, *ecs.CreateClusterInput, ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error)
	DeleteCluster(context.Context, *ecs.DeleteClusterInput, ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error)
	ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error)
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
}

// The capacity providers of Fargate.
const (
	fargate     = "FARGATE"
	fargateSpot = "FARGATE_SPOT"
)

// clustersPage is how many clusters one call lists or describes.
const clustersPage = 100

func clusterKey(cluster string) string { return "cluster/" + cluster }

// ensureCluster makes the cluster of an environment with its first host or task. anew
// says that a record of it was wrong.
func (b *Backend) ensureCluster(ctx context.Context, environment, cluster string, anew bool) error {
	key := clusterKey(cluster)
	if !anew {
		if _, ok := known(&b.cache, b.cache.clusters, cluster); ok {
			return nil
		}
		if _, ok, err := recall[bool](ctx, b.o.Memory, key); err != nil || ok {
			if ok {
				keep(&b.cache, b.cache.clusters, cluster, true)
			}
			return err
		}
	}
	_, err := share(ctx, b, key, func(ctx context.Context) (bool, error) {
		_, err := b.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{
			ClusterName: &cluster, CapacityProviders: []string{fargate, fargateSpot},
			Tags: ecsTags(map[string]string{tagDeployment: b.o.Deployment, tagEnvironment: environment}),
		})
		if err != nil && !clusterIsOlder(err) {
			return false, trouble("making cluster "+cluster, err)
		}
		keep(&b.cache, b.cache.clusters, cluster, true)
		return true, remember(ctx, b.o.Memory, key, true, b.o.Now().Add(clusterFor))
	})
	return err
}

// ourClusters returns the names of the clusters that carry our tag.
func (b *Backend) ourClusters(ctx context.Context) ([]string, error) {
	var names []string
	in := &ecs.ListClustersInput{MaxResults: new(int32(clustersPage))}
	for range maxPages {
		page, err := b.ecs.ListClusters(ctx, in)
		if err != nil {
			return nil, trouble("listing clusters", err)
		}
		if len(page.ClusterArns) > 0 {
			out, err := b.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{
				Clusters: page.ClusterArns, Include: []ecstypes.ClusterField{ecstypes.ClusterFieldTags},
			})
			if err != nil {
				return nil, trouble("describing clusters", err)
			}
			for _, c := range out.Clusters {
				if tagsOfECS(c.Tags)[tagDeployment] == b.o.Deployment && deref(c.Status) == containerActive {
					names = append(names, deref(c.ClusterName))
				}
			}
		}
		if in.NextToken = page.NextToken; deref(in.NextToken) == "" {
			break
		}
	}
	slices.Sort(names)
	return names, nil
}

// RemoveEnvironment implements [compute.Environments]. What it keeps for an environment
// is a launch template and a cluster; container instances of hosts that have ended go
// with it.
func (b *Backend) RemoveEnvironment(ctx context.Context, name, cluster string) error {
	template := b.templateName(name)
	_, err := b.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: &template})
	if err != nil && !noTemplate(err) {
		return trouble("deleting the launch template of "+name, err)
	}
	if err := b.noteDeleted(ctx, template); err != nil {
		return err
	}
	if cluster == "" {
		return nil
	}
	if err := b.deleteCluster(ctx, cluster); err != nil {
		return err
	}
	return b.forgetCluster(ctx, cluster)
}

// forgetCluster lets the next host or task make a cluster that is gone.
func (b *Backend) forgetCluster(ctx context.Context, cluster string) error {
	drop(&b.cache, b.cache.clusters, cluster)
	if err := b.o.Memory.Forget(ctx, clusterKey(cluster)); err != nil {
		return fmt.Errorf("%w: forgetting cluster %s: %w", compute.ErrUnavailable, cluster, err)
	}
	return nil
}

func (b *Backend) deleteCluster(ctx context.Context, cluster string) error {
	_, err := b.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &cluster})
	if clusterIsBusy(err) {
		left, listing := b.joined(ctx, cluster, "")
		if listing != nil {
			return listing
		}
		for _, c := range left {
			_, err := b.ecs.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{
				Cluster: &cluster, ContainerInstance: c.ContainerInstanceArn, Force: new(true),
			})
			if err != nil && !noContainerInstance(err) {
				return trouble("deregistering "+deref(c.ContainerInstanceArn), err)
			}
		}
		_, err = b.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &cluster})
	}
	switch {
	case err == nil, noCluster(err):
		return nil
	case clusterIsBusy(err):
		return fmt.Errorf("%w: cluster %s still has tasks or instances: %s", compute.ErrUnavailable, cluster, messageOf(err))
	}
	return trouble("deleting cluster "+cluster, err)
}
