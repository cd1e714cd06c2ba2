package home

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/packhorse-batch/packhorse/internal/pause"
)

// A change that lost to another writer waits for a random part of firstPause, twice that
// the next time, and so on up to maxPause: of a hundred functions that each end a child
// of one array, all get their turn.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// pauseAfter waits before the try after the n-th that lost, or until ctx ends.
func pauseAfter(ctx context.Context, n int) {
	longest := min(maxPause, firstPause<<min(n-1, 10))
	_ = pause.For(ctx, time.Duration(rand.Int64N(int64(longest))))
}

// settle waits until what other processes have read before is kept no longer.
func settle(recentFor time.Duration) func(context.Context) {
	if recentFor == 0 {
		return nil
	}
	return func(ctx context.Context) { _ = pause.For(ctx, recentFor) }
}
