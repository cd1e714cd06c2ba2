package triggers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestARuleIsKeptAndShown(t *testing.T) {
	s := newScene(t)
	made, err := s.CreateTrigger(t.Context(), ingest(func(r *batch.Trigger) { r.Events = []string{"ObjectCreated:Put", "s3:ObjectCreated:Put"} }))
	s.must(err)
	if d := cmp.Diff([]string{"s3:ObjectCreated:Put"}, made.Events); d != "" {
		t.Errorf("events, each once and in full (-want +got):\n%s", d)
	}
	if made.CreatedAt != batch.MillisOf(start) {
		t.Errorf("createdAt = %d, want %d", made.CreatedAt, batch.MillisOf(start))
	}
	s.create(ingest(func(r *batch.Trigger) { r.Name = "audit" }))
	all, err := s.ListTriggers(t.Context())
	s.must(err)
	if len(all) != 2 || all[0].Name != "audit" || all[1].Name != "ingest" || all[0].Events[0] != "s3:ObjectCreated:*" {
		t.Errorf("ListTriggers = %+v, want audit, with its default events, and ingest", all)
	}
	s.must(s.DeleteTrigger(t.Context(), "audit"))
	if _, err := s.DescribeTrigger(t.Context(), "audit"); batch.CodeOf(err) != batch.CodeNotFound {
		t.Errorf("DescribeTrigger after its deletion = %v, want not found", err)
	}
	if err := s.DeleteTrigger(t.Context(), "audit"); batch.CodeOf(err) != batch.CodeNotFound {
		t.Errorf("DeleteTrigger again = %v, want not found", err)
	}
}

func TestCreatingARuleAgain(t *testing.T) {
	s := newScene(t)
	empty := func(r *batch.Trigger) {
		r.Parameters, r.Tags, r.Command = map[string]string{}, map[string]string{}, []string{}
	}
	s.create(ingest(empty))
	s.handle(put("k", "1"))
	again, err := s.CreateTrigger(t.Context(), ingest(empty))
	if err != nil || again.Submitted != 1 {
		t.Errorf("with the same members: %+v, %v, want the rule that there is", again, err)
	}
	_, err = s.CreateTrigger(t.Context(), ingest(func(r *batch.Trigger) { r.Prefix = "in/" }))
	if batch.CodeOf(err) != batch.CodeInvalid || !strings.Contains(err.Error(), `"ingest" is taken`) {
		t.Errorf("with other members: %v, want the name taken", err)
	}
}

