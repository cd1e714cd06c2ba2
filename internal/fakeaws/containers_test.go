package fakeaws_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestTasksThatCannotStart(t *testing.T) {
	tests := map[string]struct {
		change          func(d *ecstypes.ContainerDefinition)
		stopped, reason string // beginnings
	}{
		"an image that there is not": {
			func(d *ecstypes.ContainerDefinition) { d.Image = aws.String("missing:1") },
			"CannotPullContainerError: ", "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref missing:1: not found"},
		"a command that there is not": {
			func(d *ecstypes.ContainerDefinition) { d.Command = []string{"no-such-command"} },
			"Task failed to start", "CannotStartContainerError: "},
		"no command": {
			func(d *ecstypes.ContainerDefinition) { d.Command = nil },
			"Task failed to start", "CannotCreateContainerError: "},
		"a log group that there is not": {
			func(d *ecstypes.ContainerDefinition) { d.LogConfiguration.Options["awslogs-group"] = "/none" },
			"Task failed to start", "CannotStartContainerError: "},
		"a secret that there is not": {
			func(d *ecstypes.ContainerDefinition) {
				d.Secrets = []ecstypes.Secret{{Name: aws.String("S"), ValueFrom: aws.String("/none")}}
			},
			"ResourceInitializationError: unable to pull secrets", "ResourceInitializationError: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{Pull: func(image string) error {
				if strings.HasPrefix(image, "missing") {
					return errors.New("not found")
				}
				return nil
			}}).furnish()
			c := container("true")
			test.change(&c)
			definition := w.defineWith(&ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), ContainerDefinitions: []ecstypes.ContainerDefinition{c}})
			got := w.reaches(w.run(on(w.host(), definition)), "STOPPED")
			if got.StopCode != ecstypes.TaskStopCodeTaskFailedToStart || !strings.HasPrefix(*got.StoppedReason, test.stopped) {
				t.Errorf("it stopped with %s, %q; want TaskFailedToStart, %q...", got.StopCode, *got.StoppedReason, test.stopped)
			}
			if ct := got.Containers[0]; ct.ExitCode != nil || !strings.HasPrefix(*ct.Reason, test.reason) {
				t.Errorf("its container has exit code %v, %q; want none, %q...", ct.ExitCode, *ct.Reason, test.reason)
			}
			if got.StartedAt != nil {
				t.Errorf("it started at %v, want never", got.StartedAt)
			}
		})
	}
}

func TestContainersOfOneTask(t *testing.T) {
	named := func(name string, essential bool, script string, on ...ecstypes.ContainerDependency) ecstypes.ContainerDefinition {
		c := container("/bin/sh", "-c", script)
		c.Name, c.Essential, c.DependsOn, c.Cpu = &name, &essential, on, 10
		return c
	}
	after := func(name string, condition ecstypes.ContainerCondition) ecstypes.ContainerDependency {
		return ecstypes.ContainerDependency{ContainerName: &name, Condition: condition}
	}
	tests := map[string]struct {
		containers []ecstypes.ContainerDefinition
		want       map[string]int32 // exit codes; -1 for none
		code       ecstypes.TaskStopCode
	}{
		"the essential one takes the others along": {
			[]ecstypes.ContainerDefinition{named("main", true, "sleep 0.2; exit 3"), named("side", false, "exec sleep 60")},
			map[string]int32{"main": 3, "side": 143}, ecstypes.TaskStopCodeEssentialContainerExited},
		"another one may end before": {
			[]ecstypes.ContainerDefinition{named("main", true, "sleep 0.2; exit 0"), named("side", false, "exit 1")},
			map[string]int32{"main": 0, "side": 1}, ecstypes.TaskStopCodeEssentialContainerExited},
		"one waits for another's success": {
			[]ecstypes.ContainerDefinition{named("main", true, "exit 4", after("init", "SUCCESS")), named("init", false, "sleep 0.1")},
			map[string]int32{"main": 4, "init": 0}, ecstypes.TaskStopCodeEssentialContainerExited},
		"which does not come": {
			[]ecstypes.ContainerDefinition{named("main", true, "exit 4", after("init", "SUCCESS")), named("init", false, "exit 9")},
			map[string]int32{"main": -1, "init": 9}, ecstypes.TaskStopCodeTaskFailedToStart},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{}).furnish()
			definition := w.defineWith(&ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), ContainerDefinitions: test.containers})
			got := w.reaches(w.run(on(w.host(), definition)), "STOPPED")
			if got.StopCode != test.code {
				t.Errorf("it stopped with %s, want %s", got.StopCode, test.code)
			}
			for _, c := range got.Containers {
				exit := int32(-1)
				if c.ExitCode != nil {
					exit = *c.ExitCode
				}
				if exit != test.want[*c.Name] {
					t.Errorf("container %s has exit code %d, want %d", *c.Name, exit, test.want[*c.Name])
				}
			}
		})
	}
}

