package fakeaws_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

const (
	patience = 30 * time.Second
	fast     = 1000 // a boot of a minute takes 60 ms
	image    = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
	logGroup = "/aws/batch/job"
)

// ec2Calls and ecsCalls are what the scenes use, so that the same scenes run in process
// and through the SDK's clients over HTTP.
type ec2Calls interface {
	CreateFleet(context.Context, *ec2.CreateFleetInput, ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error)
	CreateLaunchTemplate(context.Context, *ec2.CreateLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateOutput, error)
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	TerminateInstances(context.Context, *ec2.TerminateInstancesInput, ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
}

type ecsCalls interface {
	CreateCluster(context.Context, *ecs.CreateClusterInput, ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error)
	DeleteCluster(context.Context, *ecs.DeleteClusterInput, ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error)
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error)
	DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error)
	UpdateContainerInstancesState(context.Context, *ecs.UpdateContainerInstancesStateInput, ...func(*ecs.Options)) (*ecs.UpdateContainerInstancesStateOutput, error)
	DeregisterContainerInstance(context.Context, *ecs.DeregisterContainerInstanceInput, ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error)
}

// world is a cloud with a cluster and a launch template, and all its events.
type world struct {
	*testing.T
	cloud *fakeaws.Cloud
	ec2   ec2Calls
	ecs   ecsCalls

	mu     sync.Mutex
	events []fakeaws.Event
}

// newWorld makes a world in which hosts boot fast; o changes the rest.
func newWorld(t *testing.T, o fakeaws.Options) *world {
	t.Helper()
	if o.Speed == 0 {
		o.Speed = fast
	}
	cloud := fakeaws.New(o)
	t.Cleanup(cloud.Close)
	w := &world{T: t, cloud: cloud, ec2: cloud.EC2(), ecs: cloud.ECS()}
	cloud.Subscribe(func(e fakeaws.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	})
	return w
}

// must fails the test if a call failed.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// furnish makes the cluster "c", the template "lt" whose hosts join it, and the task
// definition "echo".
func (w *world) furnish() *world {
	w.Helper()
	must[*ecs.CreateClusterOutput](w)(w.ecs.CreateCluster(w.Context(), &ecs.CreateClusterInput{
		ClusterName: aws.String("c"), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}}))
	w.template("lt", "#!/bin/bash\necho ECS_CLUSTER=c >> /etc/ecs/ecs.config\n")
	w.define("echo", "/bin/echo", "hello")
	return w
}

func (w *world) template(name, userData string) {
	w.Helper()
	must[*ec2.CreateLaunchTemplateOutput](w)(w.ec2.CreateLaunchTemplate(w.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name,
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: aws.String(image), UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
			IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("ecsInstanceRole")},
			SecurityGroupIds:   []string{w.cloud.SecurityGroup()},
		},
	}))
}

// container is a valid container; tests change the field they are about.
func container(command ...string) ecstypes.ContainerDefinition {
	return ecstypes.ContainerDefinition{
		Name: aws.String("default"), Image: aws.String("busybox"), Command: command, Cpu: 1024, Memory: aws.Int32(512), StopTimeout: aws.Int32(30),
		LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": logGroup, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}},
	}
}

func (w *world) define(family string, command ...string) string {
	w.Helper()
	return w.defineWith(&ecs.RegisterTaskDefinitionInput{Family: &family, ContainerDefinitions: []ecstypes.ContainerDefinition{container(command...)}})
}

func (w *world) defineWith(in *ecs.RegisterTaskDefinitionInput) string {
	w.Helper()
	out := must[*ecs.RegisterTaskDefinitionOutput](w)(w.ecs.RegisterTaskDefinition(w.Context(), in))
	return *out.TaskDefinition.TaskDefinitionArn
}

// fleet is a valid request for one m5.large; tests change the field they are about.
func (w *world) fleet() *ec2.CreateFleetInput {
	return &ec2.CreateFleetInput{
		Type: ec2types.FleetTypeInstant,
		LaunchTemplateConfigs: []ec2types.FleetLaunchTemplateConfigRequest{{
			LaunchTemplateSpecification: &ec2types.FleetLaunchTemplateSpecificationRequest{LaunchTemplateName: aws.String("lt"), Version: aws.String("$Latest")},
			Overrides:                   []ec2types.FleetLaunchTemplateOverridesRequest{{InstanceType: "m5.large", SubnetId: aws.String(w.cloud.Subnets()[0])}},
		}},
		TargetCapacitySpecification: &ec2types.TargetCapacitySpecificationRequest{
			TotalTargetCapacity: aws.Int32(1), DefaultTargetCapacityType: ec2types.DefaultTargetCapacityTypeOnDemand},
	}
}

