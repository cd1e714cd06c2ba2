package amazon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/compute"
)

type fleets interface {
	CreateFleet(context.Context, *ec2.CreateFleetInput, ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error)
}

// launch is the record of a host that was asked for: with its choices before the call,
// with its instance after it.
type launch struct {
	Choices  choices           `json:"choices"`
	Tags     map[string]string `json:"tags"`
	At       time.Time         `json:"at"`
	Instance string            `json:"instance,omitempty"`
	Type     string            `json:"type,omitempty"`
	Ended    bool              `json:"ended,omitempty"` // Terminate was called
}

func launchKey(host string) string { return "launch/" + host }

// Launch implements [compute.Hosts]. What CreateFleet is asked is recorded before it is
// asked: a repetition asks the same again, and the token makes EC2 give the same answer.
func (b *Backend) Launch(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
	if r.Settings == nil {
		r.Settings = &types.ComputeResource{}
	}
	defer b.stir()
	return share(ctx, b, launchKey(r.ID), func(ctx context.Context) (compute.Host, error) {
		if r.Type == "" {
			return b.adopt(ctx, r)
		}
		host, err := b.launch(ctx, r)
		if errors.Is(err, errTemplateGone) {
			host, err = b.launch(ctx, r) // the records of it are gone as well
		}
		return host, err
	})
}

// errTemplateGone: the recorded launch template was deleted by someone else.
var errTemplateGone = fmt.Errorf("%w: the launch template was deleted; it is made again", compute.ErrUnavailable)

func (b *Backend) launch(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
	record, again, err := recall[launch](ctx, b.o.Memory, launchKey(r.ID))
	if err != nil {
		return compute.Host{}, err
	}
	if again && record.Instance == "" {
		// Asked for, but the answer was lost.
		if found, err := b.findHost(ctx, r.ID); err != nil {
			return compute.Host{}, err
		} else if len(found) > 0 {
			record.Instance, record.Type = deref(found[0].InstanceId), string(found[0].InstanceType)
			b.noteLaunched(ctx, r.ID, record)
		}
	}
	if record.Instance != "" {
		return b.launched(ctx, r, record)
	}
	if !again {
		if err := b.ensureCluster(ctx, r.Environment, r.Cluster, false); err != nil {
			return compute.Host{}, err
		}
		record = launch{Tags: b.hostTags(r), At: b.o.Now()}
		if record.Choices, err = b.choose(ctx, r); err != nil {
			return compute.Host{}, err
		}
		if err := remember(ctx, b.o.Memory, launchKey(r.ID), record, b.o.Now().Add(launchFor)); err != nil {
			return compute.Host{}, err
		}
	}
	answer, err := b.ec2.CreateFleet(ctx, fleetInput(r.ID, record.Choices, record.Tags))
	if err != nil {
		return compute.Host{}, b.refused(ctx, r, err)
	}
	o := outcomeOf(answer, record.Choices)
	if err := b.noteShortages(ctx, r.Market, o.Shortages); err != nil {
		b.o.Log.Warn("what EC2 could not supply was not recorded; it may be asked for again", "error", err)
	}
	if o.Instance == "" {
		return compute.Host{}, b.nothing(r, o)
	}
	record.Instance, record.Type = o.Instance, firstOf(o.Type, r.Type)
	b.noteLaunched(ctx, r.ID, record)
	if again {
		return b.launched(ctx, r, record)
	}
	b.o.Log.Info("instance launched", "host", r.ID, "instance", o.Instance, "type", record.Type, "market", r.Market, "refused", len(o.Shortages))
	host := b.booting(r, record, zoneOf(answer, record))
	b.noteRecent(ctx, host)
	return host, nil
}

// hostTags are the tags of an instance.
func (b *Backend) hostTags(r compute.HostRequest) map[string]string {
	theirs := map[string]string{"Name": "packhorse-" + r.Environment}
	for key, value := range r.Settings.Tags {
		theirs[key] = value
	}
	return tagged(theirs, map[string]string{
		tagDeployment: b.o.Deployment, tagHost: r.ID, tagEnvironment: r.Environment, tagCluster: r.Cluster,
	})
}

// noteLaunched records which instance a host is. If that fails, the token and the tags
// tell it again.
func (b *Backend) noteLaunched(ctx context.Context, host string, record launch) {
	keep(&b.cache, b.cache.instances, host, record.Instance)
	if err := remember(ctx, b.o.Memory, launchKey(host), record, b.o.Now().Add(launchFor)); err != nil {
		b.o.Log.Warn("the instance of a host was not recorded; it is found by its tags", "host", host, "instance", record.Instance, "error", err)
	}
}

// booting is a host of which nothing but its launch is known.
func (b *Backend) booting(r compute.HostRequest, record launch, zone string) compute.Host {
	return compute.Host{
		ID: r.ID, Environment: r.Environment, Cluster: r.Cluster, Instance: record.Instance, Type: record.Type,
		Market: r.Market, Zone: zone, State: compute.HostBooting, LaunchedAt: record.At, Version: bootingVersion,
	}
}

