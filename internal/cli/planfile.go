package cli

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

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

// gzipMagic begins a file that gzip has made.
const gzipMagic = "\x1f\x8b"

// openSheet reads the first line. Each of needed is a column, or several names for one
// parted by |.
func openSheet(path string, from io.Reader, needed ...string) (*sheet, error) {
	buffered := bufio.NewReader(from)
	if head, _ := buffered.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		_, _ = buffered.Discard(len(byteOrderMark))
	}
	if head, _ := buffered.Peek(len(gzipMagic)); string(head) == gzipMagic {
		return nil, usage("%s is compressed", path).hint("unpack it: `gzip -dc %s | packhorse plan --jobs -`", path)
	}
	r := csv.NewReader(buffered)
	r.Comment = '#'
	r.ReuseRecord = true
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, usage("%s is empty", path).hint("its first line names the columns: %s", columnNames(needed))
		}
		return nil, unreadable(path, err)
	}
	s := &sheet{path: path, reader: r, columns: map[string]int{}}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, ok := s.columns[name]; ok && name != "" {
			return nil, usage("%s, line 1: the column %s is there twice", path, quote(clipped(name))).hint("keep one of them")
		}
		s.columns[name] = i
	}
	for _, names := range needed {
		if s.find(names) < 0 {
			e := usage("%s, line 1: has no column %s; it has %s", path, strings.ReplaceAll(names, "|", " or "), clipped(strings.Join(header, ", ")))
			if len(header) == 1 && strings.ContainsAny(header[0], ";\t") {
				return nil, e.hint("part the columns by commas")
			}
			return nil, e.hint("name the columns in the first line: %s", columnNames(needed))
		}
	}
	return s, nil
}

// byteOrderMark is what some programs write before the text.
const byteOrderMark = "\ufeff"

// columnNames lists columns as a first line has them.
func columnNames(needed []string) string {
	names := make([]string, len(needed))
	for i, n := range needed {
		names[i], _, _ = strings.Cut(n, "|")
	}
	return strings.Join(names, ",")
}

// mostShown is how much of a cell is shown in an error.
const mostShown = 80

// clipped is a text that is short enough to be shown, without what a terminal would obey.
func clipped(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
	if runes := []rune(text); len(runes) > mostShown {
		return string(runes[:mostShown]) + "..."
	}
	return text
}

// unreadable is the error of a file that is no CSV, or that could not be read to its end.
func unreadable(path string, err error) error {
	if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
		return usage("%s, line %d: %v", path, bad.Line, bad.Err).hint("each line has the columns of the first one, parted by commas; put \" around a cell with a comma, and write a \" in it twice")
	}
	return fmt.Errorf("read %s: %w", path, err)
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
		s.err = unreadable(s.path, err)
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

// most bounds every amount of a file.
const most = 1 << 50

// number is a cell times scale, rounded up: what a job needs. It is absent where the cell
// is empty. Below 0 or above most is a mistake.
func (s *sheet) number(names string, absent, scale float64) int64 {
	return int64(math.Ceil(s.bounded(names, absent, scale) - 1e-6))
}

// room is the same rounded down: what a host has.
func (s *sheet) room(names string, scale float64) int64 {
	return int64(math.Floor(s.bounded(names, 0, scale) + 1e-6))
}

// whole is a cell that must be a whole number.
func (s *sheet) whole(names string, absent float64) int64 {
	v := s.bounded(names, absent, 1)
	if v != math.Trunc(v) {
		s.mistake(names, "is not a whole number")
	}
	return int64(v)
}

func (s *sheet) bounded(names string, absent, scale float64) float64 {
	v := s.decimal(names, absent) * scale
	if v > most {
		s.mistake(names, "is too large")
	}
	return min(v, most)
}

