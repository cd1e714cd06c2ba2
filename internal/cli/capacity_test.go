package cli

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

func TestQueues(t *testing.T) {
	w, _ := aDay(t)
	w.server.Queue("low").State = types.JQStateDisabled
	golden(t, "queues", w.ok("queues"))
	golden(t, "queues-detail", w.ok("queues", "high"))
	golden(t, "queues-json", w.ok("queues", "high", "-o", "json"))
	same(t, "names", w.ok("queues", "-q"), "high\nlow\n")
	same(t, "without counts", w.ok("queues", "--no-counts"), `NAME  STATE     STATUS  PRIORITY  ENVIRONMENTS
high  ENABLED   VALID         10  high-env
low   DISABLED  VALID         10  low-env
`)
	same(t, "one that is not", w.fails(ExitFailure, "queues", "nope"), "packhorse: there is no job queue \"nope\"\nnext: use one that exists: high, low\n")
}

func TestQueuesCountNoFurtherThanAPage(t *testing.T) {
	w, _ := aDay(t)
	w.server.PageSize = 1
	if got := w.ok("queues"); !strings.Contains(got, "1\n") || strings.Contains(got, "+") {
		t.Errorf("one job in each status is one job:\n%s", got)
	}
	other := w.server.Submit("another", "high", "align")
	w.put(other, types.JobStatusRunnable)
	if got := w.ok("queues"); !strings.Contains(got, "1+") {
		t.Errorf("more than a page is counted as 1+:\n%s", got)
	}
}

func TestEnvironments(t *testing.T) {
	w, _ := aDay(t)
	e := w.server.Environment("low-env")
	e.Status, e.StatusReason = types.CEStatusInvalid, aws.String("CLIENT_ERROR - Not authorized to perform sts:AssumeRole")
	e.ComputeResources.Type = types.CRTypeFargate
	golden(t, "environments", w.ok("environments"))
	golden(t, "environments-detail", w.ok("environments", "high-env"))
	golden(t, "environments-json", w.ok("environments", "high-env", "-o", "json"))
	same(t, "names", w.ok("environments", "-o", "id"), "high-env\nlow-env\n")
}

func TestDefinitions(t *testing.T) {
	w, _ := aDay(t)
	w.ok("apply", "-f", w.file("d.yaml", `
jobDefinitions:
- jobDefinitionName: align
  type: container
  parameters: {sample: none}
  retryStrategy:
    attempts: 3
    evaluateOnExit:
    - {onStatusReason: Host EC2*, action: RETRY}
    - {onReason: "*", action: EXIT}
  timeout: {attemptDurationSeconds: 600}
  containerProperties:
    image: biocontainers/bwa:0.7
    command: [bwa, mem, "Ref::sample"]
    environment: [{name: THREADS, value: "4"}]
    resourceRequirements: [{type: VCPU, value: "4"}, {type: MEMORY, value: "8192"}, {type: GPU, value: "1"}]
`))
	golden(t, "definitions", w.ok("definitions"))
	golden(t, "definitions-all", w.ok("definitions", "--all"))
	golden(t, "definitions-detail", w.ok("definitions", "align", "align:1"))
	same(t, "names", w.ok("definitions", "-q"), "align:2\ncall:1\n")
	same(t, "one that is not", w.fails(ExitFailure, "definitions", "align:3"),
		"packhorse: there is no job definition \"align:3\"\nnext: `packhorse definitions --all` lists what there is, inactive revisions too\n")
}

func TestEmptyListings(t *testing.T) {
	w := newWorld(t)
	for command, note := range map[string]string{
		"queues":       "No job queues. Make one with `packhorse apply -f FILE`.\n",
		"environments": "No compute environments. Make one with `packhorse apply -f FILE`.\n",
		"definitions":  "No job definitions. Make one with `packhorse apply -f FILE`, or submit with --image.\n",
		"jobs":         "No jobs.\n",
	} {
		same(t, command, w.ok(command), "")
		same(t, command+", note", w.err.String(), note)
	}
	same(t, "json", w.ok("queues", "-o", "json"), "{\n    \"jobQueues\": []\n}\n")
}
