package deploy

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/packhorse-batch/packhorse/infra"
)

// queues is the part of SQS that deployments need.
type queues interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// Status is a deployment as it is now.
type Status struct {
	Name      string
	State     string // of the stack, as CloudFormation says it
	Reason    string // why it is so, where CloudFormation says it
	Running   bool   // the scheduler is switched on
	Changed   time.Time
	Arch      string
	Outputs   map[string]string
	Functions []Function
	Hosts     []Instance
	Tasks     int // on hosts and on Fargate
	News      int // events of tasks that wait to be heard, about
	Letters   []DeadLetters
	Keys      []Key
}

// Function is a Lambda function of a deployment.
type Function struct {
	Name  string // api, pass, ...
	State string // of the resource in the stack
	Code  string // key of its zip
}

// DeadLetters is a queue of what could not be handled.
type DeadLetters struct {
	Name    string
	Waiting int // about so many
}

// Endpoint is the address of the AWS Batch API.
func (s Status) Endpoint() string { return strings.TrimRight(s.Outputs["Endpoint"], "/") }

// Status looks at a deployment.
func (a *Account) Status(ctx context.Context, name string) (Status, error) {
	if err := CheckName(name); err != nil {
		return Status{}, err
	}
	stack, err := a.stack(ctx, name)
	if err != nil {
		return Status{}, err
	}
	if stack == nil {
		return Status{}, none(name, a.Region)
	}
	s := Status{
		Name: name, State: string(stack.StackStatus), Reason: aws.ToString(stack.StackStatusReason),
		Running: parameter(*stack, "Running") != "false", Arch: parameter(*stack, "Architecture"), Outputs: outputs(*stack),
		Changed: aws.ToTime(stack.CreationTime),
	}
	if stack.LastUpdatedTime != nil {
		s.Changed = *stack.LastUpdatedTime
	}
	resources, err := a.Stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: stack.StackId})
	if err != nil {
		return Status{}, explain(err, "list the resources of the stack")
	}
	for _, f := range infra.Functions() {
		function := Function{Name: f.Name, State: "MISSING", Code: parameter(*stack, f.Code)}
		for _, r := range resources.StackResources {
			if aws.ToString(r.LogicalResourceId) == strings.TrimSuffix(f.Code, "Code")+"Function" {
				function.State = string(r.ResourceStatus)
			}
		}
		s.Functions = append(s.Functions, function)
	}
	if url, ok := s.Outputs["EventsQueue"]; ok {
		if s.News, err = a.waiting(ctx, "EventsQueue", url); err != nil {
			return Status{}, err
		}
	}
	if s.Letters, err = a.letters(ctx, s.Outputs); err != nil {
		return Status{}, err
	}
	l, err := a.alive(ctx, name)
	if err != nil {
		return Status{}, err
	}
	s.Hosts, s.Tasks = l.hosts, l.count()
	s.Keys, err = a.Keys(ctx, name)
	return s, err
}

// letters counts what waits in the dead-letter queues, which are outputs of the stack.
func (a *Account) letters(ctx context.Context, outputs map[string]string) ([]DeadLetters, error) {
	const suffix = "DeadLetters"
	var all []DeadLetters
	for name, url := range outputs {
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		waiting, err := a.waiting(ctx, name, url)
		if err != nil {
			return nil, err
		}
		all = append(all, DeadLetters{Name: strings.ToLower(strings.TrimSuffix(name, suffix)), Waiting: waiting})
	}
	slices.SortFunc(all, func(x, y DeadLetters) int { return strings.Compare(x.Name, y.Name) })
	return all, nil
}

// waiting is about how many messages are in a queue, which is the output name of the stack.
func (a *Account) waiting(ctx context.Context, name, url string) (int, error) {
	count := sqstypes.QueueAttributeNameApproximateNumberOfMessages
	out, err := a.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url), AttributeNames: []sqstypes.QueueAttributeName{count}})
	if err != nil {
		return 0, explain(err, "count the messages of "+name)
	}
	n, err := strconv.Atoi(out.Attributes[string(count)])
	if err != nil {
		return 0, fmt.Errorf("the queue %s does not say how many messages it has: %w", url, err)
	}
	return n, nil
}
