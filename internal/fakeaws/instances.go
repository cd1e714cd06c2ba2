package fakeaws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// instance is an EC2 instance from its launch until an hour after its end.
type instance struct {
	id       string
	typ      catalog.Type
	market   string
	subnet   types.Subnet
	address  string
	image    string
	profile  *types.LaunchTemplateIamInstanceProfileSpecification
	groups   []string
	config   map[string]string // what its user data tells the ECS agent
	tags     []types.Tag
	launched time.Time
	ended    time.Time
	state    types.InstanceStateName
	why      *types.StateReason
	reason   string // "User initiated (2026-01-02 03:04:05 GMT)"
	warned   bool   // of its Spot interruption
	agent    *agent
	seen     lagged[types.Instance]
}

// terminatedFor is how long a terminated instance is described (EC2 User Guide).
const terminatedFor = time.Hour

func (i *instance) alive() bool { return i.state != types.InstanceStateNameTerminated }

func (i *instance) kind() kind { return kind{i.typ.Name, *i.subnet.AvailabilityZone, i.market} }

// launch starts an instance out of a pool. With mu held.
func (c *Cloud) launch(l launch, fleet *ec2.CreateFleetOutput, in *ec2.CreateFleetInput) *instance {
	data := l.pool.version.LaunchTemplateData
	i := &instance{
		id: "i-" + c.digits("instance", 17), typ: l.pool.typ, market: l.market, subnet: l.pool.subnet,
		address: c.network.address(l.pool.subnet), image: l.pool.image, profile: data.IamInstanceProfile, groups: securityGroups(data),
		config: agentConfig(value(data.UserData)), launched: c.now().Truncate(time.Second), state: types.InstanceStateNamePending,
	}
	for _, s := range data.TagSpecifications {
		if s.ResourceType == types.ResourceTypeInstance {
			i.tags = retag(i.tags, s.Tags)
		}
	}
	i.tags = retag(i.tags, tagsFor(in.TagSpecifications, types.ResourceTypeInstance))
	i.tags = retag(i.tags, []types.Tag{
		{Key: aws.String("aws:ec2:fleet-id"), Value: fleet.FleetId},
		{Key: aws.String("aws:ec2launchtemplate:id"), Value: l.pool.version.LaunchTemplateId},
		{Key: aws.String("aws:ec2launchtemplate:version"), Value: aws.String(fmt.Sprint(*l.pool.version.VersionNumber))},
	})
	c.instances = append(c.instances, i)
	c.moved(i)

	boot, never := c.o.BootTime.draw(c.stream("boot-time", i.id)), c.chance(c.faults.NeverJoins, "never-joins", i.id)
	const untilRunning = 3 // the share of the boot before EC2 says running; the rest is the system and the agent
	c.after(boot/untilRunning, func() {
		if i.state != types.InstanceStateNamePending {
			return
		}
		i.state = types.InstanceStateNameRunning
		c.moved(i)
		if never {
			c.o.Log.Debug("agent will never join", "instance", i.id)
			return
		}
		c.after(boot-boot/untilRunning, func() { c.join(i) })
	})
	if i.market == spotMarket && c.chance(c.faults.Interrupted, "interrupted", i.id) {
		c.after(c.faults.InterruptedAfter.draw(c.stream("interrupted-after", i.id)), func() { c.interrupt(i) })
	}
	return i
}

// moved makes a change of an instance's state known. With mu held.
func (c *Cloud) moved(i *instance) {
	c.retold(i)
	c.tell("aws.ec2", InstanceStateChange, c.arn("ec2", "instance", i.id),
		map[string]string{"instance-id": i.id, "state": string(i.state)})
}

// retold makes a change of an instance visible without an event.
func (c *Cloud) retold(i *instance) {
	i.seen.put(c.describe(i), c.lag(i.id))
	c.change()
}

// stateCodes are the numbers of the states (EC2 API reference, InstanceState).
var stateCodes = map[types.InstanceStateName]int32{
	types.InstanceStateNamePending: 0, types.InstanceStateNameRunning: 16, types.InstanceStateNameShuttingDown: 32,
	types.InstanceStateNameTerminated: 48, types.InstanceStateNameStopping: 64, types.InstanceStateNameStopped: 80,
}

