package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/packhorse-batch/packhorse/infra"
)

const (
	// hostPoll is the time between two looks at instances that shut down.
	hostPoll = 5 * time.Second
	// maxHostPolls bounds them: ten minutes.
	maxHostPolls = 120
)

// DestroyOptions say what to destroy.
type DestroyOptions struct {
	Name string
	// Force ends hosts and tasks that live. Without it they are a reason to refuse.
	Force bool
}

// Destroy removes a deployment with all that it made, and looks whether anything is
// left. Said again it goes on where it broke off, also when the stack is gone already.
//
// The order matters. First the scheduler is stopped, so that it does not launch anew
// what is ended here; then hosts and tasks end, while the roles that they use exist;
// then goes the stack; and then what functions might have made until then.
func (a *Account) Destroy(ctx context.Context, o DestroyOptions, progress Progress) error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	stack, err := a.stack(ctx, o.Name)
	if err != nil {
		return err
	}
	existed := stack != nil
	alive, err := a.alive(ctx, o.Name)
	if err != nil {
		return err
	}
	if !alive.empty() && !o.Force {
		return alive.refuse(o.Name)
	}
	if stack, err = a.halted(ctx, stack, progress); err != nil {
		return err
	}
	if err := a.end(ctx, o.Name, progress); err != nil {
		return err
	}
	if stack != nil {
		if err := a.deleteStack(ctx, aws.ToString(stack.StackId), progress); err != nil {
			return err
		}
		progress.say("deleted the stack %s", o.Name)
	}
	if err := a.end(ctx, o.Name, progress); err != nil { // of a pass that was under way
		return err
	}
	return a.removeLeftovers(ctx, o.Name, existed || !alive.empty(), progress)
}

// living is what of a deployment lives.
type living struct {
	hosts []Instance
	tasks map[string][]string // by cluster; on hosts and on Fargate
}

func (l living) empty() bool { return len(l.hosts) == 0 && l.count() == 0 }

func (l living) count() int {
	n := 0
	for _, tasks := range l.tasks {
		n += len(tasks)
	}
	return n
}

func (l living) String() string {
	return fmt.Sprintf("%s and %s", some(len(l.hosts), "host"), some(l.count(), "task"))
}

func (l living) refuse(name string) error {
	message := fmt.Sprintf("the deployment %s has %s that live", name, l)
	if len(l.hosts) > 0 {
		var ids []string
		for _, h := range l.hosts[:min(len(l.hosts), 3)] {
			ids = append(ids, h.ID+" ("+h.Type+", "+h.State+")")
		}
		message += ": " + strings.Join(ids, ", ")
		if len(l.hosts) > 3 {
			message += ", ..."
		}
	}
	return &Error{
		Message: message, Err: ErrAlive,
		Next: "wait until the jobs have ended and idle hosts are gone, or end them with `packhorse destroy --force`",
	}
}

// some is a number of things in words.
func some(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *Account) alive(ctx context.Context, deployment string) (living, error) {
	l := living{tasks: map[string][]string{}}
	instances, err := a.Fleet.Instances(ctx, deployment)
	if err != nil {
		return l, explain(err, "list the instances")
	}
	l.hosts = slices.DeleteFunc(instances, func(i Instance) bool { return i.Adopted })
	own, err := a.clustersOf(ctx, deployment)
	if err != nil {
		return l, err
	}
	for _, cluster := range own {
		tasks, err := a.tasksOf(ctx, cluster)
		if err != nil {
			return l, err
		}
		if len(tasks) > 0 {
			l.tasks[cluster] = tasks
		}
	}
	return l, nil
}

