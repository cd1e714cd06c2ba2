package strict_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/internal/cli/strict"
)

func TestDecodeReadsTheWireShape(t *testing.T) {
	want := batch.SubmitJobInput{
		JobName: aws.String("align"),
		ContainerOverrides: &types.ContainerOverrides{
			Command:     []string{"bwa", "mem"},
			Environment: []types.KeyValuePair{{Name: aws.String("DEBUG"), Value: aws.String("yes")}},
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("0.50")},
			},
		},
		ArrayProperties: &types.ArrayProperties{Size: aws.Int32(8)},
		Tags:            map[string]string{"team": "x"},
	}
	for name, document := range map[string]string{
		"YAML": `
jobName: align
containerOverrides:
  command: [bwa, mem]
  environment:
  - {name: DEBUG, value: yes}
  resourceRequirements:
  - {type: VCPU, value: 0.50}
arrayProperties: {size: 8}
tags: {team: x}
`,
		"JSON": `{
  "jobName": "align",
  "containerOverrides": {
    "command": ["bwa", "mem"],
    "environment": [{"name": "DEBUG", "value": "yes"}],
    "resourceRequirements": [{"type": "VCPU", "value": "0.50"}]
  },
  "arrayProperties": {"size": 8},
  "tags": {"team": "x"}
}`,
	} {
		var got batch.SubmitJobInput
		if err := strict.Decode([]byte(document), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(want, got, unexported); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	tests := map[string]struct{ document, want string }{
		"an unknown key": {
			"jobName: x\nfrobnicate: 1\n",
			`line 2: unknown key "frobnicate"`,
		},
		"a key in the wrong case": {
			"jobName: x\narrayProperties:\n  Size: 3\n",
			`line 3: unknown key "Size", did you mean "size"?`,
		},
		"a misspelt key": {
			"jobNmae: x\n",
			`line 1: unknown key "jobNmae", did you mean "jobName"?`,
		},
		"a key given twice": {
			"jobName: x\njobQueue: q\njobName: y\n",
			`line 3: key "jobName" is given twice`,
		},
		"text where a number is wanted": {
			"arrayProperties:\n  size: many\n",
			`line 2: "many" where a whole number is wanted`,
		},
		"a mapping where a list is wanted": {
			"dependsOn:\n  jobId: x\n",
			`line 2: a mapping where a list is wanted`,
		},
		"several at once, in order": {
			"jobName: x\nbogus: 1\ntimeout: {attemptDurationSeconds: soon}\n",
			`line 2: unknown key "bogus"; line 3: "soon" where a whole number is wanted`,
		},
		"what is no YAML at all": {
			"jobName: [x\n",
			`line 1: did not find expected ',' or ']'`,
		},
	}
	for name, tt := range tests {
		err := strict.Decode([]byte(tt.document), &batch.SubmitJobInput{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: Decode(%q) = %v, want %s", name, tt.document, err, tt.want)
		}
	}
}

func TestDocumentsKeepTheirLineNumbers(t *testing.T) {
	parts := strict.Documents([]byte("# a comment only\n---\njobName: x\n--- # second\n\nbogus: 1\n---\n"))
	if len(parts) != 2 {
		t.Fatalf("got %d documents, want 2: %q", len(parts), parts)
	}
	err := strict.Decode(parts[1], &batch.SubmitJobInput{})
	if err == nil || !strings.HasPrefix(err.Error(), "line 6: ") {
		t.Errorf("error in the second document = %v, want one at line 6", err)
	}
}

var unexported = cmpopts.IgnoreUnexported(
	batch.SubmitJobInput{}, types.ContainerOverrides{}, types.KeyValuePair{},
	types.ResourceRequirement{}, types.ArrayProperties{},
)
