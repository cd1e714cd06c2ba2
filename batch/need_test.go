package batch_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestNeedOf(t *testing.T) {
	for name, test := range map[string]struct {
		reqs []types.ResourceRequirement
		want batch.Resources
		err  string
	}{
		"nothing":                  {nil, batch.Resources{}, ""},
		"all three":                {[]types.ResourceRequirement{need(vcpu, "2"), need(memory, "2048"), need(gpu, "1")}, batch.Resources{MilliVCPU: 2000, MemoryMiB: 2048, GPUs: 1}, ""},
		"a quarter of a vCPU":      {[]types.ResourceRequirement{need(vcpu, "0.25")}, batch.Resources{MilliVCPU: 250}, ""},
		"a vCPU in full":           {[]types.ResourceRequirement{need(vcpu, "1.0")}, batch.Resources{MilliVCPU: 1000}, ""},
		"not a number":             {[]types.ResourceRequirement{need(vcpu, "two")}, batch.Resources{}, `resourceRequirements: the value "two" of VCPU is not a number in range.`},
		"empty":                    {[]types.ResourceRequirement{need(memory, "")}, batch.Resources{}, `resourceRequirements: the value "" of MEMORY is not a number in range.`},
		"no value":                 {[]types.ResourceRequirement{{Type: gpu}}, batch.Resources{}, `resourceRequirements: the value "" of GPU is not a number in range.`},
		"negative":                 {[]types.ResourceRequirement{need(vcpu, "-1")}, batch.Resources{}, `resourceRequirements: the value "-1" of VCPU is not a number in range.`},
		"infinite":                 {[]types.ResourceRequirement{need(vcpu, "Inf")}, batch.Resources{}, `resourceRequirements: the value "Inf" of VCPU is not a number in range.`},
		"NaN":                      {[]types.ResourceRequirement{need(vcpu, "NaN")}, batch.Resources{}, `resourceRequirements: the value "NaN" of VCPU is not a number in range.`},
		"beyond what can be added": {[]types.ResourceRequirement{need(memory, "1e18")}, batch.Resources{}, `resourceRequirements: the value "1e18" of MEMORY is not a number in range.`},
		"half a MiB":               {[]types.ResourceRequirement{need(memory, "0.5")}, batch.Resources{}, `resourceRequirements: MEMORY must be a whole number of MiB, got "0.5".`},
		"half a GPU":               {[]types.ResourceRequirement{need(gpu, "0.5")}, batch.Resources{}, `resourceRequirements: GPU must be a whole number, got "0.5".`},
		"another type":             {[]types.ResourceRequirement{need("DISK", "1")}, batch.Resources{}, `resourceRequirements: unknown type "DISK"; it is one of VCPU, MEMORY, GPU.`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := batch.NeedOf(test.reqs)
			if got != test.want || text(err) != test.err {
				t.Errorf("NeedOf = %v, %q; want %v, %q", got, text(err), test.want, test.err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNeedHoldsAJobToWhatAWSBatchTakes(t *testing.T) {
	container := func(platform batch.Platform, reqs ...types.ResourceRequirement) batch.Effective {
		return batch.Effective{Platform: platform, Container: &types.ContainerProperties{ResourceRequirements: reqs}}
	}
	for name, test := range map[string]struct {
		job batch.Effective
		err string
	}{
		"a job on EC2":                 {container("", need(vcpu, "1"), need(memory, "4")), ""},
		"a quarter of a vCPU, Fargate": {container(batch.PlatformFargate, need(vcpu, "0.25"), need(memory, "512")), ""},
		"a quarter of a vCPU, EC2":     {container("", need(vcpu, "0.25"), need(memory, "512")), "vCPU must be at least 1, got 0.25."},
		"too little memory, EC2":       {container("", need(vcpu, "1"), need(memory, "3")), "Memory must be at least 4 Mib, got 3 Mib."},
		"no vCPU":                      {container("", need(memory, "512")), "vCPU is required."},
		"no memory":                    {container("", need(vcpu, "1")), "Memory is required."},
		"no number":                    {container("", need(vcpu, "x")), `resourceRequirements: the value "x" of VCPU is not a number in range.`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := test.job.Need(); text(err) != test.err {
				t.Errorf("Need = %q, want %q", text(err), test.err)
			}
		})
	}
}

func TestDeprecatedMembersCountWhereRequirementsAreSilent(t *testing.T) {
	c := &types.ContainerProperties{Vcpus: new(int32(2)), Memory: new(int32(300)),
		ResourceRequirements: []types.ResourceRequirement{need(memory, "512")}}
	got, err := batch.Effective{Container: c}.Need()
	if want := (batch.Resources{MilliVCPU: 2000, MemoryMiB: 512}); got != want || err != nil {
		t.Errorf("Need = %v, %v; want %v", got, err, want)
	}
	if len(c.ResourceRequirements) != 1 {
		t.Errorf("the requirements themselves became %v", c.ResourceRequirements)
	}
}

func TestArch(t *testing.T) {
	for said, want := range map[string]string{"": "", "ARM64": "arm64", "X86_64": "x86_64", "sparc": ""} {
		e := batch.Effective{Container: &types.ContainerProperties{RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: &said}}}
		several := batch.Effective{Ecs: &types.EcsProperties{TaskProperties: []types.EcsTaskProperties{
			{RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: &said}}}}}
		if e.Arch() != want || several.Arch() != want {
			t.Errorf("Arch of %q = %q, of several containers %q; want %q", said, e.Arch(), several.Arch(), want)
		}
	}
	if got := (batch.Effective{Container: &types.ContainerProperties{}}).Arch(); got != "" {
		t.Errorf("Arch of a job that does not say = %q", got)
	}
}

func TestResourcesReadLikeSentences(t *testing.T) {
	for want, r := range map[string]batch.Resources{
		"2 vCPU, 2048 MiB":            {MilliVCPU: 2000, MemoryMiB: 2048},
		"0.25 vCPU, 512 MiB":          {MilliVCPU: 250, MemoryMiB: 512},
		"4 vCPU, 16384 MiB, 1 GPU":    {MilliVCPU: 4000, MemoryMiB: 16384, GPUs: 1},
		"0 vCPU, 0 MiB":               {},
		"1000000 vCPU, 0 MiB":         {MilliVCPU: 1_000_000_000},
		"0.001 vCPU, 1 MiB, 1000 GPU": {MilliVCPU: 1, MemoryMiB: 1, GPUs: 1000},
	} {
		if got := r.String(); got != want {
			t.Errorf("String of %+v = %q, want %q", struct{ a, b, c int64 }{r.MilliVCPU, r.MemoryMiB, r.GPUs}, got, want)
		}
	}
}
