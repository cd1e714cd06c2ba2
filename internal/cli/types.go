package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// typesFlags are those of the types command.
type typesFlags struct {
	catalog.Filter
	sort string
}

// typeOrders are the orders of --sort.
var typeOrders = map[string]func(a, b catalog.Type) int{
	"name":   func(a, b catalog.Type) int { return cmp.Compare(a.Name, b.Name) },
	"price":  func(a, b catalog.Type) int { return cmp.Compare(a.OnDemandUSDPerHour, b.OnDemandUSDPerHour) },
	"vcpu":   func(a, b catalog.Type) int { return cmp.Compare(a.USDPerVCPUHour(), b.USDPerVCPUHour()) },
	"memory": func(a, b catalog.Type) int { return cmp.Compare(a.USDPerGiBHour(), b.USDPerGiBHour()) },
	"gpu":    func(a, b catalog.Type) int { return cmp.Compare(a.USDPerGPUHour(), b.USDPerGPUHour()) },
}

func (a *App) typesCommand() *cobra.Command {
	var f typesFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "types [TYPE|FAMILY|optimal...]",
		Aliases: []string{"instance-types"},
		Short:   "List instance types, what they have and what they cost",
		Long: `List EC2 instance types with what they have and what they cost On-Demand, in all and
for each vCPU, GiB and GPU. Names and families choose some; flags choose further. The
facts are those of us-east-1 and Linux that came with this program: no server is asked.
The last line says how old the prices are. A deployment in AWS plans with its own region's;
` + "`packhorse status`" + ` shows the age of those.

ECS-MIB is the memory that jobs get of a type: less than it is advertised with.`,
		RunE: func(_ *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runTypes(f, args, form)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Arch, "arch", "", "only types of an architecture: x86_64 or arm64")
	flags.IntVar(&f.MinVCPUs, "min-vcpus", 0, "only types with at least this many vCPUs")
	flags.IntVar(&f.MaxVCPUs, "max-vcpus", 0, "only types with at most this many vCPUs")
	flags.IntVar(&f.MinMemoryMiB, "min-memory", 0, "only types that leave at least this many MiB to jobs")
	flags.IntVar(&f.MinGPUs, "min-gpus", 0, "only types with at least this many GPUs")
	flags.Float64Var(&f.MaxUSDPerHour, "max-price", 0, "only types that cost at most this many dollars per hour")
	flags.BoolVar(&f.All, "all", false, "also bare metal, burstable and older types, and those with other accelerators")
	flags.StringVar(&f.sort, "sort", "name", "order: name, price, vcpu, memory or gpu (the price of one)")
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

// check refuses numbers that no type can have.
func (f *typesFlags) check() error {
	for _, n := range []struct {
		flag  string
		given int
	}{{"min-vcpus", f.MinVCPUs}, {"max-vcpus", f.MaxVCPUs}, {"min-memory", f.MinMemoryMiB}, {"min-gpus", f.MinGPUs}} {
		if n.given < 0 {
			return usage("--%s %d is less than 0", n.flag, n.given).hint("leave it out for no bound")
		}
	}
	if !(f.MaxUSDPerHour >= 0) {
		return usage("--max-price %g is not a price of 0 or more", f.MaxUSDPerHour).hint("leave it out for no bound")
	}
	return nil
}

func (a *App) runTypes(f typesFlags, names []string, form string) error {
	order, ok := typeOrders[f.sort]
	if !ok {
		return usage("--sort %s is none of name, price, vcpu, memory, gpu", quote(f.sort))
	}
	if f.Arch != "" && f.Arch != catalog.X86 && f.Arch != catalog.ARM {
		return usage("--arch %s is neither x86_64 nor arm64", quote(f.Arch))
	}
	if err := f.check(); err != nil {
		return err
	}
	types := catalog.Default().All()
	if len(names) > 0 {
		var unknown []string
		if types, unknown = catalog.Default().Expand(names); len(unknown) > 0 {
			return usage("there is no instance type or family %s", quote(unknown[0])).hint("`packhorse types --all` lists them")
		}
		f.All = true // who names a type means it
	}
	types = slices.DeleteFunc(types, func(t catalog.Type) bool { return !f.Admits(t) })
	slices.SortStableFunc(types, func(x, y catalog.Type) int { return cmp.Or(order(x, y), cmp.Compare(x.Name, y.Name)) })
	switch form {
	case asID:
		for _, t := range types {
			fmt.Fprintln(a.Out, t.Name)
		}
		return nil
	case asJSON:
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "    ")
		out := make([]typeJSON, 0, len(types))
		for _, t := range types {
			out = append(out, newTypeJSON(t))
		}
		return e.Encode(out)
	}
	if len(types) == 0 {
		fmt.Fprintln(a.Err, "No type is like that. Ask for less, or add --all.")
		return nil
	}
	g := &grid{columns: []column{
		{title: "TYPE"}, {title: "VCPUS", right: true}, {title: "MEMORY-MIB", right: true}, {title: "ECS-MIB", right: true},
		{title: "GPUS", right: true}, {title: "GPU", flex: true}, {title: "ARCH"}, {title: "USD/H", right: true},
		{title: "USD/VCPU", right: true}, {title: "USD/GIB", right: true}, {title: "USD/GPU", right: true},
	}}
	for _, t := range types {
		gpus, each := "", ""
		if t.GPUs > 0 {
			gpus, each = strconv.Itoa(t.GPUs), fmt.Sprintf("%.4f", t.USDPerGPUHour())
		}
		g.row(t.Name, strconv.Itoa(t.VCPUs), strconv.Itoa(t.MemoryMiB), strconv.Itoa(t.ECSMemoryMiB), gpus, t.GPUModel, t.Arch,
			fmt.Sprintf("%.4f", t.OnDemandUSDPerHour), fmt.Sprintf("%.5f", t.USDPerVCPUHour()), fmt.Sprintf("%.5f", t.USDPerGiBHour()), each)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	origin := catalog.DefaultOrigin()
	fmt.Fprintf(a.Out, "\nPrices: On-Demand, Linux, %s, of %s (%s old), from the table in this program.\n",
		origin.Region, origin.PricesAt.Format(time.DateOnly), days(a.Now().Sub(origin.PricesAt)))
	return nil
}

// days is an age in whole days.
func days(age time.Duration) string { return plural(int(max(0, age)/(24*time.Hour)), "day") }

// typeJSON is a type as it is printed with -o json. The names of the first columns are
// those that `packhorse plan --types` reads.
type typeJSON struct {
	Name          string  `json:"instance_type"`
	VCPUs         int     `json:"vcpus"`
	MemoryMiB     int     `json:"memory_mib"`
	ECSMemoryMiB  int     `json:"ecs_memory_mib"`
	GPUs          int     `json:"gpus"`
	GPUModel      string  `json:"gpu_name,omitempty"`
	GPUMemoryMiB  int     `json:"gpu_memory_mib,omitempty"`
	Arch          string  `json:"arch"`
	Current       bool    `json:"current_generation"`
	BareMetal     bool    `json:"bare_metal,omitempty"`
	Burstable     bool    `json:"burstable,omitempty"`
	StorageGB     int     `json:"local_storage_gb,omitempty"`
	NetworkGbps   float64 `json:"network_gbps,omitempty"`
	Accelerators  string  `json:"other_accelerators,omitempty"`
	USDPerHour    float64 `json:"ondemand_usd_per_hour"`
	USDPerVCPU    float64 `json:"usd_per_vcpu_hour"`
	USDPerGiB     float64 `json:"usd_per_gib_hour"`
	USDPerGPUHour float64 `json:"usd_per_gpu_hour,omitempty"`
	PriceRegion   string  `json:"price_region"`
	PricesOf      string  `json:"prices_of"` // the day on which they were published
	PriceSource   string  `json:"price_source"`
}

func newTypeJSON(t catalog.Type) typeJSON {
	origin := catalog.DefaultOrigin()
	return typeJSON{
		Name: t.Name, VCPUs: t.VCPUs, MemoryMiB: t.MemoryMiB, ECSMemoryMiB: t.ECSMemoryMiB, GPUs: t.GPUs, GPUModel: t.GPUModel,
		GPUMemoryMiB: t.GPUMemoryMiB, Arch: t.Arch, Current: t.CurrentGeneration, BareMetal: t.BareMetal, Burstable: t.Burstable,
		StorageGB: t.LocalStorageGB, NetworkGbps: t.NetworkGbps, Accelerators: t.OtherAccelerators, USDPerHour: t.OnDemandUSDPerHour,
		USDPerVCPU: t.USDPerVCPUHour(), USDPerGiB: t.USDPerGiBHour(), USDPerGPUHour: t.USDPerGPUHour(),
		PriceRegion: origin.Region, PricesOf: origin.PricesAt.Format(time.DateOnly), PriceSource: "built-in",
	}
}
