package engine

import (
	"context"
	"errors"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// maxRounds bounds how often Once looks again for what compute has not taken.
const maxRounds = 10

// Once makes passes until they find no more to do, waits until compute has been asked for
// all they decided, and returns when to look again by time alone: a pass for a function
// that lives for a moment. The engine should be a new one, for whatever it remembers may be
// out of date.
func (e *Engine) Once(ctx context.Context) (next time.Time, err error) {
	for range maxRounds {
		next = e.Turn(ctx)
		e.outbox.wait.Wait()
		if ctx.Err() != nil || !e.handleFailed(ctx) {
			break
		}
	}
	return next, ctx.Err()
}

// errUnheard says that news has to be told again.
var errUnheard = errors.New("some news could not be recorded: tell it again")

// Hear is Observe for such a function: it returns when all that follows from the news has
// been asked of compute, with an error if news of tasks could not be recorded. What is
// recorded already is recorded once, however often it is told.
func (e *Engine) Hear(ctx context.Context, news []compute.News) error {
	e.Observe(ctx, news)
	e.outbox.wait.Wait()
	if len(e.unheard.news) > 0 {
		return errUnheard
	}
	return ctx.Err()
}
