package amazon

import (
	"maps"
	"slices"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The tags by which we know our own, on instances, clusters and tasks.
const (
	tagDeployment  = "packhorse:deployment"
	tagEnvironment = "packhorse:environment"
	tagCluster     = "packhorse:cluster"
	tagHost        = "packhorse:host"     // id of the host's record
	tagDraining    = "packhorse:draining" // why an instance takes no more tasks
	tagJob         = "packhorse:job"
	tagAttempt     = "packhorse:attempt"
	tagInstance    = "packhorse:instance" // on a task: the EC2 instance of its host
	tagShape       = "packhorse:shape"    // on a task definition: what it was made for
)

// maxTags is how many tags a resource takes (Tagging your resources, ECS and EC2).
const maxTags = 50

// tagged merges a user's tags with ours, which win. What is over the limit is left out.
func tagged(theirs map[string]string, ours map[string]string) map[string]string {
	out := maps.Clone(ours)
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if _, taken := out[key]; !taken && len(out) < maxTags {
			out[key] = theirs[key]
		}
	}
	return out
}

func ec2Tags(tags map[string]string) []ec2types.Tag {
	var out []ec2types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, ec2types.Tag{Key: &key, Value: new(tags[key])})
	}
	return out
}

func ecsTags(tags map[string]string) []ecstypes.Tag {
	var out []ecstypes.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, ecstypes.Tag{Key: &key, Value: new(tags[key])})
	}
	return out
}

func tagsOfInstance(i ec2types.Instance) map[string]string {
	out := map[string]string{}
	for _, t := range i.Tags {
		out[deref(t.Key)] = deref(t.Value)
	}
	return out
}

func tagsOfECS(tags []ecstypes.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[deref(t.Key)] = deref(t.Value)
	}
	return out
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// some returns nil for the zero value, as the SDK wants what is not said.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
