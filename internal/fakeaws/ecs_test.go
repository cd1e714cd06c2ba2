package fakeaws_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestRunTaskToken(t *testing.T) {
	clock := newClock()
	w := newWorld(t, fakeaws.Options{Now: clock.now}).furnish()
	in := on(w.host(), "echo")
	in.ClientToken = aws.String("job1.1")
	arn := w.run(in)
	w.reaches(arn, "STOPPED")
	if again := w.run(in); again != arn {
		t.Errorf("the same call ran %s, then %s", arn, again)
	}
	in.StartedBy = aws.String("other")
	_, err := w.ecs.RunTask(t.Context(), in)
	var conflict *ecstypes.ConflictException
	if !errors.As(err, &conflict) || !slices.Equal(conflict.ResourceIds, []string{arn}) {
		t.Errorf("another call with the token = %v, want ConflictException that names %s", err, arn)
	}
	must[*ecs.CreateClusterOutput](t)(w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("d")}))
	in.Cluster = aws.String("d")
	if _, err := w.ecs.RunTask(t.Context(), in); code(err) != "InvalidParameterException" {
		t.Errorf("the token in another cluster = %v, want it to be new there (and no host to be found)", err)
	}
	in.Cluster, in.StartedBy = aws.String("c"), nil
	clock.advance(time.Hour + time.Second)
	if late := w.run(in); late == arn {
		t.Error("an hour after the task stopped its token is known still; ECS forgets it")
	}
}

func TestTokenOfACallThatStartedNothing(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	host := w.host()
	full := on(host, "echo")
	full.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("2048")}
	full.TaskDefinition = aws.String(w.define("sleep", "sleep", "60"))
	blocker := w.run(full)
	in := on(host, "echo")
	in.ClientToken = aws.String("t")
	out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), in))
	if len(out.Tasks) != 0 || *out.Failures[0].Reason != "RESOURCE:CPU" {
		t.Fatalf("on a full host: %s, want RESOURCE:CPU", asJSON(out))
	}
	must[*ecs.StopTaskOutput](t)(w.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("c"), Task: &blocker}))
	w.reaches(blocker, "STOPPED")
	w.reaches(w.run(in), "STOPPED")
}

func TestPlacement(t *testing.T) {
	member := func(expression string) []ecstypes.PlacementConstraint {
		return []ecstypes.PlacementConstraint{{Type: ecstypes.PlacementConstraintTypeMemberOf, Expression: &expression}}
	}
	tests := map[string]struct {
		change func(in *ecs.RunTaskInput)
		want   string // the failure; empty: it runs
	}{
		"anywhere":               {func(in *ecs.RunTaskInput) { in.PlacementConstraints = nil }, ""},
		"on another instance":    {func(in *ecs.RunTaskInput) { in.PlacementConstraints = member("ec2InstanceId == i-0123") }, "MemberOf placement constraint unsatisfied."},
		"on another type":        {func(in *ecs.RunTaskInput) { in.PlacementConstraints = member("attribute:ecs.instance-type =~ c5.*") }, "MemberOf placement constraint unsatisfied."},
		"all of its CPU":         {func(in *ecs.RunTaskInput) { in.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("2 vcpu")} }, ""},
		"more CPU than it has":   {func(in *ecs.RunTaskInput) { in.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("2049")} }, "RESOURCE:CPU"},
		"all that is registered": {func(in *ecs.RunTaskInput) { in.Overrides = containerMemory(7680) }, ""},
		"all that EC2 sells":     {func(in *ecs.RunTaskInput) { in.Overrides = containerMemory(8192) }, "RESOURCE:MEMORY"},
		"a GPU": {func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("default"),
				ResourceRequirements: []ecstypes.ResourceRequirement{{Type: ecstypes.ResourceTypeGpu, Value: aws.String("1")}}}}}
		}, "RESOURCE:GPU"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{}).furnish()
			in := on(w.host(), "echo")
			test.change(in)
			out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), in))
			var got string
			for _, f := range out.Failures {
				got = *f.Reason
			}
			if got != test.want || (len(out.Tasks) == 1) != (test.want == "") {
				t.Errorf("RunTask = %d tasks, failure %q, want %q", len(out.Tasks), got, test.want)
			}
		})
	}
}

func containerMemory(mib int32) *ecstypes.TaskOverride {
	return &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("default"), Memory: &mib}}}
}

