// Package pause waits, for whoever looks again and again at something that does not tell
// when it changes.
package pause

import (
	"context"
	"time"
)

// For waits d. It returns early when ctx ends, with the cause of that.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
