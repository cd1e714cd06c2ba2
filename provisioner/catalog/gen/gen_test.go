package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// item is one type as EC2 writes it, cut to what matters.
func item(name, arch, more string) string {
	return fmt.Sprintf(`<item><instanceType>%s</instanceType><currentGeneration>true</currentGeneration>
		<processorInfo><supportedArchitectures><item>i386</item><item>%s</item></supportedArchitectures></processorInfo>
		<vCpuInfo><defaultVCpus>8</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo>
		<networkInfo><networkCards><item><peakBandwidthInGbps>10.0</peakBandwidthInGbps></item>
		<item><peakBandwidthInGbps>2.5</peakBandwidthInGbps></item></networkCards></networkInfo>%s</item>`, name, arch, more)
}

// fakeEC2 answers DescribeInstanceTypes with the pages, one after the other.
func fakeEC2(t *testing.T, pages ...string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, next := 0, ""
		fmt.Sscanf(r.PostFormValue("NextToken"), "page%d", &page)
		if r.PostFormValue("Action") != "DescribeInstanceTypes" || r.Header.Get("Authorization") == "" {
			http.Error(w, "want a signed DescribeInstanceTypes", http.StatusBadRequest)
			return
		}
		if page+1 < len(pages) {
			next = fmt.Sprintf("<nextToken>page%d</nextToken>", page+1)
		}
		fmt.Fprintf(w, `<DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><instanceTypeSet>%s</instanceTypeSet>%s</DescribeInstanceTypesResponse>`,
			pages[page], next)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const goPrices = `package pricing

// generated at 2026-07-20T13:44:30Z for us-east-1

var InitialOnDemandPricesAWS = map[string]map[ec2types.InstanceType]float64{
	"us-west-2": {"c5.2xlarge": 9.000000},
	"us-east-1": {"c5.2xlarge": 0.340000, "g4dn.2xlarge": 0.752000, "p2.xlarge": 0.900000, "inf1.2xlarge": 0.362000, "lost.xlarge": 1.000000},
}
`

func TestGenerate(t *testing.T) {
	const (
		t4      = `<gpuInfo><gpus><item><name>T4</name><manufacturer>NVIDIA</manufacturer><count>1</count></item></gpus><totalGpuMemoryInMiB>16384</totalGpuMemoryInMiB></gpuInfo>`
		gaudi   = `<gpuInfo><gpus><item><name>Gaudi</name><manufacturer>Habana</manufacturer><count>8</count></item></gpus><totalGpuMemoryInMiB>1</totalGpuMemoryInMiB></gpuInfo>`
		burst   = `<burstablePerformanceSupported>True</burstablePerformanceSupported>`
		storage = `<instanceStorageInfo><totalSizeInGB>225</totalSizeInGB></instanceStorageInfo>`
	)
	newest := fakeEC2(t,
		item("c5.2xlarge", "x86_64", burst)+item("mac2.metal", "arm64_mac", ""),
		item("g4dn.2xlarge", "x86_64", t4+storage)+item("unpriced.large", "arm64", ""))
	older := fakeEC2(t, item("c5.2xlarge", "arm64", "")+item("p2.xlarge", "x86_64", "")+item("inf1.2xlarge", "arm64", gaudi))

	dir := t.TempDir()
	prices, out := filepath.Join(dir, "prices.go"), filepath.Join(dir, "types.tsv")
	if err := os.WriteFile(prices, []byte(goPrices), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"--endpoint", "newest=" + newest, "--endpoint", older, "--prices", prices, "--out", out}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := catalog.ReadTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	base := catalog.Type{VCPUs: 8, MemoryMiB: 16384, Arch: catalog.X86, CurrentGeneration: true, NetworkGbps: 12.5}
	c5, g4dn, inf1, p2 := base, base, base, base
	c5.Name, c5.Burstable, c5.OnDemandUSDPerHour = "c5.2xlarge", true, 0.34
	g4dn.Name, g4dn.GPUs, g4dn.GPUModel, g4dn.GPUMemoryMiB = "g4dn.2xlarge", 1, "NVIDIA T4", 16384
	g4dn.LocalStorageGB, g4dn.OnDemandUSDPerHour = 225, 0.752
	inf1.Name, inf1.Arch, inf1.OtherAccelerators, inf1.OnDemandUSDPerHour = "inf1.2xlarge", catalog.ARM, "8x Gaudi", 0.362
	p2.Name, p2.OnDemandUSDPerHour = "p2.xlarge", 0.9
	if diff := cmp.Diff([]catalog.Type{c5, g4dn, inf1, p2}, got); diff != "" {
		t.Errorf("table differs (-want +got):\n%s\n%s", diff, text)
	}
}

func TestParsePricesNeedsItsRegion(t *testing.T) {
	if _, err := parsePrices([]byte("package pricing\nvar Other = 1\n"), "some.go"); err == nil {
		t.Error("a file without prices gave no error")
	}
}
