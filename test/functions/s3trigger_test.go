package functions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// own makes a call at the door that AWS Batch does not have, as an admin.
func (s *scene) own(method, path, body string) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	s.must(err)
	sum := sha256.Sum256([]byte(body))
	admin, err := s.config.Credentials.Retrieve(s.Context())
	s.must(err)
	s.must(v4.NewSigner().SignHTTP(s.Context(), admin, r, hex.EncodeToString(sum[:]), "batch", region, time.Now()))
	answer, err := http.DefaultClient.Do(r)
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	if answer.StatusCode != http.StatusOK {
		s.Fatalf("%s %s = %s %s", method, path, answer.Status, text)
	}
	return string(text)
}

// event is a sample as Lambda brings it.
func (s *scene) event(file string) json.RawMessage {
	s.Helper()
	text, err := os.ReadFile(filepath.Join("../../control/triggers/testdata", file))
	s.must(err)
	return text
}

// jobsOf are the jobs of the queue "q", which nothing runs here.
func (s *scene) jobsOf(client *batch.Client) []types.JobSummary {
	s.Helper()
	out, err := client.ListJobs(s.Context(), &batch.ListJobsInput{JobQueue: aws.String("q"), JobStatus: types.JobStatusRunnable})
	s.must(err)
	return out.JobSummaryList
}

const ruleOfSamples = `{"name":"ingest","bucket":"amzn-s3-demo-bucket","jobQueue":"q","jobDefinition":"d",
	"environment":[{"name":"OBJECT","value":"s3://{bucket}/{key}?versionId={version}"}]}`

// S3 calls the function itself, and its queue tells of the same object: one job, by the
// built function over DynamoDB.
func TestTheFunctionMakesOneJobOfAnObject(t *testing.T) {
	s := newScene(t)
	client := s.batch("PHKADMIN", "admin-secret")
	s.prepare(client, types.CRTypeEc2)
	s.own("POST", "/packhorse/v1/triggers", ruleOfSamples)
	f := s.function("s3trigger")

	var calls sync.WaitGroup
	for _, file := range []string{"s3-put.json", "s3-put.json", "sqs-s3.json", "sqs-sns-s3.json", "sns-s3.json", "eventbridge-created.json", "s3-test.json"} {
		calls.Go(func() {
			answer, err := f.Invoke(t.Context(), s.event(file))
			if err != nil || bytes.Contains(answer, []byte("itemIdentifier")) {
				t.Errorf("%s is answered with %s, %v, want success", file, answer, err)
			}
		})
	}
	calls.Wait()
	var jobs []types.JobSummary
	s.until("the job in the list", func(context.Context) bool { jobs = s.jobsOf(client); return len(jobs) > 0 })
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want one", len(jobs))
	}
	described, err := client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{*jobs[0].JobId}})
	s.must(err)
	env := described.Jobs[0].Container.Environment
	if len(env) != 1 || *env[0].Value != "s3://amzn-s3-demo-bucket/red flower+1.jpg?versionId=096fKKXTRTtl3on89fVO.nfljtsv6qko" {
		t.Errorf("the job's environment is %+v, want the object", env)
	}
	rule := s.own("GET", "/packhorse/v1/triggers/ingest", "")
	if !strings.Contains(rule, `"submitted":1`) || !strings.Contains(rule, `"lastJobId":"`+*jobs[0].JobId+`"`) {
		t.Errorf("the trigger shows %s, want one job", rule)
	}
}

func TestTheFunctionKeepsWhatItCannotSubmit(t *testing.T) {
	s := newScene(t)
	client := s.batch("PHKADMIN", "admin-secret")
	s.prepare(client, types.CRTypeEc2)
	s.own("POST", "/packhorse/v1/triggers", ruleOfSamples)
	f := s.function("s3trigger")
	set := func(state types.JQState) {
		_, err := client.UpdateJobQueue(t.Context(), &batch.UpdateJobQueueInput{JobQueue: aws.String("q"), State: state})
		s.must(err)
	}
	set(types.JQStateDisabled)
	for range 2 {
		if _, err := f.Invoke(t.Context(), s.event("sqs-s3.json")); err != nil {
			t.Errorf("Invoke = %v, want success: bringing it again cannot help", err)
		}
	}
	var list struct{ DeadLetters []struct{ ID, Reason string } }
	s.until("the dead letter in the list", func(context.Context) bool {
		s.must(json.Unmarshal([]byte(s.own("GET", "/packhorse/v1/deadletters", "")), &list))
		return len(list.DeadLetters) > 0
	})
	if len(list.DeadLetters) != 1 || !strings.Contains(list.DeadLetters[0].Reason, "DISABLED") {
		t.Fatalf("dead letters %+v, want one, and why", list.DeadLetters)
	}
	set(types.JQStateEnabled)
	if got := s.own("POST", "/packhorse/v1/deadletters/"+list.DeadLetters[0].ID+"/retry", ""); !strings.Contains(got, `"jobId"`) {
		t.Errorf("tried again: %s, want a job", got)
	}
	if jobs := s.jobsOf(client); len(jobs) != 1 {
		t.Errorf("%d jobs, want one", len(jobs))
	}
}
