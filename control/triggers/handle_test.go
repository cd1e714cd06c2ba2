package triggers_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

func TestAnObjectMakesAJobThatKnowsIt(t *testing.T) {
	s := newScene(t)
	s.define("d", "run", "Ref::input")
	s.create(ingest(func(r *batch.Trigger) {
		r.Parameters = map[string]string{"input": "s3://{bucket}/{key}"}
		r.Environment = []types.KeyValuePair{{Name: new("VERSION"), Value: new("{version}")}, {Name: new("ETAG"), Value: new("{etag}")}}
		r.Command = []string{"run", "--input", "Ref::input", "--bytes", "{size}"}
		r.Tags = map[string]string{"team": "a"}
	}))
	report := s.handle(put("in/red+flower%2B1.jpg", "v1"))
	if len(report.Jobs) != 1 || report.Events != 1 || report.Unmatched != 0 || report.Jobs[0].Repeated || report.Jobs[0].Trigger != "ingest" {
		t.Errorf("report = %+v, want one new job of ingest", report)
	}
	in := s.request()
	if got, want := *in.JobName, "ingest-in-red-flower-1-jpg"; got != want {
		t.Errorf("jobName = %q, want %q", got, want)
	}
	if d := cmp.Diff(map[string]string{"input": "s3://incoming/in/red flower+1.jpg"}, in.Parameters); d != "" {
		t.Errorf("parameters (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"run", "--input", "Ref::input", "--bytes", "7"}, in.ContainerOverrides.Command); d != "" {
		t.Errorf("command (-want +got):\n%s", d)
	}
	env := map[string]string{}
	for _, v := range in.ContainerOverrides.Environment {
		env[*v.Name] = *v.Value
	}
	if d := cmp.Diff(map[string]string{"VERSION": "v1", "ETAG": "e-v1"}, env); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{
		"team": "a", "packhorse:trigger": "ingest", "packhorse:object": "s3://incoming/in/red flower+1.jpg",
	}, in.Tags); d != "" {
		t.Errorf("tags (-want +got):\n%s", d)
	}
	d := s.described("ingest")
	if d.Submitted != 1 || d.Repeated != 0 || d.Failed != 0 || d.LastJobID != report.Jobs[0].JobID || d.LastSubmittedAt != batch.MillisOf(start) {
		t.Errorf("the trigger shows %+v, want one job", d)
	}
}

func TestWhichEventsCount(t *testing.T) {
	tests := map[string]struct {
		rule func(*batch.Trigger)
		body string
		want int // jobs
	}{
		"any object that is created":      {func(*batch.Trigger) {}, put("k", "1"), 1},
		"another bucket":                  {func(r *batch.Trigger) { r.Bucket = "other" }, put("k", "1"), 0},
		"the prefix fits":                 {func(r *batch.Trigger) { r.Prefix = "in/" }, put("in/k", "1"), 1},
		"the prefix does not fit":         {func(r *batch.Trigger) { r.Prefix = "in/" }, put("out/in/k", "1"), 0},
		"the suffix fits":                 {func(r *batch.Trigger) { r.Suffix = ".gz" }, put("k.gz", "1"), 1},
		"the suffix does not fit":         {func(r *batch.Trigger) { r.Suffix = ".gz" }, put("k.gz.tmp", "1"), 0},
		"prefix and suffix overlap":       {func(r *batch.Trigger) { r.Prefix, r.Suffix = "abc", "bcd" }, put("abcd", "1"), 1},
		"a star is a star":                {func(r *batch.Trigger) { r.Prefix = "in/*" }, put("in/k", "1"), 0},
		"the prefix is not URL-encoded":   {func(r *batch.Trigger) { r.Prefix = "a b+" }, put("a+b%2Bc", "1"), 1},
		"removed, created was asked":      {func(*batch.Trigger) {}, strings.ReplaceAll(put("k", "1"), "ObjectCreated:Put", "ObjectRemoved:Delete"), 0},
		"removed was asked":               {func(r *batch.Trigger) { r.Events = []string{"s3:ObjectRemoved:*"} }, strings.ReplaceAll(put("k", "1"), "ObjectCreated:Put", "ObjectRemoved:Delete"), 1},
		"copied, put was asked":           {func(r *batch.Trigger) { r.Events = []string{"s3:ObjectCreated:Put"} }, strings.ReplaceAll(put("k", "1"), "ObjectCreated:Put", "ObjectCreated:Copy"), 0},
		"the test event of S3":            {func(*batch.Trigger) {}, `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"incoming"}`, 0},
		"two objects in one message":      {func(*batch.Trigger) {}, `{"Records":[` + putRecord("a", "1") + "," + putRecord("b", "1") + `]}`, 2},
		"two messages in a list":          {func(*batch.Trigger) {}, `[` + put("a", "1") + "," + put("b", "1") + `]`, 2},
		"one object twice in one message": {func(*batch.Trigger) {}, `{"Records":[` + putRecord("a", "1") + "," + putRecord("a", "1") + `]}`, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.create(ingest(test.rule))
			s.handle(test.body)
			if got := len(s.submitted()); got != test.want {
				t.Errorf("%d jobs, want %d", got, test.want)
			}
		})
	}
}

