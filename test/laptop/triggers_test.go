//go:build unix

package laptop

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// packhorse runs a command of the binary against the server, and returns what it printed.
func (s *shop) packhorse(exit int, args ...string) string {
	s.Helper()
	p := runBinary(s.T, []string{"PACKHORSE_ENDPOINT=http://" + s.address}, args...)
	if code := p.wait(s.T); code != exit {
		s.Errorf("packhorse %s ends with %d, want %d:\n%s", strings.Join(args, " "), code, exit, p.output.tail())
	}
	return p.output.String()
}

// trigger makes a rule whose jobs print the object that they are about.
func (s *shop) trigger(name, bucket string, args ...string) {
	s.Helper()
	args = append([]string{"triggers", "create", name, "--bucket", bucket, "--queue", queue, "--definition", definition,
		"--env", "OBJECT=s3://{bucket}/{key}", "--env", "BYTES={size}"}, args...)
	s.packhorse(0, append(args, "--", "sh", "-c", `echo "$OBJECT has $BYTES bytes"`)...)
}

// report is how the server answers an event.
type report struct {
	Unmatched int
	Jobs      []struct {
		Trigger, JobID string
		Repeated       bool
	}
	DeadLetters []struct{ ID, Reason string }
	Message     string
}

// tell posts an event, with an Authorization header unless that is empty.
func (s *shop) tell(status int, authorization, body string) report {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, "http://"+s.address+"/events/s3", strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil || response.StatusCode != status {
		s.Fatalf("the event is answered with %d %s, %v, want %d", response.StatusCode, text, err, status)
	}
	return r
}

// sample is an event as its sender writes it.
func (s *shop) sample(name string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join("../../control/triggers/testdata", name))
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// printed is what a job that ended printed.
func (s *shop) printed(job string) string {
	s.Helper()
	ended := s.reaches(job, types.JobStatusSucceeded)
	return strings.Join(s.lines("/aws/batch/job", aws.ToString(ended.Container.LogStreamName)), "\n")
}

// MinIO delivers again when an answer was lost, also to a server that was killed.
func TestAnEventThatIsToldTwiceMakesOneJob(t *testing.T) {
	s := newShop(t)
	s.trigger("tiles", "vd-main", "--suffix", ".mtl")
	event := s.sample("minio-put.json")
	first := s.tell(http.StatusOK, "", event)
	if len(first.Jobs) != 1 || first.Jobs[0].Repeated {
		t.Fatalf("the event is answered with %+v, want a new job", first)
	}
	job := first.Jobs[0].JobID
	for when, step := range map[string]func(){
		"at once":             func() {},
		"after a kill":        func() { s.kill(); s.start() },
		"after the job's end": func() { s.ends(job) },
	} {
		step()
		if again := s.tell(http.StatusOK, "", event); len(again.Jobs) != 1 || again.Jobs[0].JobID != job || !again.Jobs[0].Repeated {
			t.Errorf("told again %s: %+v, want job %s, repeated", when, again, job)
		}
	}
	if got, want := s.printed(job), "s3://vd-main/Tile_+002_+002.mtl has 210 bytes"; got != want {
		t.Errorf("the job prints %q, want %q", got, want)
	}
	if jobs := s.listed(queue, types.JobStatusSucceeded); len(jobs) != 1 {
		t.Errorf("%d jobs, want one", len(jobs))
	}
	if out := s.packhorse(0, "triggers", "describe", "tiles"); !regexp.MustCompile(`jobs: +1\n`).MatchString(out) {
		t.Errorf("triggers describe = %s, want one job", out)
	}
	if other := s.tell(http.StatusOK, "", s.sample("s3-put.json")); other.Unmatched != 1 {
		t.Errorf("an event that no rule asks for: %+v, want it unmatched", other)
	}
}

