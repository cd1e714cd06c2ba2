package fakeaws

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ECS has the methods of the SDK's ECS client that Packhorse calls.
type ECS struct{ c *Cloud }

// ECS returns the cloud's ECS.
func (c *Cloud) ECS() *ECS { return &ECS{c} }

// lastPart is the id at the end of an ARN, or the id itself.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// missing is how ECS says that something described is not there.
func missing(arn string) types.Failure {
	reason := "MISSING"
	return types.Failure{Arn: &arn, Reason: &reason}
}

// mostListed bounds the pages of ECS's List calls, and how many things a Describe call
// takes.
const mostListed = 100

// listed cuts a page out of what a List call lists: the ARNs or names of all.
func listed(all []string, token *string, maxResults *int32) (page []string, next *string, err error) {
	size := mostListed
	if maxResults != nil {
		size = int(*maxResults)
	}
	if size < 1 || size > mostListed {
		return nil, nil, refuse("InvalidParameterException", "maxResults is %d; it must be between 1 and %d", size, mostListed)
	}
	page, next, ok := pageOf(all, token, size, func(name string) string { return name })
	if !ok {
		return nil, nil, refuse("InvalidParameterException", "Invalid token. Use the nextToken of the page before.")
	}
	return page, next, nil
}

// described bounds what a Describe call may name.
func described(n int, what string) error {
	if n == 0 || n > mostListed {
		return refuse("InvalidParameterException", "%s must have 1 to %d elements, not %d.", what, mostListed, n)
	}
	return nil
}

// describe looks up things of a cluster by their ids or ARNs, as callers can see them; seen
// gives one, nil if it is not there. What cannot be seen is a failure.
func describe[T any](c *Cloud, k *cluster, kind string, names []string, seen func(name string) *lagged[T]) ([]T, []types.Failure) {
	found, failures := []T{}, []types.Failure{}
	for _, name := range names {
		if all := seen(name); all != nil {
			if one, ok := all.at(c.now()); ok {
				found = append(found, one)
				continue
			}
		}
		failures = append(failures, missing(c.arn("ecs", arnOf(kind, k.name, lastPart(name)))))
	}
	return found, failures
}

// mergeTags sets ECS tags, the later ones of a key winning.
func mergeTags(tags, more []types.Tag) []types.Tag {
	all := append([]types.Tag(nil), tags...)
	for _, t := range more {
		found := false
		for i := range all {
			if value(all[i].Key) == value(t.Key) {
				all[i], found = t, true
			}
		}
		if !found {
			all = append(all, t)
		}
	}
	return all
}

// validECSTags holds tags to ECS's rules.
func validECSTags(tags []types.Tag) error {
	const most = 50
	if len(tags) > most {
		return refuse("InvalidParameterException", "The maximum number of tags that you can apply to a resource is %d.", most)
	}
	for _, t := range tags {
		if value(t.Key) == "" || strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return refuse("InvalidParameterException", "Tag key %q is not allowed: 1 to 128 characters that do not begin with aws:.", value(t.Key))
		}
	}
	return nil
}

func arnOf(kind, cluster, id string) string { return fmt.Sprintf("%s/%s/%s", kind, cluster, id) }
