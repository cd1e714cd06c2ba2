package control

import (
	"context"
	"regexp"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// The kinds of resource, as their ARNs spell them.
const (
	KindEnvironment = "compute-environment"
	KindQueue       = "job-queue"
	KindDefinition  = "job-definition"
	KindPolicy      = "scheduling-policy"
	KindJob         = "job"
)

// namePattern is what AWS Batch allows as the name of a resource.
var namePattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)

// checkName refuses a name that AWS Batch refuses. what begins the sentence, with
// the capitals that AWS gives it: "Compute Environment", "Job definition".
func checkName(what, name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return &batch.Error{
		Code:    batch.CodeInvalid,
		Message: what + " name should match a valid pattern.",
		Next:    "use 1 to 128 letters, digits, hyphens and underscores",
	}
}

// arn returns the ARN in this account of what a reference names. A reference that
// is no name and no ARN of that kind comes back as it is.
func (c *Control) arn(kind, ref string) string {
	name := batch.NameOf(kind, ref)
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return c.cfg.Account.ARN(kind, name)
}

// doesNotExist is the error for a reference that leads nowhere. Terraform takes
// "does not exist" as the end of a deletion.
func (c *Control) doesNotExist(kind, ref, next string) error {
	return &batch.Error{
		Code:    batch.CodeNotFound,
		Message: c.arn(kind, ref) + " does not exist",
		Next:    next,
	}
}

// environmentByRef returns the compute environment that a name or an ARN of any
// region and account refers to.
func (c *Control) environmentByRef(ctx context.Context, ref string) (store.Environment, error) {
	return byRef(ctx, c, KindEnvironment, ref, c.cfg.Records.Environment,
		"create it with CreateComputeEnvironment, or see DescribeComputeEnvironments for those that exist")
}

// queueByRef returns the queue that a name or an ARN of any region and account
// refers to.
func (c *Control) queueByRef(ctx context.Context, ref string) (store.Queue, error) {
	return byRef(ctx, c, KindQueue, ref, c.cfg.Records.Queue,
		"create it with CreateJobQueue, or see DescribeJobQueues for those that exist")
}

// policyByRef returns the scheduling policy that an ARN refers to.
func (c *Control) policyByRef(ctx context.Context, ref string) (store.Policy, error) {
	return byRef(ctx, c, KindPolicy, ref, c.cfg.Records.Policy,
		"create it with CreateSchedulingPolicy, or see ListSchedulingPolicies for those that exist")
}

func byRef[T any](
	ctx context.Context, c *Control, kind, ref string,
	read func(context.Context, string) (T, error), next string,
) (T, error) {
	name := batch.NameOf(kind, ref)
	if !namePattern.MatchString(name) {
		var none T
		return none, c.doesNotExist(kind, ref, next)
	}
	found, err := read(ctx, name)
	if store.IsNotFound(err) {
		err = c.doesNotExist(kind, ref, next)
	}
	return found, err
}

// deref returns what p points to, the zero value for nil.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
