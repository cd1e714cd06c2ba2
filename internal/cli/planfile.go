package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// sheet reads a CSV file by the names in its first line. Lines that begin with # are
// comments.
type sheet struct {
	path    string
	reader  *csv.Reader
	columns map[string]int
	row     []string
	line    int
	err     error // the first mistake, with its place
}

// openSheet reads the first line. Each of needed is a column, or several names for one
// parted by |.
func openSheet(path string, from io.Reader, needed ...string) (*sheet, error) {
	r := csv.NewReader(from)
	r.Comment = '#'
	r.ReuseRecord = true
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, usage("%s is empty", path).hint("its first line names the columns: %s", strings.Join(needed, ","))
		}
		return nil, usage("%s: %v", path, err)
	}
	s := &sheet{path: path, reader: r, columns: map[string]int{}}
	for i, name := range header {
		s.columns[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	for _, names := range needed {
		if s.find(names) < 0 {
			return nil, usage("%s has no column %s; it has %s", path, strings.ReplaceAll(names, "|", " or "), strings.Join(header, ", ")).
				hint("name the columns in the first line")
		}
	}
	return s, nil
}

func (s *sheet) find(names string) int {
	for name := range strings.SplitSeq(names, "|") {
		if i, ok := s.columns[name]; ok {
			return i
		}
	}
	return -1
}

// next reads a line; false at the end or after a mistake.
func (s *sheet) next() bool {
	if s.err != nil {
		return false
	}
	row, err := s.reader.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	if err != nil {
		s.err = usage("%s: %v", s.path, err)
		return false
	}
	s.row = row
	s.line, _ = s.reader.FieldPos(0)
	return true
}

// text is a cell; empty where there is no such column.
func (s *sheet) text(names string) string {
	if i := s.find(names); i >= 0 && i < len(s.row) {
		return strings.TrimSpace(s.row[i])
	}
	return ""
}

// number is a cell times scale, rounded up; absent where it is empty. Below 0 or above
// most is a mistake.
func (s *sheet) number(names string, absent, scale float64) int64 {
	const most = 1 << 50
	v := s.decimal(names, absent) * scale
	if v > most && s.err == nil {
		s.err = usage("%s, line %d: %s %s is too large", s.path, s.line, names, quote(s.text(names)))
	}
	return int64(math.Ceil(min(v, most) - 1e-6))
}

func (s *sheet) decimal(names string, absent float64) float64 {
	cell := s.text(names)
	if cell == "" {
		return absent
	}
	v, err := strconv.ParseFloat(cell, 64)
	if (err != nil || !(v >= 0) || math.IsInf(v, 0)) && s.err == nil {
		s.err = usage("%s, line %d: %s %s is not a number of 0 or more", s.path, s.line, names, quote(cell))
	}
	return max(v, 0)
}

// mostJobs bounds the jobs of a file: its count column could ask for any number.
const mostJobs = 1 << 40

// readJobs reads a job file and joins equal jobs. Only vcpus and memory_mib are needed;
// gpus, count, arch and types (names parted by spaces) may be there, and any other
// column, as in a workload file.
func readJobs(path string, from io.Reader, arch string) ([]packing.Group, error) {
	s, err := openSheet(path, from, "vcpus", "memory_mib")
	if err != nil {
		return nil, err
	}
	type key struct {
		need        batch.Resources
		arch, types string
	}
	at := map[key]int{}
	var groups []packing.Group
	var jobs int64
	for s.next() {
		k := key{
			need: batch.Resources{
				MilliVCPU: s.number("vcpus", 0, 1000), MemoryMiB: s.number("memory_mib", 0, 1), GPUs: s.number("gpus", 0, 1),
			},
			arch: firstOf(s.text("arch"), arch), types: s.text("types"),
		}
		if s.text("vcpus") == "" || s.text("memory_mib") == "" {
			return nil, usage("%s, line %d: vcpus and memory_mib must not be empty", path, s.line)
		}
		if k.arch != "" && k.arch != "x86_64" && k.arch != "arm64" {
			return nil, usage("%s, line %d: arch %s is neither x86_64 nor arm64", path, s.line, quote(k.arch))
		}
		n, ok := at[k]
		if !ok {
			n = len(groups)
			k.types = strings.Clone(k.types)
			k.arch = strings.Clone(k.arch)
			at[k] = n
			groups = append(groups, packing.Group{Need: k.need, Arch: k.arch, Types: strings.Fields(k.types)})
		}
		count := s.number("count", 1, 1)
		groups[n].Count += int(count)
		if jobs += count; jobs > mostJobs {
			return nil, usage("%s, line %d: more than %d jobs", path, s.line, int64(mostJobs))
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	// The order of the lines must not matter for the plan.
	slices.SortFunc(groups, compareGroups)
	return groups, nil
}

func compareGroups(a, b packing.Group) int {
	for _, d := range []int64{
		b.Need.GPUs - a.Need.GPUs, b.Need.MilliVCPU - a.Need.MilliVCPU, b.Need.MemoryMiB - a.Need.MemoryMiB,
	} {
		if d != 0 {
			return int(max(-1, min(1, d)))
		}
	}
	if c := strings.Compare(a.Arch, b.Arch); c != 0 {
		return c
	}
	return slices.Compare(a.Types, b.Types)
}

// readTypes reads a file of types: instance_type, vcpus, memory_mib and a price, and
// gpus, arch and max (hosts of the type) where they are there.
func readTypes(path string, from io.Reader) ([]packing.Type, error) {
	const price = "ondemand_usd_per_hour|usd_per_hour|price"
	s, err := openSheet(path, from, "instance_type|type|name", "vcpus", "memory_mib", price)
	if err != nil {
		return nil, err
	}
	var types []packing.Type
	seen := map[string]int{}
	for s.next() {
		t := packing.Type{
			Name: strings.Clone(s.text("instance_type|type|name")), Arch: strings.Clone(s.text("arch")),
			Has: batch.Resources{
				MilliVCPU: s.number("vcpus", 0, 1000), MemoryMiB: s.number("memory_mib", 0, 1), GPUs: s.number("gpus", 0, 1),
			},
			USDPerHour: s.decimal(price, -1), Max: int(s.number("max", 0, 1)),
		}
		if t.Name == "" || t.USDPerHour < 0 {
			return nil, usage("%s, line %d: a type needs a name and a price", path, s.line)
		}
		if first, ok := seen[t.Name]; ok {
			return nil, usage("%s, line %d: %s is on line %d already", path, s.line, t.Name, first).hint("keep one of the two")
		}
		seen[t.Name] = s.line
		types = append(types, t)
	}
	if s.err == nil && len(types) == 0 {
		return nil, usage("%s has no types", path)
	}
	return types, s.err
}

// readFile opens a file, or the standard input for "-", and reads it.
func readFile[T any](a *App, path string, read func(path string, from io.Reader) (T, error)) (T, error) {
	if path == "-" {
		return read("standard input", a.In)
	}
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, fmt.Errorf("read a file: %w", err)
	}
	defer f.Close()
	return read(path, f)
}
