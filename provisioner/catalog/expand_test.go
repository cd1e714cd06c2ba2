package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a world of a few families, so that a case can list what it expects.
func small(t *testing.T) *Catalog {
	t.Helper()
	var types []Type
	for _, family := range []string{"m6i", "c6i", "r6i", "c7i", "m6g", "c6g", "r6g", "c7g"} {
		types = append(types, Type{Name: family + ".large", VCPUs: 2, MemoryMiB: 8192})
	}
	types = append(types,
		Type{Name: "c5.12xlarge", VCPUs: 48, MemoryMiB: 98304},
		Type{Name: "c5.2xlarge", VCPUs: 8, MemoryMiB: 16384},
		Type{Name: "c5.large", VCPUs: 2, MemoryMiB: 4096},
		Type{Name: "c5.metal", VCPUs: 96, MemoryMiB: 196608, BareMetal: true},
		Type{Name: "c5a.large", VCPUs: 2, MemoryMiB: 4096},
		Type{Name: "mac9.metal", VCPUs: 8, MemoryMiB: 16384, BareMetal: true},
	)
	c, err := New(types)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExpand(t *testing.T) {
	tests := map[string]struct {
		ask     []string
		types   []string
		unknown []string
	}{
		"nothing":                                    {},
		"a type is itself":                           {ask: []string{"c5.large"}, types: []string{"c5.large"}},
		"a family is its sizes, smallest first":      {ask: []string{"c5"}, types: []string{"c5.large", "c5.2xlarge", "c5.12xlarge"}},
		"bare metal comes where it is named":         {ask: []string{"c5.metal"}, types: []string{"c5.metal"}},
		"a family of bare metal only has no types":   {ask: []string{"mac9"}, unknown: []string{"mac9"}},
		"the order of the request is kept":           {ask: []string{"m6i", "c5a", "c6i.large"}, types: []string{"m6i.large", "c5a.large", "c6i.large"}},
		"a type met twice keeps its first place":     {ask: []string{"c5.12xlarge", "c5"}, types: []string{"c5.12xlarge", "c5.large", "c5.2xlarge"}},
		"optimal is default_x86_64":                  {ask: []string{"optimal"}, types: []string{"m6i.large", "c6i.large", "r6i.large", "c7i.large"}},
		"default_x86_64":                             {ask: []string{"default_x86_64"}, types: []string{"m6i.large", "c6i.large", "r6i.large", "c7i.large"}},
		"default_arm64":                              {ask: []string{"default_arm64"}, types: []string{"m6g.large", "c6g.large", "r6g.large", "c7g.large"}},
		"unknown names are told, the rest is served": {ask: []string{"c5.huge", "c5a", "zz9", ""}, types: []string{"c5a.large"}, unknown: []string{"c5.huge", "zz9", ""}},
		"a family is not a prefix":                   {ask: []string{"c"}, unknown: []string{"c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			types, unknown := small(t).Expand(tt.ask)
			var names []string
			for _, x := range types {
				names = append(names, x.Name)
			}
			if diff := cmp.Diff(tt.types, names); diff != "" {
				t.Errorf("Expand(%q) types (-want +got):\n%s", tt.ask, diff)
			}
			if diff := cmp.Diff(tt.unknown, unknown); diff != "" {
				t.Errorf("Expand(%q) unknown (-want +got):\n%s", tt.ask, diff)
			}
		})
	}
}

func TestExpandOfDefault(t *testing.T) {
	for bundle, families := range bundles {
		types, unknown := Default().Expand([]string{bundle})
		have := make(map[string]int)
		arch := make(map[string]bool)
		for _, x := range types {
			have[x.Family]++
			arch[x.Arch] = true
			if x.BareMetal {
				t.Errorf("Expand(%q) has %s, which is bare metal", bundle, x.Name)
			}
		}
		for _, family := range families {
			if have[family] < 8 {
				t.Errorf("Expand(%q) has %d sizes of %s, want 8 or more", bundle, have[family], family)
			}
		}
		if len(have) != len(families) || len(arch) != 1 || len(unknown) != 0 {
			t.Errorf("Expand(%q) has families %v, architectures %v, unknown %v", bundle, have, arch, unknown)
		}
		if !IsBundle(bundle) {
			t.Errorf("IsBundle(%q) = false", bundle)
		}
	}
	if IsBundle("c5") {
		t.Error("IsBundle(c5) = true; it is one family")
	}
}
