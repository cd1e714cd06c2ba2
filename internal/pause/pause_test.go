package pause_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packhorse-batch/packhorse/internal/pause"
)

func TestForWaitsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := pause.For(t.Context(), time.Hour); err != nil {
			t.Errorf("For = %v, want nil", err)
		}
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("it waited %v, want an hour", waited)
		}
	})
}

func TestForEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupted := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(interrupted) })
		if err := pause.For(ctx, time.Hour); !errors.Is(err, interrupted) {
			t.Errorf("For = %v, want the cause of the end: %v", err, interrupted)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("it waited %v, want a minute", waited)
		}
	})
}
