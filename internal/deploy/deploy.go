package deploy

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/packhorse-batch/packhorse/infra"
)

// Options say what to deploy. Name and Functions are required.
type Options struct {
	Name string
	// Functions has the zipped functions, NAME-ARCH.zip.
	Functions Folder
	// Arch is what the functions run on, arm64 or x86_64. Empty is what the deployment
	// has, at first arm64, which costs a fifth less.
	Arch string
	// Parameters are those of the template to set; the others stay as they are.
	Parameters map[string]string
	// JobLogDays is how long lines of jobs are kept, in days, if their log group is made
	// now; 0 is 30.
	JobLogDays int32
}

// Folder is a folder and its name in messages.
type Folder struct {
	fs.FS
	Name string
}

// Result is what a deployment came to.
type Result struct {
	Created bool // it was not there before
	Changed bool // something is different now
	Outputs map[string]string
}

// Endpoint is the address of the AWS Batch API.
func (r Result) Endpoint() string { return strings.TrimRight(r.Outputs["Endpoint"], "/") }

// Deploy makes a deployment, or brings one up to date. Said again it does nothing, and
// after a failure it goes on. progress is told of each step.
func (a *Account) Deploy(ctx context.Context, o Options, progress Progress) (Result, error) {
	if err := CheckName(o.Name); err != nil {
		return Result{}, err
	}
	if err := CheckParameters(o.Parameters); err != nil {
		return Result{}, err
	}
	current, err := a.settled(ctx, o.Name, progress)
	if err != nil {
		return Result{}, err
	}
	if o.Arch == "" {
		o.Arch = ARM64
		if current != nil && parameter(*current, "Architecture") != "" {
			o.Arch = parameter(*current, "Architecture")
		}
	}
	functions, err := readFunctions(o.Functions, o.Arch)
	if err != nil {
		return Result{}, err
	}
	bucket, err := a.bucket(ctx)
	if err != nil {
		return Result{}, err
	}
	parameters, err := a.provide(ctx, bucket, functions, o, progress)
	if err != nil {
		return Result{}, err
	}
	stack, changed, err := a.put(ctx, o.Name, current, parameters, progress)
	if err != nil {
		return Result{}, err
	}
	if err := a.prune(ctx, bucket, o.Name, parameters, progress); err != nil {
		return Result{}, err
	}
	return Result{Created: current == nil, Changed: changed, Outputs: outputs(*stack)}, nil
}

// settled returns the stack of a deployment in a state from which it can be changed;
// nil if there is none. One that changes is waited for; one that never came to be is
// removed, since CloudFormation can do nothing else with it.
func (a *Account) settled(ctx context.Context, name string, progress Progress) (*types.Stack, error) {
	stack, err := a.stack(ctx, name)
	if stack == nil || err != nil {
		return nil, err
	}
	id := aws.ToString(stack.StackId)
	if changing(stack.StackStatus) && stack.StackStatus != types.StackStatusReviewInProgress {
		progress.say("the stack is %s: waiting for that to end", stack.StackStatus)
		f, err := a.follow(ctx, id, progress)
		if err != nil {
			return nil, err
		}
		if stack, err = f.wait(ctx); err != nil {
			return nil, err
		}
	}
	switch stack.StackStatus {
	case types.StackStatusDeleteComplete:
		return nil, nil //nolint:nilnil // no stack is an answer
	case types.StackStatusRollbackComplete, types.StackStatusCreateFailed, types.StackStatusRollbackFailed,
		types.StackStatusDeleteFailed, types.StackStatusReviewInProgress:
		progress.say("the stack is %s, the rest of a former try: removing it first", stack.StackStatus)
		return nil, a.deleteStack(ctx, id, progress)
	case types.StackStatusUpdateRollbackFailed:
		return nil, &Error{
			Message: fmt.Sprintf("the stack %s is %s: CloudFormation could not undo a former change", name, stack.StackStatus),
			Next:    "run `aws cloudformation continue-update-rollback --stack-name " + name + "`, then say it again",
		}
	}
	return stack, nil
}

