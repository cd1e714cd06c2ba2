package deploy_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/infra/fleet"
	"github.com/packhorse-batch/packhorse/internal/deploy"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// The whole life of a deployment through the real SDK, on moto.
//
// What moto 5.2.1 cannot show: it passes over resources of types that its
// CloudFormation does not know (AWS::Lambda::Url, AWS::Lambda::EventInvokeConfig,
// AWS::SQS::QueuePolicy, AWS::CloudWatch::Alarm); it breaks at an attribute of one of
// them, so the output Endpoint is replaced here; its stack has no events of resources;
// it does not delete managed policies with their stack; it takes an update that changes
// nothing. cfn-lint and the fakes of the other tests stand for those.

// motoAccount is an account in a region of the test's own.
func motoAccount(t *testing.T, region string) (*deploy.Account, aws.Config, string) {
	t.Helper()
	endpoint := peers.Moto(t)
	cfg := aws.Config{
		Region: region, BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	account := deploy.Open(cfg, fleet.Open(cfg))
	account.Template = strings.Replace(infra.Template(), "!GetAtt ApiUrl.FunctionUrl", "!Sub https://${ApiFunction}.example/", 1)
	if account.Template == infra.Template() {
		t.Fatal("the template no longer has the output that moto breaks at; see above")
	}
	return account, cfg, endpoint
}

// zipsWithout is zips without some of the files.
func zipsWithout(t *testing.T, names ...string) fs.FS {
	folder := zips(t, "one").FS.(fstest.MapFS)
	for _, name := range names {
		delete(folder, name)
	}
	return folder
}

// zips are functions that would start, in both architectures.
func zips(t *testing.T, code string) deploy.Folder {
	t.Helper()
	folder := fstest.MapFS{}
	for _, f := range infra.Functions() {
		for _, arch := range []string{deploy.ARM64, deploy.X8664} {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			header := &zip.FileHeader{Name: "bootstrap"}
			header.SetMode(0o755)
			file, err := w.CreateHeader(header)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(file, code, f.Name, arch)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			folder[f.Name+"-"+arch+".zip"] = &fstest.MapFile{Data: b.Bytes()}
		}
	}
	return deploy.Folder{FS: folder, Name: "dist"}
}

// leftInMoto lists what moto still has whose name begins with that of a deployment. It
// asks on the wire: there are no clients of these services among our modules. (Clusters
// are not asked for, moto lists those that were deleted.)
func leftInMoto(t *testing.T, endpoint, region, name string) []string {
	t.Helper()
	kinds := []struct{ what, service, target, path, body string }{
		{what: "function", service: "lambda", path: "/2015-03-31/functions/"},
		{what: "event source mapping", service: "lambda", path: "/2015-03-31/event-source-mappings/"},
		{what: "rule", service: "events", target: "AWSEvents.ListRules", body: "{}"},
		{what: "table", service: "dynamodb", target: "DynamoDB_20120810.ListTables", body: "{}"},
		{what: "log group", service: "logs", target: "Logs_20140328.DescribeLogGroups", body: "{}"},
		{what: "parameter", service: "ssm", target: "AmazonSSM.DescribeParameters", body: "{}"},
		{what: "queue", service: "sqs", target: "AmazonSQS.ListQueues", body: "{}"},
		{what: "task definition", service: "ecs", target: "AmazonEC2ContainerServiceV20141113.ListTaskDefinitions", body: "{}"},
		{what: "role", service: "iam", body: "Action=ListRoles&Version=2010-05-08"},
		{what: "instance profile", service: "iam", body: "Action=ListInstanceProfiles&Version=2010-05-08"},
		{what: "launch template", service: "ec2", body: "Action=DescribeLaunchTemplates&Version=2016-11-15"},
		{what: "bucket", service: "s3", path: "/"},
	}
	var left []string
	for _, kind := range kinds {
		method := http.MethodPost
		if kind.body == "" {
			method = http.MethodGet
		}
		req, err := http.NewRequestWithContext(t.Context(), method, endpoint+kind.path, strings.NewReader(kind.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260501/"+region+"/"+kind.service+"/aws4_request, SignedHeaders=host, Signature=x")
		switch {
		case kind.target != "":
			req.Header.Set("X-Amz-Target", kind.target)
			req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		case kind.body != "":
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("list each %s of moto: %s, %v\n%s", kind.what, resp.Status, err, text)
		}
		for _, mark := range []string{name + "-", name + "/", "packhorse-artifacts-123456789012-" + region, "/aws/batch/job"} {
			if strings.Contains(string(text), mark) {
				left = append(left, fmt.Sprintf("a %s with %q: %s", kind.what, mark, text))
			}
		}
	}
	return left
}

func TestOnMotoADeploymentComesChangesAndLeavesNothing(t *testing.T) {
	const name = "life"
	account, cfg, endpoint := motoAccount(t, "eu-central-1")
	account.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	ctx := t.Context()
	var steps []string
	progress := func(e deploy.Event) { steps = append(steps, e.Text) }

	result, err := account.Deploy(ctx, deploy.Options{Name: name, Functions: zips(t, "one")}, progress)
	if err != nil {
		t.Fatalf("deploy: %v", err)
	}
	if !result.Created || result.Endpoint() != "https://life-api.example" {
		t.Errorf("deploy = %+v, want a new one with an endpoint", result)
	}
	for _, want := range []string{"made the bucket packhorse-artifacts-123456789012-eu-central-1", "made the log group /aws/batch/job (30 days)"} {
		if !slices.Contains(steps, want) {
			t.Errorf("deploy did not say %q: %q", want, steps)
		}
	}

	t.Run("again, with new code and another parameter", func(t *testing.T) {
		steps = nil
		result, err := account.Deploy(ctx, deploy.Options{
			Name: name, Functions: zips(t, "two"), Parameters: map[string]string{"FunctionLogDays": "7"},
		}, progress)
		if err != nil || result.Created {
			t.Errorf("deploy again = %+v, %v, want a change of what is there", result, err)
		}
		if want := "removed 5 functions of former deployments from the bucket"; !slices.Contains(steps, want) {
			t.Errorf("deploy again did not say %q: %q", want, steps)
		}
	})

	t.Run("a key is made, shown once, listed and deleted", func(t *testing.T) {
		key, secret, err := account.CreateKey(ctx, name, deploy.Submit)
		if err != nil || len(key.ID) != 20 || len(secret) != 40 {
			t.Fatalf("CreateKey = %+v with a secret of %d, %v; want 20 and 40 characters", key, len(secret), err)
		}
		if got, err := account.Secret(ctx, name, key.ID); got != secret || err != nil {
			t.Errorf("Secret = %q, %v, want the one that was made", got, err)
		}
		keys, err := account.Keys(ctx, name)
		if err != nil || len(keys) != 1 || keys[0].ID != key.ID || keys[0].Role != deploy.Submit {
			t.Errorf("Keys = %+v, %v, want %s with its role", keys, err, key.ID)
		}
		if err := account.DeleteKey(ctx, name, key.ID); err != nil {
			t.Errorf("DeleteKey: %v", err)
		}
		if err := account.DeleteKey(ctx, name, key.ID); err == nil {
			t.Error("DeleteKey again succeeds, want an error that says which keys there are")
		}
		if _, _, err := account.CreateKey(ctx, name, deploy.Admin); err != nil { // for destroy to remove
			t.Error(err)
		}
	})

	if len(leftInMoto(t, endpoint, cfg.Region, name)) < 8 {
		t.Fatal("the search for what is left behind does not even see what is there")
	}
	host := makeByHand(t, cfg, name)
	status, err := account.Status(ctx, name)
	if err != nil {
		t.Fatalf("status: %v", err)
	}
	if len(status.Functions) != 5 || status.Functions[0].State != "CREATE_COMPLETE" && status.Functions[0].State != "UPDATE_COMPLETE" {
		t.Errorf("status has the functions %+v, want five that are complete", status.Functions)
	}
	if len(status.Hosts) != 1 || status.Hosts[0].ID != host || status.Hosts[0].Environment != "fleet" {
		t.Errorf("status has the hosts %+v, want %s of the environment fleet", status.Hosts, host)
	}
	if len(status.Letters) != 3 || len(status.Keys) != 1 || !status.Running {
		t.Errorf("status = %+v, want three queues of dead letters, a key, and a scheduler that runs", status)
	}

	err = account.Destroy(ctx, deploy.DestroyOptions{Name: name}, progress)
	if !errors.Is(err, deploy.ErrAlive) || !strings.Contains(err.Error(), host) {
		t.Errorf("destroy with a host that lives = %v, want a refusal that names %s", err, host)
	}
	if err := account.Destroy(ctx, deploy.DestroyOptions{Name: name, Force: true}, progress); err != nil {
		t.Fatalf("destroy with force: %v", err)
	}
	if _, err := account.Status(ctx, name); !errors.Is(err, deploy.ErrNone) {
		t.Errorf("status after it = %v, want no deployment", err)
	}
	if err := account.Destroy(ctx, deploy.DestroyOptions{Name: name}, progress); !errors.Is(err, deploy.ErrNone) {
		t.Errorf("destroy after it = %v, want no deployment", err)
	}
	for _, left := range leftInMoto(t, endpoint, cfg.Region, name) {
		t.Errorf("left behind: %s", left)
	}
}

// makeByHand makes what the functions of a deployment would: a cluster, a launch
// template and a host.
func makeByHand(t *testing.T, cfg aws.Config, name string) (instance string) {
	t.Helper()
	ctx := t.Context()
	tags := []ec2types.Tag{
		{Key: aws.String(infra.DeploymentTag), Value: aws.String(name)},
		{Key: aws.String("packhorse:environment"), Value: aws.String("fleet")},
	}
	vms := ec2.NewFromConfig(cfg)
	if _, err := vms.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(name + "-fleet"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: "t3.micro"},
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeLaunchTemplate, Tags: tags}},
	}); err != nil {
		t.Fatal(err)
	}
	images, err := vms.DescribeImages(ctx, &ec2.DescribeImagesInput{})
	if err != nil || len(images.Images) == 0 {
		t.Fatalf("images of moto: %v", err)
	}
	run, err := vms.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: images.Images[0].ImageId, InstanceType: "t3.micro", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: tags}},
	})
	if err != nil {
		t.Fatal(err)
	}
	containers := ecs.NewFromConfig(cfg)
	if _, err := containers.CreateCluster(ctx, &ecs.CreateClusterInput{
		ClusterName: aws.String("fleet_Batch_1"), Tags: []ecstypes.Tag{{Key: aws.String(infra.DeploymentTag), Value: aws.String(name)}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := containers.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family:               aws.String("packhorse-" + name + "-align"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("default"), Image: aws.String("alpine"), Memory: aws.Int32(64)}},
		Tags:                 []ecstypes.Tag{{Key: aws.String(infra.DeploymentTag), Value: aws.String(name)}},
	}); err != nil {
		t.Fatal(err)
	}
	return aws.ToString(run.Instances[0].InstanceId)
}
