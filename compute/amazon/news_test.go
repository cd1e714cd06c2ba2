package amazon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// The samples have the form of those in the documentation of AWS: "Amazon ECS task state
// change events" and "Amazon ECS container instance state change events" in the ECS
// developer guide, "Spot Instance interruption notices" and "EC2 instance rebalance
// recommendations" in the EC2 user guide. Only the names in them are ours.

const taskEvent = `{
  "version": "0", "id": "3317b2af-7005-947d-b652-f55e762e571a", "detail-type": "ECS Task State Change", "source": "aws.ecs",
  "account": "111122223333", "time": "2020-01-23T17:57:58Z", "region": "us-west-2",
  "resources": ["arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad"],
  "detail": {
    "attachments": [{
      "id": "1789bcae-ddfb-4d10-8ebe-8ac87ddba5b8", "type": "eni", "status": "ATTACHED",
      "details": [{"name": "subnetId", "value": "subnet-abcd1234"}, {"name": "privateIPv4Address", "value": "10.0.0.139"}]
    }],
    "availabilityZone": "us-west-2c",
    "clusterArn": "arn:aws:ecs:us-west-2:111122223333:cluster/FargateCluster",
    "containers": [{
      "containerArn": "arn:aws:ecs:us-west-2:111122223333:container/cf159fd6-3e3f-4a9e-84f9-66cbe726af01",
      "lastStatus": "RUNNING", "name": "default",
      "image": "111122223333.dkr.ecr.us-west-2.amazonaws.com/hello-repository:latest",
      "imageDigest": "sha256:74b2c688c700ec95a93e478cdb959737c148df3fbf5ea706abe0318726e885e6",
      "runtimeId": "ad64cbc71c7fb31c55507ec24c9f77947132b03d48d9961115cf24f3b7307e1e",
      "taskArn": "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad",
      "networkInterfaces": [{"attachmentId": "1789bcae-ddfb-4d10-8ebe-8ac87ddba5b8", "privateIpv4Address": "10.0.0.139"}],
      "cpu": "0"
    }],
    "createdAt": "2020-01-23T17:57:34.402Z", "launchType": "FARGATE", "cpu": "256", "memory": "512", "desiredStatus": "RUNNING",
    "group": "family:packhorse-main-align", "lastStatus": "RUNNING", "startedBy": "0123456789abcdef0123456789abcdef",
    "overrides": {"containerOverrides": [{"name": "default", "environment": [
      {"name": "SAMPLE", "value": "17"},
      {"name": "AWS_BATCH_JOB_ID", "value": "0190a0b0-0000-7000-8000-000000000001:7"},
      {"name": "AWS_BATCH_JOB_ATTEMPT", "value": "2"}
    ]}]},
    "connectivity": "CONNECTED", "connectivityAt": "2020-01-23T17:57:38.453Z", "pullStartedAt": "2020-01-23T17:57:52.103Z",
    "startedAt": "2020-01-23T17:57:58.103Z", "pullStoppedAt": "2020-01-23T17:57:55.103Z", "updatedAt": "2020-01-23T17:57:58.103Z",
    "taskArn": "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad",
    "taskDefinitionArn": "arn:aws:ecs:us-west-2:111122223333:task-definition/packhorse-main-align:1",
    "version": 4, "platformVersion": "1.3.0", "ephemeralStorage": {"sizeInGiB": 20}
  }
}`

