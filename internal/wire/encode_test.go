package wire_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/packhorse-batch/packhorse/internal/wire"
	"github.com/packhorse-batch/packhorse/internal/wire/wiretest"
)

func TestMarshal(t *testing.T) {
	type inner struct{ Name, Size string }
	type tagged struct {
		Short  string `json:"s,omitempty"`
		Count  int    `json:"c,omitempty"`
		Always int    `json:"a"`
		Never  string `json:"-"`
		List   []int  `json:"l,omitempty"`
		When   time.Time
		Unset  time.Time `json:",omitzero"`
		Raw    json.RawMessage
		Bytes  []byte
	}
	type withCost struct {
		types.JobDetail
		Cost   *float64
		Status string // hides the SDK's
	}
	type viaPointer struct {
		*inner // unexported, so it is left out
		Name   string
	}
	withMetadata := awsbatch.SubmitJobOutput{JobId: new("j1")}
	withMetadata.ResultMetadata = middleware.Metadata{}
	withMetadata.ResultMetadata.Set("k", "v")

	tests := map[string]struct {
		value any
		want  string
	}{
		"the first letter is lowered, nothing else": {
			types.ComputeResource{MaxvCpus: new(int32(8)), Ec2KeyPair: new("k")},
			`{"maxvCpus":8,"ec2KeyPair":"k"}`,
		},
		"a name that begins with capitals": {
			types.EksContainer{ImagePullPolicy: new("Always")}, `{"imagePullPolicy":"Always"}`,
		},
		"nothing set": {awsbatch.SubmitJobInput{}, `{}`},
		"what is there but empty is written": {
			types.ContainerDetail{Command: []string{}, Environment: []types.KeyValuePair{}, Image: new("")},
			`{"command":[],"environment":[],"image":""}`,
		},
		"zero and false are values": {
			types.JobDetail{IsCancelled: new(false), StartedAt: new(int64(0))},
			`{"startedAt":0,"isCancelled":false}`,
		},
		"times are integers of milliseconds": {
			types.JobDetail{CreatedAt: new(int64(1767225600123))}, `{"createdAt":1767225600123}`,
		},
		"an enumeration that is not set is left out, others are strings": {
			types.JobDetail{Status: types.JobStatusRunnable}, `{"status":"RUNNABLE"}`,
		},
		"a list of enumerations": {
			types.JobDetail{PlatformCapabilities: []types.PlatformCapability{"EC2"}}, `{"platformCapabilities":["EC2"]}`,
		},
		"keys of maps are sorted": {
			awsbatch.TagResourceInput{Tags: map[string]string{"b": "2", "a": "1", "c": "3"}},
			`{"tags":{"a":"1","b":"2","c":"3"}}`,
		},
		"a map that is empty": {awsbatch.TagResourceInput{Tags: map[string]string{}}, `{"tags":{}}`},
		"a map of integers": {
			types.ArrayPropertiesDetail{StatusSummary: map[string]int32{"RUNNING": 2, "FAILED": 0}},
			`{"statusSummary":{"FAILED":0,"RUNNING":2}}`,
		},
		"a map of lists": {
			types.FrontOfQuotaSharesDetail{QuotaShares: map[string][]types.FrontOfQuotaShareJobSummary{"q": {{JobArn: new("a")}}}},
			`{"quotaShares":{"q":[{"jobArn":"a"}]}}`,
		},
		"metadata of the SDK is no member": {withMetadata, `{"jobId":"j1"}`},
		"HTML stays as it is":              {awsbatch.CancelJobInput{Reason: new("<b>&'")}, `{"reason":"<b>&'"}`},
		"strings are escaped as JSON asks": {
			awsbatch.CancelJobInput{Reason: new("\"\\\n\r\t\x00\x1f\x7f日\u2028")},
			`{"reason":"\"\\\n\r\t\u0000\u001f` + "\x7f日\u2028" + `"}`,
		},
		"bytes that are not UTF-8 become U+FFFD": {
			awsbatch.CancelJobInput{Reason: new("a\xffb\xc3")}, `{"reason":"a` + "\uFFFD" + `b` + "\uFFFD" + `"}`,
		},
		"floats are short": {
			[]types.ShareAttributes{{WeightFactor: new(float32(0.1))}, {WeightFactor: new(float32(2))}, {WeightFactor: new(float32(1e-7))}},
			`[{"weightFactor":0.1},{"weightFactor":2},{"weightFactor":1e-07}]`,
		},
		"a pointer is what it points to": {&awsbatch.CancelJobInput{JobId: new("j")}, `{"jobId":"j"}`},
		"an interface too":               {map[string]any{"a": nil, "b": awsbatch.CancelJobInput{}}, `{"a":null,"b":{}}`},
		"a nil in a list is null":        {[]*string{nil, new("x")}, `[null,"x"]`},
		"nil":                            {nil, `null`},
		"an embedded struct's members stand beside the outer ones": {
			withCost{JobDetail: types.JobDetail{JobId: new("j1"), Status: "FAILED"}, Cost: new(0.25), Status: "mine"},
			`{"jobId":"j1","cost":0.25,"status":"mine"}`,
		},
		"an embedded pointer that is nil": {viaPointer{Name: "n"}, `{"name":"n"}`},
		"json tags of our own types": {
			tagged{Short: "x", Never: "y", List: []int{}, When: time.Unix(0, 0).UTC(), Raw: json.RawMessage(`[1]`), Bytes: []byte("hi")},
			`{"s":"x","a":0,"when":"1970-01-01T00:00:00Z","raw":[1],"bytes":"aGk="}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := wire.Marshal(test.value)
			if err != nil {
				t.Fatalf("Marshal(%+v): %v", test.value, err)
			}
			if string(got) != test.want {
				t.Errorf("Marshal(%+v)\n got %s\nwant %s", test.value, got, test.want)
			}
		})
	}
}

func TestMarshalRefusesWhatJSONDoesNotHave(t *testing.T) {
	type twice struct {
		types.Ulimit
		types.EksContainerVolumeMount // "name" is in both
	}
	for name, value := range map[string]any{
		"NaN":                     types.ShareAttributes{WeightFactor: new(float32(math.NaN()))},
		"infinity":                []float64{math.Inf(1)},
		"a function":              struct{ F func() }{func() {}},
		"keys that are integers":  map[int]string{1: "a"},
		"two members named alike": twice{},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := []byte("kept")
			got, err := wire.Append(prefix, value)
			if err == nil || string(got) != "kept" {
				t.Errorf("Append(%q, %v) = %s, %v; want the prefix and an error", prefix, value, got, err)
			}
		})
	}
}

type node struct {
	Name string
	Next *node
	More []node
	By   map[string]node
}

func TestTypesThatContainThemselves(t *testing.T) {
	in := node{Name: "a", Next: &node{Name: "b"}, More: []node{{Name: "c"}}, By: map[string]node{"d": {Name: "e"}}}
	text, err := wire.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"name":"a","next":{"name":"b"},"more":[{"name":"c"}],"by":{"d":{"name":"e"}}}`; string(text) != want {
		t.Errorf("Marshal = %s, want %s", text, want)
	}
	var out node
	if err := wire.Unmarshal(text, &out); err != nil || out.By["d"].Name != "e" {
		t.Errorf("Unmarshal(%s) = %+v, %v", text, out, err)
	}
}

func detail() types.JobDetail {
	var job types.JobDetail
	wiretest.Fill(rand.New(rand.NewPCG(1, 2)), &job, true)
	job.NodeProperties, job.EksProperties, job.EksAttempts, job.EcsProperties, job.NodeDetails = nil, nil, nil, nil, nil
	return job
}

func TestAppendDoesNotAllocate(t *testing.T) {
	job := detail()
	job.ArrayProperties = nil // its map of counts is sorted by reflection
	buffer := make([]byte, 0, 64<<10)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := wire.Append(buffer, &job); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("Append of a JobDetail into a buffer with room allocates %v times, want 0", allocs)
	}
}

func BenchmarkMarshal(b *testing.B) {
	job := detail()
	text, err := wire.Marshal(&job)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wire", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		buffer := make([]byte, 0, 64<<10)
		for b.Loop() {
			if _, err := wire.Append(buffer, &job); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&job); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	job := detail()
	text, err := wire.Marshal(&job)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("wire", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var out types.JobDetail
			if err := wire.Unmarshal(text, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			var out types.JobDetail
			if err := json.Unmarshal(text, &out); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestMarshalIsJSON(t *testing.T) {
	job := detail()
	text, err := wire.Marshal(&job)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) || strings.Contains(string(text), "null,") {
		t.Errorf("Marshal of a full JobDetail is no JSON, or has a null: %s", text)
	}
}
