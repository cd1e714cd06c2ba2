package batch_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
)

// Children walk through their states, each counted as it goes.
func TestCountsAddUpAndAreNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		children := make([]batch.Job, size)
		var counts batch.Counts
		counts.Move("", batch.Pending, size)
		for i := range children {
			children[i].Status = batch.Pending
		}
		for range rapid.IntRange(0, 100).Draw(t, "steps") {
			child := &children[rapid.IntRange(0, size-1).Draw(t, "child")]
			next, err := child.Transition(rapid.SampledFrom(batch.Statuses()).Draw(t, "to"), "", 1)
			if err != nil {
				continue
			}
			counts.Move(child.Status, next.Status, 1)
			*child = next
		}
		sum := 0
		for _, s := range batch.Statuses() {
			n := counts.Get(s)
			have := 0
			for _, c := range children {
				if c.Status == s {
					have++
				}
			}
			if n != have {
				t.Fatalf("%d children are %s, counted are %d", have, s, n)
			}
			sum += n
		}
		if sum != size || counts.Ended() != counts.Succeeded+counts.Failed {
			t.Fatalf("%+v adds up to %d of %d", counts, sum, size)
		}
	})
}

func TestUnstartedChildrenHaveTheStatusOfTheirArray(t *testing.T) {
	for name, test := range map[string]struct {
		waitsFor int
		array    batch.Array
		want     batch.Status
	}{
		"of a plain array they wait for a host":               {0, batch.Array{}, batch.Runnable},
		"behind a dependency of the array they are pending":   {1, batch.Array{}, batch.Pending},
		"of a SEQUENTIAL array they wait for their turn":      {0, batch.Array{Mode: batch.ArraySequential}, batch.Pending},
		"of an N_TO_N array they wait for their counterpart":  {0, batch.Array{Mode: batch.ArrayNToN}, batch.Pending},
		"of a closed array they have failed":                  {0, batch.Array{Closed: "enough"}, batch.Failed},
		"of a closed array that also waits, they have failed": {2, batch.Array{Mode: batch.ArrayNToN, Closed: "enough"}, batch.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			job := batch.Job{WaitsFor: test.waitsFor, Array: &test.array}
			if got := job.UnstartedStatus(); got != test.want {
				t.Errorf("UnstartedStatus = %s, want %s", got, test.want)
			}
		})
	}
}
