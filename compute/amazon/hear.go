package amazon

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// Hear translates an event of EventBridge, and looks up what the event does not say:
// which host an instance is. Tasks and hosts that are not ours give nothing, and neither
// do events of other kinds. A host that EC2 is about to take, or may take, is drained at
// once.
func (b *Backend) Hear(ctx context.Context, raw json.RawMessage) ([]compute.News, error) {
	e, err := eventOf(raw)
	if err != nil {
		return nil, err
	}
	task, host, err := e.tells()
	switch {
	case err != nil:
		return nil, err
	case task != nil:
		if !strings.HasPrefix(lastOf(deref(task.TaskDefinitionArn)), familyPrefix+b.o.Deployment+"-") {
			return nil, nil // of another deployment in the account
		}
		s, err := b.settled(ctx, statusOf(*task), *task)
		if err != nil {
			return nil, err
		}
		return []compute.News{{Task: &s}}, nil
	case host != nil:
		if host, err = b.hearHost(ctx, *host, e); err != nil || host == nil {
			return nil, err
		}
		return []compute.News{{Host: host}}, nil
	}
	return nil, nil
}

// told is what an event of a container instance told last. ECS sends one whenever a task
// takes or gives back room, which is no news of the host; and EC2 is not to be asked for
// each of them.
type told struct {
	state compute.HostState
	has   batch.Resources
	ref   string
	ours  bool
	at    time.Time
}

// strangerFor is how long an instance that is not ours is not asked about again.
const strangerFor = 5 * time.Minute

// isOld reports whether an event of a container instance tells nothing new.
func (b *Backend) isOld(heard compute.Host) bool {
	last, ok := known(&b.cache, b.cache.told, heard.Instance)
	if ok && !last.ours {
		return b.o.Now().Sub(last.at) < strangerFor
	}
	return ok && last.state == heard.State && last.has == heard.Has && last.ref == heard.Ref
}

// hearHost completes news of a host; nil if it is not ours or tells nothing new.
func (b *Backend) hearHost(ctx context.Context, heard compute.Host, e event) (*compute.Host, error) {
	if e.DetailType == eventContainer && b.isOld(heard) {
		return nil, nil
	}
	h, err := b.lookUp(ctx, heard, e)
	if err == nil && e.DetailType == eventContainer {
		keep(&b.cache, b.cache.told, heard.Instance, told{heard.State, heard.Has, heard.Ref, h != nil, b.o.Now()})
	}
	return h, err
}

// lookUp asks EC2 which host an instance is, and drains it if EC2 wants it back; nil if
// it is not ours.
func (b *Backend) lookUp(ctx context.Context, heard compute.Host, e event) (*compute.Host, error) {
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		filter("instance-id", heard.Instance), filter("tag:"+tagDeployment, b.o.Deployment),
	}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	i := found[0]
	tags := tagsOfInstance(i)
	if isOver(i) || heard.State == compute.HostGone {
		h := gone(firstOf(tags[tagHost], heard.Instance), tags[tagEnvironment], tags[tagCluster], heard.Instance, whyOver(i))
		return &h, nil
	}
	switch e.DetailType {
	case eventSpot:
		if err := b.noteEnding(ctx, heard.Instance); err != nil {
			return nil, err
		}
		err = b.drain(ctx, i, heard.Reason)
	case eventRebalance:
		err = b.drain(ctx, i, heard.Reason)
	}
	if err != nil {
		return nil, err
	}
	h := hostOf(i, nil)
	if e.DetailType == eventContainer {
		h.Ref, h.Has, h.ReadyAt, h.Version = heard.Ref, heard.Has, heard.ReadyAt, heard.Version
		if h.State != compute.HostDraining {
			h.State = heard.State
		}
		return &h, nil
	}
	hosts, err := b.hostsOf(ctx, found)
	if err != nil {
		return nil, err
	}
	h = hosts[0]
	h.State, h.Reason = heard.State, heard.Reason
	return &h, nil
}
