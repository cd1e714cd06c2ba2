package deploy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// cloud is an AWS account in memory. Time passes in it only while somebody waits: with
// each wait, CloudFormation comes to the next resource and a host that was told to shut
// down is gone.
type cloud struct {
	t       *testing.T
	account *deploy.Account
	stacks  *fakeStacks
	objects *fakeObjects
	store   *fakeParameters
	ecs     *fakeClusters
	fleet   *fakeFleet
	logs    *fakeLogs
	steps   []string // what progress told
}

const (
	accountID = "123456789012"
	region    = "eu-central-1"
)

func newCloud(t *testing.T) *cloud {
	c := &cloud{
		t: t, stacks: &fakeStacks{stacks: map[string]*fakeStack{}, fail: map[string]string{}}, objects: &fakeObjects{},
		store: &fakeParameters{values: map[string]string{}, about: map[string]string{}}, ecs: &fakeClusters{}, fleet: &fakeFleet{}, logs: &fakeLogs{groups: map[string]map[string]string{}},
	}
	c.account = &deploy.Account{
		Region: region, Identity: caller{}, Stacks: c.stacks, Objects: c.objects, Parameters: c.store,
		Clusters: c.ecs, Queues: fakeQueues{}, Logs: c.logs, Fleet: c.fleet,
		Random: iotest.OneByteReader(strings.NewReader(strings.Repeat("0123456789abcdef", 100))),
		Pause: func(ctx context.Context, _ time.Duration) error {
			c.stacks.pass()
			c.fleet.pass()
			return ctx.Err()
		},
	}
	return c
}

// progress keeps what is told: steps in words, and events of the stack in short.
func (c *cloud) progress(e deploy.Event) {
	text := e.Text
	if text == "" {
		text = e.Status + " " + e.Resource
	}
	c.steps = append(c.steps, text)
}

func (c *cloud) deploy(changes ...func(*deploy.Options)) (deploy.Result, error) {
	c.t.Helper()
	c.steps = nil
	o := deploy.Options{Name: "packhorse", Functions: zips(c.t, "one")}
	for _, change := range changes {
		change(&o)
	}
	return c.account.Deploy(c.t.Context(), o, c.progress)
}

func (c *cloud) deployed() {
	c.t.Helper()
	if _, err := c.deploy(); err != nil {
		c.t.Fatalf("deploy: %v", err)
	}
}

func (c *cloud) destroy(force bool) error {
	c.steps = nil
	return c.account.Destroy(c.t.Context(), deploy.DestroyOptions{Name: "packhorse", Force: force}, c.progress)
}

// said tells whether a step was told, and in which place; -1 is never.
func (c *cloud) said(step string) int { return slices.Index(c.steps, step) }

func apiError(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

type caller struct{}

func (caller) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String(accountID)}, nil
}

// resourcesOfStack are what the fake CloudFormation makes, one after the other,
// whatever the template says.
var resourcesOfStack = []string{"Table", "ApiFunction", "ApiUrl"}

// fakeStacks is a CloudFormation that works on one resource between two looks.
type fakeStacks struct {
	stacks map[string]*fakeStack // by id
	fail   map[string]string     // resource to the reason why it fails
	n      int
	calls  []string
}

type fakeStack struct {
	types.Stack
	template string
	todo     []string // resources of the change under way
	verb     string   // CREATE, UPDATE, DELETE
	failed   bool
	events   []types.StackEvent // newest first, as AWS has them
}

func (f *fakeStacks) find(name string) *fakeStack {
	if s, ok := f.stacks[name]; ok {
		return s
	}
	for _, s := range f.stacks {
		if aws.ToString(s.StackName) == name && s.StackStatus != types.StackStatusDeleteComplete {
			return s
		}
	}
	return nil
}

func (f *fakeStacks) event(s *fakeStack, resource, status, reason string) {
	f.n++
	e := types.StackEvent{
		EventId: aws.String(fmt.Sprint("event-", f.n)), StackId: s.StackId, LogicalResourceId: aws.String(resource),
		PhysicalResourceId: aws.String(resource + "-1"), ResourceType: aws.String("AWS::Some::" + resource), ResourceStatus: types.ResourceStatus(status),
	}
	if reason != "" {
		e.ResourceStatusReason = aws.String(reason)
	}
	if resource == aws.ToString(s.StackName) {
		e.PhysicalResourceId, e.ResourceType = s.StackId, aws.String("AWS::CloudFormation::Stack")
	}
	s.events = slices.Insert(s.events, 0, e)
}

func (f *fakeStacks) status(s *fakeStack, status string) {
	s.StackStatus = types.StackStatus(status)
	f.event(s, aws.ToString(s.StackName), status, "")
}

func (f *fakeStacks) begin(s *fakeStack, verb string) {
	s.verb, s.todo, s.failed = verb, slices.Clone(resourcesOfStack), false
	f.status(s, verb+"_IN_PROGRESS")
}

