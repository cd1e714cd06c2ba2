package engine_test

import (
	"math"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

func TestTheMarketTagDecidesOverTheType(t *testing.T) {
	for name, test := range map[string]struct {
		kind   types.CRType
		tag    string
		market compute.Market
	}{
		"EC2":              {types.CRTypeEc2, "", compute.OnDemand},
		"SPOT":             {types.CRTypeSpot, "", compute.Spot},
		"EC2, tag spot":    {types.CRTypeEc2, "spot", compute.Spot},
		"SPOT, on-demand":  {types.CRTypeSpot, "on-demand", compute.OnDemand},
		"SPOT, cheapest":   {types.CRTypeSpot, "cheapest", compute.OnDemand}, // no Spot price is known here: it saves nothing
		"EC2, then tagged": {types.CRTypeEc2, "later", compute.Spot},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, minute, nil)
			tags := map[string]string{batch.TagMarket: test.tag}
			if test.tag == "" || test.tag == "later" {
				tags = nil
			}
			out, err := w.CreateComputeEnvironment(t.Context(), &awsbatch.CreateComputeEnvironmentInput{
				ComputeEnvironmentName: ptr("spot"), Type: types.CETypeManaged, Tags: tags,
				ComputeResources: &types.ComputeResource{
					Type: test.kind, AllocationStrategy: types.CRAllocationStrategyBestFitProgressive, MinvCpus: ptr(int32(0)), MaxvCpus: ptr(int32(16)), InstanceTypes: []string{"m5.xlarge"},
					Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"}, InstanceRole: ptr("ecsInstanceRole"),
				},
			})
			w.must(err)
			w.queue("s", 1, "spot")
			if test.tag == "later" {
				_, err := w.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: out.ComputeEnvironmentArn, Tags: map[string]string{batch.TagMarket: "spot"}})
				w.must(err)
			}
			id := w.submit(inSpot)
			w.advance(10 * time.Minute)
			w.wants(types.JobStatusSucceeded, id)
			if l := w.sim.Ledger(); len(l.HostTime) != 1 || l.HostTime[sim.Pool{Type: "m5.xlarge", Market: test.market}] == 0 {
				t.Errorf("hosts were up %v, want %s alone", l.HostTime, test.market)
			}
		})
	}
}

// Each Spot host that ends is written down once, with whether EC2 took it.
func TestTheEndsOfSpotHostsAreWrittenDown(t *testing.T) {
	for name, test := range map[string]struct {
		notice, after time.Duration
		taken         float64
	}{
		"it is ended when it is idle": {0, 0, 0},
		"taken without a notice":      {0, 30 * time.Second, 1},
		"taken after a notice":        {2 * time.Minute, 30 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := minute
			cfg.InterruptionNotice = test.notice
			w := newWorld(t, cfg, nil)
			w.spot(nil)
			w.submit(inSpot)
			w.advance(test.after)
			hosts, err := w.Records.Hosts(t.Context(), "spot")
			w.must(err)
			if test.after > 0 {
				w.sim.Interrupt(hosts[0].ID)
			}
			w.advance(time.Hour)
			use, err := w.Records.SpotUse(t.Context(), "m5.xlarge")
			w.must(err)
			if math.Abs(use.Taken-test.taken) > 1e-2 || use.Hours <= 0 || w.hosts("spot") != 0 {
				t.Errorf("the record is %+v with %d hosts up, want %g taken", use, w.hosts("spot"), test.taken)
			}
		})
	}
}
