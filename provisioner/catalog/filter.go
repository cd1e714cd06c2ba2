package catalog

import "strings"

// Filter chooses types. The zero value of a field does not matter; the zero Filter
// admits the types that Batch jobs run on by default, see ByDefault.
type Filter struct {
	Arch               string
	MinVCPUs, MaxVCPUs int
	MinMemoryMiB       int // of what jobs get, ECSMemoryMiB
	MinGPUs            int
	MaxUSDPerHour      float64
	All                bool // also types that are not ByDefault
}

// Admits reports whether t is as the filter wants it.
func (f Filter) Admits(t Type) bool {
	return (f.All || t.ByDefault()) &&
		(f.Arch == "" || t.Arch == f.Arch) &&
		t.VCPUs >= f.MinVCPUs && (f.MaxVCPUs == 0 || t.VCPUs <= f.MaxVCPUs) &&
		t.ECSMemoryMiB >= f.MinMemoryMiB && t.GPUs >= f.MinGPUs &&
		(f.MaxUSDPerHour == 0 || t.OnDemandUSDPerHour <= f.MaxUSDPerHour)
}

// ByDefault reports whether a plan may use t without being told: not bare metal (it
// boots for many minutes), not burstable (its vCPUs are credits), of the current
// generation (older ones are scarce), and without accelerators other than whole NVIDIA GPUs: those
// are what a job gets that asks AWS Batch for GPUs.
func (t Type) ByDefault() bool {
	return t.CurrentGeneration && !t.BareMetal && !t.Burstable && t.OtherAccelerators == "" &&
		(t.GPUModel == "" || t.GPUs > 0 && strings.HasPrefix(t.GPUModel, "NVIDIA"))
}

// USDPerVCPUHour is the whole price over the vCPUs, USDPerGiBHour over the GiB that jobs
// get, USDPerGPUHour over the GPUs; 0 where there are none.
func (t Type) USDPerVCPUHour() float64 { return t.OnDemandUSDPerHour / float64(max(1, t.VCPUs)) }

// USDPerGiBHour is the whole price over the GiB that jobs get.
func (t Type) USDPerGiBHour() float64 {
	return t.OnDemandUSDPerHour / (float64(max(1, t.ECSMemoryMiB)) / 1024)
}

// USDPerGPUHour is the whole price over the GPUs; 0 where there are none.
func (t Type) USDPerGPUHour() float64 {
	if t.GPUs == 0 {
		return 0
	}
	return t.OnDemandUSDPerHour / float64(t.GPUs)
}
