package localstack

import (
	"context"
	"testing"
	"time"

	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/amazon"
	"github.com/packhorse-batch/packhorse/compute/amazon/notebook"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// The calls of EC2 from an image to the end of an instance: the default network, the
// image's parameter, a launch template, a fleet, tags to find it by.
func TestAHostComesAndGoes(t *testing.T) {
	tests := map[string]struct {
		market compute.Market
		kind   batchtypes.CRType
	}{
		"on demand": {compute.OnDemand, batchtypes.CRTypeEc2},
		"spot":      {compute.Spot, batchtypes.CRTypeSpot},
	}
	config := config(t)
	// Only clusters are asked for here, which hosts do not join.
	clusters := ecs.NewFromConfig(of(peers.Moto(t)))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			open := func(memory amazon.Memory) *amazon.Backend {
				return amazon.Open(amazon.Options{
					EC2: ec2.NewFromConfig(config), ECS: clusters, SSM: ssm.NewFromConfig(config), Memory: memory,
					Deployment: "here-" + string(test.market), Region: region, InstanceProfile: "ecsInstanceRole",
				})
			}
			memory := notebook.New(time.Now)
			backend := open(memory)
			request := compute.HostRequest{
				ID: "host-1-" + string(test.market), Environment: "ce", Cluster: "ce_Batch_1", Type: "m5.large", Others: []string{"c5.large"}, Market: test.market,
				Settings: &batchtypes.ComputeResource{Type: test.kind, Tags: map[string]string{"team": "atlas"}},
			}
			host, err := backend.Launch(t.Context(), request)
			must(t, err)
			if host.Instance == "" || host.State != compute.HostBooting || host.ID != request.ID {
				t.Errorf("launched %+v, want an instance that boots", host)
			}
			if again, err := open(memory).Launch(t.Context(), request); err != nil || again.Instance != host.Instance {
				t.Errorf("launched again by another process: %s, %v, want the same instance %s", again.Instance, err, host.Instance)
			}

			// Whoever has no memory finds it by its tags.
			stranger := open(notebook.New(time.Now))
			hosts, err := stranger.ListHosts(t.Context())
			must(t, err)
			if len(hosts) != 1 {
				t.Fatalf("%d hosts, want one: %+v", len(hosts), hosts)
			}
			if h := hosts[0]; h.ID != request.ID || h.Environment != "ce" || h.Type != host.Type || h.Zone == "" {
				t.Errorf("listed %+v, want the host with its environment, type and zone", h)
			}
			must(t, stranger.Terminate(t.Context(), request.ID))
			until(t, "the host to go", func(ctx context.Context) bool {
				hosts, err := backend.ListHosts(ctx)
				must(t, err)
				return len(hosts) == 0
			})
			// Once: of a launch template that is gone LocalStack says MissingParameter.
			must(t, backend.RemoveEnvironment(t.Context(), "ce", "ce_Batch_1"))
		})
	}
}
