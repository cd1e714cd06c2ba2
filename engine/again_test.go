package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// The answer of a call that started a task is lost, so the task is asked for again, and
// that call takes longer than the task. Compute knows a task by its id until it forgets it;
// were that before the call arrives, the task would start once more.
func TestATaskThatIsAskedForAgainWhileItEndsRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := minute
		cfg.PullAndStart = sim.Constant(20 * time.Second)
		w := newWorld(t, cfg, nil)
		w.atOnce = true
		calls, slow := 0, make(chan struct{})
		h := w.hook()
		h.run = func(ctx context.Context, task compute.Task) error {
			switch calls++; calls {
			case 1:
				w.must(w.sim.Run(ctx, task))
				return compute.ErrUnavailable
			case 2:
				<-slow
			}
			return w.sim.Run(ctx, task)
		}
		// pass lets time pass until only the slow call is under way.
		pass := func(d time.Duration) {
			w.advance(d)
			synctest.Wait()
		}
		id := w.submit()
		for range 10 { // it starts, and nobody learns of it; then it is asked for again
			pass(time.Second)
		}
		if calls != 2 {
			t.Fatalf("the task was asked for %d times, want the second call under way", calls)
		}
		w.wants(types.JobStatusStarting, id)
		pass(2 * time.Minute)
		w.wants(types.JobStatusSucceeded, id)
		close(slow)
		synctest.Wait()
		pass(2 * time.Minute)
		l := w.sim.Ledger()
		if l.TasksStarted != 1 {
			t.Errorf("the task started %d times, want once", l.TasksStarted)
		}
		if l.TasksKnown != 0 {
			t.Errorf("compute still knows %d tasks", l.TasksKnown)
		}
		w.check()
	})
}