// host launches one host and waits until its agent has joined.
func (w *world) host() string {
	w.Helper()
	return w.joined(w.launch(w.fleet())[0])
}

func (w *world) launch(in *ec2.CreateFleetInput) []string {
	w.Helper()
	out := must[*ec2.CreateFleetOutput](w)(w.ec2.CreateFleet(w.Context(), in))
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, i.InstanceIds...)
	}
	if len(ids) == 0 {
		w.Fatalf("CreateFleet launched nothing: %s", asJSON(out.Errors))
	}
	return ids
}

func (w *world) joined(id string) string {
	w.Helper()
	w.until("the agent of "+id+" has joined", func() bool { return w.agent(id) != nil })
	return id
}

// agent describes the container instance of an instance; nil while there is none.
func (w *world) agent(instance string) *ecstypes.ContainerInstance {
	w.Helper()
	list := must[*ecs.ListContainerInstancesOutput](w)(w.ecs.ListContainerInstances(w.Context(), &ecs.ListContainerInstancesInput{Cluster: aws.String("c")}))
	if len(list.ContainerInstanceArns) == 0 {
		return nil
	}
	out := must[*ecs.DescribeContainerInstancesOutput](w)(w.ecs.DescribeContainerInstances(w.Context(), &ecs.DescribeContainerInstancesInput{
		Cluster: aws.String("c"), ContainerInstances: list.ContainerInstanceArns, Include: []ecstypes.ContainerInstanceField{"TAGS"}}))
	for _, a := range out.ContainerInstances {
		if *a.Ec2InstanceId == instance {
			return &a
		}
	}
	return nil
}

// on is a valid call that runs a task on a host; tests change the field they are about.
func on(host, definition string) *ecs.RunTaskInput {
	return &ecs.RunTaskInput{
		Cluster: aws.String("c"), TaskDefinition: &definition, LaunchType: ecstypes.LaunchTypeEc2,
		PlacementConstraints: []ecstypes.PlacementConstraint{{Type: ecstypes.PlacementConstraintTypeMemberOf, Expression: aws.String("ec2InstanceId == " + host)}},
	}
}

// run starts a task and returns its ARN.
func (w *world) run(in *ecs.RunTaskInput) string {
	w.Helper()
	out := must[*ecs.RunTaskOutput](w)(w.ecs.RunTask(w.Context(), in))
	if len(out.Tasks) != 1 {
		w.Fatalf("RunTask started %d tasks: %s", len(out.Tasks), asJSON(out.Failures))
	}
	return *out.Tasks[0].TaskArn
}

func (w *world) task(arn string) ecstypes.Task {
	w.Helper()
	out := must[*ecs.DescribeTasksOutput](w)(w.ecs.DescribeTasks(w.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("c"), Tasks: []string{arn}}))
	if len(out.Tasks) == 0 {
		return ecstypes.Task{LastStatus: aws.String("MISSING")}
	}
	return out.Tasks[0]
}

// reaches waits until a task has a status.
func (w *world) reaches(arn, status string) ecstypes.Task {
	w.Helper()
	w.until("task is "+status, func() bool { return *w.task(arn).LastStatus == status })
	return w.task(arn)
}

func (w *world) until(what string, holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	if err := w.cloud.Until(ctx, holds); err != nil {
		w.Fatalf("waited %s until %s", patience, what)
	}
}

// told lists the events that came of a kind.
func (w *world) told(detailType string) []fakeaws.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.events), func(e fakeaws.Event) bool { return e.DetailType != detailType })
}

// code is the code of an error of AWS.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func wantCode(t testing.TB, what string, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%s = %v, want code %s", what, err, want)
	}
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func texts(lines []fakeaws.LogLine) []string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return all
}

func stream(arn string) string { return "p/default/" + arn[len(arn)-32:] }

// number is a number of an event's detail.
func number(t testing.TB, e fakeaws.Event, name string) float64 {
	t.Helper()
	var detail map[string]any
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	n, _ := detail[name].(float64)
	return n
}
