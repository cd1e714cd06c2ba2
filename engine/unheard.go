package engine

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// unheard is news of tasks that could not be recorded, because the disk was full for
// example. Compute tells them once, and the sweep that finds them again may be a
// minute away.
type unheard struct {
	news  []compute.News
	again time.Time // when they are tried again
}

// note keeps news for later.
func (u *unheard) note(status compute.TaskStatus, now time.Time) {
	u.news = append(u.news, compute.News{Task: &status})
	u.again = now.Add(retryEvery)
}

// hearAgain observes again what could not be recorded.
func (e *Engine) hearAgain(ctx context.Context, now time.Time) {
	if len(e.unheard.news) == 0 || now.Before(e.unheard.again) {
		return
	}
	news := e.unheard.news
	e.unheard.news = nil
	e.Observe(ctx, news)
}
