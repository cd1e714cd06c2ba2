package amazon

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

type instances interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
}

type containerInstances interface {
	ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error)
	DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error)
	UpdateContainerInstancesState(context.Context, *ecs.UpdateContainerInstancesStateInput, ...func(*ecs.Options)) (*ecs.UpdateContainerInstancesStateOutput, error)
	DeregisterContainerInstance(context.Context, *ecs.DeregisterContainerInstanceInput, ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error)
}

// The states of a container instance that matter (ECS API reference, ContainerInstance).
const (
	containerActive      = "ACTIVE"
	containerRegistering = "REGISTERING"
	containerFailed      = "REGISTRATION_FAILED"
)

// Versions of a host: that of its container instance, which ECS counts, after those
// before it joined and before that of its end.
const (
	bootingVersion = 1
	joinedVersion  = 2
	goneVersion    = math.MaxInt64
)

// cpuUnits is how many units of ECS are one vCPU.
const cpuUnits = 1024

// How much one call takes or gives.
const (
	instancesPage  = 1000 // DescribeInstances
	containersPage = 100  // ListContainerInstances, DescribeContainerInstances
	maxPages       = 1000 // bounds every listing
)

// ListHosts implements [compute.Hosts]: every instance that carries our tag, also one
// that no record knows, so that the engine can end it.
func (b *Backend) ListHosts(ctx context.Context) ([]compute.Host, error) {
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{MaxResults: new(int32(instancesPage)), Filters: []ec2types.Filter{
		filter("tag:"+tagDeployment, b.o.Deployment),
		filter("instance-state-name", "pending", "running", "stopping", "stopped"),
	}})
	if err != nil {
		return nil, err
	}
	hosts, err := b.hostsOf(ctx, found)
	if err != nil {
		return nil, err
	}
	unlisted, err := b.unlisted(ctx, hosts)
	return append(hosts, unlisted...), err
}

// describe returns instances; none is no error.
func (b *Backend) describe(ctx context.Context, in *ec2.DescribeInstancesInput) ([]ec2types.Instance, error) {
	var all []ec2types.Instance
	for range maxPages {
		out, err := b.ec2.DescribeInstances(ctx, in)
		if noInstance(err) {
			return all, nil
		}
		if err != nil {
			return nil, trouble("describing instances", err)
		}
		for _, r := range out.Reservations {
			all = append(all, r.Instances...)
		}
		if in.NextToken = out.NextToken; deref(in.NextToken) == "" {
			break
		}
	}
	return all, nil
}

// findHost returns the instances of a host, ended ones last. A host is named by its id,
// or by its instance's if that carries no other name.
func (b *Backend) findHost(ctx context.Context, host string) ([]ec2types.Instance, error) {
	name := filter("tag:"+tagHost, host)
	if isInstanceID(host) {
		name = filter("instance-id", host)
	}
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{filter("tag:"+tagDeployment, b.o.Deployment), name}})
	slices.SortStableFunc(found, func(x, y ec2types.Instance) int {
		switch {
		case isOver(x) == isOver(y):
			return 0
		case isOver(x):
			return 1
		}
		return -1
	})
	return found, err
}

func isInstanceID(id string) bool {
	if len(id) < 3 || id[:2] != "i-" {
		return false
	}
	_, err := strconv.ParseUint(id[2:min(len(id), 18)], 16, 64)
	return err == nil
}

// hostsOf joins instances with what ECS knows of them.
func (b *Backend) hostsOf(ctx context.Context, found []ec2types.Instance) ([]compute.Host, error) {
	inCluster := map[string][]string{}
	for _, i := range found {
		if cluster := tagsOfInstance(i)[tagCluster]; cluster != "" {
			inCluster[cluster] = append(inCluster[cluster], deref(i.InstanceId))
		}
	}
	of := map[string]ecstypes.ContainerInstance{}
	for _, cluster := range slices.Sorted(maps.Keys(inCluster)) {
		only := ""
		if len(inCluster[cluster]) == 1 {
			only = inCluster[cluster][0]
		}
		joined, err := b.joined(ctx, cluster, only)
		if err != nil {
			return nil, err
		}
		for _, c := range joined {
			// An agent that lost its state registers a second time; the older one is no
			// longer connected.
			if before, ok := of[deref(c.Ec2InstanceId)]; !ok || c.AgentConnected && !before.AgentConnected {
				of[deref(c.Ec2InstanceId)] = c
			}
		}
	}
	hosts := make([]compute.Host, 0, len(found))
	for _, i := range found {
		c, ok := of[deref(i.InstanceId)]
		if !ok {
			hosts = append(hosts, hostOf(i, nil))
			continue
		}
		hosts = append(hosts, hostOf(i, &c))
	}
	return hosts, nil
}

