package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

func TestGetCallerIdentity(t *testing.T) {
	for name, config := range map[string]api.Config{"without keys": {}, "with keys": {Keys: keys}} {
		server, _ := start(t, config)
		out, err := sts.NewFromConfig(sdk(server)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if err != nil || *out.Account != "123456789012" || *out.UserId != accessKey || *out.Arn != "arn:aws:iam::123456789012:user/"+accessKey {
			t.Errorf("%s: GetCallerIdentity = %+v, %v", name, out, err)
		}
	}
}

// A presigned GetCallerIdentity is how some systems prove who they are.
func TestPresignedGetCallerIdentity(t *testing.T) {
	server, _ := start(t, api.Config{Keys: keys})
	signed, err := sts.NewPresignClient(sts.NewFromConfig(sdk(server))).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	for url, status := range map[string]int{signed.URL: 200, strings.Replace(signed.URL, "Signature=", "Signature=00", 1): 403} {
		r, err := http.NewRequest(signed.Method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = signed.SignedHeader.Clone()
		r.Header.Del("Host")
		if got := do(t, r); got.status != status {
			t.Errorf("%s = %+v, want %d", url, got, status)
		}
	}
}

func TestErrorsOfSTS(t *testing.T) {
	server, _ := start(t, api.Config{Keys: keys})
	_, other := sts.NewFromConfig(sdk(server)).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: new("r"), RoleSessionName: new("s")})
	unknown, _ := start(t, api.Config{Keys: map[string]string{"other": "x"}})
	_, denied := sts.NewFromConfig(sdk(unknown)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	for _, test := range []struct {
		err        error
		code, says string
	}{
		{other, "InvalidAction", "The action AssumeRole is not valid for this web service: of STS Packhorse has GetCallerIdentity"},
		{denied, "InvalidClientTokenId", "The security token included in the request is invalid"},
	} {
		var fault smithy.APIError
		if !errors.As(test.err, &fault) || fault.ErrorCode() != test.code || !strings.Contains(fault.ErrorMessage(), test.says) {
			t.Errorf("error %v, want %s with %q", test.err, test.code, test.says)
		}
	}
}

// What EC2 answers is checked with its SDK in the folder ec2test; this is the form
// itself, as an unsigned client may send it.
func TestDescribeInstancesAsAForm(t *testing.T) {
	server, _ := start(t, api.Config{Fleet: newFleet(), Types: catalog.Default()})
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
	for name, test := range map[string]struct {
		form   string
		status int
		says   []string
	}{
		"by id": {"Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-00000000000000001", 200, []string{
			`<?xml version="1.0" encoding="UTF-8"?>`, `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`,
			`<reservationSet><item>`, `<instancesSet><item><instanceId>i-00000000000000001</instanceId><instanceState><code>16</code><name>running</name></instanceState>`,
			`<instanceType>g4dn.xlarge</instanceType><launchTime>2026-01-02T03:04:05.678Z</launchTime><placement><availabilityZone>eu-west-1a</availabilityZone>`,
			`<instanceLifecycle>spot</instanceLifecycle>`}},
		"an unknown id": {"Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-9", 400, []string{
			`<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>The instance ID &#39;i-9&#39; does not exist</Message></Error></Errors><RequestID>`}},
		"a type": {"Action=DescribeInstanceTypes&Version=2016-11-15&Filter.1.Name=instance-type&Filter.1.Value.1=g4dn.xlarge", 200, []string{
			`<instanceType>g4dn.xlarge</instanceType>`, `<vCpuInfo><defaultVCpus>4</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo>`, `<manufacturer>NVIDIA</manufacturer>`}},
		"another action":  {"Action=RunInstances&Version=2016-11-15", 400, []string{"<Code>InvalidAction</Code>", "of EC2 Packhorse has DescribeInstances, DescribeInstanceTypes"}},
		"another version": {"Action=DescribeInstances&Version=2010-01-01", 404, []string{"no operation of AWS Batch has the path /"}},
		"no action":       {"a=b", 404, []string{"no operation of AWS Batch has the path /"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, "POST", server.URL+"/", test.form, form)
			if got.status != test.status {
				t.Errorf("status %d, want %d", got.status, test.status)
			}
			for _, part := range test.says {
				if !strings.Contains(got.body, part) {
					t.Errorf("no %s in %s", part, got.body)
				}
			}
		})
	}
}

// Everything was pointed here with AWS_ENDPOINT_URL: a call of a service that is
// not here says what to set, in the form that its client shows.
func TestServicesThatAreElsewhere(t *testing.T) {
	server, service := start(t, api.Config{Keys: keys})
	tests := map[string]struct {
		service, method, path, body string
		header                      map[string]string
		says                        string
	}{
		"S3":       {"s3", "PUT", "/bucket/key", strings.Repeat("x", 2<<20), nil, "<Error><Code>NotImplemented</Code><Message>this is Packhorse, "},
		"under v1": {"s3", "GET", "/v1/submitjob", "", nil, "<Error><Code>NotImplemented</Code>"},
		"DynamoDB": {"dynamodb", "POST", "/", "{}", map[string]string{"X-Amz-Target": "DynamoDB_20120810.GetItem"}, `{"__type":"NotImplemented","message":"this is Packhorse, `},
		"IAM":      {"iam", "POST", "/", "Action=ListUsers&Version=2010-05-08", nil, "<ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code>"},
		"Lambda":   {"lambda", "GET", "/2015-03-31/functions/", "", nil, `{"message":"this is Packhorse, `},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{"Authorization": fmt.Sprintf("AWS4-HMAC-SHA256 Credential=a/20260102/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0", test.service)}
			for key, value := range test.header {
				header[key] = value
			}
			got := send(t, test.method, server.URL+test.path, test.body, header)
			if got.status != 501 || !strings.Contains(got.body, test.says) || !strings.Contains(got.body, "set AWS_ENDPOINT_URL_BATCH") {
				t.Errorf("answer %+v, want 501 with %q", got, test.says)
			}
		})
	}
	if service.calls != 0 {
		t.Error("the service was called")
	}
}

// A scope of the signer's own choice does not hide Batch: the path tells.
func TestBatchUnderAnotherScope(t *testing.T) {
	server, service := start(t, api.Config{})
	header := map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260102/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0"}
	if got := send(t, "POST", server.URL+"/v1/describejobs", "{}", header); got.status != 200 || service.calls != 1 {
		t.Errorf("answer %+v", got)
	}
}
