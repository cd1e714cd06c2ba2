package control_test

import (
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// waitsFor gives an environment the tag packhorse:wait-usd-per-hour.
func waitsFor(value string) createEnvironment {
	return func(in *awsbatch.CreateComputeEnvironmentInput) {
		in.Tags = map[string]string{batch.TagWaitUSDPerHour: value}
	}
}

func TestTheTagThatSaysWhatWaitingCountsIsChecked(t *testing.T) {
	unmanaged := func(in *awsbatch.CreateComputeEnvironmentInput) {
		in.Type, in.ComputeResources, in.ServiceRole = types.CETypeUnmanaged, nil, new("role")
	}
	const notHosts = "The tag packhorse:wait-usd-per-hour is for managed compute environments of type EC2 or SPOT."
	invalid := func(value string) string {
		return `The value "` + value + `" of the tag packhorse:wait-usd-per-hour is not valid. It must be a number of dollars above 0, for example 0.05.`
	}
	for name, test := range map[string]struct {
		edits []createEnvironment
		want  string // empty: taken
	}{
		"a part of a dollar": {[]createEnvironment{waitsFor("0.05")}, ""}, "much": {[]createEnvironment{waitsFor("1000")}, ""},
		"nothing":   {[]createEnvironment{waitsFor("0")}, invalid("0")},
		"less":      {[]createEnvironment{waitsFor("-1")}, invalid("-1")},
		"no number": {[]createEnvironment{waitsFor("NaN")}, invalid("NaN")},
		"no end":    {[]createEnvironment{waitsFor("Inf")}, invalid("Inf")},
		"a unit":    {[]createEnvironment{waitsFor("$0.05")}, invalid("$0.05")},
		"empty":     {[]createEnvironment{waitsFor("")}, invalid("")},
		"Fargate":   {[]createEnvironment{fargate, waitsFor("0.05")}, notHosts},
		"unmanaged": {[]createEnvironment{unmanaged, waitsFor("0.05")}, notHosts},
	} {
		t.Run(name, func(t *testing.T) { checkedAsATag(t, test.edits, test.want) })
	}
}
