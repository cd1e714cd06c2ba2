package engine_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// Three hosts in a row that do not come make an environment INVALID. One that is READY by the
// answer to its launch, which was asked for again perhaps, has come too.
func TestAHostThatIsReadyAtOnceHasJoined(t *testing.T) {
	const never = 1000 * time.Hour
	tests := map[string]struct {
		boots []time.Duration // of one host after the other; later ones are READY at once
		want  types.CEStatus
	}{
		"three in a row":                     {[]time.Duration{never, never, never}, types.CEStatusInvalid},
		"two, one that is ready, and one":    {[]time.Duration{never, never, 0, never}, types.CEStatusValid},
		"two, one that comes later, and one": {[]time.Duration{never, never, time.Minute, never}, types.CEStatusValid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			w := newWorld(t, sim.Config{BootTime: func(*rand.Rand) time.Duration {
				if n++; n > len(test.boots) {
					return 0
				}
				return test.boots[n-1]
			}}, nil)
			for range test.boots {
				w.submit()
				w.advance(30 * time.Minute) // it has come, and gone again; or it has not
			}
			out, err := w.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{})
			w.must(err)
			if got := out.ComputeEnvironments[0].Status; got != test.want || n < len(test.boots) {
				t.Errorf("after %d launches it is %s, want %s after %d", n, got, test.want, len(test.boots))
			}
		})
	}
}

// A host that never came and cannot be ended at once is still one host.
func TestAHostThatNeverCameCountsOnceHoweverOftenItsEndIsTried(t *testing.T) {
	n := 0
	w := newWorld(t, sim.Config{BootTime: func(*rand.Rand) time.Duration {
		if n++; n == 1 {
			return 1000 * time.Hour
		}
		return 0
	}}, nil)
	h := w.hook()
	tries := 0
	h.terminate = func(ctx context.Context, id string) error {
		if tries++; tries <= 5 {
			return compute.ErrUnavailable
		}
		return w.sim.Terminate(ctx, id)
	}
	id := w.submit()
	w.advance(20 * time.Minute)
	w.wants(types.JobStatusSucceeded, id)
	out, err := w.DescribeComputeEnvironments(t.Context(), &awsbatch.DescribeComputeEnvironmentsInput{})
	w.must(err)
	if got := out.ComputeEnvironments[0]; got.Status != types.CEStatusValid || tries <= 5 {
		t.Errorf("after %d tries to end one host the environment is %s (%s), want VALID", tries, got.Status, text(got.StatusReason))
	}
}
