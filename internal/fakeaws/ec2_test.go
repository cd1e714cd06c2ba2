package fakeaws_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestFleetToken(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	in := w.fleet()
	in.ClientToken = aws.String("token")
	first := w.launch(in)
	if again := w.launch(in); !slices.Equal(first, again) {
		t.Errorf("the same call launched %v, then %v; want the same", first, again)
	}
	in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(2)
	_, err := w.ec2.CreateFleet(t.Context(), in)
	wantCode(t, "another call with the token", err, "IdempotentParameterMismatch")
	if n := w.cloud.Launched(); n != 1 {
		t.Errorf("%d instances were launched, want 1", n)
	}
}

// override is a pool of a fleet.
func override(instanceType, subnet string) ec2types.FleetLaunchTemplateOverridesRequest {
	return ec2types.FleetLaunchTemplateOverridesRequest{InstanceType: ec2types.InstanceType(instanceType), SubnetId: &subnet}
}

func TestFleetCapacity(t *testing.T) {
	tests := map[string]struct {
		faults fakeaws.Faults
		change func(w *world, in *ec2.CreateFleetInput)
		want   []string // types launched
		errors []string // "code type"
	}{
		"one is enough": {want: []string{"m5.large"}},
		"no capacity of the only type": {
			faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "m5.*"}}},
			errors: []string{"InsufficientInstanceCapacity m5.large"},
		},
		"no capacity in another zone, or of another market": {
			faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "m5.large", Zone: "us-east-1b"}, {Market: "spot"}}},
			want:   []string{"m5.large"},
		},
		"the next type does": {
			faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "c5.large"}}},
			change: func(w *world, in *ec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides = append(in.LaunchTemplateConfigs[0].Overrides, override("c5.large", w.cloud.Subnets()[0]))
			},
			want: []string{"m5.large"}, errors: []string{"InsufficientInstanceCapacity c5.large"},
		},
		"what there is, and why there is no more": {
			faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "m5.large", Left: 2}}},
			change: func(_ *world, in *ec2.CreateFleetInput) {
				in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(3)
			},
			want: []string{"m5.large", "m5.large"}, errors: []string{"InsufficientInstanceCapacity m5.large"},
		},
		"nothing, if less than the least": {
			faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "m5.large", Left: 2}}},
			change: func(_ *world, in *ec2.CreateFleetInput) {
				in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(3)
				in.OnDemandOptions = &ec2types.OnDemandOptionsRequest{MinTargetCapacity: aws.Int32(3)}
			},
			errors: []string{"InsufficientInstanceCapacity m5.large"},
		},
		"prioritized goes by priority, not price": {
			change: func(w *world, in *ec2.CreateFleetInput) {
				large := override("m5.4xlarge", w.cloud.Subnets()[0])
				large.Priority = aws.Float64(1)
				in.LaunchTemplateConfigs[0].Overrides = append(in.LaunchTemplateConfigs[0].Overrides, large)
				in.OnDemandOptions = &ec2types.OnDemandOptionsRequest{AllocationStrategy: ec2types.FleetOnDemandAllocationStrategyPrioritized}
			},
			want: []string{"m5.4xlarge"},
		},
		"the account's quota": {
			faults: fakeaws.Faults{VCPULimit: 2},
			change: func(_ *world, in *ec2.CreateFleetInput) {
				in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(2)
			},
			want: []string{"m5.large"}, errors: []string{"VcpuLimitExceeded m5.large"},
		},
		"a bid below the Spot price": {
			change: func(_ *world, in *ec2.CreateFleetInput) {
				in.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeSpot
				in.LaunchTemplateConfigs[0].Overrides[0].MaxPrice = aws.String("0.001")
			},
			errors: []string{"SpotMaxPriceTooLow m5.large"},
		},
		"a type that there is not": {
			change: func(w *world, in *ec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides[0] = override("m5.enormous", w.cloud.Subnets()[0])
			},
			errors: []string{"InvalidParameterValue m5.enormous"},
		},
		"an image for another architecture": {
			change: func(w *world, in *ec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides[0] = override("m6g.large", w.cloud.Subnets()[0])
			},
			errors: []string{"InvalidParameterValue m6g.large"},
		},
		"a subnet that there is not": {
			change: func(_ *world, in *ec2.CreateFleetInput) {
				in.LaunchTemplateConfigs[0].Overrides[0] = override("m5.large", "subnet-0")
			},
			errors: []string{"InvalidSubnetID.NotFound m5.large"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{Faults: test.faults}).furnish()
			in := w.fleet()
			if test.change != nil {
				test.change(w, in)
			}
			out := must[*ec2.CreateFleetOutput](t)(w.ec2.CreateFleet(t.Context(), in))
			var got, errors []string
			for _, i := range out.Instances {
				for range i.InstanceIds {
					got = append(got, string(i.InstanceType))
				}
			}
			for _, e := range out.Errors {
				errors = append(errors, fmt.Sprint(*e.ErrorCode, " ", e.LaunchTemplateAndOverrides.Overrides.InstanceType))
			}
			if !slices.Equal(got, test.want) || !slices.Equal(errors, test.errors) {
				t.Errorf("launched %q with errors %q, want %q, %q", got, errors, test.want, test.errors)
			}
		})
	}
}

