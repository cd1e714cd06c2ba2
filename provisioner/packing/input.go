package packing

import "github.com/packhorse-batch/packhorse/batch"

// Group is a number of equal jobs.
type Group struct {
	Need batch.Resources
	// Arch is the architecture that the jobs were built for; empty: any.
	Arch string
	// Types names the types that may hold them; empty: any.
	Types []string
	Count int
}

// Type is a kind of host that may be launched.
type Type struct {
	Name string
	// Has is what jobs may use of a host: what the host registers, not what is advertised.
	Has        batch.Resources
	Arch       string // empty: x86_64
	USDPerHour float64
	// FixedUSD is what a host costs once, whatever it does: the seconds that it boots, at
	// its price. A plan weighs it as much as one hour's price.
	FixedUSD float64
	// Max is how many hosts of the type there may be in the plan; 0: any number. Give a
	// type that cannot be had now no place in the input at all.
	Max int
}

// Room is what a host that runs or boots already has left.
type Room struct {
	ID   string // whatever the caller knows it by
	Has  batch.Resources
	Arch string // empty: x86_64
	Type string // for groups that name their types
}

// Limits bound what a plan launches. 0: no bound.
type Limits struct {
	MilliVCPU int64 // of all hosts launched together
	Hosts     int   // launched
}

// Budget bounds the search. A plan is ready at any moment and only gets better.
type Budget struct {
	// Work is how many elementary steps to spend, about a nanosecond each; 0: as many as
	// the input is worth, at most about half a second. The same input with the same
	// Work gives the same plan on every machine.
	Work int64
	// Expired, when set, is asked now and then; once it reports true the search ends with
	// the best plan so far, which then depends on the machine.
	Expired func() bool
}

// Input is what is to be packed. Pack leaves it as it is.
type Input struct {
	Groups []Group
	Types  []Type
	Free   []Room // filled before anything is launched
	Limits Limits
	Budget Budget
	// Warm is the plan of a similar input, for instance of a minute ago: its hosts'
	// fillings are tried first. Its groups are found again by Need, Arch and Types.
	Warm *Plan
}

// Fill is how many jobs of a group are on one host.
type Fill struct {
	Group int // index in Input.Groups
	Count int
}

// HostGroup is hosts to launch with the same jobs on each.
type HostGroup struct {
	Type    int // index in Input.Types
	Count   int
	Filling []Fill // on each one host, in the order of the groups
}

// RoomFill is what goes into a free room.
type RoomFill struct {
	Room    int // index in Input.Free
	Filling []Fill
}

// Unplaced is jobs that the plan leaves, and why.
type Unplaced struct {
	Group int
	Count int
	Why   string // for people; names the nearest type where none is large enough
}

// Plan says what to launch and what goes where.
type Plan struct {
	Hosts    []HostGroup // the dearest first
	OnFree   []RoomFill
	Unplaced []Unplaced

	USDPerHour float64 // of all Hosts
	FixedUSD   float64 // of all Hosts, once
	// LowerBoundUSD is what no packing of the placed jobs can be below: a bound on
	// USDPerHour + FixedUSD.
	LowerBoundUSD float64

	memory *memory
}

// HostCount is how many hosts are to be launched.
func (p *Plan) HostCount() int {
	n := 0
	for _, h := range p.Hosts {
		n += h.Count
	}
	return n
}
