package functions

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// installation is an installation in an AWS that behaves, or misbehaves as told.
type installation struct {
	*scene
	cloud *fakeaws.Cloud
	logs  *cloudwatchlogs.Client
}

// newRegion opens an installation whose functions run when something happens.
func newRegion(t *testing.T, o fakeaws.Options) *installation {
	t.Helper()
	o.Region, o.Account = stage.Region, stage.Account
	if o.Speed == 0 {
		o.Speed = 50 // a boot of a minute takes 1.2 s
	}
	o.Faults = fakeaws.Faults{} // they come when everything is set up
	cloud := fakeaws.New(o)
	t.Cleanup(cloud.Close)
	_, err := cloud.SSM().PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(stage.KeyPath + stage.AdminID), Value: aws.String(stage.AdminKey), Type: ssmtypes.ParameterTypeSecureString,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cloud.Handler())
	t.Cleanup(server.Close)
	s := newScene(t, func(so *stage.Options) {
		so.AWS, so.SweepEvery = server.URL, 2*time.Second
		so.NewsWindow = 100 * time.Millisecond // hosts are fifty times as fast as life
		so.Env = []string{"PACKHORSE_IDLE_WINDOW=2s", "AWS_MAX_ATTEMPTS=1"}
	})
	r := &installation{scene: s, cloud: cloud, logs: cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: stage.Region, BaseEndpoint: &s.URL, Credentials: s.config.Credentials,
	})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	s.News.Visibility = 2 * time.Second
	cloud.Subscribe(func(e fakeaws.Event) { running.Go(func() { _ = s.Tell(ctx, e.Source, e) }) }) // the sweep sees what is lost
	running.Go(func() {
		if err := s.Play(ctx); err != nil {
			t.Errorf("the stream: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return r
}

// aws calls the AWS CLI.
func (r *installation) aws(args ...string) {
	r.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		r.Skip("needs the AWS CLI: pip install awscli")
	}
	command := exec.CommandContext(r.Context(), program, append([]string{"--endpoint-url", r.URL, "--region", stage.Region, "batch"}, args...)...)
	command.Env = []string{"AWS_ACCESS_KEY_ID=" + stage.AdminID, "AWS_SECRET_ACCESS_KEY=" + stage.AdminSecret, "PATH=/usr/local/bin:/usr/bin:/bin:" + program[:strings.LastIndex(program, "/")], "HOME=/nonexistent"}
	if out, err := command.CombinedOutput(); err != nil {
		r.Fatalf("aws batch %s: %v\n%s", args[0], err, out)
	}
}

// patient is a client that tries again, as SDKs do.
func (r *installation) patient() *batch.Client {
	return batch.New(batch.Options{
		Region: stage.Region, BaseEndpoint: &r.URL, Credentials: r.config.Credentials, RetryMaxAttempts: 10,
	})
}

// furnish makes environments and queues "ec2", "spot" and "fargate" by the AWS CLI.
func (r *installation) furnish() {
	r.Helper()
	resources := map[string]string{
		"ec2":     "type=EC2,allocationStrategy=BEST_FIT_PROGRESSIVE,minvCpus=0,maxvCpus=32,instanceTypes=m5.large,m5.xlarge,c5.large,securityGroupIds=sg-1,subnets=,instanceRole=ecsInstanceRole",
		"spot":    "type=SPOT,allocationStrategy=SPOT_PRICE_CAPACITY_OPTIMIZED,minvCpus=0,maxvCpus=32,instanceTypes=m5.large,m5.xlarge,c5.large,securityGroupIds=sg-1,subnets=,instanceRole=ecsInstanceRole",
		"fargate": "type=FARGATE,maxvCpus=16,securityGroupIds=sg-1,subnets=",
	}
	subnets, group := r.subnets(), r.group()
	for name, resource := range resources {
		resource = strings.Replace(resource, "subnets=", "subnets="+subnets, 1)
		resource = strings.Replace(resource, "sg-1", group, 1)
		r.aws("create-compute-environment", "--compute-environment-name", name, "--type", "MANAGED", "--compute-resources", resource)
		r.aws("create-job-queue", "--job-queue-name", name, "--priority", "1", "--compute-environment-order", "order=0,computeEnvironment="+name)
	}
}

// group is the security group of the default VPC.
func (r *installation) group() string {
	out, err := r.cloud.EC2().DescribeSecurityGroups(r.Context(), nil)
	r.must(err)
	return *out.SecurityGroups[0].GroupId
}

func (r *installation) subnets() string {
	out, err := r.cloud.EC2().DescribeSubnets(r.Context(), nil)
	r.must(err)
	var ids []string
	for _, s := range out.Subnets {
		ids = append(ids, *s.SubnetId)
	}
	return strings.Join(ids, ",")
}

// define registers a definition that runs a script.
func (r *installation) define(client *batch.Client, name, vcpus, mib string, fargate bool, script string) {
	r.Helper()
	in := &batch.RegisterJobDefinitionInput{
		JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String("busybox"), Command: []string{"sh", "-c", script}, ExecutionRoleArn: aws.String("arn:aws:iam::" + stage.Account + ":role/execution"),
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: &vcpus}, {Type: types.ResourceTypeMemory, Value: &mib},
			},
		},
	}
	if fargate {
		in.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityFargate}
	}
	_, err := client.RegisterJobDefinition(r.Context(), in)
	r.must(err)
}

