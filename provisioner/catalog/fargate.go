package catalog

import "fmt"

// fargateSize is a vCPU size of Fargate with the memory it may be paired with.
// AWS Batch takes these (API reference, ResourceRequirement); ECS counts vCPUs in
// units of 1/1024, Batch in decimals (0.25), here it is thousandths.
type fargateSize struct {
	milliVCPU               int
	minMiB, maxMiB, stepMiB int
	alsoMiB                 int // one more value, outside the steps; 0 is none
}

var fargateSizes = []fargateSize{
	{milliVCPU: 250, minMiB: 1024, maxMiB: 2048, stepMiB: 1024, alsoMiB: 512},
	{milliVCPU: 500, minMiB: 1024, maxMiB: 4096, stepMiB: 1024},
	{milliVCPU: 1000, minMiB: 2048, maxMiB: 8192, stepMiB: 1024},
	{milliVCPU: 2000, minMiB: 4096, maxMiB: 16384, stepMiB: 1024},
	{milliVCPU: 4000, minMiB: 8192, maxMiB: 30720, stepMiB: 1024},
	{milliVCPU: 8000, minMiB: 16384, maxMiB: 61440, stepMiB: 4096},
	{milliVCPU: 16000, minMiB: 32768, maxMiB: 122880, stepMiB: 8192},
}

// FargateFits tells whether Fargate offers exactly this pair.
func FargateFits(milliVCPU, memoryMiB int) bool {
	for _, s := range fargateSizes {
		if s.milliVCPU == milliVCPU {
			up, ok := s.roundUp(memoryMiB)
			return ok && up == memoryMiB
		}
	}
	return false
}

// FargateRoundUp returns the cheapest pair that holds the need, and false where
// even the largest does not. The first size that holds it is the cheapest: a
// larger size has more vCPUs and, its steps being coarser, never less memory.
func FargateRoundUp(milliVCPU, memoryMiB int) (upMilliVCPU, upMemoryMiB int, ok bool) {
	for _, s := range fargateSizes {
		if s.milliVCPU < milliVCPU {
			continue
		}
		if up, ok := s.roundUp(memoryMiB); ok {
			return s.milliVCPU, up, true
		}
	}
	return 0, 0, false
}

// roundUp returns the least memory of s that is at least needMiB.
func (s fargateSize) roundUp(needMiB int) (int, bool) {
	if s.alsoMiB > 0 && needMiB <= s.alsoMiB {
		return s.alsoMiB, true
	}
	if needMiB > s.maxMiB {
		return 0, false
	}
	if needMiB <= s.minMiB {
		return s.minMiB, true
	}
	steps := (needMiB - s.minMiB + s.stepMiB - 1) / s.stepMiB
	return s.minMiB + steps*s.stepMiB, true
}

// fargateRate is the On-Demand price of Fargate for Linux in us-east-1. A GB is
// 1024 MiB. Billing is by the second with a minimum of one minute; 20 GiB of
// ephemeral storage is included, more costs extra and is not counted here.
type fargateRate struct{ perVCPUHour, perGBHour float64 } // USD

// The rates are those of https://aws.amazon.com/fargate/pricing as several public
// write-ups quote them alike (cloudburn.io/blog/aws-fargate-pricing, March 2026;
// vantage.sh/blog/fargate-pricing): second hand, no price list of AWS was read.
var fargateRates = map[string]fargateRate{
	X86: {perVCPUHour: 0.04048, perGBHour: 0.004445},
	ARM: {perVCPUHour: 0.03238, perGBHour: 0.00356},
}

// FargateUSDPerHour returns what a task of that pair costs an hour On-Demand on
// arch (X86 or ARM; another is an error). It does not check that Fargate offers
// the pair. Fargate Spot moves with demand and is not known here.
func FargateUSDPerHour(arch string, milliVCPU, memoryMiB int) (float64, error) {
	rate, ok := fargateRates[arch]
	if !ok {
		return 0, fmt.Errorf("catalog: Fargate has no price for arch %q; use %s or %s", arch, X86, ARM)
	}
	return rate.perVCPUHour*float64(milliVCPU)/1000 + rate.perGBHour*float64(memoryMiB)/1024, nil
}
