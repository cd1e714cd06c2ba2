package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/api"
	domain "github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/triggers"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// triggerWorld is a world whose server has triggers, the queue "q" and the definition
// "d". Its jobs are "job-1", "job-2" and so on, while refusal is nil.
type triggerWorld struct {
	*world
	records *store.Records
	refusal error
	jobs    int
}

// SubmitJob remembers calls as that of Packhorse does.
func (w *triggerWorld) SubmitJob(ctx context.Context, _ *batch.SubmitJobInput) (*batch.SubmitJobOutput, error) {
	if w.refusal != nil {
		return nil, w.refusal
	}
	w.jobs++
	id := fmt.Sprintf("job-%d", w.jobs)
	return &batch.SubmitJobOutput{JobId: &id}, w.records.Write(ctx, w.records.PutOnce(invocation.From(ctx), id, w.now))
}

// noService stands for the operations of AWS Batch, which these commands do not call.
type noService struct{ api.Service }

func newTriggerWorld(t *testing.T, config api.Config) *triggerWorld {
	t.Helper()
	records := store.New(mem.Open(), store.Options{})
	w := &triggerWorld{world: newWorld(t), records: records}
	ops := append(
		records.PutNewDefinition(store.Definition{Detail: types.JobDefinition{
			JobDefinitionName: aws.String("d"), Revision: aws.Int32(1), Status: aws.String(store.Active),
			ContainerProperties: &types.ContainerProperties{Image: aws.String("busybox")},
		}}, 0),
		records.PutQueue(store.Queue{Detail: types.JobQueueDetail{JobQueueName: aws.String("q"), State: types.JQStateEnabled}}),
	)
	if err := records.Write(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	ids := 0
	config.Service, config.Account = noService{}, domain.Account{Region: "us-east-1", ID: "123456789012"}
	config.Triggers = triggers.New(triggers.Config{
		Records: records, Jobs: w, Now: func() time.Time { return w.now },
		NewID: func() string { ids++; return fmt.Sprint(ids) },
	})
	server := httptest.NewServer(api.New(config))
	t.Cleanup(server.Close)
	w.env["PACKHORSE_ENDPOINT"] = server.URL
	return w
}

// put tells the server of an object.
func (w *triggerWorld) tell(key string) {
	w.Helper()
	body := `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"incoming"},"object":{"key":"` + key + `","sequencer":"1"}}}]}`
	r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.env["PACKHORSE_ENDPOINT"]+"/events/s3", strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		w.Fatalf("the event is answered with %s", answer.Status)
	}
}

// create makes the trigger "ingest".
func (w *triggerWorld) create() string {
	w.Helper()
	return w.ok("triggers", "create", "ingest", "--bucket", "incoming", "--prefix", "in/", "--suffix", ".csv", "--queue", "q", "--definition", "d",
		"--event", "s3:ObjectCreated:Put", "--event", "ObjectCreated:Copy", "--param", "input=s3://{bucket}/{key}", "--env", "VERSION={version}",
		"--tag", "team=a", "--", "load", "{key}")
}

func TestTriggers(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	if out := w.ok("triggers", "list"); out != "" || !strings.Contains(w.err.String(), "No triggers.") {
		t.Errorf("without triggers: %q, %q", out, w.err.String())
	}
	golden(t, "triggers-create", w.create())
	if out := w.ok("triggers", "create", "audit", "--bucket", "incoming", "--queue", "q", "--definition", "d", "-q"); out != "audit\n" {
		t.Errorf("create -q = %q, want the name", out)
	}
	w.tell("in/a.csv")
	w.tell("in/a.csv")
	w.refusal = domain.Invalid("Job queue q is DISABLED.")
	w.now = w.now.Add(10 * time.Minute)
	w.tell("in/b.csv")
	w.now = w.now.Add(5 * time.Minute)
	golden(t, "triggers-list", w.ok("triggers", "list"))
	golden(t, "triggers-describe", w.ok("triggers", "describe", "ingest"))
	golden(t, "triggers-json", w.ok("triggers", "list", "-o", "json"))
	if out := w.ok("triggers", "list", "-q"); out != "audit\ningest\n" {
		t.Errorf("list -q = %q", out)
	}
	if out := w.ok("triggers", "delete", "audit"); out != "audit  deleted\n" {
		t.Errorf("delete = %q", out)
	}
	same(t, "delete again", w.fails(ExitFailure, "triggers", "delete", "audit"), `packhorse: audit: there is no trigger "audit". List the triggers to see those that exist.`+"\n")
	same(t, "describe what is not there", w.fails(ExitFailure, "triggers", "describe", "audit"),
		"packhorse: there is no trigger \"audit\"\nnext: `packhorse triggers list` lists what there is\n")
}

