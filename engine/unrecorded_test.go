package engine_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// A disk that was full for a while costs seconds, not the time until the next sweep:
// none comes in these tests.
func TestWhatCouldNotBeRecordedIsTriedAgainSoon(t *testing.T) {
	const soon = 5 * time.Second
	// tight is a world whose disk is full while *full is true.
	tight := func(t *testing.T) (w *world, full *bool) {
		full = new(bool)
		return newWorld(t, minute, storetest.Faulty(mem.Open(), func(c storetest.Call) storetest.Fault {
			if *full && c.Method == "Write" {
				return storetest.Before
			}
			return storetest.None
		})), full
	}
	t.Run("the end of a task", func(t *testing.T) {
		w, full := tight(t)
		id := w.submit()
		w.advance(30 * time.Second)
		*full = true
		w.advance(2 * time.Minute)
		w.wants(types.JobStatusRunning, id)
		*full = false
		w.advance(soon)
		w.wants(types.JobStatusSucceeded, id)
		w.check()
	})
	t.Run("a placement", func(t *testing.T) {
		w, full := tight(t)
		first := w.submit() // on a host with room for more
		w.advance(10 * time.Second)
		w.wants(types.JobStatusRunning, first)
		second := w.submit()
		*full = true
		w.advance(20 * time.Second)
		w.wants(types.JobStatusRunnable, second)
		*full = false
		w.advance(soon)
		w.wants(types.JobStatusRunning, second)
		w.check()
	})
}
