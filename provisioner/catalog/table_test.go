package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableRoundTrip(t *testing.T) {
	want := []Type{
		{Name: "m6i.large", VCPUs: 2, MemoryMiB: 8192, Arch: X86, CurrentGeneration: true, NetworkGbps: 12.5, OnDemandUSDPerHour: 0.096},
		{
			Name: "x1.metal", VCPUs: 4, MemoryMiB: 1024, Arch: ARM, BareMetal: true, Burstable: true, LocalStorageGB: 7,
			GPUs: 2, GPUModel: "NVIDIA T4g", GPUMemoryMiB: 32768, OtherAccelerators: "2x Trainium", OnDemandUSDPerHour: 21.957642,
		},
	}
	var text strings.Builder
	if err := WriteTable(&text, []string{"a comment"}, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTable(text.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types differ after a round trip (-want +got):\n%s\n%s", diff, text.String())
	}
}

func TestReadTableNamesWhatIsWrong(t *testing.T) {
	_, err := ReadTable("# facts\nm6i.large\t2\tmuch\tx86_64\n")
	if err == nil || !strings.Contains(err.Error(), "line 2, column memory_mib") {
		t.Errorf("ReadTable = %v, want an error that names line 2 and memory_mib", err)
	}
}

func TestTableIsSmall(t *testing.T) {
	const limit = 100_000 // bytes in every binary, Lambdas included
	if len(embedded) > limit {
		t.Errorf("types.tsv has %d bytes, want %d at most", len(embedded), limit)
	}
}