func TestShortagesComeFromTheSeed(t *testing.T) {
	short := func(seed uint64) (all []string) {
		w := newWorld(t, fakeaws.Options{Seed: seed, Faults: fakeaws.Faults{ShortageChance: 0.5}}).furnish()
		for _, typ := range []string{"m5.large", "c5.large", "r5.large", "m5.xlarge", "c5.xlarge", "r5.xlarge"} {
			in := w.fleet()
			in.LaunchTemplateConfigs[0].Overrides[0].InstanceType = ec2types.InstanceType(typ)
			if out := must[*ec2.CreateFleetOutput](t)(w.ec2.CreateFleet(t.Context(), in)); len(out.Errors) > 0 {
				all = append(all, typ)
			}
		}
		return all
	}
	if one, again := short(1), short(1); !slices.Equal(one, again) {
		t.Errorf("seed 1 lacks %v, then %v", one, again)
	}
	if one, two := short(1), short(3); slices.Equal(one, two) {
		t.Errorf("seeds 1 and 3 both lack %v", one)
	}
}

func TestFleetRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(in *ec2.CreateFleetInput)
		want   string
	}{
		"a fleet that stays": {func(in *ec2.CreateFleetInput) { in.Type = ec2types.FleetTypeMaintain }, "InvalidParameterValue"},
		"no template":        {func(in *ec2.CreateFleetInput) { in.LaunchTemplateConfigs = nil }, "MissingParameter"},
		"no target":          {func(in *ec2.CreateFleetInput) { in.TargetCapacitySpecification = nil }, "MissingParameter"},
		"a template that there is not": {func(in *ec2.CreateFleetInput) {
			in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateName = aws.String("x")
		}, "InvalidLaunchTemplateName.NotFoundException"},
		"a version that there is not": {func(in *ec2.CreateFleetInput) {
			in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.Version = aws.String("7")
		}, "InvalidLaunchTemplateId.VersionNotFound"},
		"tags for what a fleet is not": {func(in *ec2.CreateFleetInput) {
			in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: "vpc"}}
		}, "InvalidParameterValue"},
		"a dry run that would have gone": {func(in *ec2.CreateFleetInput) { in.DryRun = aws.Bool(true) }, "DryRunOperation"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{}).furnish()
			in := w.fleet()
			test.change(in)
			_, err := w.ec2.CreateFleet(t.Context(), in)
			wantCode(t, "CreateFleet", err, test.want)
		})
	}
}

