package fakeaws

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// agent finds an agent of a cluster by its id or ARN, an INACTIVE one too as long as
// it is remembered.
func (c *Cloud) agent(k *cluster, name string) *agent {
	now := c.now()
	k.agents = slices.DeleteFunc(k.agents, func(a *agent) bool {
		return a.status == agentInactive && now.Sub(a.left) > inactiveFor
	})
	i := slices.IndexFunc(k.agents, func(a *agent) bool { return a.arn == name || a.id == name })
	if i < 0 {
		return nil
	}
	return k.agents[i]
}

// ListContainerInstances lists the container instances of a cluster that callers can
// see: ACTIVE and DRAINING ones, or those of one status, that fulfil a filter.
func (e *ECS) ListContainerInstances(ctx context.Context, in *ecs.ListContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	return call(ctx, e.c, "ecs.ListContainerInstances", in, func(in *ecs.ListContainerInstancesInput) (*ecs.ListContainerInstancesOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		filter, err := parseExpression(value(in.Filter))
		if err != nil {
			return nil, err
		}
		all := []string{}
		for _, a := range k.agents {
			d, ok := a.seen.at(e.c.now())
			if !ok || value(d.Status) == agentInactive || in.Status != "" && value(d.Status) != string(in.Status) || !filter(a) {
				continue
			}
			all = append(all, a.arn)
		}
		page, next, err := listed(all, in.NextToken, in.MaxResults)
		if err != nil {
			return nil, err
		}
		return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: page, NextToken: next}, nil
	})
}

// DescribeContainerInstances describes container instances as callers can see them.
func (e *ECS) DescribeContainerInstances(ctx context.Context, in *ecs.DescribeContainerInstancesInput, _ ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	return call(ctx, e.c, "ecs.DescribeContainerInstances", in, func(in *ecs.DescribeContainerInstancesInput) (*ecs.DescribeContainerInstancesOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		if err := described(len(in.ContainerInstances), "containerInstances"); err != nil {
			return nil, err
		}
		found, failures := describe(e.c, k, "container-instance", in.ContainerInstances, func(name string) *lagged[types.ContainerInstance] {
			if a := e.c.agent(k, name); a != nil {
				return &a.seen
			}
			return nil
		})
		if !slices.Contains(in.Include, types.ContainerInstanceFieldTags) {
			for i := range found {
				found[i].Tags = nil
			}
		}
		return &ecs.DescribeContainerInstancesOutput{ContainerInstances: found, Failures: failures}, nil
	})
}

// UpdateContainerInstancesState drains up to ten container instances, or makes them
// ACTIVE again.
func (e *ECS) UpdateContainerInstancesState(ctx context.Context, in *ecs.UpdateContainerInstancesStateInput, _ ...func(*ecs.Options)) (*ecs.UpdateContainerInstancesStateOutput, error) {
	return call(ctx, e.c, "ecs.UpdateContainerInstancesState", in, func(in *ecs.UpdateContainerInstancesStateInput) (*ecs.UpdateContainerInstancesStateOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		const most = 10
		if n := len(in.ContainerInstances); n == 0 || n > most {
			return nil, refuse("InvalidParameterException", "containerInstances must have 1 to %d elements, not %d.", most, n)
		}
		if in.Status != types.ContainerInstanceStatusActive && in.Status != types.ContainerInstanceStatusDraining {
			return nil, refuse("InvalidParameterException", "Container instance status should be one of [ACTIVE,DRAINING], not %q.", in.Status)
		}
		out := &ecs.UpdateContainerInstancesStateOutput{ContainerInstances: []types.ContainerInstance{}, Failures: []types.Failure{}}
		for _, name := range in.ContainerInstances {
			a := e.c.agent(k, name)
			switch {
			case a == nil:
				out.Failures = append(out.Failures, missing(e.c.arn("ecs", arnOf("container-instance", k.name, lastPart(name)))))
			case a.status == agentInactive:
				reason := "INACTIVE"
				out.Failures = append(out.Failures, types.Failure{Arn: &a.arn, Reason: &reason})
			default:
				e.c.setStatus(a, string(in.Status))
				out.ContainerInstances = append(out.ContainerInstances, a.told())
			}
		}
		return out, nil
	})
}

// DeregisterContainerInstance takes an agent out of its cluster. With Force its tasks
// are orphaned: to ECS they have stopped, and this fake ends their processes too. The
// instance runs on; its agent does not register again.
func (e *ECS) DeregisterContainerInstance(ctx context.Context, in *ecs.DeregisterContainerInstanceInput, _ ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error) {
	return call(ctx, e.c, "ecs.DeregisterContainerInstance", in, func(in *ecs.DeregisterContainerInstanceInput) (*ecs.DeregisterContainerInstanceOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		a := e.c.agent(k, value(in.ContainerInstance))
		if a == nil || a.status == agentInactive {
			return nil, refuse("InvalidParameterException", "Referenced container instance not found.")
		}
		if len(a.tasks) > 0 && !value(in.Force) {
			return nil, refuse("InvalidParameterException", "Found running tasks on the instance.")
		}
		e.c.deregister(a, "Instance has been forcefully deregistered.")
		d := a.told()
		return &ecs.DeregisterContainerInstanceOutput{ContainerInstance: &d}, nil
	})
}
