package fakeaws

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// visible lists the instances that callers can see now. With mu held.
func (c *Cloud) visible() []types.Instance {
	var all []types.Instance
	now := c.now()
	c.instances = slices.DeleteFunc(c.instances, func(i *instance) bool {
		return !i.alive() && now.Sub(i.ended) > terminatedFor
	})
	for _, i := range c.instances {
		if d, ok := i.seen.at(now); ok {
			all = append(all, d)
		}
	}
	return all
}

// DescribeInstances lists instances, each in a reservation of its own.
func (e *EC2) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	return call(ctx, e.c, "ec2.DescribeInstances", in, e.c.describeInstances)
}

func (c *Cloud) describeInstances(in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	const leastPage, mostPage = 5, 1000
	if n := value(in.MaxResults); in.MaxResults != nil && (n < leastPage || n > mostPage) {
		return nil, refuse("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value between %d and %d.", n, leastPage, mostPage)
	}
	if in.MaxResults != nil && len(in.InstanceIds) > 0 {
		return nil, refuse("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	all := c.visible()
	if len(in.InstanceIds) > 0 {
		var err error
		if all, err = byID(all, in.InstanceIds); err != nil {
			return nil, err
		}
	}
	all, err := filtered(all, in.Filters, instanceFields)
	if err != nil {
		return nil, err
	}
	page, next, ok := pageOf(all, in.NextToken, int(value(in.MaxResults)), func(i types.Instance) string { return *i.InstanceId })
	if !ok {
		return nil, invalidToken()
	}
	out := &ec2.DescribeInstancesOutput{NextToken: next}
	for _, i := range page {
		out.Reservations = append(out.Reservations, types.Reservation{
			ReservationId: aws.String("r-" + strings.TrimPrefix(*i.InstanceId, "i-")), OwnerId: &c.o.Account, Instances: []types.Instance{i},
		})
	}
	return out, nil
}

// byID returns the instances with these ids, all of which must be visible.
func byID(all []types.Instance, ids []string) ([]types.Instance, error) {
	var kept []types.Instance
	var unknown []string
	for _, id := range ids {
		if !strings.HasPrefix(id, "i-") {
			return nil, refuse("InvalidInstanceID.Malformed", "Invalid id: \"%s\" (expecting \"i-...\")", id)
		}
		i := slices.IndexFunc(all, func(i types.Instance) bool { return *i.InstanceId == id })
		if i < 0 {
			unknown = append(unknown, id)
			continue
		}
		kept = append(kept, all[i])
	}
	switch len(unknown) {
	case 0:
		return kept, nil
	case 1:
		return nil, refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", unknown[0])
	}
	return nil, refuse("InvalidInstanceID.NotFound", "The instance IDs '%s' do not exist", strings.Join(unknown, ", "))
}

func instanceFields(i types.Instance) fields {
	return func(name string) ([]string, bool) {
		switch name {
		case "instance-id":
			return one(value(i.InstanceId))
		case "instance-type":
			return one(string(i.InstanceType))
		case "instance-state-name":
			if i.State == nil {
				return nil, true
			}
			return one(string(i.State.Name))
		case "instance-lifecycle":
			return one(string(i.InstanceLifecycle))
		case "availability-zone":
			if i.Placement == nil {
				return nil, true
			}
			return one(value(i.Placement.AvailabilityZone))
		case "architecture":
			return one(string(i.Architecture))
		case "image-id":
			return one(value(i.ImageId))
		case "private-ip-address":
			return one(value(i.PrivateIpAddress))
		case "subnet-id":
			return one(value(i.SubnetId))
		case "vpc-id":
			return one(value(i.VpcId))
		}
		return tagFields(i.Tags, name)
	}
}

// TerminateInstances ends instances: all of them, or none if one is not there. One
// that is gone already is no error.
func (e *EC2) TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput, _ ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error) {
	return call(ctx, e.c, "ec2.TerminateInstances", in, e.c.terminateInstances)
}

func (c *Cloud) terminateInstances(in *ec2.TerminateInstancesInput) (*ec2.TerminateInstancesOutput, error) {
	if len(in.InstanceIds) == 0 {
		return nil, refuse("MissingParameter", "The request must contain the parameter InstanceId")
	}
	if _, err := byID(c.visible(), in.InstanceIds); err != nil {
		return nil, err
	}
	out := &ec2.TerminateInstancesOutput{}
	for _, id := range in.InstanceIds {
		i := c.instance(id)
		was := i.stateIs()
		c.shutDown(i, "Client.UserInitiatedShutdown", "User initiated shutdown", "User initiated")
		out.TerminatingInstances = append(out.TerminatingInstances, types.InstanceStateChange{
			InstanceId: &i.id, PreviousState: was, CurrentState: i.stateIs(),
		})
	}
	return out, nil
}
