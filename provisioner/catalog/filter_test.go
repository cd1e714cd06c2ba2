package catalog

import "testing"

func TestFilter(t *testing.T) {
	tests := map[string]struct {
		filter Filter
		name   string
		want   bool
	}{
		"a current type":                      {Filter{}, "m7i.large", true},
		"bare metal":                          {Filter{}, "m7i.metal-24xl", false},
		"bare metal, asked for all":           {Filter{All: true}, "m7i.metal-24xl", true},
		"burstable":                           {Filter{}, "t3.large", false},
		"an older generation":                 {Filter{}, "m4.large", false},
		"NVIDIA GPUs":                         {Filter{MinGPUs: 4}, "g6.24xlarge", true},
		"too few GPUs":                        {Filter{MinGPUs: 8}, "g6.24xlarge", false},
		"AMD GPUs, which Batch does not give": {Filter{}, "g4ad.xlarge", false},
		"a slice of a GPU":                    {Filter{}, "g6f.large", false},
		"Trainium":                            {Filter{}, "trn1.2xlarge", false},
		"the other architecture":              {Filter{Arch: X86}, "m7g.large", false},
		"exactly enough memory for jobs":      {Filter{MinMemoryMiB: 7680}, "m7i.large", true},
		"the advertised memory":               {Filter{MinMemoryMiB: 8192}, "m7i.large", false},
		"too many vCPUs":                      {Filter{MaxVCPUs: 1}, "m7i.large", false},
		"too dear":                            {Filter{MaxUSDPerHour: 0.1}, "m7i.large", false},
	}
	for name, test := range tests {
		typ, ok := Default().Lookup(test.name)
		if !ok {
			t.Errorf("%s: %s is not in the catalog", name, test.name)
			continue
		}
		if got := test.filter.Admits(typ); got != test.want {
			t.Errorf("%s: %+v admits %s = %v, want %v", name, test.filter, test.name, got, test.want)
		}
	}
}

func TestPricePerResource(t *testing.T) {
	typ := Type{VCPUs: 4, ECSMemoryMiB: 8192, GPUs: 2, OnDemandUSDPerHour: 1}
	if v, m, g := typ.USDPerVCPUHour(), typ.USDPerGiBHour(), typ.USDPerGPUHour(); v != 0.25 || m != 0.125 || g != 0.5 {
		t.Errorf("prices of one vCPU, GiB, GPU = %v, %v, %v, want 0.25, 0.125, 0.5", v, m, g)
	}
	if g := (Type{OnDemandUSDPerHour: 1}).USDPerGPUHour(); g != 0 {
		t.Errorf("price of a GPU where there is none = %v, want 0", g)
	}
}
