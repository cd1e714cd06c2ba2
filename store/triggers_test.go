package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

func aTrigger(name string) store.Trigger {
	return store.Trigger{ID: "id-" + name, CreatedAt: 5, Rule: batch.Trigger{
		Name: name, Bucket: "incoming", Prefix: "in/", Suffix: ".gz", Events: []string{"s3:ObjectCreated:*"},
		JobQueue: "q", JobDefinition: "d", Parameters: map[string]string{"key": "{key}"},
		Environment: []types.KeyValuePair{{Name: new("KEY"), Value: new("{key}")}}, Command: []string{"run"},
		ShareIdentifier: "s", Tags: map[string]string{"team": "a"},
	}}
}

func TestATriggerIsReadAsItWasWritten(t *testing.T) {
	b := open(t)
	want := aTrigger("ingest")
	b.write(b.PutTrigger(want))
	got, err := b.Trigger(b.ctx, "ingest")
	b.must(err)
	want.Version = 1
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(types.KeyValuePair{})); d != "" {
		t.Errorf("Trigger (-want +got):\n%s", d)
	}
}

func TestTriggersHaveNamesOfTheirOwn(t *testing.T) {
	b := open(t)
	b.write(b.PutTrigger(aTrigger("b")), b.PutTrigger(aTrigger("a")))
	if err := b.Write(b.ctx, b.PutTrigger(aTrigger("a"))); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second trigger of the name a = %v, want ErrConflict", err)
	}
	all, err := b.Triggers(b.ctx)
	b.must(err)
	var names []string
	for _, t := range all {
		names = append(names, t.Name())
	}
	if d := cmp.Diff([]string{"a", "b"}, names); d != "" {
		t.Errorf("Triggers (-want +got):\n%s", d)
	}
	b.write(b.DeleteTrigger(all[0])...)
	if _, err := b.Trigger(b.ctx, "a"); !store.IsNotFound(err) {
		t.Errorf("after its deletion Trigger = %v, want ErrNotFound", err)
	}
	if _, err := b.Trigger(b.ctx, ""); !store.IsNotFound(err) {
		t.Errorf("Trigger of no name = %v, want ErrNotFound", err)
	}
}

func TestCountsOfATriggerAreInParts(t *testing.T) {
	b := open(t)
	b.write(b.PutTrigger(aTrigger("a")), b.PutTrigger(aTrigger("b")))
	none, err := b.TriggerCount(b.ctx, "id-a", 3)
	b.must(err)
	if d := cmp.Diff(store.TriggerCount{Trigger: "id-a", Shard: 3}, none); d != "" {
		t.Errorf("before anything is counted (-want +got):\n%s", d)
	}
	failure := &batch.TriggerFailure{At: 8, Object: "s3://incoming/in/a.gz", Reason: "no queue", DeadLetter: "dl"}
	part := store.TriggerCount{Trigger: "id-a", Shard: 3, Submitted: 1, Repeated: 2, Failed: 3, LastSubmittedAt: 9, LastJobID: "j1", LastFailure: failure}
	other := store.TriggerCount{Trigger: "id-a", Shard: 15, Submitted: 5}
	foreign := store.TriggerCount{Trigger: "id-b", Shard: 0, Submitted: 7}
	b.write(b.PutTriggerCount(part), b.PutTriggerCount(other), b.PutTriggerCount(foreign))
	part.Version, other.Version, foreign.Version = 1, 1, 1
	for id, want := range map[string][]store.TriggerCount{"id-a": {part, other}, "": {part, other, foreign}, "id": nil} {
		got, err := b.TriggerCounts(b.ctx, id)
		b.must(err)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("TriggerCounts(%q) (-want +got):\n%s", id, d)
		}
	}
	if err := b.Write(b.ctx, b.PutTriggerCount(store.TriggerCount{Trigger: "id-a", Shard: 3})); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a part that was not read = %v, want ErrConflict", err)
	}
	rule, err := b.Trigger(b.ctx, "a")
	b.must(err)
	b.write(b.DeleteTrigger(rule)...)
	left, err := b.TriggerCounts(b.ctx, "")
	b.must(err)
	if d := cmp.Diff([]store.TriggerCount{foreign}, left); d != "" {
		t.Errorf("after the trigger's deletion (-want +got):\n%s", d)
	}
}

func aDeadLetter(id string, at batch.Millis) store.DeadLetter {
	return store.DeadLetter{Detail: batch.DeadLetter{
		ID: id, Trigger: "ingest", Reason: "no queue", Attempts: 1, FirstAt: at, LastAt: at,
		ExpiresAt: at.Add(store.DeadLetterRetention),
		Event:     batch.S3Event{Kind: "s3:ObjectCreated:Put", Bucket: "incoming", Key: "in/ä b.gz", Size: new(int64(5))},
	}}
}

func TestDeadLettersAreListedLatestFirst(t *testing.T) {
	b := open(t)
	b.write(b.PutDeadLetter(aDeadLetter("x", 1000)), b.PutDeadLetter(aDeadLetter("y", 3000)), b.PutDeadLetter(aDeadLetter("z", 2000)))
	again, err := b.DeadLetter(b.ctx, "x")
	b.must(err)
	again.Detail.Attempts, again.Detail.LastAt = 2, 4000
	b.write(b.PutDeadLetter(again))

	var ids []string
	after := ""
	for {
		page, err := b.DeadLetters(b.ctx, 2, after)
		b.must(err)
		for _, d := range page.DeadLetters {
			ids = append(ids, d.Detail.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if d := cmp.Diff([]string{"x", "y", "z"}, ids); d != "" {
		t.Errorf("DeadLetters (-want +got):\n%s", d)
	}
	b.write(b.DeleteDeadLetter("y"), b.DeleteDeadLetter("never"))
	if _, err := b.DeadLetter(b.ctx, "y"); !store.IsNotFound(err) {
		t.Errorf("after its deletion DeadLetter = %v, want ErrNotFound", err)
	}
}

func TestADeadLetterIsKeptFor14Days(t *testing.T) {
	table := mem.Open()
	b := over(t, table)
	made := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b.write(b.PutDeadLetter(aDeadLetter("x", batch.MillisOf(made))))
	for _, test := range []struct {
		after time.Duration
		gone  int
	}{{13 * 24 * time.Hour, 0}, {14*24*time.Hour + time.Minute, 1}} {
		gone, err := table.Purge(b.ctx, made.Add(test.after), 10)
		b.must(err)
		if gone != test.gone {
			t.Errorf("Purge after %v removes %d, want %d", test.after, gone, test.gone)
		}
	}
}

// A message of a queue may come again after days.
func TestACallIsRememberedAsLongAsItsCallerAsks(t *testing.T) {
	table := mem.Open()
	b := over(t, table)
	made := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b.write(b.PutOnceFor("long", "j1", made, 15*24*time.Hour), b.PutOnceFor("short", "j2", made, time.Second), b.PutOnce("sdk", "j3", made))
	for _, test := range []struct {
		after time.Duration
		known map[string]bool
	}{
		{30 * time.Minute, map[string]bool{"long": true, "short": true, "sdk": true}},
		{14 * 24 * time.Hour, map[string]bool{"long": true}},
		{16 * 24 * time.Hour, nil},
	} {
		_, err := table.Purge(b.ctx, made.Add(test.after), 10)
		b.must(err)
		for _, call := range []string{"long", "short", "sdk"} {
			if _, err := b.Once(b.ctx, call); (err == nil) != test.known[call] {
				t.Errorf("after %v, Once(%q) = %v, want it known: %v", test.after, call, err, test.known[call])
			}
		}
	}
}