func TestEachRuleThatMatchesMakesItsJob(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.create(ingest(func(r *batch.Trigger) { r.Name = "audit" }))
	s.create(ingest(func(r *batch.Trigger) { r.Name, r.Prefix = "elsewhere", "elsewhere/" }))
	report := s.handle(put("k", "1"))
	var names []string
	for _, j := range report.Jobs {
		names = append(names, j.Trigger)
	}
	if d := cmp.Diff([]string{"audit", "ingest"}, names); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
	if got := len(s.submitted()); got != 2 {
		t.Errorf("%d jobs, want 2", got)
	}
}

// S3 delivers at least once, and SQS keeps a message for 14 days.
func TestAnObjectVersionMakesOneJobHoweverOftenAndLateItIsTold(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	first := s.handle(put("k", "1")).Jobs[0].JobID
	for _, later := range []time.Duration{0, time.Second, 2 * time.Hour, 14 * 24 * time.Hour} {
		s.now = start.Add(later)
		if _, err := s.memory.Purge(t.Context(), s.now, 1000); err != nil {
			t.Fatal(err)
		}
		job := s.handle(put("k", "1")).Jobs[0]
		if job.JobID != first || !job.Repeated {
			t.Errorf("told again after %v: %+v, want job %s, repeated", later, job, first)
		}
	}
	if got := len(s.submitted()); got != 1 {
		t.Errorf("%d jobs, want one", got)
	}
	if d := s.described("ingest"); d.Submitted != 1 || d.Repeated != 4 {
		t.Errorf("the trigger counts %d jobs and %d repetitions, want 1 and 4", d.Submitted, d.Repeated)
	}
	if again := s.handle(put("k", "2")).Jobs[0]; again.JobID == first || again.Repeated {
		t.Errorf("another version of the object: %+v, want a new job", again)
	}
}

func TestAnObjectVersionThatIsToldAtTheSameTimeMakesOneJob(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	jobs := make([]string, 16)
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() {
			report, err := s.Handle(t.Context(), []byte(put("k", "1")))
			if err != nil {
				t.Error(err)
				return
			}
			jobs[i] = report.Jobs[0].JobID
		})
	}
	all.Wait()
	for _, id := range jobs {
		if id != jobs[0] {
			t.Fatalf("deliveries of one event made jobs %q", jobs)
		}
	}
	if got := len(s.submitted()); got != 1 {
		t.Errorf("%d jobs, want one", got)
	}
	if d := s.described("ingest"); d.Submitted != 1 || d.Repeated != int64(len(jobs))-1 {
		t.Errorf("the trigger counts %d jobs and %d repetitions, want 1 and %d", d.Submitted, d.Repeated, len(jobs)-1)
	}
}

// A rule that was made anew is another one: what its predecessor did is not its own.
func TestARuleMadeAnewStartsAnew(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.handle(put("k", "1"))
	s.must(s.DeleteTrigger(t.Context(), "ingest"))
	if report := s.handle(put("k", "1")); report.Unmatched != 1 {
		t.Errorf("without a rule the report is %+v, want the event unmatched", report)
	}
	s.create(ingest())
	if job := s.handle(put("k", "1")).Jobs[0]; job.Repeated {
		t.Errorf("told to the new rule: %+v, want a new job", job)
	}
}

func TestWhatCannotBeSubmittedIsOneDeadLetter(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.enable(types.JQStateDisabled)
	for range 3 {
		report := s.handle(put("in/k", "1"))
		if len(report.Jobs) != 0 || len(report.DeadLetters) != 1 {
			t.Fatalf("report = %+v, want one dead letter", report)
		}
		s.now = s.now.Add(time.Minute)
	}
	all := s.letters()
	if len(all) != 1 {
		t.Fatalf("%d dead letters, want one: %+v", len(all), all)
	}
	letter := all[0]
	if letter.Attempts != 3 || letter.FirstAt != batch.MillisOf(start) || letter.LastAt != batch.MillisOf(start.Add(2*time.Minute)) ||
		letter.ExpiresAt != letter.LastAt.Add(14*24*time.Hour) || letter.Trigger != "ingest" || letter.Event.URI() != "s3://incoming/in/k" {
		t.Errorf("dead letter %+v, want three attempts of s3://incoming/in/k by ingest", letter)
	}
	if !strings.Contains(letter.Reason, "DISABLED") || !strings.Contains(letter.Reason, "enable it") {
		t.Errorf("reason %q, want what is wrong and what to do", letter.Reason)
	}
	d := s.described("ingest")
	if d.Failed != 1 || d.LastFailure == nil || d.LastFailure.DeadLetter != letter.ID || d.LastFailure.Object != "s3://incoming/in/k" || d.LastFailure.Reason != letter.Reason {
		t.Errorf("the trigger shows %d failures, the last %+v, want one: %s", d.Failed, d.LastFailure, letter.ID)
	}

	s.enable(types.JQStateEnabled)
	if report := s.handle(put("in/k", "1")); len(report.Jobs) != 1 || report.Jobs[0].Repeated {
		t.Errorf("told again when the queue is enabled: %+v, want a job", report)
	}
	if all := s.letters(); len(all) != 0 {
		t.Errorf("dead letters %+v, want none: the job was made after all", all)
	}
}