func TestEnvironmentOfATask(t *testing.T) {
	t.Setenv("PACKHORSE_TEST_OF_THIS_MACHINE", "leaks")
	w := newWorld(t, fakeaws.Options{Env: []string{"OF_CLOUD=1", "A=cloud"}}).furnish()
	must[*ssm.PutParameterOutput](t)(w.cloud.SSM().PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/s"), Value: aws.String("hush"), Type: ssmtypes.ParameterTypeSecureString}))
	c := container("env")
	c.Environment = []ecstypes.KeyValuePair{{Name: aws.String("A"), Value: aws.String("definition")}, {Name: aws.String("B"), Value: aws.String("definition")}}
	c.Secrets = []ecstypes.Secret{{Name: aws.String("S"), ValueFrom: aws.String("/s")}}
	definition := w.defineWith(&ecs.RegisterTaskDefinitionInput{Family: aws.String("f"), ContainerDefinitions: []ecstypes.ContainerDefinition{c}})
	in := on(w.host(), definition)
	in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{
		Name: aws.String("default"), Environment: []ecstypes.KeyValuePair{{Name: aws.String("B"), Value: aws.String("call")}}}}}
	arn := w.run(in)
	w.reaches(arn, "STOPPED")
	got := texts(w.cloud.LogLines(logGroup, stream(arn)))
	for _, want := range []string{"OF_CLOUD=1", "A=definition", "B=call", "S=hush", "AWS_EXECUTION_ENV=AWS_ECS_EC2", "AWS_REGION=us-east-1"} {
		if !slices.Contains(got, want) {
			t.Errorf("the environment lacks %s: %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "PACKHORSE_TEST") }) {
		t.Error("the environment holds what is this machine's")
	}
}

func TestStopBeforeStart(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Speed: 1000, PullTime: fakeaws.Exactly(1000 * time.Hour)}).furnish()
	w.host()
	arn := w.run(&ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("echo")})
	must[*ecs.StopTaskOutput](t)(w.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("c"), Task: &arn, Reason: aws.String("early")}))
	got := w.reaches(arn, "STOPPED")
	if got.StopCode != ecstypes.TaskStopCodeUserInitiated || got.StartedAt != nil || got.Containers[0].ExitCode != nil {
		t.Errorf("stopped before its start it is %s", asJSON(got))
	}
	if len(w.cloud.Runs()) != 0 {
		t.Error("its command ran all the same")
	}
}

func TestCloseEndsProcesses(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	arn := w.run(on(w.host(), w.define("sleep", "sh", "-c", "echo $$; sleep 60 & wait")))
	w.until("it is up", func() bool { return len(w.cloud.LogLines(logGroup, stream(arn))) == 1 })
	w.cloud.Close()
	w.cloud.Close() // again does nothing
	if _, err := w.ecs.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("c")}); err == nil {
		t.Error("ListTasks of a closed cloud = nil, want an error")
	}
}

