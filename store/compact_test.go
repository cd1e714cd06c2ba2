package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

const uuid = "018f3c1e-0000-7000-8000-0123456789ab"

// longest are jobs with the longest names there may be, as they are stored in the
// course of their life.
func longest() map[string]batch.Job {
	name := strings.Repeat("n", 128)
	placement := batch.Placement{
		Environment: name, Cluster: name + "_Batch_" + uuid, Host: uuid, Task: batch.TaskID(uuid, 10),
	}
	waits := batch.Job{
		ID: uuid + ":999999", Name: name, Queue: name, Definition: name + ":2147483647", Status: batch.Runnable,
		CreatedAt: 1767323045000, Need: batch.Resources{MilliVCPU: 448_000, MemoryMiB: 24_000_000, GPUs: 16},
		Arch: "x86_64", MaxAttempts: 10, TimeoutSeconds: 1_209_600, Attempts: 9, Retried: true,
	}
	runs := waits
	runs.Status, runs.StartedAt, runs.Attempts, runs.Placement = batch.Running, 1767323045000, 10, &placement
	ended := runs
	ended.Status, ended.StoppedAt, ended.Placement = batch.Failed, 1767323045000, nil
	ended.Reason = "Host EC2 (instance i-0123456789abcdef0) terminated."
	exit := int32(137)
	ended.Last = &batch.Attempt{Number: 10, Placement: placement, StartedAt: 1767323045000, StoppedAt: 1767323045000,
		ExitCode: &exit, StatusReason: ended.Reason, Reason: "OutOfMemoryError: Container killed due to memory usage"}
	array := waits
	array.ID, array.Status, array.Retried, array.Attempts = uuid, batch.Pending, false, 0
	array.Array = &batch.Array{Size: 1_000_000, Mode: batch.ArraySequential, Next: 500_000, Unstarted: 500_000,
		Closed: "Dependent Job failed: " + uuid, ClosedAt: 1767323045000,
		Counts: batch.Counts{Pending: 100_000, Runnable: 100_000, Starting: 100_000, Running: 100_000, Succeeded: 100_000, Failed: 500_000}}
	return map[string]batch.Job{"waits": waits, "runs": runs, "ended": ended, "is an array": array}
}

func TestTheStateOfAJobIsUnderAKiB(t *testing.T) {
	const unit = 1024 // bytes that one write unit of DynamoDB pays for
	records := store.New(mem.Open(), store.Options{TaskLookup: true})
	for what, job := range longest() {
		op := records.PutJob(job)
		if size := len(op.Item.Data); size > unit {
			t.Errorf("a job that %s takes %d bytes with the longest names, want at most %d: %s", what, size, unit, op.Item.Data)
		}
		job.Share = strings.Repeat("s", 255)
		if size := len(records.PutJob(job).Item.Data); size > unit+255+10 {
			t.Errorf("a job that %s takes %d bytes with the longest share", what, size)
		}
	}
}

// What is left out of a record is there again when it is read.
func TestAJobIsReadAsItWasWritten(t *testing.T) {
	jobs := longest()
	other := jobs["runs"]
	other.Placement = &batch.Placement{Environment: "ce", Cluster: "a-cluster-of-another-name", Task: "t"}
	jobs["runs elsewhere"] = other
	said := jobs["ended"]
	said.Reason = "enough"
	jobs["ended for another reason than its attempt"] = said
	never := jobs["waits"]
	never.Status, never.Reason, never.StoppedAt = batch.Failed, "enough", 7
	jobs["never ran"] = never
	for what, job := range jobs {
		records := store.New(mem.Open(), store.Options{})
		before := job
		if err := records.Write(t.Context(), records.PutJob(job)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, job); diff != "" {
			t.Errorf("%s: writing changed the job (-before +after):\n%s", what, diff)
		}
		got, err := records.Job(t.Context(), job.ID)
		job.Version = 1
		if diff := cmp.Diff(job, got); diff != "" || err != nil {
			t.Errorf("%s: %v, read back (-want +got):\n%s", what, err, diff)
		}
	}
}
