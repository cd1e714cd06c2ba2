package catalog

import "testing"

func TestWith(t *testing.T) {
	base, err := New([]Type{
		{Name: "m6i.large", VCPUs: 2, MemoryMiB: 8192, ECSMemoryMiB: 7000, Arch: X86, OnDemandUSDPerHour: 0.096},
		{Name: "c5.large", VCPUs: 2, MemoryMiB: 4096, Arch: X86, OnDemandUSDPerHour: 0.085},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := base.With(map[string]float64{"m6i.large": 0.107, "m9g.large": 0.08, "c5.large": 0, "bad": 1}, []Type{
		{Name: "m6i.large", VCPUs: 99, MemoryMiB: 1, Arch: ARM},
		{Name: "m9g.large", VCPUs: 2, MemoryMiB: 8192, Arch: ARM},
		{Name: "m9g.xlarge", VCPUs: 4, MemoryMiB: 16384, Arch: ARM}, // no price
		{Name: "bad", VCPUs: 4, MemoryMiB: 16384, Arch: ARM},        // no type's name
	})

	tests := map[string]struct {
		want      bool
		usd       float64
		vcpus     int
		ecsMemory int
		arch      string
		why       string
	}{
		"m6i.large":  {true, 0.107, 2, 7000, X86, "it takes the price, and keeps what is known of it"},
		"c5.large":   {true, 0.085, 2, ECSMemory(2, 4096), X86, "a price of nothing is no price"},
		"m9g.large":  {true, 0.08, 2, ECSMemory(2, 8192), ARM, "it is new, with a price"},
		"m9g.xlarge": {why: "it has no price"},
		"bad":        {why: "it has no family"},
	}
	for name, tt := range tests {
		x, ok := got.Lookup(name)
		if ok != tt.want {
			t.Errorf("%s is in the catalog: %v, want %v: %s", name, ok, tt.want, tt.why)
			continue
		}
		if x.OnDemandUSDPerHour != tt.usd || x.VCPUs != tt.vcpus || x.ECSMemoryMiB != tt.ecsMemory || x.Arch != tt.arch {
			t.Errorf("%s = %+v, want %v USD per hour, %d vCPUs, %d MiB for ECS, %s: %s", name, x, tt.usd, tt.vcpus, tt.ecsMemory, tt.arch, tt.why)
		}
	}
	if x, _ := base.Lookup("m6i.large"); x.OnDemandUSDPerHour != 0.096 {
		t.Errorf("With changed the catalog that it was asked of: m6i.large costs %v", x.OnDemandUSDPerHour)
	}
}

func TestSame(t *testing.T) {
	was := Market{Types: Default(), SpotUSDPerHour: map[string]float64{"m6i.large": 0.03}}
	tests := map[string]struct {
		now  Market
		want bool
	}{
		"itself":                          {was, true},
		"the same prices, read anew":      {Market{Default(), map[string]float64{"m6i.large": 0.03}}, true},
		"a Spot price has moved":          {Market{Default(), map[string]float64{"m6i.large": 0.04}}, false},
		"no Spot price is known any more": {Market{Default(), nil}, false},
		"another catalog":                 {Market{Default().With(map[string]float64{"m6i.large": 1}, nil), was.SpotUSDPerHour}, false},
	}
	for name, test := range tests {
		if got := test.now.Same(was); got != test.want {
			t.Errorf("%s: Same = %t, want %t", name, got, test.want)
		}
	}
}