func TestADeadLetterIsTriedAgain(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.enable(types.JQStateDisabled)
	s.handle(put("k", "1"))
	id := s.letters()[0].ID

	if _, err := s.RetryDeadLetter(t.Context(), id); err == nil || !strings.Contains(err.Error(), "DISABLED") {
		t.Errorf("tried again too early = %v, want the reason", err)
	}
	if letter := s.letters()[0]; letter.Attempts != 2 {
		t.Errorf("%d attempts, want 2", letter.Attempts)
	}
	s.enable(types.JQStateEnabled)
	job, err := s.RetryDeadLetter(t.Context(), id)
	s.must(err)
	if all := s.submitted(); len(all) != 1 || all[0].ID != job.JobID {
		t.Errorf("jobs %+v, want %s", all, job.JobID)
	}
	if all := s.letters(); len(all) != 0 {
		t.Errorf("dead letters %+v, want none", all)
	}
	if d := s.described("ingest"); d.Submitted != 1 || d.Failed != 1 {
		t.Errorf("the trigger counts %d jobs and %d failures, want 1 and 1", d.Submitted, d.Failed)
	}
	if job := s.handle(put("k", "1")).Jobs[0]; !job.Repeated {
		t.Errorf("delivered after that: %+v, want it recognised", job)
	}
	if _, err := s.RetryDeadLetter(t.Context(), id); batch.CodeOf(err) != batch.CodeNotFound {
		t.Errorf("tried again when it is gone = %v, want not found", err)
	}
}

func TestADeadLetterOutlivesItsRule(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.enable(types.JQStateDisabled)
	s.handle(put("k", "1"))
	s.enable(types.JQStateEnabled)
	id := s.letters()[0].ID
	s.must(s.DeleteTrigger(t.Context(), "ingest"))
	if _, err := s.RetryDeadLetter(t.Context(), id); err == nil || !strings.Contains(err.Error(), "create it again") {
		t.Errorf("tried again without its rule = %v, want what to do", err)
	}
	s.create(ingest(func(r *batch.Trigger) { r.Tags = map[string]string{"made": "anew"} }))
	if _, err := s.RetryDeadLetter(t.Context(), id); err != nil {
		t.Errorf("tried again by the rule of that name = %v", err)
	}
	if in := s.request(); in.Tags["made"] != "anew" {
		t.Errorf("tags %v, want those of the rule as it is now", in.Tags)
	}
	if err := s.DeleteDeadLetter(t.Context(), id); batch.CodeOf(err) != batch.CodeNotFound {
		t.Errorf("DeleteDeadLetter of one that is gone = %v, want not found", err)
	}
}

func TestADefinitionThatIsGoneDoesNotStopOtherRules(t *testing.T) {
	s := newScene(t)
	s.define("gone", "run")
	s.create(ingest(func(r *batch.Trigger) { r.Name, r.JobDefinition = "broken", "gone" }))
	s.create(ingest())
	_, err := s.control.DeregisterJobDefinition(t.Context(), &awsbatch.DeregisterJobDefinitionInput{JobDefinition: new("gone:1")})
	s.must(err)
	report := s.handle(put("k", "1"))
	if len(report.Jobs) != 1 || report.Jobs[0].Trigger != "ingest" || len(report.DeadLetters) != 1 || report.DeadLetters[0].Trigger != "broken" {
		t.Errorf("report = %+v, want a job of ingest and a dead letter of broken", report)
	}
}

