// Package catalog knows the EC2 instance types and Fargate sizes that a compute
// environment may ask for: how large each is, and what it costs On-Demand.
//
// The facts are a table in the binary (types.tsv, made by ./gen), so planning
// needs no call to AWS, gives the same answer on the laptop, in a Lambda and in
// the simulator, and can be replayed. They are those of us-east-1 and Linux.
// What changes by the hour (Spot prices, what is out of stock) is not here; it
// reaches the provisioner as an argument.
//
// A Catalog never changes once made and may be shared between goroutines.
package catalog

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Architectures, as EC2 spells them. (Fargate's runtimePlatform says X86_64 and
// ARM64; the caller translates.)
const (
	X86 = "x86_64"
	ARM = "arm64"
)

// Type is one EC2 instance type: what it offers to containers, and its price.
type Type struct {
	Name   string // "m6i.large"
	Family string // "m6i", the part before the dot
	Size   string // "large", the part after it

	VCPUs     int // default vCPUs: threads on most x86_64 types, cores on Graviton
	MemoryMiB int // as advertised; containers get less, see ECSMemoryMiB

	// ECSMemoryMiB is what the ECS agent will register at least, and so what
	// packing may use. An estimate: see ECSMemory.
	ECSMemoryMiB int

	// GPUs counts whole GPUs. Types that own a slice of one (g6f, gr6f) have 0
	// here together with a GPUModel, because a job asks for GPUs in whole numbers.
	GPUs         int
	GPUModel     string // maker and name, "NVIDIA V100"; empty without GPU
	GPUMemoryMiB int    // of all GPUs together

	Arch           string // X86 or ARM
	BareMetal      bool   // never part of a family or bundle in Expand
	Burstable      bool   // T types: vCPUs are credits, not a promise
	LocalStorageGB int    // instance store, decimal gigabytes; 0 is EBS only

	// CurrentGeneration is AWS' label, and no promise either way: m6i has lost it
	// while "optimal" still means m6i, and f1 kept it in the last list it was on.
	CurrentGeneration bool

	// NetworkGbps is the peak of each network card, added up; 0 is not known. A few
	// types advertise less in all (c6in.32xlarge: two cards of 200, 200 together).
	NetworkGbps float64

	// OtherAccelerators names what is neither NVIDIA nor AMD GPU, with its
	// count: "16x Trainium". Empty on most types.
	OtherAccelerators string

	OnDemandUSDPerHour float64 // Linux, shared tenancy; always above 0
}

// Catalog is a set of types with distinct names. Make one with New or Default.
type Catalog struct {
	types []Type // by Name
}

// New returns a catalog of types, for another region's prices or a test's small
// world. Family and Size are set from Name, and ECSMemoryMiB by ECSMemory where
// it is 0. A name without a dot, a name given twice, and a type without vCPUs or
// memory are errors that name the type.
func New(types []Type) (*Catalog, error) {
	own := slices.Clone(types)
	for i := range own {
		t := &own[i]
		family, size, ok := strings.Cut(t.Name, ".")
		if !ok || family == "" || size == "" {
			return nil, fmt.Errorf("catalog: Name %q is not family.size; give one such as m6i.large", t.Name)
		}
		if t.VCPUs <= 0 || t.MemoryMiB <= 0 {
			return nil, fmt.Errorf("catalog: %s has VCPUs %d and MemoryMiB %d; both must be above 0", t.Name, t.VCPUs, t.MemoryMiB)
		}
		t.Family, t.Size = family, size
		if t.ECSMemoryMiB == 0 {
			t.ECSMemoryMiB = ECSMemory(t.VCPUs, t.MemoryMiB)
		}
	}
	slices.SortFunc(own, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(own); i++ {
		if own[i].Name == own[i-1].Name {
			return nil, fmt.Errorf("catalog: %s is given twice; keep one", own[i].Name)
		}
	}
	return &Catalog{types: own}, nil
}

//go:embed types.tsv
var embedded string

// Default returns the types of us-east-1. The table is read at the first call,
// which costs under a millisecond, and shared by all later ones.
var Default = sync.OnceValue(func() *Catalog {
	types, err := ReadTable(embedded)
	if err != nil {
		panic(err) // types.tsv is part of the program, and a test reads it
	}
	c, err := New(types)
	if err != nil {
		panic(err)
	}
	return c
})

// Lookup returns the type of that exact name.
func (c *Catalog) Lookup(name string) (Type, bool) {
	i, ok := slices.BinarySearchFunc(c.types, name, func(t Type, name string) int {
		return strings.Compare(t.Name, name)
	})
	if !ok {
		return Type{}, false
	}
	return c.types[i], true
}

// All returns every type by name. The slice is the caller's to keep.
func (c *Catalog) All() []Type { return slices.Clone(c.types) }
