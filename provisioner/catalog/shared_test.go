package catalog

import (
	"cmp"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// sharedCSV reads a file of the benchmark data, which is not part of the
// repository: the folder is PACKHORSE_SHARED_DATA, or shared/data beside the
// checkout. Without it the test is skipped.
func sharedCSV(t *testing.T, name string) []map[string]string {
	t.Helper()
	path := filepath.Join(cmp.Or(os.Getenv("PACKHORSE_SHARED_DATA"), "../../../shared/data"), name)
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("no second source to compare with: %v; set PACKHORSE_SHARED_DATA to the folder that has %s", err, name)
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := make(map[string]string)
		for i, column := range lines[0] {
			row[column] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestAgreesWithSecondSource compares with a table extracted by other means from
// another release of the same sources. Sizes and prices must agree; AWS may have
// changed a type's generation or network cards since.
func TestAgreesWithSecondSource(t *testing.T) {
	rows := sharedCSV(t, "instance-types.csv")
	their := make(map[string]bool)
	for _, row := range rows {
		name := row["instance_type"]
		their[name] = true
		x, ok := Default().Lookup(name)
		if !ok {
			t.Errorf("%s is missing here", name)
			continue
		}
		for column, got := range map[string]string{
			"vcpus":              strconv.Itoa(x.VCPUs),
			"memory_mib":         strconv.Itoa(x.MemoryMiB),
			"gpus":               strconv.Itoa(x.GPUs),
			"gpu_name":           x.GPUModel,
			"arch":               x.Arch,
			"local_storage_gb":   strconv.Itoa(x.LocalStorageGB),
			"bare_metal":         strconv.FormatBool(x.BareMetal),
			"burstable":          strconv.FormatBool(x.Burstable),
			"other_accelerators": x.OtherAccelerators,
		} {
			if want := row[column]; got != want {
				t.Errorf("%s: %s = %q, the other source has %q", name, column, got, want)
			}
		}
		for column, got := range map[string]float64{
			"gpu_memory_mib":        float64(x.GPUMemoryMiB),
			"ondemand_usd_per_hour": x.OnDemandUSDPerHour,
		} {
			want, _ := strconv.ParseFloat(row[column], 64) // empty is 0
			if math.Abs(got-want) > 1e-3*want {
				t.Errorf("%s: %s = %v, the other source has %v", name, column, got, want)
			}
		}
		if want, _ := strconv.ParseFloat(row["network_gbps"], 64); math.Abs(x.NetworkGbps-want) > 1e-3*want {
			t.Logf("%s: network %v Gbps here, %v in the other source", name, x.NetworkGbps, want)
		}
		if got, want := strconv.FormatBool(x.CurrentGeneration), row["current_generation"]; got != want {
			t.Logf("%s: current generation %s here, %s in the other source", name, got, want)
		}
	}
	for _, x := range Default().All() {
		if !their[x.Name] {
			t.Logf("%s is here only", x.Name)
		}
	}
}

func TestECSMemoryAgainstSharedObservations(t *testing.T) {
	for _, row := range sharedCSV(t, "ecs-memory.csv") {
		x, ok := Default().Lookup(row["instance_type"])
		registered, err := strconv.Atoi(row["ecs_memory_mib"])
		if !ok || err != nil {
			t.Errorf("%v: known %v, %v", row, ok, err)
			continue
		}
		if x.ECSMemoryMiB > registered {
			t.Errorf("%s: rule says %d MiB, an agent registered %d", x.Name, x.ECSMemoryMiB, registered)
		}
		t.Logf("%s: rule is %d MiB (%.2f %%) below what was registered", x.Name, registered-x.ECSMemoryMiB,
			100*float64(registered-x.ECSMemoryMiB)/float64(x.MemoryMiB))
	}
}