// zoneOf tells where the first instance of a fleet is.
func zoneOf(answer *ec2.CreateFleetOutput, record launch) string {
	if len(answer.Instances) == 0 {
		return ""
	}
	i := answer.Instances[0]
	in := deref(i.SubnetId)
	if i.LaunchTemplateAndOverrides != nil && i.LaunchTemplateAndOverrides.Overrides != nil {
		in = firstOf(in, deref(i.LaunchTemplateAndOverrides.Overrides.SubnetId))
	}
	for _, g := range record.Choices.Groups {
		for _, p := range g.Pools {
			if p.Subnet == in {
				return p.Zone
			}
		}
	}
	return deref(i.AvailabilityZone)
}

// visibleAfter is how long EC2 may not show an instance that it has just launched
// ("Eventual consistency in the Amazon EC2 API" tells to try for minutes).
const visibleAfter = 5 * time.Minute

// launched returns a host that was launched before, as it is now.
func (b *Backend) launched(ctx context.Context, r compute.HostRequest, record launch) (compute.Host, error) {
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{record.Instance}})
	if err != nil {
		return compute.Host{}, err
	}
	if len(found) == 0 {
		if b.o.Now().Sub(record.At) < visibleAfter {
			return b.booting(r, record, ""), nil
		}
		return gone(r.ID, r.Environment, r.Cluster, record.Instance, "EC2 does not know it any more"), nil
	}
	if isOver(found[0]) {
		return gone(r.ID, r.Environment, r.Cluster, record.Instance, whyOver(found[0])), nil
	}
	hosts, err := b.hostsOf(ctx, found)
	if err != nil {
		return compute.Host{}, err
	}
	return hosts[0], nil
}

// refused translates an error of CreateFleet as a whole.
func (b *Backend) refused(ctx context.Context, r compute.HostRequest, err error) error {
	switch _, other := otherParameters(err); {
	case noTemplate(err):
		b.forgetLaunch(ctx, r)
		return fmt.Errorf("%w: %w", errTemplateGone, err)
	case other:
		// The record was lost, so another request was made with this id before; whatever
		// it launched carries the id as a tag and is found as soon as EC2 shows it.
		return fmt.Errorf("%w: host %s was asked for with other choices before", compute.ErrUnavailable, r.ID)
	}
	if scope, lasts := shortageOf(codeOf(err), messageOf(err)); scope != noShortage {
		found := shortage{What: r.Type, For: lasts}
		if noted := b.noteShortages(ctx, r.Market, []shortage{found}); noted != nil {
			b.o.Log.Warn("what EC2 could not supply was not recorded; it may be asked for again", "error", noted)
		}
		return fmt.Errorf("%w: %s: %s (%s)", compute.ErrNoCapacity, r.Type, codeOf(err), messageOf(err))
	}
	return trouble("launching a host of "+r.Environment, err)
}

// forgetLaunch lets a launch be planned anew, with launch templates made anew.
func (b *Backend) forgetLaunch(ctx context.Context, r compute.HostRequest) {
	keys := []string{launchKey(r.ID)}
	for _, t := range append([]string{r.Type}, r.Others...) {
		keys = append(keys, b.templateKey(r, kindOf(t)))
	}
	for _, key := range keys {
		if err := b.o.Memory.Forget(ctx, key); err != nil {
			b.o.Log.Warn("a record was not forgotten; the next launch tries again", "key", key, "error", err)
		}
	}
	if err := b.noteDeleted(ctx, b.templateName(r.Environment)); err != nil {
		b.o.Log.Warn("that a launch template was deleted was not recorded; the next launch tries again", "error", err)
	}
}

// nothing says why a fleet has no instance. That leads to the next choice also where
// EC2 refused the request itself: asking the same again would not help.
func (b *Backend) nothing(r compute.HostRequest, o outcome) error {
	if len(o.Faults) > 0 {
		b.o.Log.Error("EC2 refused to launch for a reason other than capacity; see to the settings of the environment and the role's permissions",
			"environment", r.Environment, "reasons", reasons(o.Faults))
	}
	var words []string
	for _, s := range o.Shortages {
		words = append(words, s.Reason)
	}
	words = append(words, o.Faults...)
	if len(words) == 0 {
		return fmt.Errorf("%w: EC2 launched nothing for host %s and did not say why", compute.ErrUnavailable, r.ID)
	}
	return fmt.Errorf("%w: %s", compute.ErrNoCapacity, reasons(words))
}

// isOver reports whether an instance is gone for good.
func isOver(i ec2types.Instance) bool {
	if i.State == nil {
		return false
	}
	return i.State.Name == ec2types.InstanceStateNameTerminated || i.State.Name == ec2types.InstanceStateNameShuttingDown
}

// whyOver is EC2's reason why an instance ended, such as "Server.SpotInstanceTermination".
func whyOver(i ec2types.Instance) string {
	if r := i.StateReason; r != nil && deref(r.Message) != "" {
		return deref(r.Message)
	}
	return "the instance was terminated"
}