func TestEveryMemberOfARuleIsChecked(t *testing.T) {
	s := newScene(t)
	s.queue("shared", "policy")
	s.define("refs", "run", "Ref::input")
	s.define("retired", "run")
	_, err := s.control.DeregisterJobDefinition(t.Context(), &awsbatch.DeregisterJobDefinitionInput{JobDefinition: new("retired:1")})
	s.must(err)
	variable := func(name, value string) types.KeyValuePair { return types.KeyValuePair{Name: &name, Value: &value} }
	tests := map[string]struct {
		change func(*batch.Trigger)
		want   []string // parts of the error; none if the rule is good
	}{
		"the smallest rule":          {func(r *batch.Trigger) { r.Environment = nil }, nil},
		"no name":                    {func(r *batch.Trigger) { r.Name = "" }, []string{"name must be specified"}},
		"a name with a slash":        {func(r *batch.Trigger) { r.Name = "a/b" }, []string{`name "a/b"`, "1 to 64 letters"}},
		"a long name":                {func(r *batch.Trigger) { r.Name = strings.Repeat("a", 65) }, []string{"name", "1 to 64"}},
		"no bucket":                  {func(r *batch.Trigger) { r.Bucket = "" }, []string{"bucket must be specified"}},
		"a URL for a bucket":         {func(r *batch.Trigger) { r.Bucket = "s3://b/in/" }, []string{"bucket", "prefix"}},
		"an ARN for a bucket":        {func(r *batch.Trigger) { r.Bucket = "arn:aws:s3:::b" }, []string{"bucket", "its name alone"}},
		"a bucket with a slash":      {func(r *batch.Trigger) { r.Bucket = "b/in" }, []string{"bucket"}},
		"a long prefix":              {func(r *batch.Trigger) { r.Prefix = strings.Repeat("a", 1025) }, []string{"prefix", "1024"}},
		"a prefix that is a URL":     {func(r *batch.Trigger) { r.Prefix = "s3://incoming/in/" }, []string{"prefix", "leave out s3://"}},
		"a suffix that is no text":   {func(r *batch.Trigger) { r.Suffix = "\xff" }, []string{"suffix", "UTF-8"}},
		"an unknown family":          {func(r *batch.Trigger) { r.Events = []string{"s3:ObjectMade:*"} }, []string{"events[0]", "s3:ObjectMade:*", "ObjectCreated"}},
		"an unknown member":          {func(r *batch.Trigger) { r.Events = []string{"s3:ObjectCreated:Puts"} }, []string{"events[0]", "s3:ObjectCreated:*", "Put, Post"}},
		"a family alone":             {func(r *batch.Trigger) { r.Events = []string{"s3:ObjectCreated"} }, []string{"events[0]", "s3:ObjectCreated:*"}},
		"a member of what has none":  {func(r *batch.Trigger) { r.Events = []string{"s3:IntelligentTiering:*"} }, []string{"events[0]", "use s3:IntelligentTiering"}},
		"a kind without members":     {func(r *batch.Trigger) { r.Events = []string{"s3:IntelligentTiering"} }, nil},
		"no queue":                   {func(r *batch.Trigger) { r.JobQueue = "" }, []string{"jobQueue must be specified"}},
		"an unknown queue":           {func(r *batch.Trigger) { r.JobQueue = "nope" }, []string{`jobQueue "nope" does not exist`, "CreateJobQueue"}},
		"a queue by its ARN":         {func(r *batch.Trigger) { r.JobQueue = account.ARN("job-queue", "q") }, nil},
		"no definition":              {func(r *batch.Trigger) { r.JobDefinition = "" }, []string{"jobDefinition must be specified"}},
		"an unknown definition":      {func(r *batch.Trigger) { r.JobDefinition = "nope" }, []string{`jobDefinition "nope"`, "RegisterJobDefinition"}},
		"an unknown revision":        {func(r *batch.Trigger) { r.JobDefinition = "d:9" }, []string{`jobDefinition "d:9"`}},
		"a revision that is no one":  {func(r *batch.Trigger) { r.JobDefinition = "d:x" }, []string{"jobDefinition"}},
		"an inactive revision":       {func(r *batch.Trigger) { r.JobDefinition = "retired:1" }, []string{"not ACTIVE"}},
		"a definition by revision":   {func(r *batch.Trigger) { r.JobDefinition = "d:1" }, nil},
		"a parameter is missing":     {func(r *batch.Trigger) { r.JobDefinition = "refs" }, []string{"jobDefinition refs", "No parameter found for reference input"}},
		"a parameter without a name": {func(r *batch.Trigger) { r.Parameters = map[string]string{"": "x"} }, []string{"parameters", "without a name"}},
		"a parameter with braces":    {func(r *batch.Trigger) { r.Parameters = map[string]string{"input": "{objekt}"} }, []string{"parameters.input", "{objekt}", "{key}", "{{"}},
		"a variable without a name":  {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{{}} }, []string{"environment[0] has no name"}},
		"a variable with =":          {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{variable("A=B", "")} }, []string{"environment[0]", "A=B"}},
		"a reserved variable":        {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{variable("AWS_BATCH_X", "")} }, []string{"environment[0]", "reserved"}},
		"a variable given twice": {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{variable("A", ""), variable("A", "1")} },
			[]string{"environment[1]", "A is given twice"}},
		"a variable with JSON": {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{variable("A", `{"key":"{key}"}`)} },
			[]string{"environment.A", "{{ or }}"}},
		"a variable with JSON, well": {func(r *batch.Trigger) { r.Environment = []types.KeyValuePair{variable("A", `{{"key":"{key}"}}`)} }, nil},
		"an empty word":              {func(r *batch.Trigger) { r.Command = []string{"run", ""} }, []string{"command[1] is empty"}},
		"a word with braces":         {func(r *batch.Trigger) { r.Command = []string{"run", "{x}"} }, []string{"command[1]", "{x}"}},
		"a key as a word":            {func(r *batch.Trigger) { r.Command = []string{"run", "{key}"} }, nil},
		"a key in a shell's script":  {func(r *batch.Trigger) { r.Command = []string{"/bin/sh", "-ec", "cat '{key}'"} }, []string{"command[2]", "environment", `"$KEY"`}},
		"braces around a key in it":  {func(r *batch.Trigger) { r.Command = []string{"bash", "-lc", "echo {{{key}}}"} }, []string{"command[2]"}},
		"a word behind the script":   {func(r *batch.Trigger) { r.Command = []string{"sh", "-c", `cat "$1"`, "sh", "{key}"} }, nil},
		"a shell parameter":          {func(r *batch.Trigger) { r.Command = []string{"sh", "-c", "cat ${{key}}"} }, nil},
		"a tag of ours":              {func(r *batch.Trigger) { r.Tags = map[string]string{"packhorse:object": "x"} }, []string{"tags", "packhorse:object"}},
		"a tag of Amazon's":          {func(r *batch.Trigger) { r.Tags = map[string]string{"aws:x": "x"} }, []string{"tags", "reserved"}},
		"a rule that is too large":   {func(r *batch.Trigger) { r.Parameters = map[string]string{"x": strings.Repeat("x", 40<<10)} }, []string{"40 KiB"}},
		"no share":                   {func(r *batch.Trigger) { r.JobQueue = "shared" }, []string{"shareIdentifier must be specified", "shared"}},
		"a share":                    {func(r *batch.Trigger) { r.JobQueue, r.ShareIdentifier = "shared", "a" }, nil},
		"a share that is none":       {func(r *batch.Trigger) { r.JobQueue, r.ShareIdentifier = "shared", "a b" }, []string{"shareIdentifier"}},
		"a share without a policy":   {func(r *batch.Trigger) { r.ShareIdentifier = "a" }, []string{"shareIdentifier", "leave it out"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rule := ingest(test.change)
			_, err := s.CreateTrigger(t.Context(), rule)
			if len(test.want) == 0 {
				if err != nil {
					t.Fatalf("CreateTrigger(%+v) = %v, want it kept", rule, err)
				}
				s.must(s.DeleteTrigger(t.Context(), rule.Name))
				return
			}
			if batch.CodeOf(err) != batch.CodeInvalid {
				t.Fatalf("CreateTrigger(%+v) = %v, want it refused", rule, err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error is %q, want %q in it", err, part)
				}
			}
		})
	}
}

