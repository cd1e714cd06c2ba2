package policy

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// defaultTypes is what a policy may launch that does not say: what AWS Batch takes for
// "optimal".
var defaultTypes = []string{"optimal"}

// readTypes reads the key types: a list of names, or the name of a file.
func (p *Policy) readTypes(folder, name string, raw json.RawMessage) error {
	var names []string
	var path string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		names = defaultTypes
	case json.Unmarshal(raw, &path) == nil && strings.HasSuffix(strings.ToLower(path), ".csv"):
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		return p.OpenTypes(path)
	case path != "":
		names = []string{path}
	case json.Unmarshal(raw, &names) != nil || len(names) == 0:
		return &Error{File: name, Key: "types", Problem: "it is neither a list of names nor the name of a CSV file",
			Next: "write [m6i, c6i.large] or types.csv"}
	}
	if err := p.NameTypes(names); err != nil {
		return &Error{File: name, Key: "types", Problem: err.Error(), Next: "name types and families of EC2, as packhorse types lists them"}
	}
	return nil
}

// NameTypes takes the types that names mean as the instanceTypes of an environment.
func (p *Policy) NameTypes(names []string) error {
	found, unknown := catalog.Default().Expand(names)
	if len(unknown) > 0 {
		return fmt.Errorf("there is no type or family %s", strings.Join(unknown, ", "))
	}
	p.Types, p.TypesFrom = nil, strings.Join(names, ", ")
	for _, t := range found {
		p.Types = append(p.Types, Type{Type: t})
	}
	return nil
}

// OpenTypes reads the types of a CSV file with a header. Needed are instance_type,
// vcpus, memory_mib and ondemand_usd_per_hour; read are gpus, gpu_name, arch,
// ecs_memory_mib and spot_usd_per_hour, and boot_s or the three delays of Eva's types
// (instantiate_delay_s, run_worker_delay_s, worker_register_delay_s), which are added
// up. Other columns are skipped.
func (p *Policy) OpenTypes(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return &Error{File: path, Problem: reason(err), Next: "give a CSV file with types that you may read"}
	}
	defer f.Close()
	types, err := readTypes(filepath.Base(path), f)
	if err != nil {
		return err
	}
	p.Types, p.TypesFrom = types, filepath.Base(path)
	return nil
}

// TypesError is what is wrong with a file of types.
type TypesError struct {
	File          string
	Line          int
	Column        string
	Problem, Next string
}

func (e *TypesError) Error() string {
	text := fmt.Sprintf("%s, line %d", e.File, e.Line)
	if e.Column != "" {
		text += ", column " + e.Column
	}
	return text + ": " + e.Problem + "; " + e.Next
}

// bootColumns are those whose sum is how long a host of the type boots.
var bootColumns = []string{"boot_s", "instantiate_delay_s", "run_worker_delay_s", "worker_register_delay_s"}

func readTypes(name string, r io.Reader) ([]Type, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, &TypesError{name, 1, "", "it has no header", "begin with instance_type,vcpus,memory_mib,gpus,arch,ondemand_usd_per_hour"}
	}
	at := map[string]int{}
	for i, column := range header {
		column = strings.TrimSpace(strings.TrimPrefix(column, "\ufeff"))
		if _, twice := at[column]; twice && column != "" {
			return nil, &TypesError{name, 1, column, "the column is there twice", "leave one out"}
		}
		at[column] = i
	}
	for _, column := range []string{"instance_type", "vcpus", "memory_mib", "ondemand_usd_per_hour"} {
		if _, ok := at[column]; !ok {
			return nil, &TypesError{name, 1, column, "the column is missing", "add it to the header"}
		}
	}
	var types []Type
	seen := map[string]bool{}
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := in.FieldPos(0)
		if err != nil {
			return nil, &TypesError{name, line, "", err.Error(), "give one value for each column of the header"}
		}
		t, err := readType(name, line, at, cells)
		if err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, &TypesError{name, line, "instance_type", fmt.Sprintf("%s is there twice", t.Name), "keep one"}
		}
		seen[t.Name] = true
		types = append(types, t)
	}
	if len(types) == 0 {
		return nil, &TypesError{name, 1, "", "there is no type in it", "give at least one"}
	}
	slices.SortFunc(types, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	return types, nil
}

func readType(file string, line int, at map[string]int, cells []string) (Type, error) {
	var failed error
	cell := func(column string) string {
		if i, ok := at[column]; ok {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	var fraction string
	number := func(column string, least float64) float64 {
		text := cell(column)
		if text == "" && least <= 0 {
			return 0
		}
		n, err := strconv.ParseFloat(text, 64)
		if failed == nil && (err != nil || math.IsNaN(n) || n < least || n > 1e9) {
			failed = &TypesError{file, line, column, fmt.Sprintf("%q is not a number from %g on", text, least), "correct it"}
		}
		return n
	}
	whole := func(column string, least float64) int {
		n := number(column, least)
		if fraction == "" && n != math.Trunc(n) {
			fraction = column
		}
		return int(n)
	}
	t := Type{Type: catalog.Type{
		Name: cell("instance_type"), VCPUs: whole("vcpus", 1), MemoryMiB: int(number("memory_mib", 1)),
		ECSMemoryMiB: int(number("ecs_memory_mib", 0)), GPUs: whole("gpus", 0), GPUModel: cell("gpu_name"),
		Arch: cell("arch"), OnDemandUSDPerHour: number("ondemand_usd_per_hour", 1e-9),
	}, SpotUSDPerHour: number("spot_usd_per_hour", 0)}
	for _, column := range bootColumns {
		t.Boot += time.Duration(number(column, 0) * float64(time.Second))
	}
	if t.Arch == "" {
		t.Arch = catalog.X86
	}
	family, size, ok := strings.Cut(t.Name, ".")
	switch {
	case failed != nil:
		return t, failed
	case fraction != "":
		return t, &TypesError{file, line, fraction, fmt.Sprintf("%s has a fraction", cell(fraction)), "write a whole number"}
	case t.ECSMemoryMiB > t.MemoryMiB:
		return t, &TypesError{file, line, "ecs_memory_mib", "it is more than memory_mib", "give what the ECS agent leaves of it to jobs"}
	case !ok || family == "" || size == "":
		return t, &TypesError{file, line, "instance_type", fmt.Sprintf("%q is not family.size", t.Name), "write it as m6i.large"}
	case t.Arch != catalog.X86 && t.Arch != catalog.ARM:
		return t, &TypesError{file, line, "arch", fmt.Sprintf("%q is no architecture", t.Arch), "write x86_64 or arm64"}
	case t.Boot > maxBoot:
		return t, &TypesError{file, line, "boot_s", "it is too long", fmt.Sprintf("give at most %s", maxBoot)}
	}
	return t, nil
}
