package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

func TestRevisionsCountFromOneAndAreNeverReused(t *testing.T) {
	s := newScene(t)
	out := must[*awsbatch.RegisterJobDefinitionOutput](t)(s.RegisterJobDefinition(t.Context(), newDefinition("def")))
	if *out.Revision != 1 || *out.JobDefinitionName != "def" || *out.JobDefinitionArn != "arn:aws:batch:eu-central-1:123456789012:job-definition/def:1" {
		t.Errorf("RegisterJobDefinition = %d, %s, %s", *out.Revision, *out.JobDefinitionName, *out.JobDefinitionArn)
	}
	s.register(t, "def")
	s.deregister(t, "def:2")
	if got := s.register(t, "def"); got != "def:3" {
		t.Errorf("revision after the last was deregistered = %s, want def:3", got)
	}
	if got := s.register(t, "other"); got != "other:1" {
		t.Errorf("first revision of another name = %s, want other:1", got)
	}
}

func TestRegisteringAtTheSameMoment(t *testing.T) {
	s := newScene(t)
	s.table.before = []func(){func() { s.register(t, "def") }}
	if got := s.register(t, "def"); got != "def:2" {
		t.Errorf("the second to be written is %s, want def:2", got)
	}
}

// Processes keep the latest revision of a name for a moment. Whoever has the answer may
// submit by name to any of them, and gets what was registered.
func TestANewRevisionIsAnsweredWhenAllProcessesSeeIt(t *testing.T) {
	settled := 0
	s := newScene(t, func(c *control.Config) { c.Settle = func(context.Context) { settled++ } })
	for _, step := range []struct {
		name    string
		settled int
	}{
		{"def", 0}, // nobody keeps that something is not there
		{"def", 1},
		{"other", 1},
		{"def", 2},
	} {
		if s.register(t, step.name); settled != step.settled {
			t.Errorf("after another revision of %s was registered: waited %d times, want %d", step.name, settled, step.settled)
		}
	}
}

func (s *scene) deregister(t *testing.T, ref string) {
	t.Helper()
	must[*awsbatch.DeregisterJobDefinitionOutput](t)(s.DeregisterJobDefinition(t.Context(), &awsbatch.DeregisterJobDefinitionInput{JobDefinition: &ref}))
}

func TestDeregisterJobDefinition(t *testing.T) {
	s := newScene(t)
	s.register(t, "def")
	s.register(t, "def")
	s.deregister(t, "def:1")
	s.deregister(t, "def:1") // once more changes nothing
	s.deregister(t, "arn:aws:batch:us-west-2:000000000000:job-definition/def:2")
	for _, d := range s.definitions(t, awsbatch.DescribeJobDefinitionsInput{JobDefinitionName: new("def")}) {
		if *d.Status != "INACTIVE" {
			t.Errorf("status of revision %d = %s, want INACTIVE", *d.Revision, *d.Status)
		}
	}
	for ref, want := range map[string]string{
		"def":       "JobDefinition def has no revision.",
		"def:new":   "Provided name def:new is not supported pattern[a-zA-Z_0-9-]{1,128}",
		"def:0":     "Provided name def:0 is not supported pattern[a-zA-Z_0-9-]{1,128}",
		"":          "Provided name  is not supported pattern[a-zA-Z_0-9-]{1,128}",
		"a b:1":     "Provided name a b:1 is not supported pattern[a-zA-Z_0-9-]{1,128}",
		"arn:x:y/z": "Provided name arn:x:y/z is not supported pattern[a-zA-Z_0-9-]{1,128}",
	} {
		_, err := s.DeregisterJobDefinition(t.Context(), &awsbatch.DeregisterJobDefinitionInput{JobDefinition: &ref})
		wantRefused(t, err, want)
	}
	_, err := s.DeregisterJobDefinition(t.Context(), &awsbatch.DeregisterJobDefinitionInput{JobDefinition: new("def:9")})
	wantError(t, err, batch.CodeNotFound, "JobDefinition arn:aws:batch:eu-central-1:123456789012:job-definition/def:9 not found.")
}

func (s *scene) definitions(t *testing.T, in awsbatch.DescribeJobDefinitionsInput) []types.JobDefinition {
	t.Helper()
	return must[*awsbatch.DescribeJobDefinitionsOutput](t)(s.DescribeJobDefinitions(t.Context(), &in)).JobDefinitions
}

func revisions(definitions []types.JobDefinition) string {
	var list []string
	for _, d := range definitions {
		list = append(list, fmt.Sprintf("%s:%d", *d.JobDefinitionName, *d.Revision))
	}
	return strings.Join(list, " ")
}

