package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// fleet is a file with one of each, in an order that cannot be applied as it stands.
const fleet = `
jobQueues:
- jobQueueName: high
  priority: 10
  schedulingPolicyArn: teams
  computeEnvironmentOrder:
  - {order: 1, computeEnvironment: spot}
---
# capacity
computeEnvironments:
- computeEnvironmentName: spot
  type: MANAGED
  serviceRole: BatchRole
  tags: {owner: lab}
  computeResources:
    type: SPOT
    minvCpus: 0
    maxvCpus: 16
    desiredvCpus: 2
    instanceTypes: [m6i, c6i]
    subnets: [subnet-1]
    securityGroupIds: [sg-1]
schedulingPolicies:
- name: teams
  fairsharePolicy:
    shareDecaySeconds: 600
    shareDistribution:
    - {shareIdentifier: b, weightFactor: 1}
    - {shareIdentifier: a, weightFactor: 0.5}
jobDefinitions:
- jobDefinitionName: align
  type: container
  containerProperties:
    image: bwa
    command: [bwa, mem]
    environment: [{name: Z, value: "1"}, {name: A, value: ""}]
    resourceRequirements: [{type: VCPU, value: 2}, {type: MEMORY, value: 2048}]
`

// applied is a world in which fleet has been applied.
func applied(t *testing.T) *world {
	w := newWorld(t)
	w.in = fleet
	w.script = []func(){func() {}, func() {}, func() {}, func() {}} // things settle
	w.ok("apply", "-f", "-")
	return w
}

func TestApplyMakesWhatIsMissingInTheOrderOfNeed(t *testing.T) {
	w := newWorld(t)
	w.in = fleet
	w.script = []func(){func() {}, func() {}, func() {}, func() {}}
	golden(t, "apply-create", w.ok("apply", "-f", "-"))
	var made []string
	for _, c := range w.server.Calls() {
		if strings.HasPrefix(c, "create") || strings.HasPrefix(c, "register") {
			made = append(made, c)
		}
	}
	if want := []string{"createschedulingpolicy", "createcomputeenvironment", "createjobqueue", "registerjobdefinition"}; !slices.Equal(made, want) {
		t.Errorf("made in the order %q, want %q", made, want)
	}
}

func TestApplyOfTheSameFileChangesNothing(t *testing.T) {
	w := applied(t)
	w.server.Environment("spot").ComputeResources.DesiredvCpus = aws.Int32(9) // the service scales
	w.server.Environment("spot").ServiceRole = aws.String("arn:aws:iam::123456789012:role/BatchRole")
	same(t, "output", w.ok("apply", "-f", "-"), `policy/teams: unchanged
environment/spot: unchanged
queue/high: unchanged
definition/align: unchanged
`)
}

func TestApplyUpdatesWhatDiffers(t *testing.T) {
	w := applied(t)
	for _, change := range [][2]string{
		{"maxvCpus: 16", "maxvCpus: 64"},
		{"{owner: lab}", "{owner: lab, cost: x}"},
		{"priority: 10", "priority: 20\n  state: DISABLED"},
		{"shareDecaySeconds: 600", "shareDecaySeconds: 3600"},
		{"image: bwa", "image: bwa:2"},
	} {
		w.in = strings.Replace(orFirst(w.in, fleet), change[0], change[1], 1)
	}
	golden(t, "apply-dry-run", w.ok("apply", "-f", "-", "--dry-run"))
	if got := aws.ToInt32(w.server.Queue("high").Priority); got != 10 {
		t.Fatalf("--dry-run changed the priority to %d", got)
	}
	golden(t, "apply-update", w.ok("apply", "-f", "-"))
	golden(t, "apply-update-json", func() string {
		w.in = strings.Replace(w.in, "image: bwa:2", "image: bwa:3", 1)
		return w.ok("apply", "-f", "-", "-o", "json")
	}())
	e := w.server.Environment("spot")
	if got := aws.ToInt32(e.ComputeResources.MaxvCpus); got != 64 || e.Tags["cost"] != "x" {
		t.Errorf("maxvCpus = %d, tags %v, want 64 and cost=x", got, e.Tags)
	}
	if got := aws.ToInt32(e.ComputeResources.DesiredvCpus); got != 2 {
		t.Errorf("desiredvCpus = %d, want it left at 2", got)
	}
	if q := w.server.Queue("high"); aws.ToInt32(q.Priority) != 20 || q.State != types.JQStateDisabled {
		t.Errorf("queue: priority %d, %s, want 20, DISABLED", *q.Priority, q.State)
	}
	same(t, "again", w.ok("apply", "-f", "-", "-o", "text"), `policy/teams: unchanged
environment/spot: unchanged
queue/high: unchanged
definition/align: unchanged
`)
}

func orFirst(now, first string) string {
	if now == "" {
		return first
	}
	return now
}

func TestAWholeDefinitionIsComparedSoWhatIsLeftOutGoesAway(t *testing.T) {
	w := applied(t)
	w.in = "jobDefinitions:\n- {jobDefinitionName: align, type: container, containerProperties: {image: bwa, resourceRequirements: [{type: VCPU, value: 2}, {type: MEMORY, value: 2048}]}}\n"
	golden(t, "apply-definition", w.ok("apply", "-f", "-"))
}