func (s *sheet) decimal(names string, absent float64) float64 {
	cell := s.text(names)
	if cell == "" {
		return absent
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) || strings.ContainsAny(cell, "xX_pP") {
		s.mistake(names, "is not a number of 0 or more")
		return 0
	}
	return v
}

// mistake takes down what is wrong with a cell, if nothing was wrong before.
func (s *sheet) mistake(names, what string) {
	if s.err == nil {
		name, _, _ := strings.Cut(names, "|")
		s.err = usage("%s, line %d: %s %s %s", s.path, s.line, name, quote(clipped(s.text(names))), what).
			hint("write it as 2, 0.5 or 1.5e3, without a unit")
	}
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
				MilliVCPU: s.number("vcpus", 0, 1000), MemoryMiB: s.number("memory_mib", 0, 1), GPUs: s.whole("gpus", 0),
			},
			arch: firstOf(s.text("arch"), arch), types: s.text("types"),
		}
		if s.text("vcpus") == "" || s.text("memory_mib") == "" {
			return nil, usage("%s, line %d: vcpus and memory_mib must not be empty", path, s.line).hint("write 0 for a job that needs none")
		}
		if k.arch != "" && k.arch != "x86_64" && k.arch != "arm64" {
			return nil, usage("%s, line %d: arch %s is neither x86_64 nor arm64", path, s.line, quote(clipped(k.arch))).
				hint("leave it empty for jobs that run on both")
		}
		n, ok := at[k]
		if !ok {
			n = len(groups)
			k.types = strings.Clone(k.types)
			k.arch = strings.Clone(k.arch)
			at[k] = n
			groups = append(groups, packing.Group{Need: k.need, Arch: k.arch, Types: strings.Fields(k.types)})
		}
		count := s.whole("count", 1)
		groups[n].Count += int(count)
		if jobs += count; jobs > mostJobs {
			return nil, usage("%s, line %d: more than %d jobs", path, s.line, int64(mostJobs)).hint("make count smaller, or divide the file")
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

// mostUSD bounds the price of a type: sums stay exact to a cent.
const mostUSD = 1e9

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
				MilliVCPU: s.room("vcpus", 1000), MemoryMiB: s.room("memory_mib", 1), GPUs: s.whole("gpus", 0),
			},
			USDPerHour: s.decimal(price, -1), Max: int(s.whole("max", 0)),
		}
		switch {
		case s.err != nil:
			return nil, s.err
		case t.Name == "" || t.USDPerHour < 0:
			return nil, usage("%s, line %d: a type needs a name and a price", path, s.line).hint("fill in instance_type and ondemand_usd_per_hour")
		case t.USDPerHour > mostUSD:
			return nil, usage("%s, line %d: a price of %g dollars per hour is too large", path, s.line, t.USDPerHour).hint("it is in dollars per hour")
		case t.Arch != "" && t.Arch != "x86_64" && t.Arch != "arm64":
			return nil, usage("%s, line %d: arch %s is neither x86_64 nor arm64", path, s.line, quote(clipped(t.Arch))).hint("leave it empty for x86_64")
		}
		if first, ok := seen[t.Name]; ok {
			return nil, usage("%s, line %d: %s is on line %d already", path, s.line, clipped(t.Name), first).hint("keep one of the two")
		}
		seen[t.Name] = s.line
		types = append(types, t)
	}
	if s.err == nil && len(types) == 0 {
		return nil, usage("%s has no types", path).hint("write a line for each type below the first one")
	}
	return types, s.err
}

// readFile opens a file, or the standard input for "-", and reads it.
func readFile[T any](a *App, path string, read func(path string, from io.Reader) (T, error)) (T, error) {
	if path == "-" {
		return read("standard input", a.In)
	}
	var none T
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, usage("there is no file %s", path).hint("name a CSV file, or - for the standard input")
	}
	if err != nil {
		return none, fmt.Errorf("read a file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return none, usage("%s is a folder", path).hint("name a CSV file in it")
	}
	return read(path, f)
}
