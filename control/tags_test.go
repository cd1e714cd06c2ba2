package control_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// foreign is an ARN as a client may have it from elsewhere.
func foreign(resource string) *string {
	return new("arn:aws:batch:us-west-2:000000000000:" + resource)
}

func (s *scene) tags(t *testing.T, arn *string) map[string]string {
	t.Helper()
	return must[*awsbatch.ListTagsForResourceOutput](t)(s.ListTagsForResource(t.Context(),
		&awsbatch.ListTagsForResourceInput{ResourceArn: arn})).Tags
}

// everything makes one resource of each kind: ce, q, fair, def:1 and the job j1.
func (s *scene) everything(t *testing.T) {
	t.Helper()
	s.environment(t, "ce")
	s.queue(t, "q")
	s.policy(t, "fair")
	s.register(t, "def")
	if err := s.records.Write(t.Context(), s.records.PutSpec("j1", store.Spec{Request: &awsbatch.SubmitJobInput{}})); err != nil {
		t.Fatal(err)
	}
}

func TestTagsOfEachKindOfResource(t *testing.T) {
	for _, resource := range []string{"compute-environment/ce", "job-queue/q", "scheduling-policy/fair", "job-definition/def:1", "job/j1"} {
		t.Run(resource, func(t *testing.T) {
			s := newScene(t)
			s.everything(t)
			arn := foreign(resource)
			if got := s.tags(t, arn); got == nil || len(got) != 0 {
				t.Errorf("tags at first = %#v, want an empty map", got)
			}
			for _, tags := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3", "c": ""}} {
				must[*awsbatch.TagResourceOutput](t)(s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: arn, Tags: tags}))
			}
			if got := s.tags(t, arn); !maps.Equal(got, map[string]string{"a": "1", "b": "3", "c": ""}) {
				t.Errorf("tags after two TagResource = %v, want them merged", got)
			}
			must[*awsbatch.UntagResourceOutput](t)(s.UntagResource(t.Context(), &awsbatch.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "none"}}))
			if got := s.tags(t, arn); !maps.Equal(got, map[string]string{"b": "3", "c": ""}) {
				t.Errorf("tags after UntagResource = %v, want b and c", got)
			}
		})
	}
}

func TestTagsAreSeenInDescribe(t *testing.T) {
	s := newScene(t)
	s.everything(t)
	must[*awsbatch.TagResourceOutput](t)(s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: foreign("job-queue/q"), Tags: map[string]string{"a": "1"}}))
	if got := s.shownQueues(t, "q")[0].Tags; got["a"] != "1" {
		t.Errorf("tags of the queue = %v, want a", got)
	}
}

func TestTagResourceRefuses(t *testing.T) {
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprintf("k%d", i)] = ""
	}
	tests := map[string]struct {
		arn  *string
		tags map[string]string
		code batch.Code
		want string
	}{
		"a reserved key": {foreign("job-queue/q"), map[string]string{"Aws:x": ""}, batch.CodeInvalid, `The tag key "Aws:x" starts with aws:, which is reserved.`},
		"a long value":   {foreign("job-queue/q"), map[string]string{"x": strings.Repeat("ä", 257)}, batch.CodeInvalid, `The value of tag "x" must have at most 256 characters.`},
		"more than 50 together": {foreign("compute-environment/ce"), many, batch.CodeInvalid,
			"A resource can have at most 50 tags, got 51."},
		"a queue not there": {foreign("job-queue/nope"), many, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:job-queue/nope does not exist"},
		"a job not there":   {foreign("job/nope"), many, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:job/nope does not exist"},
		"a child of an array": {foreign("job/j1:3"), many, batch.CodeInvalid,
			"Tags are not supported for array child jobs and multi-node parallel job nodes: arn:aws:batch:eu-central-1:123456789012:job/j1:3"},
		"a node": {foreign("job/j1#0"), many, batch.CodeInvalid,
			"Tags are not supported for array child jobs and multi-node parallel job nodes: arn:aws:batch:eu-central-1:123456789012:job/j1#0"},
		"a revision not there": {foreign("job-definition/def:2"), many, batch.CodeNotFound,
			"JobDefinition arn:aws:batch:eu-central-1:123456789012:job-definition/def:2 not found."},
		"a kind without tags":  {foreign("service-job/x"), many, batch.CodeInvalid, "resourceArn arn:aws:batch:us-west-2:000000000000:service-job/x is not valid."},
		"a name":               {new("q"), many, batch.CodeInvalid, "resourceArn q is not valid."},
		"of another service":   {new("arn:aws:ecs:us-west-2:000000000000:cluster/x"), many, batch.CodeInvalid, "resourceArn arn:aws:ecs:us-west-2:000000000000:cluster/x is not valid."},
		"no resource whatever": {nil, many, batch.CodeInvalid, "resourceArn  is not valid."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.everything(t)
			must[*awsbatch.TagResourceOutput](t)(s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: foreign("compute-environment/ce"), Tags: map[string]string{"first": ""}}))
			_, err := s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: tt.arn, Tags: tt.tags})
			wantError(t, err, tt.code, tt.want)
		})
	}
}

func TestTaggingAtTheSameMomentLosesNothing(t *testing.T) {
	s := newScene(t)
	s.everything(t)
	tag := func(key string) {
		must[*awsbatch.TagResourceOutput](t)(s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: foreign("job/j1"), Tags: map[string]string{key: ""}}))
	}
	s.table.before = []func(){func() { tag("b") }}
	tag("a")
	if got := s.tags(t, foreign("job/j1")); len(got) != 2 {
		t.Errorf("tags = %v, want a and b", got)
	}
}

func TestUntagResourceNeedsKeys(t *testing.T) {
	s := newScene(t)
	s.everything(t)
	_, err := s.UntagResource(t.Context(), &awsbatch.UntagResourceInput{ResourceArn: foreign("job-queue/q")})
	wantRefused(t, err, "tagKeys is required.")
}
