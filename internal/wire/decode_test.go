package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/internal/wire"
	"github.com/packhorse-batch/packhorse/internal/wire/wiretest"
)

func TestUnmarshal(t *testing.T) {
	tests := map[string]struct {
		text string
		want awsbatch.SubmitJobInput
	}{
		"no body is the empty object":   {"", awsbatch.SubmitJobInput{}},
		"white space too":               {" \r\n\t", awsbatch.SubmitJobInput{}},
		"null too":                      {"null", awsbatch.SubmitJobInput{}},
		"an object":                     {` { "jobName" : "n" , "jobQueue":"q" } `, awsbatch.SubmitJobInput{JobName: new("n"), JobQueue: new("q")}},
		"unknown members are skipped":   {`{"cost":{"a":[1,{"b":null}]},"jobName":"n","x":1.5e3}`, awsbatch.SubmitJobInput{JobName: new("n")}},
		"names match in any case":       {`{"JobName":"n","JOBQUEUE":"q"}`, awsbatch.SubmitJobInput{JobName: new("n"), JobQueue: new("q")}},
		"null is absent":                {`{"jobName":null,"dependsOn":null,"tags":null,"timeout":null,"propagateTags":null}`, awsbatch.SubmitJobInput{}},
		"what is empty is there":        {`{"jobName":"","dependsOn":[],"tags":{},"timeout":{}}`, awsbatch.SubmitJobInput{JobName: new(""), DependsOn: []types.JobDependency{}, Tags: map[string]string{}, Timeout: &types.JobTimeout{}}},
		"integers to their bounds":      {`{"schedulingPriorityOverride":-2147483648,"timeout":{"attemptDurationSeconds":2147483647}}`, awsbatch.SubmitJobInput{SchedulingPriorityOverride: new(int32(-2147483648)), Timeout: &types.JobTimeout{AttemptDurationSeconds: new(int32(2147483647))}}},
		"enumerations are open":         {`{"dependsOn":[{"type":"NEW_KIND"}]}`, awsbatch.SubmitJobInput{DependsOn: []types.JobDependency{{Type: "NEW_KIND"}}}},
		"escapes":                       {`{"jobName":"\"\\\/\b\f\n\r\t\u00e9\ud83d\udc0e"}`, awsbatch.SubmitJobInput{JobName: new("\"\\/\b\f\n\r\té🐎")}},
		"half a pair is U+FFFD":         {`{"jobName":"\ud83d!\udc0e\ud83d\u0041"}`, awsbatch.SubmitJobInput{JobName: new("\uFFFD!\uFFFD\uFFFDA")}},
		"unescaped text in UTF-8":       {`{"jobName":"日本🐎"}`, awsbatch.SubmitJobInput{JobName: new("日本🐎")}},
		"names may be escaped":          {`{"job\u004eame":"n"}`, awsbatch.SubmitJobInput{JobName: new("n")}},
		"lists within lists of objects": {`{"containerOverrides":{"command":["a","b"],"environment":[{"name":"A","value":"1"},{}]}}`, awsbatch.SubmitJobInput{ContainerOverrides: &types.ContainerOverrides{Command: []string{"a", "b"}, Environment: []types.KeyValuePair{{Name: new("A"), Value: new("1")}, {}}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got awsbatch.SubmitJobInput
			if err := wire.Unmarshal([]byte(test.text), &got); err != nil {
				t.Fatalf("Unmarshal(%s): %v", test.text, err)
			}
			if diff := cmp.Diff(test.want, got, exported); diff != "" {
				t.Errorf("Unmarshal(%s): (-want +got)\n%s", test.text, diff)
			}
		})
	}
}

// exported ignores the markers that the SDK puts into its structs.
var exported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "noSmithyDocumentSerde" || f.Name() == "ResultMetadata")
}, cmp.Ignore())