func TestExpressions(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	id := w.host()
	tests := map[string]struct {
		holds, invalid bool
	}{
		"":                                   {holds: true},
		"ec2InstanceId == " + id:             {holds: true},
		"ec2InstanceId == '" + id + "'":      {holds: true},
		"ec2InstanceId==" + id:               {holds: true},
		"ec2InstanceId != " + id:             {},
		"ec2InstanceId in [i-1, " + id + "]": {holds: true},
		"ec2InstanceId in ['i-1','i-2']":     {},
		"ec2InstanceId !in [i-1]":            {holds: true},
		"attribute:ecs.instance-type == m5.large and attribute:ecs.availability-zone == us-east-1a": {holds: true},
		"attribute:ecs.instance-type == c5.large or not(agentConnected == false)":                   {holds: true},
		"attribute:color exists":              {},
		"attribute:color !exists":             {holds: true},
		"attribute:ecs.instance-type =~ m5.*": {holds: true},
		"attribute:ecs.instance-type !~ m5.*": {},
		"runningTasksCount < 1":               {holds: true},
		"runningTasksCount >= 1":              {},
		"task:group == family:echo":           {},
		"ec2InstanceId ==":                    {invalid: true},
		"color == red":                        {invalid: true},
		"ec2InstanceId in [i-1":               {invalid: true},
		"(ec2InstanceId == i-1":               {invalid: true},
		"ec2InstanceId == i-1 i-2":            {invalid: true},
		"attribute:ecs.instance-type =~ (":    {invalid: true},
		"runningTasksCount < many":            {invalid: true},
		"ec2InstanceId is " + id:              {invalid: true},
	}
	for expression, test := range tests {
		t.Run(expression, func(t *testing.T) {
			out, err := w.ecs.ListContainerInstances(t.Context(), &ecs.ListContainerInstancesInput{Cluster: aws.String("c"), Filter: &expression})
			if test.invalid {
				wantCode(t, "ListContainerInstances", err, "InvalidParameterException")
			} else if err != nil || (len(out.ContainerInstanceArns) == 1) != test.holds {
				t.Errorf("it holds for %v, %v; want %v", out, err, test.holds)
			}
		})
	}
}

func TestRunTaskRefuses(t *testing.T) {
	fargate := func(in *ecs.RunTaskInput) {
		in.LaunchType, in.PlacementConstraints = ecstypes.LaunchTypeFargate, nil
	}
	tests := map[string]struct {
		change     func(in *ecs.RunTaskInput)
		code, text string
	}{
		"no such cluster":    {func(in *ecs.RunTaskInput) { in.Cluster = aws.String("none") }, "ClusterNotFoundException", "Cluster not found."},
		"no such definition": {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("none") }, "ClientException", "TaskDefinition not found."},
		"eleven at once":     {func(in *ecs.RunTaskInput) { in.Count = aws.Int32(11) }, "InvalidParameterException", "count is 11"},
		"overrides too long": {func(in *ecs.RunTaskInput) { in.Overrides = longOverride(8192) }, "InvalidParameterException", "Container Overrides length must be at most 8192"},
		"an unknown container": {func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("x")}}}
		}, "InvalidParameterException", "Override for container named x"},
		"a token too long":       {func(in *ecs.RunTaskInput) { in.ClientToken = aws.String(strings.Repeat("x", 65)) }, "InvalidParameterException", "clientToken"},
		"startedBy too long":     {func(in *ecs.RunTaskInput) { in.StartedBy = aws.String(strings.Repeat("x", 129)) }, "InvalidParameterException", "startedBy"},
		"an expression of none":  {func(in *ecs.RunTaskInput) { in.PlacementConstraints[0].Expression = aws.String("x") }, "InvalidParameterException", "Invalid expression: x"},
		"Fargate for EC2's task": {fargate, "InvalidParameterException", "Task definition does not support launch_type FARGATE."},
		"launch type and strategy": {func(in *ecs.RunTaskInput) {
			in.CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE")}}
		}, "InvalidParameterException", "not both"},
	}
	w := newWorld(t, fakeaws.Options{}).furnish()
	host := w.host()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := on(host, "echo")
			test.change(in)
			_, err := w.ecs.RunTask(t.Context(), in)
			if code(err) != test.code || !strings.Contains(err.Error(), test.text) {
				t.Errorf("RunTask = %v, want %s with %q", err, test.code, test.text)
			}
		})
	}
	in := on(host, "echo")
	in.Overrides = longOverride(7000)
	w.run(in)
}

