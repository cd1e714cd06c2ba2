// Package ec2test reads the answers of package api with the SDK of EC2. It stands
// alone because that SDK takes a minute to compile.
package ec2test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/api/sdktest"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// hosts is a Fleet of nothing but hosts.
type hosts struct {
	api.Fleet
	all []api.HostView
}

func (h hosts) Hosts(context.Context) ([]api.HostView, error) { return slices.Clone(h.all), nil }

func (h hosts) Instance(_ context.Context, id string) (api.HostView, bool, error) {
	for _, v := range h.all {
		if v.Instance == id {
			return v, true, nil
		}
	}
	return api.HostView{}, false, nil
}

func client(t *testing.T, keys map[string]string) *ec2.Client {
	t.Helper()
	var fleet hosts
	for i := range 6 {
		fleet.all = append(fleet.all, api.HostView{Instance: fmt.Sprintf("i-%017d", 6-i), Environment: "a", Type: "m6i.large", Zone: "eu-west-1a",
			PrivateIP: fmt.Sprintf("10.0.0.%d", i), State: compute.HostReady, LaunchedAt: began})
	}
	fleet.all[0].Type, fleet.all[0].Arch, fleet.all[0].Market = "m6g.large", "arm64", compute.Spot
	fleet.all[1].State, fleet.all[1].Reason = compute.HostGone, "idle for 5 minutes"
	fleet.all[2].State, fleet.all[2].PrivateIP = compute.HostBooting, ""
	server := httptest.NewServer(api.New(api.Config{
		Service: struct{ api.Service }{}, Fleet: fleet, Types: catalog.Default(), Keys: keys, Account: batch.Account{Region: "eu-west-1", ID: "123456789012"},
	}))
	t.Cleanup(server.Close)
	return ec2.NewFromConfig(sdktest.Config(server, "PKHRS1", "secret"))
}

func TestDescribeInstances(t *testing.T) {
	c := client(t, map[string]string{"PKHRS1": "secret"})
	out, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{"i-00000000000000006", "i-00000000000000005"}})
	if err != nil || len(out.Reservations) != 2 {
		t.Fatalf("DescribeInstances = %+v, %v", out, err)
	}
	spot, gone := out.Reservations[1].Instances[0], out.Reservations[0].Instances[0]
	if spot.InstanceType != "m6g.large" || spot.Architecture != types.ArchitectureValuesArm64 || spot.InstanceLifecycle != types.InstanceLifecycleTypeSpot ||
		!spot.LaunchTime.Equal(began) || *spot.Placement.AvailabilityZone != "eu-west-1a" || *spot.PrivateIpAddress != "10.0.0.0" ||
		spot.State.Name != types.InstanceStateNameRunning || *spot.State.Code != 16 || *spot.Tags[0].Value != "a" {
		t.Errorf("the Spot instance is %+v", spot)
	}
	if gone.State.Name != types.InstanceStateNameTerminated || *gone.StateReason.Message != "idle for 5 minutes" || gone.InstanceLifecycle != "" {
		t.Errorf("the instance that is gone is %+v", gone)
	}
}

func TestDescribeInstancesByFilter(t *testing.T) {
	c := client(t, nil)
	for name, test := range map[string]struct {
		filters map[string][]string
		want    int
	}{
		"all":                     {nil, 6},
		"a type":                  {map[string][]string{"instance-type": {"m6i.large"}}, 5},
		"types by pattern":        {map[string][]string{"instance-type": {"m6?.*", "x"}}, 6},
		"a state":                 {map[string][]string{"instance-state-name": {"pending", "terminated"}}, 2},
		"two filters":             {map[string][]string{"instance-state-name": {"running"}, "instance-lifecycle": {"spot"}}, 1},
		"a tag":                   {map[string][]string{"tag:packhorse:compute-environment": {"a"}}, 6},
		"a tag of another value":  {map[string][]string{"tag:packhorse:compute-environment": {"b"}}, 0},
		"an address":              {map[string][]string{"private-ip-address": {"10.0.0.3"}}, 1},
		"a filter without values": {map[string][]string{"tag-key": {}}, 0},
	} {
		in := &ec2.DescribeInstancesInput{}
		for key, values := range test.filters {
			in.Filters = append(in.Filters, types.Filter{Name: &key, Values: values})
		}
		out, err := c.DescribeInstances(t.Context(), in)
		if err != nil || len(out.Reservations) != test.want {
			t.Errorf("%s: %d instances, %v; want %d", name, len(out.Reservations), err, test.want)
		}
	}
}

