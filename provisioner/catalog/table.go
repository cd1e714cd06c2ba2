package catalog

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// The table is text, so that a new set of facts reads well in a diff: one type a
// line, columns parted by tabs, zero values left empty, and empty columns at the
// end of a line left out. Lines that begin with # tell where the facts are from.

// columns in their order. Most types end at usd_per_hour.
var columns = []string{
	"type", "vcpus", "memory_mib", "arch", "flags", "network_gbps", "usd_per_hour",
	"storage_gb", "gpus", "gpu_model", "gpu_memory_mib", "other_accelerators",
}

// WriteTable writes types as ReadTable reads them, after one # line for each of
// comments and one that names the columns.
func WriteTable(w io.Writer, comments []string, types []Type) error {
	out := bufio.NewWriter(w)
	for _, c := range comments {
		fmt.Fprintf(out, "# %s\n", c)
	}
	fmt.Fprintf(out, "# %s\n", strings.Join(columns, " "))
	fmt.Fprintln(out, "# flags: c current generation, m bare metal, b burstable")
	for _, t := range types {
		line := strings.Join([]string{
			t.Name, number(t.VCPUs), number(t.MemoryMiB), t.Arch, flags(t), decimal(t.NetworkGbps), decimal(t.OnDemandUSDPerHour),
			number(t.LocalStorageGB), number(t.GPUs), t.GPUModel, number(t.GPUMemoryMiB), t.OtherAccelerators,
		}, "\t")
		fmt.Fprintln(out, strings.TrimRight(line, "\t"))
	}
	return out.Flush()
}

// ReadTable reads what WriteTable wrote. The types carry no Family, Size or
// ECSMemoryMiB: New sets them. Errors name the line and the column.
func ReadTable(text string) ([]Type, error) {
	types := make([]Type, 0, strings.Count(text, "\n"))
	line := 0
	for row := range strings.Lines(text) {
		line++
		row = strings.TrimSuffix(row, "\n")
		if row == "" || row[0] == '#' {
			continue
		}
		r := reader{rest: row, line: line}
		t := Type{Name: r.text(), VCPUs: r.number(), MemoryMiB: r.number(), Arch: r.text()}
		f := r.text()
		t.CurrentGeneration = strings.Contains(f, "c")
		t.BareMetal = strings.Contains(f, "m")
		t.Burstable = strings.Contains(f, "b")
		t.NetworkGbps = r.decimal()
		t.OnDemandUSDPerHour = r.decimal()
		t.LocalStorageGB = r.number()
		t.GPUs = r.number()
		t.GPUModel = r.text()
		t.GPUMemoryMiB = r.number()
		t.OtherAccelerators = r.text()
		if r.err != nil {
			return nil, r.err
		}
		types = append(types, t)
	}
	return types, nil
}

// reader takes the columns of one line from left to right and keeps the first error.
type reader struct {
	rest         string
	line, column int
	err          error
}

func (r *reader) text() string {
	var cell string
	cell, r.rest, _ = strings.Cut(r.rest, "\t")
	r.column++
	return cell
}

func (r *reader) number() int {
	cell := r.text()
	if cell == "" {
		return 0
	}
	n, err := strconv.Atoi(cell)
	r.keep(cell, err)
	return n
}

func (r *reader) decimal() float64 {
	cell := r.text()
	if cell == "" {
		return 0
	}
	n, err := strconv.ParseFloat(cell, 64)
	r.keep(cell, err)
	return n
}

func (r *reader) keep(cell string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("catalog: line %d, column %s: %q is not a number; make the table again with go generate",
			r.line, columns[r.column-1], cell)
	}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// decimal keeps six places, as many as AWS gives a price.
func decimal(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(math.Round(f*1e6)/1e6, 'f', -1, 64)
}

func flags(t Type) string {
	var f string
	if t.CurrentGeneration {
		f += "c"
	}
	if t.BareMetal {
		f += "m"
	}
	if t.Burstable {
		f += "b"
	}
	return f
}
