package fakeaws_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// clients are the SDK's own, with an endpoint of ours.
type clients struct {
	url  string
	ec2  *ec2.Client
	ecs  *ecs.Client
	ssm  *ssm.Client
	logs *cloudwatchlogs.Client
	sts  *sts.Client
}

func dial(t *testing.T, cloud *fakeaws.Cloud) clients {
	t.Helper()
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	c := aws.Config{BaseEndpoint: &server.URL, Region: cloud.Region(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")}
	return clients{server.URL, ec2.NewFromConfig(c), ecs.NewFromConfig(c), ssm.NewFromConfig(c), cloudwatchlogs.NewFromConfig(c), sts.NewFromConfig(c)}
}

// remote makes a world whose calls go through the SDK's clients over HTTP.
func remote(t *testing.T, o fakeaws.Options) (*world, clients) {
	w := newWorld(t, o)
	c := dial(t, w.cloud)
	w.ec2, w.ecs = c.ec2, c.ecs
	return w, c
}

func TestOverTheWire(t *testing.T) {
	t.Parallel()
	w, c := remote(t, fakeaws.Options{})
	w.furnish()
	definition := w.define("script", "/bin/sh", "-c", "echo one; echo two; exit 4")
	host := w.host()
	arn := w.run(on(host, definition))
	got := w.reaches(arn, "STOPPED")
	if *got.Containers[0].ExitCode != 4 || got.StoppedAt.IsZero() || time.Since(*got.StoppedAt) > time.Minute {
		t.Errorf("exit code %d at %v, want 4 just now", *got.Containers[0].ExitCode, got.StoppedAt)
	}
	events := must[*cloudwatchlogs.GetLogEventsOutput](t)(c.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String(logGroup), LogStreamName: aws.String(stream(arn)), StartFromHead: aws.Bool(true)}))
	if len(events.Events) != 2 || *events.Events[1].Message != "two" {
		t.Errorf("GetLogEvents = %s, want one, two", asJSON(events.Events))
	}
	streams := must[*cloudwatchlogs.DescribeLogStreamsOutput](t)(c.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(logGroup)}))
	if len(streams.LogStreams) != 1 {
		t.Errorf("DescribeLogStreams finds %d streams, want 1", len(streams.LogStreams))
	}
	filtered := must[*cloudwatchlogs.FilterLogEventsOutput](t)(c.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(logGroup), FilterPattern: aws.String("two")}))
	if len(filtered.Events) != 1 {
		t.Errorf("FilterLogEvents finds %d lines, want 1", len(filtered.Events))
	}
	described := must[*ec2.DescribeInstancesOutput](t)(c.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{host}}))
	if i := described.Reservations[0].Instances[0]; i.State.Name != ec2types.InstanceStateNameRunning || *i.PrivateIpAddress == "" || i.LaunchTime.IsZero() {
		t.Errorf("DescribeInstances = %s", asJSON(i))
	}
	must[*ec2.TerminateInstancesOutput](t)(c.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{host}}))
	w.until("no host remains", func() bool { return len(w.cloud.Alive()) == 0 })
}