func TestPaging(t *testing.T) {
	c := client(t, nil)
	var ids []string
	pages := ec2.NewDescribeInstancesPaginator(c, &ec2.DescribeInstancesInput{MaxResults: new(int32(4))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Reservations {
			ids = append(ids, (*r.Instances[0].InstanceId)[18:])
		}
	}
	if got := strings.Join(ids, ""); got != "123456" {
		t.Errorf("instances %s", got)
	}
	seen := map[types.InstanceType]bool{}
	listed := ec2.NewDescribeInstanceTypesPaginator(c, &ec2.DescribeInstanceTypesInput{})
	for listed.HasMorePages() {
		page, err := listed.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range page.InstanceTypes {
			seen[one.InstanceType] = true
		}
	}
	if want := len(catalog.Default().All()); len(seen) != want {
		t.Errorf("%d instance types, want %d", len(seen), want)
	}
}

func TestDescribeInstanceTypes(t *testing.T) {
	c := client(t, nil)
	out, err := c.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"p3.8xlarge", "t3.micro"}})
	if err != nil || len(out.InstanceTypes) != 2 {
		t.Fatalf("DescribeInstanceTypes = %+v, %v", out, err)
	}
	gpu, small := out.InstanceTypes[0], out.InstanceTypes[1]
	if *gpu.VCpuInfo.DefaultVCpus != 32 || *gpu.MemoryInfo.SizeInMiB != 249856 || *gpu.GpuInfo.Gpus[0].Count != 4 || *gpu.GpuInfo.Gpus[0].Name != "V100" ||
		*gpu.GpuInfo.Gpus[0].Manufacturer != "NVIDIA" || gpu.ProcessorInfo.SupportedArchitectures[0] != types.ArchitectureTypeX8664 {
		t.Errorf("p3.8xlarge is %+v", gpu)
	}
	if small.GpuInfo != nil || !*small.BurstablePerformanceSupported || len(small.SupportedUsageClasses) != 2 {
		t.Errorf("t3.micro is %+v", small)
	}
	filtered, err := c.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{Filters: []types.Filter{
		{Name: new("instance-type"), Values: []string{"m6g.*"}}, {Name: new("vcpu-info.default-vcpus"), Values: []string{"8"}}, {Name: new("bare-metal"), Values: []string{"false"}}}})
	if err != nil || len(filtered.InstanceTypes) != 1 || filtered.InstanceTypes[0].InstanceType != "m6g.2xlarge" {
		t.Errorf("m6g with 8 vCPUs: %+v, %v", filtered, err)
	}
}

func TestErrors(t *testing.T) {
	c, ctx := client(t, nil), t.Context()
	instances := func(in *ec2.DescribeInstancesInput) error {
		_, err := c.DescribeInstances(ctx, in)
		return err
	}
	_, kind := c.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"m6i.large", "m0.huge"}})
	_, action := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	_, denied := client(t, map[string]string{"PKHRS1": "another"}).DescribeInstances(ctx, &ec2.DescribeInstancesInput{})
	for _, test := range []struct {
		err        error
		code, says string
	}{
		{instances(&ec2.DescribeInstancesInput{InstanceIds: []string{"i-1"}}), "InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist"},
		{instances(&ec2.DescribeInstancesInput{InstanceIds: []string{"i-1", "i-2"}}), "InvalidInstanceID.NotFound", "The instance IDs 'i-1, i-2' do not exist"},
		{instances(&ec2.DescribeInstancesInput{InstanceIds: []string{"x"}}), "InvalidInstanceID.Malformed", `Invalid id: "x"`},
		{instances(&ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: new("color"), Values: []string{"red"}}}}), "InvalidParameterValue", "The filter 'color' is invalid"},
		{instances(&ec2.DescribeInstancesInput{MaxResults: new(int32(1001))}), "InvalidParameterValue", "between 1 and 1000"},
		{instances(&ec2.DescribeInstancesInput{NextToken: new("!")}), "InvalidParameterValue", "Invalid token"},
		{kind, "InvalidInstanceType", "The following supplied instance types do not exist: [m0.huge]"},
		{action, "InvalidAction", "The action DescribeVpcs is not valid for this web service"},
		{denied, "SignatureDoesNotMatch", "The request signature we calculated does not match"},
	} {
		var fault smithy.APIError
		if !errors.As(test.err, &fault) || fault.ErrorCode() != test.code || !strings.Contains(fault.ErrorMessage(), test.says) {
			t.Errorf("error %v, want %s with %q", test.err, test.code, test.says)
		}
	}
}
