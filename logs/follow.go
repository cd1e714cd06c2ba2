package logs

import (
	"context"
	"iter"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// pollEvery is how often a followed stream is looked at where the system does not
// tell of changes.
const pollEvery = time.Second

// Follow yields the events of a stream page by page as they are written, from a
// Forward token on ("" is the beginning of the stream), until the loop is left or
// ctx ends; then the last error is ctx.Err(). The Forward of the last page is
// where to go on. A stream that does not exist is ErrNoStream.
//
//	for page, err := range store.Follow(ctx, group, stream, "") {
//		if err != nil {
//			return err
//		}
//		show(page.Events)
//	}
//
// Events come within milliseconds on Linux, within a second elsewhere.
func (s *Store) Follow(ctx context.Context, group, stream, from string) iter.Seq2[EventsPage, error] {
	return func(yield func(EventsPage, error) bool) {
		path, err := logfile.Path(s.dir, group, stream)
		if err != nil {
			yield(EventsPage{}, err)
			return
		}
		// The watch begins before the first look, so that nothing is missed between.
		changes, err := watchFile(path)
		if err != nil {
			changes = poll{}
		}
		defer changes.close()
		for {
			page, err := s.Events(ctx, group, stream, EventsQuery{FromHead: true, Token: from})
			if err != nil {
				yield(EventsPage{}, err)
				return
			}
			from = page.Forward
			if len(page.Events) > 0 {
				if !yield(page, nil) {
					return
				}
				continue
			}
			if err := changes.wait(ctx); err != nil {
				yield(EventsPage{}, err)
				return
			}
		}
	}
}

// changeWaiter waits for a file to change.
type changeWaiter interface {
	wait(ctx context.Context) error // ends with nil after a change, or with ctx.Err()
	close()
}

// poll is a changeWaiter that takes every second for a change.
type poll struct{}

func (poll) wait(ctx context.Context) error {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (poll) close() {}