// halted waits until a stack no longer changes, stops the scheduler, and returns the
// stack; nil if there is none any more.
func (a *Account) halted(ctx context.Context, stack *types.Stack, progress Progress) (*types.Stack, error) {
	if stack != nil && changing(stack.StackStatus) && stack.StackStatus != types.StackStatusReviewInProgress {
		progress.say("the stack is %s: waiting for that to end", stack.StackStatus)
		f, err := a.follow(ctx, aws.ToString(stack.StackId), progress)
		if err != nil {
			return nil, err
		}
		if stack, err = f.wait(ctx); err != nil {
			return nil, err
		}
	}
	if stack == nil || stack.StackStatus == types.StackStatusDeleteComplete {
		return nil, nil //nolint:nilnil // no stack is an answer
	}
	return stack, a.halt(ctx, *stack, progress)
}

// halt stops the scheduler: the rules and the stream that start the functions are
// switched off. A stack that cannot be changed is deleted all the same; what is
// launched meanwhile is ended after it.
func (a *Account) halt(ctx context.Context, stack types.Stack, progress Progress) error {
	name := aws.ToString(stack.StackName)
	if parameter(stack, "Running") != "true" {
		return nil
	}
	f, err := a.follow(ctx, aws.ToString(stack.StackId), progress)
	if err != nil {
		return err
	}
	_, err = a.Stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: aws.String(name), UsePreviousTemplate: aws.Bool(true),
		Parameters:   stackParameters(map[string]string{"Running": "false"}, &stack),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Tags:         stackTags(name),
	})
	if err == nil {
		progress.say("stopping the scheduler")
		_, err = f.wait(ctx)
	}
	if err != nil && ctx.Err() == nil {
		progress.say("could not stop the scheduler (%v); going on", err)
		return nil
	}
	return err
}

// end terminates what lives and waits until it is gone.
func (a *Account) end(ctx context.Context, deployment string, progress Progress) error {
	for n := range maxHostPolls {
		l, err := a.alive(ctx, deployment)
		if err != nil || l.empty() {
			return err
		}
		if n == 0 {
			progress.say("ending %s", l)
		}
		for cluster, tasks := range l.tasks {
			if err := a.stopTasks(ctx, cluster, tasks); err != nil {
				return err
			}
		}
		if len(l.hosts) > 0 {
			ids := make([]string, len(l.hosts))
			for i, h := range l.hosts {
				ids[i] = h.ID
			}
			if err := a.Fleet.Terminate(ctx, ids); err != nil {
				return explain(err, "terminate the hosts")
			}
		}
		if err := a.Pause(ctx, hostPoll); err != nil {
			return err
		}
	}
	return &Error{Message: "hosts or tasks still live after ten minutes", Next: "look at them with `packhorse status`, then say it again", Err: ErrAlive}
}

// removeLeftovers removes what is outside of the stack, kind by kind, and then looks
// again: what is still there is an error.
func (a *Account) removeLeftovers(ctx context.Context, deployment string, existed bool, progress Progress) error {
	kinds, err := a.leftovers(ctx, deployment)
	if err != nil {
		return err
	}
	removed := 0
	for _, kind := range kinds {
		found, err := kind.find(ctx)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		if err := kind.remove(ctx, found); err != nil {
			return err
		}
		removed += len(found)
		progress.say("removed %s", some(len(found), kind.name))
	}
	if !existed && removed == 0 {
		return none(deployment, a.Region)
	}
	if err := a.removeBucket(ctx, progress); err != nil {
		return err
	}
	var left []error
	for _, kind := range kinds {
		found, err := kind.find(ctx)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			left = append(left, fmt.Errorf("%s: %s", some(len(found), kind.name), strings.Join(found, ", ")))
		}
	}
	if len(left) > 0 {
		return &Error{
			Message: "something is left: " + strings.ReplaceAll(errors.Join(left...).Error(), "\n", "; "),
			Next:    "say it again in a minute; all of it carries the tag " + infra.DeploymentTag + "=" + deployment, Err: errors.Join(left...),
		}
	}
	return nil
}

func (a *Account) removeBucket(ctx context.Context, progress Progress) error {
	bucket, err := a.bucket(ctx)
	if err != nil {
		return err
	}
	gone, err := bucket.removeIfEmpty(ctx)
	if gone {
		progress.say("deleted the bucket %s", bucket.name)
	}
	return err
}
