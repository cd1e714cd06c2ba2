package fakeaws

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// maxTypesPage is EC2's bound on a page of DescribeInstanceTypes.
const maxTypesPage = 100

// DescribeInstanceTypes lists the types of the catalog.
func (e *EC2) DescribeInstanceTypes(ctx context.Context, in *ec2.DescribeInstanceTypesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstanceTypesOutput, error) {
	return call(ctx, e.c, "ec2.DescribeInstanceTypes", in, func(in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
		var all []types.InstanceTypeInfo
		for _, t := range e.c.o.Catalog.All() {
			if len(in.InstanceTypes) == 0 || slices.Contains(in.InstanceTypes, types.InstanceType(t.Name)) {
				all = append(all, typeInfo(t))
			}
		}
		for _, name := range in.InstanceTypes {
			if _, ok := e.c.o.Catalog.Lookup(string(name)); !ok {
				return nil, refuse("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
			}
		}
		all, err := filtered(all, in.Filters, typeFields)
		if err != nil {
			return nil, err
		}
		size := int(value(in.MaxResults))
		if size == 0 {
			size = maxTypesPage
		}
		page, next, ok := pageOf(all, in.NextToken, size, func(t types.InstanceTypeInfo) string { return string(t.InstanceType) })
		if !ok {
			return nil, invalidToken()
		}
		return &ec2.DescribeInstanceTypesOutput{InstanceTypes: page, NextToken: next}, nil
	})
}

func typeInfo(t catalog.Type) types.InstanceTypeInfo {
	info := types.InstanceTypeInfo{
		InstanceType: types.InstanceType(t.Name), CurrentGeneration: aws.Bool(t.CurrentGeneration), BareMetal: aws.Bool(t.BareMetal),
		BurstablePerformanceSupported: aws.Bool(t.Burstable), InstanceStorageSupported: aws.Bool(t.LocalStorageGB > 0),
		ProcessorInfo:         &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{types.ArchitectureType(t.Arch)}},
		VCpuInfo:              &types.VCpuInfo{DefaultVCpus: aws.Int32(int32(t.VCPUs))},
		MemoryInfo:            &types.MemoryInfo{SizeInMiB: aws.Int64(int64(t.MemoryMiB))},
		SupportedUsageClasses: []types.UsageClassType{types.UsageClassTypeOnDemand, types.UsageClassTypeSpot},
	}
	if t.LocalStorageGB > 0 {
		info.InstanceStorageInfo = &types.InstanceStorageInfo{TotalSizeInGB: aws.Int64(int64(t.LocalStorageGB))}
	}
	if t.GPUs > 0 {
		info.GpuInfo = &types.GpuInfo{
			TotalGpuMemoryInMiB: aws.Int32(int32(t.GPUMemoryMiB)),
			Gpus: []types.GpuDeviceInfo{{
				Name: aws.String(t.GPUModel), Count: aws.Int32(int32(t.GPUs)),
				MemoryInfo: &types.GpuDeviceMemoryInfo{SizeInMiB: aws.Int32(int32(t.GPUMemoryMiB / t.GPUs))},
			}},
		}
	}
	return info
}

func typeFields(t types.InstanceTypeInfo) fields {
	return func(name string) ([]string, bool) {
		switch name {
		case "instance-type":
			return one(string(t.InstanceType))
		case "current-generation":
			return yes(value(t.CurrentGeneration))
		case "bare-metal":
			return yes(value(t.BareMetal))
		case "processor-info.supported-architecture":
			if t.ProcessorInfo == nil {
				return nil, true
			}
			return one(string(t.ProcessorInfo.SupportedArchitectures[0]))
		case "supported-usage-class":
			return []string{"on-demand", "spot"}, true
		case "vcpu-info.default-vcpus":
			if t.VCpuInfo == nil {
				return nil, true
			}
			return one(strconv.Itoa(int(*t.VCpuInfo.DefaultVCpus)))
		}
		return nil, false
	}
}

// Spot prices lie between these shares of the On-Demand price, by type and zone; EC2
// advertises "up to 90 % off".
const (
	lowestSpot  = 0.2
	highestSpot = 0.6
)

// spotPrice is the price of a type in a zone, in USD per hour. It does not move.
func (c *Cloud) spotPrice(t catalog.Type, zone string) float64 {
	share := lowestSpot + (highestSpot-lowestSpot)*c.stream("spot-price", t.Name+zone).Float64()
	return t.OnDemandUSDPerHour * share
}

// DescribeSpotPriceHistory lists the price of each type in each zone, now.
func (e *EC2) DescribeSpotPriceHistory(ctx context.Context, in *ec2.DescribeSpotPriceHistoryInput, _ ...func(*ec2.Options)) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	return call(ctx, e.c, "ec2.DescribeSpotPriceHistory", in, e.c.describeSpotPriceHistory)
}

func (c *Cloud) describeSpotPriceHistory(in *ec2.DescribeSpotPriceHistoryInput) (*ec2.DescribeSpotPriceHistoryOutput, error) {
	const product, mostPrices = types.RIProductDescriptionLinuxUnix, 1000
	var all []types.SpotPrice
	if len(in.ProductDescriptions) == 0 || slices.Contains(in.ProductDescriptions, string(product)) ||
		slices.Contains(in.ProductDescriptions, string(types.RIProductDescriptionLinuxUnixAmazonVpc)) {
		for _, t := range c.o.Catalog.All() {
			if len(in.InstanceTypes) > 0 && !slices.Contains(in.InstanceTypes, types.InstanceType(t.Name)) {
				continue
			}
			for _, zone := range c.network.zones {
				if in.AvailabilityZone != nil && *in.AvailabilityZone != *zone.ZoneName {
					continue
				}
				all = append(all, types.SpotPrice{
					InstanceType: types.InstanceType(t.Name), AvailabilityZone: zone.ZoneName, ProductDescription: product,
					SpotPrice: aws.String(fmt.Sprintf("%.6f", c.spotPrice(t, *zone.ZoneName))), Timestamp: aws.Time(c.now()),
				})
			}
		}
	}
	all, err := filtered(all, in.Filters, func(p types.SpotPrice) fields {
		return func(name string) ([]string, bool) {
			switch name {
			case "availability-zone":
				return one(value(p.AvailabilityZone))
			case "instance-type":
				return one(string(p.InstanceType))
			case "product-description":
				return one(string(p.ProductDescription))
			}
			return nil, false
		}
	})
	if err != nil {
		return nil, err
	}
	size := int(value(in.MaxResults))
	if size == 0 {
		size = mostPrices
	}
	page, next, ok := pageOf(all, in.NextToken, size, func(p types.SpotPrice) string { return string(p.InstanceType) + *p.AvailabilityZone })
	if !ok {
		return nil, invalidToken()
	}
	return &ec2.DescribeSpotPriceHistoryOutput{SpotPriceHistory: page, NextToken: next}, nil
}
