package deploy

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// definitionsOf returns the ARNs of the deployment's task definitions, active or
// inactive. Their families begin with packhorse-DEPLOYMENT-, and so do those of a
// deployment whose name goes on with a hyphen; so one of each family is asked for its
// tag.
func (a *Account) definitionsOf(ctx context.Context, deployment string) ([]string, error) {
	var families []string
	err := pages(func(token *string) (*string, error) {
		out, err := a.Clusters.ListTaskDefinitionFamilies(ctx, &ecs.ListTaskDefinitionFamiliesInput{
			FamilyPrefix: aws.String("packhorse-" + deployment + "-"), Status: types.TaskDefinitionFamilyStatusAll, NextToken: token,
		})
		if err != nil {
			return nil, explain(err, "list the families of task definitions")
		}
		families = append(families, out.Families...)
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	var own []string
	for _, family := range families {
		members, err := a.familyOf(ctx, family)
		if err != nil {
			return nil, err
		}
		if len(members) == 0 {
			continue
		}
		ok, err := a.ownsDefinition(ctx, members[0], deployment)
		if err != nil {
			return nil, err
		}
		if ok {
			own = append(own, members...)
		}
	}
	return own, nil
}

func (a *Account) familyOf(ctx context.Context, family string) ([]string, error) {
	var members []string
	for _, status := range []types.TaskDefinitionStatus{types.TaskDefinitionStatusActive, types.TaskDefinitionStatusInactive} {
		err := pages(func(token *string) (*string, error) {
			out, err := a.Clusters.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String(family), Status: status, NextToken: token})
			if err != nil {
				return nil, explain(err, "list the task definitions of "+family)
			}
			members = append(members, out.TaskDefinitionArns...)
			return out.NextToken, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (a *Account) ownsDefinition(ctx context.Context, arn, deployment string) (bool, error) {
	out, err := a.Clusters.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String(arn), Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return false, explain(err, "read the tags of "+arn)
	}
	return ofDeployment(out.Tags, deployment), nil
}

// removeDefinitions deregisters task definitions and has them deleted, which ECS does
// when no task uses them any more.
func (a *Account) removeDefinitions(ctx context.Context, arns []string) error {
	for _, arn := range arns {
		_, err := a.Clusters.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String(arn)})
		if err != nil && !isCode(err, "ClientException", "InvalidParameterException") { // it is inactive already
			return explain(err, "deregister "+arn)
		}
	}
	for some := range slices.Chunk(arns, 10) { // the most that one call takes
		out, err := a.Clusters.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: some})
		if err != nil {
			return explain(err, "delete task definitions")
		}
		if len(out.Failures) > 0 {
			f := out.Failures[0]
			return &Error{Message: "cannot delete " + aws.ToString(f.Arn) + ": " + aws.ToString(f.Reason), Next: "say it again in a minute"}
		}
	}
	return nil
}