// wanted is a job and how it is to end.
type wanted struct {
	id, line string
	status   types.JobStatus
	attempts int
}

// submitMany submits 200 jobs: of mixed sizes, an array, a chain, on Spot and on Fargate.
func (r *installation) submitMany(client *batch.Client) []wanted {
	r.Helper()
	const say = `echo "this is $AWS_BATCH_JOB_ID attempt $AWS_BATCH_JOB_ATTEMPT"`
	r.define(client, "small", "1", "512", false, say)
	r.define(client, "large", "4", "2048", false, say)
	r.define(client, "fails", "1", "512", false, say+"; exit 3")
	r.define(client, "second", "1", "512", false, say+`; [ "$AWS_BATCH_JOB_ATTEMPT" = 2 ]`)
	r.define(client, "tiny", "0.25", "512", true, say)
	var all []wanted
	submit := func(queue, definition string, status types.JobStatus, attempts int, change func(*batch.SubmitJobInput)) string {
		in := &batch.SubmitJobInput{JobName: aws.String(definition), JobQueue: &queue, JobDefinition: &definition}
		if attempts > 1 {
			in.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(int32(attempts))}
		}
		if change != nil {
			change(in)
		}
		out, err := client.SubmitJob(r.Context(), in)
		r.must(err)
		if in.ArrayProperties == nil {
			all = append(all, wanted{*out.JobId, "this is " + *out.JobId, status, attempts})
			return *out.JobId
		}
		for i := range *in.ArrayProperties.Size {
			child := fmt.Sprintf("%s:%d", *out.JobId, i)
			all = append(all, wanted{child, "this is " + child, status, attempts})
		}
		return *out.JobId
	}
	const good, bad = types.JobStatusSucceeded, types.JobStatusFailed
	for i := range 100 {
		submit([]string{"ec2", "spot"}[i%2], []string{"small", "small", "small", "large"}[i%4], good, 1, nil)
	}
	for range 30 {
		submit("fargate", "tiny", good, 1, nil)
	}
	for range 10 {
		submit("ec2", "fails", bad, 1, nil)
		submit("spot", "second", good, 2, nil)
	}
	array := submit("ec2", "small", good, 1, func(in *batch.SubmitJobInput) {
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(40)}
	})
	before := array
	for range 10 {
		before = submit("spot", "small", good, 1, func(in *batch.SubmitJobInput) {
			in.DependsOn = []types.JobDependency{{JobId: aws.String(before)}}
		})
	}
	return all
}

