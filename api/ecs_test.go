package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
)

// From a job's taskArn to the instance it ran on, as Nextflow goes.
func TestTheChainOfIdentifiers(t *testing.T) {
	server, _ := start(t, api.Config{Fleet: newFleet()})
	client, ctx := ecs.NewFromConfig(sdk(server)), t.Context()
	task := account.ECS("task/a/1111")
	tasks, err := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: new(account.ECS("cluster/a")), Tasks: []string{task}})
	if err != nil || len(tasks.Tasks) != 1 {
		t.Fatalf("DescribeTasks = %+v, %v", tasks, err)
	}
	instances, err := client.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{
		Cluster: new("a"), ContainerInstances: []string{*tasks.Tasks[0].ContainerInstanceArn}})
	if err != nil || len(instances.ContainerInstances) != 1 {
		t.Fatalf("DescribeContainerInstances = %+v, %v", instances, err)
	}
	if got := *instances.ContainerInstances[0].Ec2InstanceId; got != "i-00000000000000001" {
		t.Errorf("the task ran on %s", got)
	}
}

func TestDescribeTasks(t *testing.T) {
	server, _ := start(t, api.Config{Fleet: newFleet()})
	client := ecs.NewFromConfig(sdk(server))
	out, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{"1111", account.ECS("task/a/2222"), "9999", account.ECS("task/b/3333")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Tasks) != 3 || len(out.Failures) != 1 {
		t.Fatalf("DescribeTasks = %+v", out)
	}
	running, stopped, fargate := out.Tasks[0], out.Tasks[1], out.Tasks[2]
	if *running.LastStatus != "RUNNING" || *running.Cpu != "2048" || *running.Memory != "4000" || running.LaunchType != "EC2" ||
		!running.StartedAt.Equal(began.Add(time.Second)) || running.StoppedAt != nil || *running.StartedBy != "j1" || *running.Group != "family:align" {
		t.Errorf("the running task is %+v", running)
	}
	if c := running.Containers[0]; c.ExitCode != nil || *c.LastStatus != "RUNNING" || *c.RuntimeId != "c0ffee" || *c.ContainerArn != account.ECS("container/a/1111/default") {
		t.Errorf("its container is %+v", c)
	}
	if *stopped.DesiredStatus != "STOPPED" || stopped.StopCode != ecstypes.TaskStopCodeEssentialContainerExited || !stopped.StoppedAt.Equal(began.Add(time.Hour)) {
		t.Errorf("the stopped task is %+v", stopped)
	}
	if c := stopped.Containers[0]; *c.ExitCode != 137 || !strings.HasPrefix(*c.Reason, "OutOfMemoryError") {
		t.Errorf("its container is %+v", c)
	}
	if fargate.LaunchType != "FARGATE" || fargate.ContainerInstanceArn != nil || fargate.StartedAt != nil {
		t.Errorf("the Fargate task is %+v", fargate)
	}
	if f := out.Failures[0]; *f.Arn != account.ECS("task/9999") || *f.Reason != "MISSING" {
		t.Errorf("the failure is %s %s", *f.Arn, *f.Reason)
	}
	other, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: new("b"), Tasks: []string{"1111"}})
	if err != nil || len(other.Tasks) != 0 || *other.Failures[0].Arn != account.ECS("task/b/1111") {
		t.Errorf("in another cluster: %+v, %v", other, err)
	}
}

func TestDescribeContainerInstances(t *testing.T) {
	server, _ := start(t, api.Config{Fleet: newFleet()})
	client := ecs.NewFromConfig(sdk(server))
	out, err := client.DescribeContainerInstances(t.Context(), &ecs.DescribeContainerInstancesInput{ContainerInstances: []string{
		account.InstanceARN("a", "h1", ""), account.InstanceARN("a", "h2", ""), account.InstanceARN("a", "h3", ""), "ffff"}})
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, v := range out.ContainerInstances {
		states = append(states, fmt.Sprint(*v.Ec2InstanceId, *v.Status, v.AgentConnected))
	}
	if got := strings.Join(states, " "); got != "i-00000000000000001ACTIVEtrue i-00000000000000002REGISTERINGfalse i-00000000000000003INACTIVEfalse" {
		t.Errorf("states: %s", got)
	}
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("failures: %+v", out.Failures)
	}
	var text []string
	for _, r := range append(out.ContainerInstances[0].RegisteredResources, out.ContainerInstances[0].RemainingResources...) {
		text = append(text, fmt.Sprint(*r.Name, r.IntegerValue, r.StringSetValue))
	}
	if got := strings.Join(text, " "); got != "CPU4096 [] MEMORY15000 [] GPU0 [GPU-00000000000000001-0] CPU2048 [] MEMORY11000 [] GPU0 []" {
		t.Errorf("resources: %s", got)
	}
}

