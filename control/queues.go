package control

import (
	"context"
	"slices"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// CreateJobQueue makes a queue, which is VALID when the call returns. Up to 10
// environments may be attached, where AWS Batch allows 3.
func (c *Control) CreateJobQueue(ctx context.Context, in *awsbatch.CreateJobQueueInput) (*awsbatch.CreateJobQueueOutput, error) {
	detail, err := newQueue(in)
	if err != nil {
		return nil, err
	}
	name := deref(in.JobQueueName)
	detail.JobQueueArn = new(c.cfg.Account.ARN(KindQueue, name))
	err = untilWritten("job queue "+name, func() error {
		_, err := c.cfg.Records.Queue(ctx, name)
		if err == nil {
			return alreadyExists("change it with UpdateJobQueue, or choose another jobQueueName")
		}
		if !store.IsNotFound(err) {
			return err
		}
		queue := store.Queue{Detail: detail, CreatedAt: c.now()}
		ops, err := c.attach(ctx, &queue, in.ComputeEnvironmentOrder, in.JobQueueType)
		if err != nil {
			return err
		}
		return c.writeQueue(ctx, &queue, in.SchedulingPolicyArn, ops)
	})
	if err != nil {
		return nil, err
	}
	c.kick(name)
	return &awsbatch.CreateJobQueueOutput{JobQueueName: detail.JobQueueName, JobQueueArn: detail.JobQueueArn}, nil
}

// newQueue checks a request for a queue, apart from the environments and the policy
// that it refers to, and returns what was asked for.
func newQueue(in *awsbatch.CreateJobQueueInput) (types.JobQueueDetail, error) {
	d := types.JobQueueDetail{
		JobQueueName: in.JobQueueName,
		Priority:     in.Priority,
		State:        types.JQStateEnabled,
		Status:       types.JQStatusValid,
		StatusReason: new(queueHealthy),
		Tags:         nonNil(in.Tags),
	}
	err := checkName("Job Queue", deref(in.JobQueueName))
	if err == nil {
		err = noServiceEnvironments(in.ServiceEnvironmentOrder)
	}
	if err == nil && strings.EqualFold(string(in.JobQueueType), string(types.JobQueueTypeSagemakerTraining)) {
		err = checkQueueType(in.JobQueueType, "")
	}
	if err == nil && in.State != "" {
		d.State, err = oneOf("state", in.State, types.JQStateEnabled, types.JQStateDisabled)
	}
	if err == nil {
		err = checkPriority(in.Priority)
	}
	if err == nil {
		err = checkOrder(in.ComputeEnvironmentOrder)
	}
	if err == nil {
		d.JobStateTimeLimitActions, err = checkTimeLimits(in.JobStateTimeLimitActions)
	}
	if err == nil {
		err = batch.CheckTags(in.Tags)
	}
	if err == nil {
		err = batch.CheckEnvironmentsTag(in.Tags)
	}
	return d, err
}

// attach gives a queue its environments. The operations it returns write each
// environment as it is: the queue then comes to be only if none of them was changed
// or deleted meanwhile.
func (c *Control) attach(ctx context.Context, queue *store.Queue, order []types.ComputeEnvironmentOrder, asked types.JobQueueType) ([]store.Op, error) {
	envs := make([]store.Environment, 0, len(order))
	ops := make([]store.Op, 0, len(order)+2)
	attached := make([]types.ComputeEnvironmentOrder, 0, len(order))
	for _, o := range order {
		env, err := c.environmentByRef(ctx, deref(o.ComputeEnvironment))
		if err != nil {
			return nil, err
		}
		envs = append(envs, env)
		ops = append(ops, c.cfg.Records.PutEnvironment(env))
		o.ComputeEnvironment = new(c.cfg.Account.ARN(KindEnvironment, env.Name()))
		attached = append(attached, o)
	}
	made, err := checkQueueEnvironments(envs, c.cfg.Types, queue.Detail.Tags[batch.TagEnvironments] != "")
	if err == nil {
		err = checkQueueType(asked, made)
	}
	if err != nil {
		return nil, err
	}
	queue.Detail.ComputeEnvironmentOrder, queue.Detail.JobQueueType = attached, made
	return ops, nil
}

// usePolicy gives a queue its scheduling policy. Like attach it returns an operation
// that fails when the policy is deleted meanwhile.
func (c *Control) usePolicy(ctx context.Context, queue *store.Queue, arn string) (store.Op, error) {
	if !strings.HasPrefix(arn, "arn:") || strings.HasPrefix(batch.NameOf(KindPolicy, arn), "arn:") {
		return store.Op{}, refuse("Only scheduling policy Arn can be allowed.",
			"give schedulingPolicyArn as CreateSchedulingPolicy returned it")
	}
	policy, err := c.policyByRef(ctx, arn)
	if err != nil {
		return store.Op{}, err
	}
	queue.Detail.SchedulingPolicyArn = new(c.cfg.Account.ARN(KindPolicy, policy.Name()))
	return c.cfg.Records.PutPolicy(policy), nil
}

// writeQueue writes a queue together with ops, which attached its environments. A policy
// that is named is attached first.
func (c *Control) writeQueue(ctx context.Context, queue *store.Queue, policy *string, ops []store.Op) error {
	if arn := deref(policy); arn != "" {
		op, err := c.usePolicy(ctx, queue, arn)
		if err != nil {
			return err
		}
		ops = append(ops, op)
	}
	return c.cfg.Records.Write(ctx, append(ops, c.cfg.Records.PutQueue(*queue))...)
}

// DescribeJobQueues returns the queues that are named, those of them that exist, or a
// page of all by name.
func (c *Control) DescribeJobQueues(ctx context.Context, in *awsbatch.DescribeJobQueuesInput) (*awsbatch.DescribeJobQueuesOutput, error) {
	found, next, err := describe(ctx, describing[store.Queue]{
		list: "JobQueues", names: in.JobQueues, maxResults: in.MaxResults, nextToken: in.NextToken,
		kind: KindQueue, one: c.cfg.Records.Queue, all: c.cfg.Records.Queues, name: store.Queue.Name,
	})
	if err != nil {
		return nil, err
	}
	out := &awsbatch.DescribeJobQueuesOutput{JobQueues: make([]types.JobQueueDetail, 0, len(found)), NextToken: next}
	for _, queue := range found {
		out.JobQueues = append(out.JobQueues, c.showQueue(queue))
	}
	return out, nil
}

// showQueue returns a queue as this account shows it.
func (c *Control) showQueue(queue store.Queue) types.JobQueueDetail {
	d := queue.Detail
	d.JobQueueArn = new(c.cfg.Account.ARN(KindQueue, queue.Name()))
	d.ComputeEnvironmentOrder = slices.Clone(d.ComputeEnvironmentOrder)
	for i, o := range d.ComputeEnvironmentOrder {
		d.ComputeEnvironmentOrder[i].ComputeEnvironment = new(c.arn(KindEnvironment, deref(o.ComputeEnvironment)))
	}
	if d.SchedulingPolicyArn != nil {
		d.SchedulingPolicyArn = new(c.arn(KindPolicy, *d.SchedulingPolicyArn))
	}
	return d
}

// UpdateJobQueue changes a queue.
func (c *Control) UpdateJobQueue(ctx context.Context, in *awsbatch.UpdateJobQueueInput) (*awsbatch.UpdateJobQueueOutput, error) {
	var queue store.Queue
	err := untilWritten("job queue "+deref(in.JobQueue), func() error {
		var err error
		if queue, err = c.queueByRef(ctx, deref(in.JobQueue)); err != nil {
			return err
		}
		if err := updateQueue(&queue.Detail, in); err != nil {
			return err
		}
		var ops []store.Op
		if len(in.ComputeEnvironmentOrder) > 0 {
			if ops, err = c.attach(ctx, &queue, in.ComputeEnvironmentOrder, ""); err != nil {
				return err
			}
		}
		return c.writeQueue(ctx, &queue, in.SchedulingPolicyArn, ops)
	})
	if err != nil {
		return nil, err
	}
	c.kick(queue.Name())
	return &awsbatch.UpdateJobQueueOutput{
		JobQueueName: queue.Detail.JobQueueName, JobQueueArn: new(c.cfg.Account.ARN(KindQueue, queue.Name())),
	}, nil
}

// updateQueue changes what an update changes by itself; environments and policy are
// attached by the caller.
func updateQueue(d *types.JobQueueDetail, in *awsbatch.UpdateJobQueueInput) error {
	if d.Status == types.JQStatusDeleting {
		return refuse("Cannot update, resource is being modified", "it is being deleted; create a new job queue")
	}
	if err := noServiceEnvironments(in.ServiceEnvironmentOrder); err != nil {
		return err
	}
	if in.State != "" {
		state, err := oneOf("state", in.State, types.JQStateEnabled, types.JQStateDisabled)
		if err != nil {
			return err
		}
		d.State = state
	}
	if in.Priority != nil {
		if err := checkPriority(in.Priority); err != nil {
			return err
		}
		d.Priority = in.Priority
	}
	if len(in.ComputeEnvironmentOrder) > 0 { // an empty list counts as absent
		if err := checkOrder(in.ComputeEnvironmentOrder); err != nil {
			return err
		}
	}
	if in.JobStateTimeLimitActions != nil {
		actions, err := checkTimeLimits(in.JobStateTimeLimitActions)
		if err != nil {
			return err
		}
		d.JobStateTimeLimitActions = actions
	}
	return checkPolicyChange(deref(d.SchedulingPolicyArn), in.SchedulingPolicyArn)
}

// checkPolicyChange lets a policy be swapped, but neither added nor dropped.
func checkPolicyChange(before string, after *string) error {
	switch {
	case after == nil:
		return nil
	case before == "" && *after != "":
		return refuse("A scheduling policy can not be added to a job queue that was created without one.",
			"create a new job queue with schedulingPolicyArn")
	case before != "" && *after == "":
		return refuse("The scheduling policy of a job queue can be replaced but not removed.",
			"leave schedulingPolicyArn out, or create a new job queue without one")
	}
	return nil
}

// queuesUsing returns the names of the queues that an environment is attached to.
func (c *Control) queuesUsing(ctx context.Context, environment string) ([]string, error) {
	return c.queuesWhere(ctx, func(q store.Queue) bool { return slices.Contains(q.Environments(), environment) })
}

func (c *Control) queuesWhere(ctx context.Context, match func(store.Queue) bool) ([]string, error) {
	queues, err := c.cfg.Records.Queues(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, q := range queues {
		if match(q) {
			names = append(names, q.Name())
		}
	}
	return names, nil
}

// DeleteJobQueue begins to delete a queue that is DISABLED: its jobs are ended, and
// when the last has, it is gone.
func (c *Control) DeleteJobQueue(ctx context.Context, in *awsbatch.DeleteJobQueueInput) (*awsbatch.DeleteJobQueueOutput, error) {
	var queue store.Queue
	err := untilWritten("job queue "+deref(in.JobQueue), func() error {
		current, err := c.queueByRef(ctx, deref(in.JobQueue))
		switch {
		case err != nil:
			return err
		case current.Detail.Status == types.JQStatusDeleting:
			return nil
		case current.Detail.State != types.JQStateDisabled:
			return refuse("Cannot delete, job queue "+current.Name()+" must be DISABLED first.",
				"call UpdateJobQueue with state DISABLED, then delete it")
		}
		queue = current
		queue.Detail.Status, queue.Detail.StatusReason = types.JQStatusDeleting, nil
		queue.DeletedAt = c.now()
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutQueue(queue))
	})
	if err != nil {
		return nil, err
	}
	// As with environments: what is left to do, FinishDeletes does.
	if name := queue.Name(); name != "" {
		c.kick(name)
		_ = c.finishQueue(ctx, name)
	}
	return &awsbatch.DeleteJobQueueOutput{}, nil
}
