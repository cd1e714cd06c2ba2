package fakeaws

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// wrongLogs is CloudWatch Logs' error for a parameter; refuse makes the one of ECS, which
// has the same code.
func wrongLogs(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func (c *Cloud) groupARN(name string) string {
	return "arn:aws:logs:" + c.o.Region + ":" + c.o.Account + ":log-group:" + name
}

// CreateLogGroup makes a log group.
func (l *Logs) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return call(ctx, l.c, "logs.CreateLogGroup", in, func(in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
		if value(in.LogGroupName) == "" {
			return nil, wrongLogs("1 validation error detected: Value at 'logGroupName' failed to satisfy constraint: Member must not be null")
		}
		if !l.c.logs.create(*in.LogGroupName, l.c.now()) {
			return nil, refuse("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		l.c.logs.with(*in.LogGroupName, func(g *logGroup) { maps.Copy(g.tags, in.Tags) })
		return &cloudwatchlogs.CreateLogGroupOutput{}, nil
	})
}

// DescribeLogGroups lists groups by name.
func (l *Logs) DescribeLogGroups(ctx context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	return call(ctx, l.c, "logs.DescribeLogGroups", in, func(in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
		var all []types.LogGroup
		s := l.c.logs
		s.mu.Lock()
		for _, name := range slices.Sorted(maps.Keys(s.groups)) {
			if strings.HasPrefix(name, value(in.LogGroupNamePrefix)) && strings.Contains(name, value(in.LogGroupNamePattern)) {
				all = append(all, types.LogGroup{
					LogGroupName: &name, Arn: aws.String(l.c.groupARN(name) + ":*"), LogGroupArn: aws.String(l.c.groupARN(name)),
					CreationTime: aws.Int64(s.groups[name].created.UnixMilli()), RetentionInDays: s.groups[name].days,
				})
			}
		}
		s.mu.Unlock()
		page, next, ok := pageOf(all, in.NextToken, int(cmp.Or(value(in.Limit), 50)), func(g types.LogGroup) string { return *g.LogGroupName })
		if !ok {
			return nil, badLogToken()
		}
		return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: page, NextToken: next}, nil
	})
}

func badLogToken() error {
	return wrongLogs("The specified nextToken is invalid.")
}

// DeleteLogGroup removes a group with its streams.
func (l *Logs) DeleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	return call(ctx, l.c, "logs.DeleteLogGroup", in, func(in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
		s := l.c.logs
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.groups[value(in.LogGroupName)] == nil {
			return nil, noGroup()
		}
		delete(s.groups, *in.LogGroupName)
		return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
	})
}

// PutRetentionPolicy says how long events are kept. Here they are kept all the same.
func (l *Logs) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return call(ctx, l.c, "logs.PutRetentionPolicy", in, func(in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
		// CloudWatch Logs API reference, PutRetentionPolicy.
		allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
		if !slices.Contains(allowed, value(in.RetentionInDays)) {
			return nil, wrongLogs("1 validation error detected: Value at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", allowed)
		}
		if !l.c.logs.with(value(in.LogGroupName), func(g *logGroup) { g.days = in.RetentionInDays }) {
			return nil, noGroup()
		}
		return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
	})
}

// TagResource tags a group, which is named by its ARN.
func (l *Logs) TagResource(ctx context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	return call(ctx, l.c, "logs.TagResource", in, func(in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
		if !l.c.logs.with(groupName(nil, in.ResourceArn), func(g *logGroup) { maps.Copy(g.tags, in.Tags) }) {
			return nil, noGroup()
		}
		return &cloudwatchlogs.TagResourceOutput{}, nil
	})
}

// ListTagsForResource returns the tags of a group.
func (l *Logs) ListTagsForResource(ctx context.Context, in *cloudwatchlogs.ListTagsForResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	return call(ctx, l.c, "logs.ListTagsForResource", in, func(in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
		out := &cloudwatchlogs.ListTagsForResourceOutput{}
		if !l.c.logs.with(groupName(nil, in.ResourceArn), func(g *logGroup) { out.Tags = maps.Clone(g.tags) }) {
			return nil, noGroup()
		}
		return out, nil
	})
}
