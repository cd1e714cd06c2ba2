package deploy

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/packhorse-batch/packhorse/infra"
)

// leftover is a kind of things that a deployment has outside of its stack.
type leftover struct {
	name   string // of one
	find   func(context.Context) (ids []string, err error)
	remove func(ctx context.Context, ids []string) error
}

// leftovers lists the kinds in the order in which they can be removed.
func (a *Account) leftovers(ctx context.Context, deployment string) ([]leftover, error) {
	bucket, err := a.bucket(ctx)
	if err != nil {
		return nil, err
	}
	// each removes one after the other.
	each := func(remove func(context.Context, string) error) func(context.Context, []string) error {
		return func(ctx context.Context, ids []string) error {
			for _, id := range ids {
				if err := remove(ctx, id); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return []leftover{
		{"adopted instance",
			func(ctx context.Context) ([]string, error) { return a.adopted(ctx, deployment) },
			func(ctx context.Context, ids []string) error {
				return explain(a.Fleet.Release(ctx, ids), "take the tags off instances of others")
			}},
		{"cluster",
			func(ctx context.Context) ([]string, error) { return a.clustersOf(ctx, deployment) }, each(a.removeCluster)},
		{"task definition",
			func(ctx context.Context) ([]string, error) { return a.definitionsOf(ctx, deployment) }, a.removeDefinitions},
		{"launch template",
			func(ctx context.Context) ([]string, error) {
				ids, err := a.Fleet.LaunchTemplates(ctx, deployment)
				return ids, explain(err, "list the launch templates")
			},
			each(func(ctx context.Context, id string) error {
				return explain(a.Fleet.DeleteLaunchTemplate(ctx, id), "delete the launch template "+id)
			})},
		{"access key",
			func(ctx context.Context) ([]string, error) {
				keys, err := a.Keys(ctx, deployment)
				ids := make([]string, len(keys))
				for i, k := range keys {
					ids[i] = k.ID
				}
				return ids, err
			},
			func(ctx context.Context, ids []string) error {
				_, err := a.deleteKeys(ctx, deployment, ids)
				return err
			}},
		{"log group",
			func(ctx context.Context) ([]string, error) { return a.groupsOf(ctx, deployment) },
			each(func(ctx context.Context, name string) error { return a.removeGroup(ctx, name) })},
		{"zipped function",
			func(ctx context.Context) ([]string, error) { return bucket.keys(ctx, deployment) }, bucket.remove},
	}, nil
}

// adopted returns the instances of others that served as hosts.
func (a *Account) adopted(ctx context.Context, deployment string) ([]string, error) {
	instances, err := a.Fleet.Instances(ctx, deployment)
	var ids []string
	for _, i := range instances {
		if i.Adopted {
			ids = append(ids, i.ID)
		}
	}
	return ids, explain(err, "list the instances")
}

// groupsOf returns the log groups of a deployment: those of its functions, which the
// stack takes along unless Lambda made one anew, and that of jobs if the deployment
// made it. If another deployment of this account and region goes on, it is handed over
// to that one and stays.
func (a *Account) groupsOf(ctx context.Context, deployment string) ([]string, error) {
	var own []string
	for _, f := range infra.Functions() {
		name := "/aws/lambda/" + deployment + "-" + f.Name
		arn, err := a.group(ctx, name)
		if err != nil {
			return nil, err
		}
		if arn != "" {
			own = append(own, name)
		}
	}
	arn, err := a.ownJobLogs(ctx, deployment)
	if arn == "" || err != nil {
		return own, err
	}
	heir, err := a.another(ctx, deployment)
	if err != nil {
		return nil, err
	}
	if heir == "" {
		return append(own, jobLogs), nil
	}
	_, err = a.Logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String(arn), Tags: map[string]string{infra.DeploymentTag: heir}})
	return own, explain(err, "hand the log group "+jobLogs+" over to the deployment "+heir)
}

// another returns the name of another deployment of this account and region, "" if
// this is the last.
func (a *Account) another(ctx context.Context, deployment string) (string, error) {
	name := ""
	err := pages(func(token *string) (*string, error) {
		out, err := a.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{NextToken: token})
		if err != nil {
			return nil, explain(err, "look for other deployments")
		}
		for _, s := range out.Stacks {
			for _, t := range s.Tags {
				if aws.ToString(t.Key) == infra.DeploymentTag && aws.ToString(t.Value) != deployment {
					name = aws.ToString(t.Value)
				}
			}
		}
		return out.NextToken, nil
	})
	return name, err
}