// joined returns the container instances of a cluster, or only that of one instance;
// none if there is no such cluster.
func (b *Backend) joined(ctx context.Context, cluster, instance string) ([]ecstypes.ContainerInstance, error) {
	in := &ecs.ListContainerInstancesInput{Cluster: &cluster, MaxResults: new(int32(containersPage))}
	if instance != "" {
		in.Filter = new(pinned(instance))
	}
	var all []ecstypes.ContainerInstance
	for range maxPages {
		page, err := b.ecs.ListContainerInstances(ctx, in)
		if noCluster(err) {
			// Deleted by someone else, perhaps: hosts would never join it.
			return nil, b.forgetCluster(ctx, cluster)
		}
		if err != nil {
			return nil, trouble("listing the container instances of "+cluster, err)
		}
		if len(page.ContainerInstanceArns) > 0 {
			out, err := b.ecs.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &cluster, ContainerInstances: page.ContainerInstanceArns})
			if err != nil {
				return nil, trouble("describing the container instances of "+cluster, err)
			}
			for _, c := range out.ContainerInstances {
				if instance == "" || deref(c.Ec2InstanceId) == instance {
					all = append(all, c)
				}
			}
		}
		if in.NextToken = page.NextToken; deref(in.NextToken) == "" {
			break
		}
	}
	return all, nil
}

// pinned is the expression of ECS's cluster query language that holds for one host.
func pinned(instance string) string { return "ec2InstanceId == " + instance }

// hostOf is an instance as a host; c is nil until it has joined its cluster.
func hostOf(i ec2types.Instance, c *ecstypes.ContainerInstance) compute.Host {
	tags := tagsOfInstance(i)
	h := compute.Host{
		ID: firstOf(tags[tagHost], deref(i.InstanceId)), Environment: tags[tagEnvironment], Cluster: tags[tagCluster],
		Instance: deref(i.InstanceId), Type: string(i.InstanceType), Market: compute.OnDemand,
		PrivateIP: deref(i.PrivateIpAddress), State: compute.HostBooting, LaunchedAt: deref(i.LaunchTime), Version: bootingVersion,
	}
	if i.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot {
		h.Market = compute.Spot
	}
	if i.Placement != nil {
		h.Zone = deref(i.Placement.AvailabilityZone)
	}
	if c != nil {
		join(&h, *c)
	}
	stopping := i.State != nil && (i.State.Name == ec2types.InstanceStateNameStopping || i.State.Name == ec2types.InstanceStateNameStopped)
	if stopping || tags[tagDraining] != "" {
		h.State = compute.HostDraining
	}
	return h
}

// join adds what ECS knows of a host. One whose agent is disconnected for a moment
// takes no tasks; it is told as BOOTING, which takes nothing back.
func join(h *compute.Host, c ecstypes.ContainerInstance) {
	h.Ref, h.Has, h.ReadyAt = lastOf(deref(c.ContainerInstanceArn)), registered(c.RegisteredResources), deref(c.RegisteredAt)
	h.Version = joinedVersion + c.Version
	switch status := deref(c.Status); {
	case status == containerActive && c.AgentConnected:
		h.State = compute.HostReady
	case status == containerActive, status == containerRegistering, status == containerFailed:
		h.State = compute.HostBooting
	default: // DRAINING, DEREGISTERING, INACTIVE
		h.State = compute.HostDraining
	}
}

// registered is what tasks may use of a host, as its agent has registered it: less
// memory than the type is sold with.
func registered(resources []ecstypes.Resource) batch.Resources {
	var has batch.Resources
	for _, r := range resources {
		switch deref(r.Name) {
		case "CPU":
			has.MilliVCPU = int64(r.IntegerValue) * 1000 / cpuUnits
		case "MEMORY":
			has.MemoryMiB = int64(r.IntegerValue)
		case "GPU":
			has.GPUs = int64(len(r.StringSetValue))
		}
	}
	return has
}

// gone is a host at its end.
func gone(id, environment, cluster, instance, why string) compute.Host {
	return compute.Host{
		ID: id, Environment: environment, Cluster: cluster, Instance: instance,
		State: compute.HostGone, Reason: why, Version: goneVersion,
	}
}

// lastOf returns the last part of an ARN.
func lastOf(arn string) string {
	for i := len(arn) - 1; i >= 0; i-- {
		if arn[i] == '/' {
			return arn[i+1:]
		}
	}
	return arn
}