func TestDescribeJobDefinitions(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"a", "a", "a", "b", "b"} {
		s.register(t, name)
	}
	s.deregister(t, "a:3")
	s.deregister(t, "b:1")
	type describe = awsbatch.DescribeJobDefinitionsInput
	for name, tt := range map[string]struct {
		in   describe
		want string
	}{
		"all, the active first":          {describe{}, "b:2 a:2 a:1 b:1 a:3"},
		"all that are active":            {describe{Status: new("ACTIVE")}, "b:2 a:2 a:1"},
		"all that are not":               {describe{Status: new("inactive")}, "b:1 a:3"},
		"a status that is none":          {describe{Status: new("OLD")}, ""},
		"of a name, newest first":        {describe{JobDefinitionName: new("a")}, "a:3 a:2 a:1"},
		"the active of a name":           {describe{JobDefinitionName: new("a"), Status: new("ACTIVE")}, "a:2 a:1"},
		"an ARN as name":                 {describe{JobDefinitionName: new("arn:aws:batch:r:1:job-definition/a:2")}, "a:2"},
		"of a name that is not there":    {describe{JobDefinitionName: new("x")}, ""},
		"by name, revision and ARN":      {describe{JobDefinitions: []string{"b:1", "arn:aws:batch:r:1:job-definition/a:3", "a:9", "x", "b:1"}}, "b:1 a:3"},
		"by name without revision":       {describe{JobDefinitions: []string{"b", "a:1"}}, "b:2 b:1 a:1"},
		"by name and revision, once":     {describe{JobDefinitions: []string{"b:1", "b", "b:2"}}, "b:1 b:2"},
		"by what no name can look like":  {describe{JobDefinitions: []string{"a:latest", "a b"}}, ""},
		"two, where the first is active": {describe{JobDefinitionName: new("a"), Status: new("ACTIVE"), MaxResults: new(int32(1))}, "a:2"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := revisions(s.definitions(t, tt.in)); got != tt.want {
				t.Errorf("definitions = %s, want %s", got, tt.want)
			}
		})
	}
	for name, tt := range map[string]struct {
		in   describe
		want string
	}{
		"a list and a size":   {describe{JobDefinitions: []string{"a:1"}, MaxResults: new(int32(1))}, "JobDefinitions and MaxResults cannot both be set"},
		"a list and a name":   {describe{JobDefinitions: []string{"a:1"}, JobDefinitionName: new("a")}, "JobDefinitions and JobDefinitionName cannot both be set"},
		"a list and a status": {describe{JobDefinitions: []string{"a:1"}, Status: new("ACTIVE")}, "JobDefinitions and Status cannot both be set"},
		"a bad name":          {describe{JobDefinitionName: new("a:latest")}, "Provided name a:latest is not supported pattern[a-zA-Z_0-9-]{1,128}"},
		"a size of 101":       {describe{MaxResults: new(int32(101))}, "maxResults must be between 1 and 100, got 101."},
		"a bad token":         {describe{NextToken: new("x")}, "nextToken is not valid for this request."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.DescribeJobDefinitions(t.Context(), &tt.in)
			wantRefused(t, err, tt.want)
		})
	}
}

func TestPagesOfJobDefinitions(t *testing.T) {
	s := newScene(t)
	var all []string
	for i := range 5 {
		all = append([]string{s.register(t, "a")}, all...)
		if i == 3 {
			s.deregister(t, "a:4")
		}
	}
	pages := func(in awsbatch.DescribeJobDefinitionsInput) (seen []string) {
		for range 10 {
			out := must[*awsbatch.DescribeJobDefinitionsOutput](t)(s.DescribeJobDefinitions(t.Context(), &in))
			seen = append(seen, strings.Fields(revisions(out.JobDefinitions))...)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return seen
			}
		}
		t.Fatal("the pages do not end")
		return nil
	}
	for size := int32(1); size <= 6; size++ {
		if got := pages(awsbatch.DescribeJobDefinitionsInput{JobDefinitionName: new("a"), MaxResults: &size}); !slices.Equal(got, all) {
			t.Errorf("pages of %d of a name = %v, want %v", size, got, all)
		}
		if got := pages(awsbatch.DescribeJobDefinitionsInput{MaxResults: &size}); !slices.Equal(got, []string{"a:5", "a:3", "a:2", "a:1", "a:4"}) {
			t.Errorf("pages of %d of all = %v", size, got)
		}
	}
	t.Run("a token belongs to its question", func(t *testing.T) {
		out := must[*awsbatch.DescribeJobDefinitionsOutput](t)(s.DescribeJobDefinitions(t.Context(),
			&awsbatch.DescribeJobDefinitionsInput{JobDefinitionName: new("a"), MaxResults: new(int32(1))}))
		_, err := s.DescribeJobDefinitions(t.Context(), &awsbatch.DescribeJobDefinitionsInput{Status: new("ACTIVE"), NextToken: out.NextToken})
		wantRefused(t, err, "nextToken is not valid for this request.")
	})
}

