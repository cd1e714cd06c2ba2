package batch_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
)

const uuid = "018f3c1e-0000-7000-8000-0123456789ab"

func TestAChildsIDGoesThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index := rapid.IntRange(0, batch.MaxArraySize-1).Draw(t, "index")
		parent, got, ok := batch.SplitChild(batch.ChildID(uuid, index))
		if !ok || parent != uuid || got != index {
			t.Fatalf("SplitChild(ChildID(%d)) = %q, %d, %v", index, parent, got, ok)
		}
	})
}

func TestOnlyIDsThatChildIDMakesAreThoseOfChildren(t *testing.T) {
	for _, id := range []string{
		"", uuid, uuid + ":", uuid + ":x", uuid + ":-1", uuid + ":+1", uuid + ":01", uuid + ":00", uuid + ": 1",
		uuid + ":1 ", uuid + ":1:2", uuid + "#1", uuid + ":1000000", uuid + ":99999999999999999999", uuid + ":١",
	} {
		if parent, index, ok := batch.SplitChild(id); ok {
			t.Errorf("SplitChild(%q) = %q, %d; want no child", id, parent, index)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z]*:[0-9:]*`)).Draw(t, "id")
		if parent, index, ok := batch.SplitChild(id); ok && batch.ChildID(parent, index) != id {
			t.Fatalf("SplitChild(%q) = %q, %d, which is %q", id, parent, index, batch.ChildID(parent, index))
		}
	})
}

func TestATaskIsDerivedFromJobAndAttempt(t *testing.T) {
	seen := map[string]string{}
	for _, job := range []string{uuid, uuid + ":0", uuid + ":1", uuid + ":11"} {
		for attempt := 1; attempt <= 11; attempt++ {
			id := batch.TaskID(job, attempt)
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
				t.Fatalf("TaskID(%s, %d) = %q, want 32 hex digits", job, attempt, id)
			}
			if before, dup := seen[id]; dup {
				t.Errorf("attempt %d of %s has the task of %s", attempt, job, before)
			}
			seen[id] = job
			if again := batch.TaskID(job, attempt); again != id {
				t.Errorf("TaskID(%s, %d) = %s, then %s", job, attempt, id, again)
			}
		}
	}
}

func TestNameOf(t *testing.T) {
	for ref, want := range map[string]string{
		"q": "q",
		"arn:aws:batch:us-east-1:123456789012:job-queue/q":           "q",
		"arn:aws-cn:batch:cn-north-1:999999999999:job-queue/q":       "q",
		"arn:aws:batch:us-east-1:123456789012:compute-environment/q": "arn:aws:batch:us-east-1:123456789012:compute-environment/q",
		"arn:aws:batch:us-east-1:123456789012":                       "arn:aws:batch:us-east-1:123456789012",
		"arn:":                                                       "arn:",
		"":                                                           "",
	} {
		if got := batch.NameOf("job-queue", ref); got != want {
			t.Errorf("NameOf(job-queue, %q) = %q, want %q", ref, got, want)
		}
	}
	account := batch.Account{Region: "eu-west-1", ID: "123456789012"}
	for kind, name := range map[string]string{"job": uuid + ":7", "job-definition": "d:12"} {
		if got := batch.NameOf(kind, account.ARN(kind, name)); got != name {
			t.Errorf("NameOf(ARN of %s %s) = %q", kind, name, got)
		}
	}
}

func TestARNs(t *testing.T) {
	account := batch.Account{Region: "eu-west-1", ID: "123456789012"}
	if got, want := account.TaskARN(batch.Placement{Cluster: "ce_Batch_1", Task: "0a"}), "arn:aws:ecs:eu-west-1:123456789012:task/ce_Batch_1/0a"; got != want {
		t.Errorf("TaskARN = %s, want %s", got, want)
	}
	one, two := account.InstanceARN("c", "h1", ""), account.InstanceARN("c", "h2", "")
	if !strings.HasPrefix(one, "arn:aws:ecs:eu-west-1:123456789012:container-instance/c/") || one == two {
		t.Errorf("InstanceARN = %s and %s, want two of the cluster", one, two)
	}
}
