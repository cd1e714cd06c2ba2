package deploy

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// fail returns why a change of the stack failed: the first resource that did, with
// CloudFormation's reason, and what to do. What failed after it, failed because of it.
func (f *follower) fail(stack *types.Stack, doing string) error {
	e := &Error{Message: fmt.Sprintf("cannot %s: the stack is %s", doing, stack.StackStatus)}
	if reason := aws.ToString(stack.StackStatusReason); reason != "" {
		e.Message += ": " + reason
	}
	for _, event := range f.failures {
		reason := aws.ToString(event.ResourceStatusReason)
		if cancelled(reason) {
			continue
		}
		e.Message = fmt.Sprintf("cannot %s: %s (%s): %s", doing, aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceType), reason)
		e.Next = nextForReason(reason)
		break
	}
	if e.Next == "" {
		e.Next = "put right what it says, then say it again; the events of the stack in the CloudFormation console tell more"
	}
	return e
}

// cancelled reports whether a resource failed only since another one did.
func cancelled(reason string) bool {
	return strings.Contains(reason, "creation cancelled") || strings.Contains(reason, "update cancelled") || strings.Contains(reason, "operation cancelled")
}

// nextForReason is what helps against a failure, by CloudFormation's words.
func nextForReason(reason string) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(reason, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("UnreservedConcurrentExecution", "ReservedConcurrentExecutions"):
		return "this account's concurrency is too small to reserve of it: deploy with --parameter ReserveConcurrency=false"
	case has("is not authorized to perform", "AccessDenied", "not authorized"):
		return "the caller lacks that permission; docs/permissions.md lists those of whoever deploys"
	case has("already exists"):
		return "something of that name is left of a former deployment, or belongs to something else: delete it, or deploy under another name with --deployment"
	case has("LimitExceeded", "limit exceeded", "quota"):
		return "ask for more in the Service Quotas console, or remove what is not used, then say it again"
	case has("Throttl", "Rate exceeded"):
		return "AWS was busy: say it again"
	case has("architecture", "Architecture"):
		return "deploy with --arch of the functions that were built, arm64 or x86_64"
	}
	return ""
}