const containerEvent = `{
  "version": "0", "id": "8952ba83-7be2-4ab5-9c32-6687532d15a2", "detail-type": "ECS Container Instance State Change", "source": "aws.ecs",
  "account": "111122223333", "time": "2016-12-06T16:41:06Z", "region": "us-east-1",
  "resources": ["arn:aws:ecs:us-east-1:111122223333:container-instance/b54a2a04-046f-4331-9d74-3f6d7f6ca315"],
  "detail": {
    "agentConnected": true,
    "attributes": [{"name": "com.amazonaws.ecs.capability.logging-driver.awslogs"}, {"name": "com.amazonaws.ecs.capability.task-iam-role"}],
    "clusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/default",
    "containerInstanceArn": "arn:aws:ecs:us-east-1:111122223333:container-instance/b54a2a04-046f-4331-9d74-3f6d7f6ca315",
    "ec2InstanceId": "i-f3a8506b",
    "registeredResources": [
      {"name": "CPU", "type": "INTEGER", "integerValue": 2048}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 3767},
      {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376", "2375", "51678", "51679"]},
      {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []},
      {"name": "GPU", "type": "STRINGSET", "stringSetValue": ["GPU-1", "GPU-2"]}
    ],
    "remainingResources": [{"name": "CPU", "type": "INTEGER", "integerValue": 1988}, {"name": "MEMORY", "type": "INTEGER", "integerValue": 767}],
    "status": "ACTIVE", "version": 14801,
    "versionInfo": {"agentHash": "aebcbca", "agentVersion": "1.13.0", "dockerVersion": "DockerVersion: 1.11.2"},
    "updatedAt": "2016-12-06T16:41:06.991Z"
  }
}`

const spotEvent = `{
  "version": "0", "id": "12345678-1234-1234-1234-123456789012", "detail-type": "EC2 Spot Instance Interruption Warning", "source": "aws.ec2",
  "account": "123456789012", "time": "2026-11-23T12:00:00Z", "region": "us-east-2",
  "resources": ["arn:aws:ec2:us-east-2a:instance/i-1234567890abcdef0"],
  "detail": {"instance-id": "i-1234567890abcdef0", "instance-action": "terminate"}
}`

const rebalanceEvent = `{
  "version": "0", "id": "12345678-1234-1234-1234-123456789012", "detail-type": "EC2 Instance Rebalance Recommendation", "source": "aws.ec2",
  "account": "123456789012", "time": "2026-11-23T12:00:00Z", "region": "us-east-2",
  "resources": ["arn:aws:ec2:us-east-2:123456789012:instance/i-1234567890abcdef0"],
  "detail": {"instance-id": "i-1234567890abcdef0"}
}`

const instanceEvent = `{
  "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
  "account": "123456789012", "time": "2021-11-11T21:29:54Z", "region": "us-east-1",
  "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0"],
  "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated"}
}`

// tellsOf returns what an event tells: a task, a host or neither.
func tellsOf(text string) (*compute.TaskStatus, *compute.Host, error) {
	e, err := eventOf(json.RawMessage(text))
	if err != nil {
		return nil, nil, err
	}
	task, host, err := e.tells()
	if task == nil || err != nil {
		return nil, host, err
	}
	return new(statusOf(*task)), host, nil
}

// toldTask returns the task that an event tells of.
func toldTask(t *testing.T, event string) *compute.TaskStatus {
	t.Helper()
	task, host, err := tellsOf(event)
	if err != nil || task == nil || host != nil {
		t.Fatalf("the event tells of task %+v and host %+v, %v; want a task", task, host, err)
	}
	return task
}

// toldHost returns the host that an event tells of.
func toldHost(t *testing.T, event string) *compute.Host {
	t.Helper()
	task, host, err := tellsOf(event)
	if err != nil || task != nil || host == nil {
		t.Fatalf("the event tells of task %+v and host %+v, %v; want a host", task, host, err)
	}
	return host
}

func TestNewsOfATask(t *testing.T) {
	got := toldTask(t, taskEvent)
	if got.ID != "0123456789abcdef0123456789abcdef" || got.Ref != "c13b4cb40f1f4fe4a2971f76ae5a47ad" ||
		got.JobID != "0190a0b0-0000-7000-8000-000000000001:7" || got.Attempt != 2 {
		t.Errorf("%+v does not say whose attempt it is", got)
	}
	if got.State != compute.TaskRunning || got.Version != 4 || !got.StartedAt.Equal(time.Date(2020, 1, 23, 17, 57, 58, 103e6, time.UTC)) {
		t.Errorf("state %s, version %d, started %v", got.State, got.Version, got.StartedAt)
	}
	if len(got.Containers) != 1 || got.Containers[0].Name != "default" || got.Containers[0].IP != "10.0.0.139" {
		t.Errorf("containers %+v", got.Containers)
	}
}

