package prices

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

type typeDescriber interface {
	DescribeInstanceTypes(context.Context, *ec2.DescribeInstanceTypesInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceTypesOutput, error)
}

// typesPage is EC2's bound on a page of DescribeInstanceTypes.
const typesPage = 100

// instanceTypes returns the types that the region has and that run Linux containers,
// without prices.
func instanceTypes(ctx context.Context, client typeDescriber) ([]catalog.Type, error) {
	var all []catalog.Type
	in := &ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(typesPage)}
	for range maxPages {
		out, err := client.DescribeInstanceTypes(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range out.InstanceTypes {
			if t, ok := typeOf(&out.InstanceTypes[i]); ok {
				all = append(all, t)
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
	return nil, tooLong("DescribeInstanceTypes")
}

// typeOf returns the facts as the catalog keeps them, and false for a type whose
// architecture runs no Linux containers (the Macs) or that says too little.
func typeOf(i *types.InstanceTypeInfo) (catalog.Type, bool) {
	t := catalog.Type{
		Name: string(i.InstanceType), CurrentGeneration: aws.ToBool(i.CurrentGeneration),
		BareMetal: aws.ToBool(i.BareMetal), Burstable: aws.ToBool(i.BurstablePerformanceSupported),
	}
	if i.VCpuInfo == nil || i.MemoryInfo == nil || i.ProcessorInfo == nil {
		return t, false
	}
	t.VCPUs, t.MemoryMiB = int(aws.ToInt32(i.VCpuInfo.DefaultVCpus)), int(aws.ToInt64(i.MemoryInfo.SizeInMiB))
	if t.VCPUs <= 0 || t.MemoryMiB <= 0 {
		return t, false
	}
	switch arches := i.ProcessorInfo.SupportedArchitectures; {
	case slices.Contains(arches, types.ArchitectureTypeX8664):
		t.Arch = catalog.X86
	case slices.Contains(arches, types.ArchitectureTypeArm64):
		t.Arch = catalog.ARM
	default:
		return t, false
	}
	if i.InstanceStorageInfo != nil {
		t.LocalStorageGB = int(aws.ToInt64(i.InstanceStorageInfo.TotalSizeInGB))
	}
	if i.NetworkInfo != nil {
		for _, card := range i.NetworkInfo.NetworkCards {
			t.NetworkGbps += aws.ToFloat64(card.PeakBandwidthInGbps)
		}
	}
	accelerators(i, &t)
	return t, true
}

// accelerators sets what a type has besides processors. ECS gives jobs GPUs of NVIDIA and
// AMD; Gaudi, which EC2 lists among GPUs as well, is none for it.
func accelerators(i *types.InstanceTypeInfo, t *catalog.Type) {
	var others []string
	other := func(count *int32, name *string) {
		others = append(others, fmt.Sprintf("%dx %s", aws.ToInt32(count), aws.ToString(name)))
	}
	if i.GpuInfo != nil {
		for _, gpu := range i.GpuInfo.Gpus {
			maker := aws.ToString(gpu.Manufacturer)
			if maker != "NVIDIA" && maker != "AMD" {
				other(gpu.Count, gpu.Name)
				continue
			}
			t.GPUs += int(aws.ToInt32(gpu.Count))
			t.GPUModel = maker + " " + aws.ToString(gpu.Name)
			t.GPUMemoryMiB = int(aws.ToInt32(i.GpuInfo.TotalGpuMemoryInMiB))
		}
	}
	// Inferentia is listed under neuronInfo and inferenceAcceleratorInfo both, so only the
	// first is read.
	if i.NeuronInfo != nil {
		for _, d := range i.NeuronInfo.NeuronDevices {
			other(d.Count, d.Name)
		}
	}
	if i.FpgaInfo != nil {
		for _, d := range i.FpgaInfo.Fpgas {
			other(d.Count, d.Name)
		}
	}
	if i.MediaAcceleratorInfo != nil {
		for _, d := range i.MediaAcceleratorInfo.Accelerators {
			other(d.Count, d.Name)
		}
	}
	t.OtherAccelerators = strings.Join(others, ", ")
}
