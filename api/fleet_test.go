package api_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// fakeFleet is a small cloud: some clusters, hosts and tasks.
type fakeFleet struct {
	clusters []api.ClusterView
	hosts    []api.HostView
	tasks    []api.TaskView
	err      error
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func find[T any](all []T, ok func(T) bool) (T, bool) {
	if i := slices.IndexFunc(all, ok); i >= 0 {
		return all[i], true
	}
	var none T
	return none, false
}

func (f *fakeFleet) Task(_ context.Context, id string) (api.TaskView, bool, error) {
	v, ok := find(f.tasks, func(v api.TaskView) bool { return lastPart(v.ARN) == id })
	return v, ok, f.err
}

func (f *fakeFleet) Tasks(_ context.Context, cluster string) ([]api.TaskView, error) {
	var found []api.TaskView
	for _, v := range f.tasks {
		if lastPart(v.ClusterARN) == cluster && v.Status != "STOPPED" {
			found = append(found, v)
		}
	}
	return found, f.err
}

func (f *fakeFleet) Instance(_ context.Context, id string) (api.HostView, bool, error) {
	v, ok := find(f.hosts, func(v api.HostView) bool { return v.Instance == id })
	return v, ok, f.err
}

func (f *fakeFleet) ContainerInstance(_ context.Context, id string) (api.HostView, bool, error) {
	v, ok := find(f.hosts, func(v api.HostView) bool { return lastPart(v.ContainerInstanceARN) == id })
	return v, ok, f.err
}

func (f *fakeFleet) Hosts(context.Context) ([]api.HostView, error) {
	return slices.Clone(f.hosts), f.err
}

func (f *fakeFleet) Clusters(context.Context) ([]api.ClusterView, error) { return f.clusters, f.err }

var errFleet = errors.New("the fleet is unreachable")

// began is when everything in newFleet began.
var began = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// newFleet is two environments: "a" with a Spot host that runs task 1 and has run
// task 2, "b" on Fargate with task 3 that is being started. A third host is gone.
func newFleet() *fakeFleet {
	a, b := account.ECS("cluster/a"), account.ECS("cluster/b")
	h1 := account.InstanceARN("a", "h1", "")
	return &fakeFleet{
		clusters: []api.ClusterView{{ARN: b, Name: "b", Pending: 1}, {ARN: a, Name: "a", Hosts: 2, Running: 1}},
		hosts: []api.HostView{
			{Instance: "i-00000000000000001", ContainerInstanceARN: h1, ClusterARN: a, Environment: "a", Type: "g4dn.xlarge",
				Arch: "x86_64", Market: compute.Spot, Zone: "eu-west-1a", PrivateIP: "10.0.0.1", State: compute.HostReady,
				LaunchedAt: began, ReadyAt: began.Add(time.Minute), Running: 1,
				Has: batch.Resources{MilliVCPU: 4000, MemoryMiB: 15000, GPUs: 1}, Free: batch.Resources{MilliVCPU: 2000, MemoryMiB: 11000}},
			{Instance: "i-00000000000000002", ContainerInstanceARN: account.InstanceARN("a", "h2", ""), ClusterARN: a, Environment: "a",
				Type: "m6g.large", Arch: "arm64", Market: compute.OnDemand, Zone: "eu-west-1b", State: compute.HostBooting, LaunchedAt: began},
			{Instance: "i-00000000000000003", ContainerInstanceARN: account.InstanceARN("a", "h3", ""), ClusterARN: a, Environment: "a",
				Type: "m6i.large", Market: compute.OnDemand, Zone: "eu-west-1b", State: compute.HostGone, Reason: "idle", LaunchedAt: began},
		},
		tasks: []api.TaskView{
			{ARN: account.ECS("task/a/1111"), ClusterARN: a, ContainerInstanceARN: h1, JobID: "j1", Status: "RUNNING", Zone: "eu-west-1a",
				Definition: account.ECS("task-definition/align:3"), Needs: batch.Resources{MilliVCPU: 2000, MemoryMiB: 4000},
				CreatedAt: began, StartedAt: began.Add(time.Second), Containers: []api.ContainerView{{Name: "default", Image: "align:3", RuntimeID: "c0ffee"}}},
			{ARN: account.ECS("task/a/2222"), ClusterARN: a, ContainerInstanceARN: h1, JobID: "j2", Status: "STOPPED",
				CreatedAt: began, StartedAt: began, StoppedAt: began.Add(time.Hour), StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited",
				Containers: []api.ContainerView{{Name: "default", ExitCode: new(int32(137)), Reason: "OutOfMemoryError: Container killed due to memory usage"}}},
			{ARN: account.ECS("task/b/3333"), ClusterARN: b, JobID: "j3", Status: "PROVISIONING", Fargate: true, CreatedAt: began},
		},
	}
}
