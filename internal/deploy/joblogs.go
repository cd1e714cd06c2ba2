package deploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/packhorse-batch/packhorse/infra"
)

// logGroups is the part of CloudWatch Logs that deployments need.
type logGroups interface {
	DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
	ListTagsForResource(context.Context, *cloudwatchlogs.ListTagsForResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error)
	TagResource(context.Context, *cloudwatchlogs.TagResourceInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error)
	DeleteLogGroup(context.Context, *cloudwatchlogs.DeleteLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error)
}

// jobLogs is the log group of all jobs. AWS Batch has the same, and clients know it by
// heart, so it cannot be named after a deployment.
const jobLogs = "/aws/batch/job"

// defaultJobLogDays is how long lines of jobs are kept where Packhorse made the group.
const defaultJobLogDays = 30

// group returns the ARN of a log group, "" if there is none.
func (a *Account) group(ctx context.Context, name string) (arn string, err error) {
	out, err := a.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(name), Limit: aws.Int32(50)})
	if err != nil {
		return "", explain(err, "look for the log group "+name)
	}
	for _, g := range out.LogGroups {
		if aws.ToString(g.LogGroupName) != name {
			continue
		}
		if g.LogGroupArn != nil {
			return *g.LogGroupArn, nil
		}
		arn := aws.ToString(g.Arn) // the older form, with ":*" behind it
		if n := len(arn); n > 2 && arn[n-2:] == ":*" {
			arn = arn[:n-2]
		}
		return arn, nil
	}
	return "", nil
}

// ensureJobLogs makes the log group of jobs unless it is there. One that was there is
// left as it is, and stays when the deployment goes.
func (a *Account) ensureJobLogs(ctx context.Context, deployment string, days int32) (made bool, err error) {
	if arn, err := a.group(ctx, jobLogs); arn != "" || err != nil {
		return false, err
	}
	_, err = a.Logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName: aws.String(jobLogs), Tags: map[string]string{infra.DeploymentTag: deployment},
	})
	if isCode(err, "ResourceAlreadyExistsException") {
		return false, nil
	}
	if err != nil {
		return false, explain(err, "make the log group "+jobLogs)
	}
	_, err = a.Logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(jobLogs), RetentionInDays: aws.Int32(days)})
	return true, explain(err, fmt.Sprintf("bound the log group %s to %d days", jobLogs, days))
}

// ownJobLogs returns the ARN of the log group of jobs if this deployment made it.
func (a *Account) ownJobLogs(ctx context.Context, deployment string) (arn string, err error) {
	arn, err = a.group(ctx, jobLogs)
	if arn == "" || err != nil {
		return "", err
	}
	tags, err := a.Logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(arn)})
	if err != nil {
		return "", explain(err, "read the tags of the log group "+jobLogs)
	}
	if tags.Tags[infra.DeploymentTag] != deployment {
		return "", nil
	}
	return arn, nil
}

func (a *Account) removeGroup(ctx context.Context, name string) error {
	_, err := a.Logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(name)})
	if isCode(err, "ResourceNotFoundException") {
		return nil
	}
	return explain(err, "delete the log group "+name)
}
