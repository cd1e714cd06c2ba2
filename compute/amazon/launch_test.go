package amazon

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// clock is a time that a test moves, in whose place a cloud is.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time                  { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration)         { c.at.Add(int64(d)) }
func (c *clock) set(o *fakeaws.Options)          { o.Now = c.now }
func short(s ...fakeaws.Shortage) fakeaws.Faults { return fakeaws.Faults{Shortages: s} }

// mustLaunch launches a host.
func mustLaunch(t *testing.T, b *Backend, r compute.HostRequest) compute.Host {
	t.Helper()
	h, err := b.Launch(t.Context(), r)
	if err != nil {
		t.Fatalf("Launch(%s) = %v", r.ID, err)
	}
	return h
}

// ready waits until a host is READY.
func (p *place) ready(t *testing.T, b *Backend, id string) compute.Host {
	t.Helper()
	return p.reaches(t, b, id, compute.HostReady)
}

// reaches waits until a host is in a state.
func (p *place) reaches(t *testing.T, b *Backend, id string, state compute.HostState) compute.Host {
	t.Helper()
	var host compute.Host
	err := p.cloud.Until(t.Context(), func() bool {
		hosts, err := b.ListHosts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			if h.ID == id {
				host = h
				return h.State == state
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("host %s is not %s: %+v, %v", id, state, host, err)
	}
	return host
}

func (p *place) instance(t *testing.T, id string) ec2types.Instance {
	t.Helper()
	out, err := p.cloud.EC2().DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Reservations[0].Instances[0]
}

func TestAHostCarriesItsTags(t *testing.T) {
	p := newPlace(t)
	r := request("h-1")
	r.Settings.Tags = map[string]string{"team": "atlas", tagHost: "forged"}
	host := mustLaunch(t, p.open(), r)
	got := tagsOfInstance(p.instance(t, host.Instance))
	for key, want := range map[string]string{
		tagDeployment: "test", tagHost: "h-1", tagEnvironment: "spot-or-not", tagCluster: "computetest", "team": "atlas", "Name": "packhorse-spot-or-not",
	} {
		if got[key] != want {
			t.Errorf("tag %s = %q, want %q", key, got[key], want)
		}
	}
}

func TestWithoutSubnetsTheDefaultVPCIsFoundAndRecorded(t *testing.T) {
	p := newPlace(t)
	mustLaunch(t, p.open(), request("h-1"))
	mustLaunch(t, p.open(), request("h-2")) // another process
	calls := p.cloud.Calls()
	if calls["ec2.DescribeVpcs"] != 1 || calls["ec2.DescribeSubnets"] != 1 {
		t.Errorf("DescribeVpcs was called %d times and DescribeSubnets %d times, want once each", calls["ec2.DescribeVpcs"], calls["ec2.DescribeSubnets"])
	}
}

func TestHostsOfAnEnvironmentShareATemplateAndACluster(t *testing.T) {
	p := newPlace(t)
	for _, id := range []string{"h-1", "h-2", "h-3"} {
		mustLaunch(t, p.open(), request(id))
	}
	calls := p.cloud.Calls()
	if got := calls["ec2.CreateLaunchTemplate"] + calls["ec2.CreateLaunchTemplateVersion"]; got != 2 { // the second is asked first, and is not there
		t.Errorf("%d calls for launch templates, want 2", got)
	}
	if calls["ecs.CreateCluster"] != 1 || calls["ssm.GetParameter"] != 1 {
		t.Errorf("CreateCluster was called %d times, GetParameter %d times, want once each", calls["ecs.CreateCluster"], calls["ssm.GetParameter"])
	}
}

func TestInsufficientCapacityLeadsToTheNextChoice(t *testing.T) {
	c := newClock()
	p := newPlace(t, c.set)
	p.cloud.SetFaults(short(fakeaws.Shortage{Type: "m5.large", Zone: "us-east-1a"}, fakeaws.Shortage{Type: "m5.large", Zone: "us-east-1b"}))
	b := p.open()

	r := request("h-1")
	r.Settings.Subnets = p.cloud.Subnets()[:2]
	_, err := b.Launch(t.Context(), r)
	if !errors.Is(err, compute.ErrNoCapacity) {
		t.Fatalf("Launch() = %v with no capacity in two zones, want ErrNoCapacity", err)
	}
	for _, want := range []string{"m5.large in us-east-1a", "m5.large in us-east-1b", "InsufficientInstanceCapacity"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}

	// It is a record: another process does not ask for the same again.
	asked := p.cloud.Calls()["ec2.CreateFleet"]
	r.ID = "h-2"
	if _, err := p.open().Launch(t.Context(), r); !errors.Is(err, compute.ErrNoCapacity) || !strings.Contains(err.Error(), "asked again at 2026-11-23T12:03:00Z") {
		t.Errorf("Launch() = %v, want ErrNoCapacity and when it is asked again", err)
	}
	if got := p.cloud.Calls()["ec2.CreateFleet"]; got != asked {
		t.Errorf("CreateFleet was called %d times more for what is known to be short", got-asked)
	}

	// Another zone, another type.
	zone := request("h-3")
	if host := mustLaunch(t, b, zone); host.Zone != "us-east-1c" || host.Type != "m5.large" {
		t.Errorf("host is %s in %s, want m5.large in us-east-1c", host.Type, host.Zone)
	}
	other := r
	other.ID, other.Others = "h-4", []string{"c5.large", "c5.xlarge"}
	if host := mustLaunch(t, b, other); host.Type != "c5.large" {
		t.Errorf("host is a %s, want the next of the request, c5.large", host.Type)
	}

	// The record has an expiry.
	p.cloud.SetFaults(fakeaws.Faults{})
	c.advance(capacityFor)
	r.ID = "h-5"
	if host := mustLaunch(t, p.open(), r); host.Type != "m5.large" {
		t.Errorf("host is a %s, want m5.large again", host.Type)
	}
}

func TestASpotShortageIsNotOneOfOnDemand(t *testing.T) {
	p := newPlace(t)
	p.cloud.SetFaults(short(fakeaws.Shortage{Market: "spot"}))
	b := p.open()
	r := request("h-1")
	r.Market, r.Settings.Type = compute.Spot, types.CRTypeSpot
	if _, err := b.Launch(t.Context(), r); !errors.Is(err, compute.ErrNoCapacity) {
		t.Fatalf("Launch() = %v without Spot capacity, want ErrNoCapacity", err)
	}
	if host := mustLaunch(t, b, request("h-2")); host.Market != compute.OnDemand {
		t.Errorf("host is %s, want ON_DEMAND", host.Market)
	}
}

func TestErrorsOfOverridesAreRememberedAlsoWhereAHostWasLaunched(t *testing.T) {
	p := newPlace(t)
	p.cloud.SetFaults(short(fakeaws.Shortage{Type: "m5.large"}))
	r := request("h-1")
	r.Others = []string{"m5.xlarge"}
	b := p.open()
	if host := mustLaunch(t, b, r); host.Type != "m5.xlarge" {
		t.Fatalf("host is a %s, want m5.xlarge", host.Type)
	}
	known, err := b.shortages(t.Context(), compute.OnDemand)
	if err != nil || known.of("m5.large", subnet{Zone: "us-east-1a"}).IsZero() {
		t.Errorf("shortages = %v, %v; want m5.large in us-east-1a", known, err)
	}
}

func TestLaunchAgainAfterALostAnswer(t *testing.T) {
	p := newPlace(t)
	mustLaunch(t, p.open(), request("h-0")) // cluster and template are there
	p.cloud.SetFaults(fakeaws.Faults{FailOnce: fakeaws.FailOperation})
	b := p.open()
	var host compute.Host
	err := errors.New("not yet")
	for range 20 {
		if host, err = p.open().Launch(t.Context(), request("h-1")); err == nil {
			break
		}
		if !errors.Is(err, compute.ErrUnavailable) {
			t.Fatalf("Launch() = %v of a call that failed, want ErrUnavailable", err)
		}
	}
	if err != nil {
		t.Fatalf("Launch() = %v at last", err)
	}
	if got := len(p.cloud.Alive()); got != 2 {
		t.Errorf("%d instances are alive, want h-0 and h-1", got)
	}
	p.cloud.SetFaults(fakeaws.Faults{})
	if again := mustLaunch(t, b, request("h-1")); again.Instance != host.Instance {
		t.Errorf("Launch() again = %s, want %s", again.Instance, host.Instance)
	}
}

func TestAShortageInBetweenDoesNotChangeWhatIsAskedAgain(t *testing.T) {
	p := newPlace(t)
	r := request("h-1")
	r.Others = []string{"c5.large"}
	mustLaunch(t, p.open(), request("h-0"))
	p.cloud.SetFaults(fakeaws.Faults{AnswerLost: 1})
	if _, err := p.open().Launch(t.Context(), r); !errors.Is(err, compute.ErrUnavailable) {
		t.Fatalf("Launch() = %v with all answers lost", err)
	}
	p.cloud.SetFaults(fakeaws.Faults{})
	b := p.open()
	if err := b.noteShortages(t.Context(), compute.OnDemand, []shortage{{What: "m5.large", For: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	mustLaunch(t, b, r)
	if got := len(p.cloud.Alive()); got != 2 {
		t.Errorf("%d instances are alive, want h-0 and h-1", got)
	}
}

func TestListsThatLagDoNotLoseANewHost(t *testing.T) {
	p := newPlace(t)
	p.cloud.SetFaults(fakeaws.Faults{Lag: fakeaws.Exactly(5 * time.Minute)}) // a second here
	host := mustLaunch(t, p.open(), request("h-1"))
	b := p.open() // another process
	hosts, err := b.ListHosts(t.Context())
	if err != nil || len(hosts) != 1 || hosts[0].ID != "h-1" || hosts[0].Instance != host.Instance || hosts[0].State != compute.HostBooting {
		t.Fatalf("ListHosts() = %+v, %v; want h-1, BOOTING", hosts, err)
	}
	if again := mustLaunch(t, b, request("h-1")); again.Instance != host.Instance {
		t.Errorf("Launch() again = %s, want %s", again.Instance, host.Instance)
	}
	if err := b.Terminate(t.Context(), "h-1"); err != nil && !errors.Is(err, compute.ErrUnavailable) {
		t.Fatalf("Terminate() = %v", err)
	}
	if hosts, err := p.open().ListHosts(t.Context()); err != nil || len(hosts) != 0 {
		t.Errorf("ListHosts() = %+v, %v after Terminate; want none", hosts, err)
	}
	p.cloud.Until(t.Context(), func() bool { return b.Terminate(t.Context(), "h-1") == nil })
	if err := p.cloud.Until(t.Context(), func() bool { return len(p.cloud.Alive()) == 0 }); err != nil {
		t.Error("the instance was not terminated")
	}
}

func TestATemplateThatWasDeletedIsMadeAgain(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	if _, err := p.cloud.EC2().DeleteLaunchTemplate(t.Context(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: new(b.templateName("spot-or-not"))}); err != nil {
		t.Fatal(err)
	}
	mustLaunch(t, b, request("h-2"))
}

func TestKindsOfInstancesBootTheirImage(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	images := map[string]string{}
	for _, name := range []string{"m5.large", "m6g.large", "g4dn.xlarge"} {
		r := request("h-" + name)
		r.Type = name
		images[name] = *p.instance(t, mustLaunch(t, b, r).Instance).ImageId
	}
	if images["m5.large"] == images["m6g.large"] || images["m5.large"] == images["g4dn.xlarge"] {
		t.Errorf("images are %v, want one for each kind", images)
	}
	mine := request("h-mine")
	mine.Settings.Ec2Configuration = []types.Ec2Configuration{{ImageType: new(imageAL2023), ImageIdOverride: new(images["m5.large"])}}
	if got := *p.instance(t, mustLaunch(t, b, mine).Instance).ImageId; got != images["m5.large"] {
		t.Errorf("image is %s, want the environment's %s", got, images["m5.large"])
	}
	none := request("h-none")
	none.Type = "g5g.xlarge"
	var invalid *batch.Error
	if _, err := b.Launch(t.Context(), none); !errors.As(err, &invalid) || !strings.Contains(invalid.Next, "imageIdOverride") {
		t.Errorf("Launch() = %v of a kind without an image, want an error that says what to set", err)
	}
}

func TestAMixOfKindsIsOneFleet(t *testing.T) {
	p := newPlace(t)
	p.cloud.SetFaults(short(fakeaws.Shortage{Type: "m5.large"}))
	r := request("h-1")
	r.Others = []string{"m6g.large", "g5g.xlarge"} // the last has no image and is left out
	if host := mustLaunch(t, p.open(), r); host.Type != "m6g.large" {
		t.Errorf("host is a %s, want m6g.large", host.Type)
	}
}

func TestTheEnvironmentsLaunchTemplateIsTheBase(t *testing.T) {
	p := newPlace(t)
	_, err := p.cloud.EC2().CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: new("mine"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			KeyName: new("theirs"), InstanceType: "t3.micro", UserData: new(encoded(theirs)), EbsOptimized: new(true),
			BlockDeviceMappings: []ec2types.LaunchTemplateBlockDeviceMappingRequest{{
				DeviceName: new("/dev/xvda"), Ebs: &ec2types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: new(int32(200)), VolumeType: "gp3"}}},
			TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{{
				ResourceType: "volume", Tags: []ec2types.Tag{{Key: new("team"), Value: new("theirs")}, {Key: new("cost"), Value: new("42")}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := request("h-1")
	r.Settings.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: new("mine"), Version: new("$Latest")}
	r.Settings.Ec2KeyPair, r.Settings.PlacementGroup = new("ours"), new("near")
	r.Settings.SecurityGroupIds = []string{p.cloud.SecurityGroup()}
	r.Settings.InstanceRole = new("arn:aws:iam::123456789012:instance-profile/mine")
	r.Settings.Tags = map[string]string{"team": "atlas"}
	b := p.open()
	data, err := b.templateData(t.Context(), r, kindOf(r.Type))
	if err != nil {
		t.Fatal(err)
	}
	if *data.KeyName != "ours" || *data.Placement.GroupName != "near" || *data.IamInstanceProfile.Arn != "arn:aws:iam::123456789012:instance-profile/mine" ||
		data.SecurityGroupIds[0] != p.cloud.SecurityGroup() {
		t.Errorf("the environment's own settings do not win: %+v", data)
	}
	if data.InstanceType != "" {
		t.Errorf("the template's instance type %s is not ignored", data.InstanceType)
	}
	if !*data.EbsOptimized || *data.BlockDeviceMappings[0].Ebs.VolumeSize != 200 || data.BlockDeviceMappings[0].Ebs.VolumeType != "gp3" {
		t.Errorf("what only the template says is lost: %+v", data.BlockDeviceMappings)
	}
	tags := map[string]string{}
	for _, tag := range data.TagSpecifications[0].Tags {
		tags[*tag.Key] = *tag.Value
	}
	if tags["team"] != "atlas" || tags["cost"] != "42" || tags[tagDeployment] != "test" {
		t.Errorf("volumes have tags %v, want both, the environment's winning", tags)
	}
	mustLaunch(t, b, r)
	p.ready(t, b, "h-1") // its agent found the cluster in the user data

	r.ID, r.Settings.LaunchTemplate.LaunchTemplateName = "h-2", new("nobody's")
	var invalid *batch.Error
	if _, err := b.Launch(t.Context(), r); !errors.As(err, &invalid) || !strings.Contains(invalid.Message, "computeResources.launchTemplate") {
		t.Errorf("Launch() = %v with a template that is not there, want an error that names the field", err)
	}
}

func TestWithoutAnInstanceProfileNothingIsLaunched(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	b.o.InstanceProfile = ""
	var invalid *batch.Error
	if _, err := b.Launch(t.Context(), request("h-1")); !errors.As(err, &invalid) || !strings.Contains(invalid.Error(), "computeResources.instanceRole") {
		t.Errorf("Launch() = %v, want an error that names the field", err)
	}
}

func TestAClusterThatWasDeletedIsMadeAgainForTheNextHost(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	if _, err := p.cloud.ECS().DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: new("computetest")}); err != nil {
		t.Fatal(err)
	}
	if hosts, err := b.ListHosts(t.Context()); err != nil || len(hosts) != 1 { // which finds the cluster gone
		t.Fatalf("ListHosts() = %+v, %v; want the host, which has no cluster to join", hosts, err)
	}
	mustLaunch(t, b, request("h-2"))
	p.ready(t, b, "h-2")
}