// TestEveryOperationOverTheWire calls each operation once through a real client.
func TestEveryOperationOverTheWire(t *testing.T) {
	t.Parallel()
	w, c := remote(t, fakeaws.Options{})
	w.furnish()
	ctx, host, cluster := t.Context(), w.host(), aws.String("c")
	arn := w.run(on(host, w.define("sleep", "sleep", "60")))
	w.reaches(arn, "RUNNING")
	agent := *w.agent(host).ContainerInstanceArn
	calls := []struct {
		name string
		do   func() (any, error)
	}{
		{"ec2.CreateLaunchTemplateVersion", func() (any, error) {
			return c.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String("lt"), SourceVersion: aws.String("1"),
				LaunchTemplateData: &ec2types.RequestLaunchTemplateData{KeyName: aws.String("key")}})
		}},
		{"ec2.DescribeLaunchTemplates", func() (any, error) { return c.ec2.DescribeLaunchTemplates(ctx, nil) }},
		{"ec2.DescribeLaunchTemplateVersions", func() (any, error) {
			out, err := c.ec2.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("lt")})
			if err == nil && (len(out.LaunchTemplateVersions) != 2 || *out.LaunchTemplateVersions[0].LaunchTemplateData.ImageId != image) {
				err = errors.New("version 2 has not what version 1 had: " + asJSON(out))
			}
			return out, err
		}},
		{"ec2.CreateTags", func() (any, error) {
			return c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{host}, Tags: []ec2types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		}},
		{"ec2.DeleteTags", func() (any, error) {
			return c.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{host}, Tags: []ec2types.Tag{{Key: aws.String("k")}}})
		}},
		{"ec2.DescribeSubnets", func() (any, error) { return c.ec2.DescribeSubnets(ctx, nil) }},
		{"ec2.DescribeVpcs", func() (any, error) {
			return c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}})
		}},
		{"ec2.DescribeSecurityGroups", func() (any, error) { return c.ec2.DescribeSecurityGroups(ctx, nil) }},
		{"ec2.DescribeAvailabilityZones", func() (any, error) { return c.ec2.DescribeAvailabilityZones(ctx, nil) }},
		{"ec2.DescribeInstanceTypes", func() (any, error) {
			return c.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []ec2types.InstanceType{"m5.large", "p3.2xlarge"}})
		}},
		{"ec2.DescribeSpotPriceHistory", func() (any, error) {
			return c.ec2.DescribeSpotPriceHistory(ctx, &ec2.DescribeSpotPriceHistoryInput{InstanceTypes: []ec2types.InstanceType{"m5.large"}})
		}},
		{"ec2.DeleteLaunchTemplate", func() (any, error) {
			return c.ec2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: aws.String("lt")})
		}},
		{"ecs.DescribeClusters", func() (any, error) {
			return c.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"c", "none"}, Include: []ecstypes.ClusterField{"TAGS"}})
		}},
		{"ecs.ListClusters", func() (any, error) { return c.ecs.ListClusters(ctx, nil) }},
		{"ecs.PutClusterCapacityProviders", func() (any, error) {
			return c.ecs.PutClusterCapacityProviders(ctx, &ecs.PutClusterCapacityProvidersInput{Cluster: cluster, CapacityProviders: []string{"FARGATE"},
				DefaultCapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{}})
		}},
		{"ecs.DescribeTaskDefinition", func() (any, error) {
			return c.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("echo")})
		}},
		{"ecs.ListTaskDefinitions", func() (any, error) { return c.ecs.ListTaskDefinitions(ctx, nil) }},
		{"ecs.DeregisterTaskDefinition", func() (any, error) {
			return c.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("echo:1")})
		}},
		{"ecs.ListTaskDefinitionFamilies", func() (any, error) {
			return c.ecs.ListTaskDefinitionFamilies(ctx, &ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: aws.String("ec")})
		}},
		{"ecs.DeleteTaskDefinitions", func() (any, error) {
			out, err := c.ecs.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: []string{"echo:1", "sleep:1"}})
			if err == nil && (len(out.TaskDefinitions) != 1 || len(out.Failures) != 1) {
				err = errors.New("want the inactive one deleted and the active one refused")
			}
			return out, err
		}},
		{"ecs.ListTasks", func() (any, error) { return c.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: cluster}) }},
		{"ecs.TagResource", func() (any, error) {
			return c.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &arn, Tags: []ecstypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		}},
		{"ecs.UpdateContainerInstancesState", func() (any, error) {
			return c.ecs.UpdateContainerInstancesState(ctx, &ecs.UpdateContainerInstancesStateInput{Cluster: cluster, ContainerInstances: []string{agent}, Status: "DRAINING"})
		}},
		{"ecs.StopTask", func() (any, error) { return c.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: cluster, Task: &arn}) }},
		{"ecs.DeregisterContainerInstance", func() (any, error) {
			return c.ecs.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{Cluster: cluster, ContainerInstance: &agent, Force: aws.Bool(true)})
		}},
		{"ecs.DeleteCluster", func() (any, error) { return c.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: cluster}) }},
		{"ssm.PutParameter", func() (any, error) {
			return c.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/k/a"), Value: aws.String("secret"), Type: ssmtypes.ParameterTypeSecureString})
		}},
		{"ssm.GetParameter", func() (any, error) {
			out, err := c.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/k/a"), WithDecryption: aws.Bool(true)})
			if err == nil && *out.Parameter.Value != "secret" {
				err = errors.New(asJSON(out))
			}
			return out, err
		}},
		{"ssm.GetParameters", func() (any, error) {
			return c.ssm.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"/k/a", "/k/none"}})
		}},
		{"ssm.GetParametersByPath", func() (any, error) {
			return c.ssm.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/k")})
		}},
		{"ssm.DescribeParameters", func() (any, error) {
			out, err := c.ssm.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{{
				Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{"/k/"}}}})
			if err == nil && len(out.Parameters) != 1 {
				err = errors.New("want the one below /k")
			}
			return out, err
		}},
		{"ssm.DeleteParameters", func() (any, error) {
			return c.ssm.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: []string{"/k/none"}})
		}},
		{"ssm.DeleteParameter", func() (any, error) {
			return c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/k/a")})
		}},
		{"logs.CreateLogGroup", func() (any, error) {
			return c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/other")})
		}},
		{"logs.PutRetentionPolicy", func() (any, error) {
			return c.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/other"), RetentionInDays: aws.Int32(7)})
		}},
		{"logs.DescribeLogGroups", func() (any, error) { return c.logs.DescribeLogGroups(ctx, nil) }},
		{"logs.TagResource", func() (any, error) {
			return c.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/other"), Tags: map[string]string{"k": "v"}})
		}},
		{"logs.ListTagsForResource", func() (any, error) {
			out, err := c.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/other")})
			if err == nil && out.Tags["k"] != "v" {
				err = errors.New("want k: v")
			}
			return out, err
		}},
		{"logs.DeleteLogGroup", func() (any, error) {
			return c.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/other")})
		}},
		{"sts.GetCallerIdentity", func() (any, error) { return c.sts.GetCallerIdentity(ctx, nil) }},
	}
	for _, call := range calls {
		if out, err := call.do(); err != nil {
			t.Errorf("%s: %v, %s", call.name, err, asJSON(out))
		}
		if n := w.cloud.Calls()[call.name]; n == 0 && call.name != "sts.GetCallerIdentity" {
			t.Errorf("Calls has no %s", call.name)
		}
	}
}

