package amazon

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

type taskLists interface {
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// tasksPage is how many tasks one call lists or describes.
const tasksPage = 100

// ListTasks implements [compute.Tasks]: the tasks of all our clusters, stopped ones as
// long as ECS shows them, about an hour.
func (b *Backend) ListTasks(ctx context.Context) ([]compute.TaskStatus, error) {
	clusters, err := b.ourClusters(ctx)
	if err != nil {
		return nil, err
	}
	var all []compute.TaskStatus
	for _, cluster := range clusters {
		arns, err := b.taskARNs(ctx, cluster)
		if err != nil {
			return nil, err
		}
		for len(arns) > 0 {
			n := min(tasksPage, len(arns))
			tasks, err := b.describeTasks(ctx, cluster, arns[:n])
			if err != nil {
				return nil, err
			}
			for _, t := range tasks {
				s := statusOf(t)
				if s.ID == "" || s.JobID == "" {
					continue // someone else's, in our cluster
				}
				if s, err = b.settled(ctx, s, t); err != nil {
					return nil, err
				}
				all = append(all, s)
			}
			arns = arns[n:]
		}
	}
	return all, nil
}

// taskARNs lists the tasks of a cluster but for those that are forgotten. Running ones
// come first: a task that stops in between is then in both lists, not in none.
func (b *Backend) taskARNs(ctx context.Context, cluster string) ([]string, error) {
	var all []string
	seen := map[string]bool{}
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		in := &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: status, MaxResults: new(int32(tasksPage))}
		for range maxPages {
			page, err := b.ecs.ListTasks(ctx, in)
			if noCluster(err) {
				return nil, nil
			}
			if err != nil {
				return nil, trouble("listing the tasks of "+cluster, err)
			}
			for _, arn := range page.TaskArns {
				if _, over := known(&b.cache, b.cache.forgotten, lastOf(arn)); !over && !seen[arn] {
					seen[arn] = true
					all = append(all, arn)
				}
			}
			if in.NextToken = page.NextToken; deref(in.NextToken) == "" {
				break
			}
		}
	}
	return all, nil
}

func (b *Backend) describeTasks(ctx context.Context, cluster string, arns []string) ([]types.Task, error) {
	out, err := b.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: arns, Include: []types.TaskField{types.TaskFieldTags}})
	if noCluster(err) {
		return nil, nil
	}
	if err != nil {
		return nil, trouble("describing tasks of "+cluster, err)
	}
	return out.Tasks, nil
}

// settled corrects the end of a task that its host's shutdown has killed, and notes that
// it has stopped.
func (b *Backend) settled(ctx context.Context, s compute.TaskStatus, t types.Task) (compute.TaskStatus, error) {
	if s.State != compute.TaskStopped {
		return s, nil
	}
	keep(&b.cache, b.cache.stopped, s.ID, s.Ref)
	if t.ContainerInstanceArn == nil || !mayBeKilled(s) {
		return s, nil
	}
	tags := tagsOfECS(t.Tags)
	if tags[tagInstance] == "" {
		found, err := b.describeTasks(ctx, lastOf(deref(t.ClusterArn)), []string{deref(t.TaskArn)})
		if err != nil || len(found) == 0 {
			return s, err
		}
		tags = tagsOfECS(found[0].Tags)
	}
	since, ending, err := b.endingSince(ctx, tags[tagInstance])
	if err != nil {
		return s, err
	}
	if ending && !s.StoppedAt.Before(since) {
		s.Reason = ""
		lose(&s, tags[tagInstance])
	}
	return s, nil
}
