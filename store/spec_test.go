package store_test

import (
	"fmt"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

func specOf(parameter string) store.Spec {
	return store.Spec{
		Request:    &awsbatch.SubmitJobInput{JobName: new("j"), Parameters: map[string]string{"p": parameter}},
		Definition: "d:1", Tags: map[string]string{"k": "v"},
	}
}

func TestASpecIsKeptWithTheStateWhileItIsShort(t *testing.T) {
	tests := map[string]struct {
		parameter string
		items     int
	}{
		"short":          {"x", 1},
		"with line ends": {"a\nb\r\n\n", 1},
		"long":           {strings.Repeat("x", 1000), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			ops := b.PutNewJob(runnable("j1", 5), specOf(test.parameter))
			if len(ops) != test.items {
				t.Errorf("a new job is %d items, want %d", len(ops), test.items)
			}
			b.write(ops...)

			job, err := b.Job(b.ctx, "j1")
			b.must(err)
			job.Status = batch.Starting // a transition takes it along
			b.write(b.PutJob(job))

			got, err := b.Spec(b.ctx, "j1")
			b.must(err)
			if *got.Request.JobName != "j" || got.Request.Parameters["p"] != test.parameter || got.Definition != "d:1" || got.Tags["k"] != "v" {
				t.Errorf("Spec = %+v", got)
			}
			again, err := b.Job(b.ctx, "j1")
			b.must(err)
			of, err := b.SpecOf(b.ctx, again)
			b.must(err)
			if of.Request.Parameters["p"] != test.parameter {
				t.Errorf("SpecOf = %+v", of)
			}
			child, err := b.SpecOf(b.ctx, batch.Job{ID: "j1:7"})
			b.must(err)
			if child.Request.Parameters["p"] != test.parameter {
				t.Errorf("SpecOf a child = %+v, want that of its array", child)
			}
		})
	}
}

// Tags change what is kept with the state, and neither loses what the other wrote.
func TestTagsOfASpecThatIsKeptWithTheState(t *testing.T) {
	b := open(t)
	b.write(b.PutNewJob(runnable("j1", 5), specOf("x"))...)
	before, err := b.Job(b.ctx, "j1")
	b.must(err)
	spec, err := b.Spec(b.ctx, "j1")
	b.must(err)
	spec.Tags = map[string]string{"k": strings.Repeat("w", 256)}
	b.write(b.PutSpec("j1", spec))

	after, err := b.Job(b.ctx, "j1")
	b.must(err)
	after.Submitted, after.Version = before.Submitted, before.Version
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("tagging changed the state (-before +after):\n%s", diff)
	}
	if got, err := b.Spec(b.ctx, "j1"); err != nil || got.Tags["k"] != spec.Tags["k"] {
		t.Errorf("Spec = %+v, %v, want the new tag", got, err)
	}
	for name, op := range map[string]store.Op{"tags": b.PutSpec("j1", spec), "a transition": b.PutJob(before)} {
		if err := b.Write(b.ctx, op); !store.IsConflict(err) {
			t.Errorf("%s over what was read before = %v, want a conflict", name, err)
		}
	}
}

// Reading what a job runs costs one item.
func TestASpecOfAJobThatWasReadIsNotReadAgain(t *testing.T) {
	table := storetest.Faulty(mem.Open(), func(storetest.Call) storetest.Fault { return storetest.None })
	b := over(t, table)
	for i, parameter := range []string{"x", strings.Repeat("x", 1000)} {
		id := fmt.Sprint("j", i)
		b.write(b.PutNewJob(runnable(id, 5), specOf(parameter))...)
		job, err := b.Job(b.ctx, id)
		b.must(err)
		calls := table.Calls()
		_, err = b.SpecOf(b.ctx, job)
		b.must(err)
		if got := table.Calls() - calls; got != i {
			t.Errorf("SpecOf a job with a parameter of %d bytes made %d calls, want %d", len(parameter), got, i)
		}
	}
}