func TestInstanceLife(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	in := w.fleet()
	in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{{Key: aws.String("host"), Value: aws.String("h1")}}}}
	id := w.joined(w.launch(in)[0])
	find := func(filters ...ec2types.Filter) []ec2types.Instance {
		var all []ec2types.Instance
		out := must[*ec2.DescribeInstancesOutput](t)(w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: filters}))
		for _, r := range out.Reservations {
			all = append(all, r.Instances...)
		}
		return all
	}
	filter := func(name string, values ...string) ec2types.Filter {
		return ec2types.Filter{Name: &name, Values: values}
	}
	got := find(filter("tag:host", "h*"), filter("instance-state-name", "pending", "running"))
	if len(got) != 1 || *got[0].InstanceId != id || *got[0].SubnetId != w.cloud.Subnets()[0] || got[0].InstanceLifecycle != "" {
		t.Fatalf("found %s, want %s in its subnet", asJSON(got), id)
	}
	must[*ec2.CreateTagsOutput](t)(w.ec2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: []ec2types.Tag{{Key: aws.String("host"), Value: aws.String("h2")}}}))
	if len(find(filter("tag:host", "h1"))) != 0 || len(find(filter("tag:host", "h2"))) != 1 {
		t.Error("CreateTags did not replace the tag")
	}
	must[*ec2.TerminateInstancesOutput](t)(w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	w.until("it is terminated", func() bool { return len(find(filter("instance-state-name", "terminated"))) == 1 })
	again := must[*ec2.TerminateInstancesOutput](t)(w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	if s := again.TerminatingInstances[0]; s.CurrentState.Name != ec2types.InstanceStateNameTerminated {
		t.Errorf("terminated again it is %s", s.CurrentState.Name)
	}
	_, err := w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{filter("color", "red")}})
	wantCode(t, "an unknown filter", err, "InvalidParameterValue")
	var states []string
	w.until("all events came", func() bool {
		states = nil
		for _, e := range w.told(fakeaws.InstanceStateChange) {
			states = append(states, string(e.Detail))
		}
		return len(states) == 4
	})
	for _, state := range []string{"pending", "running", "shutting-down", "terminated"} {
		if !slices.ContainsFunc(states, func(s string) bool { return strings.Contains(s, `"state":"`+state+`"`) }) {
			t.Errorf("no event tells %s: %s", state, states)
		}
	}
}

func TestInstancesPage(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	in := w.fleet()
	in.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(12)
	want := w.launch(in)
	var got []string
	ask := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5)}
	for pages := 1; ; pages++ {
		out := must[*ec2.DescribeInstancesOutput](t)(w.ec2.DescribeInstances(t.Context(), ask))
		for _, r := range out.Reservations {
			got = append(got, *r.Instances[0].InstanceId)
		}
		if ask.NextToken = out.NextToken; ask.NextToken == nil {
			if pages != 3 {
				t.Errorf("12 instances came on %d pages of 5, want 3", pages)
			}
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
}

func TestTerminatedInstancesAreForgottenAfterAnHour(t *testing.T) {
	clock := newClock()
	w := newWorld(t, fakeaws.Options{Now: clock.now}).furnish()
	id := w.host()
	must[*ec2.TerminateInstancesOutput](t)(w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	w.until("it is gone", func() bool { return len(w.cloud.Alive()) == 0 })
	clock.advance(time.Hour + time.Second)
	_, err := w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	wantCode(t, "DescribeInstances an hour later", err, "InvalidInstanceID.NotFound")
}

func TestAgentReadsUserData(t *testing.T) {
	const archive = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"==B==\"\r\n\r\n" +
		"--==B==\r\nContent-Type: text/x-shellscript\r\n\r\n#!/bin/sh\necho hi\r\n" +
		"--==B==\r\nContent-Type: text/x-shellscript\r\n\r\n#!/bin/sh\necho ECS_CLUSTER='c' >> /etc/ecs/ecs.config\r\n--==B==--\r\n"
	tests := map[string]struct {
		userData string
		memory   int32
		color    string
	}{
		"a script":      {"#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config", 7680, ""},
		"MIME":          {archive, 7680, ""},
		"a here-doc":    {"#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=c\nECS_INSTANCE_ATTRIBUTES={\"color\": \"red\"}\nECS_RESERVED_MEMORY=132\nEOF\n", 7580, "red"},
		"Bottlerocket":  {"[settings.ecs]\ncluster = \"c\"\n", 7680, ""},
		"quoted as one": {"#!/bin/bash\necho \"ECS_CLUSTER=c\" >> /etc/ecs/ecs.config", 7680, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{}).furnish()
			w.template("other", test.userData)
			in := w.fleet()
			in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateName = aws.String("other")
			a := w.agent(w.joined(w.launch(in)[0]))
			var memory, cpu int32
			for _, r := range a.RegisteredResources {
				switch *r.Name {
				case "MEMORY":
					memory = r.IntegerValue
				case "CPU":
					cpu = r.IntegerValue
				}
			}
			var color string
			for _, attribute := range a.Attributes {
				if *attribute.Name == "color" {
					color = *attribute.Value
				}
			}
			if memory != test.memory || cpu != 2048 || color != test.color {
				t.Errorf("it registered %d MiB, %d units, color %q; want %d, 2048, %q", memory, cpu, color, test.memory, test.color)
			}
		})
	}
}