func TestUnmarshalSaysWhatDoesNotFit(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	tests := map[string]struct{ text, want string }{
		"a string for an integer":  {`{"retryStrategy":{"attempts":"3"}}`, `STRING_VALUE can not be converted to an Integer: retryStrategy.attempts must be an integer, not the string "3" (at byte 29)`},
		"a number for a string":    {`{"containerOverrides":{"resourceRequirements":[{"type":"VCPU","value":"1"},{"value":2}]}}`, `NUMBER_VALUE can not be converted to a String: containerOverrides.resourceRequirements[1].value must be a string, not the number 2 (at byte 84)`},
		"true for a string":        {`{"jobName":true}`, `TRUE_VALUE can not be converted to a String: jobName must be a string, not true (at byte 11)`},
		"a string for a boolean":   {`{"propagateTags":"true"}`, `STRING_VALUE can not be converted to a Boolean: propagateTags must be true or false, not the string "true" (at byte 17)`},
		"a string for a list":      {`{"containerOverrides":{"command":"ls"}}`, `STRING_VALUE can not be converted to a List: containerOverrides.command must be a list, not the string "ls" (at byte 33)`},
		"an object for a string":   {`{"jobName":{"a":1}}`, `Start of structure or map found where not expected: jobName must be a string, not an object (at byte 11)`},
		"a list for an object":     {`{"timeout":[]}`, `Start of list found where not expected: timeout must be an object, not a list (at byte 11)`},
		"a list for a map":         {`{"tags":[]}`, `Start of list found where not expected: tags must be an object, not a list (at byte 8)`},
		"a number in a map":        {`{"parameters":{"n":1}}`, `NUMBER_VALUE can not be converted to a String: parameters.n must be a string, not the number 1 (at byte 19)`},
		"null in a list":           {`{"containerOverrides":{"command":["a",null]}}`, `containerOverrides.command[1] must not be null (at byte 38)`},
		"null in a map":            {`{"tags":{"a":null}}`, `tags.a must not be null (at byte 17)`},
		"an integer out of range":  {`{"timeout":{"attemptDurationSeconds":2147483648}}`, `NUMBER_VALUE can not be converted to an Integer: timeout.attemptDurationSeconds must be between -2147483648 and 2147483647, not 2147483648 (at byte 37)`},
		"a fraction":               {`{"timeout":{"attemptDurationSeconds":1.5}}`, `NUMBER_VALUE can not be converted to an Integer: timeout.attemptDurationSeconds must be an integer, not the number 1.5 (at byte 37)`},
		"a list as the whole":      {`[]`, `Start of list found where not expected: must be an object, not a list (at byte 0)`},
		"a member given twice":     {`{"jobName":"a","jobName":"b"}`, `jobName is given twice (at byte 15)`},
		"in different cases":       {`{"jobName":"a","JobName":"b"}`, `jobName is given twice (at byte 15)`},
		"a tag given twice":        {`{"tags":{"a":"1","a":"2"}}`, `tags.a is given twice (at byte 17)`},
		"no JSON":                  {`jobName=n`, `Unable to parse request body: 'j' where a JSON value was expected (at byte 0)`},
		"a body that was cut off":  {`{"jobName":"n"`, `Unable to parse request body: it ends where ',' or '}' was expected (at byte 14)`},
		"cut off in a string":      {`{"jobName":"n`, `Unable to parse request body: it ends within a string (at byte 13)`},
		"cut off in an escape":     {`{"jobName":"n\`, `Unable to parse request body: it ends within a string (at byte 13)`},
		"a comma too many":         {`{"jobName":"n",}`, `Unable to parse request body: a comma before '}' (at byte 15)`},
		"more behind the end":      {`{"jobName":"n"}{}`, `Unable to parse request body: there is more behind the end of the JSON value (at byte 15)`},
		"names without quotes":     {`{jobName:"n"}`, `Unable to parse request body: 'j' where a member name in double quotes was expected (at byte 1)`},
		"a leading zero":           {`{"timeout":{"attemptDurationSeconds":012}}`, `Unable to parse request body: '1' where ',' or '}' was expected (at byte 38)`},
		"a bad escape":             {`{"jobName":"\x41"}`, `Unable to parse request body: the unknown escape \x in a string (at byte 12)`},
		"a newline in a string":    {"{\"jobName\":\"a\nb\"}", `Unable to parse request body: a control character (0x0a) in a string; write it as \u000a (at byte 13)`},
		"a string that's no UTF-8": {"{\"jobName\":\"a\xff\"}", `Unable to parse request body: a string that is not UTF-8 (at byte 12)`},
		"nor behind an escape":     {"{\"jobName\":\"\\n\xff\"}", `Unable to parse request body: a string that is not UTF-8 (at byte 12)`},
		"in a member not known":    {`{"x":[1,2}`, `Unable to parse request body: '}' where ',' or ']' was expected (at byte 9)`},
		"a bomb of levels":         {deep, `Unable to parse request body: more than 64 levels of lists and objects (at byte 321)`},
		"a byte order mark":        {"\ufeff{}", `Unable to parse request body: '\ufeff' where a JSON value was expected (at byte 0)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var in awsbatch.SubmitJobInput
			err := wire.Unmarshal([]byte(test.text), &in)
			var typed *wire.Error
			if !errors.As(err, &typed) || err.Error() != test.want {
				t.Errorf("Unmarshal(%.80s)\n got %v\nwant %s", test.text, err, test.want)
			}
		})
	}
}