func TestApplyGoesOnAfterAFailureAndSkipsWhatNeedsIt(t *testing.T) {
	w := newWorld(t)
	w.in = fleet
	w.server.Invalid["spot"] = "CLIENT_ERROR - Not authorized to perform sts:AssumeRole"
	w.script = []func(){func() {}, func() {}}
	errors := w.fails(ExitFailure, "apply", "-f", "-")
	_, results, _ := strings.Cut(w.out.String(), "+type: container\n")
	same(t, "results", results, `policy/teams: created
environment/spot: failed: it is INVALID: CLIENT_ERROR - Not authorized to perform sts:AssumeRole
queue/high: skipped: it needs environment/spot, which could not be applied
definition/align: registered as revision 1
`)
	same(t, "errors", errors, "packhorse: 2 of 4 resources could not be applied\n")
}

func TestApplySaysWhatCannotBeUpdated(t *testing.T) {
	w := applied(t)
	w.in = "computeEnvironments:\n- {computeEnvironmentName: spot, type: UNMANAGED}\n"
	for _, args := range [][]string{{"--dry-run"}, nil} {
		w.fails(ExitFailure, append([]string{"apply", "-f", "-"}, args...)...)
		if got := w.out.String(); !strings.Contains(got, "type of an existing environment cannot be changed\n  next: give it another name in the file, or delete it and apply again\n") {
			t.Errorf("apply %v:\n%s", args, got)
		}
	}
}

func TestApplyGivesUpWaiting(t *testing.T) {
	w := newWorld(t)
	w.in = "computeEnvironments:\n- {computeEnvironmentName: slow, type: MANAGED}\n"
	for range 10 {
		w.script = append(w.script, func() {
			e := w.server.Environment("slow")
			e.Status, e.StatusReason = types.CEStatusCreating, aws.String("making the cluster")
		})
	}
	w.fails(ExitFailure, "apply", "-f", "-", "--timeout", "2s")
	if got := w.out.String(); !strings.Contains(got, "environment/slow: failed: it is still CREATING: making the cluster\n  next: apply again later, or give --timeout more\n") {
		t.Errorf("output:\n%s", got)
	}
}

func TestApplyRefusesAFileBeforeItChangesAnything(t *testing.T) {
	w := newWorld(t)
	tests := map[string]struct{ file, want string }{
		"an unknown kind": {
			"jobQueues: []\njobs: []\n", `line 2: unknown key "jobs"`,
		},
		"an unknown key in the second document": {
			"jobQueues: []\n---\ncomputeEnvironments:\n- computeEnvironmentName: x\n  computeResources:\n    maxVcpus: 3\n",
			`line 6: unknown key "maxVcpus", did you mean "maxvCpus"?`,
		},
		"no name":                {"jobQueues:\n- priority: 1\n", `jobQueues[0] has no jobQueueName`},
		"two of the same":        {"jobQueues:\n- {jobQueueName: a}\n- {jobQueueName: a}\n", `there are two of queue/a`},
		"nothing":                {"# nothing\n", `there is nothing in it`},
		"a list where none goes": {"- jobQueueName: a\n", `line 1: a list where a mapping is wanted`},
	}
	for name, tt := range tests {
		w.in = tt.file
		got, _, _ := strings.Cut(w.fails(ExitUsage, "apply", "-f", "-"), "\n")
		same(t, name, got, "packhorse: standard input: "+tt.want)
	}
	if calls := w.server.Calls(); len(calls) > 0 {
		t.Errorf("the server was asked for %v, want nothing", calls)
	}
	w.in = "jobQueues:\n- {jobQueueName: a}\n"
	w.fails(ExitFailure, "apply", "-f", "-")
	if got := w.out.String(); !strings.HasSuffix(got, "queue/a: failed: priority is required\n") {
		t.Errorf("a queue without a priority:\n%s", got)
	}
}

func TestUnified(t *testing.T) {
	numbers := func(from, to int, without ...int) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			if !slices.Contains(without, i) {
				b.WriteString(strings.Repeat("x", i) + "\n")
			}
		}
		return b.String()
	}
	for name, tt := range map[string]struct{ old, new, want string }{
		"equal": {"a\n", "a\n", ""},
		"made":  {"", "a\nb\n", "--- o\n+++ n\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		"gone":  {"a\n", "", "--- o\n+++ n\n@@ -1 +0,0 @@\n-a\n"},
		"replaced": {
			"a\nb\nc\n", "a\nB\nc\n",
			"--- o\n+++ n\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n",
		},
		"two hunks": {
			numbers(1, 14), numbers(1, 14, 2, 13),
			"--- o\n+++ n\n@@ -1,5 +1,4 @@\n x\n-xx\n xxx\n xxxx\n xxxxx\n" +
				"@@ -10,5 +9,4 @@\n xxxxxxxxxx\n xxxxxxxxxxx\n xxxxxxxxxxxx\n-xxxxxxxxxxxxx\n xxxxxxxxxxxxxx\n",
		},
		"near ones are one hunk": {
			numbers(1, 8), numbers(1, 8, 2, 7),
			"--- o\n+++ n\n@@ -1,8 +1,6 @@\n x\n-xx\n xxx\n xxxx\n xxxxx\n xxxxxx\n-xxxxxxx\n xxxxxxxx\n",
		},
	} {
		same(t, name, unified("o", "n", tt.old, tt.new), tt.want)
	}
}
