package amazon

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/packhorse-batch/packhorse/compute"
)

type definitions interface {
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
}

func definitionKey(shape string) string { return "definition/" + shape }

// shapeOf names a task definition by what is in it.
func shapeOf(in *ecs.RegisterTaskDefinitionInput) string {
	text, err := json.Marshal(in)
	if err != nil {
		return "" // never: these are strings and numbers
	}
	return fingerprint(string(text))
}

// definition returns the ARN of a task definition, registered once for each shape.
func (b *Backend) definition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput) (string, error) {
	shape := shapeOf(in)
	if arn, ok := known(&b.cache, b.cache.definitions, shape); ok {
		return arn, nil
	}
	key := definitionKey(shape)
	return share(ctx, b, key, func(ctx context.Context) (string, error) {
		arn, ok, err := recall[string](ctx, b.o.Memory, key)
		if err != nil {
			return "", err
		}
		if !ok {
			if arn, err = b.register(ctx, in, shape); err != nil {
				return "", err
			}
			if err := remember(ctx, b.o.Memory, key, arn, b.o.Now().Add(definitionFor)); err != nil {
				b.o.Log.Warn("a task definition was not recorded; another process registers it again", "definition", arn, "error", err)
			}
		}
		keep(&b.cache, b.cache.definitions, shape, arn)
		return arn, nil
	})
}

func (b *Backend) register(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, shape string) (string, error) {
	with := *in
	with.Tags = ecsTags(map[string]string{tagDeployment: b.o.Deployment, tagShape: shape})
	out, err := b.ecs.RegisterTaskDefinition(ctx, &with)
	if err != nil {
		return "", wrongTask("ECS does not take the task definition", err)
	}
	if out.TaskDefinition == nil || deref(out.TaskDefinition.TaskDefinitionArn) == "" {
		return "", compute.ErrUnavailable
	}
	return *out.TaskDefinition.TaskDefinitionArn, nil
}

// unregister forgets a definition that ECS no longer has.
func (b *Backend) unregister(ctx context.Context, in *ecs.RegisterTaskDefinitionInput) {
	shape := shapeOf(in)
	drop(&b.cache, b.cache.definitions, shape)
	if err := b.o.Memory.Forget(ctx, definitionKey(shape)); err != nil {
		b.o.Log.Warn("the record of a task definition that is gone was not removed; the next task tries again", "shape", shape, "error", err)
	}
}
