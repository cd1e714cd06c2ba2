package prices

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// moto answers with AWS' own list of types, over the wire.
func TestTypesOfMoto(t *testing.T) {
	endpoint := peers.Moto(t)
	client := ec2.New(ec2.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("test", "test", "")),
	})
	got, err := instanceTypes(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	const least = 800 // moto of 2025 has 900 and more
	if len(got) < least {
		t.Errorf("instanceTypes of moto = %d types, want at least %d", len(got), least)
	}
	known, checked := catalog.Default(), 0
	for _, x := range got {
		want, ok := known.Lookup(x.Name)
		if !ok {
			continue
		}
		checked++
		if x.VCPUs != want.VCPUs || x.MemoryMiB != want.MemoryMiB || x.Arch != want.Arch || x.GPUs != want.GPUs || x.BareMetal != want.BareMetal {
			t.Errorf("%s has %d vCPUs, %d MiB, %s, %d GPUs, bare metal %v; the catalog says %d, %d, %s, %d, %v", x.Name,
				x.VCPUs, x.MemoryMiB, x.Arch, x.GPUs, x.BareMetal, want.VCPUs, want.MemoryMiB, want.Arch, want.GPUs, want.BareMetal)
		}
	}
	if checked < least {
		t.Errorf("%d types are in the catalog too, want at least %d", checked, least)
	}
	t.Logf("%d types, %d of them in the catalog", len(got), checked)

	prices, err := spot(t.Context(), client, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("Spot prices of %d types", len(prices))
}
