package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// maxPages bounds how long an endpoint may go on; AWS gives 100 types a page.
const maxPages = 200

// describeAll returns every type that the endpoint describes and that runs Linux
// containers, without prices.
//
// It speaks EC2's query protocol by hand: one form, one XML answer. The SDK's ec2
// package would take minutes to build for this one call.
func describeAll(ctx context.Context, endpoint string) ([]catalog.Type, error) {
	var types []catalog.Type
	token := ""
	for range maxPages {
		page, err := describePage(ctx, endpoint, token)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			if t, ok := item.catalogType(); ok {
				types = append(types, t)
			}
		}
		if token = page.NextToken; token == "" {
			return types, nil
		}
	}
	return nil, fmt.Errorf("DescribeInstanceTypes still has a NextToken after %d pages; is this an EC2 endpoint?", maxPages)
}

func describePage(ctx context.Context, endpoint, token string) (*describeResponse, error) {
	form := url.Values{"Action": {"DescribeInstanceTypes"}, "Version": {"2016-11-15"}}
	if token != "" {
		form.Set("NextToken", token)
	}
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := sign(ctx, req, body); err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return nil, fmt.Errorf("DescribeInstanceTypes answered %s: %s", resp.Status, text)
	}
	var page describeResponse
	if err := xml.NewDecoder(resp.Body).Decode(&page); err != nil {
		return nil, fmt.Errorf("DescribeInstanceTypes answered XML that does not parse: %w", err)
	}
	return &page, nil
}

// sign signs with the keys of the environment, or with made-up ones: moto does not
// check them, but tells by the signing scope which service is meant.
func sign(ctx context.Context, req *http.Request, body string) error {
	keys := aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
	}
	if keys.AccessKeyID == "" {
		keys = aws.Credentials{AccessKeyID: "nobody", SecretAccessKey: "nothing"}
	}
	sum := sha256.Sum256([]byte(body))
	return v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), "ec2", region, time.Now())
}

// describeResponse is the part of the answer that the table needs.
type describeResponse struct {
	Items     []instanceType `xml:"instanceTypeSet>item"`
	NextToken string         `xml:"nextToken"`
}

type instanceType struct {
	Name          string    `xml:"instanceType"`
	Current       bool      `xml:"currentGeneration"`
	BareMetal     bool      `xml:"bareMetal"`
	Burstable     bool      `xml:"burstablePerformanceSupported"`
	Architectures []string  `xml:"processorInfo>supportedArchitectures>item"`
	VCPUs         int       `xml:"vCpuInfo>defaultVCpus"`
	MemoryMiB     int       `xml:"memoryInfo>sizeInMiB"`
	StorageGB     int       `xml:"instanceStorageInfo>totalSizeInGB"`
	PeakGbps      []float64 `xml:"networkInfo>networkCards>item>peakBandwidthInGbps"`
	GPUs          []device  `xml:"gpuInfo>gpus>item"`
	GPUMemoryMiB  int       `xml:"gpuInfo>totalGpuMemoryInMiB"`

	// Inferentia is listed under neuronInfo and inferenceAcceleratorInfo both, so
	// only the first is read.
	Neuron []device `xml:"neuronInfo>neuronDevices>item"`
	FPGAs  []device `xml:"fpgaInfo>fpgas>item"`
	Media  []device `xml:"mediaAcceleratorInfo>accelerators>item"`
}

type device struct {
	Name         string `xml:"name"`
	Manufacturer string `xml:"manufacturer"`
	Count        int    `xml:"count"`
}

// catalogType returns the facts as the catalog keeps them, and false for a type
// whose architecture runs no Linux containers (the Macs).
func (i instanceType) catalogType() (catalog.Type, bool) {
	t := catalog.Type{
		Name: i.Name, VCPUs: i.VCPUs, MemoryMiB: i.MemoryMiB, LocalStorageGB: i.StorageGB,
		CurrentGeneration: i.Current, BareMetal: i.BareMetal, Burstable: i.Burstable,
	}
	switch {
	case slices.Contains(i.Architectures, catalog.X86):
		t.Arch = catalog.X86
	case slices.Contains(i.Architectures, catalog.ARM):
		t.Arch = catalog.ARM
	default:
		return catalog.Type{}, false
	}
	for _, gbps := range i.PeakGbps {
		t.NetworkGbps += gbps
	}
	others := slices.Concat(i.Neuron, i.FPGAs, i.Media)
	for _, gpu := range i.GPUs {
		// EC2 lists Gaudi under gpuInfo as well; ECS has no GPU resource for it.
		if gpu.Manufacturer != "NVIDIA" && gpu.Manufacturer != "AMD" {
			others = append(others, gpu)
			continue
		}
		t.GPUs += gpu.Count
		t.GPUModel = gpu.Manufacturer + " " + gpu.Name
		t.GPUMemoryMiB = i.GPUMemoryMiB
	}
	var names []string
	for _, d := range others {
		names = append(names, fmt.Sprintf("%dx %s", d.Count, d.Name))
	}
	t.OtherAccelerators = strings.Join(names, ", ")
	return t, true
}