func longOverride(n int) *ecstypes.TaskOverride {
	return &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("default"), Command: []string{"true", strings.Repeat("x", n)}}}}
}

func TestRegisterTaskDefinitionRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(in *ecs.RegisterTaskDefinitionInput)
		text   string
	}{
		"no family":        {func(in *ecs.RegisterTaskDefinitionInput) { in.Family = nil }, "Family should not be null or empty."},
		"a family with ":   {func(in *ecs.RegisterTaskDefinitionInput) { in.Family = aws.String("a b") }, "invalid characters"},
		"no container":     {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions = nil }, "Container list cannot be empty."},
		"no name":          {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Name = nil }, "Container.name"},
		"no image":         {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Image = nil }, "Container.image"},
		"no memory":        {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Memory = nil }, "At least one of 'memory' or 'memoryReservation'"},
		"no essential one": {func(in *ecs.RegisterTaskDefinitionInput) { in.ContainerDefinitions[0].Essential = aws.Bool(false) }, "essential"},
		"one name twice": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, container("x"))
		}, "not unique"},
		"no log group": {func(in *ecs.RegisterTaskDefinitionInput) {
			delete(in.ContainerDefinitions[0].LogConfiguration.Options, "awslogs-group")
		}, "awslogs-group"},
		"needs what is not": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("x"), Condition: "START"}}
		}, "depends on container 'x'"},
		"too large": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions[0].Command = []string{strings.Repeat("x", 64<<10)}
		}, "Max allowed length"},
		"Fargate of a size that there is not": {func(in *ecs.RegisterTaskDefinitionInput) {
			*in = *fargateDefinition("f")
			in.Memory = aws.String("4096")
		}, "No Fargate configuration exists for given values"},
		"Fargate without awsvpc": {func(in *ecs.RegisterTaskDefinitionInput) {
			*in = *fargateDefinition("f")
			in.NetworkMode = ecstypes.NetworkModeHost
		}, "awsvpc"},
		"Fargate without an execution role": {func(in *ecs.RegisterTaskDefinitionInput) {
			*in = *fargateDefinition("f")
			in.ExecutionRoleArn = nil
		}, "execution role"},
	}
	w := newWorld(t, fakeaws.Options{})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := &ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), ContainerDefinitions: []ecstypes.ContainerDefinition{container("true")}}
			test.change(in)
			_, err := w.ecs.RegisterTaskDefinition(t.Context(), in)
			if code(err) != "ClientException" || !strings.Contains(err.Error(), test.text) {
				t.Errorf("RegisterTaskDefinition = %v, want ClientException with %q", err, test.text)
			}
		})
	}
}

func TestTaskDefinitionRevisions(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	cloud := w.cloud.ECS()
	first, second := w.define("f", "one"), w.define("f", "two")
	if !strings.HasSuffix(first, "/f:1") || !strings.HasSuffix(second, "/f:2") {
		t.Errorf("revisions are %s and %s", first, second)
	}
	out := must[*ecs.DeregisterTaskDefinitionOutput](t)(cloud.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &second}))
	if out.TaskDefinition.Status != ecstypes.TaskDefinitionStatusInactive {
		t.Errorf("deregistered it is %s", out.TaskDefinition.Status)
	}
	latest := must[*ecs.DescribeTaskDefinitionOutput](t)(cloud.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("f")}))
	if *latest.TaskDefinition.TaskDefinitionArn != first {
		t.Errorf("the latest active one is %s, want %s", *latest.TaskDefinition.TaskDefinitionArn, first)
	}
	list := must[*ecs.ListTaskDefinitionsOutput](t)(cloud.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("f")}))
	if !slices.Equal(list.TaskDefinitionArns, []string{first}) {
		t.Errorf("ListTaskDefinitions = %v, want %s", list.TaskDefinitionArns, first)
	}
	must[*ecs.CreateClusterOutput](t)(w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c")}))
	_, err := w.ecs.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: &second})
	wantCode(t, "RunTask of an inactive definition", err, "ClientException")
	_, err = cloud.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("none")})
	wantCode(t, "DescribeTaskDefinition of none", err, "ClientException")
}