func TestABrokenRecordIsADeadLetterAndTheOthersAreServed(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	body := `{"Records":[` + putRecord("a", "1") + `,` + putRecord("50%", "1") + `,{"eventSource":"aws:sqs","body":"hello"},` + putRecord("b", "1") + `]}`
	for range 2 {
		if report := s.handle(body); len(report.Jobs) != 2 || len(report.DeadLetters) != 2 {
			t.Errorf("report = %+v, want two jobs and two dead letters", report)
		}
	}
	all := s.letters()
	if len(all) != 2 {
		t.Fatalf("%d dead letters, want two", len(all))
	}
	for _, letter := range all {
		if letter.Trigger != "" || letter.Attempts != 2 || letter.Raw == "" || letter.Reason == "" {
			t.Errorf("dead letter %+v, want the text and why it cannot be read", letter)
		}
		if _, err := s.RetryDeadLetter(t.Context(), letter.ID); err == nil || !strings.Contains(err.Error(), "delete") {
			t.Errorf("tried again = %v, want to be told to delete it", err)
		}
		s.must(s.DeleteDeadLetter(t.Context(), letter.ID))
	}
	if all := s.letters(); len(all) != 0 {
		t.Errorf("dead letters %+v, want none", all)
	}
}

func TestAMessageThatCannotBeRead(t *testing.T) {
	s := newScene(t)
	if _, err := s.Handle(t.Context(), []byte("hello")); batch.CodeOf(err) != batch.CodeInvalid {
		t.Errorf("Handle = %v, want it refused", err)
	}
	if all := s.letters(); len(all) != 0 {
		t.Errorf("a refusal leaves dead letters %+v, want none: the sender was told", all)
	}
	s.create(ingest())
	// Whatever its size: a record has room for a part of it.
	long := strings.Repeat("x", 1<<20)
	for name, body := range map[string]string{
		"no JSON":           "hello\xff" + long,
		"a long key":        put(long, "1"),
		"a long broken key": put(long+"%", "1"),
		"a long version":    put("k", long),
	} {
		report, err := s.Take(t.Context(), []byte(body))
		if err != nil || len(report.DeadLetters) != 1 || len(report.Jobs) != 0 {
			t.Errorf("%s: Take = %+v, %v, want a dead letter", name, report, err)
		}
	}
}

var errBroken = fmt.Errorf("%w: the disk is full", store.ErrUnavailable)

// What the store could not do is delivered again as a whole; what was done already is
// recognised then.
func TestAStoreThatFailsAsksForAnotherDelivery(t *testing.T) {
	for fail := range 6 {
		t.Run(fmt.Sprintf("write %d fails", fail), func(t *testing.T) {
			s := newScene(t)
			s.create(ingest())
			s.queue("q2", "")
			s.create(ingest(func(r *batch.Trigger) { r.Name, r.JobQueue = "stuck", "q2" }))
			_, err := s.control.UpdateJobQueue(t.Context(), &awsbatch.UpdateJobQueueInput{JobQueue: new("q2"), State: types.JQStateDisabled})
			s.must(err)

			writes := 0
			s.faults.refuse = func([]store.Op) error {
				if writes++; writes == fail+1 {
					return errBroken
				}
				return nil
			}
			body := `{"Records":[` + putRecord("a", "1") + `,` + putRecord("b", "1") + `]}`
			_, err = s.Handle(t.Context(), []byte(body))
			if err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Handle = %v, want the store's error", err)
			}
			counting := fail >= 4 // two jobs and two dead letters come before the counts
			if (err == nil) != counting {
				t.Errorf("Handle = %v, want an error: %v", err, !counting)
			}
			s.faults.refuse = nil
			report := s.handle(body)
			if len(report.Jobs) != 2 || len(report.DeadLetters) != 2 {
				t.Errorf("delivered again: %+v, want two jobs and two dead letters", report)
			}
			if jobs, letters := len(s.submitted()), len(s.letters()); jobs != 2 || letters != 2 {
				t.Errorf("%d jobs and %d dead letters, want two of each", jobs, letters)
			}
		})
	}
}

// The write was done, and its answer lost.
func TestAnAnswerOfTheStoreThatIsLostMakesNoSecondJob(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	s.faults.after = func([]store.Op) error { return errors.New("connection reset") }
	if _, err := s.Handle(t.Context(), []byte(put("k", "1"))); err != nil {
		t.Logf("the first delivery: %v", err) // SubmitJob may notice that it was done
	}
	s.faults.after = nil
	s.handle(put("k", "1"))
	if got := len(s.submitted()); got != 1 {
		t.Errorf("%d jobs, want one", got)
	}
}

func TestCountsSurviveOtherWriters(t *testing.T) {
	s := newScene(t)
	s.create(ingest())
	const messages = 8
	var all sync.WaitGroup
	for i := range messages {
		all.Go(func() {
			if _, err := s.Handle(t.Context(), []byte(put(fmt.Sprintf("k%d", i), "1"))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if d := s.described("ingest"); d.Submitted != messages {
		t.Errorf("the trigger counts %d jobs, want %d", d.Submitted, messages)
	}
}
