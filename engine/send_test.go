package engine

import (
	"errors"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
)

// The sweep sends what compute does not know and nobody is sending. A task that was
// refused is not its business until the loop has dealt with that: were it sent again
// in between, and taken, the loop would then take the job from a task that runs.
func TestOutbox_busyUntilTheResultIsDealtWith(t *testing.T) {
	o := newOutbox(1)
	job := batch.Job{ID: "j", Placement: &batch.Placement{Task: "t"}}
	steps := []struct {
		name string
		do   func()
		want bool
	}{
		{"at first", func() {}, false},
		{"being sent", func() { o.claim("t") }, true},
		{"refused", func() { o.release(job, first, errors.New("no room")) }, true},
		{"dealt with", func() { o.takeFailed() }, false},
		{"sent again", func() { o.claim("t") }, true},
		{"taken", func() { o.release(job, first, nil) }, false},
	}
	for _, step := range steps {
		step.do()
		if got := o.busy()["t"]; got != step.want {
			t.Errorf("%s: busy = %v, want %v", step.name, got, step.want)
		}
	}
}

// A task that ends while it is being sent is forgotten after the call and not before, and
// what the call said is nobody's business any more.
func TestOutbox_forgetsNothingThatIsBeingSent(t *testing.T) {
	o := newOutbox(1)
	job := batch.Job{ID: "j", Placement: &batch.Placement{Task: "t"}}
	if !o.mayForget("t") {
		t.Error("a task that nobody sends may not be forgotten")
	}
	o.claim("t")
	if o.mayForget("t") {
		t.Error("a task may be forgotten while it is being sent")
	}
	if !o.release(job, first, errors.New("no room")) {
		t.Error("after the call nobody is told to forget the task")
	}
	if failed := o.takeFailed(); len(failed) != 0 {
		t.Errorf("a task whose end is recorded is to be dealt with: %v", failed)
	}
	if o.claim("t"); o.release(job, first, nil) {
		t.Error("a task that has not ended is to be forgotten")
	}
}