func TestDeadLettersArePaged(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.create(ingest(func(r *batch.Trigger) { r.Name, r.Suffix = "odd", "1" }))
	s.enable(types.JQStateDisabled)
	for i := range 5 {
		s.now = start.Add(time.Duration(i) * time.Minute)
		s.handle(put(fmt.Sprintf("k%d", i), "1"))
	}
	var keys []string
	q := batch.DeadLetterQuery{Trigger: "ingest", MaxResults: 2}
	for {
		page, next, err := s.ListDeadLetters(t.Context(), q)
		s.must(err)
		for _, letter := range page {
			keys = append(keys, letter.Event.Key)
		}
		if q.NextToken = next; next == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"k4", "k3", "k2", "k1", "k0"}, keys); d != "" {
		t.Errorf("dead letters of ingest, latest first (-want +got):\n%s", d)
	}
	for _, q := range []batch.DeadLetterQuery{{MaxResults: -1}, {MaxResults: 101}, {NextToken: "made up"}} {
		if _, _, err := s.ListDeadLetters(t.Context(), q); batch.CodeOf(err) != batch.CodeInvalid {
			t.Errorf("ListDeadLetters(%+v) = %v, want it refused", q, err)
		}
	}
	s.now = start.Add(15 * 24 * time.Hour)
	if all := s.letters(); len(all) != 0 {
		t.Errorf("after 15 days there are %d dead letters, want none", len(all))
	}
}