// provide puts what the stack needs where it will look for it, and returns the
// parameters that say where.
func (a *Account) provide(ctx context.Context, bucket bucket, functions []zipped, o Options, progress Progress) (map[string]string, error) {
	made, err := bucket.ensure(ctx)
	if err != nil {
		return nil, err
	}
	if made {
		progress.say("made the bucket %s", bucket.name)
	}
	parameters := maps.Clone(o.Parameters)
	if parameters == nil {
		parameters = map[string]string{}
	}
	parameters["ArtifactBucket"], parameters["Architecture"] = bucket.name, o.Arch
	for _, z := range functions {
		key := z.key(o.Name, o.Arch)
		if err := bucket.upload(ctx, z, key, progress); err != nil {
			return nil, err
		}
		parameters[z.Code] = key
	}
	days := o.JobLogDays
	if days == 0 {
		days = defaultJobLogDays
	}
	if made, err = a.ensureJobLogs(ctx, o.Name, days); err != nil {
		return nil, err
	}
	if made {
		progress.say("made the log group %s (%d days)", jobLogs, days)
	}
	return parameters, nil
}

// put makes the stack, or changes it, and waits for the end of that.
func (a *Account) put(ctx context.Context, name string, current *types.Stack, parameters map[string]string, progress Progress) (*types.Stack, bool, error) {
	if current == nil {
		stack, err := a.createStack(ctx, name, parameters, progress)
		return stack, true, err
	}
	id := aws.ToString(current.StackId)
	f, err := a.follow(ctx, id, progress)
	if err != nil {
		return nil, false, err
	}
	_, err = a.Stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: aws.String(name), TemplateBody: aws.String(a.template()),
		Parameters:   stackParameters(parameters, current),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Tags:         stackTags(name),
	})
	if isCode(err, "ValidationError") && strings.Contains(err.Error(), "No updates are to be performed") {
		return current, false, nil
	}
	if err != nil {
		return nil, false, explain(err, "update the stack "+name)
	}
	stack, err := f.wait(ctx)
	if err != nil {
		return nil, false, err
	}
	if stack.StackStatus != types.StackStatusUpdateComplete {
		return nil, false, f.fail(stack, "update "+name)
	}
	return stack, true, nil
}

func (a *Account) createStack(ctx context.Context, name string, parameters map[string]string, progress Progress) (*types.Stack, error) {
	out, err := a.Stacks.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String(name), TemplateBody: aws.String(a.template()),
		Parameters:   stackParameters(parameters, nil),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		Tags:         stackTags(name),
		// What could not be made leaves nothing; its events can be read for 90 days.
		OnFailure: types.OnFailureDelete,
	})
	if err != nil {
		return nil, explain(err, "make the stack "+name)
	}
	f := &follower{
		account: a, id: aws.ToString(out.StackId), progress: progress, ready: map[string]bool{}, most: infra.Resources(a.template()),
	}
	stack, err := f.wait(ctx)
	if err != nil {
		return nil, err
	}
	if stack.StackStatus != types.StackStatusCreateComplete {
		return nil, f.fail(stack, "make "+name)
	}
	return stack, nil
}

func (a *Account) deleteStack(ctx context.Context, id string, progress Progress) error {
	f, err := a.follow(ctx, id, progress)
	if err != nil {
		return err
	}
	f.most = infra.Resources(a.template())
	if _, err := a.Stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(id)}); err != nil {
		return explain(err, "delete the stack")
	}
	stack, err := f.wait(ctx)
	if err != nil {
		return err
	}
	if stack.StackStatus != types.StackStatusDeleteComplete {
		return f.fail(stack, "delete the stack")
	}
	return nil
}

// prune removes functions of former deployments, which nothing refers to any more.
func (a *Account) prune(ctx context.Context, bucket bucket, name string, parameters map[string]string, progress Progress) error {
	keys, err := bucket.keys(ctx, name)
	if err != nil {
		return err
	}
	used := slices.Collect(maps.Values(parameters))
	old := slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(used, k) })
	if len(old) == 0 {
		return nil
	}
	progress.say("removed %d functions of former deployments from the bucket", len(old))
	return bucket.remove(ctx, old)
}

func (a *Account) template() string {
	if a.Template != "" {
		return infra.Compact(a.Template)
	}
	return infra.Compact(infra.Template())
}

// stackTags are on the stack, and by it on all that it makes.
func stackTags(name string) []types.Tag {
	return []types.Tag{{Key: aws.String(infra.DeploymentTag), Value: aws.String(name)}}
}

func outputs(stack types.Stack) map[string]string {
	all := map[string]string{}
	for _, o := range stack.Outputs {
		all[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return all
}
