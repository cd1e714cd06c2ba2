package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/api"
)

func TestRoles(t *testing.T) {
	known := map[string]api.Key{
		"READER": {Secret: "s1", Role: api.RoleRead}, "SUBMITTER": {Secret: "s2", Role: api.RoleSubmit},
		"ADMIN": {Secret: "s3", Role: api.RoleAdmin}, "NOBODY": {Secret: "s4", Role: "clerk"},
	}
	server, _ := start(t, api.Config{Keys: keys, KeyOf: func(_ context.Context, id string) (api.Key, bool, error) {
		if id == "BROKEN" {
			return api.Key{}, false, errors.New("the parameter store does not answer")
		}
		key, ok := known[id]
		return key, ok, nil
	}})
	calls := map[string]func(context.Context, *awsbatch.Client) error{
		"read": func(ctx context.Context, c *awsbatch.Client) error {
			_, err := c.ListJobs(ctx, &awsbatch.ListJobsInput{JobQueue: new("q")})
			return err
		},
		"submit": func(ctx context.Context, c *awsbatch.Client) error {
			_, err := c.SubmitJob(ctx, submit("q"))
			return err
		},
		"admin": func(ctx context.Context, c *awsbatch.Client) error {
			_, err := c.DeleteJobQueue(ctx, &awsbatch.DeleteJobQueueInput{JobQueue: new("q")})
			return err
		},
	}
	const denied = "AccessDeniedException"
	tests := map[string]struct{ id, secret, read, submit, admin string }{
		"a reader":               {"READER", "s1", "", denied, denied},
		"a submitter":            {"SUBMITTER", "s2", "", "", denied},
		"an admin":               {"ADMIN", "s3", "", "", ""},
		"a static key":           {accessKey, secretKey, "", "", ""},
		"a role that is none":    {"NOBODY", "s4", denied, denied, denied},
		"an unknown key":         {"OTHER", "s1", "UnrecognizedClientException", "UnrecognizedClientException", "UnrecognizedClientException"},
		"another's secret":       {"READER", "s2", "InvalidSignatureException", "InvalidSignatureException", "InvalidSignatureException"},
		"when nobody knows keys": {"BROKEN", "s1", "ServerException", "ServerException", "ServerException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := sdk(server)
			config.RetryMaxAttempts = 1
			config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: test.id, SecretAccessKey: test.secret}, nil
			})
			for call, want := range map[string]string{"read": test.read, "submit": test.submit, "admin": test.admin} {
				err := calls[call](t.Context(), awsbatch.NewFromConfig(config))
				var fault smithy.APIError
				switch {
				case want == "" && err != nil:
					t.Errorf("%s = %v, want success", call, err)
				case want != "" && (!errors.As(err, &fault) || fault.ErrorCode() != want):
					t.Errorf("%s = %v, want %s", call, err, want)
				case want == denied && !strings.Contains(err.Error(), "is not authorized to perform: batch:"):
					t.Errorf("%s = %v, want it in the words of AWS", call, err)
				}
			}
		})
	}
}