func TestAgentsThatNeverJoin(t *testing.T) {
	tests := map[string]struct {
		faults fakeaws.Faults
		change func(w *world)
	}{
		"by chance":             {fakeaws.Faults{NeverJoins: 1}, func(*world) {}},
		"of an unknown cluster": {fakeaws.Faults{}, func(w *world) { w.template("other", "#!/bin/sh\necho ECS_CLUSTER=nowhere") }},
		"without a profile": {fakeaws.Faults{}, func(w *world) {
			must[*ec2.CreateLaunchTemplateOutput](w)(w.ec2.CreateLaunchTemplate(w.Context(), &ec2.CreateLaunchTemplateInput{
				LaunchTemplateName: aws.String("other"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
					ImageId: aws.String(image), UserData: aws.String(base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\necho ECS_CLUSTER=c")))}}))
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{Faults: test.faults, BootTime: fakeaws.Exactly(time.Second)}).furnish()
			test.change(w)
			in := w.fleet()
			if name != "by chance" {
				in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateName = aws.String("other")
			}
			id := w.launch(in)[0]
			w.cloud.SetFaults(fakeaws.Faults{})
			after := w.host() // one that was launched later, of an equal boot time, is there
			if w.agent(id) != nil || w.agent(after) == nil {
				t.Errorf("agents: %v and later %v, want only the later one", w.agent(id) != nil, w.agent(after) != nil)
			}
		})
	}
}

func TestSpotInterruption(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	w.template("drains", "#!/bin/sh\necho ECS_CLUSTER=c\necho ECS_ENABLE_SPOT_INSTANCE_DRAINING=true")
	in := w.fleet()
	in.LaunchTemplateConfigs[0].LaunchTemplateSpecification.LaunchTemplateName = aws.String("drains")
	in.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeSpot
	id := w.joined(w.launch(in)[0])
	arn := w.run(on(id, w.define("sleep", "sleep", "60")))
	w.reaches(arn, "RUNNING")
	if err := w.cloud.Interrupt(id); err != nil {
		t.Fatal(err)
	}
	if a := w.agent(id); a == nil || *a.Status != "DRAINING" {
		t.Errorf("after the warning the agent is %s, want DRAINING", asJSON(a))
	}
	got := w.reaches(arn, "STOPPED")
	if !strings.HasPrefix(*got.StoppedReason, "Host EC2 (instance "+id) {
		t.Errorf("the task stopped with %q", *got.StoppedReason)
	}
	w.until("the warning came", func() bool { return len(w.told(fakeaws.SpotWarning)) == 1 })
	if e := w.told(fakeaws.SpotWarning)[0]; string(e.Detail) != fmt.Sprintf(`{"instance-action":"terminate","instance-id":%q}`, id) {
		t.Errorf("the warning says %s", e.Detail)
	}
	out := must[*ec2.DescribeInstancesOutput](t)(w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))
	if i := out.Reservations[0].Instances[0]; *i.StateReason.Code != "Server.SpotInstanceTermination" || i.InstanceLifecycle != "spot" {
		t.Errorf("its end is told as %s, %s", asJSON(i.StateReason), i.InstanceLifecycle)
	}
	if err := w.cloud.Interrupt(id); err == nil {
		t.Error("Interrupt() of an instance that is gone = nil, want an error")
	}
}

func TestSpotIsInterruptedBySeed(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Faults: fakeaws.Faults{Interrupted: 1, InterruptedAfter: fakeaws.Exactly(time.Minute)}}).furnish()
	in := w.fleet()
	in.TargetCapacitySpecification.DefaultTargetCapacityType = ec2types.DefaultTargetCapacityTypeSpot
	w.launch(in)
	onDemand := w.host()
	w.until("the Spot instance is gone", func() bool { return slices.Equal(w.cloud.Alive(), []string{onDemand}) })
}

func TestDescribeLagsBehind(t *testing.T) {
	clock := newClock()
	w := newWorld(t, fakeaws.Options{Now: clock.now, Speed: fast, Faults: fakeaws.Faults{Lag: fakeaws.Exactly(1000 * time.Second)}}).furnish()
	id := w.launch(w.fleet())[0]
	_, err := w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	wantCode(t, "DescribeInstances at once", err, "InvalidInstanceID.NotFound")
	clock.advance(time.Second) // 1000 s at that speed
	must[*ec2.DescribeInstancesOutput](t)(w.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))
	w.until("the agent has joined", func() bool { clock.advance(time.Second); return w.agent(id) != nil })

	arn := w.run(on(id, "echo"))
	if got := *w.task(arn).LastStatus; got != "MISSING" {
		t.Errorf("a task that was just run is %s, want it not to be seen yet", got)
	}
	list := must[*ecs.ListTasksOutput](t)(w.ecs.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("c")}))
	if len(list.TaskArns) != 0 {
		t.Errorf("ListTasks sees %v", list.TaskArns)
	}
	w.until("its end is seen", func() bool { clock.advance(time.Second); return *w.task(arn).LastStatus == "STOPPED" })
}

