package home

import (
	"context"
	"math/rand/v2"
	"time"
)

// A change that lost to another writer waits for a random part of firstPause, twice that
// the next time, and so on up to maxPause: of a hundred functions that each end a child
// of one array, all get their turn.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// pause waits before the try after the n-th that lost, or until ctx ends.
func pause(ctx context.Context, n int) {
	longest := min(maxPause, firstPause<<min(n-1, 10))
	wait(ctx, time.Duration(rand.Int64N(int64(longest))))
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// settle waits until what other processes have read before is kept no longer.
func settle(recentFor time.Duration) func(context.Context) {
	if recentFor == 0 {
		return nil
	}
	return func(ctx context.Context) { wait(ctx, recentFor) }
}
