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

func pageSize(n *int32) (int, error) {
	switch size := value(n); {
	case n == nil:
		return mostListed, nil
	case size < 1 || size > mostListed:
		return 0, refuse("InvalidParameterException", "maxResults is %d; it must be between 1 and %d", size, mostListed)
	default:
		return int(size), nil
	}
}

// described bounds what a Describe call may name.
func described(n int, what string) error {
	if n == 0 || n > mostListed {
		return refuse("InvalidParameterException", "%s must have 1 to %d elements, not %d.", what, mostListed, n)
	}
	return nil
}

func badNextToken() error {
	return refuse("InvalidParameterException", "Invalid token. Use the nextToken of the page before.")
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
