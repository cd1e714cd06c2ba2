package batch_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
)

// moves is what docs/state-machine.md draws. It is written out here a second time on
// purpose: a change of the table must be meant.
var moves = map[batch.Status][]batch.Status{
	batch.Submitted: {batch.Pending, batch.Runnable, batch.Failed},
	batch.Pending:   {batch.Runnable, batch.Failed},
	batch.Runnable:  {batch.Starting, batch.Failed},
	batch.Starting:  {batch.Running, batch.Runnable, batch.Succeeded, batch.Failed},
	batch.Running:   {batch.Runnable, batch.Succeeded, batch.Failed},
}

var parentMoves = map[batch.Status][]batch.Status{
	batch.Submitted: {batch.Pending, batch.Failed},
	batch.Pending:   {batch.Succeeded, batch.Failed},
}

func TestOnlyTheMovesOfTheTableAreMade(t *testing.T) {
	for kind, legal := range map[string]map[batch.Status][]batch.Status{"a plain job": moves, "an array": parentMoves} {
		for _, from := range batch.Statuses() {
			for _, to := range batch.Statuses() {
				job := batch.Job{ID: "j1", Status: from}
				if kind == "an array" {
					job.Array = &batch.Array{Size: 2}
				}
				got, err := job.Transition(to, "because", 5)
				if !slices.Contains(legal[from], to) {
					var refused *batch.TransitionError
					if !errors.As(err, &refused) || refused.From != from || refused.To != to || refused.JobID != "j1" {
						t.Errorf("%s from %s to %s: error %v, want a TransitionError that says so", kind, from, to, err)
					}
					continue
				}
				if err != nil || got.Status != to || got.Reason != "because" {
					t.Errorf("%s from %s to %s = %s (%s), %v", kind, from, to, got.Status, got.Reason, err)
				}
			}
		}
	}
}

func TestFinalStatesNeverChange(t *testing.T) {
	for _, s := range batch.Statuses() {
		want := s == batch.Succeeded || s == batch.Failed
		if batch.Final(s) != want {
			t.Errorf("Final(%s) = %v", s, !want)
		}
		if live := s == batch.Starting || s == batch.Running; batch.Live(s) != live {
			t.Errorf("Live(%s) = %v", s, !live)
		}
	}
}

// A job's life is any walk through the states.
func TestTransitionSetsTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := batch.Job{ID: "j1", Status: batch.Submitted, CreatedAt: 1}
		now := batch.Millis(1)
		const longest = 30
		for range rapid.IntRange(1, longest).Draw(t, "steps") {
			now += batch.Millis(rapid.IntRange(0, 1000).Draw(t, "pause"))
			to := rapid.SampledFrom(batch.Statuses()).Draw(t, "to")
			before := job
			next, err := job.Transition(to, "", now)
			if job != before {
				t.Fatalf("Transition changed the job it was called on")
			}
			if err != nil {
				if next != (batch.Job{}) {
					t.Fatalf("a refused Transition returned %+v", next)
				}
				continue
			}
			job = next
			if batch.Final(job.Status) != (job.StoppedAt != 0) {
				t.Fatalf("%s has StoppedAt %d", job.Status, job.StoppedAt)
			}
			if batch.Final(job.Status) && job.StoppedAt != now {
				t.Fatalf("%s at %d has StoppedAt %d", job.Status, now, job.StoppedAt)
			}
			if job.Status == batch.Running && job.StartedAt == 0 {
				t.Fatalf("RUNNING without StartedAt")
			}
			if job.StartedAt != 0 && job.StoppedAt != 0 && job.StartedAt > job.StoppedAt {
				t.Fatalf("stopped at %d, before the start at %d", job.StoppedAt, job.StartedAt)
			}
		}
	})
}

func TestTransitionKeepsAStartThatNewsToldEarlier(t *testing.T) {
	job, err := batch.Job{Status: batch.Starting, StartedAt: 7}.Transition(batch.Running, "", 9)
	if err != nil || job.StartedAt != 7 {
		t.Errorf("StartedAt = %d, %v; want 7, as it was", job.StartedAt, err)
	}
}
