package control_test

import (
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// inMarket gives an environment the tag packhorse:market.
func inMarket(value string) createEnvironment {
	return func(in *awsbatch.CreateComputeEnvironmentInput) { in.Tags = map[string]string{batch.TagMarket: value} }
}

func TestTheMarketTagIsChecked(t *testing.T) {
	unmanaged := func(in *awsbatch.CreateComputeEnvironmentInput) {
		in.Type, in.ComputeResources, in.ServiceRole = types.CETypeUnmanaged, nil, new("role")
	}
	const notHosts = "The tag packhorse:market is for managed compute environments of type EC2 or SPOT."
	for name, test := range map[string]struct {
		edits []createEnvironment
		want  string // empty: taken
	}{
		"spot": {[]createEnvironment{inMarket("spot")}, ""}, "on-demand": {[]createEnvironment{inMarket("on-demand")}, ""},
		"cheapest":     {[]createEnvironment{inMarket("cheapest")}, ""},
		"another word": {[]createEnvironment{inMarket("cheap")}, `The value "cheap" of the tag packhorse:market is not valid. Valid values are: [spot, on-demand, cheapest]`},
		"no word":      {[]createEnvironment{inMarket("")}, `The value "" of the tag packhorse:market is not valid. Valid values are: [spot, on-demand, cheapest]`},
		"Fargate":      {[]createEnvironment{fargate, inMarket("spot")}, notHosts},
		"unmanaged":    {[]createEnvironment{unmanaged, inMarket("spot")}, notHosts},
	} {
		t.Run(name, func(t *testing.T) { checkedAsATag(t, test.edits, test.want) })
	}
}

// checkedAsATag makes an environment with a tag, and another that gets the tag later; both
// are refused with the message want, or taken if it is empty.
func checkedAsATag(t *testing.T, edits []createEnvironment, want string) {
	t.Helper()
	s := newScene(t)
	_, err := s.CreateComputeEnvironment(t.Context(), newEnvironment("ce", edits...))
	if want == "" {
		if err != nil {
			t.Errorf("it is refused: %v", err)
		}
	} else {
		wantRefused(t, err, want)
	}
	// The same by TagResource, on an environment without the tag.
	in := newEnvironment("later", edits...)
	tags := in.Tags
	in.Tags = nil
	must[*awsbatch.CreateComputeEnvironmentOutput](t)(s.CreateComputeEnvironment(t.Context(), in))
	_, err = s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: foreign("compute-environment/later"), Tags: tags})
	if want == "" {
		if err != nil {
			t.Errorf("TagResource refuses it: %v", err)
		}
		return
	}
	wantRefused(t, err, want)
}
