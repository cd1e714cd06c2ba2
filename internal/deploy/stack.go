package deploy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stacks is the part of CloudFormation that deployments need.
type stacks interface {
	CreateStack(context.Context, *cloudformation.CreateStackInput, ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error)
	UpdateStack(context.Context, *cloudformation.UpdateStackInput, ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error)
	DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
	DescribeStackResources(context.Context, *cloudformation.DescribeStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourcesOutput, error)
}

const (
	// stackPoll is the time between two looks at a stack that changes. The console looks
	// every five seconds; DescribeStacks and DescribeStackEvents are throttled at some
	// ten calls a second for an account.
	stackPoll = 2 * time.Second
	// maxStackPolls bounds how long a change is followed: an hour, the time after which
	// CloudFormation itself gives up on most resources.
	maxStackPolls = 1800
	// maxEventPages bounds the pages of events read at one look, 100 events each.
	maxEventPages = 20
)

// stack returns a stack by name or id, nil if there is none. A stack that was deleted
// is found by its id only.
func (a *Account) stack(ctx context.Context, name string) (*types.Stack, error) {
	out, err := a.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	switch {
	case isCode(err, "ValidationError") && strings.Contains(err.Error(), "does not exist"):
		return nil, nil //nolint:nilnil // no stack is an answer
	case err != nil:
		return nil, explain(err, "look at the stack "+name)
	case len(out.Stacks) == 0:
		return nil, nil //nolint:nilnil // no stack is an answer
	}
	return &out.Stacks[0], nil
}

func changing(s types.StackStatus) bool { return strings.HasSuffix(string(s), "_IN_PROGRESS") }

// follower follows one stack through its events.
type follower struct {
	account  *Account
	id       string
	progress Progress
	seen     string          // id of the newest event that was told, or was there before
	ready    map[string]bool // resources that have come to their end
	most     int             // how many these may become
	failures []types.StackEvent
}

// follow begins to follow the stack id. Events that are there already are not told.
func (a *Account) follow(ctx context.Context, id string, progress Progress) (*follower, error) {
	f := &follower{account: a, id: id, progress: progress, ready: map[string]bool{}}
	out, err := a.Stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(id)})
	if err != nil {
		return nil, explain(err, "read the events of the stack")
	}
	if len(out.StackEvents) > 0 {
		f.seen = aws.ToString(out.StackEvents[0].EventId)
	}
	return f, nil
}

// news tells the events since the last call, oldest first.
func (f *follower) news(ctx context.Context) error {
	var fresh []types.StackEvent
	var token *string
pages:
	for range maxEventPages {
		out, err := f.account.Stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(f.id), NextToken: token})
		if err != nil {
			return explain(err, "read the events of the stack")
		}
		for _, e := range out.StackEvents {
			if aws.ToString(e.EventId) == f.seen {
				break pages
			}
			fresh = append(fresh, e)
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	if len(fresh) > 0 {
		f.seen = aws.ToString(fresh[0].EventId)
	}
	for _, e := range slices.Backward(fresh) {
		f.tell(e)
	}
	return nil
}

func (f *follower) tell(e types.StackEvent) {
	event := Event{
		Resource: aws.ToString(e.LogicalResourceId), Type: aws.ToString(e.ResourceType),
		Status: string(e.ResourceStatus), Reason: aws.ToString(e.ResourceStatusReason),
	}
	ofStack := aws.ToString(e.PhysicalResourceId) == f.id
	if event.Complete() && !ofStack {
		f.ready[event.Resource] = true
	}
	if event.Failed() {
		f.failures = append(f.failures, e)
	}
	event.Ready, event.Most = len(f.ready), f.most
	f.progress.tell(event)
}

// errStillChanging is the end of the patience of wait.
var errStillChanging = errors.New("the stack still changes after an hour")

// wait follows the stack until it no longer changes, and returns it as it is then.
func (f *follower) wait(ctx context.Context) (*types.Stack, error) {
	for range maxStackPolls {
		// First the stack, then its events: those of its end are then there, too.
		stack, err := f.account.stack(ctx, f.id)
		if err != nil {
			return nil, err
		}
		if stack == nil { // an imitation of AWS may forget stacks that are gone
			return &types.Stack{StackId: aws.String(f.id), StackStatus: types.StackStatusDeleteComplete}, nil
		}
		if err := f.news(ctx); err != nil {
			return nil, err
		}
		if !changing(stack.StackStatus) {
			return stack, nil
		}
		if err := f.account.Pause(ctx, stackPoll); err != nil {
			return nil, err
		}
	}
	return nil, &Error{Message: errStillChanging.Error(), Next: "look at it in the CloudFormation console, then say it again: it goes on", Err: errStillChanging}
}
