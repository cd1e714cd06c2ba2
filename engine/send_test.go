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
		{"refused", func() { o.release(job, errors.New("no room")) }, true},
		{"dealt with", func() { o.takeFailed() }, false},
		{"sent again", func() { o.claim("t") }, true},
		{"taken", func() { o.release(job, nil) }, false},
	}
	for _, step := range steps {
		step.do()
		if got := o.busy()["t"]; got != step.want {
			t.Errorf("%s: busy = %v, want %v", step.name, got, step.want)
		}
	}
}
