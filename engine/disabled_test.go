package engine_test

import (
	"context"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// meddled is a table in which something happens just before a front is read.
type meddled struct {
	store.Table
	meddle func()
}

func (m *meddled) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if meddle := m.meddle; meddle != nil && q.Ordering == store.OrderReady {
		m.meddle = nil
		meddle()
	}
	return m.Table.Query(ctx, q)
}

// Whoever disables an environment and then submits a job may rely on it, also when a
// pass is under way that looked at the environment before.
func TestAJobMeetsItsEnvironmentAsItWasWhenSubmitted(t *testing.T) {
	table := &meddled{Table: mem.Open()}
	w := newWorld(t, minute, table)
	w.submit()
	w.advance(2 * time.Minute) // leaves a host that is idle
	var late string
	table.meddle = func() {
		_, err := w.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{
			ComputeEnvironment: ptr("ce"), State: types.CEStateDisabled,
		})
		w.must(err)
		late = w.submit()
	}
	w.advance(time.Second)
	w.wants(types.JobStatusRunnable, late)
	w.check()
}
