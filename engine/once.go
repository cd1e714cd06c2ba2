package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// maxLinger is how long Once waits, in all, for what is due within retryEvery: what compute
// did not take is offered again then. Otherwise that would wait for the schedule, which
// comes each minute.
const maxLinger = 15 * time.Second

// Once makes passes until they find no more to do and compute has been asked for all they
// decided, and returns when to look again by time alone: a pass for a function that lives
// for a moment. What compute did not take is tried again for a while. The engine should be
// a new one, for whatever it remembers may be out of date.
func (e *Engine) Once(ctx context.Context) (next time.Time, err error) {
	for lingered := time.Duration(0); ; {
		next = e.Turn(ctx)
		e.outbox.wait.Wait()
		if ctx.Err() != nil {
			return next, ctx.Err()
		}
		if e.handleFailed(ctx) {
			continue // with its next try in unsent
		}
		pause := max(0, next.Sub(e.Now()))
		if lingered += pause; next.IsZero() || pause > retryEvery || lingered > maxLinger {
			return next, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return next, ctx.Err()
		}
	}
}

// SweepOnce is Sweep for such a function: it returns when compute has been asked for all that
// the sweep found, and what compute refused is dealt with. What it could not take now is left
// to the next sweep. It fails only where ctx has ended before that.
func (e *Engine) SweepOnce(ctx context.Context) error {
	e.Sweep(ctx)
	e.outbox.wait.Wait()
	e.handleFailed(ctx)
	e.outbox.wait.Wait() // what follows from that
	return ctx.Err()
}

// UnheardError names tasks of which news could not be recorded: it has to be told again.
type UnheardError struct{ Tasks []string }

func (e *UnheardError) Error() string {
	return fmt.Sprintf("news of %d tasks could not be recorded: tell it again", len(e.Tasks))
}

// Hear is Observe for such a function: it returns when all that follows from the news has
// been asked of compute, with an *UnheardError if news of tasks could not be recorded. What
// is recorded already is recorded once, however often it is told.
func (e *Engine) Hear(ctx context.Context, news []compute.News) error {
	e.Observe(ctx, news)
	e.outbox.wait.Wait()
	e.saveSomeRuns(ctx, e.Now())
	if ctx.Err() != nil || len(e.unheard.news) == 0 {
		return ctx.Err() // what was recorded by its end is not known
	}
	unheard := &UnheardError{}
	for _, n := range e.unheard.news {
		unheard.Tasks = append(unheard.Tasks, n.Task.ID)
	}
	return unheard
}
