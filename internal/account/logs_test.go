package account_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// house is the door of an installation in moto, and CloudWatch Logs behind it.
type house struct {
	*testing.T
	url    string
	cloud  *cloudwatchlogs.Client // with credentials of the account
	prefix string                 // of the groups that are this test's
}

// groupOfJobs is the group that whoever deploys has named.
const groupOfJobs = "/jobs"

func newHouse(t *testing.T) *house {
	t.Helper()
	endpoint := peers.Moto(t)
	config := aws.Config{Region: "eu-north-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	name := "door-" + uuid.NewString()
	h := &house{T: t, cloud: cloudwatchlogs.NewFromConfig(config), prefix: "/" + name}
	h.must(dynamo.Create(t.Context(), dynamodb.NewFromConfig(config), name, dynamo.Orderings()))
	keys := "/packhorse/" + name + "/keys/"
	for _, role := range []string{"read", "none"} {
		_, err := ssm.NewFromConfig(config).PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: aws.String(keys + "PHK" + role), Value: aws.String(`{"secret":"secret","role":"` + role + `"}`), Type: ssmtypes.ParameterTypeSecureString,
		})
		h.must(err)
	}
	a, err := account.OpenWith(t.Context(), account.Settings{
		Table: name, Deployment: name, Keys: keys, LogGroups: []string{h.prefix + groupOfJobs},
		Account: batch.Account{Region: config.Region, ID: "123456789012"},
	}, config, slog.New(slog.DiscardHandler))
	h.must(err)
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	h.url = server.URL
	for _, group := range []string{groupOfJobs, "/secret"} {
		_, err := h.cloud.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(h.prefix + group)})
		h.must(err)
		h.print(group, "d/default/1", "starts", "works", "ends")
	}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// print writes lines into a stream.
func (h *house) print(group, stream string, lines ...string) {
	h.Helper()
	name := aws.String(h.prefix + group)
	_, err := h.cloud.CreateLogStream(h.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: name, LogStreamName: &stream})
	h.must(err)
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: name, LogStreamName: &stream}
	for i, line := range lines {
		at := time.Now().Add(time.Duration(i) * time.Millisecond).UnixMilli()
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: &at, Message: aws.String(line)})
	}
	_, err = h.cloud.PutLogEvents(h.Context(), in)
	h.must(err)
}

// as is a client of the door with the key of a role.
func (h *house) as(role string) *cloudwatchlogs.Client {
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "eu-north-1", BaseEndpoint: &h.url, Credentials: credentials.NewStaticCredentialsProvider("PHK"+role, "secret", ""), RetryMaxAttempts: 1,
	})
}

func TestTheDoorReadsTheLogsOfJobs(t *testing.T) {
	h := newHouse(t)
	client, group := h.as("read"), aws.String(h.prefix+groupOfJobs)
	out, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: group, LogStreamName: aws.String("d/default/1"), StartFromHead: aws.Bool(true), Limit: aws.Int32(2),
	})
	h.must(err)
	if len(out.Events) != 2 || *out.Events[0].Message != "starts" || *out.Events[1].Message != "works" || *out.Events[0].Timestamp == 0 {
		t.Errorf("GetLogEvents = %+v, want the first two lines", out.Events)
	}
	out, err = client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: group, LogStreamName: aws.String("d/default/1"), NextToken: out.NextForwardToken,
	})
	h.must(err)
	if len(out.Events) != 1 || *out.Events[0].Message != "ends" {
		t.Errorf("GetLogEvents with the token = %+v, want the last line", out.Events)
	}
	h.print(groupOfJobs, "d/default/2", "works too")
	found, err := client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String("works")})
	h.must(err)
	if len(found.Events) != 2 || *found.Events[1].LogStreamName != "d/default/2" {
		t.Errorf("FilterLogEvents = %+v, want a line of each stream", found.Events)
	}
	streams, err := client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: group, OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1),
	})
	h.must(err)
	if len(streams.LogStreams) != 1 || *streams.LogStreams[0].LogStreamName != "d/default/2" || streams.NextToken == nil {
		t.Errorf("DescribeLogStreams = %+v, want the newest, and that there are more", streams)
	}
	groups, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	h.must(err)
	var names []string
	for _, g := range groups.LogGroups {
		names = append(names, *g.LogGroupName)
	}
	if got, want := strings.Join(names, " "), batch.DefaultLogGroup+" "+h.prefix+groupOfJobs; got != want {
		t.Errorf("DescribeLogGroups = %s, want %s", got, want)
	}
}

func TestTheDoorReadsNoOtherLogs(t *testing.T) {
	h := newHouse(t)
	tests := map[string]struct{ role, group, stream, code, says string }{
		"a group that is none of jobs": {"read", h.prefix + "/secret", "d/default/1", "ResourceNotFoundException", "log group"},
		"one that begins like one":     {"read", h.prefix + groupOfJobs + "2", "d/default/1", "ResourceNotFoundException", "log group"},
		"a stream that is not there":   {"read", h.prefix + groupOfJobs, "d/default/9", "ResourceNotFoundException", "does not exist"},
		"a key that may nothing":       {"none", h.prefix + groupOfJobs, "d/default/1", "AccessDeniedException", "logs:GetLogEvents"},
		"a key that is none":           {"other", h.prefix + groupOfJobs, "d/default/1", "UnrecognizedClientException", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := h.as(test.role).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: &test.group, LogStreamName: &test.stream})
			var failed smithy.APIError
			if !errors.As(err, &failed) || failed.ErrorCode() != test.code || !strings.Contains(failed.ErrorMessage(), test.says) {
				t.Errorf("GetLogEvents = %+v, %v; want %s about %q", out, err, test.code, test.says)
			}
		})
	}
	for _, call := range []func() error{
		func() error {
			_, err := h.as("read").FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(h.prefix + "/secret")})
			return err
		},
		func() error {
			_, err := h.as("read").DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String(h.prefix + "/secret")})
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(fmt.Sprint(err), "ResourceNotFoundException") {
			t.Errorf("of a group that is none of jobs: %v, want ResourceNotFoundException", err)
		}
	}
}

func TestLogGroupsOfTheSettings(t *testing.T) {
	env := map[string]string{
		account.EnvTable: "t", account.EnvDeployment: "d", account.EnvKeys: "/k/", account.EnvExecutionRole: "arn:aws:iam::123456789012:role/x", account.EnvRegion: "eu-north-1",
	}
	for value, want := range map[string]string{
		"": "",
		"arn:aws:logs:eu-north-1:123456789012:log-group:/lab/jobs:*":                       "/lab/jobs",
		"arn:aws:logs:eu-north-1:1:log-group:/a, arn:aws:logs:eu-north-1:1:log-group:/b:*": "/a /b",
		"/lab/jobs": "error",
		"arn:aws:logs:eu-north-1:123456789012:log-group:*": "error",
	} {
		env[account.EnvLogGroups] = value
		s, err := account.FromEnvironment(func(name string) string { return env[name] })
		got := strings.Join(s.LogGroups, " ")
		if err != nil && strings.Contains(err.Error(), account.EnvLogGroups) {
			got = "error"
		}
		if got != want {
			t.Errorf("%s=%q gives %q, %v; want %q", account.EnvLogGroups, value, got, err, want)
		}
	}
}