// shown registers a definition and returns it as the wire shows it.
func (s *scene) shown(t *testing.T, in *awsbatch.RegisterJobDefinitionInput) map[string]any {
	t.Helper()
	must[*awsbatch.RegisterJobDefinitionOutput](t)(s.RegisterJobDefinition(t.Context(), in))
	return onWire(t, s.definitions(t, awsbatch.DescribeJobDefinitionsInput{JobDefinitionName: in.JobDefinitionName})[0])
}

func onWire(t *testing.T, v any) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := json.Unmarshal(must[[]byte](t)(wire.Marshal(v)), &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestSmallestDefinitionIsShownWithEmptyLists(t *testing.T) {
	got := newScene(t).shown(t, newDefinition("def"))
	want := onWire(t, map[string]any{
		"jobDefinitionName": "def", "revision": 1, "type": "container", "status": "ACTIVE",
		"jobDefinitionArn":           "arn:aws:batch:eu-central-1:123456789012:job-definition/def:1",
		"containerOrchestrationType": "ECS",
		"parameters":                 map[string]string{},
		"tags":                       map[string]string{},
		"containerProperties": map[string]any{
			"image":                "busybox",
			"resourceRequirements": []map[string]string{{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}},
			"command":              []string{}, "environment": []string{}, "mountPoints": []string{},
			"secrets": []string{}, "ulimits": []string{}, "volumes": []string{},
		},
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("shown %v\n want %v", got, want)
	}
}

func TestWhatWasSentIsShownUnchanged(t *testing.T) {
	full := newDefinition("def")
	full.Parameters = map[string]string{"nf-token": "abc"}
	full.Tags = map[string]string{"team": "a"}
	full.PropagateTags, full.SchedulingPriority = new(true), new(int32(7))
	full.Timeout = &types.JobTimeout{AttemptDurationSeconds: new(int32(60))}
	full.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityEc2}
	full.RetryStrategy = &types.RetryStrategy{Attempts: new(int32(3)), EvaluateOnExit: []types.EvaluateOnExit{
		{OnStatusReason: new("Host EC2*"), Action: "RETRY"}, {OnReason: new("*"), Action: "exit"},
	}}
	p := full.ContainerProperties
	p.Command = []string{"echo", "Ref::x", ""}
	p.Environment = []types.KeyValuePair{{Name: new("Z"), Value: new("1")}, {Name: new("A"), Value: new("")}}
	p.MountPoints = []types.MountPoint{{SourceVolume: new("v"), ContainerPath: new("/v"), ReadOnly: new(false)}}
	p.Volumes = []types.Volume{{Name: new("v"), Host: &types.Host{SourcePath: new("/data")}}}
	p.Ulimits = []types.Ulimit{{Name: new("nofile"), HardLimit: new(int32(10)), SoftLimit: new(int32(5))}}
	p.LinuxParameters = &types.LinuxParameters{
		InitProcessEnabled: new(true), MaxSwap: new(int32(0)), Swappiness: new(int32(60)), SharedMemorySize: new(int32(64)),
		Devices: []types.Device{{HostPath: new("/dev/fuse")}},
		Tmpfs:   []types.Tmpfs{{ContainerPath: new("/t"), Size: new(int32(16)), MountOptions: []string{"ro"}}},
	}
	p.LogConfiguration = &types.LogConfiguration{LogDriver: "awslogs", Options: map[string]string{"awslogs-group": "g"}}
	p.User, p.Privileged, p.ReadonlyRootFilesystem = new("1000:1000"), new(true), new(false)
	p.JobRoleArn, p.ExecutionRoleArn = new("arn:aws:iam::1:role/job"), new("arn:aws:iam::1:role/exec")
	p.Secrets = []types.Secret{{Name: new("S"), ValueFrom: new("arn:secret")}}

	onFargate := newDefinition("fargate", onFargate)
	several := newDefinition("several", withContainers(
		types.TaskContainerProperties{Name: new("main"), Image: new("busybox"), ResourceRequirements: needs("1", "128"),
			DependsOn: []types.TaskContainerDependency{{ContainerName: new("side"), Condition: new("START")}}},
		types.TaskContainerProperties{Name: new("side"), Image: new("busybox"), Essential: new(false), ResourceRequirements: needs("1", "64")},
	))
	for _, in := range []*awsbatch.RegisterJobDefinitionInput{full, onFargate, several, multinode("0:1", ":1"), legacy("1", "128")} {
		t.Run(*in.JobDefinitionName, func(t *testing.T) {
			sent := onWire(t, in)
			got := newScene(t).shown(t, in)
			for _, missing := range without(sent, got, "") {
				t.Errorf("not shown as it was sent: %s", missing)
			}
			if again := onWire(t, in); !reflect.DeepEqual(sent, again) {
				t.Errorf("the request itself was changed: %v", again)
			}
		})
	}
}

// without names the members of sent that got does not have with the same value.
func without(sent, got any, path string) (missing []string) {
	switch s := sent.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name, member := range s {
			missing = append(missing, without(member, g[name], path+"."+name)...)
		}
		return missing
	case []any:
		g, _ := got.([]any)
		if len(g) != len(s) {
			return []string{fmt.Sprintf("%s: %v, shown %v", path, sent, got)}
		}
		for i := range s {
			missing = append(missing, without(s[i], g[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return missing
	}
	if !reflect.DeepEqual(sent, got) {
		return []string{fmt.Sprintf("%s: %v, shown %v", path, sent, got)}
	}
	return nil
}

func TestListsThatAWSAddsDeeperDown(t *testing.T) {
	s := newScene(t)
	in := newDefinition("def", func(in *awsbatch.RegisterJobDefinitionInput) {
		in.RetryStrategy = &types.RetryStrategy{Attempts: new(int32(2))}
		in.ContainerProperties.LinuxParameters = &types.LinuxParameters{}
		in.ContainerProperties.LogConfiguration = &types.LogConfiguration{LogDriver: "json-file"}
	})
	got := s.shown(t, in)
	container := got["containerProperties"].(map[string]any)
	for _, list := range []any{
		got["retryStrategy"].(map[string]any)["evaluateOnExit"],
		container["linuxParameters"].(map[string]any)["devices"],
		container["linuxParameters"].(map[string]any)["tmpfs"],
		container["logConfiguration"].(map[string]any)["secretOptions"],
	} {
		if l, ok := list.([]any); !ok || len(l) != 0 {
			t.Errorf("a list is shown as %#v, want an empty list", list)
		}
	}
	fargate := s.shown(t, newDefinition("f", onFargate))["containerProperties"].(map[string]any)
	if got := fargate["fargatePlatformConfiguration"]; !reflect.DeepEqual(got, map[string]any{"platformVersion": "LATEST"}) {
		t.Errorf("fargatePlatformConfiguration = %v, want platformVersion LATEST", got)
	}
}

func onFargate(in *awsbatch.RegisterJobDefinitionInput) {
	in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
	if p := in.ContainerProperties; p != nil {
		p.ExecutionRoleArn, p.ResourceRequirements = new("arn:aws:iam::1:role/exec"), needs("0.25", "512")
	}
	if e := in.EcsProperties; e != nil {
		e.TaskProperties[0].ExecutionRoleArn = new("arn:aws:iam::1:role/exec")
	}
}

// withContainers makes it a definition of several containers.
func withContainers(containers ...types.TaskContainerProperties) func(*awsbatch.RegisterJobDefinitionInput) {
	return func(in *awsbatch.RegisterJobDefinitionInput) {
		in.ContainerProperties = nil
		in.EcsProperties = &types.EcsProperties{TaskProperties: []types.EcsTaskProperties{{Containers: containers}}}
	}
}

// multinode is a request for a multi-node parallel definition of two nodes.
func multinode(ranges ...string) *awsbatch.RegisterJobDefinitionInput {
	in := newDefinition("multinode")
	in.Type = types.JobDefinitionTypeMultinode
	in.NodeProperties = &types.NodeProperties{NumNodes: new(int32(2)), MainNode: new(int32(0))}
	for _, r := range ranges {
		in.NodeProperties.NodeRangeProperties = append(in.NodeProperties.NodeRangeProperties,
			types.NodeRangeProperty{TargetNodes: &r, Container: in.ContainerProperties})
	}
	in.ContainerProperties = nil
	return in
}

// legacy is a request with vcpus and memory as they were given before there were
// resourceRequirements; an empty one is left out.
func legacy(vcpus, memory string) *awsbatch.RegisterJobDefinitionInput {
	in := newDefinition("legacy")
	p := in.ContainerProperties
	p.ResourceRequirements = nil
	for text, member := range map[string]**int32{vcpus: &p.Vcpus, memory: &p.Memory} {
		var n int32
		if _, err := fmt.Sscan(text, &n); err == nil {
			*member = &n
		}
	}
	return in
}
