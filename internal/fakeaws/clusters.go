package fakeaws

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// cluster is an ECS cluster. One that was deleted stays as INACTIVE.
type cluster struct {
	name, arn, status string
	tags              []types.Tag
	settings          []types.ClusterSetting
	asked             ecs.CreateClusterInput // as it was made
	providers         []string
	strategy          []types.CapacityProviderStrategyItem
	agents            []*agent
	tasks             []*task // in order of RunTask, stopped ones until they are forgotten
}

const (
	clusterActive   = "ACTIVE"
	clusterInactive = "INACTIVE"
	defaultCluster  = "default"
)

// cluster finds an active cluster by its name or ARN; empty is "default".
func (c *Cloud) cluster(name *string) (*cluster, error) {
	id := lastPart(value(name))
	if id == "" {
		id = defaultCluster
	}
	k := c.clusters[id]
	if k == nil || k.status != clusterActive {
		return nil, refuse("ClusterNotFoundException", "Cluster not found.")
	}
	return k, nil
}

// CreateCluster makes a cluster, or returns the one of that name as it is, if it was
// made with the settings that are given.
func (e *ECS) CreateCluster(ctx context.Context, in *ecs.CreateClusterInput, _ ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error) {
	return call(ctx, e.c, "ecs.CreateCluster", in, func(in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
		name := value(in.ClusterName)
		if name == "" {
			name = defaultCluster
		}
		if !ecsName.MatchString(name) {
			return nil, refuse("InvalidParameterException", "Cluster name %q is invalid: up to 255 letters, digits, underscores and hyphens.", name)
		}
		if err := validECSTags(in.Tags); err != nil {
			return nil, err
		}
		if err := validProviders(in.CapacityProviders); err != nil {
			return nil, err
		}
		k := e.c.clusters[name]
		if k == nil || k.status != clusterActive {
			k = &cluster{
				name: name, arn: e.c.arn("ecs", "cluster", name), status: clusterActive, tags: in.Tags, settings: in.Settings,
				providers: in.CapacityProviders, strategy: in.DefaultCapacityProviderStrategy, asked: *in,
			}
			e.c.clusters[name] = k
			e.c.change()
		} else if k.differs(in) {
			return nil, refuse("InvalidParameterException", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		is := k.told(true)
		return &ecs.CreateClusterOutput{Cluster: &is}, nil
	})
}

// differs reports whether a call gives settings that are not those with which the
// cluster was made. Tags are taken not to count: ECS does not say.
func (k *cluster) differs(in *ecs.CreateClusterInput) bool {
	return in.CapacityProviders != nil && fingerprint(in.CapacityProviders) != fingerprint(k.asked.CapacityProviders) ||
		in.DefaultCapacityProviderStrategy != nil && fingerprint(in.DefaultCapacityProviderStrategy) != fingerprint(k.asked.DefaultCapacityProviderStrategy) ||
		in.Settings != nil && fingerprint(in.Settings) != fingerprint(k.asked.Settings) ||
		in.Configuration != nil && fingerprint(in.Configuration) != fingerprint(k.asked.Configuration)
}

func validProviders(names []string) error {
	for _, p := range names {
		if p != providerFargate && p != providerFargateSpot {
			return refuse("InvalidParameterException", "The specified capacity provider %s was not found. Specify a valid name and try again.", p)
		}
	}
	return nil
}

func (k *cluster) told(tags bool) types.Cluster {
	d := types.Cluster{
		ClusterArn: &k.arn, ClusterName: &k.name, Status: aws.String(k.status), Settings: k.settings, CapacityProviders: k.providers,
		DefaultCapacityProviderStrategy: k.strategy,
	}
	if tags {
		d.Tags = k.tags
	}
	for _, a := range k.agents {
		if a.status != agentInactive {
			d.RegisteredContainerInstancesCount++
		}
	}
	for _, t := range k.tasks {
		switch t.last {
		case statusRunning:
			d.RunningTasksCount++
		case statusProvisioning, statusPending:
			d.PendingTasksCount++
		}
	}
	return d
}

// DeleteCluster makes a cluster INACTIVE, if it has no container instance and no task.
func (e *ECS) DeleteCluster(ctx context.Context, in *ecs.DeleteClusterInput, _ ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error) {
	return call(ctx, e.c, "ecs.DeleteCluster", in, func(in *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		switch is := k.told(false); {
		case is.RegisteredContainerInstancesCount > 0:
			return nil, refuse("ClusterContainsContainerInstancesException",
				"The Cluster cannot be deleted while Container Instances are active or draining.")
		case slices.ContainsFunc(k.tasks, func(t *task) bool { return t.last != statusStopped }):
			return nil, refuse("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
		}
		k.status = clusterInactive
		e.c.change()
		is := k.told(true)
		return &ecs.DeleteClusterOutput{Cluster: &is}, nil
	})
}

// DescribeClusters describes clusters by name or ARN, INACTIVE ones too.
func (e *ECS) DescribeClusters(ctx context.Context, in *ecs.DescribeClustersInput, _ ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	return call(ctx, e.c, "ecs.DescribeClusters", in, func(in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
		names := in.Clusters
		if len(names) == 0 {
			names = []string{defaultCluster}
		}
		if err := described(len(names), "clusters"); err != nil {
			return nil, err
		}
		out := &ecs.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: []types.Failure{}}
		for _, name := range names {
			if k := e.c.clusters[lastPart(name)]; k != nil {
				out.Clusters = append(out.Clusters, k.told(slices.Contains(in.Include, types.ClusterFieldTags)))
			} else {
				out.Failures = append(out.Failures, missing(e.c.arn("ecs", "cluster", lastPart(name))))
			}
		}
		return out, nil
	})
}

// ListClusters lists the active clusters.
func (e *ECS) ListClusters(ctx context.Context, in *ecs.ListClustersInput, _ ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	return call(ctx, e.c, "ecs.ListClusters", in, func(in *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
		all := []string{}
		for _, name := range slices.Sorted(maps.Keys(e.c.clusters)) {
			if k := e.c.clusters[name]; k.status == clusterActive {
				all = append(all, k.arn)
			}
		}
		page, next, err := listed(all, in.NextToken, in.MaxResults)
		if err != nil {
			return nil, err
		}
		return &ecs.ListClustersOutput{ClusterArns: page, NextToken: next}, nil
	})
}

// PutClusterCapacityProviders sets the capacity providers of a cluster.
func (e *ECS) PutClusterCapacityProviders(ctx context.Context, in *ecs.PutClusterCapacityProvidersInput, _ ...func(*ecs.Options)) (*ecs.PutClusterCapacityProvidersOutput, error) {
	return call(ctx, e.c, "ecs.PutClusterCapacityProviders", in, func(in *ecs.PutClusterCapacityProvidersInput) (*ecs.PutClusterCapacityProvidersOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		if in.CapacityProviders == nil || in.DefaultCapacityProviderStrategy == nil {
			return nil, refuse("InvalidParameterException", "capacityProviders and defaultCapacityProviderStrategy are required; they may be empty.")
		}
		if err := validProviders(in.CapacityProviders); err != nil {
			return nil, err
		}
		for _, s := range in.DefaultCapacityProviderStrategy {
			if !slices.Contains(in.CapacityProviders, value(s.CapacityProvider)) {
				return nil, notAssociated(value(s.CapacityProvider))
			}
		}
		k.providers, k.strategy = in.CapacityProviders, in.DefaultCapacityProviderStrategy
		is := k.told(true)
		return &ecs.PutClusterCapacityProvidersOutput{Cluster: &is}, nil
	})
}

func notAssociated(provider string) error {
	return refuse("InvalidParameterException",
		"The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate %s with the cluster and try again.", provider)
}

// TagResource tags a cluster, a container instance or a task.
func (e *ECS) TagResource(ctx context.Context, in *ecs.TagResourceInput, _ ...func(*ecs.Options)) (*ecs.TagResourceOutput, error) {
	return call(ctx, e.c, "ecs.TagResource", in, func(in *ecs.TagResourceInput) (*ecs.TagResourceOutput, error) {
		if err := validECSTags(in.Tags); err != nil {
			return nil, err
		}
		arn := value(in.ResourceArn)
		for _, k := range e.c.clusters {
			if k.arn == arn {
				k.tags = mergeTags(k.tags, in.Tags)
				return &ecs.TagResourceOutput{}, nil
			}
			for _, a := range k.agents {
				if a.arn == arn {
					a.tags = mergeTags(a.tags, in.Tags)
					e.c.retoldAgent(a)
					return &ecs.TagResourceOutput{}, nil
				}
			}
			for _, t := range k.tasks {
				if t.arn == arn {
					t.tags = mergeTags(t.tags, in.Tags)
					e.c.retoldTask(t)
					return &ecs.TagResourceOutput{}, nil
				}
			}
		}
		if d := e.c.definition(arn); d != nil {
			d.tags = mergeTags(d.tags, in.Tags)
			return &ecs.TagResourceOutput{}, nil
		}
		return nil, refuse("InvalidParameterException", "The specified resource is not found: %s", arn)
	})
}