func TestNewsOfATaskThatStopped(t *testing.T) {
	stopped := strings.NewReplacer(
		`"lastStatus": "RUNNING", "startedBy"`, `"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited",
		 "stoppedReason": "Essential container in task exited", "stoppedAt": "2020-01-23T18:00:01.5Z", "startedBy"`,
		`"cpu": "0"`, `"cpu": "0", "exitCode": 3`,
	).Replace(taskEvent)
	got := toldTask(t, stopped)
	if got.State != compute.TaskStopped || got.StopCode != compute.StopEssentialExited || got.StoppedAt.IsZero() {
		t.Errorf("%s, %s at %v; want STOPPED, EssentialContainerExited", got.State, got.StopCode, got.StoppedAt)
	}
	if c := got.Containers[0]; c.ExitCode == nil || *c.ExitCode != 3 {
		t.Errorf("exit code %v, want 3", c.ExitCode)
	}
}

func TestNewsOfAHostThatJoined(t *testing.T) {
	got := toldHost(t, containerEvent)
	want := compute.Host{
		Instance: "i-f3a8506b", Ref: "b54a2a04-046f-4331-9d74-3f6d7f6ca315", State: compute.HostReady,
		Has: batch.Resources{MilliVCPU: 2000, MemoryMiB: 3767, GPUs: 2}, Version: joinedVersion + 14801,
	}
	if *got != want {
		t.Errorf("host %+v, want %+v", *got, want)
	}
}

func TestNewsOfAContainerInstanceByStatus(t *testing.T) {
	tests := map[string]struct {
		from, to string
		want     compute.HostState
	}{
		"its agent is away":  {`"agentConnected": true`, `"agentConnected": false`, compute.HostBooting},
		"it drains":          {`"status": "ACTIVE"`, `"status": "DRAINING"`, compute.HostDraining},
		"it has been let go": {`"status": "ACTIVE"`, `"status": "INACTIVE"`, compute.HostDraining},
		"it registers":       {`"status": "ACTIVE"`, `"status": "REGISTERING"`, compute.HostBooting},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := toldHost(t, strings.Replace(containerEvent, test.from, test.to, 1)); got.State != test.want {
				t.Errorf("state = %s, want %s", got.State, test.want)
			}
		})
	}
}

func TestNewsOfInstances(t *testing.T) {
	tests := map[string]struct {
		event string
		want  compute.HostState
	}{
		"a Spot notice":              {spotEvent, compute.HostDraining},
		"a rebalance recommendation": {rebalanceEvent, compute.HostDraining},
		"its end":                    {instanceEvent, compute.HostGone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := toldHost(t, test.event)
			if got.Instance != "i-1234567890abcdef0" || got.State != test.want || got.Reason == "" {
				t.Errorf("host %+v, want i-1234567890abcdef0 in state %s with a reason", got, test.want)
			}
		})
	}
}

func TestNoNews(t *testing.T) {
	for name, event := range map[string]string{
		"another's task":         strings.Replace(taskEvent, "task-definition/packhorse-main-align", "task-definition/web", 1),
		"a task of a service":    strings.Replace(taskEvent, `"startedBy": "0123456789abcdef0123456789abcdef",`, "", 1),
		"an instance that runs":  strings.Replace(instanceEvent, "terminated", "running", 1),
		"an event of other kind": strings.Replace(taskEvent, "ECS Task State Change", "ECS Service Action", 1),
		"a machine without EC2":  strings.Replace(containerEvent, `"ec2InstanceId": "i-f3a8506b",`, "", 1),
	} {
		if task, host, err := tellsOf(event); err != nil || task != nil || host != nil {
			t.Errorf("%s tells of task %+v and host %+v, %v; want neither", name, task, host, err)
		}
	}
}

func TestNewsOfWhatIsNoEvent(t *testing.T) {
	for _, text := range []string{`[]`, `{"detail-type": "ECS Task State Change", "detail": "?"}`} {
		if task, host, err := tellsOf(text); err == nil {
			t.Errorf("%s tells of task %+v and host %+v, want an error", text, task, host)
		}
	}
}
