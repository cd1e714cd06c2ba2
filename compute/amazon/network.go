package amazon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/batch"
)

type networks interface {
	DescribeVpcs(context.Context, *ec2.DescribeVpcsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error)
	DescribeSubnets(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
}

// subnet is where hosts can be.
type subnet struct {
	ID   string `json:"id"`
	Zone string `json:"zone"`
}

// subnets returns those of an environment with their zones; those of the default VPC
// if it names none. They are recorded.
func (b *Backend) subnets(ctx context.Context, settings *types.ComputeResource) ([]subnet, error) {
	key := "network/default"
	if len(settings.Subnets) > 0 {
		key = "network/" + fingerprint(strings.Join(settings.Subnets, " "))
	}
	if found, ok, err := recall[[]subnet](ctx, b.o.Memory, key); err != nil || ok && len(found) > 0 {
		return found, err
	}
	found, err := b.findSubnets(ctx, settings.Subnets)
	if err != nil {
		return nil, err
	}
	return found, remember(ctx, b.o.Memory, key, found, b.o.Now().Add(networkFor))
}

func (b *Backend) findSubnets(ctx context.Context, ids []string) ([]subnet, error) {
	in := &ec2.DescribeSubnetsInput{SubnetIds: ids}
	if len(ids) == 0 {
		vpc, err := b.defaultVPC(ctx)
		if err != nil {
			return nil, err
		}
		in.Filters = []ec2types.Filter{filter("vpc-id", vpc), filter("default-for-az", "true")}
	}
	var found []subnet
	for {
		out, err := b.ec2.DescribeSubnets(ctx, in)
		if is(err, "InvalidSubnetID.NotFound", "InvalidSubnetId.Malformed", "InvalidSubnetID.Malformed") {
			return nil, &batch.Error{Code: batch.CodeInvalid, Message: "computeResources.subnets: " + messageOf(err),
				Next: "correct them with UpdateComputeEnvironment", Err: err}
		}
		if err != nil {
			return nil, trouble("describing subnets", err)
		}
		for _, s := range out.Subnets {
			found = append(found, subnet{ID: deref(s.SubnetId), Zone: deref(s.AvailabilityZone)})
		}
		if in.NextToken = out.NextToken; deref(in.NextToken) == "" {
			break
		}
	}
	if len(found) == 0 {
		return nil, &batch.Error{Code: batch.CodeInvalid, Message: "The default VPC has no default subnets.",
			Next: "name subnets in computeResources.subnets, or make some with aws ec2 create-default-subnet"}
	}
	slices.SortFunc(found, func(a, b subnet) int { return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

func (b *Backend) defaultVPC(ctx context.Context) (string, error) {
	out, err := b.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{filter("is-default", "true")}})
	if err != nil {
		return "", trouble("finding the default VPC", err)
	}
	if len(out.Vpcs) == 0 {
		return "", &batch.Error{Code: batch.CodeInvalid, Message: "The region has no default VPC.",
			Next: "name subnets in computeResources.subnets, or make one with aws ec2 create-default-vpc"}
	}
	return deref(out.Vpcs[0].VpcId), nil
}

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: &name, Values: values}
}

// fingerprint is a short name for something long: 24 hex digits.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}
