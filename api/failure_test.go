package api_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
)

func TestErrorsOnTheWire(t *testing.T) {
	tests := map[string]struct {
		err     error
		status  int
		code    string
		message string // "*" stands for the request id
	}{
		"an invalid request": {batch.Invalid("Job definition %q is INACTIVE", "d:1"), 400, "ClientException", `Job definition "d:1" is INACTIVE`},
		"the next step is a sentence of its own": {&batch.Error{Code: batch.CodeInvalid, Message: `Job queue "q" is DISABLED`, Next: "enable it with UpdateJobQueue"},
			400, "ClientException", `Job queue "q" is DISABLED. Enable it with UpdateJobQueue.`},
		"AWS's text stays as it is": {&batch.Error{Code: batch.CodeInvalid, Message: "Maximum number of jobs supported is  100 .", Next: "ask again."},
			400, "ClientException", "Maximum number of jobs supported is  100 . Ask again."},
		"what does not exist is a ClientException": {batch.NotFound("Job queue q does not exist"), 400, "ClientException", "Job queue q does not exist"},
		"wrapped":  {fmt.Errorf("submit: %w", batch.Invalid("no")), 400, "ClientException", "no"},
		"denied":   {&batch.Error{Code: batch.CodeDenied, Message: "not you"}, 403, "AccessDeniedException", "not you"},
		"throttle": {&batch.Error{Code: batch.CodeThrottle, Message: "Too Many Requests"}, 429, "TooManyRequestsException", "Too Many Requests"},
		"server":   {&batch.Error{Code: batch.CodeServer, Message: "The store is full", Err: errors.New("secret")}, 500, "ServerException", "The store is full"},
		"anything else": {errors.New("secret: disk on fire"), 500, "ServerException",
			"The request could not be served because of an error here; try again. The server's log has the cause under request id *."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			server, _ := start(t, api.Config{Service: &fakeService{err: test.err}, Log: slog.New(slog.NewTextHandler(&log, nil))})
			got := post(t, server.URL+"/v1/submitjob", "{}")
			want := strings.ReplaceAll(test.message, "*", got.requestID)
			if got.status != test.status || got.code != test.code || got.message() != want {
				t.Errorf("answer %+v, want %d %s %q", got, test.status, test.code, want)
			}
			if got.contentType != "application/json" || len(got.requestID) != 36 {
				t.Errorf("Content-Type %q, x-amzn-RequestId %q", got.contentType, got.requestID)
			}
			if logged := strings.Contains(log.String(), got.requestID); logged != (test.status == 500) {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

func TestTheSDKKnowsTheErrors(t *testing.T) {
	server, service := start(t, api.Config{})
	client := awsbatch.NewFromConfig(sdk(server))
	service.err = batch.NotFound("JobQueue q does not exist")
	_, err := client.SubmitJob(t.Context(), submit("q"))
	var clientFault *types.ClientException
	if !errors.As(err, &clientFault) || clientFault.ErrorMessage() != "JobQueue q does not exist" {
		t.Errorf("SubmitJob = %v, want a ClientException", err)
	}
	service.err = errors.New("x")
	_, err = client.SubmitJob(t.Context(), submit("q"))
	var serverFault *types.ServerException
	if !errors.As(err, &serverFault) {
		t.Errorf("SubmitJob = %v, want a ServerException", err)
	}
}

func submit(queue string) *awsbatch.SubmitJobInput {
	return &awsbatch.SubmitJobInput{JobName: new("n"), JobQueue: &queue, JobDefinition: new("d")}
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	server, service := start(t, api.Config{})
	large := `{"jobName":"` + strings.Repeat("x", 1<<20) + `"}`
	tests := map[string]struct {
		body       string
		status     int
		code, says string
	}{
		"no JSON":                  {"{", 400, "SerializationException", "Unable to parse request body: it ends where"},
		"a member of another type": {`{"retryStrategy":{"attempts":"3"}}`, 400, "SerializationException", `STRING_VALUE can not be converted to an Integer: retryStrategy.attempts must be an integer, not the string "3"`},
		"too large":                {large, 413, "RequestEntityTooLargeException", "the request body is larger than 1024 KiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := post(t, server.URL+"/v1/submitjob", test.body)
			if got.status != test.status || got.code != test.code || !strings.HasPrefix(got.message(), test.says) {
				t.Errorf("answer %+v, want %d %s %q", got, test.status, test.code, test.says)
			}
		})
	}
	if service.calls != 0 {
		t.Errorf("the service was called %d times", service.calls)
	}
}

// Some clients send all they have before they read: they must not meet a closed
// connection in the middle of it.
func TestTheAnswerToALargeBodyIsHeard(t *testing.T) {
	server, _ := start(t, api.Config{})
	for name, head := range map[string]string{
		"announced":   "Content-Length: 25165824\r\n\r\n",
		"unannounced": "Transfer-Encoding: chunked\r\n\r\n1800000\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = connection.Close() }()
			text := "POST /v1/submitjob HTTP/1.1\r\nHost: x\r\n" + head + strings.Repeat("x", 24<<20) + "\r\n0\r\n\r\n"
			if n, err := io.WriteString(connection, text); err != nil {
				t.Fatalf("after %d of %d bytes: %v", n, len(text), err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("answer %s, want 413", answer.Status)
			}
		})
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	var log bytes.Buffer
	server, _ := start(t, api.Config{Service: &fakeService{panics: "oh"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	got := post(t, server.URL+"/v1/submitjob", "{}")
	if got.status != 500 || got.code != "ServerException" || !strings.Contains(got.message(), got.requestID) {
		t.Errorf("answer %+v", got)
	}
	if !strings.Contains(log.String(), "panic=oh") || !strings.Contains(log.String(), "fake_test.go") {
		t.Errorf("the log has neither panic nor stack: %s", log.String())
	}
}

func TestAnOutputThatIsNoJSON(t *testing.T) {
	server, service := start(t, api.Config{})
	policy := types.SchedulingPolicyDetail{FairsharePolicy: &types.FairsharePolicy{ShareDistribution: []types.ShareAttributes{{WeightFactor: new(float32(math.NaN()))}}}}
	service.output = &awsbatch.DescribeSchedulingPoliciesOutput{SchedulingPolicies: []types.SchedulingPolicyDetail{policy}}
	if got := post(t, server.URL+"/v1/describeschedulingpolicies", "{}"); got.status != 500 || got.code != "ServerException" {
		t.Errorf("answer %+v", got)
	}
}

// What a client gave up on is no error of the server.
func TestAClientThatGoesAway(t *testing.T) {
	var log bytes.Buffer
	service := &fakeService{blocked: make(chan struct{})}
	server, _ := start(t, api.Config{Service: service, Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := awsbatch.NewFromConfig(sdk(server)).SubmitJob(ctx, submit("q"))
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("SubmitJob succeeded")
	}
	server.Close() // waits for the handler
	if log.Len() > 0 {
		t.Errorf("logged: %s", log.String())
	}
}

// More adds members that the SDK skips.
func TestMembersOfOurs(t *testing.T) {
	type job struct {
		types.JobDetail
		Cost float64
	}
	type output struct{ Jobs []job }
	server, service := start(t, api.Config{More: func(_ context.Context, out any) any {
		described, ok := out.(*awsbatch.DescribeJobsOutput)
		if !ok {
			return out
		}
		more := output{Jobs: []job{}}
		for _, j := range described.Jobs {
			more.Jobs = append(more.Jobs, job{j, 0.25})
		}
		return more
	}})
	service.output = &awsbatch.DescribeJobsOutput{Jobs: []types.JobDetail{{JobId: new("j1")}}}
	got := post(t, server.URL+"/v1/describejobs", "{}")
	if want := `{"jobs":[{"jobId":"j1","cost":0.25}]}`; got.body != want {
		t.Errorf("body %s, want %s", got.body, want)
	}
	out, err := awsbatch.NewFromConfig(sdk(server)).DescribeJobs(t.Context(), &awsbatch.DescribeJobsInput{Jobs: []string{"j1"}})
	if err != nil || *out.Jobs[0].JobId != "j1" {
		t.Errorf("through the SDK: %+v, %v", out, err)
	}
}