// pass is some time in which each stack comes to its next resource.
func (f *fakeStacks) pass() {
	for _, id := range slices.Sorted(maps.Keys(f.stacks)) {
		s := f.stacks[id]
		switch {
		case s.verb == "":
		case len(s.todo) == 0 && s.failed && s.verb == "CREATE": // OnFailure is DELETE
			f.begin(s, "DELETE")
		case len(s.todo) == 0 && s.failed && s.verb == "UPDATE":
			s.verb = ""
			f.status(s, "UPDATE_ROLLBACK_COMPLETE")
		case len(s.todo) == 0 && s.failed:
			f.status(s, s.verb+"_FAILED")
			s.verb = ""
		case len(s.todo) == 0:
			f.status(s, s.verb+"_COMPLETE")
			s.verb = ""
		default:
			resource := s.todo[0]
			s.todo = s.todo[1:]
			reason, fails := f.fail[s.verb+" "+resource]
			switch {
			case s.failed:
				f.event(s, resource, s.verb+"_FAILED", "Resource creation cancelled")
			case fails:
				s.failed = true
				f.event(s, resource, s.verb+"_FAILED", reason)
			default:
				f.event(s, resource, s.verb+"_COMPLETE", "")
			}
		}
	}
}

func (f *fakeStacks) CreateStack(_ context.Context, in *cloudformation.CreateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error) {
	if f.find(*in.StackName) != nil {
		return nil, apiError("AlreadyExistsException", "Stack [%s] already exists", *in.StackName)
	}
	f.n++
	id := fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%d", region, accountID, *in.StackName, f.n)
	s := &fakeStack{template: *in.TemplateBody, Stack: types.Stack{
		StackId: aws.String(id), StackName: in.StackName, Parameters: in.Parameters, Tags: in.Tags, CreationTime: aws.Time(time.Unix(0, 0)),
		Outputs: []types.Output{
			{OutputKey: aws.String("Endpoint"), OutputValue: aws.String("https://abc.lambda-url.on.aws/")},
			{OutputKey: aws.String("EventsQueue"), OutputValue: aws.String("https://sqs/events")},
			{OutputKey: aws.String("PassDeadLetters"), OutputValue: aws.String("https://sqs/pass")},
		},
	}}
	f.stacks[id] = s
	f.begin(s, "CREATE")
	return &cloudformation.CreateStackOutput{StackId: aws.String(id)}, nil
}

func (f *fakeStacks) UpdateStack(_ context.Context, in *cloudformation.UpdateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error) {
	s := f.find(*in.StackName)
	template := s.template
	if !aws.ToBool(in.UsePreviousTemplate) {
		template = *in.TemplateBody
	}
	same := slices.EqualFunc(s.Parameters, in.Parameters, func(x, y types.Parameter) bool {
		return *x.ParameterKey == *y.ParameterKey && *x.ParameterValue == *y.ParameterValue
	})
	if same && template == s.template {
		return nil, apiError("ValidationError", "No updates are to be performed.")
	}
	s.template, s.Parameters = template, in.Parameters
	f.calls = append(f.calls, "update Running="+value(in.Parameters, "Running"))
	f.begin(s, "UPDATE")
	return &cloudformation.UpdateStackOutput{StackId: s.StackId}, nil
}

func value(list []types.Parameter, name string) string {
	for _, p := range list {
		if *p.ParameterKey == name {
			return *p.ParameterValue
		}
	}
	return ""
}

func (f *fakeStacks) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	if s := f.find(*in.StackName); s != nil {
		if s.StackStatus == types.StackStatusUpdateInProgress {
			return nil, apiError("ValidationError", "Stack [%s] cannot be deleted while in status UPDATE_IN_PROGRESS", *in.StackName)
		}
		f.calls = append(f.calls, "delete")
		f.begin(s, "DELETE")
	}
	return &cloudformation.DeleteStackOutput{}, nil
}

func (f *fakeStacks) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if in.StackName == nil {
		out := &cloudformation.DescribeStacksOutput{}
		for _, s := range f.stacks {
			if s.StackStatus != types.StackStatusDeleteComplete {
				out.Stacks = append(out.Stacks, s.Stack)
			}
		}
		return out, nil
	}
	s := f.find(*in.StackName)
	if s == nil {
		return nil, apiError("ValidationError", "Stack with id %s does not exist", *in.StackName)
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{s.Stack}}, nil
}

func (f *fakeStacks) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	s := f.find(*in.StackName)
	if s == nil {
		return nil, apiError("ValidationError", "Stack [%s] does not exist", *in.StackName)
	}
	// Pages of two, so that reading on is not forgotten.
	from := 0
	if in.NextToken != nil {
		fmt.Sscan(*in.NextToken, &from)
	}
	to := min(from+2, len(s.events))
	out := &cloudformation.DescribeStackEventsOutput{StackEvents: s.events[from:to]}
	if to < len(s.events) {
		out.NextToken = aws.String(fmt.Sprint(to))
	}
	return out, nil
}

func (f *fakeStacks) DescribeStackResources(_ context.Context, in *cloudformation.DescribeStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourcesOutput, error) {
	out := &cloudformation.DescribeStackResourcesOutput{}
	for _, r := range resourcesOfStack {
		out.StackResources = append(out.StackResources, types.StackResource{LogicalResourceId: aws.String(r), ResourceStatus: types.ResourceStatusCreateComplete})
	}
	return out, nil
}