func TestLaunchTemplates(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	cloud := w.cloud.EC2()
	in := &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("lt"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(image)}}
	_, err := cloud.CreateLaunchTemplate(t.Context(), in)
	wantCode(t, "a name that is taken", err, "InvalidLaunchTemplateName.AlreadyExistsException")
	in.LaunchTemplateData.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16<<10+1)))
	in.LaunchTemplateName = aws.String("big")
	_, err = cloud.CreateLaunchTemplate(t.Context(), in)
	wantCode(t, "too much user data", err, "InvalidParameterValue")
	in.LaunchTemplateData.UserData = aws.String("#!/bin/sh")
	_, err = cloud.CreateLaunchTemplate(t.Context(), in)
	wantCode(t, "user data that is no base64", err, "InvalidUserData.Malformed")

	in = &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("token"), ClientToken: aws.String("t"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(image)}}
	one := must[*ec2.CreateLaunchTemplateOutput](t)(cloud.CreateLaunchTemplate(t.Context(), in))
	two := must[*ec2.CreateLaunchTemplateOutput](t)(cloud.CreateLaunchTemplate(t.Context(), in))
	if *one.LaunchTemplate.LaunchTemplateId != *two.LaunchTemplate.LaunchTemplateId {
		t.Error("the same call with a token made two templates")
	}
	in.LaunchTemplateName = aws.String("other")
	_, err = cloud.CreateLaunchTemplate(t.Context(), in)
	wantCode(t, "another call with the token", err, "IdempotentParameterMismatch")
}

func TestInstanceTypesAndPrices(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	cloud := w.cloud.EC2()
	n := 0
	for token := (*string)(nil); ; {
		out := must[*ec2.DescribeInstanceTypesOutput](t)(cloud.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{NextToken: token}))
		n += len(out.InstanceTypes)
		if token = out.NextToken; token == nil {
			break
		}
	}
	if n < 500 {
		t.Errorf("DescribeInstanceTypes pages through %d types, want those of the catalog", n)
	}
	_, err := cloud.DescribeInstanceTypes(t.Context(), &ec2.DescribeInstanceTypesInput{InstanceTypes: []ec2types.InstanceType{"m5.enormous"}})
	wantCode(t, "an unknown type", err, "InvalidInstanceType")
	prices := must[*ec2.DescribeSpotPriceHistoryOutput](t)(cloud.DescribeSpotPriceHistory(t.Context(), &ec2.DescribeSpotPriceHistoryInput{
		InstanceTypes: []ec2types.InstanceType{"m5.large"}, ProductDescriptions: []string{"Linux/UNIX"}}))
	if len(prices.SpotPriceHistory) != 3 {
		t.Errorf("m5.large has %d Spot prices, want one in each of three zones", len(prices.SpotPriceHistory))
	}
}