func TestAnEventThatCannotBeSubmittedIsTriedAgainWhenAsked(t *testing.T) {
	s := newShop(t)
	s.trigger("ingest", "amzn-s3-demo-bucket")
	disable := func(state types.JQState) {
		_, err := s.batch().UpdateJobQueue(t.Context(), &batch.UpdateJobQueueInput{JobQueue: aws.String(queue), State: state})
		s.check(err)
	}
	disable(types.JQStateDisabled)
	for range 2 {
		if r := s.tell(http.StatusOK, "", s.sample("sqs-sns-s3.json")); len(r.DeadLetters) != 1 || !strings.Contains(r.DeadLetters[0].Reason, "DISABLED") {
			t.Errorf("the event is answered with %+v, want a dead letter", r)
		}
	}
	s.kill()
	s.start()
	out := s.packhorse(0, "triggers", "failures")
	if strings.Count(out, "s3://amzn-s3-demo-bucket/red flower+1.jpg") != 1 || !strings.Contains(out, "DISABLED") {
		t.Errorf("triggers failures = %s, want one, and why", out)
	}
	s.packhorse(1, "triggers", "failures", "--retry")
	disable(types.JQStateEnabled)
	job := strings.TrimSpace(s.packhorse(0, "triggers", "failures", "--retry", "-o", "id"))
	if got, want := s.printed(job), "s3://amzn-s3-demo-bucket/red flower+1.jpg has 1024 bytes"; got != want {
		t.Errorf("the job prints %q, want %q", got, want)
	}
	if out := s.packhorse(0, "triggers", "failures", "-o", "id"); out != "" {
		t.Errorf("triggers failures = %s, want none", out)
	}
}

// The webhook of MinIO cannot sign; it sends a token.
func TestEventsToAServerWithKeys(t *testing.T) {
	s := closedShop(newServer(t, "--access-key-id", "KEY", "--secret-access-key", "secret"))
	s.env = append(s.env, "PACKHORSE_EVENT_TOKEN=tell-me")
	s.start()
	event := s.sample("minio-put.json")
	if r := s.tell(http.StatusOK, "Bearer tell-me", event); r.Unmatched != 1 {
		t.Errorf("with the token: %+v, want it taken", r)
	}
	for _, authorization := range []string{"", "Bearer tell-you", "Bearer "} {
		if r := s.tell(http.StatusForbidden, authorization, event); r.Message == "" {
			t.Errorf("with %q the refusal says nothing", authorization)
		}
	}
}

// moto sends notifications as S3 does. From its queue they are brought as they are.
func TestNotificationsOfMoto(t *testing.T) {
	endpoint := peers.Moto(t)
	s := newShop(t)
	s.trigger("ingest", "moto-incoming", "--prefix", "in/")
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("any", "any", "")}
	store := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	queues := sqs.NewFromConfig(config)

	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("events")})
	s.check(err)
	attributes, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: made.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	s.check(err)
	bucket := aws.String("moto-incoming")
	_, err = store.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket})
	s.check(err)
	_, err = store.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: bucket,
		NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{
			QueueArn: aws.String(attributes.Attributes["QueueArn"]), Events: []s3types.Event{s3types.EventS3ObjectCreated},
		}}},
	})
	s.check(err)
	for _, key := range []string{"in/ä b+c.txt", "out/x"} {
		_, err = store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader("hello")})
		s.check(err)
	}

	var jobs []string
	messages, unmatched := 0, 0
	until(t, "the test event and two notifications", func() bool {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10})
		s.check(err)
		for _, m := range got.Messages {
			messages++
			r := s.tell(http.StatusOK, "", *m.Body)
			unmatched += r.Unmatched
			for _, j := range r.Jobs {
				jobs = append(jobs, j.JobID)
			}
		}
		return messages == 3
	})
	if len(jobs) != 1 || unmatched != 1 {
		t.Fatalf("jobs %q, %d unmatched, want one of each", jobs, unmatched)
	}
	if got, want := s.printed(jobs[0]), fmt.Sprintf("s3://%s/in/ä b+c.txt has 5 bytes", *bucket); got != want {
		t.Errorf("the job prints %q, want %q", got, want)
	}
}