func (i *instance) stateIs() *types.InstanceState {
	return &types.InstanceState{Name: i.state, Code: aws.Int32(stateCodes[i.state])}
}

func (c *Cloud) describe(i *instance) types.Instance {
	d := types.Instance{
		InstanceId: &i.id, InstanceType: types.InstanceType(i.typ.Name), ImageId: &i.image, State: i.stateIs(), StateReason: i.why,
		StateTransitionReason: &i.reason, LaunchTime: aws.Time(i.launched), Architecture: types.ArchitectureValues(i.typ.Arch),
		Placement: &types.Placement{AvailabilityZone: i.subnet.AvailabilityZone, Tenancy: types.TenancyDefault},
		Tags:      slices.Clone(i.tags), AmiLaunchIndex: aws.Int32(0), Monitoring: &types.Monitoring{State: types.MonitoringStateDisabled},
		RootDeviceType: types.DeviceTypeEbs, VirtualizationType: types.VirtualizationTypeHvm, Hypervisor: types.HypervisorTypeXen,
		PlatformDetails: aws.String("Linux/UNIX"),
	}
	if i.market == spotMarket {
		d.InstanceLifecycle = types.InstanceLifecycleTypeSpot
		d.SpotInstanceRequestId = aws.String("sir-" + i.id[2:10])
	}
	if i.profile != nil {
		arn := cmp.Or(value(i.profile.Arn), "arn:aws:iam::"+c.o.Account+":instance-profile/"+value(i.profile.Name))
		d.IamInstanceProfile = &types.IamInstanceProfile{Arn: &arn, Id: aws.String("AIPA" + strings.ToUpper(i.id[2:]))}
	}
	if i.alive() { // a terminated instance has no network any more
		d.SubnetId, d.VpcId, d.PrivateIpAddress = i.subnet.SubnetId, i.subnet.VpcId, &i.address
		d.PrivateDnsName = aws.String("ip-" + strings.ReplaceAll(i.address, ".", "-") + ".ec2.internal")
		for _, g := range i.groups {
			d.SecurityGroups = append(d.SecurityGroups, types.GroupIdentifier{GroupId: &g})
		}
	}
	return d
}

// shutDown begins an instance's end; nothing happens to one that is ending. With mu
// held.
func (c *Cloud) shutDown(i *instance, code, message, reason string) {
	if i.state == types.InstanceStateNameShuttingDown || !i.alive() {
		return
	}
	i.state = types.InstanceStateNameShuttingDown
	i.why = &types.StateReason{Code: &code, Message: aws.String(code + ": " + message)}
	i.reason = fmt.Sprintf("%s (%s)", reason, c.now().UTC().Format("2006-01-02 15:04:05 GMT"))
	c.moved(i)
	c.after(c.o.ShutdownTime.draw(c.stream("shutdown-time", i.id)), func() {
		i.state, i.ended = types.InstanceStateNameTerminated, c.now()
		c.leave(i)
		c.moved(i)
	})
}

// interrupt warns a Spot instance and takes it back when the notice is over. With mu
// held.
func (c *Cloud) interrupt(i *instance) {
	if i.warned || i.state == types.InstanceStateNameShuttingDown || !i.alive() {
		return
	}
	i.warned = true
	c.tell("aws.ec2", SpotWarning, c.arn("ec2", "instance", i.id),
		map[string]string{"instance-id": i.id, "instance-action": "terminate"})
	if i.agent != nil && i.config["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "true" {
		c.setStatus(i.agent, agentDraining)
	}
	c.change()
	c.after(c.o.SpotNotice, func() {
		c.shutDown(i, "Server.SpotInstanceTermination", "Spot instance termination", "Server.SpotInstanceTermination")
	})
}

// Interrupt takes a Spot instance back: the warning now, the end when the notice is
// over. It returns an error for an instance that is not alive or not Spot.
func (c *Cloud) Interrupt(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.instance(id)
	if i == nil || !i.alive() || i.market != spotMarket {
		return fmt.Errorf("fakeaws: %s is no Spot instance that is alive; Instances tells which there are", id)
	}
	c.interrupt(i)
	return nil
}

// instance finds an instance, whatever callers can see of it.
func (c *Cloud) instance(id string) *instance {
	for _, i := range c.instances {
		if i.id == id {
			return i
		}
	}
	return nil
}
