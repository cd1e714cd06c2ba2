package control_test

import (
	"fmt"
	"slices"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

func share(id string) types.ShareAttributes { return types.ShareAttributes{ShareIdentifier: &id} }

func shares(list ...types.ShareAttributes) *types.FairsharePolicy {
	return &types.FairsharePolicy{ShareDistribution: list}
}

func weighted(id string, weight float32) types.ShareAttributes {
	return types.ShareAttributes{ShareIdentifier: &id, WeightFactor: &weight}
}

func TestSchedulingPolicyRefusedAsAWSDoes(t *testing.T) {
	many := make([]types.ShareAttributes, 501)
	for i := range many {
		many[i] = share(fmt.Sprintf("s%d", i))
	}
	const badShare = "ShareIdentifier name should match a valid pattern."
	tests := map[string]struct {
		in   awsbatch.CreateSchedulingPolicyInput
		want string
	}{
		"a bad name":               {awsbatch.CreateSchedulingPolicyInput{Name: new("a/b")}, "Scheduling policy name should match a valid pattern."},
		"a decay of over a week":   {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: &types.FairsharePolicy{ShareDecaySeconds: new(int32(604801))}}, "shareDecaySeconds must be between 0 and 604800, got 604801."},
		"a reservation of it all":  {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: &types.FairsharePolicy{ComputeReservation: new(int32(100))}}, "computeReservation must be between 0 and 99, got 100."},
		"501 shares":               {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(many...)}, "ShareDistribution size cannot be greater than 500."},
		"a share twice":            {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share("a"), share("a"))}, "Cannot have two or more identical shareIdentifiers."},
		"a share under a prefix":   {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share("UserA1"), share("UserA*"))}, "Share identifier UserA1 matches another share identifier UserA*."},
		"a prefix under a prefix":  {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share("a*"), share("ab*"))}, "Share identifier ab* matches another share identifier a*."},
		"a share with a space":     {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share("a b"))}, badShare},
		"a share without a name":   {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share(""))}, badShare},
		"a star in the middle":     {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(share("a*b"))}, badShare},
		"a weight of 0":            {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(weighted("a", 0))}, "Weight factor should be between 0.0001 and 999.9999."},
		"a weight of 1000":         {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(weighted("a", 1000))}, "Weight factor should be between 0.0001 and 999.9999."},
		"fair share and quota":     {awsbatch.CreateSchedulingPolicyInput{FairsharePolicy: shares(), QuotaSharePolicy: &types.QuotaSharePolicy{}}, "A scheduling policy can have either fairsharePolicy or quotaSharePolicy, but not both."},
		"a quota":                  {awsbatch.CreateSchedulingPolicyInput{QuotaSharePolicy: &types.QuotaSharePolicy{}}, "quotaSharePolicy (SageMaker) is not supported by Packhorse yet."},
		"a tag without a key":      {awsbatch.CreateSchedulingPolicyInput{Tags: map[string]string{"": "x"}}, `The tag key "" must have 1 to 128 characters.`},
		"a name that is there yet": {awsbatch.CreateSchedulingPolicyInput{Name: new("taken")}, "Object already exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.policy(t, "taken")
			if tt.in.Name == nil {
				tt.in.Name = new("fair")
			}
			_, err := s.CreateSchedulingPolicy(t.Context(), &tt.in)
			wantRefused(t, err, tt.want)
		})
	}
}

