package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultKnowsWellKnownTypes(t *testing.T) {
	tests := map[string]Type{
		"m6i.large": {
			Family: "m6i", Size: "large", VCPUs: 2, MemoryMiB: 8192, ECSMemoryMiB: 7680, Arch: X86,
			NetworkGbps: 12.5, OnDemandUSDPerHour: 0.096,
		},
		"c7g.medium": {
			Family: "c7g", Size: "medium", VCPUs: 1, MemoryMiB: 2048, ECSMemoryMiB: 1746, Arch: ARM,
			CurrentGeneration: true, NetworkGbps: 12.5, OnDemandUSDPerHour: 0.0363,
		},
		"p3.2xlarge": {
			Family: "p3", Size: "2xlarge", VCPUs: 8, MemoryMiB: 62464, ECSMemoryMiB: 60182,
			GPUs: 1, GPUModel: "NVIDIA V100", GPUMemoryMiB: 16384, Arch: X86,
			CurrentGeneration: true, NetworkGbps: 10, OnDemandUSDPerHour: 3.06,
		},
		"g6f.large": { // an eighth of a GPU: a model, and no whole one to ask for
			Family: "g6f", Size: "large", VCPUs: 2, MemoryMiB: 8192, ECSMemoryMiB: 7680,
			GPUModel: "NVIDIA L4", GPUMemoryMiB: 2861, Arch: X86,
			CurrentGeneration: true, LocalStorageGB: 100, NetworkGbps: 10, OnDemandUSDPerHour: 0.202,
		},
		"trn1.32xlarge": {
			Family: "trn1", Size: "32xlarge", VCPUs: 128, MemoryMiB: 524288, ECSMemoryMiB: 504876, Arch: X86,
			CurrentGeneration: true, LocalStorageGB: 7600, NetworkGbps: 800, OtherAccelerators: "16x Trainium",
			OnDemandUSDPerHour: 21.5,
		},
		"c5.metal": {
			Family: "c5", Size: "metal", VCPUs: 96, MemoryMiB: 196608, ECSMemoryMiB: 187756, Arch: X86,
			BareMetal: true, NetworkGbps: 25, OnDemandUSDPerHour: 4.08,
		},
		"t3.micro": {
			Family: "t3", Size: "micro", VCPUs: 2, MemoryMiB: 1024, ECSMemoryMiB: 722, Arch: X86,
			CurrentGeneration: true, Burstable: true, NetworkGbps: 5, OnDemandUSDPerHour: 0.0104,
		},
	}
	for name, want := range tests {
		want.Name = name
		got, ok := Default().Lookup(name)
		if !ok {
			t.Errorf("Lookup(%q) found nothing", name)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Lookup(%q) differs (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{"", "m6i", "m6i.", "m6i.enormous", "M6I.large", "zz9.large"} {
		if got, ok := Default().Lookup(name); ok {
			t.Errorf("Lookup(%q) = %+v, want nothing", name, got)
		}
	}
}

func TestEveryTypeIsWhole(t *testing.T) {
	all := Default().All()
	if len(all) < 1300 {
		t.Errorf("Default has %d types, want above 1300", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Type) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not sorted by name")
	}
	for _, x := range all {
		if x.OnDemandUSDPerHour <= 0 {
			t.Errorf("%s costs %v USD an hour, want above 0", x.Name, x.OnDemandUSDPerHour)
		}
		if x.Arch != X86 && x.Arch != ARM {
			t.Errorf("%s has arch %q, want %s or %s", x.Name, x.Arch, X86, ARM)
		}
		if x.Name != x.Family+"."+x.Size {
			t.Errorf("%s has family %q and size %q", x.Name, x.Family, x.Size)
		}
		if x.BareMetal != strings.HasPrefix(x.Size, "metal") {
			t.Errorf("%s has BareMetal %v", x.Name, x.BareMetal)
		}
		if x.GPUs > 0 && (x.GPUModel == "" || x.GPUMemoryMiB == 0) {
			t.Errorf("%s has %d GPUs of model %q with %d MiB", x.Name, x.GPUs, x.GPUModel, x.GPUMemoryMiB)
		}
		if x.ECSMemoryMiB <= 0 || x.ECSMemoryMiB >= x.MemoryMiB {
			t.Errorf("%s leaves %d of %d MiB to ECS, want some and not all", x.Name, x.ECSMemoryMiB, x.MemoryMiB)
		}
	}
}

func TestAllGivesACopy(t *testing.T) {
	Default().All()[0].VCPUs = -1
	if got := Default().All()[0].VCPUs; got == -1 {
		t.Error("a change to the slice of All changed the catalog")
	}
}

func TestNewRefuses(t *testing.T) {
	whole := func(name string) Type { return Type{Name: name, VCPUs: 2, MemoryMiB: 4096} }
	tests := map[string]struct {
		types []Type
		want  string
	}{
		"a name without a dot": {[]Type{whole("c5")}, "family.size"},
		"no vCPUs":             {[]Type{{Name: "c5.large", MemoryMiB: 4096}}, "VCPUs 0"},
		"no memory":            {[]Type{{Name: "c5.large", VCPUs: 2}}, "MemoryMiB 0"},
		"a name given twice":   {[]Type{whole("c5.large"), whole("m5.large"), whole("c5.large")}, "c5.large is given twice"},
	}
	for name, tt := range tests {
		if _, err := New(tt.types); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want an error with %q", name, err, tt.want)
		}
	}
}

func TestNewKeepsAMeasuredECSMemory(t *testing.T) {
	c, err := New([]Type{{Name: "c5.large", VCPUs: 2, MemoryMiB: 4096, ECSMemoryMiB: 3800}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Lookup("c5.large"); got.ECSMemoryMiB != 3800 {
		t.Errorf("ECSMemoryMiB = %d, want the 3800 that was given", got.ECSMemoryMiB)
	}
}

// BenchmarkDefault is what the first use costs a process: reading the table and
// building the catalog.
func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		types, err := ReadTable(embedded)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := New(types); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	c := Default()
	for b.Loop() {
		c.Lookup("m6i.large")
	}
}
