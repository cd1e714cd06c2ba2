package home

import (
	"context"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

// Fleet answers what ECS and EC2 are asked, from the records.
type Fleet struct {
	Records *store.Records
	Account batch.Account
}

var _ api.Fleet = Fleet{}

// Task returns the latest task of a job by its id.
func (f Fleet) Task(ctx context.Context, id string) (api.TaskView, bool, error) {
	job, err := f.Records.JobOfTask(ctx, id)
	if store.IsNotFound(err) {
		return api.TaskView{}, false, nil
	}
	if err != nil {
		return api.TaskView{}, false, err
	}
	view, ok := f.task(job)
	return view, ok, nil
}

// task is a job's current or last attempt as ECS describes it.
func (f Fleet) task(job batch.Job) (api.TaskView, bool) {
	v := api.TaskView{
		JobID: job.ID, Needs: job.Need,
		CreatedAt: job.CreatedAt.Time(), StartedAt: moment(job.StartedAt),
	}
	container := api.ContainerView{Name: batch.DefaultContainer}
	var p batch.Placement
	switch {
	case job.Placement != nil:
		p, v.Status = *job.Placement, "PENDING"
		if job.Status == batch.Running {
			v.Status = "RUNNING"
		}
		if job.Stop != nil {
			v.Desired = "STOPPED"
		}
	case job.Last != nil:
		p, v.Status = job.Last.Placement, "STOPPED"
		v.StoppedAt, v.StoppedReason = moment(job.Last.StoppedAt), job.Last.StatusReason
		v.StopCode = string(compute.StopEssentialExited)
		if job.Last.StartedAt == 0 {
			v.StopCode = string(compute.StopFailedToStart)
		}
		container.ExitCode, container.Reason = job.Last.ExitCode, job.Last.Reason
	default:
		return v, false
	}
	v.Fargate = p.Host == ""
	v.ARN, v.ClusterARN = f.Account.TaskARN(p), f.Account.ECS("cluster/"+p.Cluster)
	if p.Host != "" {
		v.ContainerInstanceARN = f.Account.InstanceARN(p.Cluster, p.Host, p.HostRef)
	}
	if job.Last != nil && len(job.Last.Containers) > 0 {
		for _, c := range job.Last.Containers {
			v.Containers = append(v.Containers, api.ContainerView{Name: c.Name, ExitCode: c.ExitCode, Reason: c.Reason})
		}
	} else {
		v.Containers = []api.ContainerView{container}
	}
	return v, true
}

func moment(m batch.Millis) time.Time {
	if m == 0 {
		return time.Time{}
	}
	return m.Time()
}

// live returns all jobs that hold a place on a host.
func (f Fleet) live(ctx context.Context) ([]batch.Job, error) {
	queues, err := f.Records.ViewQueues(ctx)
	if err != nil {
		return nil, err
	}
	var live []batch.Job
	for _, q := range queues {
		jobs, err := f.Records.LiveJobs(ctx, q.Name())
		if err != nil {
			return nil, err
		}
		live = append(live, jobs...)
	}
	return live, nil
}

// Tasks returns the tasks of a cluster that have not ended.
func (f Fleet) Tasks(ctx context.Context, cluster string) ([]api.TaskView, error) {
	live, err := f.live(ctx)
	if err != nil {
		return nil, err
	}
	var views []api.TaskView
	for _, j := range live {
		if j.Placement != nil && j.Placement.Cluster == cluster {
			if v, ok := f.task(j); ok {
				views = append(views, v)
			}
		}
	}
	return views, nil
}

// Hosts returns the hosts of all environments, those that went away lately included.
func (f Fleet) Hosts(ctx context.Context) ([]api.HostView, error) {
	live, err := f.live(ctx)
	if err != nil {
		return nil, err
	}
	used, running := map[string]batch.Resources{}, map[string]int{}
	for _, j := range live {
		if j.Placement != nil {
			used[j.Placement.Host] = used[j.Placement.Host].Add(j.Need)
			running[j.Placement.Host]++
		}
	}
	envs, err := f.Records.ViewEnvironments(ctx)
	if err != nil {
		return nil, err
	}
	var views []api.HostView
	for _, env := range envs {
		hosts, err := f.Records.Hosts(ctx, env.Name())
		if err != nil {
			return nil, err
		}
		gone, err := f.Records.GoneHosts(ctx, env.Name())
		if err != nil {
			return nil, err
		}
		for _, h := range append(hosts, gone...) {
			if h.Instance == "" {
				continue // not asked for yet
			}
			views = append(views, api.HostView{
				Instance: h.Instance, ContainerInstanceARN: f.Account.InstanceARN(h.Cluster, h.ID, h.Ref),
				ClusterARN: f.Account.ECS("cluster/" + h.Cluster), Environment: h.Environment,
				Type: h.Type, Arch: h.Arch, Market: h.Market, Zone: h.Zone, PrivateIP: h.PrivateIP,
				State: h.State, Reason: h.Reason, LaunchedAt: moment(h.CreatedAt), ReadyAt: moment(h.ReadyAt),
				Has: h.Has, Free: h.Has.Sub(used[h.ID]), Running: running[h.ID],
			})
		}
	}
	return views, nil
}

// Instance returns a host by its EC2 instance id.
func (f Fleet) Instance(ctx context.Context, id string) (api.HostView, bool, error) {
	return f.find(ctx, func(h api.HostView) bool { return h.Instance == id })
}

// ContainerInstance returns a host by the last part of its container instance ARN.
func (f Fleet) ContainerInstance(ctx context.Context, id string) (api.HostView, bool, error) {
	return f.find(ctx, func(h api.HostView) bool { return strings.HasSuffix(h.ContainerInstanceARN, "/"+id) })
}

func (f Fleet) find(ctx context.Context, match func(api.HostView) bool) (api.HostView, bool, error) {
	hosts, err := f.Hosts(ctx)
	if err != nil {
		return api.HostView{}, false, err
	}
	for _, h := range hosts {
		if match(h) {
			return h, true, nil
		}
	}
	return api.HostView{}, false, nil
}

// Clusters returns the cluster of each environment.
func (f Fleet) Clusters(ctx context.Context) ([]api.ClusterView, error) {
	envs, err := f.Records.ViewEnvironments(ctx)
	if err != nil {
		return nil, err
	}
	live, err := f.live(ctx)
	if err != nil {
		return nil, err
	}
	var views []api.ClusterView
	for _, env := range envs {
		hosts, err := f.Records.Hosts(ctx, env.Name())
		if err != nil {
			return nil, err
		}
		v := api.ClusterView{ARN: f.Account.ECS("cluster/" + env.Cluster()), Name: env.Cluster(), Hosts: len(hosts)}
		for _, j := range live {
			if j.Placement == nil || j.Placement.Cluster != v.Name {
				continue
			}
			if j.Status == batch.Running {
				v.Running++
			} else {
				v.Pending++
			}
		}
		views = append(views, v)
	}
	return views, nil
}
