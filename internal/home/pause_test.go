package home

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPauseGrowsToABoundAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, most := range map[int]time.Duration{1: firstPause, 3: 4 * firstPause, 8: maxPause, 1000: maxPause} {
			for range 100 {
				start := time.Now()
				pauseAfter(t.Context(), n)
				if took := time.Since(start); took > most {
					t.Errorf("pauseAfter(%d) took %v, want at most %v", n, took, most)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		pauseAfter(ctx, 1000)
		if took := time.Since(start); took != 0 {
			t.Errorf("pauseAfter with an ended context took %v", took)
		}
	})
}
