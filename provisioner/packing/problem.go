package packing

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// dims is how many resources are counted: vCPU, memory, GPU.
const dims = 3

// vector is an amount of each resource, in milli vCPU, MiB and GPUs.
type vector [dims]int64

// most bounds every amount, so that sums stay exact in a float64.
const most = 1 << 50

// vectorOf is what a job needs. What is above most is more than any room.
func vectorOf(r batch.Resources) vector { return clamped(r, most+1) }

// roomOf is what a host has.
func roomOf(r batch.Resources) vector { return clamped(r, most) }

func clamped(r batch.Resources, most int64) vector {
	clamp := func(n int64) int64 { return min(max(n, 0), most) }
	return vector{clamp(r.MilliVCPU), clamp(r.MemoryMiB), clamp(r.GPUs)}
}

func (v vector) fits(room vector) bool {
	return v[0] <= room[0] && v[1] <= room[1] && v[2] <= room[2]
}

// times is how often v fits into room, at most limit.
func (v vector) times(room vector, limit int64) int64 {
	for r := range dims {
		if v[r] > room[r] {
			return 0
		}
	}
	n := limit
	if n == 1 {
		return 1
	}
	for r := range dims {
		if v[r] > 0 {
			n = min(n, room[r]/v[r])
		}
	}
	return n
}

func (v vector) minus(n int64, o vector) vector {
	return vector{v[0] - n*o[0], v[1] - n*o[1], v[2] - n*o[2]}
}

// item is jobs that are equal in all that packing sees: one or more groups.
type item struct {
	need   vector
	size   [dims]float64 // need, as floats
	demand int64
	permit int // row of problem.permits
}

// kind tells items apart.
type kind struct {
	need   vector
	permit int
}

// bin is a type that is worth considering.
type bin struct {
	room  vector
	price float64 // dollars in all: an hour and the fixed cost; never 0
	max   int64   // hosts, or math.MaxInt64
	typ   int     // index in Input.Types
}

// problem is an input in a form that is quick to work on: equal groups joined, types
// that another type makes useless left out.
type problem struct {
	items   []item
	bins    []bin
	permits [][]bool // by permit and bin
	starts  bool     // starting a host costs something
	quick   bool     // a good packing is enough, without a bound
	scraps  []stack  // fillings that were found on the way
	// permissions and index are how groups were joined.
	permissions []permission
	index       map[kind]int
	// fit lists, for each bin, the items that it may hold.
	fit [][]int32
	may []bool // by item and bin: the same
	// wherever is the permits that allow each bin, as bits; nil until it is asked for.
	wherever [][]uint64
	// home is the bin that holds an item for the least money when only that item is there,
	// and homePrice the price then, for one job.
	home      []int32
	homePrice []float64
}

// cheapest is the least price that counts, so that a free type does not divide by 0.
const cheapest = 1e-9

// perHost is a trifle added to each host's price, in parts of the price of the cheapest
// type: of plans with the same price the one with fewer hosts is better.
const perHost = 1e-6

func archOf(arch string) string { return cmp.Or(arch, "x86_64") }

// permission is what decides, besides size, which types a group may use.
type permission struct {
	arch  string
	types string // names joined by spaces
}

func permissionOf(g *Group) permission {
	if len(g.Types) == 0 {
		return permission{arch: g.Arch}
	}
	names := slices.Clone(g.Types)
	slices.Sort(names)
	return permission{g.Arch, strings.Join(slices.Compact(names), " ")}
}

func (p permission) allows(name, arch string) bool {
	if p.arch != "" && p.arch != archOf(arch) {
		return false
	}
	if p.types == "" {
		return true
	}
	for one := range strings.SplitSeq(p.types, " ") {
		if one == name {
			return true
		}
	}
	return false
}

// usableTypes turns types into bins, without those that cannot be had or are malformed.
func usableTypes(types []Type) []bin {
	bins := make([]bin, 0, len(types))
	lowest := math.Inf(1)
	for i := range types {
		t := &types[i]
		price := t.USDPerHour + t.FixedUSD
		if math.IsNaN(price) || math.IsInf(price, 0) || price < 0 || t.Max < 0 {
			continue
		}
		b := bin{room: roomOf(t.Has), price: max(price, cheapest), max: math.MaxInt64, typ: i}
		if t.Max > 0 {
			b.max = int64(t.Max)
		}
		lowest = min(lowest, b.price)
		bins = append(bins, b)
	}
	for i := range bins {
		bins[i].price += perHost * lowest
	}
	return bins
}

