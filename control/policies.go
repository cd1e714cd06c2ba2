package control

import (
	"context"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// CreateSchedulingPolicy makes a fair-share policy.
func (c *Control) CreateSchedulingPolicy(ctx context.Context, in *awsbatch.CreateSchedulingPolicyInput) (*awsbatch.CreateSchedulingPolicyOutput, error) {
	err := checkName("Scheduling policy", deref(in.Name))
	if err == nil {
		err = checkPolicies(in.FairsharePolicy, in.QuotaSharePolicy)
	}
	if err == nil {
		err = batch.CheckTags(in.Tags)
	}
	if err != nil {
		return nil, err
	}
	arn := new(c.cfg.Account.ARN(KindPolicy, *in.Name))
	policy := store.Policy{Detail: types.SchedulingPolicyDetail{
		Arn: arn, Name: in.Name, FairsharePolicy: completePolicy(in.FairsharePolicy), Tags: nonNil(in.Tags),
	}}
	err = c.cfg.Records.Write(ctx, c.cfg.Records.PutPolicy(policy))
	if store.IsConflict(err) {
		err = alreadyExists("change it with UpdateSchedulingPolicy, or choose another name")
	}
	if err != nil {
		return nil, err
	}
	return &awsbatch.CreateSchedulingPolicyOutput{Arn: arn, Name: in.Name}, nil
}

// completePolicy adds the list that AWS Batch shows empty when none was sent.
func completePolicy(p *types.FairsharePolicy) *types.FairsharePolicy {
	if p == nil || p.ShareDistribution != nil {
		return p
	}
	complete := *p
	complete.ShareDistribution = []types.ShareAttributes{}
	return &complete
}

// DescribeSchedulingPolicies returns those of up to 100 policies that exist.
func (c *Control) DescribeSchedulingPolicies(ctx context.Context, in *awsbatch.DescribeSchedulingPoliciesInput) (*awsbatch.DescribeSchedulingPoliciesOutput, error) {
	out := &awsbatch.DescribeSchedulingPoliciesOutput{SchedulingPolicies: []types.SchedulingPolicyDetail{}}
	if len(in.Arns) == 0 {
		return out, nil
	}
	found, _, err := describe(ctx, describing[store.Policy]{
		list: "Arns", names: in.Arns, kind: KindPolicy, one: c.cfg.Records.Policy,
	})
	if err != nil {
		return nil, err
	}
	for _, policy := range found {
		policy.Detail.Arn = new(c.cfg.Account.ARN(KindPolicy, policy.Name()))
		out.SchedulingPolicies = append(out.SchedulingPolicies, policy.Detail)
	}
	return out, nil
}

// ListSchedulingPolicies returns a page of the ARNs of all policies.
func (c *Control) ListSchedulingPolicies(ctx context.Context, in *awsbatch.ListSchedulingPoliciesInput) (*awsbatch.ListSchedulingPoliciesOutput, error) {
	page, next, err := describe(ctx, describing[store.Policy]{
		list: "SchedulingPolicies", maxResults: in.MaxResults, nextToken: in.NextToken,
		kind: KindPolicy, all: c.cfg.Records.Policies, name: store.Policy.Name,
	})
	if err != nil {
		return nil, err
	}
	out := &awsbatch.ListSchedulingPoliciesOutput{
		SchedulingPolicies: make([]types.SchedulingPolicyListingDetail, 0, len(page)), NextToken: next,
	}
	for _, policy := range page {
		arn := new(c.cfg.Account.ARN(KindPolicy, policy.Name()))
		out.SchedulingPolicies = append(out.SchedulingPolicies, types.SchedulingPolicyListingDetail{Arn: arn})
	}
	return out, nil
}

// UpdateSchedulingPolicy replaces the body of a policy.
func (c *Control) UpdateSchedulingPolicy(ctx context.Context, in *awsbatch.UpdateSchedulingPolicyInput) (*awsbatch.UpdateSchedulingPolicyOutput, error) {
	if err := checkPolicies(in.FairsharePolicy, in.QuotaSharePolicy); err != nil {
		return nil, err
	}
	var queues []string
	err := untilWritten("scheduling policy "+deref(in.Arn), func() error {
		policy, err := c.policyByRef(ctx, deref(in.Arn))
		if err != nil {
			return err
		}
		if queues, err = c.queuesSharingBy(ctx, policy.Name()); err != nil {
			return err
		}
		if in.FairsharePolicy != nil {
			policy.Detail.FairsharePolicy = completePolicy(in.FairsharePolicy)
		}
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutPolicy(policy))
	})
	if err != nil {
		return nil, err
	}
	for _, queue := range queues {
		c.kick(queue)
	}
	return &awsbatch.UpdateSchedulingPolicyOutput{}, nil
}

// queuesSharingBy returns the names of the queues that use a policy.
func (c *Control) queuesSharingBy(ctx context.Context, policy string) ([]string, error) {
	return c.queuesWhere(ctx, func(q store.Queue) bool {
		return batch.NameOf(KindPolicy, deref(q.Detail.SchedulingPolicyArn)) == policy
	})
}

// DeleteSchedulingPolicy removes a policy that no queue uses.
func (c *Control) DeleteSchedulingPolicy(ctx context.Context, in *awsbatch.DeleteSchedulingPolicyInput) (*awsbatch.DeleteSchedulingPolicyOutput, error) {
	err := untilWritten("scheduling policy "+deref(in.Arn), func() error {
		policy, err := c.policyByRef(ctx, deref(in.Arn))
		if err != nil {
			return err
		}
		queues, err := c.queuesSharingBy(ctx, policy.Name())
		if err != nil {
			return err
		}
		if len(queues) > 0 {
			return refuse("Cannot delete, found existing JobQueue relationship",
				"job queue "+strings.Join(queues, ", ")+" uses it: delete the queue, or give it another policy with UpdateJobQueue")
		}
		return c.cfg.Records.Write(ctx, c.cfg.Records.DeletePolicy(policy))
	})
	if err != nil {
		return nil, err
	}
	return &awsbatch.DeleteSchedulingPolicyOutput{}, nil
}