func TestTriggerFailures(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	w.create()
	if out := w.ok("triggers", "failures"); out != "" || !strings.Contains(w.err.String(), "No failures.") {
		t.Errorf("without failures: %q, %q", out, w.err.String())
	}
	w.refusal = domain.Invalid("Job queue q is DISABLED.")
	w.tell("in/a.csv")
	w.now = w.now.Add(time.Minute)
	w.tell("in/b.csv")
	golden(t, "triggers-failures", w.ok("triggers", "failures"))
	golden(t, "triggers-failures-json", w.ok("triggers", "failures", "-o", "json"))
	ids := strings.Fields(w.ok("triggers", "failures", "-q"))
	if len(ids) != 2 {
		t.Fatalf("failures -q = %q, want two ids", ids)
	}
	if got := w.fails(ExitFailure, "triggers", "failures", "--retry", ids[0]); !strings.Contains(got, "DISABLED") {
		t.Errorf("--retry while the queue is disabled = %q, want the reason", got)
	}
	w.refusal = nil
	if out, want := w.ok("triggers", "failures", "--retry", ids[0]), ids[0]+"  s3://incoming/in/b.csv  job job-1\n"; out != want {
		t.Errorf("--retry = %q, want %q", out, want)
	}
	if out, want := w.ok("triggers", "failures", "--trigger", "ingest", "--discard"), ids[1]+"  given up\n"; out != want {
		t.Errorf("--discard = %q, want %q", out, want)
	}
	if out := w.ok("triggers", "failures", "-o", "json"); !strings.Contains(out, `"deadLetters": []`) {
		t.Errorf("at the end there are %s", out)
	}
	if out := w.ok("triggers", "failures", "--retry", "-o", "json"); !strings.Contains(out, `"jobs": []`) {
		t.Errorf("--retry of nothing = %s", out)
	}
}

func TestATriggerIsReadFromAFile(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	rule := w.file("rule.yaml", `
name: ingest
bucket: incoming
events: ["s3:ObjectCreated:*"]
jobQueue: q
jobDefinition: d
environment:
  - {name: KEY, value: "{key}"}
`)
	out := w.ok("triggers", "create", "-f", rule, "--prefix", "in/", "-o", "json")
	for _, part := range []string{`"name": "ingest"`, `"prefix": "in/"`, `"value": "{key}"`} {
		if !strings.Contains(out, part) {
			t.Errorf("create -f = %s, want %s in it", out, part)
		}
	}
	wrong := w.file("wrong.json", `{"name":"x","preffix":"in/"}`)
	if got := w.fails(ExitUsage, "triggers", "create", "-f", wrong); !strings.Contains(got, "preffix") {
		t.Errorf("a misspelt member = %q, want it named", got)
	}
}