// ended waits until all jobs have ended, and returns them.
func (r *installation) ended(client *batch.Client, jobs []wanted, within time.Duration) map[string]types.JobDetail {
	r.Helper()
	found := map[string]types.JobDetail{}
	r.within(within, "the jobs to end", func(ctx context.Context) bool {
		var ids []string
		for _, j := range jobs {
			if d := found[j.id]; d.Status != types.JobStatusSucceeded && d.Status != types.JobStatusFailed {
				ids = append(ids, j.id)
			}
		}
		for chunk := range slices.Chunk(ids, 100) {
			out, err := client.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: chunk})
			if err != nil {
				return false
			}
			for _, d := range out.Jobs {
				found[*d.JobId] = d
			}
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			for _, id := range ids[:min(len(ids), 10)] {
				r.Logf("%s is %s: %s", id, found[id].Status, aws.ToString(found[id].StatusReason))
			}
		}
		return len(ids) == 0
	})
	return found
}

// check compares how jobs ended with how they were to end.
func (r *installation) check(jobs []wanted, found map[string]types.JobDetail) {
	r.Helper()
	for _, j := range jobs {
		d := found[j.id]
		if d.Status != j.status {
			r.Errorf("job %s (%s) is %s: %s; want %s", j.id, *d.JobName, d.Status, aws.ToString(d.StatusReason), j.status)
			continue
		}
		if len(d.Attempts) != j.attempts {
			r.Errorf("job %s had %d attempts, want %d", j.id, len(d.Attempts), j.attempts)
		}
		r.checkLog(j, d)
	}
	if twice := r.cloud.StartedTwice(); len(twice) > 0 {
		r.Errorf("started twice: %v", twice)
	}
	for _, use := range r.cloud.Uses() {
		if !use.Fits() {
			r.Errorf("instance %s held more than it has: %+v", use.Instance, use)
		}
	}
}

// checkLog reads the stream that a job names.
func (r *installation) checkLog(j wanted, d types.JobDetail) {
	r.Helper()
	out, err := r.logs.GetLogEvents(r.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String("/aws/batch/job"), LogStreamName: d.Container.LogStreamName, StartFromHead: aws.Bool(true),
	})
	if err != nil {
		r.Errorf("the log of job %s: %v", j.id, err)
		return
	}
	if want := fmt.Sprintf("%s attempt %d", j.line, len(d.Attempts)); len(out.Events) != 1 || *out.Events[0].Message != want {
		r.Errorf("the log of job %s has %d lines, the first %q; want %q", j.id, len(out.Events), firstLine(out), want)
	}
}

func firstLine(out *cloudwatchlogs.GetLogEventsOutput) string {
	if len(out.Events) == 0 {
		return ""
	}
	return aws.ToString(out.Events[0].Message)
}

// emptied waits until no host and no task is left.
func (r *installation) emptied(within time.Duration) {
	r.Helper()
	r.within(within, "all hosts to go", func(context.Context) bool {
		return len(r.cloud.Alive()) == 0 && len(r.cloud.Running()) == 0
	})
}

func TestTwoHundredJobsInAnAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	tests := map[string]fakeaws.Options{
		"everything behaves": {Seed: 1},
		"every operation fails once before and once after it took effect": {Seed: 2, Faults: fakeaws.Faults{FailOnce: fakeaws.FailOperation}},
		"every call fails once before and once after it took effect":      {Seed: 3, Faults: fakeaws.Faults{FailOnce: fakeaws.FailCall}},
		"events are late, doubled, out of order and lost; views lag": {Seed: 4, Faults: fakeaws.Faults{
			EventLost: 0.1, EventDoubled: 0.2, EventLate: 0.3, Lag: fakeaws.Between{High: 30 * time.Second},
		}},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRegion(t, o)
			r.furnish()
			r.cloud.SetFaults(o.Faults)
			client := r.patient()
			begin := time.Now()
			jobs := r.submitMany(client)
			found := r.ended(client, jobs, 4*time.Minute)
			r.emptied(time.Minute)
			r.cloud.SetFaults(fakeaws.Faults{})
			r.check(jobs, found)
			t.Logf("%d jobs in %v, %d hosts; functions: pass %+v, events %+v, sweep %+v; calls %v", len(jobs), time.Since(begin),
				r.cloud.Launched(), r.Functions["pass"].Count(), r.Functions["events"].Count(), r.Functions["sweep"].Count(), r.cloud.Calls())
		})
	}
}