func TestClusters(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	cloud := w.cloud.ECS()
	again := must[*ecs.CreateClusterOutput](t)(w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c"), Tags: []ecstypes.Tag{{Key: aws.String("k")}}}))
	if len(again.Cluster.CapacityProviders) != 2 {
		t.Errorf("CreateCluster again = %s, want the first one's as it was", asJSON(again.Cluster))
	}
	_, err := w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c"), CapacityProviders: []string{"FARGATE"}})
	wantCode(t, "CreateCluster with other providers", err, "InvalidParameterException")
	id := w.host()
	arn := w.run(on(id, w.define("sleep", "sleep", "60")))
	_, err = w.ecs.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("c")})
	wantCode(t, "DeleteCluster with an instance", err, "ClusterContainsContainerInstancesException")
	agent := w.agent(id).ContainerInstanceArn
	_, err = w.ecs.DeregisterContainerInstance(t.Context(), &ecs.DeregisterContainerInstanceInput{Cluster: aws.String("c"), ContainerInstance: agent})
	wantCode(t, "DeregisterContainerInstance with a task", err, "InvalidParameterException")
	must[*ecs.DeregisterContainerInstanceOutput](t)(w.ecs.DeregisterContainerInstance(t.Context(), &ecs.DeregisterContainerInstanceInput{Cluster: aws.String("c"), ContainerInstance: agent, Force: aws.Bool(true)}))
	w.reaches(arn, "STOPPED")
	out := must[*ecs.DeleteClusterOutput](t)(w.ecs.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("c")}))
	if *out.Cluster.Status != "INACTIVE" {
		t.Errorf("deleted it is %s", *out.Cluster.Status)
	}
	_, err = w.ecs.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("c")})
	wantCode(t, "ListTasks of a deleted cluster", err, "ClusterNotFoundException")
	list := must[*ecs.ListClustersOutput](t)(cloud.ListClusters(t.Context(), nil))
	if len(list.ClusterArns) != 0 {
		t.Errorf("ListClusters = %v, want none", list.ClusterArns)
	}
	described := must[*ecs.DescribeClustersOutput](t)(cloud.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"c", "none"}}))
	if len(described.Clusters) != 1 || *described.Failures[0].Reason != "MISSING" {
		t.Errorf("DescribeClusters = %s, want c and a failure", asJSON(described))
	}
}

func TestDrainingTakesNoMore(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	id := w.host()
	running := w.run(on(id, w.define("sleep", "sleep", "60")))
	w.reaches(running, "RUNNING")
	state := func(status ecstypes.ContainerInstanceStatus) {
		must[*ecs.UpdateContainerInstancesStateOutput](t)(w.ecs.UpdateContainerInstancesState(t.Context(), &ecs.UpdateContainerInstancesStateInput{
			Cluster: aws.String("c"), ContainerInstances: []string{*w.agent(id).ContainerInstanceArn}, Status: status}))
	}
	state(ecstypes.ContainerInstanceStatusDraining)
	out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), on(id, "echo")))
	if len(out.Tasks) != 0 || len(out.Failures) == 0 {
		t.Errorf("RunTask on a draining host = %s, want a failure", asJSON(out))
	}
	if got := *w.task(running).LastStatus; got != "RUNNING" {
		t.Errorf("a task of RunTask on a draining host is %s, want it to run on", got)
	}
	state(ecstypes.ContainerInstanceStatusActive)
	w.run(on(id, "echo"))
}

func TestDisconnectedAgentTakesNoTask(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	id := w.host()
	if err := w.cloud.SetConnected(id, false); err != nil {
		t.Fatal(err)
	}
	out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), on(id, "echo")))
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "AGENT" {
		t.Errorf("RunTask without an agent = %s, want AGENT", asJSON(out))
	}
	if err := w.cloud.SetConnected(id, true); err != nil {
		t.Fatal(err)
	}
	w.run(on(id, "echo"))
	if err := w.cloud.SetConnected("i-0", false); err == nil {
		t.Error("SetConnected() of no instance = nil, want an error")
	}
}