func TestWhatIsWrongWithACommandLineOfTriggers(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	good := []string{"triggers", "create", "n", "--bucket", "incoming", "--queue", "q", "--definition", "d"}
	for name, test := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"no such command":      {[]string{"triggers", "lst"}, ExitUsage, `did you mean list?`},
		"no name":              {[]string{"triggers", "create", "--bucket", "b"}, ExitUsage, "needs a name"},
		"two names":            {append(good, "m"), ExitUsage, "after --"},
		"no bucket":            {[]string{"triggers", "create", "n"}, ExitUsage, "give --bucket"},
		"no definition":        {[]string{"triggers", "create", "n", "--bucket", "b"}, ExitUsage, "give --definition"},
		"no value":             {append(good, "--param", "x"), ExitUsage, "--param \"x\" is not KEY=VALUE"},
		"no variable":          {append(good, "--env", "=x"), ExitUsage, "--env"},
		"two commands":         {append(good, "--command", "a", "--", "b"), ExitUsage, "given twice"},
		"an open quote":        {append(good, "--command", "'a"), ExitUsage, "not closed"},
		"unknown braces":       {append(good, "--env", "A={objekt}"), ExitFailure, "{objekt}"},
		"an unknown queue":     {append(good, "--queue", "nope"), ExitFailure, `jobQueue "nope" does not exist. Create it`},
		"no limit":             {[]string{"triggers", "failures", "--limit", "0"}, ExitUsage, "--limit"},
		"two wishes":           {[]string{"triggers", "failures", "--retry", "--discard"}, ExitUsage, "exclude"},
		"everything discarded": {[]string{"triggers", "failures", "--discard"}, ExitUsage, "--trigger"},
		"an unknown failure":   {[]string{"triggers", "failures", "nope"}, ExitFailure, "there is no dead letter"},
		"AWS itself":           {[]string{"--endpoint", "aws", "triggers", "list"}, ExitUsage, "AWS Batch has no S3 triggers"},
	} {
		if got := w.fails(test.exit, test.args...); !strings.Contains(got, test.want) {
			t.Errorf("%s: packhorse %s says %q, want %q in it", name, strings.Join(test.args, " "), got, test.want)
		}
	}
}

func TestTriggersOfAServerWithKeys(t *testing.T) {
	w := newTriggerWorld(t, api.Config{Keys: map[string]string{"KEY": "secret"}, Now: time.Now})
	w.Setenv("AWS_ACCESS_KEY_ID", "KEY")
	w.env["AWS_ACCESS_KEY_ID"] = "KEY"
	w.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	w.create()
	if out := w.ok("triggers", "describe", "ingest", "-o", "json"); !strings.Contains(out, `"name": "ingest"`) {
		t.Errorf("describe = %s", out)
	}
	w.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if got := w.fails(ExitFailure, "triggers", "list"); !strings.Contains(got, "check AWS_ACCESS_KEY_ID") {
		t.Errorf("with a wrong secret = %q, want what to check", got)
	}
}

func TestAServerWithoutTriggers(t *testing.T) {
	w := newWorld(t) // moto, an older server: they know no such path
	if got := w.fails(ExitFailure, "triggers", "list"); !strings.Contains(got, "no S3 triggers") && !strings.Contains(got, "packhorse:") {
		t.Errorf("triggers list = %q", got)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w.env["PACKHORSE_ENDPOINT"] = server.URL
	if got := w.fails(ExitFailure, "triggers", "list"); !strings.Contains(got, "this server has no S3 triggers") {
		t.Errorf("triggers list = %q, want it said", got)
	}
	server.Close()
	if got := w.fails(ExitFailure, "triggers", "list"); !strings.Contains(got, "no server at") {
		t.Errorf("triggers list without a server = %q", got)
	}
}

func TestTriggersAreCompleted(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	w.create()
	if out := w.ok("__complete", "triggers", "describe", "in"); !strings.HasPrefix(out, "ingest\t") {
		t.Errorf("completion of in = %q, want ingest", out)
	}
}

var errDisk = errors.New("the disk is full")

func TestAFailureOfTheServerIsToldAsOne(t *testing.T) {
	w := newTriggerWorld(t, api.Config{})
	w.create()
	w.refusal = domain.Invalid("no")
	w.tell("in/a.csv")
	w.refusal = errDisk
	if got := w.fails(ExitFailure, "triggers", "failures", "--retry"); !strings.Contains(got, "try again") {
		t.Errorf("--retry = %q, want to be told to try again", got)
	}
}