func TestClustersAndLists(t *testing.T) {
	server, _ := start(t, api.Config{Fleet: newFleet()})
	client, ctx := ecs.NewFromConfig(sdk(server)), t.Context()
	clusters, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"a", account.ECS("cluster/c")}})
	if err != nil || len(clusters.Clusters) != 1 || clusters.Clusters[0].RegisteredContainerInstancesCount != 2 || *clusters.Failures[0].Arn != account.ECS("cluster/c") {
		t.Errorf("DescribeClusters = %+v, %v", clusters, err)
	}
	var pages []string
	listed := ecs.NewListClustersPaginator(client, &ecs.ListClustersInput{MaxResults: new(int32(1))})
	for listed.HasMorePages() {
		page, err := listed.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, strings.Join(page.ClusterArns, ","))
	}
	if got, want := strings.Join(pages, " "), account.ECS("cluster/a")+" "+account.ECS("cluster/b"); got != want {
		t.Errorf("ListClusters = %s, want %s", got, want)
	}
	for name, test := range map[string]struct {
		in   ecs.ListTasksInput
		want []string
	}{
		"all":                     {ecs.ListTasksInput{}, []string{account.ECS("task/a/1111"), account.ECS("task/b/3333")}},
		"of a cluster":            {ecs.ListTasksInput{Cluster: new("a")}, []string{account.ECS("task/a/1111")}},
		"of a job":                {ecs.ListTasksInput{StartedBy: new("j3")}, []string{account.ECS("task/b/3333")}},
		"of a container instance": {ecs.ListTasksInput{ContainerInstance: new(account.InstanceARN("a", "h1", ""))}, []string{account.ECS("task/a/1111")}},
		"on Fargate":              {ecs.ListTasksInput{LaunchType: "FARGATE"}, []string{account.ECS("task/b/3333")}},
		"stopped":                 {ecs.ListTasksInput{DesiredStatus: "STOPPED"}, nil},
	} {
		out, err := client.ListTasks(ctx, &test.in)
		if err != nil || strings.Join(out.TaskArns, " ") != strings.Join(test.want, " ") {
			t.Errorf("ListTasks, %s: %v, %v; want %v", name, out, err, test.want)
		}
	}
	hosts, err := client.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: new("a"), Status: ecstypes.ContainerInstanceStatusActive})
	if err != nil || len(hosts.ContainerInstanceArns) != 1 {
		t.Errorf("ListContainerInstances = %+v, %v", hosts, err)
	}
}

func TestErrorsOfECS(t *testing.T) {
	fleet := newFleet()
	server, _ := start(t, api.Config{Fleet: fleet})
	none, _ := start(t, api.Config{})
	client, ctx := ecs.NewFromConfig(sdk(server)), t.Context()
	_, cluster := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: new("nowhere"), Tasks: []string{"1111"}})
	_, empty := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: []string{}})
	_, many := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: make([]string, 101)})
	_, token := client.ListTasks(ctx, &ecs.ListTasksInput{NextToken: new("!")})
	_, size := client.ListTasks(ctx, &ecs.ListTasksInput{MaxResults: new(int32(0))})
	_, other := client.RunTask(ctx, &ecs.RunTaskInput{TaskDefinition: new("d")})
	_, missing := ecs.NewFromConfig(sdk(none)).ListClusters(ctx, &ecs.ListClustersInput{})
	fleet.err = errFleet
	_, broken := client.ListClusters(ctx, &ecs.ListClustersInput{})
	for _, test := range []struct {
		err        error
		code, says string
	}{
		{cluster, "ClusterNotFoundException", "Cluster not found."},
		{empty, "InvalidParameterException", "Tasks cannot be empty."},
		{many, "InvalidParameterException", "at most 100 items, not 101"},
		{token, "InvalidParameterException", "Invalid token"},
		{size, "InvalidParameterException", "maxResults must be between 1 and 100"},
		{other, "UnknownOperationException", "of ECS Packhorse has DescribeTasks, DescribeContainerInstances"},
		{missing, "UnknownOperationException", "this server answers no ECS or EC2 calls"},
		{broken, "ServerException", "request id"},
	} {
		var fault smithy.APIError
		if !errors.As(test.err, &fault) || fault.ErrorCode() != test.code || !strings.Contains(fault.ErrorMessage(), test.says) {
			t.Errorf("error %v, want %s with %q", test.err, test.code, test.says)
		}
	}
}