// newProblem joins and sorts. itemOf tells for each group which item it is in, or -1
// where it has no jobs or no type holds it. Without join each group is an item, which
// saves looking for equal ones.
func newProblem(in *Input, join bool) (p *problem, itemOf []int) {
	p = &problem{}
	for i := range in.Types {
		p.starts = p.starts || in.Types[i].FixedUSD > 0
	}
	permitOf := map[permission]int{}
	var permissions []permission
	groupPermit := make([]int, len(in.Groups))
	var lastTypes []string
	var lastPermit int
	for i := range in.Groups {
		g := &in.Groups[i]
		if i > 0 && g.Arch == in.Groups[i-1].Arch && len(g.Types) == 0 && len(lastTypes) == 0 {
			groupPermit[i] = lastPermit
			continue
		}
		key := permissionOf(g)
		n, ok := permitOf[key]
		if !ok {
			n = len(permissions)
			permitOf[key] = n
			permissions = append(permissions, key)
		}
		groupPermit[i], lastPermit, lastTypes = n, n, g.Types
	}
	p.permissions = permissions
	if old := in.remembered(); old != nil && slices.Equal(old.p.permissions, permissions) {
		p.bins, p.permits = old.p.bins, old.p.permits
	} else {
		p.chooseBins(in.Types)
	}

	itemOf = make([]int, len(in.Groups))
	p.index = map[kind]int{}
	p.items = make([]item, 0, min(len(in.Groups), 1<<20))
	for i := range in.Groups {
		g := &in.Groups[i]
		itemOf[i] = -1
		if g.Count <= 0 {
			continue
		}
		k := kind{vectorOf(g.Need), groupPermit[i]}
		if !join {
			n := p.newItem(k)
			if n >= 0 {
				p.items[n].demand = int64(g.Count)
			}
			itemOf[i] = n
			continue
		}
		n, ok := p.index[k]
		if !ok {
			n = p.newItem(k)
			p.index[k] = n
		}
		if n >= 0 {
			p.items[n].demand += int64(g.Count)
		}
		itemOf[i] = n
	}
	return p, itemOf
}

// newItem adds an item, unless no bin holds it: then it returns -1.
func (p *problem) newItem(k kind) int {
	for t := len(p.bins) - 1; t >= 0; t-- { // the dearest hold the most
		if p.permits[k.permit][t] && k.need.fits(p.bins[t].room) {
			p.items = append(p.items, item{
				need: k.need, permit: k.permit,
				size: [dims]float64{float64(k.need[0]), float64(k.need[1]), float64(k.need[2])},
			})
			return len(p.items) - 1
		}
	}
	return -1
}

// chooseBins makes the bins, once the permissions are known.
func (p *problem) chooseBins(types []Type) {
	p.bins = usableTypes(types)
	p.permits = make([][]bool, len(p.permissions))
	for k, permit := range p.permissions {
		p.permits[k] = make([]bool, len(p.bins))
		for t := range p.bins {
			typ := &types[p.bins[t].typ]
			p.permits[k][t] = permit.allows(typ.Name, typ.Arch)
		}
	}
	p.dropDominated()
}

// dropDominated leaves out each bin for which another one holds at least as much for no
// more money, and is allowed wherever it is.
func (p *problem) dropDominated() {
	order := make([]int, len(p.bins))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &p.bins[a], &p.bins[b]
		return cmp.Or(cmp.Compare(x.price, y.price), -cmp.Compare(x.room[0], y.room[0]), -cmp.Compare(x.room[1], y.room[1]),
			-cmp.Compare(x.room[2], y.room[2]))
	})
	var keep []int
	wherever := p.columns()
	for _, i := range order {
		dominated := false
		for _, k := range keep {
			if p.bins[k].max == math.MaxInt64 && p.bins[i].room.fits(p.bins[k].room) && within(wherever[i], wherever[k]) {
				dominated = true
				break
			}
		}
		if !dominated {
			keep = append(keep, i)
		}
	}
	bins := make([]bin, len(keep))
	for n, k := range keep {
		bins[n] = p.bins[k]
	}
	for k, row := range p.permits {
		kept := make([]bool, len(keep))
		for n, i := range keep {
			kept[n] = row[i]
		}
		p.permits[k] = kept
	}
	p.bins = bins
}

// columns are the permits that allow each bin, as bits: there may be as many permits as jobs.
func (p *problem) columns() [][]uint64 {
	out := make([][]uint64, len(p.bins))
	for t := range out {
		out[t] = make([]uint64, (len(p.permits)+63)/64)
		for k, row := range p.permits {
			if row[t] {
				out[t][k/64] |= 1 << (k % 64)
			}
		}
	}
	return out
}

// within reports whether all bits of a are bits of b.
func within(a, b []uint64) bool {
	for w := range a {
		if a[w]&^b[w] != 0 {
			return false
		}
	}
	return true
}

func (p *problem) allowed(t, i int) bool {
	it := &p.items[i]
	return p.permits[it.permit][t] && it.need.fits(p.bins[t].room)
}

// prepare fills in what is looked up often.
func (p *problem) prepare() {
	p.fit = make([][]int32, len(p.bins))
	p.may = make([]bool, len(p.bins)*len(p.items))
	p.home = make([]int32, len(p.items))
	p.homePrice = make([]float64, len(p.items))
	for i := range p.homePrice {
		p.homePrice[i] = math.Inf(1)
	}
	for t := range p.bins {
		for i := range p.items {
			if !p.allowed(t, i) {
				continue
			}
			p.may[i*len(p.bins)+t] = true
			p.fit[t] = append(p.fit[t], int32(i))
			each := p.bins[t].price / float64(p.items[i].need.times(p.bins[t].room, p.items[i].demand))
			if each < p.homePrice[i] {
				p.homePrice[i], p.home[i] = each, int32(t)
			}
		}
	}
}
