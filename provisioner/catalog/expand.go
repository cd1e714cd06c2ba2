package catalog

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// bundles are the words that AWS Batch takes in instanceTypes for a set of
// families (API reference, ComputeResource.instanceTypes). Since November 2025
// "optimal" is another name for default_x86_64; it used to mean c4, m4 and r4.
var bundles = map[string][]string{
	"optimal":        {"m6i", "c6i", "r6i", "c7i"},
	"default_x86_64": {"m6i", "c6i", "r6i", "c7i"},
	"default_arm64":  {"m6g", "c6g", "r6g", "c7g"},
}

// IsBundle tells whether name stands for a set of families. The allocation
// strategies that follow the order of the list refuse bundles.
func IsBundle(name string) bool {
	_, ok := bundles[name]
	return ok
}

// Expand returns the types meant by the instanceTypes of a compute environment:
// each entry a type (c5.large), a family (c5, all sizes that are not bare metal)
// or a bundle (optimal). A bare metal type is meant only where it is named.
//
// The order is that of the request, since some allocation strategies follow it,
// and smallest first within a family; a type met twice keeps its first place.
// Entries that match no type come back in unknown as they were given, so that
// the caller can refuse them or tell that they will never launch.
func (c *Catalog) Expand(instanceTypes []string) (types []Type, unknown []string) {
	seen := make(map[string]bool)
	for _, entry := range instanceTypes {
		matches := c.match(entry)
		if len(matches) == 0 {
			unknown = append(unknown, entry)
		}
		for _, t := range matches {
			if !seen[t.Name] {
				seen[t.Name] = true
				types = append(types, t)
			}
		}
	}
	return types, unknown
}

func (c *Catalog) match(entry string) []Type {
	if t, ok := c.Lookup(entry); ok {
		return []Type{t}
	}
	families, ok := bundles[entry]
	if !ok {
		families = []string{entry}
	}
	var matches []Type
	for _, family := range families {
		matches = append(matches, c.family(family)...)
	}
	return matches
}

// family returns the sizes of a family that are not bare metal, smallest first.
// All names that begin with "family." are neighbours in c.types.
func (c *Catalog) family(family string) []Type {
	prefix := family + "."
	from := sort.Search(len(c.types), func(i int) bool { return c.types[i].Name >= prefix })
	var sizes []Type
	for _, t := range c.types[from:] {
		if !strings.HasPrefix(t.Name, prefix) {
			break
		}
		if !t.BareMetal {
			sizes = append(sizes, t)
		}
	}
	slices.SortFunc(sizes, func(a, b Type) int {
		return cmp.Or(cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.MemoryMiB, b.MemoryMiB), strings.Compare(a.Name, b.Name))
	})
	return sizes
}
