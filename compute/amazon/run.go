package amazon

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

type runner interface {
	RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
}

// started is the record of a task that ECS has accepted.
type started struct {
	Cluster string    `json:"cluster"`
	ARN     string    `json:"arn"`
	At      time.Time `json:"at,omitzero"` // when it was recorded
}

func taskKey(id string) string { return "task/" + id }

// Run implements [compute.Tasks]. ECS keeps a token for a day at most and for an hour
// after the task's end ("Ensuring idempotency", ECS API reference); after that it is our
// record that keeps a task from running twice.
func (b *Backend) Run(ctx context.Context, t compute.Task) error {
	known, ok, err := recall[started](ctx, b.o.Memory, taskKey(t.ID))
	switch {
	case err != nil:
		return err
	case ok:
		return b.stillShown(ctx, known)
	}
	_, err = share(ctx, b, taskKey(t.ID), func(ctx context.Context) (bool, error) { return true, b.run(ctx, t) })
	b.stir()
	return err
}

// shownFor is how long ECS shows a task at least that has stopped (DescribeTasks, ECS API
// reference).
const shownFor = time.Hour

// stillShown fails if a task that was run ended so long ago that ECS has forgotten it.
func (b *Backend) stillShown(ctx context.Context, s started) error {
	if b.o.Now().Sub(s.At) < shownFor {
		return nil
	}
	seen, err := b.describeTasks(ctx, s.Cluster, []string{s.ARN})
	if err == nil && len(seen) == 0 {
		err = fmt.Errorf("ECS does not show task %s any more: %w", s.ARN, compute.ErrTaskGone)
	}
	return err
}

// maxRuns bounds the calls for one task: a cluster or a definition that is recorded may
// be gone, and is then made again.
const maxRuns = 3

func (b *Backend) run(ctx context.Context, t compute.Task) error {
	instance, err := b.instanceOf(ctx, t.Host)
	if errors.Is(err, compute.ErrHostGone) {
		return b.unlessStarted(ctx, t, err)
	}
	if err != nil {
		return err
	}
	definition, over := b.shaped(t)
	if err := b.ensureCluster(ctx, t.Elsewhere.Environment, t.Cluster, false); err != nil {
		return err
	}
	token := t.ID
	for range maxRuns {
		arn, err := b.definition(ctx, definition)
		if err != nil {
			return err
		}
		in, err := b.runInput(ctx, t, instance, arn, token, over)
		if err != nil {
			return err
		}
		out, err := b.ecs.RunTask(ctx, in)
		switch tasks, other := otherParameters(err); {
		case err == nil:
			return b.accepted(ctx, t, instance, out)
		case other && len(tasks) > 0:
			b.noteStarted(ctx, t, tasks[0]) // it was run before, with another definition perhaps
			return nil
		case other && token == t.ID:
			// The token stands for a call for another host, which placed nothing: the engine
			// places a task anew under its id only then. Make sure, and use another token.
			found, err := b.findTask(ctx, t.Cluster, t.ID)
			if err != nil {
				return err
			}
			if found != "" {
				b.noteStarted(ctx, t, found)
				return nil
			}
			token = t.ID + "-" + fingerprint(t.Host)
		case definitionGone(err):
			b.unregister(ctx, definition)
		case noCluster(err):
			if err := b.ensureCluster(ctx, t.Elsewhere.Environment, t.Cluster, true); err != nil {
				return err
			}
		case noHosts(err):
			return b.notJoined(ctx, t, instance)
		default:
			return wrongTask("ECS does not take the task", err)
		}
	}
	return fmt.Errorf("%w: ECS did not take task %s in %d calls", compute.ErrUnavailable, t.ID, maxRuns)
}

// unlessStarted refuses a task of which ECS was not asked, unless an earlier call has started
// it whose answer was lost. (Where ECS is asked, the token tells.)
func (b *Backend) unlessStarted(ctx context.Context, t compute.Task, refusal error) error {
	found, err := b.findTask(ctx, t.Cluster, t.ID)
	switch {
	case err != nil:
		return err
	case found == "":
		return refusal
	}
	b.noteStarted(ctx, t, found)
	return nil
}

// runInput is the call that runs a task.
func (b *Backend) runInput(ctx context.Context, t compute.Task, instance, definition, token string, over *types.TaskOverride) (*ecs.RunTaskInput, error) {
	e := t.Elsewhere
	in := &ecs.RunTaskInput{
		TaskDefinition: &definition, Cluster: &t.Cluster, Count: new(int32(1)), ClientToken: &token, StartedBy: &t.ID,
		Overrides: over, EnableExecuteCommand: e.ExecuteCommand, EnableECSManagedTags: true,
		PropagateTags: types.PropagateTagsTaskDefinition, Tags: ecsTags(taskTags(t, instance)),
	}
	if !onFargate(t) {
		in.LaunchType = types.LaunchTypeEc2
		in.PlacementConstraints = []types.PlacementConstraint{{Type: types.PlacementConstraintTypeMemberOf, Expression: new(pinned(instance))}}
		if e.NetworkMode != string(types.NetworkModeAwsvpc) {
			return in, nil
		}
	}
	settings := e.Settings
	if settings == nil {
		settings = &batchtypes.ComputeResource{}
	}
	where, err := b.subnets(ctx, settings)
	if err != nil {
		return nil, err
	}
	network := &types.AwsVpcConfiguration{SecurityGroups: settings.SecurityGroupIds, AssignPublicIp: types.AssignPublicIpDisabled}
	for _, s := range where {
		if len(network.Subnets) < maxTaskSubnets {
			network.Subnets = append(network.Subnets, s.ID)
		}
	}
	if !onFargate(t) {
		in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: network}
		return in, nil // a task on a host has no public address
	}
	if e.AssignPublicIP {
		network.AssignPublicIp = types.AssignPublicIpEnabled
	}
	in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: network}
	provider := fargate
	if settings.Type == batchtypes.CRTypeFargateSpot {
		provider = fargateSpot
	}
	in.CapacityProviderStrategy = []types.CapacityProviderStrategyItem{{CapacityProvider: &provider, Weight: 1}}
	in.PlatformVersion = some(e.PlatformVersion)
	return in, nil
}