func TestErrorsOverTheWire(t *testing.T) {
	t.Parallel()
	w, c := remote(t, fakeaws.Options{})
	w.furnish()
	ctx := t.Context()
	_, err := c.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}})
	wantCode(t, "DescribeInstances of none", err, "InvalidInstanceID.NotFound")
	_, err = c.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("none")})
	var noCluster *ecstypes.ClusterNotFoundException
	if !errors.As(err, &noCluster) {
		t.Errorf("ListTasks in no cluster = %v, want ClusterNotFoundException", err)
	}
	_, err = c.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/none")})
	var noParameter *ssmtypes.ParameterNotFound
	if !errors.As(err, &noParameter) {
		t.Errorf("GetParameter of none = %v, want ParameterNotFound", err)
	}
	host := w.host()
	in := on(host, "echo")
	in.ClientToken = aws.String("t")
	arn := w.run(in)
	in.Group = aws.String("other")
	_, err = c.ecs.RunTask(ctx, in)
	var conflict *ecstypes.ConflictException
	if !errors.As(err, &conflict) || !slices.Equal(conflict.ResourceIds, []string{arn}) {
		t.Errorf("RunTask with other parameters = %v, want ConflictException with %s", err, arn)
	}
	response, err := http.Post(c.url, "application/json", strings.NewReader("{}"))
	if err != nil || response.StatusCode != http.StatusNotImplemented {
		t.Errorf("a request for no service = %v, %v; want 501", response.Status, err)
	}
	response.Body.Close()
}

// TestClientsTryAgain lets the SDK itself repeat what fails: its own tokens make it safe.
func TestClientsTryAgain(t *testing.T) {
	t.Parallel()
	w, c := remote(t, fakeaws.Options{})
	w.furnish()
	w.cloud.SetFaults(fakeaws.Faults{FailOnce: fakeaws.FailOperation})
	out, err := c.ec2.CreateFleet(t.Context(), w.fleet(), func(o *ec2.Options) {
		o.RetryMaxAttempts = 0
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts, r.MaxBackoff = 3, time.Millisecond })
	})
	if err != nil || w.cloud.Launched() != 1 || !slices.Equal(out.Instances[0].InstanceIds, w.cloud.Alive()) {
		t.Errorf("CreateFleet = %s, %v with %d launched, want one", asJSON(out), err, w.cloud.Launched())
	}
	if n := w.cloud.Calls()["ec2.CreateFleet"]; n != 3 {
		t.Errorf("it took %d calls, want 3", n)
	}
}

func TestServiceOf(t *testing.T) {
	tests := map[string]struct {
		header, value, want string
	}{
		"scope":  {"Authorization", "AWS4-HMAC-SHA256 Credential=k/20260102/us-east-1/dynamodb/aws4_request, SignedHeaders=host", "dynamodb"},
		"target": {"X-Amz-Target", "AmazonSSM.GetParameter", "ssm"},
		"none":   {"Accept", "*/*", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set(test.header, test.value)
			if got := fakeaws.ServiceOf(r); got != test.want {
				t.Errorf("ServiceOf() = %q, want %q", got, test.want)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("no AWS CLI here")
	}
	w, c := remote(t, fakeaws.Options{})
	w.furnish()
	w.host()
	run := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append(args, "--output", "text")...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+c.url, "AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := run("ec2", "describe-instances", "--filters", "Name=instance-state-name,Values=running", "--query", "Reservations[].Instances[].InstanceType"); got != "m5.large" {
		t.Errorf("describe-instances = %q, want m5.large", got)
	}
	if got := run("ecs", "run-task", "--cluster", "c", "--task-definition", "echo", "--query", "tasks[0].lastStatus"); got != "PENDING" {
		t.Errorf("run-task = %q, want PENDING", got)
	}
	if got := run("ssm", "get-parameter", "--name", "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "--query", "Parameter.Value"); !strings.HasPrefix(got, "ami-") {
		t.Errorf("get-parameter = %q, want an image", got)
	}
	if got := run("sts", "get-caller-identity", "--query", "Account"); got != w.cloud.Account() {
		t.Errorf("get-caller-identity = %q, want %s", got, w.cloud.Account())
	}
}