func TestListsAreBounded(t *testing.T) {
	text := `{"dependsOn":[` + strings.Repeat("{},", 10_000) + `{}]}`
	err := wire.Unmarshal([]byte(text), &awsbatch.SubmitJobInput{})
	if err == nil || !strings.HasPrefix(err.Error(), "dependsOn has more than 10000 items") {
		t.Errorf("Unmarshal of 10,001 dependencies = %v", err)
	}
}

func TestUnmarshalIntoAnEmbeddedStruct(t *testing.T) {
	type More struct{ Explanation *string }
	var got struct {
		types.JobDetail
		*More
		Cost *float64
	}
	text := `{"jobId":"j1","explanation":"waits","cost":0.5}`
	if err := wire.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if *got.JobId != "j1" || *got.Explanation != "waits" || *got.Cost != 0.5 {
		t.Errorf("Unmarshal(%s) = %+v", text, got)
	}
}

// clientOps has a method for each operation, with its input and output.
var clientOps = reflect.TypeFor[*awsbatch.Client]()

// shapes returns a new value of each operation's input and output, by name.
func shapes() map[string]func() any {
	found := map[string]func() any{}
	for i := range clientOps.NumMethod() {
		m := clientOps.Method(i).Type
		if m.NumIn() != 4 || m.NumOut() != 2 {
			continue
		}
		for _, t := range []reflect.Type{m.In(2).Elem(), m.Out(0).Elem()} {
			found[t.Name()] = func() any { return reflect.New(t).Interface() }
		}
	}
	return found
}

// Whatever is written is read back as it was, for every message of the API.
func TestRoundTrip(t *testing.T) {
	all := shapes()
	if len(all) != 90 {
		t.Fatalf("found %d inputs and outputs, want those of 45 operations", len(all))
	}
	for name, shape := range all {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(12) {
				in, out := shape(), shape()
				wiretest.Fill(rand.New(rand.NewPCG(seed, 0)), in, seed == 0)
				text, err := wire.Marshal(in)
				if err != nil {
					t.Fatalf("Marshal(%+v): %v", in, err)
				}
				if !json.Valid(text) {
					t.Fatalf("Marshal gave no JSON: %s", text)
				}
				if err := wire.Unmarshal(text, out); err != nil {
					t.Fatalf("Unmarshal(%s): %v", text, err)
				}
				if !reflect.DeepEqual(in, out) {
					t.Fatalf("through %s: (-want +got)\n%s", text, cmp.Diff(in, out, exported))
				}
				again, err := wire.Marshal(out)
				if err != nil || !bytes.Equal(again, text) {
					t.Fatalf("written again: %s, %v\nfirst: %s", again, err, text)
				}
			}
		})
	}
}

// FuzzDecode holds Unmarshal to three promises on any text: it does not panic, it
// accepts nothing that is not JSON, and what it accepted is written and read back
// as the same value.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		``, `null`, `{}`, `{"jobName":"n","tags":{"a":"b"},"retryStrategy":{"attempts":3}}`,
		`{"containerOverrides":{"environment":[{"name":"A","value":"\ud83d\udc0e"}]}}`,
		`{"x":[[[[{"a":-1.5e-3}]]]]}`, `{"jobName":"\u00`, `{"tags":{"":""}}`, "{\"jobName\":\"\xff\"}",
	} {
		f.Add([]byte(text), uint8(0))
	}
	all := shapes()
	names := slices.Sorted(maps.Keys(all))
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		shape := all[names[int(which)%len(names)]]
		first := shape()
		if wire.Unmarshal(text, first) != nil {
			return
		}
		if len(strings.TrimSpace(string(text))) > 0 && !json.Valid(text) {
			t.Fatalf("accepted %q, which is no JSON", text)
		}
		written, err := wire.Marshal(first)
		if err != nil {
			t.Fatalf("Marshal(%+v): %v", first, err)
		}
		second := shape()
		if err := wire.Unmarshal(written, second); err != nil {
			t.Fatalf("Unmarshal(%s): %v", written, err)
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("%q was written as %s and read back as %+v", text, written, second)
		}
	})
}
