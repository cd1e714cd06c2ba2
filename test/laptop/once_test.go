//go:build unix

package laptop

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// post submits a job as an SDK does, with an invocation id, and returns the job's id.
func (s *shop) post(invocation, name string) string {
	s.Helper()
	body, err := json.Marshal(map[string]any{
		"jobName": name, "jobQueue": queue, "jobDefinition": definition,
		"containerOverrides": map[string]any{"command": []string{s.program, "-ledger", s.ledger}},
	})
	if err != nil {
		s.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, "http://"+s.address+"/v1/submitjob", strings.NewReader(string(body)))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Amz-Sdk-Invocation-Id", invocation)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ JobID, JobName, Message string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("SubmitJob answers %d %+v, %v", response.StatusCode, answer, err)
	}
	if answer.JobName != name {
		s.Errorf("jobName = %q, want %q", answer.JobName, name)
	}
	return answer.JobID
}

func TestACallThatIsRepeatedMakesOneJob(t *testing.T) {
	s := newShop(t)
	first := s.post("call-1", "repeated")
	steps := map[string]func(){
		"at once":              func() {},
		"after a kill":         func() { s.kill(); s.start() },
		"after a restart":      func() { s.stop(); s.start() },
		"after the job's end":  func() { s.ends(first) },
		"after the next start": func() { s.ends(first); s.kill(); s.start() },
	}
	for name, step := range steps {
		step()
		if again := s.post("call-1", "repeated"); again != first {
			t.Errorf("repeated %s: job %s, want %s as before", name, again, first)
		}
	}
	other := s.post("call-2", "repeated")
	if other == first {
		t.Errorf("another call got job %s, that of the first", first)
	}
	s.ends(first)
	s.ends(other)
	if jobs := s.listed(queue, types.JobStatusSucceeded); len(jobs) != 2 {
		t.Errorf("%d jobs, want the two of two calls", len(jobs))
	}
	if got := len(attempts(t, readLedger(t, s.ledger))); got != 2 {
		t.Errorf("%d jobs ran, want 2", got)
	}
}

// The answer to the first call was lost, and then its queue was disabled.
func TestACallThatIsRepeatedLateIsAnsweredAllTheSame(t *testing.T) {
	s := newShop(t)
	first := s.post("call-1", "repeated")
	s.ends(first)
	client := s.batch()
	_, err := client.UpdateJobQueue(t.Context(), &batch.UpdateJobQueueInput{JobQueue: aws.String(queue), State: types.JQStateDisabled})
	s.check(err)
	if again := s.post("call-1", "repeated"); again != first {
		t.Errorf("repeated after its queue was disabled: job %s, want %s as before", again, first)
	}
	order := s.order("another")
	if _, err := client.SubmitJob(t.Context(), order); err == nil || !strings.Contains(err.Error(), "DISABLED") {
		t.Errorf("another call = %v, want it refused: the queue is DISABLED", err)
	}
}

// An impatient SDK may repeat a call while the first one is being served.
func TestACallThatIsRepeatedMeanwhileMakesOneJob(t *testing.T) {
	s := newShop(t)
	ids := make([]string, 16)
	var calls sync.WaitGroup
	for i := range ids {
		calls.Go(func() { ids[i] = s.post("call", "repeated") })
	}
	calls.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("repetitions of one call made jobs %v", ids)
		}
	}
	s.ends(ids[0])
}
