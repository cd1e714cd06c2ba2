package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/internal/wire/wiretest"
)

// clientOperation is a method of the SDK's client.
type clientOperation struct {
	name    string
	in, out reflect.Type // structs
	method  reflect.Value
}

func clientOperations(client *awsbatch.Client) []clientOperation {
	var found []clientOperation
	v := reflect.ValueOf(client)
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		if m.Type.NumIn() == 4 && m.Type.NumOut() == 2 {
			found = append(found, clientOperation{m.Name, m.Type.In(2).Elem(), m.Type.Out(0).Elem(), v.Method(i)})
		}
	}
	return found
}

func (op clientOperation) call(ctx context.Context, in any) (any, error) {
	results := op.method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
	err, _ := results[1].Interface().(error)
	return results[0].Interface(), err
}

// exported ignores the markers that the SDK puts into its structs.
var exported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "noSmithyDocumentSerde" || f.Name() == "ResultMetadata")
}, cmp.Ignore())

// served are the operations of Service.
func served(name string) bool {
	_, ok := reflect.TypeFor[api.Service]().MethodByName(name)
	return ok
}

// Each operation of the SDK's client arrives: the served ones with every member of
// the input, and back with every member of the output; the others are told what to
// do instead.
func TestEveryOperationAndMember(t *testing.T) {
	server, service := start(t, api.Config{})
	all := clientOperations(awsbatch.NewFromConfig(sdk(server)))
	if len(all) != 45 {
		t.Fatalf("the SDK has %d operations; Packhorse knows 45: see docs/adding-an-operation.md", len(all))
	}
	for i, op := range all {
		t.Run(op.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			in, out := reflect.New(op.in).Interface(), reflect.New(op.out).Interface()
			wiretest.Fill(random, in, true)
			wiretest.Fill(random, out, true)
			service.output = out
			got, err := op.call(t.Context(), in)
			if !served(op.name) {
				var fault smithy.APIError
				if !errors.As(err, &fault) || fault.ErrorCode() != "ClientException" || !strings.HasPrefix(fault.ErrorMessage(), op.name+" is not supported yet. ") {
					t.Errorf("error %v, want a ClientException that says it is not supported yet", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(in, service.input, exported, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("input: (-sent +received)\n%s", diff)
			}
			if diff := cmp.Diff(out, got, exported, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("output: (-sent +received)\n%s", diff)
			}
		})
	}
}

// An input without optional members and an output of nothing are fine, too.
func TestEmptyInputsAndOutputs(t *testing.T) {
	server, _ := start(t, api.Config{})
	client := awsbatch.NewFromConfig(sdk(server))
	if _, err := client.DescribeJobQueues(t.Context(), &awsbatch.DescribeJobQueuesInput{}); err != nil {
		t.Errorf("DescribeJobQueues: %v", err)
	}
	for _, body := range []string{"", "{}", " ", `{"futureMember":{"a":[1]}}`} {
		got := post(t, server.URL+"/v1/describejobs", body)
		if got.status != 200 || got.body != "{}" || got.contentType != "application/json" {
			t.Errorf("DescribeJobs with %q = %+v, want 200 {}", body, got)
		}
	}
}

func TestTheInvocationIDIsTheSameInRetries(t *testing.T) {
	server, service := start(t, api.Config{})
	service.err = errors.New("first")
	config := sdk(server)
	config.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
	var ids []string
	for range 2 {
		client := awsbatch.NewFromConfig(config)
		_, err := client.DescribeJobs(t.Context(), &awsbatch.DescribeJobsInput{Jobs: []string{"j"}})
		if err == nil {
			t.Fatal("no error")
		}
		ids = append(ids, invocation.From(service.ctx))
	}
	if ids[0] == "" || ids[0] == ids[1] {
		t.Errorf("ids of two calls: %q", ids)
	}
	if service.calls != 4 {
		t.Errorf("%d requests arrived, want 2 of each call: the SDK retries a ServerException", service.calls)
	}
}

func TestTagPaths(t *testing.T) {
	const arn = "arn:aws:batch:eu-west-1:123456789012:job-definition/a:1"
	server, service := start(t, api.Config{})
	tests := map[string]struct {
		method, path, body string
		want               any
	}{
		"percent-encoded": {"GET", "/v1/tags/arn%3Aaws%3Abatch%3Aeu-west-1%3A123456789012%3Ajob-definition%2Fa%3A1", "",
			&awsbatch.ListTagsForResourceInput{ResourceArn: new(arn)}},
		"not encoded": {"GET", "/v1/tags/" + arn, "",
			&awsbatch.ListTagsForResourceInput{ResourceArn: new(arn)}},
		"in lower-case hexadecimals": {"GET", "/v1/tags/arn%3aaws:batch:eu-west-1:123456789012:job-definition%2fa:1", "",
			&awsbatch.ListTagsForResourceInput{ResourceArn: new(arn)}},
		"an MNP node": {"GET", "/v1/tags/arn:aws:batch:eu-west-1:123456789012:job%2Fj%230", "",
			&awsbatch.ListTagsForResourceInput{ResourceArn: new("arn:aws:batch:eu-west-1:123456789012:job/j#0")}},
		"the body cannot name another resource": {"POST", "/v1/tags/" + arn, `{"tags":{"a":"1"},"resourceArn":"x"}`,
			&awsbatch.TagResourceInput{ResourceArn: new(arn), Tags: map[string]string{"a": "1"}}},
		"keys in the query": {"DELETE", "/v1/tags/" + arn + "?tagKeys=b&tagKeys=a+b%2F%25", "",
			&awsbatch.UntagResourceInput{ResourceArn: new(arn), TagKeys: []string{"b", "a b/%"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := send(t, test.method, server.URL+test.path, test.body, nil)
			if got.status != 200 {
				t.Fatalf("%s %s = %+v", test.method, test.path, got)
			}
			if diff := cmp.Diff(test.want, service.input, exported); diff != "" {
				t.Errorf("%s %s: (-want +got)\n%s", test.method, test.path, diff)
			}
		})
	}
}

func TestWhatIsNoOperation(t *testing.T) {
	server, service := start(t, api.Config{})
	tests := map[string]struct {
		method, path string
		status       int
		code, says   string
	}{
		"an unknown path":      {"POST", "/v1/runjob", 404, "UnknownOperationException", "no operation of AWS Batch has the path /v1/runjob"},
		"another case":         {"POST", "/v1/SubmitJob", 404, "UnknownOperationException", "in lower case"},
		"more behind the path": {"POST", "/v1/submitjob/x", 404, "UnknownOperationException", ""},
		"tags of nothing":      {"GET", "/v1/tags/", 404, "UnknownOperationException", ""},
		"another method":       {"GET", "/v1/submitjob", 405, "MethodNotAllowedException", "SubmitJob takes POST, not GET"},
		"another one on tags":  {"PUT", "/v1/tags/arn", 405, "MethodNotAllowedException", "not PUT"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := send(t, test.method, server.URL+test.path, "{}", nil)
			if got.status != test.status || got.code != test.code || !strings.Contains(got.message(), test.says) {
				t.Errorf("%s %s = %+v, want %d %s with %q", test.method, test.path, got, test.status, test.code, test.says)
			}
			if allow := got.header.Get("Allow"); (allow != "") != (test.status == 405) {
				t.Errorf("%s %s: Allow is %q", test.method, test.path, allow)
			}
		})
	}
	if service.calls != 0 {
		t.Errorf("the service was called %d times", service.calls)
	}
}

// response is an answer as a test looks at it.
type response struct {
	status      int
	code        string // x-amzn-ErrorType
	contentType string
	requestID   string
	body        string
	header      http.Header
}

// message is the error message of a JSON answer.
func (r response) message() string {
	var text struct{ Message string }
	_ = json.Unmarshal([]byte(r.body), &text)
	return text.Message
}
