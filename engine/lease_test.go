package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

func TestOnlyOneWorksAtATime(t *testing.T) {
	w := newWorld(t, minute, nil)
	inside, runs := 0, 0
	ran, err := w.Engine.Alone(t.Context(), "all", "first", time.Minute, func(ctx context.Context) error {
		inside++
		runs++
		if runs == 1 {
			for range 3 { // they come while the first works
				ran, err := w.Engine.Alone(ctx, "all", "second", time.Minute, func(context.Context) error {
					t.Error("a second one works meanwhile")
					return nil
				})
				if ran || err != nil {
					t.Errorf("the second one: %v, %v, want it turned away", ran, err)
				}
			}
		}
		inside--
		return nil
	})
	if !ran || err != nil || inside != 0 {
		t.Fatalf("Alone = %v, %v", ran, err)
	}
	if runs != 2 {
		t.Errorf("the holder worked %d times, want once more for all who came meanwhile", runs)
	}
	lease, err := w.Records.Lease(t.Context(), "all")
	if w.must(err); lease.Held(w.now) || lease.Fence != 1 {
		t.Errorf("lease = %+v, want it free", lease)
	}
}

func TestALeaseThatRanOutIsTakenOver(t *testing.T) {
	w := newWorld(t, minute, nil)
	_, err := w.Engine.Alone(t.Context(), "all", "stuck", time.Minute, func(ctx context.Context) error {
		w.now = w.now.Add(2 * time.Minute)
		ran, err := w.Engine.Alone(ctx, "all", "next", time.Minute, func(context.Context) error { return nil })
		if !ran || err != nil {
			t.Errorf("Alone after the lease ran out = %v, %v; want it to run", ran, err)
		}
		return nil
	})
	w.must(err)
	if lease, err := w.Records.Lease(t.Context(), "all"); err != nil || lease.Fence != 2 {
		t.Errorf("lease = %+v, %v; want fence 2", lease, err)
	}
}

func TestAnErrorFreesTheLease(t *testing.T) {
	w := newWorld(t, minute, nil)
	broken := errors.New("broken")
	if _, err := w.Engine.Alone(t.Context(), "all", "a", time.Minute, func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("Alone = %v, want %v", err, broken)
	}
	if ran, err := w.Engine.Alone(t.Context(), "all", "b", time.Minute, func(context.Context) error { return nil }); !ran || err != nil {
		t.Errorf("the next one: %v, %v, want it to run", ran, err)
	}
}

// Whatever comes is seen by work that begins later, however the calls fall.
func TestNoWishIsLost(t *testing.T) {
	table := mem.Open()
	w := newWorld(t, minute, table)
	var mu sync.Mutex
	wishes, seen := 0, 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			mu.Lock()
			wishes++
			mu.Unlock()
			_, err := w.Engine.Alone(t.Context(), "all", "x", time.Hour, func(context.Context) error {
				mu.Lock()
				seen = wishes
				mu.Unlock()
				return nil
			})
			if err != nil && !store.IsConflict(err) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if seen != wishes {
		t.Errorf("%d wishes, and the last work saw %d", wishes, seen)
	}
}
