package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

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
