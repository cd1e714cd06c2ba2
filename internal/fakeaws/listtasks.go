package fakeaws

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// remembered lists the tasks of a cluster and forgets those that stopped long ago.
func (c *Cloud) remembered(k *cluster) []*task {
	now := c.now()
	k.tasks = slices.DeleteFunc(k.tasks, func(t *task) bool {
		return t.last == statusStopped && now.Sub(t.stoppedAt) > c.o.StoppedFor
	})
	return k.tasks
}

// task finds a task of a cluster by its id or ARN.
func (c *Cloud) task(k *cluster, name string) *task {
	for _, t := range c.remembered(k) {
		if t.arn == name || t.id == name {
			return t
		}
	}
	return nil
}

// ListTasks lists the tasks of a cluster that callers can see, by desired status:
// RUNNING unless asked otherwise.
func (e *ECS) ListTasks(ctx context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	return call(ctx, e.c, "ecs.ListTasks", in, func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		var on *agent
		if in.ContainerInstance != nil {
			if on = e.c.agent(k, *in.ContainerInstance); on == nil {
				return nil, refuse("InvalidParameterException", "Referenced container instance not found.")
			}
		}
		status := string(cmp.Or(in.DesiredStatus, types.DesiredStatusRunning))
		all := []string{}
		for _, t := range e.c.remembered(k) {
			d, ok := t.seen.at(e.c.now())
			if !ok || value(d.DesiredStatus) != status || on != nil && t.agent != on ||
				in.StartedBy != nil && t.startedBy != *in.StartedBy ||
				in.Family != nil && *t.definition.is.Family != *in.Family ||
				in.LaunchType != "" && d.LaunchType != in.LaunchType {
				continue
			}
			all = append(all, t.arn)
		}
		page, next, err := listed(all, in.NextToken, in.MaxResults)
		if err != nil {
			return nil, err
		}
		return &ecs.ListTasksOutput{TaskArns: page, NextToken: next}, nil
	})
}

// DescribeTasks describes tasks as callers can see them; those that cannot be seen,
// or have stopped too long ago, are failures.
func (e *ECS) DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	return call(ctx, e.c, "ecs.DescribeTasks", in, func(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		if err := described(len(in.Tasks), "tasks"); err != nil {
			return nil, err
		}
		found, failures := describe(e.c, k, "task", in.Tasks, func(name string) *lagged[types.Task] {
			if t := e.c.task(k, name); t != nil {
				return &t.seen
			}
			return nil
		})
		if !slices.Contains(in.Include, types.TaskFieldTags) {
			for i := range found {
				found[i].Tags = nil
			}
		}
		return &ecs.DescribeTasksOutput{Tasks: found, Failures: failures}, nil
	})
}

// StopTask stops a task: SIGTERM, and SIGKILL after the stop timeout. One that has
// stopped is described as it is.
func (e *ECS) StopTask(ctx context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	return call(ctx, e.c, "ecs.StopTask", in, func(in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
		k, err := e.c.cluster(in.Cluster)
		if err != nil {
			return nil, err
		}
		const longestReason = 1024
		if n := len(value(in.Reason)); n > longestReason {
			return nil, refuse("InvalidParameterException", "reason has %d characters; at most %d are allowed.", n, longestReason)
		}
		t := e.c.task(k, value(in.Task))
		if t == nil {
			return nil, refuse("InvalidParameterException", "The referenced task was not found.")
		}
		e.c.halt(t, types.TaskStopCodeUserInitiated, cmp.Or(value(in.Reason), "Task stopped by user"))
		d := t.told()
		return &ecs.StopTaskOutput{Task: &d}, nil
	})
}
