package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// A function that sweeps is a new process each minute. What it asks for and is refused has to
// be dealt with before it ends, for nobody else learns of it.
func TestASweepThatLivesForAMomentTakesBackWhatWasNeverStarted(t *testing.T) {
	r := newResending(t, 20*time.Second, time.Minute, failed)
	id := r.started()
	r.hear(r.host(id), compute.HostDraining)
	r.detach() // no pass is made any more, and no news heard
	for range 4 {
		r.now = r.now.Add(time.Minute)
		r.Home = r.open(r.Records.Table())
		r.must(r.Engine.SweepOnce(t.Context()))
	}
	r.wants(types.JobStatusRunnable, id)
}

func TestASweepThatLivesForAMomentEndsWithItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute, nil)
		w.atOnce = true
		h := w.hook()
		h.run = func(context.Context, compute.Task) error { return compute.ErrUnavailable }
		id := w.submit()
		w.advance(time.Second)
		synctest.Wait()
		w.wants(types.JobStatusStarting, id)
		through := false
		h.run = func(ctx context.Context, task compute.Task) error {
			time.Sleep(time.Second)
			through = true
			return w.sim.Run(ctx, task)
		}
		w.Home = w.open(w.Records.Table())
		w.must(w.Engine.SweepOnce(t.Context()))
		if !through {
			t.Error("the sweep has ended while a call that starts a task was under way")
		}
		synctest.Wait()
	})
}
