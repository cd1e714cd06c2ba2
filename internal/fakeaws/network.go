package fakeaws

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// network is the default VPC of the account: a subnet in each zone, and the default
// security group.
type network struct {
	zones   []types.AvailabilityZone
	vpc     types.Vpc
	subnets []types.Subnet
	groups  []types.SecurityGroup
	hosts   int // addresses given out
}

func (c *Cloud) newNetwork() network {
	vpc := "vpc-" + c.digits("vpc", 17)
	n := network{
		vpc: types.Vpc{
			VpcId: &vpc, CidrBlock: aws.String("172.31.0.0/16"), IsDefault: aws.Bool(true), OwnerId: &c.o.Account,
			State: types.VpcStateAvailable, InstanceTenancy: types.TenancyDefault,
		},
		groups: []types.SecurityGroup{{
			GroupId: aws.String("sg-" + c.digits("sg", 17)), GroupName: aws.String("default"), VpcId: &vpc, OwnerId: &c.o.Account,
			Description: aws.String("default VPC security group"),
		}},
	}
	for i, letter := range c.o.Zones {
		zone := c.o.Region + string(letter)
		n.zones = append(n.zones, types.AvailabilityZone{
			ZoneName: &zone, ZoneId: aws.String(fmt.Sprintf("use1-az%d", i+1)), RegionName: &c.o.Region, GroupName: &c.o.Region,
			ZoneType: aws.String("availability-zone"), State: types.AvailabilityZoneStateAvailable,
			OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
		})
		id := "subnet-" + c.digits("subnet", 17)
		n.subnets = append(n.subnets, types.Subnet{
			SubnetId: &id, VpcId: &vpc, AvailabilityZone: &zone, CidrBlock: aws.String(fmt.Sprintf("172.31.%d.0/20", 16*i)),
			AvailableIpAddressCount: aws.Int32(4091), DefaultForAz: aws.Bool(true), MapPublicIpOnLaunch: aws.Bool(true),
			State: types.SubnetStateAvailable, OwnerId: &c.o.Account, SubnetArn: aws.String(c.arn("ec2", "subnet", id)),
		})
	}
	return n
}

// subnet finds a subnet by its id.
func (n *network) subnet(id string) (types.Subnet, bool) {
	i := slices.IndexFunc(n.subnets, func(s types.Subnet) bool { return *s.SubnetId == id })
	if i < 0 {
		return types.Subnet{}, false
	}
	return n.subnets[i], true
}

// address gives out a private address in a subnet, by its position.
func (n *network) address(subnet types.Subnet) string {
	n.hosts++
	i := slices.IndexFunc(n.subnets, func(s types.Subnet) bool { return *s.SubnetId == *subnet.SubnetId })
	return fmt.Sprintf("172.31.%d.%d", 16*i+n.hosts/250%16, 4+n.hosts%250)
}

// Subnets returns the ids of the default VPC's subnets, one in each zone.
func (c *Cloud) Subnets() []string {
	var ids []string
	for _, s := range c.network.subnets {
		ids = append(ids, *s.SubnetId)
	}
	return ids
}

// SecurityGroup returns the id of the default security group.
func (c *Cloud) SecurityGroup() string { return *c.network.groups[0].GroupId }

// DescribeVpcs lists the default VPC.
func (e *EC2) DescribeVpcs(ctx context.Context, in *ec2.DescribeVpcsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error) {
	return call(ctx, e.c, "ec2.DescribeVpcs", in, func(in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
		all := []types.Vpc{e.c.network.vpc}
		kept, err := named(all, in.VpcIds, "InvalidVpcID.NotFound", "vpc ID", func(v types.Vpc) string { return *v.VpcId })
		if err != nil {
			return nil, err
		}
		kept, err = filtered(kept, in.Filters, func(v types.Vpc) fields {
			return func(name string) ([]string, bool) {
				switch name {
				case "vpc-id":
					return one(value(v.VpcId))
				case "is-default", "isDefault":
					return yes(value(v.IsDefault))
				case "state":
					return one(string(v.State))
				}
				return tagFields(v.Tags, name)
			}
		})
		return &ec2.DescribeVpcsOutput{Vpcs: kept}, err
	})
}

// DescribeSubnets lists the subnets of the default VPC.
func (e *EC2) DescribeSubnets(ctx context.Context, in *ec2.DescribeSubnetsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	return call(ctx, e.c, "ec2.DescribeSubnets", in, func(in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
		kept, err := named(e.c.network.subnets, in.SubnetIds, "InvalidSubnetID.NotFound", "subnet ID", func(s types.Subnet) string { return *s.SubnetId })
		if err != nil {
			return nil, err
		}
		kept, err = filtered(kept, in.Filters, func(s types.Subnet) fields {
			return func(name string) ([]string, bool) {
				switch name {
				case "subnet-id":
					return one(value(s.SubnetId))
				case "vpc-id":
					return one(value(s.VpcId))
				case "availability-zone", "availabilityZone":
					return one(value(s.AvailabilityZone))
				case "default-for-az", "defaultForAz":
					return yes(value(s.DefaultForAz))
				case "state":
					return one(string(s.State))
				}
				return tagFields(s.Tags, name)
			}
		})
		return &ec2.DescribeSubnetsOutput{Subnets: kept}, err
	})
}

// DescribeSecurityGroups lists the default security group.
func (e *EC2) DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	return call(ctx, e.c, "ec2.DescribeSecurityGroups", in, func(in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
		kept, err := named(e.c.network.groups, in.GroupIds, "InvalidGroup.NotFound", "security group", func(g types.SecurityGroup) string { return *g.GroupId })
		if err != nil {
			return nil, err
		}
		kept, err = filtered(kept, in.Filters, func(g types.SecurityGroup) fields {
			return func(name string) ([]string, bool) {
				switch name {
				case "group-id":
					return one(value(g.GroupId))
				case "group-name":
					return one(value(g.GroupName))
				case "vpc-id":
					return one(value(g.VpcId))
				}
				return tagFields(g.Tags, name)
			}
		})
		return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: kept}, err
	})
}

// DescribeAvailabilityZones lists the zones of the region.
func (e *EC2) DescribeAvailabilityZones(ctx context.Context, in *ec2.DescribeAvailabilityZonesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAvailabilityZonesOutput, error) {
	return call(ctx, e.c, "ec2.DescribeAvailabilityZones", in, func(in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
		kept, err := named(e.c.network.zones, in.ZoneNames, "InvalidParameterValue", "availability zone", func(z types.AvailabilityZone) string { return *z.ZoneName })
		if err != nil {
			return nil, err
		}
		kept, err = filtered(kept, in.Filters, func(z types.AvailabilityZone) fields {
			return func(name string) ([]string, bool) {
				switch name {
				case "zone-name":
					return one(value(z.ZoneName))
				case "zone-id":
					return one(value(z.ZoneId))
				case "zone-type":
					return one(value(z.ZoneType))
				case "state":
					return one(string(z.State))
				case "region-name":
					return one(value(z.RegionName))
				case "opt-in-status":
					return one(string(z.OptInStatus))
				}
				return nil, false
			}
		})
		return &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: kept}, err
	})
}

// named returns the things with these ids, all of which must be there, or all.
func named[T any](all []T, ids []string, code, what string, id func(T) string) ([]T, error) {
	if len(ids) == 0 {
		return all, nil
	}
	var kept []T
	for _, want := range ids {
		i := slices.IndexFunc(all, func(t T) bool { return id(t) == want })
		if i < 0 {
			return nil, refuse(code, "The %s '%s' does not exist", what, want)
		}
		kept = append(kept, all[i])
	}
	return kept, nil
}
