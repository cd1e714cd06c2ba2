package api_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// environment is what a user sets to point all clients at a server.
func environment(t *testing.T, server *httptest.Server) []string {
	none := t.TempDir() + "/none"
	return append(os.Environ(), "AWS_ENDPOINT_URL="+server.URL, "AWS_DEFAULT_REGION=us-east-2", "AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
}

func run(t *testing.T, env []string, program string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	if testing.Short() {
		t.Skip("starts other programs")
	}
	var out, errs bytes.Buffer
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Env, command.Stdout, command.Stderr = env, &out, &errs
	err = command.Run()
	return out.String(), errs.String(), err
}

// everything is a server with keys and all neighbours.
func everything(t *testing.T, service *fakeService) *httptest.Server {
	server, _ := start(t, api.Config{Service: service, Keys: keys, Logs: written(t), Fleet: newFleet(), Types: catalog.Default()})
	return server
}

func TestAWSCLI(t *testing.T) {
	const arn = "arn:aws:batch:eu-west-1:123456789012:job-queue/a b"
	tests := map[string]struct {
		output    any // of the service
		err       error
		arguments []string
		want      string // in what is printed
		input     any    // nil: not looked at
	}{
		"submit-job": {&awsbatch.SubmitJobOutput{JobId: new("j1"), JobName: new("n"), JobArn: new("a")}, nil,
			[]string{"batch", "submit-job", "--job-name", "n", "--job-queue", "q", "--job-definition", "d", "--container-overrides", `{"command":["a","ü\n"]}`, "--tags", "k=v"},
			`"jobId": "j1"`,
			&awsbatch.SubmitJobInput{JobName: new("n"), JobQueue: new("q"), JobDefinition: new("d"), ContainerOverrides: &types.ContainerOverrides{Command: []string{"a", "ü\n"}}, Tags: map[string]string{"k": "v"}}},
		"describe-jobs": {&awsbatch.DescribeJobsOutput{Jobs: []types.JobDetail{{JobId: new("j1"), Status: "FAILED", StatusReason: new("Host EC2 (instance i-1) terminated.")}}}, nil,
			[]string{"batch", "describe-jobs", "--jobs", "j1", "--query", "jobs[0].statusReason"}, `"Host EC2 (instance i-1) terminated."`, nil},
		"untag-resource": {nil, nil, []string{"batch", "untag-resource", "--resource-arn", arn, "--tag-keys", "b", "a c/ü"}, "",
			&awsbatch.UntagResourceInput{ResourceArn: new(arn), TagKeys: []string{"b", "a c/ü"}}},
		"an error": {nil, batch.NotFound("Job queue q does not exist"), []string{"batch", "submit-job", "--job-name", "n", "--job-queue", "q", "--job-definition", "d"},
			"An error occurred (ClientException) when calling the SubmitJob operation: Job queue q does not exist", nil},
		"sts get-caller-identity":   {nil, nil, []string{"sts", "get-caller-identity", "--query", "Account", "--output", "text"}, "123456789012", nil},
		"logs filter-log-events":    {nil, nil, []string{"logs", "filter-log-events", "--log-group-name", "/aws/batch/job", "--filter-pattern", "4"}, "line 4 <b>", nil},
		"ecs describe-tasks":        {nil, nil, []string{"ecs", "describe-tasks", "--cluster", "a", "--tasks", "2222", "--query", "tasks[0].[stoppedAt,containers[0].exitCode]", "--output", "text"}, "\t137", nil},
		"ec2 describe-instances":    {nil, nil, []string{"ec2", "describe-instances", "--filters", "Name=instance-lifecycle,Values=spot", "--query", "Reservations[].Instances[].[InstanceId,State.Name,Placement.AvailabilityZone]", "--output", "text"}, "i-00000000000000001\trunning\teu-west-1a", nil},
		"ec2, an error":             {nil, nil, []string{"ec2", "describe-instances", "--instance-ids", "i-9"}, "An error occurred (InvalidInstanceID.NotFound) when calling the DescribeInstances operation: The instance ID 'i-9' does not exist", nil},
		"s3 ls, which is elsewhere": {nil, nil, []string{"s3", "ls", "s3://bucket"}, "set AWS_ENDPOINT_URL_BATCH in place of AWS_ENDPOINT_URL", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fakeService{output: test.output, err: test.err}
			stdout, stderr, err := run(t, environment(t, everything(t, service)), "aws", test.arguments...)
			if !strings.Contains(stdout+stderr, test.want) || (err != nil) != (stderr != "") {
				t.Errorf("aws %q = %v\n%s%s\nwant %s", test.arguments, err, stdout, stderr, test.want)
			}
			if test.input != nil {
				if diff := cmp.Diff(test.input, service.input, exported); diff != "" {
					t.Errorf("input: (-want +got)\n%s", diff)
				}
			}
		})
	}
}

// boto3 checks types of what it receives; the script prints what it saw.
const boto3Script = `
import boto3, json, botocore
seen = {}
batch = boto3.client("batch")
seen["queues"] = [q["jobQueueName"] for page in batch.get_paginator("describe_job_queues").paginate(PaginationConfig={"MaxItems": 2}) for q in page["jobQueues"]]
try:
    batch.create_consumable_resource(consumableResourceName="r")
except botocore.exceptions.ClientError as e:
    seen["unsupported"] = [e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Message"][:48]]
logs = boto3.client("logs")
try:
    logs.get_log_events(logGroupName="g", logStreamName="s")
except logs.exceptions.ResourceNotFoundException as e:
    seen["missing"] = str(e)
seen["lines"] = [e["message"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/batch/job", limit=2) for e in page["events"]]
task = boto3.client("ecs").describe_tasks(cluster="a", tasks=["1111"])["tasks"][0]
seen["started"] = task["startedAt"].timestamp()
host = boto3.client("ecs").describe_container_instances(cluster="a", containerInstances=[task["containerInstanceArn"]])["containerInstances"][0]
ec2 = boto3.client("ec2", region_name="sa-east-1")
seen["type"] = ec2.describe_instances(InstanceIds=[host["ec2InstanceId"]])["Reservations"][0]["Instances"][0]["InstanceType"]
seen["memory"] = ec2.describe_instance_types(InstanceTypes=[seen["type"]])["InstanceTypes"][0]["MemoryInfo"]["SizeInMiB"]
seen["user"] = boto3.client("sts").get_caller_identity()["UserId"]
print(json.dumps(seen))
`

func TestBoto3(t *testing.T) {
	service := &fakeService{output: &awsbatch.DescribeJobQueuesOutput{JobQueues: []types.JobQueueDetail{{JobQueueName: new("q"), Priority: new(int32(1))}}}}
	env := environment(t, everything(t, service))
	if _, _, err := run(t, env, "python3", "-c", "import boto3"); err != nil {
		t.Skip("boto3 is not installed")
	}
	stdout, stderr, err := run(t, env, "python3", "-c", boto3Script)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	want := map[string]any{
		"queues":      []any{"q"},
		"unsupported": []any{"ClientException", 400.0, "CreateConsumableResource is not supported yet. L"},
		"missing":     "An error occurred (ResourceNotFoundException) when calling the GetLogEvents operation: The specified log group does not exist.",
		"lines":       []any{"line 1", "", "line 2", "line 3", "line 4 <b>", "line 5"},
		"started":     1767323046.678,
		"type":        "g4dn.xlarge",
		"memory":      16384.0,
		"user":        accessKey,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("boto3 saw (-want +got)\n%s", diff)
	}
}
