package store_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// A resource that is deleted and made anew starts again at version 1: what was kept
// of the former one must not be shown in its place.
func TestViewShowsTheResourceThatWasMadeAnew(t *testing.T) {
	records := store.New(mem.Open(), store.Options{})
	t.Cleanup(func() { _ = records.Table().Close() })
	ctx := t.Context()
	queue := func(priority int32) store.Queue {
		name := "q"
		return store.Queue{Detail: types.JobQueueDetail{JobQueueName: &name, Priority: &priority}}
	}
	for _, priority := range []int32{1, 2} {
		if err := records.Write(ctx, records.PutQueue(queue(priority))); err != nil {
			t.Fatal(err)
		}
		got, err := records.ViewQueue(ctx, "q")
		if err != nil || *got.Detail.Priority != priority {
			t.Errorf("ViewQueue of the queue with priority %d shows %d, %v", priority, *got.Detail.Priority, err)
		}
		if err := records.Write(ctx, records.DeleteQueue(got)); err != nil {
			t.Fatal(err)
		}
	}
}