func TestGPUsAreGivenOut(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	in := w.fleet()
	in.LaunchTemplateConfigs[0].Overrides[0] = override("p3.8xlarge", w.cloud.Subnets()[0]) // four GPUs
	id := w.joined(w.launch(in)[0])
	c := container("sleep", "60")
	c.ResourceRequirements = []ecstypes.ResourceRequirement{{Type: ecstypes.ResourceTypeGpu, Value: aws.String("2")}}
	definition := w.defineWith(&ecs.RegisterTaskDefinitionInput{Family: aws.String("gpu"), ContainerDefinitions: []ecstypes.ContainerDefinition{c}})
	one, two := w.task(w.run(on(id, definition))), w.task(w.run(on(id, definition)))
	all := slices.Concat(one.Containers[0].GpuIds, two.Containers[0].GpuIds)
	slices.Sort(all)
	if len(slices.Compact(all)) != 4 {
		t.Errorf("two tasks have GPUs %v, want four different ones", all)
	}
	out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), on(id, definition)))
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "RESOURCE:GPU" {
		t.Errorf("a third task: %s, want RESOURCE:GPU", asJSON(out))
	}
}

func TestStoppedTasksAreForgottenAfterAnHour(t *testing.T) {
	clock := newClock()
	w := newWorld(t, fakeaws.Options{Now: clock.now}).furnish()
	arn := w.run(on(w.host(), "echo"))
	w.reaches(arn, "STOPPED")
	clock.advance(time.Hour)
	if got := *w.task(arn).LastStatus; got != "STOPPED" {
		t.Errorf("an hour later it is %s, want it to be seen still", got)
	}
	clock.advance(time.Second)
	if got := *w.task(arn).LastStatus; got != "MISSING" {
		t.Errorf("later it is %s, want it to be MISSING", got)
	}
	_, err := w.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("c"), Task: &arn})
	wantCode(t, "StopTask then", err, "InvalidParameterException")
}

func TestListTasks(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	id, sleep := w.host(), w.define("sleep", "sleep", "60")
	small := func(startedBy string) *ecs.RunTaskInput {
		in := on(id, sleep)
		in.StartedBy, in.Overrides = &startedBy, &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("default"), Cpu: aws.Int32(10)}}}
		return in
	}
	a, b := w.run(small("a")), w.run(small("b"))
	ended := w.run(on(id, "echo"))
	w.reaches(ended, "STOPPED")
	list := func(in ecs.ListTasksInput) (all []string) {
		t.Helper()
		in.Cluster = aws.String("c")
		for {
			out := must[*ecs.ListTasksOutput](t)(w.ecs.ListTasks(t.Context(), &in))
			all = append(all, out.TaskArns...)
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return all
			}
		}
	}
	tests := map[string]struct {
		in   ecs.ListTasksInput
		want []string
	}{
		"what runs":    {ecs.ListTasksInput{}, []string{a, b}},
		"page by page": {ecs.ListTasksInput{MaxResults: aws.Int32(1)}, []string{a, b}},
		"what ended":   {ecs.ListTasksInput{DesiredStatus: ecstypes.DesiredStatusStopped}, []string{ended}},
		"by startedBy": {ecs.ListTasksInput{StartedBy: aws.String("b")}, []string{b}},
		"by family":    {ecs.ListTasksInput{Family: aws.String("echo"), DesiredStatus: ecstypes.DesiredStatusStopped}, []string{ended}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := list(test.in); !slices.Equal(got, test.want) {
				t.Errorf("ListTasks = %v, want %v", got, test.want)
			}
		})
	}
}

func TestManyTasksNeverOverfillAHost(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Seed: 3}).furnish()
	fleet := w.fleet()
	fleet.TargetCapacitySpecification.TotalTargetCapacity = aws.Int32(3)
	for _, id := range w.launch(fleet) {
		w.joined(id)
	}
	const jobs = 60
	for n := range jobs {
		in := &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("echo"), StartedBy: aws.String("job-" + string(rune('A'+n)))}
		w.until("there is room", func() bool {
			return len(must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), in)).Tasks) == 1
		})
	}
	w.until("all have ended", func() bool { return len(w.cloud.Running()) == 0 })
	if n := len(w.cloud.Runs()); n != jobs {
		t.Errorf("%d commands ran, want %d", n, jobs)
	}
	if twice := w.cloud.StartedTwice(); len(twice) != 0 {
		t.Errorf("started twice: %v", twice)
	}
	for _, use := range w.cloud.Uses() {
		if !use.Fits() || use.MostCPU != use.HasCPU {
			t.Errorf("%+v, want it to have been full and never more", use)
		}
	}
	must[*ec2.TerminateInstancesOutput](t)(w.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: w.cloud.Alive()}))
	w.until("no host remains", func() bool { return len(w.cloud.Alive()) == 0 })
}