func TestSchedulingPolicies(t *testing.T) {
	s := newScene(t)
	out := must[*awsbatch.CreateSchedulingPolicyOutput](t)(s.CreateSchedulingPolicy(t.Context(), &awsbatch.CreateSchedulingPolicyInput{
		Name: new("b"),
		FairsharePolicy: &types.FairsharePolicy{
			ComputeReservation: new(int32(10)), ShareDecaySeconds: new(int32(3600)),
			ShareDistribution: []types.ShareAttributes{weighted("a*", 0.0001), weighted("b", 999.9999), share("c-1_x")},
		},
	}))
	const arn = "arn:aws:batch:eu-central-1:123456789012:scheduling-policy/b"
	if *out.Arn != arn || *out.Name != "b" {
		t.Errorf("CreateSchedulingPolicy = %s, %s, want %s, b", *out.Arn, *out.Name, arn)
	}
	s.policy(t, "a")
	describe := func(arns ...string) []types.SchedulingPolicyDetail {
		return must[*awsbatch.DescribeSchedulingPoliciesOutput](t)(s.DescribeSchedulingPolicies(t.Context(),
			&awsbatch.DescribeSchedulingPoliciesInput{Arns: arns})).SchedulingPolicies
	}
	t.Run("describe leaves out the unknown", func(t *testing.T) {
		got := describe("arn:aws:batch:us-east-1:000000000000:scheduling-policy/b", "arn:aws:batch:us-east-1:000000000000:scheduling-policy/x")
		if len(got) != 1 || *got[0].Arn != arn || len(got[0].FairsharePolicy.ShareDistribution) != 3 {
			t.Errorf("policies = %+v, want b", got)
		}
		if got := describe(); len(got) != 0 {
			t.Errorf("policies of no ARN = %v, want none", got)
		}
	})
	t.Run("list pages through the ARNs", func(t *testing.T) {
		first := must[*awsbatch.ListSchedulingPoliciesOutput](t)(s.ListSchedulingPolicies(t.Context(), &awsbatch.ListSchedulingPoliciesInput{MaxResults: new(int32(1))}))
		second := must[*awsbatch.ListSchedulingPoliciesOutput](t)(s.ListSchedulingPolicies(t.Context(), &awsbatch.ListSchedulingPoliciesInput{NextToken: first.NextToken}))
		if len(first.SchedulingPolicies) != 1 || len(second.SchedulingPolicies) != 1 || *second.SchedulingPolicies[0].Arn != arn || second.NextToken != nil {
			t.Errorf("pages = %v, %v", first.SchedulingPolicies, second.SchedulingPolicies)
		}
	})
	t.Run("update replaces the body and tells the queues", func(t *testing.T) {
		s.environment(t, "ce")
		s.queue(t, "q", func(in *awsbatch.CreateJobQueueInput) { in.SchedulingPolicyArn = new(arn) })
		s.queue(t, "fifo")
		s.kicked = nil
		must[*awsbatch.UpdateSchedulingPolicyOutput](t)(s.UpdateSchedulingPolicy(t.Context(),
			&awsbatch.UpdateSchedulingPolicyInput{Arn: new(arn), FairsharePolicy: shares(share("only"))}))
		if p := describe(arn)[0].FairsharePolicy; len(p.ShareDistribution) != 1 || p.ComputeReservation != nil {
			t.Errorf("policy after the update = %+v, want one share and nothing of before", p)
		}
		if !slices.Equal(s.kicked, []string{"q"}) {
			t.Errorf("kicked %q, want q", s.kicked)
		}
		_, err := s.UpdateSchedulingPolicy(t.Context(), &awsbatch.UpdateSchedulingPolicyInput{Arn: new(arn), FairsharePolicy: shares(share("*a"))})
		wantRefused(t, err, "ShareIdentifier name should match a valid pattern.")
	})
	t.Run("delete only what no queue uses", func(t *testing.T) {
		remove := func(arn string) error {
			_, err := s.DeleteSchedulingPolicy(t.Context(), &awsbatch.DeleteSchedulingPolicyInput{Arn: &arn})
			return err
		}
		wantRefused(t, remove(arn), "Cannot delete, found existing JobQueue relationship")
		const free = "arn:aws:batch:eu-central-1:123456789012:scheduling-policy/a"
		if err := remove(free); err != nil {
			t.Fatal(err)
		}
		wantError(t, remove(free), batch.CodeNotFound, free+" does not exist")
	})
}