// maxTaskSubnets is how many subnets a task may choose from (AwsVpcConfiguration, ECS
// API reference).
const maxTaskSubnets = 16

// taskTags are the tags of a task: by them a task is told as that of a job.
func taskTags(t compute.Task, instance string) map[string]string {
	ours := map[string]string{tagJob: t.JobID, tagAttempt: strconv.Itoa(t.Attempt)}
	if t.Host != "" {
		ours[tagHost], ours[tagInstance] = t.Host, instance
	}
	if t.Elsewhere.Environment != "" {
		ours[tagEnvironment] = t.Elsewhere.Environment
	}
	tags := tagged(t.Tags, ours)
	for key := range t.Tags {
		if len(tags) <= maxTags-inheritedTags {
			break
		}
		if _, own := ours[key]; !own {
			delete(tags, key)
		}
	}
	return tags
}

// inheritedTags is how many tags a task gets from its definition and from ECS besides
// those of the call.
const inheritedTags = 3

// accepted reads the answer to RunTask.
func (b *Backend) accepted(ctx context.Context, t compute.Task, instance string, out *ecs.RunTaskOutput) error {
	if len(out.Tasks) > 0 {
		b.noteStarted(ctx, t, deref(out.Tasks[0].TaskArn))
		return nil
	}
	if len(out.Failures) == 0 {
		// So answers a cluster without a host that would do.
		return b.notJoined(ctx, t, instance)
	}
	err := placement(out.Failures)
	if errors.Is(err, errNotJoined) {
		return b.notJoined(ctx, t, instance)
	}
	if onFargate(t) && errors.Is(err, compute.ErrNoRoom) {
		return fmt.Errorf("%w: %w", compute.ErrUnavailable, err) // there is no other place to go
	}
	return err
}

// noteStarted records what ECS calls a task. If that fails it is found by its startedBy.
func (b *Backend) noteStarted(ctx context.Context, t compute.Task, arn string) {
	err := remember(ctx, b.o.Memory, taskKey(t.ID), started{Cluster: t.Cluster, ARN: arn, At: b.o.Now()}, b.o.Now().Add(taskFor))
	if err != nil {
		b.o.Log.Warn("a task was not recorded; it is found by its startedBy", "task", arn, "error", err)
	}
}

// notJoined tells a host that takes no tasks from one that is gone.
func (b *Backend) notJoined(ctx context.Context, t compute.Task, instance string) error {
	if onFargate(t) {
		return fmt.Errorf("%w: ECS placed no task and did not say why", compute.ErrUnavailable)
	}
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}})
	if err != nil {
		return err
	}
	over := len(found) > 0 && isOver(found[0])
	if len(found) == 0 {
		record, _, err := recall[launch](ctx, b.o.Memory, launchKey(t.Host))
		if err != nil {
			return err
		}
		over = b.o.Now().Sub(record.At) >= visibleAfter // until then EC2 may not show it yet
	}
	if over {
		drop(&b.cache, b.cache.instances, t.Host)
		return fmt.Errorf("%w: instance %s has ended", compute.ErrHostGone, instance)
	}
	return fmt.Errorf("%w: instance %s has not joined cluster %s, or has left it", compute.ErrNoRoom, instance, t.Cluster)
}

// instanceOf returns the instance of a host; empty on Fargate.
func (b *Backend) instanceOf(ctx context.Context, host string) (string, error) {
	if host == "" {
		return "", nil
	}
	if instance, ok := known(&b.cache, b.cache.instances, host); ok {
		return instance, nil
	}
	record, ok, err := recall[launch](ctx, b.o.Memory, launchKey(host))
	if err != nil {
		return "", err
	}
	if record.Ended {
		return "", fmt.Errorf("%w: host %s was terminated", compute.ErrHostGone, host)
	}
	if !ok || record.Instance == "" {
		found, err := b.findHost(ctx, host)
		if err != nil {
			return "", err
		}
		if len(found) == 0 || isOver(found[0]) {
			return "", fmt.Errorf("%w: no instance is host %s", compute.ErrHostGone, host)
		}
		record.Instance = deref(found[0].InstanceId)
	}
	keep(&b.cache, b.cache.instances, host, record.Instance)
	return record.Instance, nil
}
