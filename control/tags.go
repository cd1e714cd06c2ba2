package control

import (
	"context"
	"maps"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// ListTagsForResource returns the tags of an environment, a queue, a definition, a
// scheduling policy or a job.
func (c *Control) ListTagsForResource(ctx context.Context, in *awsbatch.ListTagsForResourceInput) (*awsbatch.ListTagsForResourceOutput, error) {
	t, err := c.tagged(ctx, deref(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return &awsbatch.ListTagsForResourceOutput{Tags: nonNil(t.tags)}, nil
}

// TagResource adds tags, and replaces those of the same key.
func (c *Control) TagResource(ctx context.Context, in *awsbatch.TagResourceInput) (*awsbatch.TagResourceOutput, error) {
	if err := batch.CheckTags(in.Tags); err != nil {
		return nil, err
	}
	err := c.retag(ctx, deref(in.ResourceArn), func(tags map[string]string) error {
		maps.Copy(tags, in.Tags)
		return batch.CheckTags(tags)
	})
	if err != nil {
		return nil, err
	}
	return &awsbatch.TagResourceOutput{}, nil
}

// maxTags is the most tags of a resource, and the most keys of an UntagResource (API
// reference, TagResource).
const maxTags = 50

// UntagResource removes the tags of some keys; keys without a tag do not matter.
func (c *Control) UntagResource(ctx context.Context, in *awsbatch.UntagResourceInput) (*awsbatch.UntagResourceOutput, error) {
	switch n := len(in.TagKeys); {
	case n == 0:
		return nil, refuse("tagKeys is required.", "name the tags to remove")
	case n > maxTags:
		return nil, batch.Invalid("tagKeys size cannot be greater than %d, got %d.", maxTags, n)
	}
	err := c.retag(ctx, deref(in.ResourceArn), func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &awsbatch.UntagResourceOutput{}, nil
}

// retag changes the tags of a resource by one conditional write.
func (c *Control) retag(ctx context.Context, arn string, change func(map[string]string) error) error {
	return untilWritten(arn, func() error {
		t, err := c.tagged(ctx, arn)
		if err != nil {
			return err
		}
		tags := maps.Clone(nonNil(t.tags))
		err = change(tags)
		if err == nil && t.check != nil {
			err = t.check(tags)
		}
		if err != nil {
			return err
		}
		return c.cfg.Records.Write(ctx, t.put(tags))
	})
}

// taggable is a resource as far as its tags go.
type taggable struct {
	tags map[string]string
	put  func(tags map[string]string) store.Op
	// check returns what is wrong with other tags for it; nil: nothing can be.
	check func(tags map[string]string) error
}

// tagged returns the resource of an ARN of any region and account.
func (c *Control) tagged(ctx context.Context, arn string) (taggable, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "batch" {
		return taggable{}, badResourceARN(arn)
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	r := c.cfg.Records
	switch kind {
	case KindEnvironment:
		env, err := c.environmentByRef(ctx, arn)
		return taggable{tags: env.Detail.Tags, put: func(tags map[string]string) store.Op {
			env.Detail.Tags = tags
			return r.PutEnvironment(env)
		}, check: func(tags map[string]string) error {
			return batch.CheckEnvironmentTags(tags, launchesHosts(env))
		}}, err
	case KindQueue:
		queue, err := c.queueByRef(ctx, arn)
		return taggable{tags: queue.Detail.Tags, put: func(tags map[string]string) store.Op {
			queue.Detail.Tags = tags
			return r.PutQueue(queue)
		}, check: func(tags map[string]string) error { return c.checkQueueTags(ctx, queue, tags) }}, err
	case KindPolicy:
		policy, err := c.policyByRef(ctx, arn)
		return taggable{tags: policy.Detail.Tags, put: func(tags map[string]string) store.Op {
			policy.Detail.Tags = tags
			return r.PutPolicy(policy)
		}}, err
	case KindDefinition:
		d, err := c.definitionByRef(ctx, arn)
		return taggable{tags: d.Detail.Tags, put: func(tags map[string]string) store.Op {
			d.Detail.Tags = tags
			return r.PutDefinition(d)
		}}, err
	case KindJob:
		return c.taggedJob(ctx, name)
	}
	return taggable{}, badResourceARN(arn)
}

// taggedJob returns a job as far as its tags go. Children of arrays and nodes have
// none of their own.
func (c *Control) taggedJob(ctx context.Context, id string) (taggable, error) {
	if strings.ContainsAny(id, ":#") {
		return taggable{}, refuse("Tags are not supported for array child jobs and multi-node parallel job nodes: "+c.arn(KindJob, id),
			"use the ARN of the parent job")
	}
	notFound := c.doesNotExist(KindJob, id, "see ListJobs for the jobs of a queue; a job is kept for 7 days after its end")
	if !namePattern.MatchString(id) {
		return taggable{}, notFound
	}
	spec, err := c.cfg.Records.Spec(ctx, id)
	if store.IsNotFound(err) {
		err = notFound
	}
	return taggable{tags: spec.Tags, put: func(tags map[string]string) store.Op {
		spec.Tags = tags
		return c.cfg.Records.PutSpec(id, spec)
	}}, err
}

// checkQueueTags returns what is wrong with other tags for a queue: one that has environments
// of both platforms keeps the tag that allows it.
func (c *Control) checkQueueTags(ctx context.Context, queue store.Queue, tags map[string]string) error {
	if err := batch.CheckEnvironmentsTag(tags); err != nil || tags[batch.TagEnvironments] != "" || queue.Detail.Tags[batch.TagEnvironments] == "" {
		return err
	}
	platforms := map[types.JobQueueType]bool{}
	for _, name := range queue.Environments() {
		env, err := c.cfg.Records.Environment(ctx, name)
		if err != nil {
			return err
		}
		platform, _ := capacityOf(env, nil)
		platforms[platform] = true
	}
	if len(platforms) > 1 {
		return refuse("The tag "+batch.TagEnvironments+" is what lets the queue have Fargate and EC2 compute environments together.",
			"leave one of the two out of its computeEnvironmentOrder with UpdateJobQueue first")
	}
	return nil
}

// launchesHosts reports whether an environment is managed and on EC2 or Spot.
func launchesHosts(env store.Environment) bool {
	r := env.Detail.ComputeResources
	return env.Detail.Type == types.CETypeManaged && r != nil && !isFargate(r.Type)
}

func badResourceARN(arn string) error {
	return refuse("resourceArn "+arn+" is not valid.",
		"give the ARN of a job, a job queue, a job definition with its revision, a compute environment or a scheduling policy")
}
