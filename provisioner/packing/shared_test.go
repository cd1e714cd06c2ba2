package packing_test

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// sharedRows reads a file of the benchmark data, which is not part of the repository.
func sharedRows(t *testing.T, name string) []map[string]string {
	t.Helper()
	dir := cmp.Or(os.Getenv("PACKHORSE_SHARED_DATA"), os.Getenv("PACKHORSE_DATA"), "../../../shared/data")
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("no real workloads: %v; set PACKHORSE_SHARED_DATA to the folder that has %s", err, name)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func resources(row map[string]string) batch.Resources {
	number := func(s string) int64 {
		n, _ := strconv.ParseInt(s, 10, 64)
		return n
	}
	return batch.Resources{MilliVCPU: 1000 * number(row["vcpus"]), MemoryMiB: number(row["memory_mib"]), GPUs: number(row["gpus"])}
}

// TestRealWorkloads holds plans of real workloads to the bars of docs/benchmarks.md: the
// cost over the bound, and the bound at 100,000 jobs, which hardly depends on the order
// of the jobs, near the one that was found by other means.
func TestRealWorkloads(t *testing.T) {
	var types []packing.Type
	for _, row := range sharedRows(t, "bench-types.csv") {
		usd, err := strconv.ParseFloat(row["ondemand_usd_per_hour"], 64)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, packing.Type{Name: row["instance_type"], Has: resources(row), Arch: row["arch"], USDPerHour: usd})
	}
	tests := map[string]struct {
		small, large float64 // cost over the bound at 1,000 jobs, and at more
		bound        float64 // at 100,000 jobs, dollars per hour; 0: not known
	}{
		"nextflow-nfcore":        {1.02, 1.01, 15000},
		"metacentrum-wagap-2013": {1.025, 1.02, 29870},
		"alibaba-gpu-2023":       {1.02, 1.01, 86215},
		"syn-genomics":           {1.02, 1.01, 20190},
		"syn-ml-gpu":             {1.02, 1.01, 185400},
		"syn-uniform-small":      {1.02, 1.01, 8913},
		"lcg-2005-50k":           {1.02, 1.01, 3825},
	}
	for name, test := range tests {
		rows := sharedRows(t, filepath.Join("workloads", name+".csv"))
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		for _, n := range []int{1000, 10_000, 100_000} {
			t.Run(fmt.Sprintf("%s, %d jobs", name, n), func(t *testing.T) {
				in := packing.Input{Types: types}
				at := map[batch.Resources]int{}
				for i := range n {
					need := resources(rows[i%len(rows)])
					g, ok := at[need]
					if !ok {
						g = len(in.Groups)
						at[need] = g
						in.Groups = append(in.Groups, packing.Group{Need: need})
					}
					in.Groups[g].Count++
				}
				p := packing.Pack(in)
				check(t, in, p)
				most := test.large
				if n == 1000 {
					most = test.small
				}
				if ratio := p.USDPerHour / p.LowerBoundUSD; !(ratio <= most) || len(p.Unplaced) > 0 {
					t.Errorf("%.2f dollars, bound %.2f: ratio %.4f, want at most %v; %d kinds have no place", p.USDPerHour, p.LowerBoundUSD, ratio, most, len(p.Unplaced))
				}
				if n == 100_000 && test.bound > 0 && (p.LowerBoundUSD < 0.99*test.bound || p.LowerBoundUSD > 1.01*test.bound) {
					t.Errorf("bound %.2f, by other means %.2f: more than 1 %% apart", p.LowerBoundUSD, test.bound)
				}
			})
		}
	}
}
