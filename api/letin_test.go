package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
)

var keys = map[string]string{accessKey: secretKey}

func TestKeys(t *testing.T) {
	server, service := start(t, api.Config{Keys: keys})
	client := awsbatch.NewFromConfig(sdk(server))
	if _, err := client.SubmitJob(t.Context(), submit("q")); err != nil {
		t.Errorf("with the right key: %v", err)
	}
	arn := new("arn:aws:batch:eu-west-1:123456789012:job-queue/a b+ü")
	if _, err := client.UntagResource(t.Context(), &awsbatch.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b", "a c"}}); err != nil {
		t.Errorf("with an ARN in the path: %v", err)
	}
	if in, ok := service.input.(*awsbatch.UntagResourceInput); !ok || *in.ResourceArn != *arn {
		t.Errorf("the ARN arrived as %+v", service.input)
	}
	with := func(id, secret string) aws.Config {
		config := sdk(server)
		config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
		})
		return config
	}
	calls := service.calls
	for name, test := range map[string]struct {
		config aws.Config
		code   string
	}{
		"another secret":  {with(accessKey, "x"), "InvalidSignatureException"},
		"an unknown key":  {with("AKIDOTHER", secretKey), "UnrecognizedClientException"},
		"no credentials":  {with("", ""), "IncompleteSignatureException"},
		"an empty secret": {with("AKIDOTHER", " "), "UnrecognizedClientException"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := awsbatch.NewFromConfig(test.config).SubmitJob(t.Context(), submit("q"))
			var fault smithy.APIError
			if !errors.As(err, &fault) || fault.ErrorCode() != test.code {
				t.Errorf("SubmitJob = %v, want %s", err, test.code)
			}
		})
	}
	got := post(t, server.URL+"/v1/submitjob", "{}")
	if got.status != 403 || got.code != "MissingAuthenticationTokenException" || !strings.HasPrefix(got.message(), "Missing Authentication Token") {
		t.Errorf("without a signature: %+v", got)
	}
	if service.calls != calls {
		t.Error("the service was called")
	}
}

func TestTheServersClockCounts(t *testing.T) {
	server, _ := start(t, api.Config{Keys: keys, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	_, err := awsbatch.NewFromConfig(sdk(server)).SubmitJob(t.Context(), submit("q"))
	var fault smithy.APIError
	if !errors.As(err, &fault) || !strings.HasPrefix(fault.ErrorMessage(), "Signature expired: ") {
		t.Errorf("SubmitJob an hour late = %v", err)
	}
}

// Without keys any credentials pass, and none, but not what a foreign web page
// makes a browser send.
func TestWithoutKeys(t *testing.T) {
	server, service := start(t, api.Config{Hosts: []string{"batch.example.com"}})
	tests := map[string]struct {
		header map[string]string
		path   string
		status int
	}{
		"no signature":                   {nil, "/v1/submitjob", 200},
		"a signature by anyone":          {map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260102/us-east-1/batch/aws4_request, SignedHeaders=host, Signature=0"}, "/v1/submitjob", 200},
		"a page of this server":          {map[string]string{"Origin": server.URL, "Sec-Fetch-Site": "same-origin"}, "/v1/submitjob", 200},
		"a foreign page":                 {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, "/v1/submitjob", 403},
		"one in an old browser":          {map[string]string{"Origin": "https://evil.example"}, "/v1/submitjob", 403},
		"a neighbour's call, likewise":   {map[string]string{"Origin": "https://evil.example", "X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, "/", 403},
		"a name that leads here":         {map[string]string{"Host": "evil.example"}, "/v1/submitjob", 403},
		"that name with a port":          {map[string]string{"Host": "evil.example:8080"}, "/v1/submitjob", 403},
		"a page under that name":         {map[string]string{"Host": "evil.example"}, "/console", 403},
		"localhost":                      {map[string]string{"Host": "localhost:8080"}, "/v1/submitjob", 200},
		"an address":                     {map[string]string{"Host": "[::1]:8080"}, "/v1/submitjob", 200},
		"a name without a dot":           {map[string]string{"Host": "packhorse:8080"}, "/v1/submitjob", 200},
		"the host of a container":        {map[string]string{"Host": "host.docker.internal:8080"}, "/v1/submitjob", 200},
		"a name that the server is told": {map[string]string{"Host": "Batch.example.com"}, "/v1/submitjob", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := service.calls
			got := send(t, "POST", server.URL+test.path, "{}", test.header)
			if got.status != test.status {
				t.Errorf("%v = %+v, want %d", test.header, got, test.status)
			}
			if called := service.calls > before; called != (test.status == 200) {
				t.Errorf("%v: called is %v", test.header, called)
			}
		})
	}
}

func TestLoopbackOnly(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:8080": true, "127.1.2.3:0": true, "[::1]:8080": true, "localhost:8080": true, "[::ffff:127.0.0.1]:80": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.2:8080": false, "example.com:80": false, "8080": false,
	} {
		err := api.LoopbackOnly(address)
		if (err == nil) != ok {
			t.Errorf("LoopbackOnly(%q) = %v", address, err)
		}
		if err != nil && !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("LoopbackOnly(%q) does not say what to do: %v", address, err)
		}
	}
}

func TestPages(t *testing.T) {
	home := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("console " + r.URL.Path)) })
	plain, _ := start(t, api.Config{})
	console, _ := start(t, api.Config{Home: home, Keys: keys})
	sick, _ := start(t, api.Config{Healthy: func(context.Context) error { return errors.New("the store is closed") }})
	tests := map[string]struct {
		server       *httptest.Server
		method, path string
		header       map[string]string
		status       int
		says         string
	}{
		"health":                      {plain, "GET", "/healthz", nil, 200, `{"status":"ok"}`},
		"health needs no key":         {console, "GET", "/healthz", nil, 200, `{"status":"ok"}`},
		"health that is gone":         {sick, "GET", "/healthz", nil, 503, `{"status":"unavailable","reason":"the store is closed"}`},
		"health is asked":             {plain, "POST", "/healthz", nil, 405, "takes GET"},
		"what this is":                {plain, "GET", "/", nil, 200, "export AWS_ENDPOINT_URL_BATCH=http://127.0.0.1"},
		"no such page":                {plain, "GET", "/nothing", nil, 404, "Packhorse answers the AWS Batch API under /v1/"},
		"the console":                 {console, "GET", "/jobs/1", nil, 200, "console /jobs/1"},
		"the console's own forms":     {console, "POST", "/jobs/1/stop", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200, "console"},
		"not the forms of others":     {console, "POST", "/jobs/1/stop", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, "another origin"},
		"a console under any name":    {console, "GET", "/", map[string]string{"Host": "batch.example.com"}, 200, "console /"},
		"an API call is never a page": {console, "GET", "/v1/submitjob", nil, 403, "Missing Authentication Token"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := send(t, test.method, test.server.URL+test.path, "", test.header)
			if got.status != test.status || !strings.Contains(got.body, test.says) {
				t.Errorf("%s %s = %+v, want %d with %q", test.method, test.path, got, test.status, test.says)
			}
		})
	}
}