func TestFargate(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	w.defineWith(fargateDefinition("f"))
	arn := w.run(w.onFargate("FARGATE_SPOT"))
	got := w.reaches(arn, "STOPPED")
	if got.LaunchType != ecstypes.LaunchTypeFargate || *got.CapacityProviderName != "FARGATE_SPOT" || got.ContainerInstanceArn != nil || *got.Cpu != "256" || *got.Memory != "512" {
		t.Errorf("it ran as %s", asJSON(got))
	}
	if lines := texts(w.cloud.LogLines(logGroup, stream(arn))); !slices.Equal(lines, []string{"hello"}) {
		t.Errorf("it wrote %q, want hello", lines)
	}
	w.until("the last event came", func() bool { return len(w.told(fakeaws.TaskStateChange)) >= 5 })
	var statuses []string
	for _, e := range w.told(fakeaws.TaskStateChange) {
		var detail struct {
			LastStatus string
			Version    int
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil || e.Resources[0] != arn {
			t.Fatal(err, e.Resources)
		}
		statuses = append(statuses, detail.LastStatus)
	}
	for _, status := range []string{"PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"} {
		if !slices.Contains(statuses, status) {
			t.Errorf("no event tells %s: %v", status, statuses)
		}
	}
}

func TestFargateRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(in *ecs.RunTaskInput)
		text   string
	}{
		"no network":                   {func(in *ecs.RunTaskInput) { in.NetworkConfiguration = nil }, "Network Configuration must be provided"},
		"a subnet that there is not":   {func(in *ecs.RunTaskInput) { in.NetworkConfiguration.AwsvpcConfiguration.Subnets = []string{"subnet-0"} }, "subnet-0"},
		"a placement constraint":       {func(in *ecs.RunTaskInput) { in.PlacementConstraints = on("i-1", "f").PlacementConstraints }, "Placement constraints are not supported"},
		"a size that there is not":     {func(in *ecs.RunTaskInput) { in.Overrides = &ecstypes.TaskOverride{Memory: aws.String("700")} }, "No Fargate configuration exists"},
		"a provider that is not there": {func(in *ecs.RunTaskInput) { in.CapacityProviderStrategy[0].CapacityProvider = aws.String("mine") }, "not associated with the cluster"},
	}
	w := newWorld(t, fakeaws.Options{}).furnish()
	w.defineWith(fargateDefinition("f"))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := w.onFargate("FARGATE")
			test.change(in)
			_, err := w.ecs.RunTask(t.Context(), in)
			if code(err) != "InvalidParameterException" || !strings.Contains(err.Error(), test.text) {
				t.Errorf("RunTask = %v, want InvalidParameterException with %q", err, test.text)
			}
		})
	}
}

func TestFargateCapacityAndInterruption(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Type: "FARGATE", Market: "spot"}}}}).furnish()
	w.defineWith(fargateDefinition("f"))
	out := must[*ecs.RunTaskOutput](t)(w.ecs.RunTask(t.Context(), w.onFargate("FARGATE_SPOT")))
	if len(out.Tasks) != 0 || !strings.HasPrefix(*out.Failures[0].Reason, "Capacity is unavailable at this time") {
		t.Errorf("without capacity: %s", asJSON(out))
	}
	w.cloud.SetFaults(fakeaws.Faults{Interrupted: 1})
	in := w.onFargate("FARGATE_SPOT")
	in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("default"), Command: []string{"sleep", "60"}}}}
	got := w.reaches(w.run(in), "STOPPED")
	if got.StopCode != ecstypes.TaskStopCodeSpotInterruption || *got.StoppedReason != "Your Spot Task was interrupted." {
		t.Errorf("it stopped with %s, %q", got.StopCode, *got.StoppedReason)
	}
}

func fargateDefinition(family string) *ecs.RegisterTaskDefinitionInput {
	c := container("echo", "hello")
	c.Cpu = 0
	return &ecs.RegisterTaskDefinitionInput{
		Family: &family, ContainerDefinitions: []ecstypes.ContainerDefinition{c}, RequiresCompatibilities: []ecstypes.Compatibility{"FARGATE"},
		NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/x"),
	}
}

func (w *world) onFargate(provider string) *ecs.RunTaskInput {
	return &ecs.RunTaskInput{
		Cluster: aws.String("c"), TaskDefinition: aws.String("f"),
		CapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: &provider, Weight: 1}},
		NetworkConfiguration:     &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: w.cloud.Subnets()}},
	}
}
